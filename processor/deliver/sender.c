/*
 * Happy path: a leg is taken into its lane; a turn finds a free connection and a lane
 * whose oldest leg has lingered (or that fills a batch); the batch's body is built and
 * posted; the answer says delivered; every leg is settled.
 *
 * It can go otherwise, in order: no item can be made of the event (dead letter); the
 * sender is paused (throttled, held) or out of tokens or connections (legs wait, batches
 * fill); no answer or a transient one (retry, then on in the chain); an answer that
 * condemns (dead letter of the culprit alone); one nobody knows (retry, halve, dead letter).
 */
#include "deliver/sender.h"

#include "deliver/sender_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/view.h"

enum { HEADER_BYTES_MAX = 256 * 1024, HANG_LOOK_MS = 250 };

/* This worker's part of the configured rate: of the whole group's by partitions held, or of the
 * process's. */
static double rate_ceiling(const struct sender *sender)
{
    const struct config_destination *config = sender->config;
    double share = 1.0 / sender->d->pipeline->config->workers;

    if (config->rate.is_shared && sender->d->rate_share > 0) {
        share = sender->d->rate_share;
    }
    return config->rate.requests * share;
}

/* Are there legs that begin elsewhere? */
static bool has_neighbours(const struct config *config,
                           const struct config_destination *destination)
{
    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t j = 0; j < config->routes[i].leg_count; j++) {
            if (config->routes[i].legs[j].chain[0] != destination) {
                return true;
            }
        }
    }
    return false;
}

struct sender *sender_new(struct deliverer *d, const struct destination *destination, size_t index)
{
    struct sender *sender = mem_new(struct sender);
    const struct config_destination *config = destination->config;

    sender->d = d;
    sender->to = destination;
    sender->config = config;
    buf_init(&sender->header_lines, HEADER_BYTES_MAX);
    sender->index = index;
    sender->flow = health_flow(d->health, index);
    sender->has_neighbours = has_neighbours(d->pipeline->config, config);
    sender->target = destination_target(destination);
    pace_init(&sender->pace, rate_ceiling(sender),
              config->rate.burst * rate_ceiling(sender) / config->rate.requests, d->now_ms);
    concurrency_init(&sender->concurrency, config->concurrency.initial, config->concurrency.max);
    budget_init(&sender->budget, config->retry.budget);
    sender->token_generation = sender_secrets(sender);
    return sender;
}

void sender_free(struct sender *sender)
{
    if (sender == NULL) {
        return;
    }
    while (sender->sent != NULL) { /* nobody will hear of these any more */
        struct batch *batch = sender->sent;

        sender->sent = batch->next;
        batch->count = 0;
        batch_free(&sender->batches, batch);
    }
    buf_fini(&sender->header_lines);
    batch_list_fini(&sender->batches);
    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        lanes_fini(&sender->lanes[i]);
    }
    free(sender->ids);
    free(sender->each);
    free(sender);
}

static struct lane *first_lane_from(const struct sender *sender, size_t priority)
{
    while (priority < PRIORITY_COUNT) {
        if (sender->lanes[priority].first != NULL) {
            return sender->lanes[priority].first;
        }
        priority++;
    }
    return NULL;
}

struct lane *sender_first_lane(const struct sender *sender)
{
    return first_lane_from(sender, 0);
}

struct lane *sender_next_lane(const struct sender *sender, const struct lane *lane)
{
    return lane->next != NULL ? lane->next : first_lane_from(sender, (size_t)lane->priority + 1);
}

/* taking legs */

static struct lane *find_lane(struct sender *sender, const struct leg *leg,
                              const struct event_view *view)
{
    struct lane *lane = lanes_get(&sender->lanes[leg->route->priority], leg->event->type,
                                  destination_group(sender->to, view, &sender->d->scratch));

    lane->priority = leg->route->priority;
    lane->cell = deliver_cell(sender->d, sender->index, leg->event->type);
    return lane;
}

/* Write the item into memory of the leg's own: it was not this destination's turn when it was
 * taken. */
static enum err_code render_again(struct sender *sender, struct leg *leg,
                                  const struct event_view *view, struct err *err)
{
    struct deliverer *d = sender->d;
    struct rendering event = {.view = view,
                              .event_id = leg->event->id,
                              .arena = &d->scratch,
                              .scratch = d->scratches[sender->index]};
    enum err_code rc;

    buf_clear(&d->render);
    rc = sender->to->driver->render(sender->to, &event, &d->render, err);
    if (rc == ERR_OK) {
        leg_own_item(&d->events, leg, buf_span(&d->render));
    }
    return rc;
}

static enum err_code decode_again(struct sender *sender, struct leg *leg, struct decoded *decoded,
                                  struct err *err)
{
    struct deliverer *d = sender->d;
    struct frame frame;
    enum reason reason;
    enum err_code rc;

