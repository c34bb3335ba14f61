/**
 * equality_index - from what an event is to the routes that want just that.
 *
 *     {event: Purchase}  {tenant: shop-17, price: ">= 100"}  {headers.region: [eu, uk]}
 *
 * Each route that must equal something is filed under one such condition: the one whose subject has
 * the most values in the whole table, so that a table of a route for each tenant is found by the
 * tenant. For an event each subject is looked at once, its routes are found by hash, and the lists
 * are merged in the order of the table with the routes that must equal nothing.
 *
 * A subject with few values is cheaper to test than to look up: it is not indexed, but for the
 * event type, which is at hand. Indexed are texts, and integers in int and long fields: what else
 * may be equal in two forms (1 and 1.0) is tested.
 *
 * The table owns it; built once, then shared by all workers. Nothing here fails.
 */
#ifndef ROUTE_EQUALITY_INDEX_H
#define ROUTE_EQUALITY_INDEX_H

#include "match/match.h"
#include "route/index.h"

enum { EQUALITY_SUBJECTS_MAX = 8 };

struct equality {
    const struct subject *subject; /* the table's */
    bool is_integer;
    struct index index;    /* owned; by value */
    struct index_list all; /* owned; every route that is filed here */
};

struct equality_index {
    struct equality by[EQUALITY_SUBJECTS_MAX];
    size_t count;
    struct index_list rest; /* owned; routes that are always tried */
};

/** File @matches and set the key of each. A NULL entry is left out. */
void equality_index_build(struct equality_index *index, struct match *const *matches,
                          uint32_t count);
void equality_index_fini(struct equality_index *index);
struct equality_walk {
    const struct index_list *lists[EQUALITY_SUBJECTS_MAX + 1]; /* the last one: always tried */
    uint32_t at[EQUALITY_SUBJECTS_MAX + 1];
    size_t count;
};

/** Look at each subject of @view; texts it needs are in @arena. */
void equality_walk_open(const struct equality_index *index, const struct event_view *view,
                        struct arena *arena, struct equality_walk *out);
/** The routes that may take every event which @match takes: of those filed under its key's subject
 * only the ones that share its first value. */
void equality_walk_covers(const struct equality_index *index, const struct match *match,
                          struct equality_walk *out);
/** The next route in the table's order; *is_key_known: its key condition holds. False at the end.
 */
bool equality_walk_next(struct equality_walk *walk, uint32_t *route, bool *is_key_known);

#endif /* ROUTE_EQUALITY_INDEX_H */
