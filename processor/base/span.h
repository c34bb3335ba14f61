/**
 * span - text or bytes that somebody else owns: a pointer and a length, passed by value.
 *
 * Never terminated, may hold NUL. An absent span has ptr == NULL; an empty one does not.
 *
 * A span owns nothing: it is valid as long as the bytes of their owner. No state; any thread.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <string.h>

#include "base/base.h"

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

/* Inline where a call would cost more than the work: these run many times for each event. */

/** A terminated string; NULL gives SPAN_NONE. */
static inline struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_eq_nocase(struct span a, struct span b); /* ASCII case only */

static inline bool span_is(struct span a, const char *text)
{
    return span_eq(a, span_of(text));
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0);
}

int span_cmp(struct span a, struct span b); /* bytewise, shorter first */

static inline bool char_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** Without the ASCII white space at both ends. */
static inline struct span span_trim(struct span s)
{
    while (s.len > 0 && char_is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && char_is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static inline struct span span_sub(struct span s, size_t from, size_t to)
{
    PRE(from <= to);
    PRE(to <= s.len);
    return (struct span){s.ptr == NULL ? NULL : s.ptr + from, to - from};
}

/** Index of @c in @s at or after @from, or s.len. */
static inline size_t span_find(struct span s, char c, size_t from)
{
    const char *hit = from < s.len ? memchr(s.ptr + from, c, s.len - from) : NULL;

    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

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
