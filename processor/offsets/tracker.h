/**
 * tracker - which offsets of one partition are settled, and what may be committed.
 *
 * Only offsets received take a place (gaps by compaction or transactions are fine).
 * Pure: no Kafka, no clock. Completed work beyond the watermark is encoded for the
 * commit's metadata, so that a restart does not send it twice; when it does not fit it
 * is cut at the end: duplicates, never loss. Memory: a ring that grows to @window_max.
 */
#ifndef OFFSETS_TRACKER_H
#define OFFSETS_TRACKER_H

#include "offsets/metadata.h"

struct tracker;

struct tracker *tracker_new(uint32_t window_max);
void tracker_free(struct tracker *tracker);
/** Begin at @offset; nothing is known of the records before and behind it. */
void tracker_start(struct tracker *tracker, int64_t offset);
/** Begin at the committed offset of @place, with what its metadata @text says. What it says nothing
 * about, or is not of this place, is not known. */
enum metadata_sort tracker_resume(struct tracker *tracker, const struct metadata_place *place,
                                  struct span text);
enum tracker_take { TAKE_NEW, TAKE_DONE_BEFORE, TAKE_FULL };
/** A record was received: NEW work, settled before the restart (skip it), or the window is full
 * (do not take it). */
enum tracker_take tracker_take(struct tracker *tracker, struct mark record);
/** All legs of @offset are settled. False when it was not in flight (a bug of the caller or a stale
 * epoch). */
bool tracker_settle(struct tracker *tracker, int64_t offset);
/** Next offset to commit (last settled without gap + 1). */
int64_t tracker_watermark(const struct tracker *tracker);
uint32_t tracker_in_flight(const struct tracker *tracker);
uint32_t tracker_window(const struct tracker *tracker); /* received from the watermark on */
/** Commit metadata for the present state: printable ASCII, <= @bytes_max; empty when there is
 * nothing to say. */
void tracker_metadata(const struct tracker *tracker, struct span topic, int32_t partition,
                      size_t bytes_max, struct buf *out);

/** Records that were settled, below the watermark. */
const struct trail *tracker_trail(const struct tracker *tracker);
/** A record that was settled beyond the watermark before the restart; hash 0: none. */
struct mark tracker_ahead(const struct tracker *tracker);
/** Know @trail instead. */
void tracker_know(struct tracker *tracker, const struct trail *trail);
/** Know one more record below the watermark, behind those that are known. */
void tracker_learn(struct tracker *tracker, struct mark record);

#endif /* OFFSETS_TRACKER_H */
