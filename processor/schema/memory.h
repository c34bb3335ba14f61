/**
 * memory - what a schema's graph points to, freed with the schema. Private to this room.
 *
 * One schema owns it. One thread while the schema is built; after that it does not change.
 */
#ifndef SCHEMA_MEMORY_H
#define SCHEMA_MEMORY_H

#include <jansson.h>

#include "base/arena.h"
#include "schema/schema.h"

enum {
    SCHEMA_NESTING_MAX = 64,                    /* of JSON, after references are put in */
    SCHEMA_REFERENCES_MAX = 1000,               /* definitions offered to one schema */
    SCHEMA_MEMORY_BYTES_MAX = 64 * 1024 * 1024, /* the graph with its defaults */
};

struct schema_memory {
    struct arena arena;
    json_t *document; /* owned: the schema with references inlined */
};

/** Zeroed memory of the graph, or ERR_LIMIT in @err and NULL. */
void *schema_take(struct arena *arena, size_t count, size_t bytes_each, struct err *err);
/** A terminated copy (the terminator is not counted); ptr NULL and ERR_LIMIT when there is no room.
 */
struct span schema_keep(struct arena *arena, struct span text, struct err *err);
/** The text of a JSON string; SPAN_NONE when @node is none. Borrowed from it. */
struct span schema_json_text(const json_t *node);
/** The name of @record's field nearest to @word, or NULL. */
const char *schema_suggest_field(const struct type *record, struct span word);
/** A record, enum or fixed. */
bool type_is_named(const struct type *type);
/** "com.example." of "com.example.User" is cut off. */
struct span type_short_name(struct span full_name);

#endif /* SCHEMA_MEMORY_H */
