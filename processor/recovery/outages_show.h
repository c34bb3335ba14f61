/** outages_show - what `detour outages` prints: a table, one outage, JSON (outages' files alone).
 */
#ifndef RECOVERY_OUTAGES_SHOW_H
#define RECOVERY_OUTAGES_SHOW_H

#include <stdio.h>

#include "config/config.h"
#include "recovery/outage_list.h"

void outages_print(FILE *out, const struct outage_list *list);
void outage_print(FILE *out, struct books *books, const struct config *config,
                  const struct outage *outage);
json_t *outages_json(const struct outage_list *list, const struct config *config);
json_t *outage_json(struct books *books, const struct config *config, const struct outage *outage);

#endif /* RECOVERY_OUTAGES_SHOW_H */
