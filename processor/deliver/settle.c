#include "deliver/settle.h"

#include "deliver/fate.h"
#include "deliver/record_headers.h"

/* The outage that sent it another way learns what that cost. */
static void count_outage(struct deliverer *d, const struct leg *leg, bool is_dead_letter)
{
    size_t index = leg->plan == NULL ? 0 : pipeline_index(d->pipeline, leg->plan->chain[0]);

    if (leg->plan != NULL && leg->outage[0] != '\0' && !deliverer_is_background(d) &&
        !leg->plan->chain[0]->type->is_topic) {
        health_outage_settled(d->health, index, deliverer_cell(d, index, leg->event->type),
                              leg->outage, is_dead_letter);
    }
}

static void count_diverted(struct deliverer *d, const struct leg *leg, size_t here)
{
    const struct event *event = leg->event;

    metrics_diverted(d->metrics, pipeline_index(d->pipeline, leg->plan->chain[0]), event->type,
                     here, (enum reason)leg->reason);
    count_outage(d, leg, false);
    if (event->has_value) {
        metrics_value_diverted(d->metrics, event->value,
                               event->currency[0] == '\0' ? SPAN_NONE : span_of(event->currency));
    }
}

static void count_delivered(struct deliverer *d, const struct leg *leg)
{
    size_t here = pipeline_index(d->pipeline, leg_destination(leg));

    if (deliverer_is_background(d)) { /* it was counted when it was diverted */
        metrics_backfilled(d->metrics, here);
        return;
    }
    metrics_latency(d->metrics, here, d->now_ms - leg->event->taken_ms, 1);
    if (leg->position == 0) {
        metrics_arrived(d->metrics);
    } else {
        count_diverted(d, leg, here);
    }
}

static void count_dead_letter(struct deliverer *d, const struct leg *leg)
{
    const struct config_destination *destination = record_fault(leg);

    INVARIANT(leg->is_dead_letter && leg->reason != REASON_NONE);
    metrics_dead_letter(d->metrics,
                        destination == NULL ? d->pipeline->config->destination_count
                                            : pipeline_index(d->pipeline, destination),
                        leg->event->type, (enum reason)leg->reason);
    count_outage(d, leg, true);
    record_log_dead_letter(d, leg);
}

void leg_settle(struct deliverer *d, struct leg *leg, enum settlement how)
{
    struct event *event = leg->event;

    PRE(leg->queue == NULL && leg->batch == NULL && leg->backlog == NULL);
    INVARIANT(event->legs_open > 0 && event->legs_open <= event->leg_count);
    switch (how) {
    case SETTLED_DELIVERED:
        count_delivered(d, leg);
        break;
    case SETTLED_DEAD_LETTER:
        count_dead_letter(d, leg);
        break;
    case SETTLED_WITHOUT:
        event->is_abandoned = true;
        break;
    }
    leg_move(leg, LEG_SETTLED);
    if (--event->legs_open > 0) {
        return;
    }
    if (!event->is_abandoned && event->partition != NULL) {
        struct settled settled = fate_of_event(d, event);

        d->io->settle(d->io->context, event->partition, event->epoch, event->message->offset,
                      &settled);
    }
    event_free(&d->events, event);
}
