#include "deliver/deliverer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/records.h"
#include "deliver/tiktok_sender.h"
#include "deliver/view.h"

enum {
    SCRATCH_BYTES_MAX = 64 * 1024 * 1024,
    RENDER_BYTES_MAX = 64 * 1024 * 1024,
    RECORD_BYTES_MAX = 64 * 1024 * 1024,
};

enum err_code deliverer_init(struct deliverer *d, const struct pipeline *pipeline,
                             struct metrics_worker *metrics, unsigned worker_index, struct err *err)
{
    const struct config *config = pipeline->config;
    enum err_code rc;

    *d = (struct deliverer){.pipeline = pipeline, .metrics = metrics};
    d->rng.state = rng_seed();
    d->now_ms = clock_mono_ms();
    d->wall_ms = clock_wall_ms();
    event_pool_init(&d->events);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    buf_init(&d->render, RENDER_BYTES_MAX);
    buf_init(&d->record, RECORD_BYTES_MAX);
    d->tiktok = tiktok_scratch_new();
    d->senders = mem_array(config->destination_count, struct tiktok_sender *);
    rc = http_client_new(&d->http, err);
    if (rc == ERR_OK) {
        rc = producer_open(config, worker_index, &d->producer, err);
    }
    for (size_t i = 0; rc == ERR_OK && i < config->destination_count; i++) {
        if (config->destinations[i].type == DESTINATION_TIKTOK) {
            d->senders[i] = tiktok_sender_new(d, &pipeline->destinations[i], i);
        }
    }
    if (rc != ERR_OK) {
        deliverer_fini(d);
    }
    return rc;
}

void deliverer_fini(struct deliverer *d)
{
    http_client_free(d->http); /* aborts without callbacks: batches still own their legs */
    d->http = NULL;
    if (d->senders != NULL) {
        for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
            tiktok_sender_free(d->senders[i]);
        }
    }
    free(d->senders);
    if (d->producer != NULL) {
        producer_cancel(d->producer);
        producer_close(d->producer);
    }
    event_pool_fini(&d->events);
    tiktok_scratch_free(d->tiktok);
    arena_fini(&d->scratch);
    buf_fini(&d->render);
    buf_fini(&d->record);
    *d = (struct deliverer){0};
}

uint64_t deliverer_turn(struct deliverer *d)
{
    uint64_t next_ms;

    d->now_ms = clock_mono_ms();
    d->wall_ms = clock_wall_ms();
    next_ms = producer_turn(d->producer, d->now_ms);
    http_turn(d->http);
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        if (d->senders[i] != NULL) {
            next_ms = MIN_OF(next_ms, tiktok_sender_turn(d->senders[i]));
        }
    }
    return next_ms;
}

size_t deliverer_open(const struct deliverer *d, const struct source_partition *partition)
{
    size_t open = 0;

    if (partition == NULL) {
        return d->events.events;
    }
    for (const struct event *event = d->events.first; event != NULL; event = event->next) {
        open += event->partition == partition;
    }
    return open;
}

void deliverer_forget(struct deliverer *d, const struct source_partition *partition)
{
    for (struct event *event = d->events.first; event != NULL; event = event->next) {
        if (partition == NULL || event->partition == partition) {
            event->partition = NULL;
        }
    }
}

/* An event nothing of which is on its way ceases here; else its sent legs are waited for. */
static void drop_event(struct deliverer *d, struct event *event)
{
    for (size_t i = 0; i < event->leg_count; i++) {
        struct leg *leg = &event->legs[i];

        if (leg->state == LEG_NEW || leg->state == LEG_QUEUED || leg->state == LEG_WAITING) {
            if (leg->state != LEG_NEW) {
                tiktok_sender_drop(d->senders[pipeline_index(d->pipeline, leg_destination(leg))],
                                   leg);
            }
            leg_move(leg, LEG_SETTLED);
            event->is_abandoned = true;
            event->legs_open--;
        }
    }
    if (event->legs_open == 0) {
        event_free(&d->events, event);
    }
}

