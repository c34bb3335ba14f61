#include "health/health_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WINDOW_S_MAX = 60 };

static struct cell_policy policy_of(const struct config_destination *config)
{
    uint64_t window_s = config->health.window_ms / 1000;

    return (struct cell_policy){
        .breaker = {.open_min_ms = config->health.open_min_ms,
                    .open_max_ms = config->health.open_max_ms,
                    .lease_ms = config->timeout.total_ms},
        .window_s = (uint32_t)MAX_OF(MIN_OF(window_s, (uint64_t)WINDOW_S_MAX), (uint64_t)1),
        .minimum = config->health.minimum,
        .failures = config->health.failures,
    };
}

struct health *health_new(const struct config *config, uint64_t seed, uint64_t now_ms)
{
    struct health *health = mem_new(struct health);

    health->config = config;
    health->rng.state = seed;
    (void)pthread_mutex_init(&health->lock, NULL);
    health->watched = mem_array(config->destination_count, struct watched);
    for (size_t i = 0; i < config->destination_count; i++) {
        struct cell_policy policy = policy_of(&config->destinations[i]);

        destination_health_init(&health->watched[i].health, &policy, rng_next(&health->rng),
                                now_ms);
        pause_init(&health->watched[i].pause);
        atomic_store(&health->watched[i].is_closed, true);
    }
    return health;
}

void health_use_wall(struct health *health, int64_t (*wall_ms)(void *context), void *context)
{
    health->wall_ms = wall_ms;
    health->wall_context = context;
}

void health_free(struct health *health)
{
    if (health == NULL) {
        return;
    }
    for (size_t i = 0; i < health->config->destination_count; i++) {
        for (size_t j = 0; j < DESTINATION_CELLS_MAX; j++) {
            free(health->watched[i].names[j]);
        }
        for (size_t j = 0; j < HEALTH_NAMES_RETIRED; j++) {
            free(health->watched[i].retired[j]);
        }
        destination_health_fini(&health->watched[i].health);
        pause_fini(&health->watched[i].pause);
    }
    outages_fini(&health->past);
    free(health->watched);
    (void)pthread_mutex_destroy(&health->lock);
    free(health);
}

/* transitions */

static int64_t wall_of(const struct health *health)
{
    return health->wall_ms == NULL ? clock_wall_ms() : health->wall_ms(health->wall_context);
}

/* Sortable, readable, unique enough: when it began and a piece of chance. */
static void name_outage(struct health *health, char id[OUTAGE_ID_BYTES])
{
    char at[CLOCK_ISO_BYTES];
    char compact[24];
    size_t len = 0;

    clock_iso(wall_of(health), at);
    for (size_t i = 0; at[i] != '\0' && at[i] != '.' && len + 1 < sizeof(compact); i++) {
        if (at[i] != '-' && at[i] != ':') {
            compact[len++] = at[i];
        }
    }
    compact[len] = '\0';
    (void)snprintf(id, OUTAGE_ID_BYTES, "%s-%08llx", compact,
                   (unsigned long long)(rng_next(&health->rng) & 0xffffffffu));
}

static void log_transition(const struct health *health, const struct watched *watched, size_t which,
                           const struct breaker *breaker, struct outage_mark *mark, uint64_t now_ms)
{
    size_t destination = (size_t)(watched - health->watched);
    const char *event = which == DESTINATION_CELLS_MAX ? "" : watched->names[which];

    const struct outage *outage = &mark->outage;
    const struct last_answer *last_answer =
        breaker->state == BREAKER_OPEN ? &mark->refused : &mark->last;
    char began[CLOCK_ISO_BYTES];
    char code[LAST_ANSWER_CODE_BYTES];

    if (mark->logged_ms != 0 && now_ms - mark->logged_ms < 1000 &&
        breaker->state != BREAKER_CLOSED) {
        mark->unlogged++; /* at most one line a cell and second; how it ended is always said */
        return;
    }
    mark->logged_ms = now_ms;
    clock_iso(outage->began_at_ms, began);
    LOG_AT(breaker->state == BREAKER_OPEN ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "health.transition",
           "destination=%s event=%s state=%s cause=%s scope=%s k=%u calls=%u faults=%u "
           "outage=%s flapping=%s verdict=%s status=%d code=%s request_id=%s next_probe_in_ms=%llu "
           "began=%s lasted_ms=%llu diverted=%llu dead_lettered=%llu unlogged=%u",
           LOG_S(health->config->destinations[destination].name), LOG_Q(event),
           breaker_state_word(breaker->state), breaker_cause_word(outage->cause),
           scope_word(destination_scope(&watched->health)), breaker->k, breaker->opened_calls,
           breaker->opened_faults, LOG_Q(outage->id), breaker->is_flapping ? "true" : "false",
           last_answer->at_ms == 0 ? "none" : verdict_word(last_answer->verdict),
           last_answer->status, last_answer_code(last_answer, code), LOG_Q(last_answer->request_id),
           (unsigned long long)health_probe_in_ms(breaker, now_ms), began,
           (unsigned long long)(now_ms - outage->began_ms), (unsigned long long)outage->diverted,
           (unsigned long long)outage->dead_lettered, mark->unlogged);
    mark->unlogged = 0;
}

