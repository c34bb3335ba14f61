/**
 * dead_letter - what the headers of one record of a dead-letter or alternate topic say.
 *
 * Four dialects are read: detour's own, Kafka Connect's (`__connect.errors.*`, text), Spring
 * Kafka's (`kafka_dlt-*`, numbers as big-endian bytes) and Kafka Streams' (`__streams.errors.*`,
 * text). Whoever dead-letters a record appends headers, so the dialect is that of the last ones.
 *
 * Headers come from outside and may be missing, forged, repeated, huge or no text. Of a repeated
 * one the last counts; what cannot be read counts as absent; a text is cut at 512 bytes. `odd` says
 * in our words what was wrong. Texts are UTF-8, but may hold control characters
 * (recovery/printable.h).
 *
 * Ownership: all texts point into the record's headers and live as long as they do. Pure, any
 * thread, no allocation, cannot fail.
 */
#ifndef RECOVERY_DEAD_LETTER_H
#define RECOVERY_DEAD_LETTER_H

#include <librdkafka/rdkafka.h>

#include "event/verdict.h"

enum dialect {
    DIALECT_NONE, /* no dead letter's headers: a record of a source topic, or anybody's */
    DIALECT_DETOUR,
    DIALECT_CONNECT,
    DIALECT_SPRING,
    DIALECT_STREAMS,
};

enum { ODD_BYTES = 256 };

/* A text that is absent has ptr NULL, a number that is absent is -1, unless said otherwise. */
struct dead_letter {
    enum dialect dialect;
    enum reason known;  /* detour's reason; NONE: absent, not one of ours, or another dialect */
    struct span reason; /* detour's word; of the others the class of the exception */
    struct span error;  /* of the others the exception's message, which may quote the payload */
    struct span field;  /* the path that the destination refused, out of the error's text */
    struct span destination;
    struct span route;
    struct span leg;
    struct span event_id;
    struct span event_type;
    enum outcome outcome; /* AMBIGUOUS where it is not known: the careful reading */
    bool has_outcome;
    int32_t http_status;
    bool has_code;
    int32_t code;
    struct span request_id;
    int64_t attempts;
    struct span outage;
    int64_t replays; /* 0 where it is absent */
    int64_t at_ms;   /* when it was dead-lettered */
    struct span source_topic;
    int32_t source_partition;
    int64_t source_offset;
    int64_t source_timestamp_ms;
    struct span mended;
    struct span instance;
    uint32_t part, part_count; /* from 1; 0 and 0: it is whole */
    struct span part_of;       /* "headers", "key" or "value"; absent: the value */
    bool is_own_connect;       /* its __connect.errors.* are detour's (headers: connect) */
    char odd[ODD_BYTES];       /* "" when nothing is */
};

/** @headers may be NULL. */
void dead_letter_read(const rd_kafka_headers_t *headers, struct dead_letter *out);
/** Only dialect and source_*; all else counts as absent. A third of the time. */
void dead_letter_read_source(const rd_kafka_headers_t *headers, struct dead_letter *out);
/** "detour", "connect", "spring", "streams"; "none". */
const char *dialect_word(enum dialect dialect);
/** Whether the record's own place in its source topic is known. */
bool dead_letter_has_source(const struct dead_letter *letter);
/** The original record's headers, which a replay sends on; the caller frees them. */
NODISCARD rd_kafka_headers_t *dead_letter_original(const struct dead_letter *letter,
                                                   const rd_kafka_headers_t *headers);

#endif /* RECOVERY_DEAD_LETTER_H */
