#include "destinations/http/signature.h"

#define ERR_STATE openssl_ERR_STATE /* ours is an enum of base/err.h */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#undef ERR_STATE
#include <stdio.h>

#include "base/mem.h"

enum { DIGEST_BYTES = 32 };

void signature_basic(struct span username, struct span password, struct buf *out)
{
    struct buf plain;
    char *to;

    buf_init(&plain, username.len + 1 + password.len);
    buf_add_span(&plain, username);
    buf_add_char(&plain, ':');
    buf_add_span(&plain, password);
    to = buf_reserve(out, (plain.len + 2) / 3 * 4 + 1); /* and the terminator it writes */
    if (to != NULL) {
        out->len += (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)plain.ptr,
                                            (int)plain.len);
    }
    mem_wipe(plain.ptr, plain.len);
    buf_fini(&plain);
}

void signature_hmac(struct span secret, int64_t unix_s, struct span body,
                    char out[SIGNATURE_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char digest_name[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
        OSSL_PARAM_construct_end(),
    };
    unsigned char digest[DIGEST_BYTES];
    size_t digest_len = 0;
    char stamp[32];
    int stamp_len = snprintf(stamp, sizeof(stamp), "%lld.", (long long)unix_s);
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
    int is_ok =
        context != NULL &&
        EVP_MAC_init(context, (const unsigned char *)secret.ptr, secret.len, parameters) == 1 &&
        EVP_MAC_update(context, (const unsigned char *)stamp, (size_t)stamp_len) == 1 &&
        EVP_MAC_update(context, (const unsigned char *)body.ptr, body.len) == 1 &&
        EVP_MAC_final(context, digest, &digest_len, sizeof(digest)) == 1;

    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
    INVARIANT(is_ok); /* SHA-256 is always there, and memory is not ours to miss */
    INVARIANT(digest_len == sizeof(digest));
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
}
