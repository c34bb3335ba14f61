#include "health/destination.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    TRANSPORT_S = 10,
    TRANSPORT_CALLS = 20,
    THIN_FAULTS = 9,
    THIN_MS = 2 * 60 * 1000,
    THIN_LEAST_MS = 1000,
    FAULT_SECONDS = 2,
    LIFE_MS = 3000,
    ACTIVE_MS = 60 * 1000,
    ABSORB_MS = 15 * 1000,
    SPARSE_CALLS = 10, /* a streak of fewer calls has to last longer */
    SPARSE_MS = 4000,
    PROBE_ANYWAY_MS = 10 * 1000,
};

const char *scope_word(enum scope scope)
{
    static const char *const words[] = {"none", "partial", "global"};

    PRE((size_t)scope < COUNT_OF(words));
    return words[scope];
}

void destination_health_init(struct destination_health *health, const struct cell_policy *policy,
                             uint64_t seed, uint64_t now_ms)
{
    *health = (struct destination_health){.policy = *policy, .rng = {.state = seed}};
    breaker_init(&health->breaker, &health->policy.breaker, now_ms);
}

void destination_health_fini(struct destination_health *health)
{
    for (size_t i = 0; i < health->cell_count; i++) {
        free(health->cells[i]);
    }
    health->cell_count = 0;
}

size_t destination_health_add(struct destination_health *health, uint64_t now_ms)
{
    struct cell *cell;

    if (health->cell_count == DESTINATION_CELLS_MAX) {
        return DESTINATION_CELLS_MAX - 1;
    }
    cell = mem_new(struct cell);
    cell_init(cell, &health->policy, now_ms);
    health->cells[health->cell_count] = cell;
    return health->cell_count++;
}

static struct cell *cell_at(const struct destination_health *health, size_t index)
{
    PRE(index < health->cell_count);
    INVARIANT(health->cells[index] != NULL);
    return health->cells[index];
}

void destination_health_renew(struct destination_health *health, size_t index, uint64_t now_ms)
{
    struct cell *cell = cell_at(health, index);
    uint32_t generation = cell->breaker.generation;

    PRE(cell->breaker.state == BREAKER_CLOSED); /* an outage is not forgotten */
    cell_init(cell, &health->policy, now_ms);
    cell->breaker.generation = generation + 1;
}

static bool is_frozen(const struct destination_health *health)
{
    return health->breaker.state != BREAKER_CLOSED;
}

/* A type that is broken by itself says nothing of the destination; but when no other comes by
 * for ten seconds, it is asked all the same, or the destination would stay closed for ever. */
static bool may_probe(const struct destination_health *health, const struct cell *cell,
                      uint64_t now_ms)
{
    return cell->breaker.state == BREAKER_CLOSED ||
           now_ms - health->breaker.since_ms >= PROBE_ANYWAY_MS;
}

enum gate destination_admit(struct destination_health *health, size_t index, uint64_t now_ms,
                            uint64_t hash, unsigned rank, struct ticket *ticket)
{
    struct cell *cell = cell_at(health, index);
    enum gate gate = breaker_admit(&health->breaker, now_ms,
                                   breaker_rank_hash(&health->breaker, hash, rank), &health->rng);

    cell->active_ms = MAX_OF(now_ms, (uint64_t)1);
    *ticket = (struct ticket){0};
    if (gate == GATE_DIVERT) {
        return GATE_DIVERT;
    }
    if (gate == GATE_CANARY && !may_probe(health, cell, now_ms)) {
        breaker_cancel_canary(&health->breaker, health->breaker.generation);
        health->breaker.probed_ms =
            0; /* it was never used: a healthy type's event may be the one */
        return GATE_DIVERT;
    }
    ticket->is_destination_canary = gate == GATE_CANARY;
    if (gate == GATE_GO) {
        gate = breaker_admit(&cell->breaker, now_ms, breaker_rank_hash(&cell->breaker, hash, rank),
                             &health->rng);
        ticket->is_canary = gate == GATE_CANARY;
    }
    ticket->cell_generation = cell->breaker.generation;
    ticket->destination_generation = health->breaker.generation;
    POST(!ticket->is_canary || !ticket->is_destination_canary);
    POST((gate == GATE_CANARY) == (ticket->is_canary || ticket->is_destination_canary));
    return gate;
}

/* trips */

static bool is_open(const struct cell *cell)
{
    return cell->breaker.state == BREAKER_OPEN || cell->breaker.state == BREAKER_HALF_OPEN;
}

/* Of the cells with traffic in the last minute. */
struct census {
    size_t active;
    size_t open;
    size_t stormy;  /* open by a reject storm */
    size_t failed;  /* in the present streak */
    size_t refused; /* in the present row of refusals, and mostly accepted before */
};

