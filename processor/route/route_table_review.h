/**
 * route_table_review - warnings about rules that do not cover events with missing fields.
 *
 * A rule that drops events without consent must also drop those whose consent is unknown. null
 * satisfies neither `false` nor `denied`: a drop rule on a field that may be null does not take
 * null, and a leg with `"!= false"` takes it. Both are legal. `check` warns of both, with the line
 * to write. A rule on the same field with `missing` or `exists` ends the warning.
 *
 * For the thread of `check`. Owns nothing; warnings are the only result.
 */
#ifndef ROUTE_ROUTE_TABLE_REVIEW_H
#define ROUTE_ROUTE_TABLE_REVIEW_H

#include "route/route_table.h"

/** Warnings into @diags. For `check` only. */
void route_table_review(const struct route_table *table, struct diags *diags);

/** Every event type that a match names, one after the other. */
void route_table_event_names(const struct route_table *table,
                             void (*each)(void *context, struct span name, struct place place),
                             void *context);

#endif /* ROUTE_ROUTE_TABLE_REVIEW_H */
