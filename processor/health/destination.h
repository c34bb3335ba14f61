/**
 * destination - the health above the cells: is one type broken, or everything?
 *
 * The destination's breaker opens when
 *   transport   >= 20 calls in 10 s, >= 50 % connect or transport faults, in >= 2 seconds
 *   thin        the last ten calls (within 2 min) all but one such faults, over >= 1 s,
 *               while there are few calls or none of them spoke
 *   quorum      >= 2 and >= 50 % of the cells with traffic in the last 60 s are open
 *   - each only without a life sign -
 *   streak      20 faults in a row over at least a second, or 10 over at least 4 s, from >= 2
 *               and >= 3/4 of the cells with traffic in the last 60 s (as all cells)
 *   silence     2 calls in a row without connection or answer, over at least 4 s, while others
 *               wait behind them (as transport)
 *   all cells   every one of >= 2 cells with traffic in the last 60 s is open
 *   reject storm  all cells, and some of them by a reject storm; or 50 refusals in a row over at
 *               least a second, from >= 2 and >= 3/4 of the cells: its canaries must be accepted
 *
 * A life sign is any well-formed answer of the application within 3 s: it keeps one bad
 * type from taking the others down. When the breaker opens, cells that opened in the last
 * 15 s (all, for all cells) are absorbed, so that a global outage ends once, not once a type.
 */
#ifndef HEALTH_DESTINATION_H
#define HEALTH_DESTINATION_H

#include "health/cell.h"

enum { DESTINATION_CELLS_MAX = 256 };

enum scope { SCOPE_NONE, SCOPE_PARTIAL, SCOPE_GLOBAL };
const char *scope_word(enum scope scope);

struct destination_health {
    struct cell_policy policy;
    struct breaker breaker;
    struct window window; /* faults: connect and transport */
    struct last_calls last;
    uint32_t streak;   /* faults of any kind in a row */
    struct row silent; /* no connection, no answer, or none yet */
    struct row rejected;
    uint64_t served_ms;       /* when the newest call that ended well was sent; 0: never */
    bool is_blocking;         /* others wait behind the call that is judged */
    bool is_overtaken;        /* and one that was sent after it has been served */
    uint64_t streak_since_ms; /* when the first of them ended */
    uint64_t alive_ms;        /* last life sign; 0: never */
    uint64_t confirmed_ms;    /* when a call that hung failed for good; 0: never */
    struct cell *cells[DESTINATION_CELLS_MAX]; /* owned */
    size_t cell_count;
    struct rng rng;
};

/* What an event was admitted under; goes with it and comes back with its result. */
struct ticket {
    uint32_t cell_generation;
    uint32_t destination_generation;
    bool is_canary; /* of the cell */
    bool is_destination_canary;
    bool is_background; /* a backfill's: counts for nothing while live events come */
    /* said by who asks: others have waited for long behind it */
    bool is_blocking; /* of its type */
    bool blocks_destination;
    uint64_t sent_ms; /* when its request was sent; 0: not known, so after all others */
};

void destination_health_init(struct destination_health *health, const struct cell_policy *policy,
                             uint64_t seed, uint64_t now_ms);
void destination_health_fini(struct destination_health *health);
/** A new cell's index; when there are DESTINATION_CELLS_MAX already, the last one is shared. */
size_t destination_health_add(struct destination_health *health, uint64_t now_ms);
/** Cell @index is another type's now: as new, and results of the old one are dropped. */
void destination_health_renew(struct destination_health *health, size_t index, uint64_t now_ms);
/** May an event of cell @index and @rank (0: first in a ramp) go? GATE_CANARY: alone, and answered
 * or cancelled. */
enum gate destination_admit(struct destination_health *health, size_t index, uint64_t now_ms,
                            uint64_t hash, unsigned rank, struct ticket *ticket);
/** A call of cell @index ended that had @ticket. True on any transition. */
bool destination_result(struct destination_health *health, size_t index, const struct call_end *end,
                        const struct ticket *ticket);
/** A call hangs. True when it counts now, and so not again at its end: then destination_confirm()
 * or, if it ended well, destination_take_back(). Opens nothing before one has timed out;
 * @is_changed: it was the last drop after one had. */
bool destination_provisional(struct destination_health *health, size_t index, uint64_t now_ms,
                             const struct ticket *ticket, bool *is_changed);
/** It failed for good. True on any transition. */
bool destination_confirm(struct destination_health *health, size_t index, uint64_t now_ms,
                         const struct ticket *ticket);
/** A provisional fault of @at_ms ended well: before destination_result(). */
void destination_take_back(struct destination_health *health, size_t index, uint64_t now_ms,
                           uint64_t at_ms, const struct ticket *ticket);
/** A canary that has not left yet: its lease begins now. */
void destination_canary_waits(struct destination_health *health, size_t index, uint64_t now_ms,
                              const struct ticket *ticket);
void destination_cancel(struct destination_health *health, size_t index,
                        const struct ticket *ticket);
bool destination_tick(struct destination_health *health, uint64_t now_ms);
enum scope destination_scope(const struct destination_health *health);

#endif /* HEALTH_DESTINATION_H */
