/**
 * route_table - the routing table, compiled: which routes take an event.
 *
 * First match wins; `continue: true` goes on to the next as well. Routes whose match
 * names event types as equality or list are indexed by type, so that 10,000 routes
 * cost at most twice ten. Regular expressions are PCRE2's (match/pattern.h), their cost
 * bounded. Types are checked against the reader schema:
 * comparing text with a number, or a boolean with a list of texts, is an error with its
 * place.
 *
 * Scalars in match: `event` is the event type (after schemas, before destinations'
 * own names); `key`, `topic`, `age` (a duration: now - event time) and `headers.NAME`
 * reach the Kafka side; all else is a path. A missing field matches only `missing`,
 * `!=` and `!~`. Numbers compare as numbers (decimals and numeric strings too).
 *
 * Immutable after compiling: all workers share it without a lock. Errors are diags with their
 * place; matching never fails.
 */
#ifndef ROUTE_ROUTE_TABLE_H
#define ROUTE_ROUTE_TABLE_H

#include "event/event_view.h"

struct route_table;

enum {
    ROUTE_MATCHES_MAX = 16
}; /* routes one event may take by `continue`; more is a check error */

struct route_result {
    uint32_t routes[ROUTE_MATCHES_MAX]; /* indexes into config->routes, in order */
    uint32_t count;                     /* 0: unmatched */
};

struct route_table *route_table_compile(const struct config *config, const struct readers *readers,
                                        struct diags *diags);
void route_table_free(struct route_table *table);
/** @arena holds what matching needs (decoded query parameters). */
void route_match(const struct route_table *table, const struct event_view *view,
                 struct arena *arena, struct route_result *out);
/** Every event type that a route with legs names. */
void route_table_types(const struct route_table *table,
                       void (*each)(void *context, struct span type), void *context);
/** Why route @index did or did not take the event, for people: "properties.value is 80, wants >=
 * 100". */
void route_explain(const struct route_table *table, uint32_t index, const struct event_view *view,
                   struct arena *arena, struct buf *out);
/** Run the `tests:` files: errors (with file and line) into @diags, how many ran into *count. */
void route_tests_run(const struct config *config, const struct route_table *table,
                     const struct event_paths *paths, const struct readers *readers,
                     struct diags *diags, size_t *count);

#endif /* ROUTE_ROUTE_TABLE_H */
