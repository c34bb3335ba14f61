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

void batch_list_fini(struct batch_list *list)
{
    while (list->first != NULL) {
        struct batch *batch = list->first;

        list->first = batch->next;
        destroy(batch);
    }
    while (list->spare != NULL) {
        struct batch *batch = list->spare;

        list->spare = batch->next;
        destroy(batch);
    }
    *list = (struct batch_list){0};
}

struct batch *batch_new(struct batch_list *list, struct sender *sender, struct lane *lane)
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
    batch->lane = lane;
    batch->count = 0;
    batch->attempts = 0;
    batch->first_sent_ms = 0;
    batch->due_ms = 0;
    batch->is_sent = false;
    batch->is_canary = false;
    batch->is_counted = false;
    batch->is_probe = false;
    batch->refusals = 0;
    batch->rejected = 0;
    batch->wants_budget = false;
    batch->is_unknown = false;
    batch->named_in_row = 0;
    batch->is_name_doubted = false;
    batch->next = NULL;
    batch->previous = NULL;
    lane->batches++;
    return batch;
}

void batch_free(struct batch_list *list, struct batch *batch)
{
    PRE(batch->count == 0);
    batch->lane->batches--;
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
    batch->legs[batch->count++] = leg;
    leg->batch = batch;
}

struct leg *batch_take(struct batch *batch, size_t index)
{
    struct leg *leg;

    PRE(index < batch->count);
    leg = batch->legs[index];
    memmove(batch->legs + index, batch->legs + index + 1,
            (batch->count - index - 1) * sizeof(struct leg *));
    batch->count--;
    leg->batch = NULL;
    return leg;
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

void batch_wait(struct batch_list *list, struct batch *batch, uint64_t due_ms, bool is_first)
{
    PRE(batch->count > 0);
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

void batch_unwait(struct batch_list *list, struct batch *batch)
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
    list->waiting--;
}