    arena_reset(&d->scratch);
    d->io->view(leg->event->message, &decoded->message);
    rc = catalog_unframe(d->pipeline->catalog, decoded->message.value, &frame, err);
    if (rc == ERR_OK) {
        rc = view_decode(d->pipeline, leg->event->writer, frame.payload, d->wall_ms, &d->scratch,
                         decoded, &reason, err);
    }
    if (rc == ERR_OK) {
        rc = render_again(sender, leg, &decoded->view, err);
    }
    return rc;
}

void sender_cancel_canary(struct sender *sender, struct leg *leg)
{
    if (leg->is_canary) {
        leg->is_canary = false;
        health_cancel(sender->d->health, sender->index,
                      deliver_cell(sender->d, sender->index, leg->event->type), &leg->ticket);
    }
}

/* A probe goes alone and at once: its answer is waited for by all the others. */
static void queue_canary(struct sender *sender, struct lane *lane, struct leg *leg)
{
    struct batch *batch = batch_new(&sender->batches, sender, lane);

    batch->is_canary = true;
    batch->ticket = leg->ticket;
    batch_add(batch, leg);
    batch_wait(&sender->batches, batch, 0, true);
}

void sender_take(struct sender *sender, struct leg *leg, const struct event_view *view)
{
    struct decoded decoded;
    struct err err;
    struct lane *lane;
    enum err_code rc = ERR_OK;

    if (view == NULL) {
        rc = decode_again(sender, leg, &decoded, &err);
        view = &decoded.view;
    }
    if (rc == ERR_OK && leg->item.len + SENDER_ENVELOPE_BYTES > sender->config->batch.bytes) {
        rc = FAIL(&err, ERR_LIMIT, "the item is larger than batch.bytes allows");
    }
    if (rc != ERR_OK) {
        sender_cancel_canary(sender, leg);
        (void)leg_trouble(leg, sender->config, err.text);
        leg_dead_letter(sender->d, leg, rc == ERR_LIMIT ? REASON_TOO_LARGE : REASON_CONTRACT);
        return;
    }
    lane = find_lane(sender, leg, view);
    leg_move(leg, LEG_QUEUED);
    if (leg->is_canary) {
        queue_canary(sender, lane, leg);
        return;
    }
    leg->lane = lane;
    lane_add(lane, leg);
}

enum reason sender_why_waiting(const struct sender *sender, const struct leg *leg)
{
    const struct lane *lane = leg->state == LEG_QUEUED ? leg->lane : leg->batch->lane;

    if (sender->asked.hold_wait_ms != 0 || lane->held_since_ms != 0) {
        return REASON_CREDENTIAL;
    }
    return sender->asked.throttled_since_ms != 0 ? REASON_THROTTLED : REASON_RETRIES_EXHAUSTED;
}

void sender_drop(struct sender *sender, struct leg *leg)
{
    struct batch *batch = leg->batch;

    sender_cancel_canary(sender, leg);
    if (leg->state == LEG_QUEUED) {
        lane_remove(leg->lane, leg);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->legs[i] == leg) {
            (void)batch_take(batch, i);
            break;
        }
    }
    if (batch->count == 0) {
        batch_unwait(&sender->batches, batch);
        batch_free(&sender->batches, batch);
    }
}

/* turns */

/* When there will be something to do, as far as time decides. */
static uint64_t next_due_ms(const struct sender *sender)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t due_ms = now_ms + SENDER_LOOK_MS;

    if (sender_is_paused(sender)) {
        return MIN_OF(due_ms, MAX_OF(sender->asked.paused_until_ms, sender->lacks_until_ms)) -
               now_ms;
    }
    if (sender->in_flight >= sender_connections(sender)) {
        return MIN_OF(due_ms - now_ms, (uint64_t)HANG_LOOK_MS); /* an answer wakes us */
    }
    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        due_ms = MIN_OF(due_ms, sender_due_ms(sender, batch));
    }
    for (const struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (lane->first != NULL) {
            due_ms = MIN_OF(due_ms, MAX_OF(lane->first->queued_ms + sender->config->batch.linger_ms,
                                           sender_cautious_until_ms(sender, lane)));
        }
    }
    due_ms = MAX_OF(due_ms, now_ms + pace_wait_ms(&sender->pace, now_ms));
    return due_ms > now_ms ? due_ms - now_ms : 1;
}

uint64_t sender_turn(struct sender *sender)
{
    pace_set_ceiling(&sender->pace, rate_ceiling(sender), sender->d->now_ms);
    sender_follow_flow(sender);
    sender_look(sender);
    sender_follow_health(sender);
    sender_divert_waiting(sender);
    while (sender_may_send(sender) && pace_wait_ms(&sender->pace, sender->d->now_ms) == 0 &&
           sender_send_next(sender)) {
    }
    sender_watch_limit(sender);
    return next_due_ms(sender);
}
