/**
 * ends - finds a record that contains itself without end. Private to this room.
 *
 * Records that no other record contains are removed until none is left; what stays contains itself.
 * Owns nothing; for the thread that builds the schema. Nothing fails.
 */
#ifndef SCHEMA_ENDS_H
#define SCHEMA_ENDS_H

#include "schema/hash.h"
#include "schema/schema.h"

struct named_type {
    struct type *type;
    size_t holders; /* records that hold this one directly, not yet known to end */
    UT_hash_handle hh;
};

/** A record of @names, a hash by full name, that holds itself with no union, array or map in
 * between; NULL when there is none. */
const struct type *find_endless(struct named_type *names);

#endif /* SCHEMA_ENDS_H */
