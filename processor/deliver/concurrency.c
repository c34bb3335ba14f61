#include "deliver/concurrency.h"

#include <math.h>

enum { SLOW_OF = 4, FAULTS_OF = 2 }; /* a quarter, half of a period's answers */
enum { HANG_MS = 1000, HANG_MEANS = 4 };
enum { SAMPLES = 4, SAMPLE_GAP_MS = 500 };

static const double decrease = 0.9;
static const double smoothing = 0.4;
static const double deviations = 2.5;
static const double slack_ms = 20; /* below this, latency is noise */

void concurrency_init(struct concurrency *concurrency, uint32_t initial, uint32_t max)
{
    PRE(initial > 0);
    *concurrency =
        (struct concurrency){.limit = initial, .initial = initial, .max = MAX_OF(initial, max)};
}

void concurrency_restart(struct concurrency *concurrency)
{
    const struct concurrency before = *concurrency;

    concurrency_init(concurrency, before.initial, before.max);
    concurrency->sent_ms = before.sent_ms;
    concurrency->heard_ms = before.heard_ms;
    concurrency->full_since_ms = before.full_since_ms;
}

static size_t occupied(const struct requests *requests)
{
    PRE(requests->overtaken <= requests->in_flight);
    return requests->in_flight - requests->overtaken;
}

void concurrency_sent(struct concurrency *concurrency, const struct requests *requests,
                      uint64_t now_ms)
{
    concurrency->was_full |= occupied(requests) >= concurrency_limit(concurrency);
    concurrency->sent_ms = now_ms;
}

void concurrency_heard(struct concurrency *concurrency, uint64_t now_ms)
{
    concurrency->heard_ms = now_ms;
}

static size_t connections(const struct concurrency *concurrency, const struct requests *requests)
{
    return MIN_OF((size_t)concurrency_limit(concurrency), requests->most);
}

bool concurrency_is_full(const struct concurrency *concurrency, const struct requests *requests)
{
    return occupied(requests) >= connections(concurrency, requests) ||
           requests->in_flight >= concurrency->max;
}

static bool may_sample(const struct concurrency *concurrency, const struct requests *requests,
                       uint64_t now_ms)
{
    uint64_t since_ms = MAX_OF(concurrency->heard_ms, concurrency->full_since_ms);

    return concurrency->full_since_ms != 0 && requests->in_flight < concurrency->max &&
           occupied(requests) < connections(concurrency, requests) + SAMPLES &&
           now_ms - concurrency->sent_ms >= SAMPLE_GAP_MS &&
           now_ms - since_ms >= concurrency_hang_ms(concurrency);
}

bool concurrency_allows(const struct concurrency *concurrency, const struct requests *requests,
                        uint64_t now_ms)
{
    return !concurrency_is_full(concurrency, requests) || may_sample(concurrency, requests, now_ms);
}

void concurrency_watch(struct concurrency *concurrency, const struct requests *requests,
                       uint64_t now_ms)
{
    if (!concurrency_is_full(concurrency, requests)) {
        concurrency->full_since_ms = 0;
    } else if (concurrency->full_since_ms == 0) {
        concurrency->full_since_ms = now_ms;
    }
}

uint64_t concurrency_full_ms(const struct concurrency *concurrency, uint64_t now_ms)
{
    return concurrency->full_since_ms == 0 ? 0 : now_ms - concurrency->full_since_ms;
}

uint64_t concurrency_hang_ms(const struct concurrency *concurrency)
{
    return MAX_OF((uint64_t)HANG_MS, (uint64_t)(HANG_MEANS * concurrency->mean_ms));
}

static bool is_slow(const struct concurrency *concurrency, double round_trip_ms)
{
    return concurrency->has_mean &&
           round_trip_ms > concurrency->mean_ms + deviations * concurrency->deviation_ms + slack_ms;
}

static void learn(struct concurrency *concurrency, double round_trip_ms)
{
    double off;

    if (!concurrency->has_mean) {
        concurrency->has_mean = true;
        concurrency->mean_ms = round_trip_ms;
        concurrency->deviation_ms = round_trip_ms / 2;
        return;
    }
    off = fabs(round_trip_ms - concurrency->mean_ms);
    concurrency->mean_ms += smoothing * (round_trip_ms - concurrency->mean_ms);
    concurrency->deviation_ms += smoothing * (off - concurrency->deviation_ms);
}

/* One step up or down per round trip, so that a burst of answers counts once. */
static void end_period(struct concurrency *concurrency, uint64_t now_ms)
{
    if (concurrency->slows * SLOW_OF >= concurrency->answers ||
        concurrency->faults * FAULTS_OF >= concurrency->answers) {
        concurrency->limit = fmax(1, concurrency->limit * decrease);
    } else if (concurrency->was_full) {
        concurrency->limit = fmin(concurrency->max, floor(concurrency->limit) + 1);
    }
    concurrency->slows = 0;
    concurrency->answers = 0;
    concurrency->faults = 0;
    concurrency->was_full = false;
    concurrency->period_ms = now_ms + (uint64_t)concurrency->mean_ms + 1;
}

void concurrency_answered(struct concurrency *concurrency, uint64_t now_ms, uint64_t round_trip_ms,
                          bool is_fault)
{
    concurrency->answers++;
    concurrency->faults += is_fault;
    concurrency->slows += is_slow(concurrency, (double)round_trip_ms);
    if (!is_fault) {
        learn(concurrency, (double)round_trip_ms);
    }
    if (now_ms >= concurrency->period_ms) {
        end_period(concurrency, now_ms);
    }
}
