#include "health/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WINDOW_S_MAX = 60 };

/* What senders read without the lock. */
struct cell_gate {
    _Atomic bool is_closed;
};

struct watched {
    struct destination_health health;
    char *names[DESTINATION_CELLS_MAX]; /* event types, owned; the last may be "other" */
    struct cell_gate gates[DESTINATION_CELLS_MAX];
    struct outage_mark {
        enum breaker_state state; /* as last seen, to tell transitions */
        char id[OUTAGE_ID_BYTES]; /* "" while closed */
        uint64_t opened_ms;
        uint64_t logged_ms;
        uint32_t unlogged;
        uint64_t entered[BREAKER_STATES];
    } marks[DESTINATION_CELLS_MAX + 1]; /* the last: the destination itself */
    struct flow flow;
    _Atomic bool is_closed;
    _Atomic uint64_t version;
    _Atomic uint32_t streak;
};

struct health {
    const struct config *config;
    pthread_mutex_t lock;
    struct watched *watched; /* by destination; NULL health for kafka ones */
    struct rng rng;
    int64_t (*wall_ms)(void *context); /* NULL: the kernel's */
    void *wall_context;
    _Atomic uint64_t ticked_ms;
    uint64_t latest_ms; /* under the lock: see steady() */
};

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
        flow_init(&health->watched[i].flow);
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
        destination_health_fini(&health->watched[i].health);
        flow_fini(&health->watched[i].flow);
    }
    free(health->watched);
    (void)pthread_mutex_destroy(&health->lock);
    free(health);
}

/* transitions */

/* Sortable, readable, unique enough: when it began and a piece of chance. */
static void name_outage(struct health *health, char id[OUTAGE_ID_BYTES])
{
    char at[CLOCK_ISO_BYTES];
    char compact[24];
    size_t len = 0;

    clock_iso(health->wall_ms == NULL ? clock_wall_ms() : health->wall_ms(health->wall_context),
              at);
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

    if (mark->logged_ms != 0 && now_ms - mark->logged_ms < 1000) {
        mark->unlogged++; /* at most one line a cell and second */
        return;
    }
    mark->logged_ms = now_ms;
    LOG_AT(breaker->state == BREAKER_OPEN ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "health.transition",
           "destination=%s event=%s state=%s cause=%s scope=%s k=%u calls=%u faults=%u "
           "outage=%s flapping=%s unlogged=%u",
           LOG_S(health->config->destinations[destination].name), LOG_Q(event),
           breaker_state_word(breaker->state), breaker_cause_word(breaker->cause),
           scope_word(destination_scope(&watched->health)), breaker->k, breaker->opened_calls,
           breaker->opened_faults, LOG_Q(mark->id), breaker->is_flapping ? "true" : "false",
           mark->unlogged);
    mark->unlogged = 0;
}

static bool note_transition(struct health *health, struct watched *watched, size_t which,
                            const struct breaker *breaker, uint64_t now_ms)
{
    struct outage_mark *mark = &watched->marks[which];

    if (mark->state == breaker->state) {
        return false;
    }
    if (mark->state == BREAKER_CLOSED) {
        name_outage(health, mark->id);
        mark->opened_ms = now_ms;
    }
    mark->state = breaker->state;
    mark->entered[breaker->state]++;
    log_transition(health, watched, which, breaker, mark, now_ms);
    if (breaker->state == BREAKER_CLOSED) {
        mark->id[0] = '\0';
    }
    return true;
}

/* Each worker reads the clock once a turn, so one may be a little behind another; for the breakers
 * they share, time never goes back. Called under the lock. */
static uint64_t steady(struct health *health, uint64_t now_ms)
{
    health->latest_ms = MAX_OF(health->latest_ms, now_ms);
    return health->latest_ms;
}