static struct census count_cells(const struct destination_health *health, uint64_t now_ms)
{
    struct census census = {0};

    for (size_t i = 0; i < health->cell_count; i++) {
        const struct cell *cell = health->cells[i];

        if (cell->active_ms == 0 || now_ms - cell->active_ms >= ACTIVE_MS) {
            continue;
        }
        census.active++;
        census.open += is_open(cell);
        census.stormy += is_open(cell) && cell->breaker.cause == CAUSE_REJECT_STORM;
        census.failed += health->streak > 0 && cell->fault_ms >= health->streak_since_ms;
        census.refused += health->rejected.calls > 0 && cell->rejected.calls > 0 &&
                          cell_was_accepted(cell, now_ms);
    }
    return census;
}

/* All but one of the last ten calls did not get through, for longer than a second. */
static bool is_thin(const struct destination_health *health, uint64_t now_ms)
{
    uint64_t since_ms = health->streak > 0 ? health->streak_since_ms : now_ms;
    uint64_t first_ms = now_ms;

    return last_calls_are_within(&health->last, now_ms, THIN_MS) &&
           last_calls_faults(&health->last, &first_ms) >= THIN_FAULTS &&
           now_ms - MIN_OF(since_ms, first_ms) >= THIN_LEAST_MS;
}

static enum breaker_cause silent_cause(const struct destination_health *health,
                                       const struct census *census, uint64_t now_ms)
{
    struct window_counts sum = window_sum(&health->window, now_ms, TRANSPORT_S);

    if (health->is_blocking && row_is_silence(&health->silent, now_ms, true)) {
        return CAUSE_TRANSPORT;
    }
    if (sum.calls >= TRANSPORT_CALLS && sum.faults * 2 >= sum.calls &&
        window_fault_seconds(&health->window, now_ms, TRANSPORT_S) >= FAULT_SECONDS) {
        return CAUSE_TRANSPORT;
    }
    if (is_thin(health, now_ms)) {
        return CAUSE_THIN;
    }
    return census->open >= 2 && census->open * 2 >= census->active ? CAUSE_QUORUM : CAUSE_NONE;
}

/* Nobody was served, of whatever type: a life sign is none when all it says is no. */
static void count_streak(struct destination_health *health, struct cell *cell, uint64_t now_ms,
                         bool is_fault)
{
    if (!is_fault) {
        health->streak = 0;
        return;
    }
    if (health->streak++ == 0) {
        health->streak_since_ms = now_ms;
    }
    cell->fault_ms = now_ms;
}

/* A type that is served is not in the streak's census: some types down are not all. */
static bool is_streak(const struct destination_health *health, const struct census *census,
                      uint64_t now_ms)
{
    uint64_t for_ms = now_ms - health->streak_since_ms;
    bool is_long = (health->streak >= STREAK_CALLS && for_ms >= STREAK_MS) ||
                   (health->streak >= SPARSE_CALLS && for_ms >= SPARSE_MS);

    return is_long && census->failed >= 2 && census->failed * 4 >= census->active * 3;
}

static bool is_storm(const struct destination_health *health, const struct census *census,
                     uint64_t now_ms)
{
    return row_is_storm(&health->rejected, now_ms) && census->refused >= 2 &&
           census->refused * 4 >= census->active * 3;
}

static enum breaker_cause trip_cause(const struct destination_health *health, uint64_t now_ms)
{
    bool has_life = health->alive_ms != 0 && now_ms - health->alive_ms < LIFE_MS;
    struct census census = count_cells(health, now_ms);
    enum breaker_cause cause = has_life ? CAUSE_NONE : silent_cause(health, &census, now_ms);

    if (cause != CAUSE_NONE) {
        return cause;
    }
    if (census.active >= 2 && census.open == census.active) {
        return census.stormy > 0 ? CAUSE_REJECT_STORM : CAUSE_ALL_CELLS;
    }
    if (is_storm(health, &census, now_ms)) {
        return CAUSE_REJECT_STORM;
    }
    return is_streak(health, &census, now_ms) ? CAUSE_ALL_CELLS : CAUSE_NONE;
}

static void absorb_cells(struct destination_health *health, uint64_t now_ms,
                         enum breaker_cause cause)
{
    bool is_everything = cause == CAUSE_ALL_CELLS || cause == CAUSE_REJECT_STORM;

