/**
 * retry - whether and when a request that failed is tried again: attempts, deadline, backoff and
 * the budget of retries of one destination.
 *
 * Owned by one sender. Pure: the caller brings time and chance.
 */
#ifndef DELIVER_RETRY_H
#define DELIVER_RETRY_H

#include "base/rng.h"
#include "config/config.h"
#include "deliver/retry_budget.h"

struct retry {
    const struct config_destination *config;
    struct retry_budget budget;
    uint64_t refused_ms; /* when the budget had no retry to give; 0: it had */
    uint64_t limited_ms; /* it was throttled or held until then, as far as is known */
};

/* One request and its history. */
struct retry_of {
    uint32_t attempts;      /* that were answered, and count */
    uint64_t first_sent_ms; /* 0: never */
    bool wants_budget;      /* it is a retry, so it goes when the budget has one */
    bool is_unknown;        /* the last answer was nobody's: it is tried out to the end */
};

void retry_init(struct retry *retry, const struct config_destination *config);
/** The wait after the failed attempt @attempts (first is 1), at least @least_ms (Retry-After). */
uint64_t retry_wait_ms(const struct retry *retry, uint32_t attempts, uint64_t least_ms,
                       struct rng *rng);
/** Its attempts are used up, or its deadline ends before @wait_ms are over. */
bool retry_is_exhausted(const struct retry *retry, const struct retry_of *of, uint64_t now_ms,
                        uint64_t wait_ms);
/** Its deadline ended while it waited for the budget. */
bool retry_is_late(const struct retry *retry, const struct retry_of *of, uint64_t now_ms);
/** May it go? Spends one retry of the budget where it is one. */
bool retry_take(struct retry *retry, const struct retry_of *of, uint64_t now_ms);
/** It may not go before; 0: any time. */
uint64_t retry_due_ms(const struct retry *retry, const struct retry_of *of);

#endif /* DELIVER_RETRY_H */
