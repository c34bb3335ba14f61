/**
 * check_names - for `check`: event names in routes that are probably spelling mistakes.
 *
 * One thread; owns nothing; warnings are the only result.
 */
#ifndef APP_CHECK_NAMES_H
#define APP_CHECK_NAMES_H

#include "route/route_table.h"

/** A warning for each name in a match that no destination lists under `events:` and no service
 * knows, but that is nearly one of those. (Where the schema lists all types, another is an error.)
 */
void check_route_names(const struct config *config, const struct route_table *table,
                       struct diags *diags);

#endif /* APP_CHECK_NAMES_H */
