/**
 * headers - the detour.* headers of dead letters, diverted records and copies.
 *
 * All values are UTF-8 text, after the original headers. Earlier detour.* headers of the record (a
 * replayed dead letter) are replaced; all others are kept byte for byte. With is_connect earlier
 * __connect.errors.* headers are replaced too, so that a replay does not add them again. No header
 * holds a payload, personal data or a secret: `error` is text of detour, cut at 512 bytes, as are
 * event id and type. A value that is absent or not UTF-8 has no header.
 *
 * Owns nothing: the caller destroys the headers that are made here. No state; any thread. Nothing
 * here fails; a header that cannot be read ends the list of those that are copied.
 */
#ifndef KAFKA_HEADERS_H
#define KAFKA_HEADERS_H

#include <librdkafka/rdkafka.h>

#include "base/buf.h"
#include "event/verdict.h"

/* The names of all headers. */
enum header_field {
    HEADER_REASON,
    HEADER_ERROR,
    HEADER_DESTINATION,
    HEADER_ROUTE,
    HEADER_LEG,
    HEADER_EVENT_ID,
    HEADER_EVENT_TYPE,
    HEADER_OUTCOME,
    HEADER_HTTP_STATUS,
    HEADER_CODE,
    HEADER_REQUEST_ID,
    HEADER_ATTEMPTS,
    HEADER_OUTAGE,
    HEADER_REPLAYS,
    HEADER_AT,
    HEADER_SOURCE_TOPIC,
    HEADER_SOURCE_PARTITION,
    HEADER_SOURCE_OFFSET,
    HEADER_SOURCE_TIMESTAMP,
    HEADER_MENDED,
    HEADER_PART,
    HEADER_PART_OF,
    HEADER_INSTANCE,
    HEADER_CONNECT_TOPIC,
    HEADER_CONNECT_PARTITION,
    HEADER_CONNECT_OFFSET,
    HEADER_CONNECT_CONNECTOR_NAME,
    HEADER_CONNECT_TASK_ID,
    HEADER_CONNECT_STAGE,
    HEADER_CONNECT_CLASS_NAME,
    HEADER_CONNECT_EXCEPTION_CLASS_NAME,
    HEADER_CONNECT_EXCEPTION_MESSAGE,
    HEADER_FIELD_COUNT,
};
/** "detour.reason", ..., "__connect.errors.exception.message". */
const char *header_name(enum header_field field);
/** HEADER_FIELD_COUNT: no header of ours has that name. Looks from the field @from on (up to
 * HEADER_FIELD_COUNT), round: records have ours in the order above. */
enum header_field header_find(struct span name, size_t from);

struct header_values {
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
    struct span mended;          /* what was changed because the topic refused the record */
    struct span instance;
    bool is_connect;   /* also __connect.errors.* */
    struct span group; /* for Connect's connector.name */
    uint32_t worker;   /* for Connect's task.id */
};

/** New headers of a dead letter or diverted record: @original (may be NULL), then ours. */
NODISCARD rd_kafka_headers_t *headers_new(const rd_kafka_headers_t *original,
                                          const struct header_values *values);
/** New headers of a copy at the first destination of its chain: @original (may be NULL), then only
 * detour.source.* and detour.mended. */
NODISCARD rd_kafka_headers_t *headers_new_copy(const rd_kafka_headers_t *original,
                                               const struct header_values *values);
/** The headers of @original that are kept, as JSON: [{"name": "a", "value": BASE64 or null}, ...];
 * a name that is not UTF-8 is "name_base64". */
void headers_json(const rd_kafka_headers_t *original, bool is_connect, struct buf *out);
/** The size of @headers (may be NULL) in a record, about. */
size_t headers_bytes(const rd_kafka_headers_t *headers);
/** Value of the last header of that name; SPAN_NONE when absent. */
struct span header_get(const rd_kafka_headers_t *headers, const char *name);

#endif /* KAFKA_HEADERS_H */
