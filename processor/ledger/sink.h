/**
 * sink - where a worker's records for the ledger go: the topic (ledger/ledger.h), or a log of the
 * virtual world.
 *
 * A table of functions, called on the worker's thread.
 */
#ifndef LEDGER_SINK_H
#define LEDGER_SINK_H

#include "base/span.h"
#include "offsets/assignment.h"

struct ledger_ticket; /* the sink's */

struct ledger_sink {
    void *context; /* NULL: there is no ledger */
    /** Write records with one key, which are copied. When all are acknowledged or some failed,
     * @wake_fd is written to (-1: nobody is woken). */
    struct ledger_ticket *(*send)(void *context, struct span key, const struct span *records,
                                  size_t count, int wake_fd);
    /** How that stands. */
    enum tally_state (*state)(void *context, const struct ledger_ticket *ticket);
    /** The sender has no more interest: frees the ticket, now or when its records are done. */
    void (*drop)(void *context, struct ledger_ticket *ticket);
};

#endif /* LEDGER_SINK_H */
