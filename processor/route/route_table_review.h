/**
 * table_review - what a routing table does with events that do not say what a rule asks for.
 *
 * A rule that drops events without consent must not pass those whose consent is not known. A null
 * satisfies neither `false` nor `denied`, so a drop rule on a field that may be null leaves null
 * out, and a leg behind `"!= false"` takes it. Both are legal, and both are said by `check`, with
 * the line to write; a rule on the same field that says `missing` or `exists` settles it.
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
