/**
 * route_tests - the cases of `tests:` files, read and run; see table.h. Private to this room.
 *
 *     - name: a large order goes both ways
 *       event: {event: Purchase, timestamp: 1767225600000, ...}
 *       key: user-1                    # optional, as are topic, headers, age and reader
 *       expect: {routes: [high-value], legs: [[tiktok, utm], [warehouse]]}
 *
 * For the thread of `check`. Nodes and texts are borrowed from the file of tests; what is wrong
 * with a case is a diag with its place.
 */
#ifndef ROUTE_ROUTE_TESTS_H
#define ROUTE_ROUTE_TESTS_H

#include "route/route_table.h"

/* One case as written; nodes are NULL where the key is absent. */
struct route_case {
    struct span name;
    struct place place;
    const struct yaml_node *event;
    const struct yaml_node *headers;
    const struct yaml_node *routes, *legs, *drop, *unmatched; /* of expect */
    struct place expect_place;
    struct span key, topic, reader;
    uint64_t age_ms;
};

/** Read the case at @node. False with errors in @diags. */
bool route_case_read(const struct yaml_node *node, const struct config *config, struct diags *diags,
                     struct route_case *out);
/** The JSON text of @node, for value_from_handwriting(). */
void route_case_json(const struct yaml_node *node, struct buf *out);

#endif /* ROUTE_ROUTE_TESTS_H */
