/**
 * file_hash - the SHA-256 of bytes that come piece by piece: what `sha256sum` prints of a file.
 *
 * One thread owns it. Cannot fail: without the library's SHA-256 the program does not run at all.
 */
#ifndef EXPORT_FILE_HASH_H
#define EXPORT_FILE_HASH_H

#include "base/span.h"

enum { FILE_HASH_TEXT_BYTES = 64 + 1 };

struct file_hash;

NODISCARD struct file_hash *file_hash_new(void);
void file_hash_free(struct file_hash *hash); /* may be NULL */
/** Begin with an empty file. */
void file_hash_begin(struct file_hash *hash);
void file_hash_add(struct file_hash *hash, struct span bytes);
/** 64 digits and a terminator; the next file begins with file_hash_begin(). */
void file_hash_end(struct file_hash *hash, char out[FILE_HASH_TEXT_BYTES]);
/** The same, but the first 128 bits, for comparing. */
void file_hash_end_words(struct file_hash *hash, uint64_t out[2]);

#endif /* EXPORT_FILE_HASH_H */
