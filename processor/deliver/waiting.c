#include "deliver/waiting.h"

#include <stdlib.h>

#include "base/mem.h"
#include "deliver/event.h"

/* Ids come from outside: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

struct waiting_id {
    uint64_t key;
    struct event_list events;
    uint64_t bytes;
    UT_hash_handle hh;
};

static void append(struct event_list *list, struct event *event)
{
    event->previous_waiting = list->last;
    event->next_waiting = NULL;
    if (list->last != NULL) {
        list->last->next_waiting = event;
    } else {
        list->first = event;
    }
    list->last = event;
    list->count++;
    event->waits_in = list;
}

static void unlink_event(struct event_list *list, struct event *event)
{
    if (event->previous_waiting != NULL) {
        event->previous_waiting->next_waiting = event->next_waiting;
    } else {
        list->first = event->next_waiting;
    }
    if (event->next_waiting != NULL) {
        event->next_waiting->previous_waiting = event->previous_waiting;
    } else {
        list->last = event->previous_waiting;
    }
    list->count--;
    event->waits_in = NULL;
}

static struct waiting_id *find(const struct waiting *waiting, uint64_t key)
{
    struct waiting_id *id = NULL;

    HASH_FIND(hh, waiting->ids, &key, sizeof(key), id);
    return id;
}

static void remove_id(struct waiting *waiting, struct waiting_id *id)
{
    if (waiting->cursor == id) {
        waiting->cursor = id->hh.next;
    }
    HASH_DEL(waiting->ids, id);
    free(id);
}

void waiting_join(struct waiting *waiting, struct event *event, uint64_t key)
{
    struct waiting_id *id = find(waiting, key);

    INVARIANT(event->waits_in == NULL);
    if (id == NULL) {
        id = mem_new(struct waiting_id);
        id->key = key;
        HASH_ADD(hh, waiting->ids, key, sizeof(id->key), id);
    }
    append(&id->events, event);
    event->waits_for = id;
    waiting->events++;
    waiting->bytes += event->bytes;
    id->bytes += event->bytes;
}

void waiting_leave(struct waiting *waiting, struct event *event)
{
    struct waiting_id *id = event->waits_for;

    if (event->waits_in == NULL) {
        return;
    }
    unlink_event(event->waits_in, event);
    event->waits_for = NULL;
    waiting->events--;
    waiting->bytes -= event->bytes;
    if (id != NULL) {
        id->bytes -= event->bytes;
        if (id->events.count == 0) {
            remove_id(waiting, id);
        }
    }
}

bool waiting_has(const struct waiting *waiting, uint64_t key)
{
    return waiting->ids != NULL && find(waiting, key) != NULL;
}

size_t waiting_count(const struct event *event)
{
    return event->waits_for == NULL ? 0 : event->waits_for->events.count;
}

uint64_t waiting_bytes(const struct event *event)
{
    return event->waits_for == NULL ? 0 : event->waits_for->bytes;
}

void waiting_answer(struct waiting *waiting, uint64_t key)
{
    struct waiting_id *id = find(waiting, key);

    if (id == NULL) {
        return;
    }
    while (id->events.first != NULL) {
        struct event *event = id->events.first;

        unlink_event(&id->events, event);
        event->waits_for = NULL;
        append(&waiting->ready, event);
    }
    remove_id(waiting, id);
}

bool waiting_next_id(struct waiting *waiting, uint64_t *key)
{
    struct waiting_id *id = waiting->cursor != NULL ? waiting->cursor : waiting->ids;

    if (id == NULL) {
        return false;
    }
    waiting->cursor = id->hh.next;
    *key = id->key;
    return true;
}

bool waiting_each(const struct waiting *waiting, uint64_t crowd_bytes,
                  void (*each)(void *, struct event *), void *context)
{
    bool are_all = true;

    for (struct waiting_id *id = waiting->ids; id != NULL; id = id->hh.next) {
        if (id->bytes >= crowd_bytes) {
            are_all = false;
            continue;
        }
        for (struct event *event = id->events.first; event != NULL; event = event->next_waiting) {
            each(context, event);
        }
    }
    return are_all;
}

size_t waiting_ids(const struct waiting *waiting)
{
    return HASH_COUNT(waiting->ids);
}