/* After anything that may have moved a breaker; called under the lock. */
static void publish(struct health *health, struct watched *watched, uint64_t now_ms)
{
    const struct breaker *self = &watched->health.breaker;
    bool is_changed = note_transition(health, watched, DESTINATION_CELLS_MAX, self, now_ms);

    atomic_store(&watched->is_closed, self->state == BREAKER_CLOSED && self->force == FORCE_NONE);
    for (size_t i = 0; i < watched->health.cell_count; i++) {
        const struct breaker *breaker = &watched->health.cells[i]->breaker;

        is_changed |= note_transition(health, watched, i, breaker, now_ms);
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
    if (atomic_load_explicit(&watched->streak, memory_order_relaxed) != watched->health.streak) {
        atomic_store_explicit(&watched->streak, watched->health.streak, memory_order_relaxed);
    }
}

/* cells */

size_t health_cell(struct health *health, size_t destination, struct span event, uint64_t now_ms)
{
    struct watched *watched = &health->watched[destination];
    size_t index = 0;

    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    while (index < watched->health.cell_count && !span_is(event, watched->names[index])) {
        index++;
    }
    if (index == watched->health.cell_count) {
        index = destination_health_add(&watched->health, now_ms);
        if (watched->names[index] == NULL) {
            watched->names[index] =
                mem_text(index + 1 == DESTINATION_CELLS_MAX ? SPAN("other") : event);
            atomic_store(&watched->gates[index].is_closed, true);
        }
    }
    (void)pthread_mutex_unlock(&health->lock);
    return index;
}

bool health_is_clear(const struct health *health, size_t destination, size_t cell)
{
    const struct watched *watched = &health->watched[destination];

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

enum gate health_admit(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                       uint64_t hash, enum priority priority, struct ticket *ticket)
{
    struct watched *watched = &health->watched[destination];
    enum gate gate;

    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    gate = destination_admit(&watched->health, cell, now_ms, hash, (unsigned)priority, ticket);
    publish(health, watched, now_ms);
    (void)pthread_mutex_unlock(&health->lock);
    return gate;
}

struct ticket health_ticket(struct health *health, size_t destination, size_t cell)
{
    struct watched *watched = &health->watched[destination];
    struct ticket ticket = {0};

    (void)pthread_mutex_lock(&health->lock);
    ticket.cell_generation = watched->health.cells[cell]->breaker.generation;
    ticket.destination_generation = watched->health.breaker.generation;
    (void)pthread_mutex_unlock(&health->lock);
    return ticket;
}

bool health_allows_waiting(struct health *health, size_t destination, size_t cell)
{
    struct watched *watched = &health->watched[destination];
    const struct breaker *self = &watched->health.breaker;
    const struct breaker *breaker =
        watched->health.cells[cell] == NULL ? self : &watched->health.cells[cell]->breaker;
    bool allows;

    (void)pthread_mutex_lock(&health->lock);
    allows = breaker_share(self) > 0 && breaker_share(breaker) > 0;
    (void)pthread_mutex_unlock(&health->lock);
    return allows;
}

void health_result(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                   enum call call, bool is_life_sign, const struct ticket *ticket, uint64_t full_ms,
                   uint64_t least_ms)
{
    struct watched *watched = &health->watched[destination];

    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    if (destination_result(&watched->health, cell, now_ms, call, is_life_sign, ticket, full_ms,
                           least_ms)) {
        publish(health, watched, now_ms);
    }
    publish_streak(watched);
    (void)pthread_mutex_unlock(&health->lock);
}

bool health_provisional(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                        const struct ticket *ticket, uint64_t *counted_ms)
{
    struct watched *watched = &health->watched[destination];
    bool is_changed = false;
    bool is_counted;

    (void)pthread_mutex_lock(&health->lock);
    *counted_ms = steady(health, now_ms);
    is_counted = destination_provisional(&watched->health, cell, *counted_ms, ticket, &is_changed);
    if (is_changed) {
        publish(health, watched, *counted_ms);
    }
    publish_streak(watched);
    (void)pthread_mutex_unlock(&health->lock);
    return is_counted;
}

void health_confirm(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                    const struct ticket *ticket)
{
    struct watched *watched = &health->watched[destination];

    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    if (destination_confirm(&watched->health, cell, now_ms, ticket)) {
        publish(health, watched, now_ms);
    }
    publish_streak(watched);
    (void)pthread_mutex_unlock(&health->lock);
}

void health_take_back(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                      uint64_t at_ms, const struct ticket *ticket)
{
    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    destination_take_back(&health->watched[destination].health, cell, now_ms, at_ms, ticket);
    publish_streak(&health->watched[destination]);
    (void)pthread_mutex_unlock(&health->lock);
}

void health_canary_waits(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                         const struct ticket *ticket)
{
    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
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
    now_ms = steady(health, now_ms);
    for (size_t i = 0; i < health->config->destination_count; i++) {
        if (destination_tick(&health->watched[i].health, now_ms)) {
            publish(health, &health->watched[i], now_ms);
        }
    }
    (void)pthread_mutex_unlock(&health->lock);
}

struct flow *health_flow(struct health *health, size_t destination)
{
    return &health->watched[destination].flow;
}

/* looking */

enum breaker_state cell_view_state(const struct cell_view *view)
{
    if (view->force == FORCE_NONE) {
        return view->state;
    }
    return view->force == FORCE_OPEN ? BREAKER_OPEN : BREAKER_CLOSED;
}

enum breaker_cause cell_view_cause(const struct cell_view *view)
{
    return view->force == FORCE_NONE ? view->cause : CAUSE_OPERATOR;
}

enum reason health_outage(struct health *health, size_t destination, size_t cell,
                          char id[OUTAGE_ID_BYTES])
{
    struct watched *watched = &health->watched[destination];
    const struct breaker *breaker = &watched->health.breaker;
    enum reason reason = REASON_OUTAGE;
    size_t which = DESTINATION_CELLS_MAX;

    (void)pthread_mutex_lock(&health->lock);
    if (breaker->state == BREAKER_CLOSED) {
        breaker = &watched->health.cells[cell]->breaker;
        which = cell;
    }
    if (breaker->cause == CAUSE_REJECT_STORM) {
        reason = REASON_REJECT_STORM;
    }
    memcpy(id, watched->marks[which].id, OUTAGE_ID_BYTES);
    (void)pthread_mutex_unlock(&health->lock);
    return reason;
}

static struct cell_view view_of(const struct breaker *breaker, const struct outage_mark *mark,
                                struct span event, uint64_t now_ms)
{
    struct cell_view view = {
        .event = event,
        .state = breaker->state,
        .cause = breaker->cause,
        .force = breaker->force,
        .since_ms = now_ms - MIN_OF(breaker->since_ms, now_ms),
        .probe_in_ms = breaker->state == BREAKER_OPEN && breaker->until_ms > now_ms
                           ? breaker->until_ms - now_ms
                           : 0,
        .k = breaker->k,
        .share = breaker_share(breaker),
        .is_flapping = breaker->is_flapping,
    };

    memcpy(view.outage, mark->id, OUTAGE_ID_BYTES);
    memcpy(view.entered, mark->entered, sizeof(view.entered));
    return view;
}

static struct flow_view view_of_flow(const struct health *health, uint64_t since_ms,
                                     uint64_t now_ms)
{
    if (since_ms == 0) {
        return (struct flow_view){0};
    }
    return (struct flow_view){health->config->workers, now_ms - MIN_OF(since_ms, now_ms)};
}

void health_look(struct health *health, size_t destination, uint64_t now_ms,
                 struct destination_view *out)
{
    struct watched *watched = &health->watched[destination];
    struct flow_state asked = {0};

    flow_look(&watched->flow, &asked);
    out->throttled = view_of_flow(health, asked.throttled_since_ms, now_ms);
    out->held = view_of_flow(health, asked.held_since_ms, now_ms);
    (void)pthread_mutex_lock(&health->lock);
    now_ms = steady(health, now_ms);
    out->self = view_of(&watched->health.breaker, &watched->marks[DESTINATION_CELLS_MAX], SPAN_NONE,
                        now_ms);
    out->scope = destination_scope(&watched->health);
    out->cell_count = watched->health.cell_count;
    for (size_t i = 0; i < out->cell_count; i++) {
        out->cells[i] = view_of(&watched->health.cells[i]->breaker, &watched->marks[i],
                                span_of(watched->names[i]), now_ms);
    }
    (void)pthread_mutex_unlock(&health->lock);
}
