#include "deliver/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CLASS_BYTES_MIN = 1024 };

#define TO(state) (1u << (state))

static const struct {
    const char *word;
    unsigned moves;
} leg_rules[LEG_STATE_COUNT] = {
    [LEG_NEW] = {"new", TO(LEG_QUEUED) | TO(LEG_PRODUCING) | TO(LEG_REPORTED) | TO(LEG_SETTLED)},
    [LEG_QUEUED] = {"queued",
                    TO(LEG_SENDING) | TO(LEG_WAITING) | TO(LEG_REPORTED) | TO(LEG_SETTLED)},
    [LEG_SENDING] = {"sending", TO(LEG_WAITING) | TO(LEG_REPORTED)},
    [LEG_WAITING] = {"waiting", TO(LEG_SENDING) | TO(LEG_REPORTED) | TO(LEG_SETTLED)},
    [LEG_PRODUCING] = {"producing", TO(LEG_REPORTED) | TO(LEG_SETTLED)},
    [LEG_REPORTED] = {"reported", TO(LEG_NEW) | TO(LEG_SETTLED)},
    [LEG_SETTLED] = {"settled", 0},
};

void leg_move(struct leg *leg, enum leg_state state)
{
    PRE(leg->state < LEG_STATE_COUNT && state < LEG_STATE_COUNT);
    INVARIANT((leg_rules[leg->state].moves & TO(state)) != 0);
    leg->state = (uint8_t)state;
}

struct last_error *leg_set_error(struct leg *leg, const struct config_destination *destination,
                                 const char *text)
{
    if (leg->last_error == NULL) {
        leg->last_error = mem_new(struct last_error);
    }
    *leg->last_error = (struct last_error){.destination = destination};
    (void)snprintf(leg->last_error->text, sizeof(leg->last_error->text), "%s", text);
    return leg->last_error;
}

void event_pool_init(struct event_pool *pool, void (*release)(rd_kafka_message_t *message))
{
    *pool = (struct event_pool){.release = release};
}

/* The pool's class for @bytes, or EVENT_CLASSES when it is past the largest. */
static size_t class_of(size_t bytes)
{
    size_t size = CLASS_BYTES_MIN;
    size_t index = 0;

    while (index < EVENT_CLASSES && size < bytes) {
        size *= 2;
        index++;
    }
    return index;
}

static struct event *take_block(struct event_pool *pool, size_t bytes)
{
    size_t index = class_of(bytes);
    struct event *event;

    if (index == EVENT_CLASSES) {
        event = mem_zero(1, bytes);
        event->block_bytes = bytes;
        return event;
    }
    event = pool->free[index];
    if (event == NULL) {
        event = mem_zero(1, (size_t)CLASS_BYTES_MIN << index);
    } else {
        pool->free[index] = event->next;
    }
    return event;
}

struct event *event_new(struct event_pool *pool, const struct event_from *from, size_t legs,
                        size_t extra)
{
    size_t head = sizeof(struct event) + legs * sizeof(struct leg);
    size_t bytes = head + extra;
    struct event *event = take_block(pool, bytes);
    size_t index = class_of(bytes);

    PRE(legs > 0 && legs <= UINT16_MAX);
    memset(event, 0, head);
    event->block_bytes = index == EVENT_CLASSES ? bytes : (size_t)CLASS_BYTES_MIN << index;
    event->message = from->message;
    event->partition = from->partition;
    event->epoch = from->partition == NULL ? 0 : from->partition->epoch;
    event->leg_count = (uint16_t)legs;
    event->legs_open = (uint16_t)legs;
    event->taken_ms = from->now_ms;
    event->bytes =
        from->message->len + from->message->key_len + from->header_bytes + event->block_bytes;
    for (size_t i = 0; i < legs; i++) {
        event->legs[i].event = event;
    }
    event->previous = pool->last;
    if (pool->last != NULL) {
        pool->last->next = event;
    } else {
        pool->first = event;
    }
    pool->last = event;
    pool->events++;
    pool->bytes += event->bytes;
    return event;
}

void event_own(struct event_pool *pool, struct event *event, int64_t bytes)
{
    PRE(bytes >= 0 || event->owned_bytes >= (uint64_t)-bytes);
    event->bytes += (size_t)bytes;
    event->owned_bytes += (size_t)bytes;
    pool->bytes += (uint64_t)bytes;
    pool->owned_bytes += (uint64_t)bytes;
}

void leg_own_item(struct event_pool *pool, struct leg *leg, struct span item)
{
    if (leg->item_owned != NULL) {
        event_own(pool, leg->event, -(int64_t)leg->item.len);
        free(leg->item_owned);
    }
    leg->item_owned = mem_text(item);
    leg->item = (struct span){leg->item_owned, item.len};
    event_own(pool, leg->event, (int64_t)item.len);
}

/* The bytes behind the legs. */
static char *event_extra(struct event *event)
{
    return (char *)&event->legs[event->leg_count];
}

static void give_back(struct event_pool *pool, struct event *event)
{
    size_t index = class_of(event->block_bytes);

    if (index == EVENT_CLASSES) {
        free(event);
        return;
    }
    event->next = pool->free[index];
    pool->free[index] = event;
}

static char *put_text(struct span *out, struct span text, char *at)
{
    if (text.len == 0) {
        return at;
    }
    memcpy(at, text.ptr, text.len);
    *out = (struct span){at, text.len};
    return at + text.len;
}

char *event_describe(struct event *event, const struct facts *facts)
{
    char *at = put_text(&event->type, facts->type, event_extra(event));

    event->time_ms = facts->time_ms;
    event->has_value = facts->has_value;
    event->value = facts->value;
    if (facts->currency.len == sizeof(event->currency) - 1) {
        memcpy(event->currency, facts->currency.ptr, facts->currency.len);
    }
    return put_text(&event->id, facts->id, at);
}

void event_free(struct event_pool *pool, struct event *event)
{
    waiting_leave(&pool->waiting, &event->waits);
    for (size_t i = 0; i < event->leg_count; i++) {
        free(event->legs[i].key_owned);
        free(event->legs[i].item_owned);
        free(event->legs[i].last_error);
    }
    if (event->message != NULL) {
        pool->release(event->message);
    }
    if (event->previous != NULL) {
        event->previous->next = event->next;
    } else {
        pool->first = event->next;
    }
    if (event->next != NULL) {
        event->next->previous = event->previous;
    } else {
        pool->last = event->previous;
    }
    INVARIANT(pool->events > 0 && pool->bytes >= event->bytes);
    INVARIANT(pool->owned_bytes >= event->owned_bytes);
    INVARIANT(pool->forgotten >= event->is_forgotten);
    pool->events--;
    pool->forgotten -= event->is_forgotten;
    pool->bytes -= event->bytes;
    pool->owned_bytes -= event->owned_bytes;
    give_back(pool, event);
}

rd_kafka_message_t *event_release(struct event_pool *pool, struct event *event)
{
    rd_kafka_message_t *message = event->message;

    event->message = NULL;
    event_free(pool, event);
    return message;
}

void event_pool_fini(struct event_pool *pool)
{
    while (pool->first != NULL) {
        event_free(pool, pool->first);
    }
    for (size_t i = 0; i < EVENT_CLASSES; i++) {
        while (pool->free[i] != NULL) {
            struct event *event = pool->free[i];

            pool->free[i] = event->next;
            free(event);
        }
    }
}
