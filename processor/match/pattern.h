/**
 * pattern - regular expressions, looked for anywhere in a text. They are PCRE2's.
 *
 * Dialect: Perl's, as PCRE2 has it: \d \w \s \b, (?i), lookaround. Case counts unless (?i)
 * stands there. A dot is any character, a line end too; $ is the end of the text, not the line
 * end before it. \d, \w, \s and \b know ASCII; behind (*UCP) they know all of Unicode.
 *
 * Texts come from outside and are UTF-8 or not: a byte that is not is part of no match, also of
 * none by a dot or [^x]; what stands around it is searched. \C is refused for that reason.
 *
 * Cost: PCRE2 tries one way after another, and a text can be made so that there are very many.
 * So a search ends after PATTERN_STEPS_MAX steps from one start, and a text has a length. A search
 * that ends so found nothing, is never an error, and is counted (pattern_count_undecided()).
 *
 * Threads: a compiled pattern is never written to, any thread may search with it at any time.
 * What a search writes belongs to the thread: made at its first search, freed when it ends. It
 * is the thread's and not the caller's because routes, verdict rules and the analysis of a table
 * all search, and none of them has another reason to carry an object around.
 */
#ifndef MATCH_PATTERN_H
#define MATCH_PATTERN_H

#include "base/err.h"
#include "base/span.h"

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_GROUPS_MAX = 32,          /* nested */
    PATTERN_SUBJECT_BYTES_MAX = 8192, /* a longer text is not looked at */
    PATTERN_STEPS_MAX = 10000,        /* tries from one start, as PCRE2 counts them */
};

struct pattern;

/** ERR_CONFIG says what is wrong with @text and where in it, in PCRE2's words. */
NODISCARD enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err);
void pattern_free(struct pattern *pattern);
/** 1 it is found in @text, 0 it is not, -1 nobody knows: too long a text, or too many steps. */
int pattern_find(const struct pattern *pattern, struct span text);
/** How many searches of this process ended with -1. Any thread. */
uint64_t pattern_count_undecided(void);

#endif /* MATCH_PATTERN_H */
