/**
 * hash - uthash with the seeded hash of this program. Private to this room.
 *
 * Names in a schema are not trusted: the hash of uthash has no seed, so names could be chosen that
 * collide. No state; any thread.
 */
#ifndef SCHEMA_HASH_H
#define SCHEMA_HASH_H

#include "base/span.h"

#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#endif /* SCHEMA_HASH_H */
