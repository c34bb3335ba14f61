/**
 * scalar - one decoded value as a number or as text, whatever Avro type carries it.
 *
 * Shared by event facts, origins and matching, so that "100", 100, 100.0 and a decimal
 * with scale 2 mean the same everywhere.
 *
 * Pure: the arena owns what is written, any thread. What is not a number or text is false or
 * SPAN_NONE.
 */
#ifndef EVENT_SCALAR_H
#define EVENT_SCALAR_H

#include "base/arena.h"
#include "schema/schema.h"

/* Integers keep all 64 bits: a double cannot tell 2^53 and 2^53 + 1 apart. */
struct numeric {
    bool is_integer;
    int64_t i; /* when is_integer */
    double d;  /* always; finite */
};

struct numeric numeric_of_i64(int64_t i);
struct numeric numeric_of_double(double d);
/** -1, 0 or 1; exact also between an integer and a double. */
int numeric_cmp(const struct numeric *a, const struct numeric *b);
/** Decimal text, surrounding white space allowed. */
bool numeric_parse(struct span text, struct numeric *out);

/** For scalar_type() alone: of the union @type. */
const struct type *scalar_branch(const struct type *type, const struct value *value);

/** The type that @value really has: a union's branch, else @type. NULL when they do not fit, or
 * when the union (of the ends of a path through several records) does not tell which of two types
 * of the same kind it is: then a decimal is no number rather than one of the wrong scale. */
static inline const struct type *scalar_type(const struct type *type, const struct value *value)
{
    if (type != NULL && type->kind == TYPE_UNION) {
        return scalar_branch(type, value);
    }
    return type != NULL && (int)type->kind == (int)value->kind ? type : NULL;
}

/** Numbers, the decimal logical type on bytes or fixed (beyond 53 bits as the nearest double), and
 * numeric text. Not a number: everything else, NaN, infinities, booleans. @type may be NULL. */
bool scalar_number(const struct value *value, const struct type *type, struct numeric *out);
/** Text of a string or enum; numbers in their shortest form, decimals up to 128 bits exactly,
 * booleans as true or false; SPAN_NONE for all else and when @arena is full. */
struct span scalar_text(const struct value *value, const struct type *type, struct arena *arena);
/** Is it written as a JSON number? 007, +49170 and 0x1f are texts. */
bool scalar_is_json_number(struct span text);

#endif /* EVENT_SCALAR_H */
