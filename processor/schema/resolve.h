/**
 * resolve - which type of the reader does a type of the writer go to? Private to this room.
 *
 * Pure: owns nothing, any thread, nothing fails.
 */
#ifndef SCHEMA_RESOLVE_H
#define SCHEMA_RESOLVE_H

#include "schema/schema.h"

/** Names of a record, enum or fixed agree: without namespaces, or by an alias of the reader's. */
bool resolve_names(const struct type *writer, const struct type *reader);
/** Their logical types go together: 1000 as a decimal of three places is not 1000 with two. */
bool resolve_logical(const struct type *writer, const struct type *reader);

/* What becomes of a time on its way to the reader. */
enum time_step {
    TIME_AS_IS,
    TIME_TO_MICROS,
    TIME_TO_MILLIS, /* rounded down */
};

/** Of types that agree. */
enum time_step resolve_time(const struct type *writer, const struct type *reader);
/** The types agree at their top: same kind and name, or a promotion, with logical types that go
 * together. Neither is a union. */
bool resolve_top(const struct type *writer, const struct type *reader);
/** The branch of the union @reader for @writer, which is no union: the very same type before one
 * of the same short name or alias before a promotion; false when there is none. */
bool resolve_branch(const struct type *writer, const struct type *reader, size_t *branch);
/** The reader's field for the writer's @field, by name or alias; NULL when it does not want it.
 * @hint is where to look first. */
const struct field *resolve_field(const struct type *reader, struct span field, size_t hint,
                                  size_t *index);

#endif /* SCHEMA_RESOLVE_H */
