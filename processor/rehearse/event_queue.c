#include "rehearse/event_queue.h"

#include <stdlib.h>

#include "base/mem.h"

void event_queue_fini(struct event_queue *queue)
{
    free(queue->items);
    *queue = (struct event_queue){0};
}

static bool is_before(const struct event_queue_item *a, const struct event_queue_item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct event_queue_item *a, struct event_queue_item *b)
{
    struct event_queue_item kept = *a;

    *a = *b;
    *b = kept;
}

void event_queue_add(struct event_queue *queue, uint64_t at_ms, event_fn *run, void *context)
{
    size_t at = queue->count++;

    if (queue->count > queue->cap) {
        queue->cap = MAX_OF(queue->cap * 2, (size_t)64);
        queue->items = mem_grow(queue->items, queue->cap, sizeof(struct event_queue_item));
    }
    queue->items[at] = (struct event_queue_item){at_ms, queue->added++, run, context};
    while (at > 0 && is_before(&queue->items[at], &queue->items[(at - 1) / 2])) {
        swap(&queue->items[at], &queue->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

uint64_t event_queue_next_ms(const struct event_queue *queue)
{
    return queue->count == 0 ? UINT64_MAX : queue->items[0].at_ms;
}

bool event_queue_take(struct event_queue *queue, uint64_t now_ms, struct event_queue_item *out)
{
    size_t at = 0;

    if (queue->count == 0 || queue->items[0].at_ms > now_ms) {
        return false;
    }
    *out = queue->items[0];
    queue->items[0] = queue->items[--queue->count];
    for (;;) {
        size_t child = at * 2 + 1;

        if (child + 1 < queue->count && is_before(&queue->items[child + 1], &queue->items[child])) {
            child++;
        }
        if (child >= queue->count || !is_before(&queue->items[child], &queue->items[at])) {
            return true;
        }
        swap(&queue->items[at], &queue->items[child]);
        at = child;
    }
}
