/**
 * json_read - JSON nodes to values. Private to this room; others use value_from_json().
 *
 * The caller's arena owns the value. Any thread. ERR_DATA names the field, ERR_LIMIT the bound.
 */
#ifndef SCHEMA_JSON_READ_H
#define SCHEMA_JSON_READ_H

#include "schema/decoder.h"
#include "schema/field_default.h"

enum { JSON_NODES_MAX = 1000000 };

struct json_reader {
    struct arena *arena;
    struct err *err;
    struct defaults *defaults; /* NULL unless the graph's own defaults are being read */
    struct buf path;           /* where in the JSON, for errors */
    size_t budget;             /* nodes that may still be looked at: trying branches costs */
    size_t deepest;            /* nesting of the value so far */
    bool is_by_hand;           /* 12.30 and 2026-01-31 for decimals, dates and timestamps */
    bool is_quiet;             /* a branch is being tried: its errors are not the answer */
};

void json_reader_init(struct json_reader *reader, struct arena *arena, struct err *err);
void json_reader_fini(struct json_reader *reader);
/** ERR_DATA when @node does not fit @type; ERR_LIMIT when a bound was reached. */
NODISCARD enum err_code json_reader_read(struct json_reader *reader, const json_t *node,
                                         const struct type *type, struct value *out);
/** Read one field's default, if it was not yet. Used by the reader for fields left out. */
NODISCARD enum err_code defaults_read_one(struct defaults *defaults, struct field *field,
                                          struct arena *arena, struct err *err, size_t *depth);

#endif /* SCHEMA_JSON_READ_H */