    for (size_t i = 0; i < health->cell_count; i++) {
        struct cell *cell = health->cells[i];
        bool is_recent = now_ms - cell->breaker.since_ms < ABSORB_MS;

        if (cell->breaker.force != FORCE_NONE) {
            continue;
        }
        if (cell->breaker.state != BREAKER_CLOSED && (is_recent || is_everything)) {
            cell_absorb(cell, now_ms);
        }
        cell_forget(cell);
    }
}

static bool try_open(struct destination_health *health, uint64_t now_ms, uint64_t least_ms)
{
    struct breaker_trip trip = {.least_ms = least_ms};
    struct window_counts sum;

    if (health->breaker.state != BREAKER_CLOSED || health->breaker.force != FORCE_NONE) {
        return false;
    }
    trip.cause = trip_cause(health, now_ms);
    if (trip.cause == CAUSE_NONE) {
        return false;
    }
    sum = window_sum(&health->window, now_ms, TRANSPORT_S);
    trip.calls = sum.calls;
    trip.faults = MAX_OF(sum.faults, health->streak);
    breaker_open(&health->breaker, now_ms, &trip, &health->rng);
    POST(is_frozen(health));
    absorb_cells(health, now_ms, trip.cause);
    window_clear(&health->window);
    last_calls_forget(&health->last);
    health->streak = 0;
    health->silent.calls = 0;
    health->rejected.calls = 0;
    return true;
}

/* results */

/* What the call of @ticket is judged by beside its end. */
static void take_ticket(struct destination_health *health, struct cell *cell, uint64_t now_ms,
                        const struct ticket *ticket)
{
    health->is_blocking = ticket->blocks_destination;
    health->is_overtaken = call_is_overtaken(health->served_ms, ticket->sent_ms, now_ms);
    cell->is_blocking = ticket->is_blocking;
    cell->is_overtaken = call_is_overtaken(cell->served_ms, ticket->sent_ms, now_ms);
}

static void set_served(struct destination_health *health, struct cell *cell,
                       const struct ticket *ticket)
{
    health->served_ms = MAX_OF(health->served_ms, ticket->sent_ms);
    cell->served_ms = MAX_OF(cell->served_ms, ticket->sent_ms);
}

/* A call in the rows of which the streak, the silence and the last ten are. */
static void count_rows(struct destination_health *health, struct cell *cell, uint64_t now_ms,
                       bool is_silent, bool is_fault)
{
    row_take_over(&health->silent, &health->breaker);
    if (is_fault && health->is_overtaken) {
        return;
    }
    last_calls_add(&health->last, now_ms, is_silent);
    count_streak(health, cell, now_ms, is_fault);
    row_count(&health->silent, now_ms, is_silent);
}

/* The destination's own breaker, while it is not closed. */
static bool result_frozen(struct destination_health *health, uint64_t now_ms, enum call call,
                          const struct ticket *ticket)
{
    bool must_accept = health->breaker.cause == CAUSE_REJECT_STORM;
    bool is_fault = call == CALL_CONNECT || call == CALL_TRANSPORT || call == CALL_APP ||
                    (must_accept && call == CALL_REJECT);

    if (call == CALL_NEUTRAL) {
        if (ticket->is_destination_canary) {
            breaker_cancel_canary(&health->breaker, ticket->destination_generation);
        }
        return false;
    }
    return breaker_result(&health->breaker, now_ms, ticket->destination_generation, is_fault,
                          ticket->is_destination_canary, &health->rng);
}

bool destination_result(struct destination_health *health, size_t index, const struct call_end *end,
                        const struct ticket *ticket)
{
    struct cell *cell = cell_at(health, index);
    uint64_t now_ms = end->now_ms;
    enum call call = end->call;
    bool was_frozen = is_frozen(health);
    bool is_fault = call == CALL_CONNECT || call == CALL_TRANSPORT;
    bool is_changed = false;

    take_ticket(health, cell, now_ms, ticket);
    if (end->is_life_sign) {
        health->alive_ms = MAX_OF(now_ms, (uint64_t)1);
    }
    if (was_frozen) {
        is_changed = result_frozen(health, now_ms, call, ticket);
    } else if (call != CALL_NEUTRAL &&
               ticket->destination_generation == health->breaker.generation) {
        struct window_counts add = {.calls = 1, .faults = is_fault};

        window_add(&health->window, now_ms, &add);
        count_rows(health, cell, now_ms, is_fault, is_fault || call == CALL_APP);
        row_count(&health->rejected, now_ms, call == CALL_REJECT);
    }
    is_changed |= cell_result(cell, end, ticket->cell_generation, ticket->is_canary, was_frozen,
                              &health->rng);
    if (call == CALL_OK || call == CALL_SLOW || call == CALL_REJECT) {
        set_served(health, cell, ticket);
    }
    if (call == CALL_OK) {
        return is_changed; /* one that went well opens nothing */
    }
    return try_open(health, now_ms, end->least_ms) || is_changed;
}

