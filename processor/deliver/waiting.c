#include "deliver/waiting.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/span.h"

/* Ids come from records: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

struct waiting_id {
    uint64_t key;
    struct waiting_list events;
    uint64_t bytes;
    UT_hash_handle hh;
};

static void append(struct waiting_list *list, struct waiting_entry *entry)
{
    entry->previous = list->last;
    entry->next = NULL;
    if (list->last != NULL) {
        list->last->next = entry;
    } else {
        list->first = entry;
    }
    list->last = entry;
    list->count++;
    entry->in = list;
}

static void unlink_event(struct waiting_list *list, struct waiting_entry *entry)
{
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        list->first = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    } else {
        list->last = entry->previous;
    }
    INVARIANT(list->count > 0);
    list->count--;
    INVARIANT((list->count == 0) == (list->first == NULL));
    entry->in = NULL;
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

void waiting_join(struct waiting *waiting, struct waiting_entry *entry, uint64_t key,
                  uint64_t bytes)
{
    struct waiting_id *id = find(waiting, key);

    INVARIANT(entry->in == NULL);
    if (id == NULL) {
        id = mem_new(struct waiting_id);
        id->key = key;
        HASH_ADD(hh, waiting->ids, key, sizeof(id->key), id);
    }
    append(&id->events, entry);
    entry->id = id;
    entry->bytes = bytes;
    waiting->events++;
    waiting->bytes += entry->bytes;
    id->bytes += entry->bytes;
}

void waiting_leave(struct waiting *waiting, struct waiting_entry *entry)
{
    struct waiting_id *id = entry->id;

    if (entry->in == NULL) {
        return;
    }
    INVARIANT(waiting->events > 0 && waiting->bytes >= entry->bytes);
    unlink_event(entry->in, entry);
    entry->id = NULL;
    waiting->events--;
    waiting->bytes -= entry->bytes;
    if (id != NULL) {
        INVARIANT(id->bytes >= entry->bytes);
        id->bytes -= entry->bytes;
        if (id->events.count == 0) {
            remove_id(waiting, id);
        }
    }
}

bool waiting_has(const struct waiting *waiting, uint64_t key)
{
    return waiting->ids != NULL && find(waiting, key) != NULL;
}

size_t waiting_count(const struct waiting_entry *entry)
{
    return entry->id == NULL ? 0 : entry->id->events.count;
}

uint64_t waiting_bytes(const struct waiting_entry *entry)
{
    return entry->id == NULL ? 0 : entry->id->bytes;
}

void waiting_answer(struct waiting *waiting, uint64_t key)
{
    struct waiting_id *id = find(waiting, key);

    if (id == NULL) {
        return;
    }
    while (id->events.first != NULL) {
        struct waiting_entry *entry = id->events.first;

        unlink_event(&id->events, entry);
        entry->id = NULL;
        append(&waiting->ready, entry);
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

bool waiting_each(const struct waiting *waiting, uint64_t share_bytes,
                  void (*each)(void *, struct waiting_entry *), void *context)
{
    bool are_all = true;

    for (struct waiting_id *id = waiting->ids; id != NULL; id = id->hh.next) {
        if (id->bytes >= share_bytes) {
            are_all = false;
            continue;
        }
        for (struct waiting_entry *entry = id->events.first; entry != NULL; entry = entry->next) {
            each(context, entry);
        }
    }
    return are_all;
}

size_t waiting_ids(const struct waiting *waiting)
{
    return HASH_COUNT(waiting->ids);
}
