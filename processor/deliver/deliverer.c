#include "deliver/deliverer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/leaving.h"
#include "deliver/records.h"
#include "deliver/sender.h"
#include "deliver/view.h"

enum {
    SCRATCH_BYTES_MAX = 64 * 1024 * 1024,
    RENDER_BYTES_MAX = 64 * 1024 * 1024,
    RECORD_BYTES_MAX = 64 * 1024 * 1024,
    SHARED_CELL_MS = 100,
};

static void read_clocks(struct deliverer *d)
{
    d->now_ms = d->io->mono_ms(d->io->context);
    d->wall_ms = d->io->wall_ms(d->io->context);
}

void deliverer_init(struct deliverer *d, const struct pipeline *pipeline, struct health *health,
                    struct metrics_worker *metrics, unsigned worker_index, const struct io *io,
                    uint64_t seed)
{
    const struct config *config = pipeline->config;

    *d = (struct deliverer){.pipeline = pipeline,
                            .health = health,
                            .metrics = metrics,
                            .worker = worker_index,
                            .io = io,
                            .rng = {.state = seed}};
    read_clocks(d);
    event_pool_init(&d->events, io->release);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    buf_init(&d->render, RENDER_BYTES_MAX);
    buf_init(&d->record, RECORD_BYTES_MAX);
    d->backlogs = mem_array(config->destination_count, struct backlog);
    d->senders = mem_array(config->destination_count, struct sender *);
    d->scratches = mem_array(config->destination_count, void *);
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct driver *driver = pipeline->destinations[i].driver;

        d->scratches[i] = driver->scratch_new == NULL ? NULL : driver->scratch_new();
        if (driver->transport == TRANSPORT_HTTP) {
            d->senders[i] = sender_new(d, &pipeline->destinations[i], i);
        }
    }
}

void deliverer_fini(struct deliverer *d)
{
    d->io->stop(d->io->context);
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        sender_free(d->senders[i]);
        if (d->scratches[i] != NULL) {
            d->pipeline->destinations[i].driver->scratch_free(d->scratches[i]);
        }
    }
    free(d->scratches);
    free(d->senders);
    free(d->backlogs);
    event_pool_fini(&d->events);
    arena_fini(&d->scratch);
    buf_fini(&d->render);
    buf_fini(&d->record);
    *d = (struct deliverer){0};
}

uint64_t deliverer_turn(struct deliverer *d)
{
    const struct io *io = d->io;
    uint64_t next_ms;

    read_clocks(d);
    health_tick(d->health, d->now_ms);
    next_ms = io->reports(io->context, d->now_ms);
    io->answers(io->context);
    if (d->events.forgotten > 0) {
        leaving_drop(d); /* what came back unsettled is another's to send */
    }
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        if (d->senders[i] != NULL) {
            next_ms = MIN_OF(next_ms, sender_turn(d->senders[i]));
        }
    }
    return next_ms;
}

/* legs */

size_t deliver_cell(struct deliverer *d, size_t index, struct span event_type)
{
    uint64_t key = (span_hash(event_type) + index * 0x9e3779b97f4a7c15u) | 1;
    size_t slot = (size_t)(key >> 32) % DELIVER_CELLS;
    uint32_t version = health_cells_version(d->health, index);

    if (d->cells[slot].key != key || d->cells[slot].version != version ||
        d->now_ms >= d->cells[slot].until_ms) {
        d->cells[slot].key = key;
        d->cells[slot].version = version;
        d->cells[slot].cell = health_cell(d->health, index, event_type, d->now_ms);
        d->cells[slot].until_ms =
            health_cell_is_shared(d->cells[slot].cell) ? d->now_ms + SHARED_CELL_MS : UINT64_MAX;
    }
    return d->cells[slot].cell;
}

static bool is_too_old(const struct deliverer *d, const struct config_destination *destination,
                       int64_t event_time_ms)
{
    return destination->max_age_ms != 0 &&
           d->wall_ms - event_time_ms > (int64_t)destination->max_age_ms;
}

static void pass_over(struct choice *choice, enum reason reason)
{
    if (choice->reason == REASON_NONE) { /* why it left the first one stays the reason */
        choice->reason = reason;
    }
}

/* A canary that would have to wait for a throttle or a credential says nothing about health. */
static bool may_probe(struct deliverer *d, size_t index, size_t cell, struct choice *out)
{
    if (!sender_is_paused(d->senders[index])) {
        return true;
    }
    health_cancel(d->health, index, cell, &out->ticket);
    return false;
}

/* May it go there? Kafka topics have no breaker: their only sign of ill health is back-pressure. */
static bool is_way_open(struct deliverer *d, const struct config_destination *destination,
                        const struct wish *wish, struct choice *out)
{
    size_t index = pipeline_index(d->pipeline, destination);
    char outage[OUTAGE_ID_BYTES];
    size_t cell;
    enum gate gate;

    if (destination->type == DESTINATION_KAFKA) {
        return true;
    }
    cell = deliver_cell(d, index, wish->event_type);
    if (health_is_clear(d->health, index, cell)) {
        return true;
    }
    gate = health_admit(d->health, index, cell, d->now_ms, span_hash(wish->event_id),
                        wish->priority, &out->ticket);
    if (gate == GATE_CANARY && !may_probe(d, index, cell, out)) {
        gate = GATE_DIVERT;
    }
    out->is_canary = gate == GATE_CANARY;
    if (gate == GATE_DIVERT) {
        pass_over(out, health_outage(d->health, index, cell, outage));
        if (out->position == 0) {
            memcpy(out->outage, outage, sizeof(outage));
        }
    }
    return gate != GATE_DIVERT;
}

