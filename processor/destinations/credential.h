/**
 * credential - where what a destination's requests prove themselves with comes from, for people
 * who have to correct it. Of any type that is spoken to over HTTP.
 */
#ifndef DESTINATIONS_CREDENTIAL_H
#define DESTINATIONS_CREDENTIAL_H

#include "base/buf.h"
#include "config/config.h"

/**
 * Append "file /run/secrets/token", or several with commas between; "none" when there is
 * nothing. A header whose value stands in the configuration, such as X-Tenant: shop, is named
 * only where no secret comes from elsewhere. Never a value.
 */
void credential_write(const struct config_destination *destination, struct buf *out);

#endif /* DESTINATIONS_CREDENTIAL_H */
