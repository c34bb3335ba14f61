/**
 * counts - how often each name came, for names that somebody else chooses: at most so many are
 * told apart, what comes later is counted together as "other".
 *
 * One owner, not locked.
 *
 * It owns the names. Nothing here fails: a name beyond the bound counts as other.
 */
#ifndef BASE_COUNTS_H
#define BASE_COUNTS_H

#include "base/span.h"

enum { COUNTS_NAME_BYTES = 64 };

struct counts {
    struct count {
        char name[COUNTS_NAME_BYTES]; /* a longer one is cut */
        uint64_t count;
    } * items; /* owned; in the order of their first */
    size_t count, max;
};

/** @max: names told apart, "other" among them; at least 1. */
void counts_init(struct counts *counts, size_t max);
void counts_fini(struct counts *counts);
void counts_add(struct counts *counts, struct span name);

#endif /* BASE_COUNTS_H */
