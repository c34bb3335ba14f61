/**
 * partition_inside - what partition.c (life, reading, pausing, committing), partition_check.c (is
 * the log still the same?) and partition_gap.c (records that are gone) share. Nobody else includes
 * this. Ownership, threads and errors are those of partition.h.
 */
#ifndef OFFSETS_PARTITION_INSIDE_H
#define OFFSETS_PARTITION_INSIDE_H

#include "offsets/partition.h"

enum {
    PAUSE_MS_MIN = 1000,  /* a pause costs what was fetched */
    LOOK_EVERY_MS = 1000, /* at an offset that is gone */
    LOOK_AGAIN_MS = 2000, /* when the broker did not answer */
};

/* Every call that changes a partition ends with this. */
void partition_check_invariants(const struct source_partition *partition);
/** The newest record is @mark, and nothing is known of those before. */
void partition_set_newest(struct source_partition *partition, struct mark mark);
/** The log's bounds are to be asked for, but at most once a second. */
void partition_look(struct source_partition *partition, uint64_t now_ms);

/* partition_check.c */

/** From here on the partition is read at partition_fetch_offset(), and compared. */
void check_begin(struct source_partition *partition, uint64_t now_ms);
/** The same; where it is being compared, that goes on at the mark it is at, read anew. */
void check_again(struct source_partition *partition, uint64_t now_ms);
/** The log holds @low..@high-1: what that says of the marks. */
void check_bounds(struct source_partition *partition, int64_t low, int64_t high, uint64_t now_ms);
/** A record of a partition that is checked. True when it may be taken. */
bool check_take(struct source_partition *partition, struct mark found, uint64_t now_ms);
/** The log ends at @end, and nothing came before that. */
void check_end(struct source_partition *partition, int64_t end, uint64_t now_ms);
/** A partition that waits: for a record behind the log's end, or for one that does not come. */
void check_idle(struct source_partition *partition, uint64_t now_ms);

#endif /* OFFSETS_PARTITION_INSIDE_H */
