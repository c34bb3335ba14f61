/**
 * reach - which routes can be reached: what a table says about itself.
 *
 * Warns of routes that can never match: because their own conditions exclude each
 * other, or because earlier routes without `continue` take everything before them.
 * Errs on the side of silence: what it cannot prove it does not say.
 * Refuses tables in which one event could take more than ROUTE_MATCHES_MAX routes.
 */
#ifndef ROUTE_REACH_H
#define ROUTE_REACH_H

#include "route/table_inside.h"

void reach_check(const struct route_table *table, struct diags *diags);

/** No event satisfies both: proved. */
bool conditions_exclude(const struct condition *a, const struct condition *b);
/** Whatever satisfies @a satisfies @b: proved. */
bool condition_implies(const struct condition *a, const struct condition *b);

/** One of @conditions, all of which a match demands, that no event can satisfy; NULL when there may
 * be one. never.c */
const struct condition *conditions_never_hold(const struct subjects *subjects,
                                              const struct condition *const *conditions,
                                              size_t count);
/** Why that one never holds, in words. */
const char *never_reason(const struct condition *condition);

#endif /* ROUTE_REACH_H */
