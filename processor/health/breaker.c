#include "health/breaker.h"

#include <string.h>

enum {
    CANARY_GAP_MS = 1000,
    CANARIES_TO_PASS = 4,
    CANARIES_TO_FAIL = 2,
    STEP_MS = 3000,
    STEP_HOLD_CALLS = 10,   /* a step with >= 40 % of >= 10 failed holds, */
    STEP_SILENT_CALLS = 3,  /* and one with all of >= 3 */
    STEP_REOPEN_CALLS = 20, /* >= 50 % of >= 20, or ten in a row: reopen */
    STEP_REOPEN_ROW = 10,
    STEP_REOPEN_HANGING = 4, /* few connections are all there is in a ramp */
    BLOCKING_HANGING = 2,
    BLOCKING_HANGING_MS = 4000,
    K_MAX = 8,
    K_DECAY_MS = 60 * 1000,
    FLAP_MS = 10 * 60 * 1000, /* four opens within this: flapping */
    FLAP_OPEN_MIN_MS = 60 * 1000,
    ASKED_MAX = 1024,
};

/* Of its part of a ramp's share, what a later rank keeps however many of the first there are. */
static const double kept_share = 0.25;

static const double ramp_steps[] = {0.10, 0.25, 0.50, 1.00};

const char *breaker_state_word(enum breaker_state state)
{
    static const char *const words[] = {"closed", "open", "half_open", "ramp"};

    PRE((size_t)state < COUNT_OF(words));
    return words[state];
}

const char *breaker_cause_word(enum breaker_cause cause)
{
    static const char *const words[CAUSE_COUNT] = {
        [CAUSE_NONE] = "none",           [CAUSE_RATIO] = "ratio",
        [CAUSE_BURST] = "burst",         [CAUSE_THIN] = "thin",
        [CAUSE_SLOW] = "slow",           [CAUSE_REJECT_STORM] = "reject_storm",
        [CAUSE_TRANSPORT] = "transport", [CAUSE_QUORUM] = "quorum",
        [CAUSE_ALL_CELLS] = "all_cells", [CAUSE_OPERATOR] = "operator",
    };

    PRE((size_t)cause < CAUSE_COUNT);
    return words[cause];
}

void breaker_init(struct breaker *breaker, const struct breaker_policy *policy, uint64_t now_ms)
{
    *breaker = (struct breaker){.policy = policy, .since_ms = now_ms, .closed_credit_ms = now_ms};
}

/* What its owner sees between two calls. */
static void check_invariants(const struct breaker *breaker)
{
    INVARIANT((breaker->state == BREAKER_CLOSED) == (breaker->cause == CAUSE_NONE));
    INVARIANT(breaker->k <= K_MAX);
    INVARIANT(breaker->state != BREAKER_OPEN || breaker->until_ms >= breaker->since_ms);
    INVARIANT(breaker->state != BREAKER_HALF_OPEN || breaker->canary_failed < CANARIES_TO_FAIL);
    INVARIANT(breaker->state != BREAKER_RAMP || breaker->step < COUNT_OF(ramp_steps));
    INVARIANT(breaker->step_faults <= breaker->step_calls);
}

/* Closed is reached from everywhere: its owner may absorb it, or an operator override it. */
static bool is_legal_move(enum breaker_state from, enum breaker_state to)
{
    switch (to) {
    case BREAKER_CLOSED:
        return true;
    case BREAKER_OPEN:
        return from != BREAKER_OPEN;
    case BREAKER_HALF_OPEN:
        return from == BREAKER_OPEN;
    case BREAKER_RAMP:
        return from == BREAKER_HALF_OPEN;
    }
    return false;
}

static void enter(struct breaker *breaker, enum breaker_state state, uint64_t now_ms)
{
    PRE(is_legal_move(breaker->state, state));
    PRE(now_ms >= breaker->since_ms);
    breaker->state = state;
    breaker->generation++;
    breaker->since_ms = now_ms;
}

static void enter_closed(struct breaker *breaker, uint64_t now_ms)
{
    enter(breaker, BREAKER_CLOSED, now_ms);
    breaker->hanging_in_row = 0;
    breaker->cause = CAUSE_NONE;
    breaker->closed_credit_ms = now_ms;
}

static void enter_half_open(struct breaker *breaker, uint64_t now_ms)
{
    enter(breaker, BREAKER_HALF_OPEN, now_ms);
    breaker->lease_until_ms = 0;
    breaker->canary_bits = 0;
    breaker->canary_count = 0;
    breaker->canary_failed = 0;
}

