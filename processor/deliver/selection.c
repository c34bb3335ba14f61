#include "deliver/selection.h"

#include <string.h>

#include "deliver/sender.h"

static bool is_too_old(const struct deliverer *d, const struct config_destination *destination,
                       int64_t event_time_ms)
{
    return destination->max_age_ms != 0 &&
           d->wall_ms - event_time_ms > (int64_t)destination->max_age_ms;
}

static void pass_over(struct selection *selection, enum reason reason)
{
    if (selection->reason == REASON_NONE) { /* why it left the first one stays the reason */
        selection->reason = reason;
    }
}

/* A canary that would have to wait for a throttle or a credential says nothing about health. */
static bool may_probe(struct deliverer *d, size_t index, size_t cell, struct selection *out)
{
    if (!sender_is_paused(d->senders[index])) {
        return true;
    }
    health_cancel(d->health, index, cell, &out->ticket);
    return false;
}

static bool is_admitted(struct deliverer *d, const struct config_destination *destination,
                        const struct selection_for *of, struct selection *out)
{
    size_t index = pipeline_index(d->pipeline, destination);
    char outage[OUTAGE_ID_BYTES];
    size_t cell;
    enum gate gate;

    if (destination->type->is_topic) {
        return true;
    }
    cell = deliverer_cell(d, index, of->event_type);
    if (health_is_clear(d->health, index, cell)) {
        return true;
    }
    gate = health_admit(d->health, index, cell,
                        &(struct admission){d->now_ms, span_hash(of->event_id), of->priority,
                                            deliverer_is_background(d)},
                        &out->ticket);
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

void selection_make(struct deliverer *d, const struct selection_for *of, size_t from,
                    struct selection *out)
{
    PRE(from <= of->plan->count);
    *out = (struct selection){.position = from};
    for (; out->position < of->plan->count; out->position++) {
        const struct config_destination *destination = of->plan->chain[out->position];

        if (is_too_old(d, destination, of->event_time_ms)) {
            pass_over(out, REASON_TOO_OLD);
        } else if (is_admitted(d, destination, of, out)) {
            return;
        }
    }
}

void selection_cancel(struct deliverer *d, const struct selection_for *of,
                      const struct selection *selection)
{
    size_t index;

    if (selection->is_canary) {
        INVARIANT(selection->position < of->plan->count);
        index = pipeline_index(d->pipeline, of->plan->chain[selection->position]);
        health_cancel(d->health, index, deliverer_cell(d, index, of->event_type),
                      &selection->ticket);
    }
}

void leg_select(struct leg *leg, const struct selection *selection)
{
    PRE(leg->state == LEG_NEW && !leg->is_canary);
    leg->position = (uint16_t)selection->position;
    leg->is_canary = selection->is_canary;
    leg->ticket = selection->ticket;
    if (leg->reason == REASON_NONE) {
        leg->reason = (uint8_t)selection->reason;
    }
    if (selection->outage[0] != '\0') {
        memcpy(leg->outage, selection->outage, sizeof(leg->outage));
    }
}
