/**
 * span - text or bytes that somebody else owns: a pointer and a length, passed by value.
 *
 * Never terminated, may hold NUL. An absent span has ptr == NULL; an empty one does not.
 *
 * A span owns nothing: it is valid as long as the bytes of their owner. No state; any thread.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/base.h"

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

struct span span_of(const char *text); /* a terminated string; NULL gives SPAN_NONE */
bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b); /* ASCII case only */
bool span_is(struct span a, const char *text);
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
int span_cmp(struct span a, struct span b); /* bytewise, shorter first */
struct span span_trim(struct span s);       /* ASCII white space at both ends */
struct span span_sub(struct span s, size_t from, size_t to);
/** Index of @c in @s at or after @from, or s.len. */
size_t span_find(struct span s, char c, size_t from);
/** Whole span is one decimal integer with optional sign, no overflow. */
bool span_to_i64(struct span s, int64_t *out);
/** Whole span is one finite decimal number (no hex, no inf, no nan). */
bool span_to_double(struct span s, double *out);
/** Seeded hash for tables keyed by foreign text (the seed is drawn at start). */
uint64_t span_hash(struct span s);
/** Hash with @seed instead of a drawn one, so that a run can be repeated: simulations only, and
 * before anything was hashed. */
void span_hash_fix(uint64_t seed);

#endif /* BASE_SPAN_H */
