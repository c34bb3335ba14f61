#include "health/cell.h"

#include <string.h>

enum {
    BURST_S = 5,
    BURST_CALLS = 10,
    THIN_FAULTS = 9,
    THIN_MS = 10 * 60 * 1000,
    FAULT_SECONDS = 2,
    SLOW_FULL_MS = 10 * 1000,
    STORM_BURST_S = 10,
    STORM_S = 60,
    STORM_CALLS = 50,
    STORM_BEFORE_PERCENT = 10,
    ROW_BEFORE_PERCENT = 50,
    MINUTE_MS = 60 * 1000,
};

void cell_init(struct cell *cell, const struct cell_policy *policy, uint64_t now_ms)
{
    PRE(policy->window_s > 0);
    PRE(policy->window_s < WINDOW_SECONDS);
    memset(cell, 0, sizeof(*cell));
    cell->policy = policy;
    breaker_init(&cell->breaker, &policy->breaker, now_ms);
}

void cell_forget(struct cell *cell)
{
    window_clear(&cell->window);
    last_calls_forget(&cell->last);
    cell->streak = 0;
    cell->silent.calls = 0;
    cell->rejected.calls = 0;
}

void cell_absorb(struct cell *cell, uint64_t now_ms)
{
    breaker_absorb(&cell->breaker, now_ms);
    cell_forget(cell);
    POST(cell->breaker.state == BREAKER_CLOSED);
}

static void count_minute(struct cell *cell, uint64_t now_ms, bool is_reject)
{
    uint64_t minute = now_ms / MINUTE_MS;

    if (minute >= cell->minute + CELL_HOUR_MINUTES) {
        memset(cell->minutes, 0, sizeof(cell->minutes));
        cell->minute = minute;
    }
    while (cell->minute < minute) {
        cell->minute++;
        cell->minutes[cell->minute % CELL_HOUR_MINUTES].calls = 0;
        cell->minutes[cell->minute % CELL_HOUR_MINUTES].rejects = 0;
    }
    INVARIANT(cell->minute >= minute);
    INVARIANT(cell->minute - minute < CELL_HOUR_MINUTES); /* else it counts for another hour */
    cell->minutes[minute % CELL_HOUR_MINUTES].calls++;
    cell->minutes[minute % CELL_HOUR_MINUTES].rejects += is_reject;
}

/* In the last hour, without the present storm of one minute. */
static bool were_rejects_below(const struct cell *cell, uint64_t now_ms, uint64_t percent)
{
    uint64_t minute = now_ms / MINUTE_MS;
    uint64_t calls = 0;
    uint64_t rejects = 0;

    for (uint64_t back = 2; back < CELL_HOUR_MINUTES && back <= minute; back++) {
        calls += cell->minutes[(minute - back) % CELL_HOUR_MINUTES].calls;
        rejects += cell->minutes[(minute - back) % CELL_HOUR_MINUTES].rejects;
    }
    return rejects * 100 < calls * percent || calls == 0;
}

bool cell_was_accepted(const struct cell *cell, uint64_t now_ms)
{
    return were_rejects_below(cell, now_ms, ROW_BEFORE_PERCENT);
}

bool cell_has_timed_out(const struct cell *cell)
{
    return cell->silent.calls > 0 && cell->confirmed_ms >= cell->silent.since_ms;
}

static bool is_thin(const struct cell *cell, uint64_t now_ms)
{
    return last_calls_are_within(&cell->last, now_ms, THIN_MS) &&
           last_calls_faults(&cell->last, NULL) >= THIN_FAULTS;
}

static enum breaker_cause fault_cause(const struct cell *cell, uint64_t now_ms)
{
    const struct cell_policy *policy = cell->policy;
    struct window_counts sum = window_sum(&cell->window, now_ms, policy->window_s);
    struct window_counts burst = window_sum(&cell->window, now_ms, BURST_S);
    bool is_spread = window_fault_seconds(&cell->window, now_ms, policy->window_s) >= FAULT_SECONDS;