static void enter_ramp(struct breaker *breaker, uint64_t now_ms)
{
    enter(breaker, BREAKER_RAMP, now_ms);
    breaker->step = 0;
    breaker->step_since_ms = now_ms;
    breaker->step_calls = 0;
    breaker->step_faults = 0;
    breaker->faults_in_row = 0;
    breaker->hanging_in_row = 0;
    memset(breaker->asked, 0, sizeof(breaker->asked));
}

static void count_open(struct breaker *breaker, uint64_t now_ms)
{
    memmove(&breaker->opens[1], &breaker->opens[0],
            sizeof(breaker->opens) - sizeof(breaker->opens[0]));
    breaker->opens[0] = MAX_OF(now_ms, (uint64_t)1);
    if (breaker->opens[BREAKER_OPENS - 1] != 0 &&
        now_ms - breaker->opens[BREAKER_OPENS - 1] <= FLAP_MS) {
        breaker->is_flapping = true;
    }
}

/* min(max, min * 2^k), at least a minute while flapping; half of it fixed, half chance. */
static uint64_t open_ms(const struct breaker *breaker, struct rng *rng)
{
    uint64_t max_ms = breaker->policy->open_max_ms;
    uint64_t ms = breaker->policy->open_min_ms << breaker->k;

    PRE(breaker->policy->open_min_ms <= max_ms);
    ms = MIN_OF(ms, max_ms);
    if (breaker->is_flapping) {
        ms = MAX_OF(ms, (uint64_t)FLAP_OPEN_MIN_MS);
    }
    return ms / 2 + rng_below(rng, ms / 2 + 1);
}

static void enter_open(struct breaker *breaker, uint64_t now_ms, const struct breaker_trip *trip,
                       struct rng *rng)
{
    breaker->opened_calls = trip->calls;
    breaker->opened_faults = trip->faults;
    enter(breaker, BREAKER_OPEN, now_ms);
    breaker->until_ms = now_ms + MAX_OF(open_ms(breaker, rng), trip->least_ms);
}

void breaker_open(struct breaker *breaker, uint64_t now_ms, const struct breaker_trip *trip,
                  struct rng *rng)
{
    PRE(trip->cause != CAUSE_NONE);
    PRE(breaker->state == BREAKER_CLOSED);
    breaker->cause = trip->cause;
    count_open(breaker, now_ms);
    enter_open(breaker, now_ms, trip, rng);
    check_invariants(breaker);
}

/* The canaries or the ramp failed: the same outage, of the same cause, goes on. One that only
 * fails its canaries is long, not flapping. */
static void reopen(struct breaker *breaker, uint64_t now_ms, uint32_t calls, uint32_t faults,
                   struct rng *rng)
{
    const struct breaker_trip trip = {.calls = calls, .faults = faults};

    PRE(breaker->cause != CAUSE_NONE);
    PRE(faults <= calls);
    breaker->k = MIN_OF(breaker->k + 1, (uint32_t)K_MAX);
    if (breaker->state == BREAKER_RAMP) {
        count_open(breaker, now_ms);
    }
    enter_open(breaker, now_ms, &trip, rng);
}

void breaker_absorb(struct breaker *breaker, uint64_t now_ms)
{
    breaker->k = 0;
    if (breaker->state != BREAKER_CLOSED) {
        enter_closed(breaker, now_ms);
    }
    check_invariants(breaker);
}

/* A canary's word, good or bad; true when it decides. */
static bool count_canary(struct breaker *breaker, uint64_t now_ms, bool is_fault, struct rng *rng)
{
    unsigned passed = 0;

    PRE(breaker->state == BREAKER_HALF_OPEN);
    breaker->lease_until_ms = 0;
    breaker->canary_bits = (uint8_t)(breaker->canary_bits << 1 | (is_fault ? 0 : 1));
    breaker->canary_count = (uint8_t)MIN_OF(breaker->canary_count + 1, BREAKER_CANARIES);
    breaker->canary_failed = (uint8_t)(breaker->canary_failed + is_fault);
    if (breaker->canary_failed >= CANARIES_TO_FAIL) {
        reopen(breaker, now_ms, breaker->canary_count, breaker->canary_failed, rng);
        return true;
    }
    for (unsigned i = 0; i < BREAKER_CANARIES; i++) {
        passed += breaker->canary_bits >> i & 1u;
    }
    if (passed >= CANARIES_TO_PASS) {
        enter_ramp(breaker, now_ms);
        return true;
    }
    return false;
}

static void add_to_step(struct breaker *breaker, bool is_fault)
{
    PRE(breaker->state == BREAKER_RAMP);
    breaker->step_calls++;
    breaker->step_faults += is_fault;
    breaker->faults_in_row = is_fault ? breaker->faults_in_row + 1 : 0;
    breaker->hanging_in_row = is_fault ? breaker->hanging_in_row : 0;
}

