/**
 * walk - over a value and its type together, without recursion. Private to this room.
 *
 * The caller owns the walk; value and type are borrowed. Nothing fails. Any thread.
 */
#ifndef SCHEMA_WALK_H
#define SCHEMA_WALK_H

#include "schema/decoder.h"

/* A decoded value is DECODE_DEPTH_MAX deep, and so is a default inside it. */
enum { WALK_LEVELS_MAX = 2 * DECODE_DEPTH_MAX + 2 };

enum walk_event {
    WALK_LEAF,  /* a value that holds no others */
    WALK_OPEN,  /* an array, map or record begins */
    WALK_CLOSE, /* and ends */
};

struct walk_level {
    const struct type *type; /* no union */
    const struct value *value;
    uint32_t at; /* of the next child */
};

struct walk {
    enum walk_event event;
    const struct type *declared; /* as the schema has it: may be a union */
    const struct type *type;     /* the branch itself */
    const struct value *value;
    const struct value *key;   /* of an entry of a map, else NULL */
    const struct field *field; /* of a record, else NULL */
    bool is_first;             /* of its container */
    const struct type *root_type;
    const struct value *root;
    bool is_begun;
    size_t level_count;
    struct walk_level levels[WALK_LEVELS_MAX];
};

void walk_init(struct walk *walk, const struct value *value, const struct type *type);
/** The next event in document order; false at the end. */
bool walk_next(struct walk *walk);

#endif /* SCHEMA_WALK_H */