    if (cell->streak >= STREAK_CALLS && now_ms - cell->streak_since_ms >= STREAK_MS) {
        return CAUSE_BURST;
    }
    if (row_is_silence(&cell->silent, now_ms, cell->is_blocking)) {
        return CAUSE_BURST;
    }
    if (sum.calls < policy->minimum) {
        return is_thin(cell, now_ms) ? CAUSE_THIN : CAUSE_NONE;
    }
    if (is_spread && (double)sum.faults >= policy->failures * sum.calls) {
        return CAUSE_RATIO;
    }
    if (is_spread && burst.calls >= BURST_CALLS && burst.faults * 10 >= burst.calls * 9) {
        return CAUSE_BURST;
    }
    return CAUSE_NONE;
}

static bool is_slow(const struct cell *cell, uint64_t now_ms, uint64_t full_ms)
{
    struct window_counts sum = window_sum(&cell->window, now_ms, cell->policy->window_s);

    return full_ms >= SLOW_FULL_MS && sum.calls >= cell->policy->minimum &&
           sum.slows * 5 >= sum.calls * 4;
}

static bool are_rejected(const struct cell *cell, uint64_t now_ms, uint32_t seconds)
{
    struct window_counts sum = window_sum(&cell->window, now_ms, seconds);

    return sum.calls >= STORM_CALLS && sum.rejects * 10 >= sum.calls * 9;
}

/* A row of them is the quickest; the short window sees a storm while the long one is still full of
 * old successes. */
static bool is_storm(const struct cell *cell, uint64_t now_ms)
{
    if (row_is_storm(&cell->rejected, now_ms) && cell_was_accepted(cell, now_ms)) {
        return true;
    }
    return (are_rejected(cell, now_ms, STORM_BURST_S) || are_rejected(cell, now_ms, STORM_S)) &&
           were_rejects_below(cell, now_ms, STORM_BEFORE_PERCENT);
}

/* Only a call like those it counts can be the last drop: one that went well trips nothing. */
static enum breaker_cause trip_cause(const struct cell *cell, uint64_t now_ms,
                                     const struct window_counts *add, uint64_t full_ms)
{
    if (add->faults > 0) {
        return fault_cause(cell, now_ms);
    }
    if (add->slows > 0 && is_slow(cell, now_ms, full_ms)) {
        return CAUSE_SLOW;
    }
    return add->rejects > 0 && is_storm(cell, now_ms) ? CAUSE_REJECT_STORM : CAUSE_NONE;
}

static void remember(struct cell *cell, uint64_t now_ms, bool is_fault)
{
    if (is_fault && cell->streak++ == 0) {
        cell->streak_since_ms = now_ms;
    } else if (!is_fault) {
        cell->streak = 0;
    }
    last_calls_add(&cell->last, now_ms, is_fault);
}

/* Open, with the numbers that @cause counted, for people. */
static void open_breaker(struct cell *cell, uint64_t now_ms, enum breaker_cause cause,
                         uint64_t least_ms, struct rng *rng)
{
    bool is_storm = cause == CAUSE_REJECT_STORM;
    struct window_counts sum =
        window_sum(&cell->window, now_ms, is_storm ? STORM_S : cell->policy->window_s);
    const struct breaker_trip trip = {
        .cause = cause,
        .calls = cause == CAUSE_THIN ? cell->last.count : sum.calls,
        .faults = cause == CAUSE_THIN   ? last_calls_faults(&cell->last, NULL)
                  : cause == CAUSE_SLOW ? sum.slows
                  : is_storm            ? sum.rejects
                                        : sum.faults,
        .least_ms = least_ms,
    };

    PRE(cell->breaker.force == FORCE_NONE);
    breaker_open(&cell->breaker, now_ms, &trip, rng);
    cell_forget(cell);
    POST(cell->breaker.state == BREAKER_OPEN);
}

