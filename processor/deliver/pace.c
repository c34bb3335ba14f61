#include "deliver/pace.h"

#include <string.h>

enum { HALF_MS = 500, HALVES = 5, STEP_MS = 1000 }; /* four whole halves and the present one */

static const double cut_to = 0.7;
static const double raise_by = 0.05; /* of the ceiling: twenty good seconds give it all back */
static const double rate_min = 0.5;  /* a request in two seconds: it has to be asked to be known */

static void set_rate(struct pace *pace, double rate, uint64_t now_ms)
{
    double tokens = pace->bucket.tokens;

    /* A lowered rate lowers the burst with it: what asked for less gets no hundred at once. */
    pace->rate = MIN_OF(MAX_OF(rate, rate_min), pace->ceiling);
    token_bucket_init(&pace->bucket, pace->rate, MAX_OF(pace->burst_s * pace->rate, 1.0), now_ms);
    pace->bucket.tokens = MIN_OF(tokens, pace->bucket.burst);
}

void pace_init(struct pace *pace, double ceiling, double burst, uint64_t now_ms)
{
    *pace = (struct pace){.ceiling = ceiling, .burst_s = burst / ceiling, .raised_ms = now_ms};
    token_bucket_init(&pace->bucket, pace->ceiling, burst, now_ms);
    set_rate(pace, pace->ceiling, now_ms);
}

void pace_set_ceiling(struct pace *pace, double ceiling, uint64_t now_ms)
{
    bool was_at_ceiling = pace->rate >= pace->ceiling;

    if (ceiling == pace->ceiling) {
        return;
    }
    pace->ceiling = ceiling;
    set_rate(pace, was_at_ceiling ? ceiling : pace->rate, now_ms);
}

static void move_to(struct pace *pace, uint64_t now_ms)
{
    uint64_t half = now_ms / HALF_MS;

    if (half >= pace->half + HALVES) {
        memset(pace->accepted, 0, sizeof(pace->accepted));
        pace->half = half;
    }
    while (pace->half < half) {
        pace->half++;
        pace->accepted[pace->half % HALVES] = 0;
    }
}

/* Additive increase: a second without throttling is worth the same however low the rate is. */
static void raise_rate(struct pace *pace, uint64_t now_ms)
{
    double rate = pace->rate;

    while (rate < pace->ceiling && now_ms - pace->raised_ms >= STEP_MS) {
        rate += raise_by * pace->ceiling;
        pace->raised_ms += STEP_MS;
    }
    if (rate >= pace->ceiling) {
        pace->raised_ms = now_ms;
    }
    if (rate > pace->rate) {
        set_rate(pace, rate, now_ms);
    }
}

bool pace_take(struct pace *pace, uint64_t now_ms)
{
    raise_rate(pace, now_ms);
    return token_bucket_take(&pace->bucket, now_ms);
}

uint64_t pace_wait_ms(const struct pace *pace, uint64_t now_ms)
{
    return token_bucket_wait_ms(&pace->bucket, now_ms);
}

void pace_accepted(struct pace *pace, uint64_t now_ms)
{
    move_to(pace, now_ms);
    pace->accepted[pace->half % HALVES]++;
}

void pace_throttled(struct pace *pace, uint64_t now_ms)
{
    uint32_t accepted = 0;

    pace->raised_ms = now_ms;
    if (pace->cut_ms != 0 && now_ms - pace->cut_ms < STEP_MS) {
        return;
    }
    pace->cut_ms = MAX_OF(now_ms, (uint64_t)1);
    move_to(pace, now_ms);
    for (unsigned i = 0; i < HALVES; i++) {
        accepted += pace->accepted[i];
    }
    if (accepted >
        0) { /* a probe of a throttled destination says nothing about how much it takes */
        set_rate(pace,
                 cut_to * accepted * 1000 / (double)(HALF_MS * (HALVES - 1) + now_ms % HALF_MS),
                 now_ms);
    }
    pace->bucket.tokens = 0;
}
