/**
 * route_table_inside - the parts of a routing table, for the files of this room and its tests.
 * Ownership, threads and errors are those of route_table.h.
 */
#ifndef ROUTE_ROUTE_TABLE_INSIDE_H
#define ROUTE_ROUTE_TABLE_INSIDE_H

#include "match/match.h"
#include "route/equality_index.h"
#include "route/route_table.h"

struct compiled_route {
    struct match match;
    bool is_continued;
    bool is_broken;      /* its match had errors: left out of the analysis */
    bool is_unreachable; /* no event takes it; said by reachability_check() */
};

struct route_table {
    const struct config *config;   /* keeps: the table lives no longer than its configuration */
    struct compiled_route *routes; /* owned */
    uint32_t count;
    struct subjects subjects;
    struct index index; /* by event type: what the analyses ask */
    struct equality_index equalities;
};

/** route_match() that also counts the conditions it evaluated. */
void table_match(const struct route_table *table, const struct event_view *view,
                 struct arena *arena, struct route_result *out, uint64_t *conditions);

#endif /* ROUTE_ROUTE_TABLE_INSIDE_H */
