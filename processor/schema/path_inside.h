/**
 * path_inside - a compiled path, for those who make it (path.c) and walk it (path_walk.c).
 *
 * Ownership, threads and errors are those of schema/path.h.
 */
#ifndef SCHEMA_PATH_INSIDE_H
#define SCHEMA_PATH_INSIDE_H

#include "schema/path.h"

enum { PATH_FIELDS_MAX = 10 };

/* What to do with the value at hand. The nodes of all readers lie in one array. */
enum node_kind {
    NODE_END,    /* this is the value */
    NODE_FIELD,  /* at: the record's field */
    NODE_INDEX,  /* at: the array's element */
    NODE_KEY,    /* at: which step's text is the map's key */
    NODE_BRANCH, /* at: of the union's branches */
    NODE_MISSING,
};

struct path_node {
    enum node_kind kind;
    uint32_t at;
    uint32_t next; /* node; with NODE_BRANCH the first of as many as there are branches */
};

struct reader_path {
    uint32_t first;          /* node */
    const struct type *type; /* at the end, null taken off; NULL where it is missing */
    struct type *ends;       /* owned: a union of what several branches end in, or NULL */
    bool is_certain;         /* it is always there */
    /* Most paths lead through record fields alone: then these are all that a walk needs. */
    bool is_fields;
    uint8_t field_count;
    uint32_t fields[PATH_FIELDS_MAX];
};

struct path {
    struct span *steps; /* each text owned */
    size_t step_count;
    struct path_node *nodes; /* owned */
    size_t node_count;
    struct reader_path *readers; /* owned */
    size_t reader_count;
};

#endif /* SCHEMA_PATH_INSIDE_H */
