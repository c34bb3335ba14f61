#include "deliver/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/item.h"
#include "deliver/queue.h"
#include "deliver/records.h"
#include "deliver/selection.h"
#include "deliver/sender.h"
#include "deliver/settle.h"

/* What was read of one destination's health and acted upon. */
struct acted_upon {
    uint64_t version;       /* of its breakers */
    uint32_t cells_version; /* of which type has which cell */
};

static bool is_topic(const struct deliverer *d, size_t index)
{
    return d->pipeline->config->destinations[index].type->is_topic;
}

void dispatch_init(struct deliverer *d, const struct deliverer_parts *parts)
{
    const struct config *config = parts->pipeline->config;

    deliverer_init(d, parts);
    records_init(d);
    d->senders = mem_array(config->destination_count, struct sender *);
    d->acted_upon = mem_array(config->destination_count, struct acted_upon);
    for (size_t i = 0; i < config->destination_count; i++) {
        if (!is_topic(d, i)) {
            d->senders[i] = sender_new(d, &parts->pipeline->destinations[i], i);
        }
    }
}

void dispatch_fini(struct deliverer *d)
{
    d->io->stop(d->io->context);
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        if (!is_topic(d, i)) {
            sender_free(d->senders[i]);
        }
    }
    free(d->senders);
    free(d->acted_upon);
    records_fini(d);
    deliverer_fini(d);
}

/* handing over */

void dispatch_dead_letter(struct deliverer *d, struct leg *leg, enum reason reason)
{
    PRE(leg->state == LEG_NEW && reason != REASON_NONE);
    leg->reason = (uint8_t)reason;
    record_dead_letter(d, leg);
}

static void hand_over(struct deliverer *d, struct leg *leg, const struct event_view *view)
{
    const struct config_destination *destination = leg_destination(leg);

    leg->queued_ms = d->now_ms;
    if (destination->type->is_topic) {
        record_send(d, leg, view);
    } else {
        sender_take(d->senders[pipeline_index(d->pipeline, destination)], leg, view);
    }
}

/* What a diversion's reason is called when the chain is at its end: the dead-letter words. */
static enum reason final_reason(enum reason reason)
{
    return reason == REASON_TOO_OLD ? REASON_EXPIRED : reason;
}

/* In the background nothing fails over: the event goes back to whoever brought it, for another
 * time. False: it is to be dead-lettered. */
static bool give_back(struct deliverer *d, struct leg *leg, enum reason reason)
{
    const struct background *background = &d->background;
    struct event *event = leg->event;
    struct source_partition *partition = event->partition;
    uint64_t epoch = event->epoch;

    if (background->context == NULL) {
        return false;
    }
    INVARIANT(event->leg_count == 1);
    if (partition == NULL) { /* its partition went */
        leg_settle(d, leg, SETTLED_WITHOUT);
        return true;
    }
    if (!background->give_back(background->context, event->message, partition, epoch, reason)) {
        return false;
    }
    (void)event_release(&d->events, event);
    return true;
}

void dispatch_leg(struct deliverer *d, struct leg *leg, const struct event_view *view)
{
    enum reason reason = (enum reason)leg->reason;

    PRE(leg->state == LEG_NEW);
    if (leg->position < leg->plan->count) {
        hand_over(d, leg, view);
        return;
    }
    if (give_back(d, leg, REASON_NONE)) {
        return;
    }
    leg->position = (uint16_t)(leg->plan->count - 1);
    (void)leg_set_error(leg, leg->plan->chain[0],
                        reason == REASON_TOO_OLD ? "older than max_age of every destination"
                                                 : "every destination of its chain is closed");
    dispatch_dead_letter(d, leg, final_reason(reason));
}

/* failing over */

/* Decode the event again, and render it for a destination it was not rendered for. */
static enum err_code prepare(struct deliverer *d, struct leg *leg, struct decoded *decoded,
                             struct err *err)
{
    const struct config_destination *destination = leg_destination(leg);
    enum err_code rc = item_decode(d, leg->event, decoded, err);

    if (rc != ERR_OK || destination->type->is_topic) {
        return rc;
    }
    buf_clear(&d->render);
    rc = item_render(d, destination,
                     &(struct rendering){.view = &decoded->view, .event_id = leg->event->id},
                     &d->render, err);
    if (rc == ERR_OK) {
        leg_own_item(&d->events, leg, buf_span(&d->render));
    }
    return rc;
}

static void hand_over_again(struct deliverer *d, struct leg *leg, const struct selection_for *of,
                            const struct selection *selection)
{
    struct decoded decoded;
    struct err err;
    enum err_code rc;

    if (d->pipeline->destinations[pipeline_index(d->pipeline, leg_destination(leg))]
            .sends_original) {
        hand_over(d, leg, NULL);
        return;
    }
    rc = prepare(d, leg, &decoded, &err);
    if (rc == ERR_OK) {
        hand_over(d, leg, &decoded.view);
        return;
    }
    selection_cancel(d, of, selection);
    leg->is_canary = false;
    (void)leg_set_error(leg, leg_destination(leg), err.text);
    dispatch_dead_letter(d, leg, item_failure(rc));
}