static bool check(struct destination_health *health, size_t index, uint64_t now_ms,
                  const struct ticket *ticket, bool is_over)
{
    struct cell *cell = cell_at(health, index);
    bool is_changed;

    take_ticket(health, cell, now_ms, ticket);
    is_changed = cell_confirm(cell, now_ms, ticket->cell_generation, is_over, &health->rng);
    return try_open(health, now_ms, 0) || is_changed;
}

/* A call has timed out since anybody was served: what hangs now is no slow answer. */
static bool has_timed_out(const struct destination_health *health)
{
    return health->streak > 0 && health->confirmed_ms >= health->streak_since_ms;
}

bool destination_provisional(struct destination_health *health, size_t index, uint64_t now_ms,
                             const struct ticket *ticket, bool *is_changed)
{
    struct window_counts add = {.calls = 1, .faults = 1};
    struct cell *cell = cell_at(health, index);

    take_ticket(health, cell, now_ms, ticket);
    if (ticket->destination_generation != health->breaker.generation ||
        health->breaker.force != FORCE_NONE || cell->is_overtaken) {
        return false;
    }
    if (is_frozen(health)) {
        bool counts = breaker_hanging(&health->breaker, now_ms, ticket->destination_generation);

        *is_changed =
            ticket->is_blocking &&
            breaker_blocked(&health->breaker, now_ms, ticket->destination_generation, &health->rng);
        return counts;
    }
    window_add(&health->window, now_ms, &add);
    count_rows(health, cell, now_ms, true, true);
    (void)cell_provisional(cell, now_ms, ticket->cell_generation, false);
    if (has_timed_out(health) || cell_has_timed_out(cell)) {
        *is_changed = check(health, index, now_ms, ticket, false);
    }
    return true;
}

bool destination_confirm(struct destination_health *health, size_t index, uint64_t now_ms,
                         const struct ticket *ticket)
{
    if (is_frozen(health)) {
        return (ticket->blocks_destination &&
                breaker_blocked(&health->breaker, now_ms, ticket->destination_generation,
                                &health->rng)) ||
               breaker_confirm(&health->breaker, now_ms, ticket->destination_generation,
                               &health->rng);
    }
    if (ticket->destination_generation != health->breaker.generation) {
        return false;
    }
    health->confirmed_ms = now_ms;
    return check(health, index, now_ms, ticket, true);
}

void destination_take_back(struct destination_health *health, size_t index, uint64_t now_ms,
                           uint64_t at_ms, const struct ticket *ticket)
{
    breaker_take_back(&health->breaker, ticket->destination_generation);
    window_take_back_fault(&health->window, now_ms, at_ms);
    health->streak = 0;
    health->silent.calls = 0;
    last_calls_take_back(&health->last, at_ms);
    cell_take_back(cell_at(health, index), now_ms, at_ms, ticket->cell_generation);
}

void destination_canary_waits(struct destination_health *health, size_t index, uint64_t now_ms,
                              const struct ticket *ticket)
{
    if (ticket->is_destination_canary) {
        breaker_canary_waits(&health->breaker, now_ms, ticket->destination_generation);
    }
    if (ticket->is_canary) {
        breaker_canary_waits(&cell_at(health, index)->breaker, now_ms, ticket->cell_generation);
    }
}

void destination_cancel(struct destination_health *health, size_t index,
                        const struct ticket *ticket)
{
    if (ticket->is_destination_canary) {
        breaker_cancel_canary(&health->breaker, ticket->destination_generation);
    }
    if (ticket->is_canary) {
        breaker_cancel_canary(&cell_at(health, index)->breaker, ticket->cell_generation);
    }
}

bool destination_tick(struct destination_health *health, uint64_t now_ms)
{
    bool is_changed = breaker_tick(&health->breaker, now_ms, &health->rng);

    for (size_t i = 0; i < health->cell_count; i++) {
        if (!is_frozen(health)) {
            is_changed |= breaker_tick(&health->cells[i]->breaker, now_ms, &health->rng);
        }
    }
    return is_changed;
}

enum scope destination_scope(const struct destination_health *health)
{
    if (health->breaker.state != BREAKER_CLOSED || health->breaker.force == FORCE_OPEN) {
        return SCOPE_GLOBAL;
    }
    for (size_t i = 0; i < health->cell_count; i++) {
        const struct breaker *breaker = &health->cells[i]->breaker;

        if (breaker->state != BREAKER_CLOSED || breaker->force == FORCE_OPEN) {
            return SCOPE_PARTIAL;
        }
    }
    return SCOPE_NONE;
}
