/**
 * record - one record of a dead-letter, alternate or source topic as the commands see it. Borrows
 * from its message; any thread.
 */
#ifndef RECOVERY_RECORD_H
#define RECOVERY_RECORD_H

#include "kafka/message.h"
#include "recovery/dead_letter.h"

struct record {
    struct message_view view;
    const rd_kafka_headers_t *headers; /* NULL: none */
    struct dead_letter letter;
};

/* When it was written to its topic: a topic that keeps the timestamps of the original records has
 * the time in a header alone. -1: not known. */
static inline int64_t record_written_ms(const struct record *record)
{
    return record->letter.at_ms >= 0 ? record->letter.at_ms : record->view.timestamp_ms;
}

static inline void record_of(const rd_kafka_message_t *message, struct record *out)
{
    message_view_of(message, &out->view);
    out->headers = message_headers(message);
    dead_letter_read(out->headers, &out->letter);
}

#endif /* RECOVERY_RECORD_H */
