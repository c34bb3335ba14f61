/**
 * names - the events TikTok knows by name (reference 2.7). Any other name is a custom event: the
 * web, apps and CRM take those, offline does not.
 */
#ifndef DESTINATIONS_TIKTOK_NAMES_H
#define DESTINATIONS_TIKTOK_NAMES_H

#include "base/diag.h"
#include "destinations/tiktok/options.h"

/** The one of any source that @name is, or is most likely a slip of; NULL: none. */
const char *tiktok_name_near(struct span name);
/** Warn of a name that is most likely a slip of a known one, or that @source does not take. */
void tiktok_name_check(struct span name, enum event_source source, struct place place,
                       struct diags *diags);

#endif /* DESTINATIONS_TIKTOK_NAMES_H */
