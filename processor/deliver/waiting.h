/**
 * waiting - events whose schema the registry has not given yet, found by schema id.
 *
 * They are in flight as all others are, and counted apart: a flood of ids that nobody knows
 * must not take the room of events whose schema is known. Once an id is answered its
 * events are ready, oldest first, to be taken in anew as there is room.
 */
#ifndef DELIVER_WAITING_H
#define DELIVER_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct waiting_id;

struct event_list {
    struct event *first, *last;
    size_t count;
};

struct waiting {
    struct waiting_id *ids;    /* owned hash by schema id, longest waiting first */
    struct waiting_id *cursor; /* the one to be asked for again next */
    struct event_list ready;   /* their ids are answered */
    size_t events;             /* all of them */
    uint64_t bytes;
};

/** @event waits for the schema @key. */
void waiting_join(struct waiting *waiting, struct event *event, uint64_t key);
/** @event, which is freed, waits no more; nothing when it does not. */
void waiting_leave(struct waiting *waiting, struct event *event);
/** Whether any waits for the schema @key. */
bool waiting_has(const struct waiting *waiting, uint64_t key);
/** How many wait for the schema @event waits for, and their bytes. */
size_t waiting_count(const struct event *event);
uint64_t waiting_bytes(const struct event *event);
/** @key is answered: its events are ready. */
void waiting_answer(struct waiting *waiting, uint64_t key);
/** An id that is waited for, another one each time, all in turn; false when there is none. */
bool waiting_next_id(struct waiting *waiting, uint64_t *key);
/** Call @each for every event of an id whose events take less than @crowd_bytes; true when that are
 * all. */
bool waiting_each(const struct waiting *waiting, uint64_t crowd_bytes,
                  void (*each)(void *, struct event *), void *context);
size_t waiting_ids(const struct waiting *waiting);

#endif /* DELIVER_WAITING_H */