static bool check_ramp(struct breaker *breaker, uint64_t now_ms, struct rng *rng)
{
    if ((breaker->step_calls >= STEP_REOPEN_CALLS &&
         breaker->step_faults * 2 >= breaker->step_calls) ||
        breaker->faults_in_row >= STEP_REOPEN_ROW ||
        breaker->hanging_in_row >= STEP_REOPEN_HANGING) {
        reopen(breaker, now_ms, breaker->step_calls, breaker->step_faults, rng);
        return true;
    }
    return false;
}

bool breaker_result(struct breaker *breaker, uint64_t now_ms, uint32_t generation, bool is_fault,
                    bool is_canary, struct rng *rng)
{
    if (generation != breaker->generation) {
        return false; /* speaks of another time */
    }
    if (breaker->state == BREAKER_HALF_OPEN && is_canary) {
        return count_canary(breaker, now_ms, is_fault, rng);
    }
    if (breaker->state == BREAKER_RAMP) {
        add_to_step(breaker, is_fault);
        return check_ramp(breaker, now_ms, rng);
    }
    return false;
}

bool breaker_hanging(struct breaker *breaker, uint64_t now_ms, uint32_t generation)
{
    bool counts = generation == breaker->generation && breaker->state == BREAKER_RAMP;

    if (counts) {
        add_to_step(breaker, true);
        if (breaker->hanging_in_row++ == 0) {
            breaker->hanging_since_ms = now_ms;
        }
    }
    return counts;
}

bool breaker_confirm(struct breaker *breaker, uint64_t now_ms, uint32_t generation, struct rng *rng)
{
    return generation == breaker->generation && breaker->state == BREAKER_RAMP &&
           check_ramp(breaker, now_ms, rng);
}

bool breaker_blocked(struct breaker *breaker, uint64_t now_ms, uint32_t generation, struct rng *rng)
{
    bool is_blocking = generation == breaker->generation && breaker->state == BREAKER_RAMP &&
                       breaker->hanging_in_row >= BLOCKING_HANGING &&
                       now_ms - breaker->hanging_since_ms >= BLOCKING_HANGING_MS;

    if (is_blocking) {
        reopen(breaker, now_ms, breaker->step_calls, breaker->step_faults, rng);
    }
    return is_blocking;
}

void breaker_cancel_canary(struct breaker *breaker, uint32_t generation)
{
    if (generation == breaker->generation && breaker->state == BREAKER_HALF_OPEN) {
        breaker->lease_until_ms = 0;
    }
}

void breaker_canary_waits(struct breaker *breaker, uint64_t now_ms, uint32_t generation)
{
    if (generation == breaker->generation && breaker->state == BREAKER_HALF_OPEN) {
        breaker->lease_until_ms = now_ms + breaker->policy->lease_ms;
    }
}

void breaker_take_back(struct breaker *breaker, uint32_t generation)
{
    if (generation == breaker->generation && breaker->state == BREAKER_RAMP) {
        breaker->step_calls -= breaker->step_calls > 0;
        breaker->step_faults -= breaker->step_faults > 0;
        breaker->faults_in_row = 0;
        breaker->hanging_in_row = 0;
    }
    check_invariants(breaker);
}

/* Time spent CLOSED forgives: k - 1 a minute, flapping after ten. */
static void forgive(struct breaker *breaker, uint64_t now_ms)
{
    while (breaker->k > 0 && now_ms - breaker->closed_credit_ms >= K_DECAY_MS) {
        breaker->k--;
        breaker->closed_credit_ms += K_DECAY_MS;
    }
    if (breaker->is_flapping && now_ms - breaker->since_ms >= FLAP_MS) {
        breaker->is_flapping = false;
        memset(breaker->opens, 0, sizeof(breaker->opens));
    }
}

/* Too many failed to go on; or nobody was served, and few connections are all there is in a ramp.
 */
static bool holds_step(const struct breaker *breaker)
{
    if (breaker->step_calls < STEP_HOLD_CALLS) {
        return breaker->step_calls >= STEP_SILENT_CALLS &&
               breaker->step_faults == breaker->step_calls;
    }
    return breaker->step_faults * 5 >= breaker->step_calls * 2;
}

static bool tick_ramp(struct breaker *breaker, uint64_t now_ms)
{
    uint32_t hanging;

    if (now_ms - breaker->step_since_ms < STEP_MS || holds_step(breaker)) {
        return false;
    }
    breaker->step++;
    breaker->step_since_ms = now_ms;
    breaker->step_calls = 0;
    breaker->step_faults = 0;
    if (breaker->step < COUNT_OF(ramp_steps)) {
        return false;
    }
    hanging = breaker->hanging_in_row;
    enter_closed(breaker, now_ms);
    INVARIANT(breaker->generation > 0);
    breaker->generation--;             /* what was sent in its last step is of this time, */
    breaker->hanging_in_row = hanging; /* and what of it hangs */
    check_invariants(breaker);
    return true;
}

