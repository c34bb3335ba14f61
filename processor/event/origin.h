/**
 * origin - "where it comes from", the right-hand side of map: and utm:.
 *
 *     user.email                     a path
 *     page.url?ttclid                a query parameter of the URL at a path, decoded once
 *     [page.url?ttclid, user.ttclid] the first that is present
 *     {value: product}               a constant: text, or unquoted a JSON number, true, false
 *
 * Not present is what base/absent.h says: null, missing, empty, blank, or a missing value written
 * out. A constant is present whatever it says.
 *
 * (`each:` belongs to the drivers' maps, which use origins compiled from the element's
 * type.)
 *
 * An origin is made at the start and does not change after: all workers share it. A path that
 * does not fit is a diag with its place. Values are borrowed from the event and its arena.
 */
#ifndef EVENT_ORIGIN_H
#define EVENT_ORIGIN_H

#include "base/absent.h"
#include "config/yaml.h"
#include "schema/path.h"

struct origin;

/** Take "page.url?ttclid" apart. False when there is no `?` outside a bracketed name; then @path is
 * all of @text and @parameter is absent. */
bool origin_split(struct span text, struct span *path, struct span *parameter);

/* What a source gave: a decoded value, or text (query parameter, constant). */
struct origin_value {
    const struct value *value; /* NULL: see text. Also a constant that is a number or boolean */
    const struct type *type;   /* of value, a union taken off; NULL with text */
    struct span text;          /* when value is NULL and is_present */
    bool is_present;
    bool is_constant; /* nothing of the event */
};

/** Errors go to @diags with the node's place. @is_default: a path that no reader has is no error
 * but gives NULL. */
struct origin *origin_compile(const struct yaml_node *node, const struct readers *readers,
                              bool is_default, struct diags *diags);
/** The same, paths from the element types of an `each:`. */
struct origin *origin_compile_from(const struct yaml_node *node, const struct type *const *types,
                                   size_t count, struct diags *diags);
/** What its texts are. Without it query parameters are codes, and the rest is free text. */
void origin_set_kind(struct origin *origin, enum text_kind kind);
void origin_free(struct origin *origin);
struct origin_value origin_get(const struct origin *origin, size_t reader, const struct value *root,
                               struct arena *arena);
/** Is it a text that is only a missing value written out? (An element of an array, say.) */
bool origin_value_is_absent(const struct origin_value *value, enum text_kind kind);
/** For callers to whom not all that is present is usable: the first source at or after *@index that
 * is present; *@index is then behind it, from 0 at the start. False, and @out is of no use, when
 * there is none. */
bool origin_next(const struct origin *origin, size_t *index, size_t reader,
                 const struct value *root, struct arena *arena, struct origin_value *out);
/** As it would be written: user.email, [page.url?ttclid, user.ttclid], {value: product}; without
 * the sources that no reader has. */
void origin_describe(const struct origin *origin, struct buf *out);
/** As text where it is a scalar: strings, enums, numbers (shortest form), booleans; SPAN_NONE
 * otherwise. */
struct span origin_text(const struct origin_value *value, struct arena *arena);

#endif /* EVENT_ORIGIN_H */