static void begin_outage(struct health *health, size_t destination, const struct breaker *breaker,
                         struct outage_mark *mark, uint64_t now_ms)
{
    uint64_t began_ms = onsets_began_ms(&mark->onsets, breaker->cause, now_ms);
    int64_t wall_ms = wall_of(health);

    mark->outage = (struct outage){
        .destination = destination,
        .cause = breaker->cause,
        .began_ms = began_ms,
        .began_at_ms = wall_ms - (int64_t)(now_ms - began_ms),
        .opened_at_ms = wall_ms,
        .last_answer = mark->refused,
    };
    name_outage(health, mark->outage.id);
}

static void end_outage(struct health *health, const struct watched *watched, size_t which,
                       struct outage_mark *mark)
{
    const char *event = which == DESTINATION_CELLS_MAX ? NULL : watched->names[which];

    PRE(mark->outage.id[0] != '\0');
    mark->outage.closed_at_ms = wall_of(health);
    outages_keep(&health->past, &mark->outage, event == NULL ? NULL : mem_text(span_of(event)));
    mark->outage = (struct outage){0};
    mark->onsets = (struct onsets){0};
}

static bool follow_breaker(struct health *health, struct watched *watched, size_t which,
                           const struct breaker *breaker, uint64_t now_ms)
{
    struct outage_mark *mark = &watched->marks[which];

    INVARIANT((mark->state == BREAKER_CLOSED) == (mark->outage.id[0] == '\0'));
    if (mark->state == breaker->state) {
        return false;
    }
    if (mark->state == BREAKER_CLOSED) {
        begin_outage(health, (size_t)(watched - health->watched), breaker, mark, now_ms);
    }
    mark->state = breaker->state;
    mark->entered[breaker->state]++;
    log_transition(health, watched, which, breaker, mark, now_ms);
    if (breaker->state == BREAKER_CLOSED) {
        end_outage(health, watched, which, mark);
    }
    return true;
}

/* After anything that may have moved a breaker; called under the lock. */
static void publish(struct health *health, struct watched *watched, uint64_t now_ms)
{
    const struct breaker *self = &watched->health.breaker;
    bool is_changed = follow_breaker(health, watched, DESTINATION_CELLS_MAX, self, now_ms);

    atomic_store(&watched->is_closed, self->state == BREAKER_CLOSED && self->force == FORCE_NONE);
    for (size_t i = 0; i < watched->health.cell_count; i++) {
        const struct breaker *breaker = &watched->health.cells[i]->breaker;

        is_changed |= follow_breaker(health, watched, i, breaker, now_ms);
        atomic_store(&watched->gates[i].is_closed,
                     breaker->state == BREAKER_CLOSED && breaker->force == FORCE_NONE);
    }
    if (is_changed) {
        atomic_fetch_add(&watched->version, 1);
    }
}

/* Stored only when it changed: all workers read it before every request. */
static void publish_streak(struct watched *watched)
{
    uint32_t streak = MAX_OF(watched->health.streak, watched->health.rejected.calls);

    if (atomic_load_explicit(&watched->streak, memory_order_relaxed) != streak) {
        atomic_store_explicit(&watched->streak, streak, memory_order_relaxed);
    }
}

/* cells: health_cells.c says which */

