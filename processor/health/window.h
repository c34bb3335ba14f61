/**
 * window - what happened in the last seconds: one-second buckets over one minute.
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

#endif /* HEALTH_WINDOW_H */
