#include "deliver/queue.h"

#include <stdlib.h>

#include "base/mem.h"

static void free_queue(struct queues *queues, struct queue *queue)
{
    hold_leave(&queues->holds, queue->hold);
    free(queue->name);
    free(queue);
}

/* Source ids come from events: a queue nobody uses must not stay for ever. */
static void drop_empty(struct queues *queues, struct queue_set *set)
{
    struct queue **link = &set->first;

    set->last = NULL;
    while (*link != NULL) {
        struct queue *queue = *link;

        if (queue->count == 0 && queue->batches == 0) {
            *link = queue->next;
            set->count--;
            free_queue(queues, queue);
        } else {
            set->last = queue;
            link = &queue->next;
        }
    }
}

static struct queue *add_queue(struct queues *queues, struct queue_set *set, struct span name,
                               struct span source_id)
{
    struct queue *queue = mem_new(struct queue);

    queue->name = mem_text(name);
    queue->hold = hold_join(&queues->holds, source_id);
    if (set->last == NULL) {
        set->first = queue;
    } else {
        set->last->next = queue;
    }
    set->last = queue;
    set->count++;
    return queue;
}

struct queue *queues_get(struct queues *queues, enum priority priority, struct span name,
                         struct span source_id)
{
    struct queue_set *set = &queues->sets[priority];
    uint64_t hash = span_hash(name) * 31 + span_hash(source_id);
    struct queue *queue;

    PRE((size_t)priority < PRIORITY_COUNT);
    for (queue = set->first; queue != NULL; queue = queue->next) {
        if (queue->hash == hash && span_is(name, queue->name) &&
            span_is(source_id, queue->hold->source_id)) {
            return queue;
        }
    }
    if (set->count >= QUEUES_MAX) {
        drop_empty(queues, set);
    }
    queue = add_queue(queues, set, name, source_id);
    queue->priority = priority;
    queue->hash = hash;
    return queue;
}

void queues_fini(struct queues *queues)
{
    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        while (queues->sets[i].first != NULL) {
            struct queue *queue = queues->sets[i].first;

            queues->sets[i].first = queue->next;
            free(queue->name);
            free(queue);
        }
    }
    hold_list_fini(&queues->holds);
    *queues = (struct queues){0};
}

static struct queue *first_from(const struct queues *queues, size_t priority)
{
    while (priority < PRIORITY_COUNT) {
        if (queues->sets[priority].first != NULL) {
            return queues->sets[priority].first;
        }
        priority++;
    }
    return NULL;
}

struct queue *queues_first(const struct queues *queues)
{
    return first_from(queues, 0);
}

struct queue *queues_next(const struct queues *queues, const struct queue *queue)
{
    return queue->next != NULL ? queue->next : first_from(queues, (size_t)queue->priority + 1);
}

const enum priority *queues_order(const struct queues *queues)
{
    static const enum priority orders[][PRIORITY_COUNT] = {
        {PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW},
        {PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_LOW},
        {PRIORITY_LOW, PRIORITY_HIGH, PRIORITY_NORMAL},
    };

    if (queues->turn % 32 == 31) {
        return orders[2];
    }
    return orders[queues->turn % 8 == 7 ? 1 : 0];
}

struct queue *queue_set_turn(struct queue_set *set)
{
    struct queue *queue = set->first;

    if (queue == NULL || queue->next == NULL) {
        return queue;
    }
    set->first = queue->next;
    set->last->next = queue;
    set->last = queue;
    queue->next = NULL;
    return queue;
}

void queue_add(struct queue *queue, struct leg *leg)
{
    PRE(leg->queue == NULL && leg->batch == NULL);
    INVARIANT((queue->count == 0) == (queue->first == NULL));
    leg->queue = queue;
    leg->next = NULL;
    leg->previous = queue->last;
    if (queue->last == NULL) {
        queue->first = leg;
    } else {
        queue->last->next = leg;
    }
    queue->last = leg;
    queue->count++;
    queue->bytes += leg->item.len + 1;
}

void queue_remove(struct queue *queue, struct leg *leg)
{
    PRE(leg->queue == queue);
    INVARIANT(queue->count > 0 && queue->bytes > leg->item.len);
    if (leg->previous == NULL) {
        queue->first = leg->next;
    } else {
        leg->previous->next = leg->next;
    }
    if (leg->next == NULL) {
        queue->last = leg->previous;
    } else {
        leg->next->previous = leg->previous;
    }
    leg->next = NULL;
    leg->previous = NULL;
    leg->queue = NULL;
    queue->count--;
    queue->bytes -= leg->item.len + 1;
}

void queue_sent(struct queue *queue, uint64_t now_ms)
{
    queue->in_flight++;
    queue->hold->in_flight++;
    queue->sent_ms = now_ms;
}

void queue_answered(struct queue *queue)
{
    INVARIANT(queue->in_flight > 0 && queue->hold->in_flight >= queue->in_flight);
    queue->in_flight--;
    queue->hold->in_flight--;
}
