/**
 * identity - the certificate and private key of our own that a server asks for (mTLS), looked at
 * when the configuration is loaded, so that what libcurl could not use is said with its place.
 */
#ifndef DESTINATIONS_HTTP_IDENTITY_H
#define DESTINATIONS_HTTP_IDENTITY_H

#include "destinations/http/options.h"

/** Errors into @diags: not PEM, encrypted, of two different pairs. A warning when it has run out.
 */
void identity_check(const struct config_destination *destination, struct diags *diags);

#endif /* DESTINATIONS_HTTP_IDENTITY_H */
