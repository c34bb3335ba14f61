/**
 * fan_out - how many routes one event could take by `continue`.
 *
 * route_match() has room for ROUTE_MATCHES_MAX; a table in which one event could take more is
 * refused when it is compiled. Routes of which no event can satisfy two count as one.
 *
 * For one thread, at the start. Owns nothing.
 */
#ifndef ROUTE_FAN_OUT_H
#define ROUTE_FAN_OUT_H

#include "route/route_table_inside.h"

/** One error in @diags where it could be more. After reachability_check(). */
void fan_out_check(const struct route_table *table, struct diags *diags);

#endif /* ROUTE_FAN_OUT_H */
