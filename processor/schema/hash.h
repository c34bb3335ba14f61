/**
 * hash - uthash with this program's seeded hash. Private to this room.
 *
 * The names in a schema come from outside: uthash's own function has no seed, so that
 * names could be chosen to collide.
 */
#ifndef SCHEMA_HASH_H
#define SCHEMA_HASH_H

#include "base/span.h"

#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#endif /* SCHEMA_HASH_H */
