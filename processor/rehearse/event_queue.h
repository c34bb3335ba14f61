/**
 * event_queue - what happens when, on the virtual clock: earliest first, at the same time in the
 * order it was added, so that a run repeats itself.
 */
#ifndef REHEARSE_EVENT_QUEUE_H
#define REHEARSE_EVENT_QUEUE_H

#include "base/base.h"

struct world;

typedef void event_fn(void *context, struct world *world);

struct event_queue_item {
    uint64_t at_ms;
    uint64_t order;
    event_fn *run;
    void *context;
};

struct event_queue {
    struct event_queue_item *items; /* owned; a binary heap */
    size_t count, cap;
    uint64_t added;
};

void event_queue_fini(struct event_queue *queue);
void event_queue_add(struct event_queue *queue, uint64_t at_ms, event_fn *run, void *context);
/** When the first is due; UINT64_MAX: there is none. */
uint64_t event_queue_next_ms(const struct event_queue *queue);
/** Take the first out if it is due by @now_ms. */
bool event_queue_take(struct event_queue *queue, uint64_t now_ms, struct event_queue_item *out);

#endif /* REHEARSE_EVENT_QUEUE_H */