void deliver_choose(struct deliverer *d, const struct wish *wish, size_t from, struct choice *out)
{
    *out = (struct choice){.position = from};
    for (; out->position < wish->plan->count; out->position++) {
        const struct config_destination *destination = wish->plan->chain[out->position];

        if (is_too_old(d, destination, wish->event_time_ms)) {
            pass_over(out, REASON_TOO_OLD);
        } else if (is_way_open(d, destination, wish, out)) {
            return;
        }
    }
}

void choice_cancel(struct deliverer *d, const struct config_leg *plan, struct span event_type,
                   const struct choice *choice)
{
    if (choice->is_canary) {
        size_t index = pipeline_index(d->pipeline, plan->chain[choice->position]);

        health_cancel(d->health, index, deliver_cell(d, index, event_type), &choice->ticket);
    }
}

void leg_take_choice(struct leg *leg, const struct choice *choice)
{
    leg->position = (uint16_t)choice->position;
    leg->is_canary = choice->is_canary;
    leg->ticket = choice->ticket;
    if (leg->reason == REASON_NONE) {
        leg->reason = (uint8_t)choice->reason;
    }
    if (choice->outage[0] != '\0') {
        memcpy(leg->outage, choice->outage, sizeof(leg->outage));
    }
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
        d->io->settle(d->io->context, event->partition, event->epoch, event->message->offset);
    }
    event_free(&d->events, event);
}

/* The outage that sent it another way learns what that cost. */
void leg_count_outage(struct deliverer *d, const struct leg *leg, bool is_dead_letter)
{
    size_t first = leg->plan == NULL ? 0 : pipeline_index(d->pipeline, leg->plan->chain[0]);

    if (leg->plan != NULL && leg->outage[0] != '\0' && d->senders[first] != NULL) {
        health_outage_settled(d->health, first, deliver_cell(d, first, leg->event->type),
                              leg->outage, is_dead_letter);
    }
}

static void count_diverted(struct deliverer *d, const struct leg *leg, size_t here)
{
    const struct event *event = leg->event;

    metrics_diverted(d->metrics, pipeline_index(d->pipeline, leg->plan->chain[0]), event->type,
                     here, (enum reason)leg->reason);
    leg_count_outage(d, leg, false);
    if (event->has_value) {
        metrics_value_diverted(d->metrics, event->value,
                               event->currency[0] == '\0' ? SPAN_NONE : span_of(event->currency));
    }
}

/* Delivered where the leg first meant to go, or diverted: that is its place in the chain. */
void leg_delivered(struct deliverer *d, struct leg *leg)
{
    size_t here = pipeline_index(d->pipeline, leg_destination(leg));

    metrics_latency(d->metrics, here, d->now_ms - leg->event->taken_ms, 1);
    if (leg->position == 0) {
        metrics_arrived(d->metrics);
    } else {
        count_diverted(d, leg, here);
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
    struct event *event = leg->event;
    struct choice choice;

    if (leg->state != LEG_NEW) {
        leg_move(leg, LEG_NEW);
    }
    if (leg->reason == REASON_NONE) { /* why it left the first one stays the reason */
        leg->reason = (uint8_t)reason;
    }
    deliver_choose(d,
                   &(struct wish){.plan = leg->plan,
                                  .priority = leg->route->priority,
                                  .event_type = event->type,
                                  .event_id = event->id,
                                  .event_time_ms = event->time_ms},
                   (size_t)leg->position + 1, &choice);
    if (choice.position == leg->plan->count) {
        leg_dead_letter(d, leg, final_reason((enum reason)leg->reason));
        return;
    }
    leg_take_choice(leg, &choice);
    deliver_leg(d, leg, NULL);
}

void deliver_leg(struct deliverer *d, struct leg *leg, const struct event_view *view)
{
    const struct config_destination *destination;
    struct sender *sender; /* NULL: a topic */

    if (leg->position >= leg->plan->count) {
        enum reason reason = (enum reason)leg->reason;

        leg->position = (uint16_t)(leg->plan->count - 1);
        (void)leg_trouble(leg, leg->plan->chain[0],
                          reason == REASON_TOO_OLD ? "older than max_age of every destination"
                                                   : "every destination of its chain is closed");
        leg_dead_letter(d, leg, final_reason(reason));
        return;
    }
    destination = leg_destination(leg);
    leg->queued_ms = d->now_ms;
    sender = d->senders[pipeline_index(d->pipeline, destination)];
    if (sender != NULL) {
        sender_take(sender, leg, view);
    } else {
        record_send(d, leg, view);
    }
}
