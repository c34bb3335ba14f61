/**
 * throttle - fewer requests for an event type that only fails or is only refused, until its answers
 * tell which, or a circuit breaker opens.
 *
 * One per queue: what its last answers were, in a row. Pure: the caller brings times and counts.
 */
#ifndef DELIVER_THROTTLE_H
#define DELIVER_THROTTLE_H

#include "health/cell.h"

struct throttle {
    uint32_t faults_in_row;    /* answers that were faults, since the last that was not */
    uint32_t unknown_in_row;   /* answers nobody has a rule for, since the last good one */
    uint32_t rejects_in_row;   /* events refused, since the last good answer */
    uint32_t rejected_at_once; /* by the last answer that refused some */
};

/* Where its requests stand. */
struct throttle_load {
    uint64_t sent_ms;     /* the queue's last request */
    size_t in_flight;     /* its requests */
    uint64_t all_sent_ms; /* the last request to the destination, of whatever queue */
    uint32_t all_in_row;  /* faults or refusals in a row at the destination, of all workers */
    unsigned workers;     /* that send to it */
};

/** An answer was a fault. */
/** Its last answers were good: only what happens at the whole destination can throttle it. */
static inline bool throttle_is_off(const struct throttle *throttle)
{
    return throttle->faults_in_row == 0 && throttle->rejects_in_row == 0;
}
/** An answer counted as @call; @rejected: events it refused, where it is a REJECT. */
void throttle_count(struct throttle *throttle, enum call call, uint32_t rejected);
/** An answer nobody has a rule for, to a batch of @count. What it counts as. */
enum call throttle_unknown(struct throttle *throttle, size_t count);
/** No request before; 0: any time; UINT64_MAX: not before an answer. */
uint64_t throttle_until_ms(const struct throttle *throttle, const struct throttle_load *load);

#endif /* DELIVER_THROTTLE_H */
