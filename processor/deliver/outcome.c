#include "deliver/outcome.h"

static bool has_reason(enum leg_outcome outcome)
{
    return outcome == LEG_FAILED || outcome == LEG_REJECTED;
}

void outcome_report(struct outcome_queue *queue, struct leg *leg, enum leg_outcome outcome,
                    enum reason reason)
{
    PRE(outcome != LEG_NONE);
    PRE(has_reason(outcome) == (reason != REASON_NONE));
    PRE(leg->queue == NULL && leg->batch == NULL && leg->next == NULL);
    leg_move(leg, LEG_REPORTED);
    leg->reported = (uint8_t)outcome;
    leg->reported_reason = (uint8_t)reason;
    leg->is_canary = false; /* what it probed for is answered, or was cancelled */
    if (queue->last == NULL) {
        queue->first = leg;
    } else {
        queue->last->next = leg;
    }
    queue->last = leg;
    queue->count++;
}

struct leg *outcome_take(struct outcome_queue *queue)
{
    struct leg *leg = queue->first;

    INVARIANT((leg == NULL) == (queue->count == 0));
    if (leg == NULL) {
        return NULL;
    }
    INVARIANT(leg->state == LEG_REPORTED);
    queue->first = leg->next;
    if (queue->first == NULL) {
        INVARIANT(queue->last == leg && queue->count == 1);
        queue->last = NULL;
    }
    leg->next = NULL;
    queue->count--;
    return leg;
}
