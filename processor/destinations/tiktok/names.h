/**
 * names - the events TikTok knows by name (reference 2.7). Any other name is a custom event: the
 * web, apps and CRM take those, offline does not.
 */
#ifndef DESTINATIONS_TIKTOK_NAMES_H
#define DESTINATIONS_TIKTOK_NAMES_H

#include "base/diag.h"
#include "config/config.h"

/** Is @name one of them, of any source? */
bool tiktok_name_is_known(struct span name);
/** The one that @name is most likely a slip of, or NULL. */
const char *tiktok_name_suggest(struct span name);
/** Warn of a name that is most likely a slip of a known one, or that @source does not take. */
void tiktok_name_check(struct span name, enum event_source source, struct place place,
                       struct diags *diags);

#endif /* DESTINATIONS_TIKTOK_NAMES_H */