void deliverer_drop_unsent(struct deliverer *d, const struct source_partition *partition)
{
    struct event *next;

    for (struct event *event = d->events.first; event != NULL; event = next) {
        next = event->next;
        if (partition == NULL || event->partition == partition) {
            drop_event(d, event);
        }
    }
}

/* legs */

size_t leg_first_position(const struct config_leg *plan, int64_t event_time_ms, int64_t wall_ms)
{
    for (size_t i = 0; i < plan->count; i++) {
        uint64_t max_age_ms = plan->chain[i]->max_age_ms;

        if (max_age_ms == 0 || wall_ms - event_time_ms <= (int64_t)max_age_ms) {
            return i;
        }
    }
    return plan->count;
}

void leg_settle(struct deliverer *d, struct leg *leg)
{
    struct event *event = leg->event;

    leg_move(leg, LEG_SETTLED);
    INVARIANT(event->legs_open > 0);
    if (--event->legs_open > 0) {
        return;
    }
    if (!event->is_abandoned && event->partition != NULL) {
        source_settle(d->source, event->partition, event->epoch, event->message->offset);
    }
    event_free(&d->events, event);
}

/* Delivered where the leg first meant to go, or diverted: that is its place in the chain. */
void leg_delivered(struct deliverer *d, struct leg *leg)
{
    const struct event *event = leg->event;
    size_t here = pipeline_index(d->pipeline, leg_destination(leg));

    metrics_latency(d->metrics, here, d->now_ms - event->taken_ms, 1);
    if (leg->position == 0) {
        if (leg_destination(leg)->type == DESTINATION_KAFKA) {
            metrics_delivery(d->metrics, here, VERDICT_DELIVERED, 1);
        }
    } else {
        metrics_diverted(d->metrics, pipeline_index(d->pipeline, leg->plan->chain[0]), here,
                         (enum reason)leg->reason, event->has_value, event->value,
                         event->currency[0] == '\0' ? SPAN_NONE : span_of(event->currency));
    }
    leg_settle(d, leg);
}

void leg_dead_letter(struct deliverer *d, struct leg *leg, enum reason reason)
{
    if (leg->state != LEG_NEW) {
        leg_move(leg, LEG_NEW);
    }
    leg->reason = (uint8_t)reason;
    record_dead_letter(d, leg);
}

/* What a diversion's reason is called when the chain is at its end: the dead-letter words. */
static enum reason final_reason(enum reason reason)
{
    return reason == REASON_TOO_OLD ? REASON_EXPIRED : reason;
}

void leg_advance(struct deliverer *d, struct leg *leg, enum reason reason)
{
    if (leg->state != LEG_NEW) {
        leg_move(leg, LEG_NEW);
    }
    if (!leg_has_alternate(leg)) {
        leg_dead_letter(d, leg, final_reason(reason));
        return;
    }
    leg->reason = (uint8_t)reason;
    leg->position++;
    deliver_leg(d, leg, NULL);
}

void deliver_leg(struct deliverer *d, struct leg *leg, const struct event_view *view)
{
    const struct config_destination *destination;

    if (leg->position >= leg->plan->count) {
        leg->position = (uint16_t)(leg->plan->count - 1);
        (void)leg_trouble(leg, leg->plan->chain[0], "older than max_age of every destination");
        leg_dead_letter(d, leg, REASON_EXPIRED);
        return;
    }
    destination = leg_destination(leg);
    leg->queued_ms = d->now_ms;
    switch (destination->type) {
    case DESTINATION_TIKTOK:
        tiktok_sender_take(d->senders[pipeline_index(d->pipeline, destination)], leg, view);
        return;
    case DESTINATION_KAFKA:
        record_send(d, leg, view);
        return;
    case DESTINATION_HTTP:
        INVARIANT(!"config_is_supported() refuses routes to type http");
        return;
    }
}
