/**
 * rate_limit - how fast a destination wants it: a token bucket whose rate gives way to throttling.
 *
 * AIMD (reliability 1.5): a throttle answer brings the rate to 0.7 of what was accepted in
 * the last two seconds, at most once a second; each second without one gives 5 % of the
 * ceiling back. The ceiling is this worker's share of the configured rate and may move.
 * Pure: the caller brings the time.
 */
#ifndef DELIVER_RATE_LIMIT_H
#define DELIVER_RATE_LIMIT_H

#include "base/token_bucket.h"

struct rate_limit {
    struct token_bucket bucket;
    double ceiling;       /* requests a second */
    double rate;          /* now; <= ceiling */
    double burst_s;       /* what may go at once, as seconds of the rate */
    uint32_t accepted[5]; /* requests accepted, by half second */
    uint64_t half;        /* number of the present half second */
    uint64_t cut_ms;      /* last time the rate gave way; 0: never */
    uint64_t raised_ms;
};

/** @burst: requests that may go at once at the ceiling; less at a lower rate, but always one. */
void rate_limit_init(struct rate_limit *rate_limit, double ceiling, double burst, uint64_t now_ms);
/** The ceiling moved (partitions came or went). */
void rate_limit_set_ceiling(struct rate_limit *rate_limit, double ceiling, uint64_t now_ms);
/** Take one request's token. */
bool rate_limit_take(struct rate_limit *rate_limit, uint64_t now_ms);
uint64_t rate_limit_wait_ms(const struct rate_limit *rate_limit, uint64_t now_ms);
void rate_limit_accepted(struct rate_limit *rate_limit, uint64_t now_ms);
void rate_limit_throttled(struct rate_limit *rate_limit, uint64_t now_ms);

#endif /* DELIVER_RATE_LIMIT_H */
