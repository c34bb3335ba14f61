/*
 * Happy path: a leg is taken into its queue; a turn finds a free connection and a queue
 * whose oldest leg has lingered (or that fills a batch); the batch's body is built and
 * posted; the answer says delivered; every leg is settled.
 *
 * It can go otherwise, in order: no item can be made of the event (dead letter); the
 * sender is paused (throttled, held) or out of tokens or connections (legs wait, batches
 * fill); no answer or a transient one (retry, then on in the chain); an answer that
 * rejects (dead letter of the culprit alone); one nobody knows (retry, halve, dead letter).
 */
#include "deliver/sender.h"

#include "deliver/sender_inside.h"

#include <stdlib.h>

#include "base/mem.h"

enum { HEADER_BYTES_MAX = 256 * 1024, HANG_LOOK_MS = 250 };

/* What live events leave; never nothing, or what was diverted would wait as long as they come. */
static double background_share(const struct deliverer *d)
{
    double share = d->background.share;

    return deliverer_is_background(d) ? MAX_OF(MIN_OF(share, d->rate_left), share / 20) : 1;
}

static uint32_t share_of(const struct deliverer *d, uint32_t connections)
{
    uint32_t part = (uint32_t)(connections * d->background.share);

    return deliverer_is_background(d) ? MAX_OF(part, 1u) : connections;
}

/* This worker's part of the configured rate: of the whole group's by partitions held, or of the
 * process's. */
static double rate_ceiling(const struct sender *sender)
{
    const struct config_destination *config = sender->config;
    double share = 1.0 / sender->d->pipeline->config->workers;

    if (config->rate.is_shared && sender->d->rate_share > 0) {
        share = sender->d->rate_share;
    }
    return config->rate.requests * share * background_share(sender->d);
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
    buf_init(&sender->scratch.header_lines, HEADER_BYTES_MAX);
    sender->index = index;
    sender->pause.shared = health_pause(d->health, index);
    if (deliverer_is_background(d)) {
        pause_init(&sender->pause.own);
        sender->pause.live = sender->pause.shared;
        sender->pause.shared = &sender->pause.own;
    }
    sender->bulkhead = (struct bulkhead){
        .events = d->pipeline->config->in_flight.events,
        .has_neighbours =
            !deliverer_is_background(d) && has_neighbours(d->pipeline->config, config),
    };
    sender->target = destination_target(destination);
    rate_limit_init(&sender->rate_limit, rate_ceiling(sender),
                    config->rate.burst * rate_ceiling(sender) / config->rate.requests, d->now_ms);
    concurrency_init(&sender->concurrency, share_of(d, config->concurrency.initial),
                     share_of(d, config->concurrency.max));
    retry_init(&sender->retry, config);
    sender->credential.generation = sender_secrets(sender);
    return sender;
}

void sender_free(struct sender *sender)
{
    if (sender->pause.live != NULL) {
        pause_fini(&sender->pause.own);
    }
    buf_fini(&sender->scratch.header_lines);
    batch_queue_fini(&sender->batches);
    queues_fini(&sender->queues);
    free(sender->scratch.ids);
    free(sender->scratch.each);
    free(sender);
}

/* taking legs */

static struct queue *find_queue(struct sender *sender, const struct leg *leg,
                                const struct event_view *view)
{
    struct queue *queue = queues_get(&sender->queues, leg->route->priority, leg->event->type,
                                     destination_group(sender->to, view, &sender->d->scratch));

    queue->cell = deliverer_cell(sender->d, sender->index, leg->event->type);
    return queue;
}

void sender_report(struct sender *sender, struct leg *leg, enum leg_outcome outcome,
                   enum reason reason)
{
    outcome_report(&sender->d->outcomes, leg, outcome, reason);
}

void sender_report_batch(struct sender *sender, struct batch *batch, enum leg_outcome outcome,
                         enum reason reason)
{
    PRE(!batch->is_sent);
    batch_report(batch, &sender->d->outcomes, outcome, reason);
    batch_free(&sender->batches, batch);
}

void sender_cancel_canary(struct sender *sender, struct leg *leg)
{
    if (leg->is_canary) {
        leg->is_canary = false;
        health_cancel(sender->d->health, sender->index,
                      deliverer_cell(sender->d, sender->index, leg->event->type), &leg->ticket);
    }
}

