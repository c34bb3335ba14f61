#include "deliver/drain.h"

#include "deliver/dispatch.h"
#include "deliver/records.h"
#include "deliver/sender.h"
#include "deliver/settle.h"

static bool is_leaving(const struct deliverer *d, const struct event *event)
{
    return d->is_ending || (event->partition != NULL && event->partition->is_going);
}

/* dropping */

static bool is_on_its_way(const struct deliverer *d, const struct leg *leg)
{
    return leg->state == LEG_SENDING || (leg->state == LEG_PRODUCING && !record_is_unsent(d, leg));
}

static bool has_begun(const struct deliverer *d, const struct event *event)
{
    for (size_t i = 0; i < event->leg_count; i++) {
        const struct leg *leg = &event->legs[i];

        if (leg->state == LEG_SETTLED || leg->part > 0 || is_on_its_way(d, leg)) {
            return true;
        }
    }
    return false;
}

static struct sender *sender_of(const struct deliverer *d, const struct leg *leg)
{
    return d->senders[pipeline_index(d->pipeline, leg_destination(leg))];
}

static void drop_leg(struct deliverer *d, struct leg *leg)
{
    if (leg->state == LEG_PRODUCING) {
        record_recall(d, leg);
    } else if (leg->state != LEG_NEW) {
        sender_drop(sender_of(d, leg), leg);
    }
    leg_settle(d, leg, SETTLED_WITHOUT);
}

/* All of it that is not on its way ceases; the event with it when that is all. */
static void drop_event(struct deliverer *d, struct event *event)
{
    size_t open = event->legs_open;

    for (size_t i = 0; open > 0; i++) { /* with the last open leg the event is freed */
        struct leg *leg = &event->legs[i];

        if (leg->state == LEG_SETTLED) {
            continue;
        }
        open--;
        if (!is_on_its_way(d, leg)) {
            drop_leg(d, leg);
        }
    }
}

void drain_drop(struct deliverer *d)
{
    struct event *next;

    PRE(d->outcomes.count == 0);
    for (struct event *event = d->events.first; event != NULL; event = next) {
        next = event->next;
        if (event->is_forgotten || (is_leaving(d, event) && !has_begun(d, event))) {
            drop_event(d, event);
        }
    }
}

/* waiting */

size_t drain_open(const struct deliverer *d)
{
    size_t open = 0;

    for (const struct event *event = d->events.first; event != NULL; event = event->next) {
        open += !event->is_forgotten && is_leaving(d, event);
    }
    return open;
}

/* Topics have no health that could be bad: whoever is sent there does not end as a dead letter. */
static bool has_topic_behind(const struct leg *leg)
{
    for (size_t i = (size_t)leg->position + 1; leg->plan != NULL && i < leg->plan->count; i++) {
        if (leg->plan->chain[i]->type->is_topic) {
            return true;
        }
    }
    return false;
}

/* `then: wait` says that being late is better than the alternate; so are duplicates of others. */
static bool may_divert(const struct leg *leg, enum reason reason)
{
    return has_topic_behind(leg) &&
           (reason != REASON_THROTTLED || leg_destination(leg)->throttle.then == THEN_DIVERT);
}

static void divert(struct deliverer *d, struct leg *leg)
{
    struct sender *sender = sender_of(d, leg);
    enum reason reason = sender_why_waiting(sender, leg);

    if (!may_divert(leg, reason)) {
        return;
    }
    sender_drop(sender, leg);
    if (leg->last_error == NULL) {
        (void)leg_set_error(leg, leg_destination(leg),
                            "it still waited when its partition went or the process stopped");
    }
    outcome_report(&d->outcomes, leg, LEG_FAILED, reason);
}

void drain_divert(struct deliverer *d)
{
    for (struct event *event = d->events.first; event != NULL; event = event->next) {
        for (size_t i = 0; is_leaving(d, event) && i < event->leg_count; i++) {
            struct leg *leg = &event->legs[i];

            if (leg->state == LEG_QUEUED || leg->state == LEG_WAITING) {
                divert(d, leg);
            }
        }
    }
    dispatch_outcomes(d);
}

void drain_forget(struct deliverer *d)
{
    if (drain_open(d) > 0) {
        d->io->unsend(d->io->context);
    }
    for (struct event *event = d->events.first; event != NULL; event = event->next) {
        if (!event->is_forgotten && is_leaving(d, event)) {
            event->is_forgotten = true;
            event->partition = NULL;
            d->events.forgotten++;
        }
    }
    drain_drop(d);
}
