/* Alone in its file: OpenSSL's names meet ours. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

void digest_short(struct span bytes, char out[DIGEST_SHORT_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    size_t len = 0;

    if (EVP_Q_digest(NULL, "SHA256", NULL, bytes.ptr, bytes.len, digest, &len) != 1) {
        (void)snprintf(out, DIGEST_SHORT_BYTES, "unknown");
        return;
    }
    for (size_t i = 0; i < (DIGEST_SHORT_BYTES - 1) / 2; i++) {
        (void)snprintf(out + i * 2, 3, "%02x", digest[i]);
    }
}
