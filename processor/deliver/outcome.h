/**
 * outcome - what became of legs at their destinations, in a queue until dispatch acts on it.
 *
 * A destination (sender.h, records.h) reports here and calls nobody above it. Dispatch drains the
 * queue in the same turn, oldest first (dispatch.h). A sender therefore never enters another
 * sender, and no list changes while it is walked.
 *
 * The queue owns no memory: legs are linked by leg->next, which is free once a leg has left its
 * destination. One queue per worker, used on its thread only.
 */
#ifndef DELIVER_OUTCOME_H
#define DELIVER_OUTCOME_H

#include "deliver/event.h"

enum leg_outcome {
    LEG_NONE,          /* nothing was reported */
    LEG_DELIVERED,     /* the destination has it */
    LEG_FAILED,        /* not here, for the reason given: the next destination of the chain */
    LEG_UNAVAILABLE,   /* the same, because the circuit breaker is open: health knows the reason */
    LEG_REJECTED,      /* by every destination, for the reason given: the dead letter */
    LEG_DEAD_LETTERED, /* the dead-letter topic has it */
    LEG_CANCELLED, /* its record was called back: whoever has the partition next reads it again */
};

struct outcome_queue {
    struct leg *first, *last; /* by next */
    size_t count;
};

/** @leg has left the lists of its destination. @reason: of FAILED and REJECTED, else NONE. */
void outcome_report(struct outcome_queue *queue, struct leg *leg, enum leg_outcome outcome,
                    enum reason reason);
/** Take out the oldest; NULL when there is none. */
struct leg *outcome_take(struct outcome_queue *queue);

#endif /* DELIVER_OUTCOME_H */
