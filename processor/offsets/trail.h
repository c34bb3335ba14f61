/**
 * trail - which records of a partition were read, so that its log is recognised later.
 *
 * A mark is a record's offset and a hash of what it is. A trail keeps few marks: many near its
 * end, fewer further back, each eight times as far as the one before. When the log has changed,
 * the newest mark that still fits says up to where it is the same.
 * Pure: no Kafka, no clock, no allocation.
 */
#ifndef OFFSETS_TRAIL_H
#define OFFSETS_TRAIL_H

#include "base/span.h"

struct mark {
    int64_t offset;
    uint32_t hash; /* 0: no mark */
};

enum { TRAIL_LEVELS = 10, TRAIL_SHIFT = 3, TRAIL_MARKS_MAX = 2 * TRAIL_LEVELS };

/* All zero: empty. */
struct trail {
    struct mark recent[TRAIL_LEVELS]; /* the first record of the latest 8^level offsets ... */
    struct mark older[TRAIL_LEVELS];  /* ... and of those before */
};

/** Never 0. The value is sampled when it is long: that costs the same for every record. */
uint32_t mark_hash(int64_t timestamp_ms, struct span key, struct span value);

/** @mark lies behind all earlier ones; one without a hash (unknown) is left out. */
void trail_add(struct trail *trail, struct mark mark);
/** Forget the marks from offset @from on. */
void trail_cut(struct trail *trail, int64_t from);
/** The marks, newest first, each once; their number. */
size_t trail_list(const struct trail *trail, struct mark out[TRAIL_MARKS_MAX]);

#endif /* OFFSETS_TRAIL_H */
