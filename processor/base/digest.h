/**
 * digest - a short text that changes when the bytes change: for comparing by eye, not for security.
 *
 * No state; any thread; nothing fails.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/span.h"

enum { DIGEST_SHORT_BYTES = 12 + 1 };

/** The first twelve digits that `sha256sum` prints. */
void digest_short(struct span bytes, char out[DIGEST_SHORT_BYTES]);

#endif /* BASE_DIGEST_H */
