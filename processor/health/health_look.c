#include "health/health_inside.h"

#include <string.h>

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
    memcpy(id, watched->marks[which].outage.id, OUTAGE_ID_BYTES);
    (void)pthread_mutex_unlock(&health->lock);
    return reason;
}

/* Under the lock. */
static struct outage *find_outage(struct health *health, size_t destination, size_t cell,
                                  const char *id)
{
    struct outage_mark *marks = health->watched[destination].marks;

    if (id[0] == '\0') {
        return NULL;
    }
    if (strcmp(marks[cell].outage.id, id) == 0) {
        return &marks[cell].outage;
    }
    if (strcmp(marks[DESTINATION_CELLS_MAX].outage.id, id) == 0) {
        return &marks[DESTINATION_CELLS_MAX].outage;
    }
    return outages_find(&health->past, destination, id);
}

void health_outage_settled(struct health *health, size_t destination, size_t cell, const char *id,
                           bool is_dead_letter)
{
    struct outage *outage;

    (void)pthread_mutex_lock(&health->lock);
    outage = find_outage(health, destination, cell, id);
    if (outage != NULL) {
        outage->diverted += !is_dead_letter;
        outage->dead_lettered += is_dead_letter;
    }
    (void)pthread_mutex_unlock(&health->lock);
}

bool health_outage_answer(struct health *health, size_t destination, size_t cell, const char *id,
                          struct last_answer *out)
{
    const struct outage *outage;

    (void)pthread_mutex_lock(&health->lock);
    outage = find_outage(health, destination, cell, id);
    *out = (struct last_answer){0};
    if (outage != NULL) {
        *out = outage->last_answer;
    }
    (void)pthread_mutex_unlock(&health->lock);
    return out->at_ms != 0;
}

bool health_last_answer(struct health *health, size_t destination, enum verdict verdict,
                        struct last_answer *out)
{
    (void)pthread_mutex_lock(&health->lock);
    *out = health->watched[destination].last_answer[verdict];
    (void)pthread_mutex_unlock(&health->lock);
    return out->at_ms != 0;
}

void health_hold_source(struct health *health, size_t destination, unsigned worker, struct span id,
                        uint64_t since_ms, uint64_t until_ms)
{
    (void)pthread_mutex_lock(&health->lock);
    held_sources_set(&health->watched[destination].sources, worker, id, since_ms, until_ms);
    (void)pthread_mutex_unlock(&health->lock);
}

size_t health_past_outages(struct health *health,
                           void (*each)(void *context, const struct outage *outage), void *context)
{
    size_t count;

    (void)pthread_mutex_lock(&health->lock);
    count = health->past.count;
    for (size_t i = 0; i < count; i++) {
        each(context, outages_at(&health->past, i));
    }
    (void)pthread_mutex_unlock(&health->lock);
    return count;
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
        .probe_in_ms = health_probe_in_ms(breaker, now_ms),
        .k = breaker->k,
        .share = breaker_share(breaker),
        .is_flapping = breaker->is_flapping,
    };

    view.outage = mark->outage;
    view.last = mark->last;
    view.refused = mark->refused;
    memcpy(view.entered, mark->entered, sizeof(view.entered));
    return view;
}

static struct pause_view view_of_pause(const struct health *health, const struct pause_state *asked,
                                       uint64_t since_ms, const struct last_answer *last_answer,
                                       uint64_t now_ms)
{
    if (since_ms == 0) {
        return (struct pause_view){0};
    }
    return (struct pause_view){
        .workers = health->config->workers,
        .for_ms = now_ms - MIN_OF(since_ms, now_ms),
        .probe_in_ms = asked->paused_until_ms - MIN_OF(now_ms, asked->paused_until_ms),
        .last_answer = *last_answer,
    };
}

void health_look(struct health *health, size_t destination, uint64_t now_ms,
                 struct destination_view *out)
{
    struct watched *watched = &health->watched[destination];
    struct pause_state asked = {0};

    pause_look(&watched->pause, &asked);
    (void)pthread_mutex_lock(&health->lock);
    out->throttled = view_of_pause(health, &asked, asked.throttled_since_ms,
                                   &watched->last_answer[VERDICT_THROTTLED], now_ms);
    out->held = view_of_pause(health, &asked, asked.held_since_ms,
                              &watched->last_answer[VERDICT_HOLD], now_ms);
    now_ms = health_steady(health, now_ms);
    out->self = view_of(&watched->health.breaker, &watched->marks[DESTINATION_CELLS_MAX], SPAN_NONE,
                        now_ms);
    out->source_count = held_sources_merge(&watched->sources, out->sources);
    for (size_t i = 0; i < out->source_count; i++) {
        struct held_source *held = &out->sources[i];

        held->since_ms = now_ms - MIN_OF(held->since_ms, now_ms);
        held->until_ms -= MIN_OF(held->until_ms, now_ms);
    }
    out->scope = destination_scope(&watched->health);
    out->cell_count = watched->health.cell_count;
    for (size_t i = 0; i < out->cell_count; i++) {
        out->cells[i] = view_of(&watched->health.cells[i]->breaker, &watched->marks[i],
                                span_of(watched->names[i]), now_ms);
    }
    (void)pthread_mutex_unlock(&health->lock);
}
