/**
 * signature - how a request shows who sent it: Basic credentials, an HMAC of its body.
 */
#ifndef DESTINATIONS_HTTP_SIGNATURE_H
#define DESTINATIONS_HTTP_SIGNATURE_H

#include "base/buf.h"

enum { SIGNATURE_HEX_BYTES = 64 };

/** Base64 of USERNAME:PASSWORD onto @out. */
void signature_basic(struct span username, struct span password, struct buf *out);
/** HMAC-SHA256 over "<@unix_s>.<@body>", lower-case hex, not terminated. */
void signature_hmac(struct span secret, int64_t unix_s, struct span body,
                    char out[SIGNATURE_HEX_BYTES]);

#endif /* DESTINATIONS_HTTP_SIGNATURE_H */
