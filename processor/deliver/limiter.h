/**
 * limiter - a token bucket: at most @rate requests a second, bursts up to @burst.
 *
 * Pure: the caller brings the time. One per worker and destination.
 */
#ifndef DELIVER_LIMITER_H
#define DELIVER_LIMITER_H

#include "base/base.h"

struct limiter {
    double per_ms;
    double burst;
    double tokens;
    uint64_t at_ms; /* when tokens was right */
};

void limiter_init(struct limiter *limiter, double per_second, double burst, uint64_t now_ms);
/** Take one token; false when there is none. */
bool limiter_take(struct limiter *limiter, uint64_t now_ms);
/** How long until a token is there; 0: now. */
uint64_t limiter_wait_ms(const struct limiter *limiter, uint64_t now_ms);

#endif /* DELIVER_LIMITER_H */