static void fail_over(struct deliverer *d, struct leg *leg, enum reason reason)
{
    const struct event *event = leg->event;
    const struct selection_for of = {.plan = leg->plan,
                                     .priority = leg->route->priority,
                                     .event_type = event->type,
                                     .event_id = event->id,
                                     .event_time_ms = event->time_ms};
    struct selection selection;

    if (give_back(d, leg, reason)) {
        return;
    }
    if (leg->reason == REASON_NONE) { /* why it left the first one stays the reason */
        leg->reason = (uint8_t)reason;
    }
    selection_make(d, &of, (size_t)leg->position + 1, &selection);
    if (selection.position == leg->plan->count) {
        dispatch_dead_letter(d, leg, final_reason((enum reason)leg->reason));
        return;
    }
    leg_select(leg, &selection);
    hand_over_again(d, leg, &of, &selection);
}

/* The outage that opened the breaker of @leg's destination becomes its own; why it fails over. */
static enum reason outage_reason(struct deliverer *d, struct leg *leg)
{
    size_t index = pipeline_index(d->pipeline, leg_destination(leg));
    char outage[OUTAGE_ID_BYTES];
    enum reason reason =
        health_outage(d->health, index, deliverer_cell(d, index, leg->event->type), outage);

    if (leg->reason == REASON_NONE) { /* else it left its first destination for another reason */
        memcpy(leg->outage, outage, sizeof(leg->outage));
    }
    return reason;
}

static void act_on(struct deliverer *d, struct leg *leg)
{
    enum leg_outcome outcome = (enum leg_outcome)leg->reported;
    enum reason reason = (enum reason)leg->reported_reason;

    leg->reported = LEG_NONE;
    switch (outcome) {
    case LEG_DELIVERED:
        leg_settle(d, leg, SETTLED_DELIVERED);
        return;
    case LEG_DEAD_LETTERED:
        leg_settle(d, leg, SETTLED_DEAD_LETTER);
        return;
    case LEG_CANCELLED:
        leg_settle(d, leg, SETTLED_WITHOUT);
        return;
    case LEG_FAILED:
        leg_move(leg, LEG_NEW);
        fail_over(d, leg, reason);
        return;
    case LEG_UNAVAILABLE:
        reason = deliverer_is_background(d) ? REASON_NONE : outage_reason(d, leg);
        leg_move(leg, LEG_NEW);
        fail_over(d, leg, reason);
        return;
    case LEG_REJECTED:
        leg_move(leg, LEG_NEW);
        dispatch_dead_letter(d, leg, reason);
        return;
    case LEG_NONE:
        break;
    }
    INVARIANT(!"a reported leg has one of the outcomes above");
}

void dispatch_outcomes(struct deliverer *d)
{
    struct leg *leg;

    while ((leg = outcome_take(&d->outcomes)) != NULL) {
        act_on(d, leg);
    }
    POST(d->outcomes.count == 0);
}

/* health: read here, and told to senders */

/* A cell became another type's: what waits, or is under way, asks for its own anew. */
static void find_cells(struct deliverer *d, size_t index)
{
    uint32_t version = health_cells_version(d->health, index);
    struct queues *queues = sender_queues(d->senders[index]);

    if (version == d->acted_upon[index].cells_version) {
        return;
    }
    d->acted_upon[index].cells_version = version;
    for (struct queue *queue = queues_first(queues); queue != NULL;
         queue = queues_next(queues, queue)) {
        if (queue->count > 0 || queue->batches > 0) {
            queue->cell = deliverer_cell(d, index, span_of(queue->name));
        }
    }
}

/* A breaker opened: what waits for it fails over now, not after its own attempts. */
static void follow_breakers(struct deliverer *d, size_t index)
{
    uint64_t version = health_version(d->health, index);
    struct queues *queues = sender_queues(d->senders[index]);

    if (version == d->acted_upon[index].version) {
        return;
    }
    d->acted_upon[index].version = version;
    for (struct queue *queue = queues_first(queues); queue != NULL;
         queue = queues_next(queues, queue)) {
        queue->is_open = (queue->count > 0 || queue->batches > 0) &&
                         !health_allows_waiting(d->health, index, queue->cell);
    }
    sender_release(d->senders[index], !health_is_closed(d->health, index));
}

static void review(struct deliverer *d, size_t index)
{
    find_cells(d, index);
    sender_review(d->senders[index], health_streak(d->health, index));
    follow_breakers(d, index);
    sender_expire_waiting(d->senders[index]);
}

/* turns */

uint64_t dispatch_receive(struct deliverer *d)
{
    uint64_t next_ms;

    deliverer_read_clocks(d);
    health_tick(d->health, d->now_ms);
    next_ms = d->io->reports(d->io->context, d->now_ms);
    d->io->answers(d->io->context);
    dispatch_outcomes(d);
    return next_ms;
}

uint64_t dispatch_send(struct deliverer *d)
{
    size_t count = d->pipeline->config->destination_count;
    uint64_t next_ms = UINT64_MAX;

    for (size_t i = 0; i < count; i++) {
        if (!is_topic(d, i)) {
            review(d, i);
        }
    }
    dispatch_outcomes(d);
    for (size_t i = 0; i < count; i++) {
        if (!is_topic(d, i)) {
            next_ms = MIN_OF(next_ms, sender_send(d->senders[i]));
        }
    }
    INVARIANT(d->outcomes.count == 0); /* sending decides nothing: its answers do */
    return next_ms;
}
