/* Alone in its file: OpenSSL's names meet ours. */
#include "export/file_hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct file_hash {
    EVP_MD *algorithm;   /* owned */
    EVP_MD_CTX *context; /* owned */
};

struct file_hash *file_hash_new(void)
{
    struct file_hash *hash = mem_new(struct file_hash);

    hash->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->context = EVP_MD_CTX_new();
    INVARIANT(hash->algorithm != NULL);
    INVARIANT(hash->context != NULL);
    return hash;
}

void file_hash_free(struct file_hash *hash)
{
    if (hash != NULL) {
        EVP_MD_CTX_free(hash->context);
        EVP_MD_free(hash->algorithm);
        free(hash);
    }
}

void file_hash_begin(struct file_hash *hash)
{
    int is_ok = EVP_DigestInit_ex2(hash->context, hash->algorithm, NULL);

    INVARIANT(is_ok == 1);
}

void file_hash_add(struct file_hash *hash, struct span bytes)
{
    int is_ok = EVP_DigestUpdate(hash->context, bytes.ptr, bytes.len);

    INVARIANT(is_ok == 1);
}

static void end(struct file_hash *hash, unsigned char digest[EVP_MAX_MD_SIZE])
{
    unsigned len = 0;
    int is_ok = EVP_DigestFinal_ex(hash->context, digest, &len);

    INVARIANT(is_ok == 1);
}

void file_hash_end(struct file_hash *hash, char out[FILE_HASH_TEXT_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    end(hash, digest);
    for (size_t i = 0; i < (FILE_HASH_TEXT_BYTES - 1) / 2; i++) {
        (void)snprintf(out + i * 2, 3, "%02x", digest[i]);
    }
}

void file_hash_end_words(struct file_hash *hash, uint64_t out[2])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    end(hash, digest);
    memcpy(out, digest, 2 * sizeof(out[0]));
}
