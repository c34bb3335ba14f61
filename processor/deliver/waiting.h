/**
 * waiting - events whose schema the registry has not given yet, found by schema id.
 *
 * They are in flight as all others are, and counted apart: a flood of ids that nobody knows
 * must not take the room of events whose schema is known. Once an id is answered its
 * events are ready, oldest first, to be taken in anew as there is room.
 *
 * Owns the table of ids; entries are their events'. Used on one worker's thread.
 */
#ifndef DELIVER_WAITING_H
#define DELIVER_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiting_id;

/* Of one event, embedded in it. */
struct waiting_entry {
    struct waiting_list *in; /* NULL: it does not wait */
    struct waiting_id *id;   /* NULL: that is answered, or it does not wait */
    struct waiting_entry *next, *previous;
    uint64_t bytes; /* of the event, when it began to wait */
};

struct waiting_list {
    struct waiting_entry *first, *last;
    size_t count;
};

struct waiting {
    struct waiting_id *ids;    /* owned hash by schema id, longest waiting first */
    struct waiting_id *cursor; /* the one to be asked for again next */
    struct waiting_list ready; /* their ids are answered */
    size_t events;             /* all of them */
    uint64_t bytes;
};

/** An event of @bytes waits for the schema @key. */
void waiting_join(struct waiting *waiting, struct waiting_entry *event, uint64_t key,
                  uint64_t bytes);
/** @event, which is freed, waits no more; nothing when it does not. */
void waiting_leave(struct waiting *waiting, struct waiting_entry *event);
/** Whether any waits for the schema @key. */
bool waiting_has(const struct waiting *waiting, uint64_t key);
/** How many wait for the schema @event waits for, and their bytes. */
size_t waiting_count(const struct waiting_entry *event);
uint64_t waiting_bytes(const struct waiting_entry *event);
/** @key is answered: its events are ready. */
void waiting_answer(struct waiting *waiting, uint64_t key);
/** An id that is waited for, another one each time, all in turn; false when there is none. */
bool waiting_next_id(struct waiting *waiting, uint64_t *key);
/** Call @each for every event of an id whose events take less than @share_bytes; true when that are
 * all. */
bool waiting_each(const struct waiting *waiting, uint64_t share_bytes,
                  void (*each)(void *, struct waiting_entry *), void *context);
size_t waiting_ids(const struct waiting *waiting);

#endif /* DELIVER_WAITING_H */
