/**
 * window - what happened lately: one-second buckets over one minute, and the last ten calls.
 *
 * Pure: the caller brings the time (monotonic ms, never going back by more than it
 * forgets). Late results land in the present second.
 */
#ifndef HEALTH_WINDOW_H
#define HEALTH_WINDOW_H

#include "base/base.h"

enum { WINDOW_SECONDS = 64 }; /* a power of two; sums reach back at most 60 s */

struct window_counts {
    uint32_t calls;
    uint32_t faults;
    uint32_t slows; /* successful, but slower than health.slow */
    uint32_t rejects;
};

struct window {
    struct window_counts buckets[WINDOW_SECONDS];
    uint64_t second; /* of the newest bucket */
    bool is_begun;
};

void window_clear(struct window *window);
void window_add(struct window *window, uint64_t now_ms, const struct window_counts *add);
/** A provisional fault that turned out well: take it back from wherever it still is. */
void window_take_back_fault(struct window *window, uint64_t now_ms, uint64_t at_ms);
/** Sum over the last @seconds (1..60), the present one included. */
struct window_counts window_sum(const struct window *window, uint64_t now_ms, uint32_t seconds);
/** In how many distinct seconds of the last @seconds there was a fault. */
uint32_t window_fault_seconds(const struct window *window, uint64_t now_ms, uint32_t seconds);

/* The last calls, for a rule where there are too few a minute for a ratio. All zero: none. */
enum { LAST_CALLS = 10 };

struct last_calls {
    struct {
        uint64_t at_ms;
        bool is_fault;
    } calls[LAST_CALLS]; /* a ring */
    uint32_t at, count;
};

void last_calls_add(struct last_calls *last, uint64_t now_ms, bool is_fault);
void last_calls_forget(struct last_calls *last);
/** There are ten, and the first of them was not longer ago than @within_ms. */
bool last_calls_are_within(const struct last_calls *last, uint64_t now_ms, uint64_t within_ms);
/** How many of them failed; @first_ms: the first of these, unless NULL; unchanged without one. */
uint32_t last_calls_faults(const struct last_calls *last, uint64_t *first_ms);
/** A provisional fault of @at_ms turned out well. */
void last_calls_take_back(struct last_calls *last, uint64_t at_ms);

#endif /* HEALTH_WINDOW_H */
