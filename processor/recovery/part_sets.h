/**
 * part_sets - which parts of large dead letters have come, so that each is counted as the one
 * record it is.
 *
 * A dead letter that its topic does not take is written in parts (docs/delivery.md). A set is
 * complete with the last of its parts; another set of the same record, with another total,
 * may stay incomplete. Sets wait in 64 MiB at most; beyond it none is begun, and that is counted.
 *
 * One thread owns it. No errors.
 */
#ifndef RECOVERY_PART_SETS_H
#define RECOVERY_PART_SETS_H

#include "recovery/record.h"

struct part_sets {
    struct part_set *by_key; /* owned; uthash */
    size_t bytes;
    uint64_t count;     /* that wait for parts */
    uint64_t forgotten; /* records of sets for which there was no room */
};

/* Where the first part of a set stands. */
struct part_place {
    int32_t partition;
    int64_t offset;
};

/** Take a record with parts (letter.part_count > 0). True: it makes its set complete, which begins
 * at @out; the set is forgotten then. */
bool part_sets_add(struct part_sets *sets, const struct record *record, struct part_place *out);
void part_sets_fini(struct part_sets *sets);
/** Whether @a and @b are parts of one set. */
bool part_sets_are_one(const struct dead_letter *a, const struct dead_letter *b);

#endif /* RECOVERY_PART_SETS_H */
