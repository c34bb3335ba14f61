/**
 * reachability - what a routing table says about itself when it is compiled.
 *
 * Warns of routes that can never match: because two of their conditions exclude each other, or
 * because earlier routes without `continue` take all their events. What it cannot prove it does
 * not say.
 *
 * For one thread, at the start. Owns nothing; warnings are the only result.
 */
#ifndef ROUTE_REACHABILITY_H
#define ROUTE_REACHABILITY_H

#include "route/route_table_inside.h"

/** Warnings into @diags; sets is_unreachable of the routes they name. */
void reachability_check(struct route_table *table, struct diags *diags);

#endif /* ROUTE_REACHABILITY_H */
