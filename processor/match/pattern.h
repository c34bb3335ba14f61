/**
 * pattern - POSIX extended regular expressions whose cost is known beforehand.
 *
 * The C library's matcher keeps every state a text has led it into for as long as the
 * expression lives, and takes a lock: texts from outside could fill memory with it.
 * This one is an automaton of positions (Glushkov): its memory is fixed when it is
 * compiled, a search is one pass over the text, any thread may run it at any time.
 *
 * Understood: characters, . [..] [^..] [[:alpha:]] ranges, ( ) | * + ? {m} {m,} {m,n},
 * ^ and $ anywhere, backslash before punctuation, \w \W \s \S. Matching is on bytes, case
 * counts; a character beyond ASCII is one atom. Refused, with the way out: back-references,
 * what other dialects have and POSIX would read as something else (\d, (?i), [\d]),
 * and expressions that hold nothing to match.
 */
#ifndef MATCH_PATTERN_H
#define MATCH_PATTERN_H

#include "base/err.h"
#include "base/span.h"

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_POSITIONS_MAX = 512,      /* characters, with repeats written out */
    PATTERN_GROUPS_MAX = 32,          /* nested */
    PATTERN_SUBJECT_BYTES_MAX = 8192, /* a longer text is not looked at */
};

struct pattern;

NODISCARD enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err);
void pattern_free(struct pattern *pattern);
/** 1 it is found in @text, 0 it is not, -1 nobody knows: the text is too long. */
int pattern_find(const struct pattern *pattern, struct span text);

#endif /* MATCH_PATTERN_H */
