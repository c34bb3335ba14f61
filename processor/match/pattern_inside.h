/** pattern_inside - the automaton of a pattern, for its files. */
#ifndef MATCH_PATTERN_INSIDE_H
#define MATCH_PATTERN_INSIDE_H

#include "match/pattern.h"

/* What a text is made of: its bytes between a start and an end. */
enum { SYMBOL_START = 256, SYMBOL_END = 257, SYMBOLS = 258 };
enum { WORDS_MAX = PATTERN_POSITIONS_MAX / 64 };

/* A set of positions; the first `words` words count. */
struct positions {
    uint64_t words[WORDS_MAX];
};

struct pattern {
    size_t count;           /* positions */
    size_t words;           /* of each set below */
    bool is_optional;       /* it matches the empty text, so it is found everywhere */
    bool is_anchored;       /* it can begin at the start of the text only */
    struct positions first; /* where a match can begin */
    struct positions last;  /* where it can end */
    uint64_t *follow;       /* owned; count sets: what may come after a position */
    uint64_t *accepts;      /* owned; SYMBOLS sets: which positions take the symbol */
};

/* The bytes one character of the expression stands for. */
struct bytes {
    bool has[256];
};

/** The bracket expression at *@at, which moves behind it. */
NODISCARD enum err_code bracket_read(struct span text, size_t *at, struct bytes *out,
                                     struct err *err);

static inline void positions_add(struct positions *set, size_t position)
{
    set->words[position / 64] |= UINT64_C(1) << (position % 64);
}

static inline void positions_join(struct positions *set, const struct positions *more)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        set->words[i] |= more->words[i];
    }
}

#endif /* MATCH_PATTERN_INSIDE_H */
