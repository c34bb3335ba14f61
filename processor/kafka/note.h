/**
 * note - the detour.* headers of dead letters and diverted records (design section 8).
 *
 * All UTF-8 text, added after the original headers; earlier detour.* headers of the
 * record (a replayed dead letter) are replaced, all others kept byte for byte. With
 * is_connect, earlier __connect.errors.* count as ours too, so that a replay does not
 * pile them up. No payload text, personal data or secret: `error` is our words, cut at
 * 512 bytes, as are event id and type. What is absent or not UTF-8 has no header.
 */
#ifndef KAFKA_NOTE_H
#define KAFKA_NOTE_H

#include <librdkafka/rdkafka.h>

#include "base/buf.h"
#include "event/verdict.h"

/* The names, for writers and readers alike. */
enum note_field {
    NOTE_REASON,
    NOTE_ERROR,
    NOTE_DESTINATION,
    NOTE_ROUTE,
    NOTE_LEG,
    NOTE_EVENT_ID,
    NOTE_EVENT_TYPE,
    NOTE_OUTCOME,
    NOTE_HTTP_STATUS,
    NOTE_CODE,
    NOTE_REQUEST_ID,
    NOTE_ATTEMPTS,
    NOTE_OUTAGE,
    NOTE_REPLAYS,
    NOTE_AT,
    NOTE_SOURCE_TOPIC,
    NOTE_SOURCE_PARTITION,
    NOTE_SOURCE_OFFSET,
    NOTE_SOURCE_TIMESTAMP,
    NOTE_MENDED,
    NOTE_PART,
    NOTE_PART_OF,
    NOTE_INSTANCE,
    NOTE_CONNECT_TOPIC,
    NOTE_CONNECT_PARTITION,
    NOTE_CONNECT_OFFSET,
    NOTE_CONNECT_CONNECTOR_NAME,
    NOTE_CONNECT_TASK_ID,
    NOTE_CONNECT_STAGE,
    NOTE_CONNECT_CLASS_NAME,
    NOTE_CONNECT_EXCEPTION_CLASS_NAME,
    NOTE_CONNECT_EXCEPTION_MESSAGE,
    NOTE_FIELD_COUNT,
};
/** "detour.reason", ..., "__connect.errors.exception.message". */
const char *note_name(enum note_field field);

struct note {
    enum reason reason;
    struct span error;
    struct span destination; /* absent: no such header; the same for every span here */
    struct span route;
    struct span leg; /* the name of its primary */
    struct span event_id;
    struct span event_type;
    enum outcome outcome;
    int http_status; /* 0: no header */
    bool has_code;
    int32_t code;
    struct span request_id;
    uint32_t attempts;
    struct span outage;
    uint32_t replays;
    int64_t at_ms; /* wall */
    struct span source_topic;
    int32_t source_partition;
    int64_t source_offset;
    int64_t source_timestamp_ms; /* -1: the record has none, no header */
    struct span mended; /* what of the record had to be changed so that its topic takes it */
    struct span instance;
    bool is_connect;   /* also __connect.errors.* */
    struct span group; /* for Connect's connector.name */
    uint32_t worker;   /* for Connect's task.id */
};

/** New headers: @original (may be NULL) then ours. */
NODISCARD rd_kafka_headers_t *note_headers(const rd_kafka_headers_t *original,
                                           const struct note *note);
/** New headers of a record whose first destination a topic is: @original (may be NULL), and where
 * it stood (source.*) and what was mended in place of headers of these names. */
NODISCARD rd_kafka_headers_t *note_copy_headers(const rd_kafka_headers_t *original,
                                                const struct note *note);
/** The headers of @original that are kept, as JSON: [{"name": "a", "value": BASE64 or null}, ...];
 * a name that is not UTF-8 is "name_base64". */
void note_headers_text(const rd_kafka_headers_t *original, bool is_connect, struct buf *out);
/** What @headers (may be NULL) take in a record, about. */
size_t note_bytes(const rd_kafka_headers_t *headers);
/** Value of the last header of that name; SPAN_NONE when absent. */
struct span note_header_get(const rd_kafka_headers_t *headers, const char *name);

#endif /* KAFKA_NOTE_H */
