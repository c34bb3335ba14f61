/**
 * metadata - settled offsets beyond the watermark as text in a commit (kafka room only).
 *
 * "d1:" and base64url of varint pairs (gap, run): from the committed offset on, skip
 * gap offsets, then run offsets are done, and so on. Gaps and runs count offsets, not
 * records, so that what compaction removed meanwhile changes nothing. A text of
 * another program, a truncated or a hostile one means: nothing is known to be done.
 */
#ifndef KAFKA_METADATA_H
#define KAFKA_METADATA_H

#include "base/buf.h"

/* Offsets from..to-1. */
struct offset_run {
    int64_t from;
    int64_t to;
};

enum { METADATA_RAW_MAX = 3072, METADATA_BYTES_MAX = 4096 }; /* 4 KiB of text hold 3,069 bytes */

struct metadata_writer {
    int64_t at; /* offsets below are told */
    size_t raw_max;
    size_t raw_len;
    unsigned char raw[METADATA_RAW_MAX];
};

/** @base: the offset committed; @bytes_max: of the text. */
void metadata_begin(struct metadata_writer *writer, int64_t base, size_t bytes_max);
/** Add a run behind all earlier ones. False when it does not fit: stop here. */
bool metadata_add(struct metadata_writer *writer, struct offset_run run);
/** Append the text to @out; nothing when there is no run. */
void metadata_end(const struct metadata_writer *writer, struct buf *out);

/** The runs of @text relative to @base; *out is the caller's to free. 0 when it is not ours. */
size_t metadata_read(struct span text, int64_t base, struct offset_run **out);

#endif /* KAFKA_METADATA_H */
