/**
 * text_counts - how often each text came. Texts come from outside: 10,000 of them have a counter of
 * their own, the others one together. One thread owns it; no errors.
 */
#ifndef RECOVERY_TEXT_COUNTS_H
#define RECOVERY_TEXT_COUNTS_H

#include "base/span.h"

struct text_counts {
    struct text_entry *by_text; /* owned; uthash */
    uint64_t texts;             /* with a counter of their own */
    uint64_t others;            /* came, and had no counter left */
};

struct text_count {
    struct span text;
    uint64_t count;
};

void text_counts_add(struct text_counts *counts, struct span text);
/** Largest first; the caller frees the array, whose texts are those of @counts. */
NODISCARD struct text_count *text_counts_sorted(struct text_counts *counts, size_t *count);
void text_counts_fini(struct text_counts *counts);

#endif /* RECOVERY_TEXT_COUNTS_H */
