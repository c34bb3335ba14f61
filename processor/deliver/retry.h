/**
 * retry - whether and when a request that failed is tried again: attempts, deadline, backoff and
 * the budget of retries of one destination.
 *
 * The backoff is full jitter below a doubling bound: it wins on total work (AWS Architecture Blog,
 * "Exponential Backoff And Jitter"). The budget keeps retries from becoming the load: they may be a
 * share of the requests of the last ten seconds, plus three a second so that thin traffic can retry
 * at all. While no more than a third of the requests fail, retries cannot become the load (half as
 * much again, at most), and are not limited.
 *
 * Owned by one sender. Pure: the caller brings time and chance.
 */
#ifndef DELIVER_RETRY_H
#define DELIVER_RETRY_H

#include "base/rng.h"
#include "config/config.h"

enum { BUDGET_SECONDS = 10 };

struct retry_budget {
    struct {
        uint32_t requests, retries, faults;
    } seconds[BUDGET_SECONDS]; /* a ring */
    uint64_t second;
};

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
/** A request was sent: retries may be a share of these. */
void retry_sent(struct retry *retry, uint64_t now_ms);
/** A request failed. */
void retry_fault(struct retry *retry, uint64_t now_ms);
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