bool breaker_tick(struct breaker *breaker, uint64_t now_ms, struct rng *rng)
{
    switch (breaker->state) {
    case BREAKER_CLOSED:
        forgive(breaker, now_ms);
        return false;
    case BREAKER_OPEN:
        return false; /* a fresh event, not time alone, makes it HALF_OPEN */
    case BREAKER_HALF_OPEN:
        return breaker->lease_until_ms != 0 && now_ms >= breaker->lease_until_ms &&
               count_canary(breaker, now_ms, true, rng);
    case BREAKER_RAMP:
        return tick_ramp(breaker, now_ms);
    }
    return false;
}

static enum gate admit_canary(struct breaker *breaker, uint64_t now_ms)
{
    bool is_too_soon = breaker->probed_ms != 0 && now_ms - breaker->probed_ms < CANARY_GAP_MS;

    if (breaker->lease_until_ms != 0 || is_too_soon) {
        return GATE_DIVERT;
    }
    breaker->lease_until_ms = now_ms + breaker->policy->lease_ms;
    breaker->probed_ms = now_ms;
    POST(breaker->lease_until_ms != 0); /* or a second canary would go beside it */
    return GATE_CANARY;
}

static void count_asked(struct breaker *breaker, unsigned rank)
{
    if (++breaker->asked[rank] < ASKED_MAX) {
        return;
    }
    for (unsigned i = 0; i < BREAKER_RANKS; i++) { /* the mix of lately counts */
        breaker->asked[i] /= 2;
    }
}

/* The share of @rank's events that may go, when @share of all may. */
static double share_of(const struct breaker *breaker, double share, unsigned rank)
{
    double left = 0;
    double kept = 0;
    double own = 0;

    PRE(breaker->asked[rank] > 0);
    for (unsigned i = 0; i < BREAKER_RANKS; i++) {
        left += share * breaker->asked[i];
        kept += share * breaker->asked[i] * kept_share;
    }
    for (unsigned i = 0; i <= rank; i++) {
        kept -= share * breaker->asked[i] * kept_share; /* what remains is for those behind it */
        own = MIN_OF((double)breaker->asked[i], left - kept);
        left -= own;
    }
    return own / breaker->asked[rank];
}

uint64_t breaker_rank_hash(struct breaker *breaker, uint64_t hash, unsigned rank)
{
    double share = breaker_share(breaker);
    double own;

    PRE(rank < BREAKER_RANKS);
    if (breaker->state != BREAKER_RAMP || share >= 1) {
        return hash;
    }
    count_asked(breaker, rank);
    own = share_of(breaker, share, rank);
    INVARIANT(own > 0); /* each rank keeps a part of its share */
    return (uint64_t)MIN_OF((double)hash * share / own, 0x1.fffffffffffffp63);
}

enum gate breaker_admit(struct breaker *breaker, uint64_t now_ms, uint64_t hash, struct rng *rng)
{
    if (breaker->force != FORCE_NONE) {
        return breaker->force == FORCE_CLOSED ? GATE_GO : GATE_DIVERT;
    }
    (void)breaker_tick(breaker, now_ms, rng);
    if (breaker->state == BREAKER_OPEN && now_ms >= breaker->until_ms) {
        enter_half_open(breaker, now_ms);
    }
    check_invariants(breaker);
    switch (breaker->state) {
    case BREAKER_CLOSED:
        return GATE_GO;
    case BREAKER_OPEN:
        return GATE_DIVERT;
    case BREAKER_HALF_OPEN:
        return admit_canary(breaker, now_ms);
    case BREAKER_RAMP:
        return (double)(hash >> 11) * 0x1.0p-53 < breaker_share(breaker) ? GATE_GO : GATE_DIVERT;
    }
    return GATE_DIVERT;
}

void breaker_set_force(struct breaker *breaker, enum breaker_force force, uint64_t now_ms)
{
    if (breaker->force == force) {
        return;
    }
    breaker->force = force;
    breaker->k = 0;
    enter_closed(breaker, now_ms); /* what comes after an override is measured anew */
}

double breaker_share(const struct breaker *breaker)
{
    if (breaker->force != FORCE_NONE) {
        return breaker->force == FORCE_CLOSED ? 1 : 0;
    }
    switch (breaker->state) {
    case BREAKER_CLOSED:
        return 1;
    case BREAKER_RAMP:
        return ramp_steps[breaker->step];
    case BREAKER_OPEN:
    case BREAKER_HALF_OPEN:
        return 0;
    }
    return 0;
}
