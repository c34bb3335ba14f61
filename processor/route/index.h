/**
 * index - from an event type to the routes that name it, in the order of the table.
 *
 * Routes that name no type are a list of their own; whoever walks the two merges them
 * by number, so that the index costs memory for what is written and no more.
 * Open addressing over span_hash(), at most half full; immutable once built.
 *
 * The table owns the index. Nothing here fails.
 */
#ifndef ROUTE_INDEX_H
#define ROUTE_INDEX_H

#include "base/span.h"

struct index_list {
    uint32_t *routes; /* owned; ascending */
    uint32_t count;
    uint32_t cap;
};

struct index_entry {
    struct span type; /* borrowed; ptr NULL: free */
    struct index_list list;
};

struct index {
    struct index_entry *entries; /* owned */
    size_t slots;                /* a power of two, or 0 */
    size_t count;
    struct index_list untyped;
};

/** Routes are added in ascending order. */
void index_list_add(struct index_list *list, uint32_t route);
void index_add(struct index *index, struct span type, uint32_t route);
void index_add_untyped(struct index *index, uint32_t route);
void index_fini(struct index *index);
/** The routes that name @type; never NULL, perhaps empty, as for SPAN_NONE. */
const struct index_list *index_find(const struct index *index, struct span type);

/* Both lists as one, in the order of the table. */
struct index_walk {
    const struct index_list *typed, *untyped;
    uint32_t typed_at, untyped_at;
};

static inline struct index_walk index_walk(const struct index *index, struct span type)
{
    return (struct index_walk){.typed = index_find(index, type), .untyped = &index->untyped};
}

/** The next route; *is_typed says whether it names the type. False at the end. */
static inline bool index_next(struct index_walk *walk, uint32_t *route, bool *is_typed)
{
    bool has_typed = walk->typed_at < walk->typed->count;
    bool has_untyped = walk->untyped_at < walk->untyped->count;

    if (!has_typed && !has_untyped) {
        return false;
    }
    *is_typed = has_typed && (!has_untyped || walk->typed->routes[walk->typed_at] <
                                                  walk->untyped->routes[walk->untyped_at]);
    *route = *is_typed ? walk->typed->routes[walk->typed_at++]
                       : walk->untyped->routes[walk->untyped_at++];
    return true;
}

#endif /* ROUTE_INDEX_H */
