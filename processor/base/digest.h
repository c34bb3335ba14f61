/** digest - bytes as a short text that changes with them; to compare by eye, not to prove. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/span.h"

enum { DIGEST_SHORT_BYTES = 12 + 1 };

/** The first twelve digits that `sha256sum` prints. */
void digest_short(struct span bytes, char out[DIGEST_SHORT_BYTES]);

#endif /* BASE_DIGEST_H */
