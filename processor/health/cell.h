/**
 * cell - the health of one (destination, event type): what a call counts, and when it trips.
 *
 * A call is one request. It counts at its end; one in flight longer than half its time-out
 * counts as a provisional fault, so that when the first times out the others that hang are
 * known. By themselves these open nothing: slow answers are no outage.
 *
 *   ratio         >= minimum calls in the window, faults >= failures
 *   burst         >= 10 calls in 5 s, faults >= 90 %
 *   streak        20 faults in a row over at least a second (as cause: burst)
 *   silence       8 calls without an answer in a row over at least 4 s, or 2 over at least 4 s
 *                 (or 4 over at least 2 s) while others wait behind them (as cause: burst)
 *   thin          only while < minimum calls in the window: 9 of the last 10 within 10 min
 *   slow          >= 80 % of >= minimum calls slow while the concurrency limit was full for 10 s
 *   reject storm  >= 90 % of >= 50 calls in 10 s or in 60 s rejected while the hour before
 *                 had < 10 %; or 50 in a row over at least a second, where it was < 50 %
 *
 * A call that went well trips nothing, so healthy traffic costs one addition.
 * For ratio and burst the faults lie in >= 2 distinct seconds: one connection that takes
 * twenty requests with it is one fault, not an outage.
 */
#ifndef HEALTH_CELL_H
#define HEALTH_CELL_H

#include "health/breaker.h"
#include "health/window.h"

/* What a call told about health. */
enum call {
    CALL_OK,
    CALL_SLOW,      /* OK, but slower than health.slow */
    CALL_CONNECT,   /* no request byte was written: says nothing about the type */
    CALL_TRANSPORT, /* sent, but no answer */
    CALL_APP,       /* an answer that is a fault */
    CALL_REJECT,    /* alive */
    CALL_NEUTRAL,   /* throttled, credential, a local resource error */
};

static inline bool call_is_fault(enum call call)
{
    return call == CALL_TRANSPORT || call == CALL_APP || call == CALL_CONNECT;
}

/* The end of a call, as cells and destinations judge it. */
struct call_end {
    uint64_t now_ms;
    enum call call;
    bool is_life_sign; /* a well-formed answer of the application */
    uint64_t full_ms;  /* for how long the concurrency limit has been full */
    uint64_t least_ms; /* Retry-After, or 0 */
};

struct cell_policy {
    struct breaker_policy breaker;
    uint32_t window_s; /* health.window, at most 60 */
    uint32_t minimum;  /* health.minimum */
    double failures;   /* health.failures */
};

/* Faults in a row that are an outage: at 35 % background failures once in 10^9 calls. */
enum { STREAK_CALLS = 20, STREAK_MS = 1000 };

/* Calls in a row of one kind. */
struct row {
    uint32_t calls;
    uint64_t since_ms; /* when the first of them counted */
};

static inline void row_count(struct row *row, uint64_t now_ms, bool is_another)
{
    if (!is_another) {
        row->calls = 0;
    } else if (row->calls++ == 0) {
        row->since_ms = now_ms;
    }
}

/* What hung when a ramp ended goes on hanging. */
static inline void row_take_over(struct row *row, struct breaker *breaker)
{
    if (breaker->hanging_in_row > 0) {
        *row = (struct row){row->calls + breaker->hanging_in_row, breaker->hanging_since_ms};
        breaker->hanging_in_row = 0;
    }
}

/* Nobody is heard any more: many calls, or few behind which others wait. */
enum { SILENT_CALLS = 8, SILENT_MS = 4000, BLOCKING_CALLS = 2, BLOCKING_MS = 4000 };
/* Fresh samples hang as well: as soon as the first has timed out. */
enum { SAMPLED_CALLS = 4, SAMPLED_MS = 2000 };

static inline bool row_is_silence(const struct row *row, uint64_t now_ms, bool is_blocking)
{
    uint64_t for_ms = now_ms - row->since_ms;

    return (row->calls >= SILENT_CALLS && for_ms >= SILENT_MS) ||
           (is_blocking && row->calls >= BLOCKING_CALLS && for_ms >= BLOCKING_MS) ||
           (is_blocking && row->calls >= SAMPLED_CALLS && for_ms >= SAMPLED_MS);
}

/* Refusals in a row that are a storm, of who was mostly accepted in the hour before. */
enum { STORM_ROW = 50, STORM_ROW_MS = 1000 };

static inline bool row_is_storm(const struct row *row, uint64_t now_ms)
{
    return row->calls >= STORM_ROW && now_ms - row->since_ms >= STORM_ROW_MS;
}

/* A call that fails after so long, when one that was sent after it has been served, is a single
 * fault and no sign of an outage: the destination serves. It counts in the windows (ratio, burst),
 * not in the rows (streak, silence, thin). */
enum { OVERTAKEN_MS = 1000 };

static inline bool call_is_overtaken(uint64_t served_ms, uint64_t sent_ms, uint64_t now_ms)
{
    return sent_ms != 0 && sent_ms < served_ms && now_ms - sent_ms >= OVERTAKEN_MS;
}

enum { CELL_HOUR_MINUTES = 60 };

struct cell {
    const struct cell_policy *policy;
    struct breaker breaker;
    struct window window;
    struct last_calls last;
    struct {
        uint32_t calls, rejects;
    } minutes[CELL_HOUR_MINUTES]; /* a ring, for the hour before a reject storm */
    uint64_t minute;
    uint32_t streak; /* faults in a row */
    uint64_t streak_since_ms;
    struct row silent; /* no answer, or none yet */
    struct row rejected;
    uint64_t served_ms;    /* when the newest call that ended well was sent; 0: never */
    bool is_blocking;      /* others wait behind the call that is judged */
    bool is_overtaken;     /* and one that was sent after it has been served */
    uint64_t confirmed_ms; /* when a call that hung failed for good; 0: never */
    uint64_t active_ms;    /* when there was traffic last, sent or diverted; 0: never */
    uint64_t fault_ms;     /* when a call last failed, connecting included; 0: never */
};

void cell_init(struct cell *cell, const struct cell_policy *policy, uint64_t now_ms);
/** A call ended that was admitted under @generation. @is_frozen: the destination's own breaker is
 * not closed, so the window stands still. True when the state changed. */
bool cell_result(struct cell *cell, const struct call_end *end, uint32_t generation, bool is_canary,
                 bool is_frozen, struct rng *rng);
/** A call has been in flight for half its time-out. True when it counts now, so not again at its
 * end; it changes no state. */
bool cell_provisional(struct cell *cell, uint64_t now_ms, uint32_t generation, bool is_frozen);
/** What hangs counts at once: one has timed out since anybody was answered. */
bool cell_has_timed_out(const struct cell *cell);
/** Mostly accepted in the hour before the present two minutes. */
bool cell_was_accepted(const struct cell *cell, uint64_t now_ms);
/** One that counted so has failed for good (@is_over), or may be the last drop. True when the state
 * changed. */
bool cell_confirm(struct cell *cell, uint64_t now_ms, uint32_t generation, bool is_over,
                  struct rng *rng);
/** A call counted provisionally at @at_ms ended well after all: call before cell_result(). */
void cell_take_back(struct cell *cell, uint64_t now_ms, uint64_t at_ms, uint32_t generation);
/** Behind the destination's gate: closed, with empty windows. */
void cell_absorb(struct cell *cell, uint64_t now_ms);
void cell_forget(struct cell *cell); /* windows empty; the state stays */

#endif /* HEALTH_CELL_H */
