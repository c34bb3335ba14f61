/**
 * duplicates - names that stand twice in a list, found by sorting instead of comparing all pairs.
 *
 * The caller owns the list; one thread. Nothing fails: a duplicate is a callback.
 */
#ifndef CONFIG_DUPLICATES_H
#define CONFIG_DUPLICATES_H

#include "base/diag.h"

struct named_entry {
    struct span name;
    struct place place;
    size_t index; /* in the caller's list */
};

typedef void duplicate_fn(void *context, const struct named_entry *first,
                          const struct named_entry *again);

/** Call @found for every entry of @names (sorted in place) whose name an earlier index has. */
void duplicates_find(struct named_entry *names, size_t count, duplicate_fn *found, void *context);

#endif /* CONFIG_DUPLICATES_H */