/* Count in the windows and trip if that was the drop. */
static bool count_closed(struct cell *cell, const struct call_end *end,
                         const struct window_counts *add, struct rng *rng)
{
    uint64_t now_ms = end->now_ms;
    enum breaker_cause cause;

    window_add(&cell->window, now_ms, add);
    if (add->faults == 0 || !cell->is_overtaken) {
        remember(cell, now_ms, add->faults > 0);
    }
    row_count(&cell->rejected, now_ms, add->rejects > 0);
    cause = trip_cause(cell, now_ms, add, end->full_ms);
    if (cause == CAUSE_NONE) {
        return false;
    }
    open_breaker(cell, now_ms, cause, end->least_ms, rng);
    return true;
}

static bool is_cell_fault(enum call call)
{
    return call == CALL_TRANSPORT || call == CALL_APP;
}

bool cell_result(struct cell *cell, const struct call_end *end, uint32_t generation, bool is_canary,
                 bool is_frozen, struct rng *rng)
{
    enum call call = end->call;
    uint64_t now_ms = end->now_ms;
    bool must_accept = cell->breaker.cause == CAUSE_REJECT_STORM;
    bool is_fault = is_cell_fault(call) || (must_accept && call == CALL_REJECT);
    struct window_counts add = {1, is_cell_fault(call), call == CALL_SLOW, call == CALL_REJECT};

    cell->active_ms = MAX_OF(now_ms, (uint64_t)1);
    if (call == CALL_NEUTRAL || call == CALL_CONNECT) {
        if (is_canary) {
            breaker_cancel_canary(&cell->breaker, generation);
        }
        return false;
    }
    count_minute(cell, now_ms, call == CALL_REJECT);
    if (is_frozen && !is_canary) {
        return false;
    }
    if (cell->breaker.state != BREAKER_CLOSED || cell->breaker.force != FORCE_NONE) {
        return breaker_result(&cell->breaker, now_ms, generation, is_fault, is_canary, rng);
    }
    if (generation != cell->breaker.generation) {
        return false;
    }
    row_take_over(&cell->silent, &cell->breaker);
    if (call != CALL_TRANSPORT || !cell->is_overtaken) {
        row_count(&cell->silent, now_ms, call == CALL_TRANSPORT);
    }
    return count_closed(cell, end, &add, rng);
}

bool cell_provisional(struct cell *cell, uint64_t now_ms, uint32_t generation, bool is_frozen)
{
    struct window_counts add = {.calls = 1, .faults = 1};

    if (is_frozen || generation != cell->breaker.generation || cell->breaker.force != FORCE_NONE) {
        return false;
    }
    if (cell->breaker.state != BREAKER_CLOSED) {
        return breaker_hanging(&cell->breaker, now_ms, generation);
    }
    window_add(&cell->window, now_ms, &add);
    remember(cell, now_ms, true);
    row_take_over(&cell->silent, &cell->breaker);
    row_count(&cell->silent, now_ms, true);
    return true;
}

bool cell_confirm(struct cell *cell, uint64_t now_ms, uint32_t generation, bool is_over,
                  struct rng *rng)
{
    enum breaker_cause cause;

    if (generation != cell->breaker.generation || cell->breaker.force != FORCE_NONE) {
        return false;
    }
    if (cell->breaker.state != BREAKER_CLOSED) {
        return (cell->is_blocking && breaker_blocked(&cell->breaker, now_ms, generation, rng)) ||
               breaker_confirm(&cell->breaker, now_ms, generation, rng);
    }
    if (is_over) {
        cell->confirmed_ms = now_ms;
    }
    cause = fault_cause(cell, now_ms);
    if (cause == CAUSE_NONE) {
        return false;
    }
    open_breaker(cell, now_ms, cause, 0, rng);
    return true;
}

void cell_take_back(struct cell *cell, uint64_t now_ms, uint64_t at_ms, uint32_t generation)
{
    breaker_take_back(&cell->breaker, generation);
    cell->streak = 0;
    cell->silent.calls = 0;
    window_take_back_fault(&cell->window, now_ms, at_ms);
    last_calls_take_back(&cell->last, at_ms);
}
