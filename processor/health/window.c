#include "health/window.h"

#include <string.h>

static struct window_counts *bucket_of(struct window *window, uint64_t second)
{
    return &window->buckets[second % WINDOW_SECONDS];
}

void window_clear(struct window *window)
{
    memset(window, 0, sizeof(*window));
}

/* Empty the buckets between the newest and @second. */
static void move_to(struct window *window, uint64_t second)
{
    if (!window->is_begun || second >= window->second + WINDOW_SECONDS) {
        memset(window->buckets, 0, sizeof(window->buckets));
        window->is_begun = true;
        window->second = second;
    }
    while (window->second < second) {
        window->second++;
        *bucket_of(window, window->second) = (struct window_counts){0};
    }
}

void window_add(struct window *window, uint64_t now_ms, const struct window_counts *add)
{
    struct window_counts *bucket;

    PRE(add->faults <= add->calls);
    PRE(add->rejects <= add->calls);
    move_to(window, now_ms / 1000);
    bucket = bucket_of(window, window->second);
    bucket->calls += add->calls;
    bucket->faults += add->faults;
    bucket->slows += add->slows;
    bucket->rejects += add->rejects;
}

void window_take_back_fault(struct window *window, uint64_t now_ms, uint64_t at_ms)
{
    uint64_t second = at_ms / 1000;
    struct window_counts *bucket;

    move_to(window, now_ms / 1000);
    if (second > window->second || second + WINDOW_SECONDS <= window->second) {
        return;
    }
    bucket = bucket_of(window, second);
    bucket->faults -= bucket->faults > 0;
    bucket->calls -= bucket->calls > 0;
    INVARIANT(bucket->faults <= bucket->calls);
}

/* The oldest second of a sum, given what the window still knows. */
static uint64_t first_second(const struct window *window, uint64_t now_ms, uint32_t seconds)
{
    uint64_t now = now_ms / 1000;
    uint64_t first = now + 1 > seconds ? now + 1 - seconds : 0;
    uint64_t known = window->second + 1 > WINDOW_SECONDS ? window->second + 1 - WINDOW_SECONDS : 0;

    return MAX_OF(first, known);
}

struct window_counts window_sum(const struct window *window, uint64_t now_ms, uint32_t seconds)
{
    struct window_counts sum = {0};

    PRE(seconds > 0);
    PRE(seconds < WINDOW_SECONDS);
    if (!window->is_begun) {
        return sum;
    }
    for (uint64_t s = first_second(window, now_ms, seconds); s <= window->second; s++) {
        const struct window_counts *bucket = &window->buckets[s % WINDOW_SECONDS];

        sum.calls += bucket->calls;
        sum.faults += bucket->faults;
        sum.slows += bucket->slows;
        sum.rejects += bucket->rejects;
    }
    POST(sum.faults <= sum.calls);
    return sum;
}

uint32_t window_fault_seconds(const struct window *window, uint64_t now_ms, uint32_t seconds)
{
    uint32_t count = 0;

    PRE(seconds < WINDOW_SECONDS);
    if (!window->is_begun) {
        return 0;
    }
    for (uint64_t s = first_second(window, now_ms, seconds); s <= window->second; s++) {
        count += window->buckets[s % WINDOW_SECONDS].faults > 0;
    }
    return count;
}

/* the last calls */

void last_calls_add(struct last_calls *last, uint64_t now_ms, bool is_fault)
{
    last->calls[last->at].at_ms = now_ms;
    last->calls[last->at].is_fault = is_fault;
    last->at = (last->at + 1) % LAST_CALLS;
    last->count = MIN_OF(last->count + 1, (uint32_t)LAST_CALLS);
    INVARIANT(last->at == last->count % LAST_CALLS || last->count == LAST_CALLS);
}

void last_calls_forget(struct last_calls *last)
{
    last->at = 0;
    last->count = 0;
}

bool last_calls_are_within(const struct last_calls *last, uint64_t now_ms, uint64_t within_ms)
{
    return last->count == LAST_CALLS && now_ms - last->calls[last->at].at_ms <= within_ms;
}

uint32_t last_calls_faults(const struct last_calls *last, uint64_t *first_ms)
{
    uint32_t faults = 0;

    for (uint32_t i = 0; i < last->count; i++) {
        uint32_t at = last->count < LAST_CALLS ? i : (last->at + i) % LAST_CALLS;

        if (last->calls[at].is_fault && faults++ == 0 && first_ms != NULL) {
            *first_ms = last->calls[at].at_ms;
        }
    }
    return faults;
}

void last_calls_take_back(struct last_calls *last, uint64_t at_ms)
{
    for (uint32_t i = 0; i < last->count; i++) {
        if (last->calls[i].at_ms == at_ms && last->calls[i].is_fault) {
            last->calls[i].is_fault = false;
            return;
        }
    }
}
