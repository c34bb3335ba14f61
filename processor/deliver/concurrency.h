/**
 * concurrency - how many requests at once a destination takes well (AIMD on faults and latency).
 *
 * After Vector's adaptive request concurrency (reliability 2.1): x 0.9 when of a round trip's
 * answers half are faults, or a quarter slower than mean + 2.5 deviations (a few are no overload,
 * and would end at one connection), + 1 once per round trip when the limit was reached and nothing
 * spoke against it. Throttling is rate_limit's business, not ours.
 *
 * A request that was overtaken (it hangs, while later ones of its type are served) takes no
 * connection from the others. When all that is under way hangs, up to four more with one event
 * each, half a second apart, tell whether everything does, or whether those that hang have only
 * taken all connections.
 *
 * Owned by one sender. Pure: the caller brings time and counts.
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
    uint64_t sent_ms;                /* the last request */
    uint64_t heard_ms;               /* when anything was answered last; 0: never */
    uint64_t full_since_ms;          /* 0: it is not full */
};

/* The requests of a destination. */
struct requests {
    size_t in_flight;
    size_t overtaken; /* of them */
    size_t most;      /* at once, whatever it takes well: a probe, an untried credential */
};

void concurrency_init(struct concurrency *concurrency, uint32_t initial, uint32_t max);
/** Back to the initial limit: a destination that returns gets few requests at first. */
void concurrency_restart(struct concurrency *concurrency);
/** What it takes well at once, as far as is known. */
static inline uint32_t concurrency_limit(const struct concurrency *concurrency)
{
    return concurrency->limit < 1 ? 1 : (uint32_t)concurrency->limit;
}
/** One more was sent; it is among @requests. */
void concurrency_sent(struct concurrency *concurrency, const struct requests *requests,
                      uint64_t now_ms);
/** Something was answered, whatever it was. */
void concurrency_heard(struct concurrency *concurrency, uint64_t now_ms);
void concurrency_answered(struct concurrency *concurrency, uint64_t now_ms, uint64_t round_trip_ms,
                          bool is_fault);

/** As many requests as may be are under way. */
bool concurrency_is_full(const struct concurrency *concurrency, const struct requests *requests);
/** May one go? Where it is full: as a sample. */
bool concurrency_allows(const struct concurrency *concurrency, const struct requests *requests,
                        uint64_t now_ms);
/** Once a turn: since when is it full? */
void concurrency_watch(struct concurrency *concurrency, const struct requests *requests,
                       uint64_t now_ms);
/** For how long it has been full. */
uint64_t concurrency_full_ms(const struct concurrency *concurrency, uint64_t now_ms);
/** A request without an answer for so long hangs: four times the usual, and a second. */
uint64_t concurrency_hang_ms(const struct concurrency *concurrency);

#endif /* DELIVER_CONCURRENCY_H */
