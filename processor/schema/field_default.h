/**
 * field_default - the defaults of record fields, read once the graph is complete.
 *
 * Private to this room. A default may need another field's default (a record's default
 * may leave out fields that have one), so they are read on demand; a default that needs
 * itself is refused.
 *
 * The arena of the schema owns what is read. For the thread that builds the schema.
 */
#ifndef SCHEMA_FIELD_DEFAULT_H
#define SCHEMA_FIELD_DEFAULT_H

#include <jansson.h>

#include "schema/hash.h"
#include "schema/memory.h"

enum default_state { DEFAULT_UNREAD, DEFAULT_BEING_READ, DEFAULT_READ };

struct pending_default {
    struct field *field; /* the key; in the graph */
    const struct type *record;
    const json_t *json; /* borrowed from the document */
    enum default_state state;
    size_t depth; /* of the value, once read */
    UT_hash_handle hh;
};

struct defaults {
    struct pending_default *table; /* owned hash */
    size_t nodes_read;             /* JSON nodes looked at so far, for the bound on all of them */
    size_t open_count;             /* defaults being read inside each other just now */
};

void defaults_add(struct defaults *defaults, const struct type *record, struct field *field,
                  const json_t *json);
/** Read them all into @arena; the first that does not fit its type is the error. */
NODISCARD enum err_code defaults_read(struct defaults *defaults, struct arena *arena,
                                      struct err *err);
void defaults_fini(struct defaults *defaults);

#endif /* SCHEMA_FIELD_DEFAULT_H */
