/**
 * pattern - a POSIX extended regular expression that cannot be made to run away.
 *
 * Bounded before the C library sees it: text <= 1 KiB, repeats multiplied out <= 2000
 * positions. Refused: back-references (their matching takes exponential time) and what
 * other dialects have and POSIX would silently read as something else (\d, (?i), [\d]).
 * Matching is on bytes, case counts. Safe from any thread; the C library takes a lock
 * of the pattern's own while it matches.
 */
#ifndef ROUTE_PATTERN_H
#define ROUTE_PATTERN_H

#include "base/err.h"
#include "base/span.h"

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_POSITIONS_MAX = 2000,
    PATTERN_GROUPS_MAX = 32,          /* nested */
    PATTERN_SUBJECT_BYTES_MAX = 8192, /* a longer text is not looked at */
};

struct pattern;

NODISCARD enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err);
void pattern_free(struct pattern *pattern);
/** 1 it is found in @text, 0 it is not, -1 nobody knows: the text is too long (or memory is). */
int pattern_find(const struct pattern *pattern, struct span text);

#endif /* ROUTE_PATTERN_H */
