#include "deliver/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    BODY_BYTES_MAX = 64 * 1024 * 1024,
    SPARE_MAX = 64,
    LEGS_FIRST = 16,
    NAMED_IN_ROW_MAX = 3, /* neighbours may be bad together; beyond it, halving costs little */
};

static void destroy(struct batch *batch)
{
    free(batch->legs);
    buf_fini(&batch->body);
    free(batch);
}

void batch_queue_fini(struct batch_queue *list)
{
    while (list->first != NULL) {
        struct batch *batch = list->first;

        list->first = batch->next;
        destroy(batch);
    }
    while (list->sent != NULL) { /* nobody will hear of these any more */
        struct batch *batch = list->sent;

        list->sent = batch->next;
        destroy(batch);
    }
    while (list->spare != NULL) {
        struct batch *batch = list->spare;

        list->spare = batch->next;
        destroy(batch);
    }
    *list = (struct batch_queue){0};
}

struct batch *batch_new(struct batch_queue *list, struct sender *sender, struct queue *queue)
{
    struct batch *batch = list->spare;

    if (batch != NULL) {
        list->spare = batch->next;
        list->spare_count--;
    } else {
        batch = mem_new(struct batch);
        buf_init(&batch->body, BODY_BYTES_MAX);
    }
    batch->sender = sender;
    batch->queue = queue;
    batch->count = 0;
    batch->retry = (struct retry_of){0};
    batch->due_ms = 0;
    batch->is_sent = false;
    batch->is_canary = false;
    batch->is_counted = false;
    batch->is_probe = false;
    batch->refusals = 0;
    batch->rejected = 0;
    batch->named_in_row = 0;
    batch->is_name_doubted = false;
    batch->next = NULL;
    batch->previous = NULL;
    queue->batches++;
    return batch;
}

void batch_free(struct batch_queue *list, struct batch *batch)
{
    PRE(batch->count == 0 && !batch->is_sent);
    PRE(batch->next == NULL && batch->previous == NULL && list->first != batch);
    INVARIANT(batch->queue->batches > 0);
    batch->queue->batches--;
    if (list->spare_count >= SPARE_MAX) {
        destroy(batch);
        return;
    }
    buf_clear(&batch->body);
    batch->next = list->spare;
    list->spare = batch;
    list->spare_count++;
}

void batch_add(struct batch *batch, struct leg *leg)
{
    if (batch->count == batch->cap) {
        batch->cap = batch->cap == 0 ? LEGS_FIRST : batch->cap * 2;
        batch->legs = mem_grow(batch->legs, batch->cap, sizeof(struct leg *));
    }
    PRE(leg->batch == NULL && leg->queue == NULL);
    batch->legs[batch->count++] = leg;
    leg->batch = batch;
}

struct leg *batch_take(struct batch *batch, size_t index)
{
    struct leg *leg;

    PRE(index < batch->count);
    leg = batch->legs[index];
    INVARIANT(leg->batch == batch);
    memmove(batch->legs + index, batch->legs + index + 1,
            (batch->count - index - 1) * sizeof(struct leg *));
    batch->count--;
    leg->batch = NULL;
    return leg;
}

void batch_report(struct batch *batch, struct outcome_queue *outcomes, enum leg_outcome outcome,
                  enum reason reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->legs[i]->batch = NULL;
        outcome_report(outcomes, batch->legs[i], outcome, reason);
    }
    batch->count = 0;
}

/* An answer that echoes one event's text can look as if it named another. The one it names is taken
 * out, the echo stays and names the same place again: without an end, all others would follow. */
bool batch_believes(struct batch *batch, size_t item)
{
    if (batch->is_name_doubted) {
        return false;
    }
    batch->named_in_row = batch->named_item == item ? batch->named_in_row + 1 : 1;
    batch->named_item = item;
    batch->is_name_doubted = batch->named_in_row > NAMED_IN_ROW_MAX;
    return !batch->is_name_doubted;
}

void batch_wait(struct batch_queue *list, struct batch *batch, uint64_t due_ms, bool is_first)
{
    PRE(batch->count > 0 && !batch->is_sent);
    PRE(batch->next == NULL && batch->previous == NULL);
    batch->due_ms = due_ms;
    for (size_t i = 0; i < batch->count; i++) {
        leg_move(batch->legs[i], LEG_WAITING);
    }
    batch->next = is_first ? list->first : NULL;
    batch->previous = is_first ? NULL : list->last;
    if (batch->previous != NULL) {
        batch->previous->next = batch;
    } else {
        list->first = batch;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch;
    } else {
        list->last = batch;
    }
    list->waiting++;
}

void batch_unwait(struct batch_queue *list, struct batch *batch)
{
    if (batch->previous != NULL) {
        batch->previous->next = batch->next;
    } else {
        list->first = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    } else {
        list->last = batch->previous;
    }
    batch->next = NULL;
    batch->previous = NULL;
    INVARIANT(list->waiting > 0);
    list->waiting--;
    INVARIANT((list->waiting == 0) == (list->first == NULL));
}

void batch_sent(struct batch_queue *list, struct batch *batch, uint64_t now_ms)
{
    PRE(batch->count > 0 && !batch->is_sent);
    PRE(batch->next == NULL && batch->previous == NULL);
    batch->is_sent = true;
    batch->is_looked_at = false;
    batch->is_overtaken = false;
    batch->is_counted = false;
    batch->sent_ms = now_ms;
    if (batch->retry.first_sent_ms == 0) {
        batch->retry.first_sent_ms = now_ms;
    }
    batch->next = list->sent;
    if (list->sent != NULL) {
        list->sent->previous = batch;
    }
    list->sent = batch;
    list->in_flight++;
    queue_sent(batch->queue, now_ms);
}

void batch_answered(struct batch_queue *list, struct batch *batch)
{
    PRE(batch->is_sent);
    INVARIANT(list->in_flight > 0);
    if (batch->previous != NULL) {
        batch->previous->next = batch->next;
    } else {
        INVARIANT(list->sent == batch);
        list->sent = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    }
    batch->next = NULL;
    batch->previous = NULL;
    batch->is_sent = false;
    list->in_flight--;
    list->overtaken -= batch->is_overtaken;
    queue_answered(batch->queue);
}

struct batch *batch_new_like(struct batch_queue *list, const struct batch *batch)
{
    struct batch *like = batch_new(list, batch->sender, batch->queue);

    like->retry.attempts = batch->retry.attempts;
    like->retry.first_sent_ms = batch->retry.first_sent_ms;
    return like;
}

void batch_halve(struct batch_queue *list, struct batch *batch)
{
    struct batch *second = batch_new_like(list, batch);
    size_t keep = batch->count / 2;

    PRE(batch->count > 1);
    for (size_t i = keep; i < batch->count; i++) {
        batch->legs[i]->batch = NULL;
        batch_add(second, batch->legs[i]);
    }
    batch->count = keep;
    second->refusals = batch->refusals;
    second->passed_at_refusal = batch->passed_at_refusal;
    second->is_name_doubted = batch->is_name_doubted;
    batch_wait(list, second, 0, true);
    batch_wait(list, batch, 0, true);
}
