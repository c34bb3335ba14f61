/**
 * note - the detour.* headers of dead letters and diverted records (design section 8).
 *
 * All UTF-8 text, added after the original headers; earlier detour.* headers of the
 * record (a replayed dead letter) are replaced, all others kept byte for byte. No
 * payload text, personal data or secret: `error` is our words, cut at 512 bytes.
 */
#ifndef KAFKA_NOTE_H
#define KAFKA_NOTE_H

#include <librdkafka/rdkafka.h>

#include "event/verdict.h"

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
    int64_t source_timestamp_ms;
    struct span instance;
    bool is_connect;   /* also __connect.errors.* */
    struct span group; /* for Connect's connector.name */
};

/** New headers: @original (may be NULL) then ours. */
NODISCARD rd_kafka_headers_t *note_headers(const rd_kafka_headers_t *original,
                                           const struct note *note);
/** Value of the last header of that name; SPAN_NONE when absent. */
struct span note_header_get(const rd_kafka_headers_t *headers, const char *name);

#endif /* KAFKA_NOTE_H */
