/**
 * header_reading - the headers of whoever dead-lettered a record, collected by name, and their
 * values.
 *
 * Of a repeated header the last counts; what cannot be read is absent, and why is added to `odd` of
 * the dead letter that is read (recovery/dead_letter.h). Spans point into the headers. Pure, any
 * thread.
 */
#ifndef RECOVERY_HEADER_READING_H
#define RECOVERY_HEADER_READING_H

#include "kafka/headers.h"
#include "recovery/dead_letter.h"

/* The names that the others use, behind those of kafka/headers.h. */
enum foreign_field {
    SPRING_TOPIC = HEADER_FIELD_COUNT,
    SPRING_PARTITION,
    SPRING_OFFSET,
    SPRING_TIMESTAMP,
    SPRING_EXCEPTION,
    SPRING_CAUSE,
    SPRING_MESSAGE,
    SPRING_ATTEMPTS,
    STREAMS_TOPIC,
    STREAMS_PARTITION,
    STREAMS_OFFSET,
    STREAMS_EXCEPTION,
    STREAMS_MESSAGE,
    FIELD_COUNT,
};

/* The last header of each name. */
struct header_seen {
    struct span value; /* any bytes */
    size_t count;
};

struct header_reading {
    struct header_seen seen[FIELD_COUNT];
    struct dead_letter *out;
};

/** Of the program whose headers begin as @name does. */
enum dialect header_dialect(struct span name);
/** Take all of @headers (may be NULL), and tell the dialect: that of the last ones. */
void reading_collect(struct header_reading *reading, const rd_kafka_headers_t *headers);
/** Connect's headers are detour's own (headers: connect). */
bool reading_is_own_connect(const struct header_reading *reading);
void reading_add_odd(struct dead_letter *out, size_t field, const char *what);
/** The last value, any bytes; SPAN_NONE when there is none. */
struct span reading_raw(struct header_reading *reading, size_t field);
/** UTF-8, at most 512 bytes, whole characters. */
struct span reading_text(struct header_reading *reading, size_t field);
/** -1: absent, or no decimal number from 0 to @high. */
int64_t reading_number(struct header_reading *reading, size_t field, int64_t high);
/** The same, also as @width bytes, big-endian. */
int64_t reading_binary(struct header_reading *reading, size_t field, size_t width, int64_t high);

#endif /* RECOVERY_HEADER_READING_H */
