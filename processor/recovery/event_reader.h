/**
 * event_reader - the value of a dead letter, decoded as the processor would decode it.
 *
 * Of a record of the UTM topic the original event inside it is read. The schema registry, where one
 * is configured, is asked when a value is first read, and waited for.
 *
 * One thread owns it. What it decodes lives until the next event_reader_read(), in the message and
 * the reader's memory (16 MiB at most). It borrows the pipeline.
 */
#ifndef RECOVERY_EVENT_READER_H
#define RECOVERY_EVENT_READER_H

#include "deliver/view.h"

struct event_reader;

/** No network. */
NODISCARD enum err_code event_reader_open(struct pipeline *pipeline, struct event_reader **out,
                                          struct err *err);
void event_reader_close(struct event_reader *reader); /* may be NULL */

struct read_event {
    struct decoded decoded;  /* decoded.message is filled in any case */
    bool has_value;          /* decoded.root is, and decoded.view.reader says of which reader */
    bool has_facts;          /* decoded.view.facts are */
    const struct type *type; /* of the root */
    struct span record_name; /* the writer's */
    struct span original;    /* the source's value, framing included */
};

/** @value: of @view's record, or put together from its parts. ERR_DATA when it cannot be decoded,
 * ERR_NET when the registry does not answer, ERR_CONFIG when it refuses the credential. */
NODISCARD enum err_code event_reader_read(struct event_reader *reader,
                                          const struct message_view *view, struct span value,
                                          struct read_event *out, struct err *err);

#endif /* RECOVERY_EVENT_READER_H */
