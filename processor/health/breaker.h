/**
 * breaker - the state machine both scopes share: a cell's and a destination's.
 *
 *             trip                      open time over, next fresh event
 *   CLOSED ---------> OPEN(k) ----------------------------> HALF_OPEN
 *     ^                 ^  ^                                  |   |
 *     |                 |  +------ 2 canaries fail: k+1 ------+   | 4 of 5 OK
 *     |                 +-- >= 50 % of >= 20, 10 in a row -- RAMP <+
 *     +---------- four steps passed (10 -> 25 -> 50 -> 100 %) --+
 *
 * Pure policy: no clock, no chance, no lock of its own; times are monotonic ms. Why it
 * trips is its owner's business (health/cell.h, health/destination.h). Rules:
 * docs/health.md; why these numbers: docs/health-simulation.md.
 */
#ifndef HEALTH_BREAKER_H
#define HEALTH_BREAKER_H

#include "base/rng.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_RAMP };
enum breaker_force { FORCE_NONE, FORCE_OPEN, FORCE_CLOSED };

/* Why it opened: one word each in logs, metrics and the ledger. Canaries or a ramp that fail are
 * no cause of their own: the outage goes on. */
enum breaker_cause {
    CAUSE_NONE,
    CAUSE_RATIO,
    CAUSE_BURST,
    CAUSE_THIN,
    CAUSE_SLOW,
    CAUSE_REJECT_STORM,
    CAUSE_TRANSPORT,
    CAUSE_QUORUM,
    CAUSE_ALL_CELLS,
    CAUSE_OPERATOR,
    CAUSE_COUNT,
};
const char *breaker_state_word(enum breaker_state state); /* closed open half_open ramp */
const char *breaker_cause_word(enum breaker_cause cause);

struct breaker_policy {
    uint64_t open_min_ms, open_max_ms; /* health.open */
    uint64_t lease_ms;                 /* a canary without an answer by then has failed */
};

enum { BREAKER_CANARIES = 5, BREAKER_OPENS = 4, BREAKER_RANKS = 3 };

struct breaker {
    const struct breaker_policy *policy;
    enum breaker_state state;
    enum breaker_force force;
    enum breaker_cause cause; /* of the present outage; NONE while closed */
    uint32_t generation;      /* grows with every transition: results of an older one are dropped */
    uint32_t k;               /* back-off exponent of the open time */
    uint64_t since_ms;        /* of the present state */
    uint64_t until_ms;        /* OPEN: no canary before */
    uint64_t closed_credit_ms;     /* CLOSED: since when time counts towards k - 1 */
    uint64_t opens[BREAKER_OPENS]; /* when it last opened, newest first; 0: never */
    bool is_flapping;
    uint32_t opened_calls, opened_faults; /* what opened it last, for people */
    /* HALF_OPEN */
    uint64_t lease_until_ms; /* of the canary in flight; 0: none */
    uint64_t probed_ms;      /* when the last canary left; 0: never */
    uint8_t canary_bits;     /* of the last five, 1: it went well */
    uint8_t canary_count, canary_failed;
    /* RAMP */
    uint32_t step;
    uint64_t step_since_ms;
    uint32_t step_calls, step_faults, faults_in_row;
    uint64_t hanging_since_ms;     /* when the first of those counted */
    uint32_t hanging_in_row;       /* calls that hang or timed out, since one was answered */
    uint32_t asked[BREAKER_RANKS]; /* events that wanted to go, lately, by rank */
};

/* Why a closed one opens, and for how long at least. */
struct breaker_trip {
    enum breaker_cause cause;
    uint32_t calls, faults; /* what was seen that led to it, for people */
    uint64_t least_ms;      /* no canary sooner (Retry-After) */
};

enum gate { GATE_GO, GATE_CANARY, GATE_DIVERT };

void breaker_init(struct breaker *breaker, const struct breaker_policy *policy, uint64_t now_ms);
/** May this event go? @hash: of its event_id, so that it keeps its side of the ramp. A CANARY must
 * be answered by breaker_result(), or given up by breaker_cancel_canary(). */
enum gate breaker_admit(struct breaker *breaker, uint64_t now_ms, uint64_t hash, struct rng *rng);
/** The hash to ask with for an event of @rank (0: first): in the ramp those of the first rank take
 * its share before the others, which keep a quarter of theirs. As it is otherwise, and where all
 * are of one rank. */
uint64_t breaker_rank_hash(struct breaker *breaker, uint64_t hash, unsigned rank);
/** One call ended; @generation is the one it was admitted under. True when the state changed. */
bool breaker_result(struct breaker *breaker, uint64_t now_ms, uint32_t generation, bool is_fault,
                    bool is_canary, struct rng *rng);
/** The canary said nothing about health (throttled, credential, never sent): the next event may
 * try. */
void breaker_cancel_canary(struct breaker *breaker, uint32_t generation);
/** The canary has not left yet: its lease begins now. */
void breaker_canary_waits(struct breaker *breaker, uint64_t now_ms, uint32_t generation);
/** A call hangs: counted in the ramp as a fault, which opens nothing before one was confirmed. True
 * when it was counted. */
bool breaker_hanging(struct breaker *breaker, uint64_t now_ms, uint32_t generation);
/** Others wait behind those that hang: in a ramp two of them are enough, over four seconds. True
 * when the state changed. */
bool breaker_blocked(struct breaker *breaker, uint64_t now_ms, uint32_t generation,
                     struct rng *rng);
/** One that was counted so has failed. True when the state changed. */
bool breaker_confirm(struct breaker *breaker, uint64_t now_ms, uint32_t generation,
                     struct rng *rng);
/** One that was counted so ended well after all. */
void breaker_take_back(struct breaker *breaker, uint32_t generation);
/** Open a closed one. */
void breaker_open(struct breaker *breaker, uint64_t now_ms, const struct breaker_trip *trip,
                  struct rng *rng);
/** Back to CLOSED with k = 0: absorbed by the destination's breaker. */
void breaker_absorb(struct breaker *breaker, uint64_t now_ms);
/** Let time pass: lease over, ramp steps, k and flapping decay. True when the state changed. */
bool breaker_tick(struct breaker *breaker, uint64_t now_ms, struct rng *rng);
void breaker_set_force(struct breaker *breaker, enum breaker_force force, uint64_t now_ms);
/** Share of events that may go now: 1 closed, 0 open, the step's in RAMP. */
double breaker_share(const struct breaker *breaker);

#endif /* HEALTH_BREAKER_H */