/* A probe goes alone and at once: its answer is waited for by all the others. */
static void queue_canary(struct sender *sender, struct queue *queue, struct leg *leg)
{
    struct batch *batch = batch_new(&sender->batches, sender, queue);

    batch->is_canary = true;
    batch->ticket = leg->ticket;
    batch_add(batch, leg);
    batch_wait(&sender->batches, batch, 0, true);
}

void sender_take(struct sender *sender, struct leg *leg, const struct event_view *view)
{
    struct queue *queue;

    PRE(leg->state == LEG_NEW && leg_destination(leg) == sender->config);
    if (leg->item.len + SENDER_ENVELOPE_BYTES > sender->config->batch.bytes) {
        sender_cancel_canary(sender, leg);
        (void)leg_set_error(leg, sender->config, "the item is larger than batch.bytes allows");
        sender_report(sender, leg, LEG_REJECTED, REASON_TOO_LARGE);
        return;
    }
    queue = find_queue(sender, leg, view);
    leg_move(leg, LEG_QUEUED);
    if (leg->is_canary) {
        queue_canary(sender, queue, leg);
    } else {
        queue_add(queue, leg);
    }
}

enum reason sender_why_waiting(const struct sender *sender, const struct leg *leg)
{
    const struct queue *queue = leg->state == LEG_QUEUED ? leg->queue : leg->batch->queue;

    if (sender->pause.seen.hold_wait_ms != 0 || hold_is_on(queue->hold)) {
        return REASON_CREDENTIAL;
    }
    return sender->pause.seen.throttled_since_ms != 0 ? REASON_THROTTLED : REASON_RETRIES_EXHAUSTED;
}

void sender_drop(struct sender *sender, struct leg *leg)
{
    struct batch *batch = leg->batch;

    sender_cancel_canary(sender, leg);
    if (leg->state == LEG_QUEUED) {
        queue_remove(leg->queue, leg);
        return;
    }
    PRE(leg->state == LEG_WAITING && !batch->is_sent);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->legs[i] == leg) {
            (void)batch_take(batch, i);
            break;
        }
    }
    POST(leg->batch == NULL);
    if (batch->count == 0) {
        batch_unwait(&sender->batches, batch);
        batch_free(&sender->batches, batch);
    }
}

size_t sender_load(const struct sender *sender)
{
    size_t load = sender->batches.waiting + sender->batches.in_flight;

    for (const struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        load += queue->count + queue->in_flight + queue->batches;
    }
    return load;
}

struct queues *sender_queues(struct sender *sender)
{
    return &sender->queues;
}

/* turns */

/* When there will be something to do, as far as time decides. */
static uint64_t next_due_ms(const struct sender *sender)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t due_ms = now_ms + SENDER_LOOK_MS;

    if (sender_is_paused(sender)) {
        return MIN_OF(due_ms,
                      MAX_OF(sender->pause.seen.paused_until_ms, sender->local_error.until_ms)) -
               now_ms;
    }
    if (sender_is_full(sender)) {
        return MIN_OF(due_ms - now_ms, (uint64_t)HANG_LOOK_MS); /* an answer wakes us */
    }
    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        due_ms = MIN_OF(due_ms, sender_due_ms(sender, batch));
    }
    for (const struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        if (queue->first != NULL) {
            due_ms =
                MIN_OF(due_ms, MAX_OF(queue->first->queued_ms + sender->config->batch.linger_ms,
                                      sender_queue_until_ms(sender, queue)));
        }
    }
    due_ms = MAX_OF(due_ms, now_ms + rate_limit_wait_ms(&sender->rate_limit, now_ms));
    return due_ms > now_ms ? due_ms - now_ms : 1;
}

void sender_review(struct sender *sender, uint32_t streak)
{
    sender->streak = streak;
    rate_limit_set_ceiling(&sender->rate_limit, rate_ceiling(sender), sender->d->now_ms);
    sender_follow_pause(sender);
    sender_look(sender);
    sender_count_hanging(sender);
}

uint64_t sender_send(struct sender *sender)
{
    while (sender_may_send(sender) &&
           rate_limit_wait_ms(&sender->rate_limit, sender->d->now_ms) == 0 &&
           sender_send_next(sender)) {
    }
    sender_watch_limit(sender);
    return next_due_ms(sender);
}
