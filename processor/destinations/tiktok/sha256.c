#include "destinations/tiktok/normalise.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Fetched once and reused: EVP_sha256() and the one-shot calls fetch again on every digest, which
 * costs three times as much and takes a lock that two threads fight for. */
struct sha256 {
    EVP_MD *algorithm;   /* owned */
    EVP_MD_CTX *context; /* owned */
    char hex[256][2];    /* of each byte */
};

struct sha256 *sha256_new(void)
{
    static const char digits[] = "0123456789abcdef";
    struct sha256 *sha = mem_new(struct sha256);

    sha->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha->context = EVP_MD_CTX_new();
    INVARIANT(sha->algorithm != NULL);
    INVARIANT(sha->context != NULL);
    for (size_t i = 0; i < COUNT_OF(sha->hex); i++) {
        sha->hex[i][0] = digits[i >> 4];
        sha->hex[i][1] = digits[i & 15];
    }
    return sha;
}

void sha256_free(struct sha256 *sha)
{
    if (sha != NULL) {
        EVP_MD_CTX_free(sha->context);
        EVP_MD_free(sha->algorithm);
        free(sha);
    }
}

void sha256_hex(struct sha256 *sha, struct span text, char out[64])
{
    unsigned char digest[32];
    unsigned digest_len = 0;
    int is_ok = EVP_DigestInit_ex2(sha->context, sha->algorithm, NULL) == 1 &&
                EVP_DigestUpdate(sha->context, text.ptr, text.len) == 1 &&
                EVP_DigestFinal_ex(sha->context, digest, &digest_len) == 1;

    INVARIANT(is_ok);
    INVARIANT(digest_len == sizeof(digest));
    for (size_t i = 0; i < sizeof(digest); i++) {
        memcpy(out + 2 * i, sha->hex[digest[i]], 2);
    }
}
