/**
 * path - "properties.products", resolved once against the reader schemas, then walked by index.
 *
 * One topic may carry many record types, so a path is compiled for each reader; where one
 * has no such field it is simply missing there, and it is an error only when none has it.
 * Steps name record fields (through unions, in every branch that has them), map keys, or
 * an array index ("products.0.sku"). A field whose own name holds a dot is written in
 * brackets: user["first.name"]. A null anywhere on the way is missing. Where a map has a
 * key twice the last one counts.
 */
#ifndef SCHEMA_PATH_H
#define SCHEMA_PATH_H

#include "base/arena.h"
#include "schema/schema.h"

/* The reader schemas of this configuration, in a fixed order; index = "reader" everywhere. */
struct readers {
    const struct schema **schemas;
    size_t count;
};

struct path;

NODISCARD enum err_code path_compile(const struct readers *readers, struct span text,
                                     struct path **out, struct err *err);
/** The same from @element's type on (the fields of an `each:`): @types[reader] may be NULL. */
NODISCARD enum err_code path_compile_from(const struct type *const *types, size_t count,
                                          struct span text, struct path **out, struct err *err);
void path_free(struct path *path);
/** The static type at the end for @reader with null taken off, or NULL where it is missing. A union
 * of several stays a union; so do the ends of a path that goes through several branches. */
const struct type *path_type(const struct path *path, size_t reader);
/** Whether every value of @reader has it: nothing on the way can be null, or lacks it. */
bool path_is_certain(const struct path *path, size_t reader);
/** NULL when missing or null. */
const struct value *path_get(const struct path *path, size_t reader, const struct value *root);

/* The parameters of a URL one by one, as they are written: those behind the first `?`, then those
 * of the fragment: a hash router's (`#/shop?ttclid=...`), or the fragment itself where there is no
 * `?`
 * (`#utm_source=...`). A name that an escaped `&amp;` stands before is without its rest. */
struct url_query {
    struct span url;
    size_t at;  /* before the next parameter, or end */
    size_t end; /* of this part */
    bool is_in_fragment;
};

struct url_query url_query_open(struct span url);
bool url_query_next(struct url_query *query, struct span *name, struct span *value);

/* How well a written name is the one that was asked for. */
enum name_match { NAME_OTHER, NAME_NOCASE, NAME_EXACT };

/** @text with %XX and + undone, once, into @arena. Itself when there is nothing to undo; SPAN_NONE
 * when it cannot be done, is not UTF-8 then, or there is no room. */
struct span url_decode(struct span text, struct arena *arena);

/** The query parameter @name of @url, decoded; SPAN_NONE when there is none. Of repeated ones the
 * first that is no missing value written out (base/absent.h), else the first with something in
 * it, else the first; the same letters in another case count where nothing has the exact name. */
struct span url_query_get(struct span url, struct span name, struct arena *arena);

#endif /* SCHEMA_PATH_H */
