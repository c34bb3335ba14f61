/**
 * metadata - what a commit's metadata says.
 *
 * Two things, both about the offset it is committed with and no other:
 *    marks  records below it by which the log is recognised (offsets/trail.h)
 *    runs   offsets beyond it that are settled, and one record of them, `ahead`
 *
 * "d2:" and base64url of: a CRC-32 over the topic's name, the partition and the rest; then varints:
 * the offset, `ahead` (0: none, else its distance + 1, and its hash), the number of marks, the
 * marks (the first one's offset, then distances back, each with its hash), and pairs (gap, run):
 * from the offset on skip gap offsets, then run offsets are done, and so on. Gaps and runs count
 * offsets, not records, so that what compaction removed meanwhile changes nothing.
 *
 * Metadata travels: tools and replicators copy it to other offsets, topics and clusters. What does
 * not fit its place, or is not ours, says nothing.
 *
 * Pure: no allocation, no clock; the caller owns writer and reader. Metadata that is not valid
 * is a value of enum metadata_sort, not an error.
 */
#ifndef OFFSETS_METADATA_H
#define OFFSETS_METADATA_H

#include "base/buf.h"
#include "offsets/trail.h"

/* Offsets from..to-1. */
struct offset_run {
    int64_t from;
    int64_t to;
};

/* Where a commit stands. */
struct metadata_place {
    struct span topic;
    int32_t partition;
    int64_t offset;
};

enum { METADATA_RAW_MAX = 3072, METADATA_BYTES_MAX = 4096 }; /* 4 KiB of text hold 3,069 bytes */

struct metadata_writer {
    struct metadata_place place; /* borrows the topic until metadata_end() */
    struct mark marks[TRAIL_MARKS_MAX];
    size_t mark_count;
    struct mark ahead;
    int64_t at; /* offsets below are told */
    size_t raw_max;
    size_t raw_len;
    unsigned char raw[METADATA_RAW_MAX];
};

/** @bytes_max: of the text. Of the @marks, newest first, as many as leave room for runs. */
void metadata_begin(struct metadata_writer *writer, const struct metadata_place *place,
                    const struct mark *marks, size_t mark_count, size_t bytes_max);
/** Add a run behind all earlier ones. False when it does not fit: stop here. */
bool metadata_add(struct metadata_writer *writer, struct offset_run run);
/** Append the text to @out, printable ASCII; nothing when there is neither a mark nor a run. */
void metadata_end(struct metadata_writer *writer, struct buf *out);

enum metadata_sort {
    METADATA_OURS,
    METADATA_NONE,      /* empty */
    METADATA_FOREIGN,   /* another program's */
    METADATA_OLDER,     /* of a version before 2 */
    METADATA_BROKEN,    /* ours once: cut, changed, or of another topic or partition */
    METADATA_ELSEWHERE, /* ours and whole, for another offset */
};

/* All empty unless METADATA_OURS. */
struct metadata {
    struct mark marks[TRAIL_MARKS_MAX]; /* newest first */
    size_t mark_count;
    struct mark ahead;
    struct offset_run *runs; /* the caller's to free */
    size_t run_count;
};

/** Any bytes are welcome, up to the first NUL: the client library does not give what follows one.
 */
enum metadata_sort metadata_read(struct span text, const struct metadata_place *place,
                                 struct metadata *out);
/** In words, for a log line. */
const char *metadata_sort_text(enum metadata_sort sort);

#endif /* OFFSETS_METADATA_H */