bool health_is_clear(const struct health *health, size_t destination, size_t cell)
{
    const struct watched *watched = &health->watched[destination];

    PRE(cell < DESTINATION_CELLS_MAX);
    return atomic_load_explicit(&watched->is_closed, memory_order_relaxed) &&
           atomic_load_explicit(&watched->gates[cell].is_closed, memory_order_relaxed);
}

bool health_is_closed(const struct health *health, size_t destination)
{
    return atomic_load_explicit(&health->watched[destination].is_closed, memory_order_relaxed);
}

uint32_t health_streak(const struct health *health, size_t destination)
{
    return atomic_load_explicit(&health->watched[destination].streak, memory_order_relaxed);
}

uint64_t health_version(const struct health *health, size_t destination)
{
    return atomic_load_explicit(&health->watched[destination].version, memory_order_relaxed);
}

/* Live events of this cell come: what is in the background leaves the breakers to them. */
static bool is_live(struct watched *watched, size_t cell, uint64_t now_ms)
{
    return watched->live_ms[cell] != 0 && now_ms - watched->live_ms[cell] < HEALTH_QUIET_MS;
}

/* Whether a call with @ticket says nothing to the breakers. */
static bool is_ignored(struct watched *watched, size_t cell, const struct ticket *ticket,
                       uint64_t now_ms)
{
    return ticket->is_background && !ticket->is_canary && !ticket->is_destination_canary &&
           is_live(watched, cell, now_ms);
}

enum gate health_admit(struct health *health, size_t destination, size_t cell,
                       const struct admission *event, struct ticket *ticket)
{
    struct watched *watched = &health->watched[destination];
    uint64_t now_ms;
    enum gate gate;

    (void)pthread_mutex_lock(&health->lock);
    now_ms = health_steady(health, event->now_ms);
    if (event->is_background && is_live(watched, cell, now_ms)) {
        gate = GATE_DIVERT;
    } else {
        watched->live_ms[cell] = event->is_background ? watched->live_ms[cell] : now_ms;
        gate = destination_admit(&watched->health, cell, now_ms, event->hash,
                                 (unsigned)event->priority, ticket);
        ticket->is_background = event->is_background;
        publish(health, watched, now_ms);
    }
    (void)pthread_mutex_unlock(&health->lock);
    return gate;
}

struct ticket health_ticket(struct health *health, size_t destination, size_t cell)
{
    struct watched *watched = &health->watched[destination];
    struct ticket ticket = {0};

    (void)pthread_mutex_lock(&health->lock);
    PRE(cell < watched->health.cell_count);
    ticket.cell_generation = watched->health.cells[cell]->breaker.generation;
    ticket.destination_generation = watched->health.breaker.generation;
    (void)pthread_mutex_unlock(&health->lock);
    return ticket;
}

bool health_allows_waiting(struct health *health, size_t destination, size_t cell)
{
    struct watched *watched = &health->watched[destination];
    const struct cell *own;
    bool allows;

    (void)pthread_mutex_lock(&health->lock);
    own = watched->health.cells[cell];
    allows = breaker_share(&watched->health.breaker) > 0 &&
             (own == NULL || breaker_share(&own->breaker) > 0);
    (void)pthread_mutex_unlock(&health->lock);
    return allows;
}

static void hear(struct outage_mark *mark, const struct health_call *call, uint64_t now_ms)
{
    onsets_count(&mark->onsets, now_ms, call->ticket.sent_ms, call->end.call);
    mark->last = call->last_answer;
    if (call->last_answer.verdict != VERDICT_DELIVERED) {
        mark->refused = call->last_answer;
        mark->outage.last_answer = call->last_answer;
    }
}

/* True on any transition. */
static bool count_end(struct destination_health *health, size_t cell,
                      const struct health_call *call, const struct call_end *end)
{
    bool is_fault = call_is_fault(end->call);
    bool is_canary = call->ticket.is_canary || call->ticket.is_destination_canary;
    bool is_changed = false;

    if (call->is_counted && is_fault && !is_canary) { /* counted once is enough */
        return destination_confirm(health, cell, end->now_ms, &call->ticket);
    }
    if (call->is_counted && !is_fault) {
        destination_take_back(health, cell, end->now_ms, call->counted_ms, &call->ticket);
    }
    for (uint32_t i = 0; i < call->calls; i++) {
        is_changed |= destination_result(health, cell, end, &call->ticket);
    }
    return is_changed;
}

