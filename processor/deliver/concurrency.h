/**
 * concurrency - how many requests at once a destination takes well (AIMD on faults and latency).
 *
 * After Vector's adaptive request concurrency (reliability 2.1): x 0.9 when of a round trip's
 * answers half are faults, or a quarter slower than mean + 2.5 deviations (a few are no overload,
 * and would end at one connection), + 1 once per round trip when the limit was reached and nothing
 * spoke against it. Throttling is rate_limit's business, not ours. Pure.
 */
#ifndef DELIVER_CONCURRENCY_H
#define DELIVER_CONCURRENCY_H

#include "base/base.h"

struct concurrency {
    double limit;
    uint32_t initial, max;
    double mean_ms, deviation_ms; /* of successful round trips */
    bool has_mean;
    bool was_full;                   /* the limit was reached in this period */
    uint32_t answers, slows, faults; /* in this period */
    uint64_t period_ms;              /* when the period ends */
};

void concurrency_init(struct concurrency *concurrency, uint32_t initial, uint32_t max);
/** Back to the initial limit: a destination that returns is met gently. */
void concurrency_restart(struct concurrency *concurrency);
uint32_t concurrency_limit(const struct concurrency *concurrency);
/** Requests in flight after one more was sent. */
void concurrency_sent(struct concurrency *concurrency, uint32_t in_flight);
void concurrency_answered(struct concurrency *concurrency, uint64_t now_ms, uint64_t round_trip_ms,
                          bool is_fault);

/** A request without an answer for so long hangs: four times the usual, and a second. */
uint64_t concurrency_patience_ms(const struct concurrency *concurrency);

#endif /* DELIVER_CONCURRENCY_H */
