#include "deliver/rate_limit.h"

#include <string.h>

enum { HALF_MS = 500, HALVES = 5, STEP_MS = 1000 }; /* four whole halves and the present one */

static const double cut_to = 0.7;
static const double raise_by = 0.05; /* of the ceiling: twenty good seconds give it all back */
static const double rate_min = 0.5;  /* a request in two seconds: it has to be asked to be known */

static void set_rate(struct rate_limit *rate_limit, double rate, uint64_t now_ms)
{
    double tokens = rate_limit->bucket.tokens;

    /* A lowered rate lowers the burst with it: what asked for less gets no hundred at once. */
    rate_limit->rate = MIN_OF(MAX_OF(rate, rate_min), rate_limit->ceiling);
    token_bucket_init(&rate_limit->bucket, rate_limit->rate,
                      MAX_OF(rate_limit->burst_s * rate_limit->rate, 1.0), now_ms);
    rate_limit->bucket.tokens = MIN_OF(tokens, rate_limit->bucket.burst);
}

void rate_limit_init(struct rate_limit *rate_limit, double ceiling, double burst, uint64_t now_ms)
{
    *rate_limit =
        (struct rate_limit){.ceiling = ceiling, .burst_s = burst / ceiling, .raised_ms = now_ms};
    token_bucket_init(&rate_limit->bucket, rate_limit->ceiling, burst, now_ms);
    set_rate(rate_limit, rate_limit->ceiling, now_ms);
}

void rate_limit_set_ceiling(struct rate_limit *rate_limit, double ceiling, uint64_t now_ms)
{
    bool was_at_ceiling = rate_limit->rate >= rate_limit->ceiling;

    if (ceiling == rate_limit->ceiling) {
        return;
    }
    rate_limit->ceiling = ceiling;
    set_rate(rate_limit, was_at_ceiling ? ceiling : rate_limit->rate, now_ms);
}

static void move_to(struct rate_limit *rate_limit, uint64_t now_ms)
{
    uint64_t half = now_ms / HALF_MS;

    if (half >= rate_limit->half + HALVES) {
        memset(rate_limit->accepted, 0, sizeof(rate_limit->accepted));
        rate_limit->half = half;
    }
    while (rate_limit->half < half) {
        rate_limit->half++;
        rate_limit->accepted[rate_limit->half % HALVES] = 0;
    }
}

/* Additive increase: a second without throttling is worth the same however low the rate is. */
static void raise_rate(struct rate_limit *rate_limit, uint64_t now_ms)
{
    double rate = rate_limit->rate;

    while (rate < rate_limit->ceiling && now_ms - rate_limit->raised_ms >= STEP_MS) {
        rate += raise_by * rate_limit->ceiling;
        rate_limit->raised_ms += STEP_MS;
    }
    if (rate >= rate_limit->ceiling) {
        rate_limit->raised_ms = now_ms;
    }
    if (rate > rate_limit->rate) {
        set_rate(rate_limit, rate, now_ms);
    }
}

bool rate_limit_take(struct rate_limit *rate_limit, uint64_t now_ms)
{
    raise_rate(rate_limit, now_ms);
    return token_bucket_take(&rate_limit->bucket, now_ms);
}

uint64_t rate_limit_wait_ms(const struct rate_limit *rate_limit, uint64_t now_ms)
{
    return token_bucket_wait_ms(&rate_limit->bucket, now_ms);
}

void rate_limit_accepted(struct rate_limit *rate_limit, uint64_t now_ms)
{
    move_to(rate_limit, now_ms);
    rate_limit->accepted[rate_limit->half % HALVES]++;
}

void rate_limit_throttled(struct rate_limit *rate_limit, uint64_t now_ms)
{
    uint32_t accepted = 0;

    rate_limit->raised_ms = now_ms;
    if (rate_limit->cut_ms != 0 && now_ms - rate_limit->cut_ms < STEP_MS) {
        return;
    }
    rate_limit->cut_ms = MAX_OF(now_ms, (uint64_t)1);
    move_to(rate_limit, now_ms);
    for (unsigned i = 0; i < HALVES; i++) {
        accepted += rate_limit->accepted[i];
    }
    if (accepted >
        0) { /* a probe of a throttled destination says nothing about how much it takes */
        set_rate(rate_limit,
                 cut_to * accepted * 1000 / (double)(HALF_MS * (HALVES - 1) + now_ms % HALF_MS),
                 now_ms);
    }
    rate_limit->bucket.tokens = 0;
}
