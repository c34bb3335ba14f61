/**
 * backoff - how long to wait before the next attempt: full jitter below a doubling bound.
 *
 * Pure arithmetic; the caller brings the random source. Full jitter because it wins on
 * total work (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
#ifndef DELIVER_BACKOFF_H
#define DELIVER_BACKOFF_H

#include "base/rng.h"

/** The wait after failed attempt @attempt (first is 1): uniform in 0..min(max, min *
 * 2^(attempt-1)). */
uint64_t backoff_ms(uint64_t min_ms, uint64_t max_ms, uint32_t attempt, struct rng *rng);

#endif /* DELIVER_BACKOFF_H */