static enum circuit circuit_of(const struct destination_health *health, size_t cell)
{
    const struct breaker *self = &health->breaker;
    const struct breaker *breaker =
        self->state == BREAKER_CLOSED ? &health->cells[cell]->breaker : self;

    if (self->force == FORCE_NONE && breaker->force == FORCE_NONE &&
        breaker->state == BREAKER_CLOSED) {
        return CIRCUIT_CLOSED;
    }
    return breaker->cause == CAUSE_REJECT_STORM ? CIRCUIT_REJECT_STORM : CIRCUIT_OPEN;
}

enum circuit health_ended(struct health *health, size_t destination, size_t cell,
                          const struct health_call *call)
{
    struct watched *watched = &health->watched[destination];
    struct call_end end = call->end;
    enum circuit circuit;

    PRE(call->calls > 0);
    PRE(call->last_answer.verdict < VERDICT_COUNT);
    (void)pthread_mutex_lock(&health->lock);
    end.now_ms = health_steady(health, end.now_ms);
    if (call->is_counted || !is_ignored(watched, cell, &call->ticket, end.now_ms)) {
        watched->last_answer[call->last_answer.verdict] = call->last_answer;
        hear(&watched->marks[cell], call, end.now_ms);
        hear(&watched->marks[DESTINATION_CELLS_MAX], call, end.now_ms);
        if (count_end(&watched->health, cell, call, &end)) {
            publish(health, watched, end.now_ms);
        }
        publish_streak(watched);
    }
    if (!call->ticket.is_background) {
        watched->live_ms[cell] = end.now_ms;
    }
    circuit = circuit_of(&watched->health, cell);
    (void)pthread_mutex_unlock(&health->lock);
    return circuit;
}

bool health_provisional(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                        const struct ticket *ticket, uint64_t *counted_ms)
{
    struct watched *watched = &health->watched[destination];
    bool is_changed = false;
    bool is_counted;

    (void)pthread_mutex_lock(&health->lock);
    *counted_ms = health_steady(health, now_ms);
    is_counted = !is_ignored(watched, cell, ticket, *counted_ms) &&
                 destination_provisional(&watched->health, cell, *counted_ms, ticket, &is_changed);
    if (is_changed) {
        publish(health, watched, *counted_ms);
    }
    publish_streak(watched);
    (void)pthread_mutex_unlock(&health->lock);
    return is_counted;
}

void health_take_back(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                      uint64_t at_ms, const struct ticket *ticket)
{
    (void)pthread_mutex_lock(&health->lock);
    now_ms = health_steady(health, now_ms);
    destination_take_back(&health->watched[destination].health, cell, now_ms, at_ms, ticket);
    publish_streak(&health->watched[destination]);
    (void)pthread_mutex_unlock(&health->lock);
}

void health_canary_waits(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                         const struct ticket *ticket)
{
    (void)pthread_mutex_lock(&health->lock);
    now_ms = health_steady(health, now_ms);
    destination_canary_waits(&health->watched[destination].health, cell, now_ms, ticket);
    (void)pthread_mutex_unlock(&health->lock);
}

void health_cancel(struct health *health, size_t destination, size_t cell,
                   const struct ticket *ticket)
{
    (void)pthread_mutex_lock(&health->lock);
    destination_cancel(&health->watched[destination].health, cell, ticket);
    (void)pthread_mutex_unlock(&health->lock);
}

void health_tick(struct health *health, uint64_t now_ms)
{
    uint64_t ticked_ms = atomic_load(&health->ticked_ms);

    if (now_ms < ticked_ms + 100 ||
        !atomic_compare_exchange_strong(&health->ticked_ms, &ticked_ms, now_ms)) {
        return;
    }
    (void)pthread_mutex_lock(&health->lock);
    now_ms = health_steady(health, now_ms);
    for (size_t i = 0; i < health->config->destination_count; i++) {
        if (destination_tick(&health->watched[i].health, now_ms)) {
            publish(health, &health->watched[i], now_ms);
        }
    }
    (void)pthread_mutex_unlock(&health->lock);
}

struct pause *health_pause(struct health *health, size_t destination)
{
    return &health->watched[destination].pause;
}
