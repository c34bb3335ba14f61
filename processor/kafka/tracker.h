/**
 * tracker - which offsets of one partition are settled, and what may be committed.
 *
 * Only offsets received take a place (gaps by compaction or transactions are fine).
 * Pure: no Kafka, no clock. Completed work beyond the watermark is encoded for the
 * commit's metadata, so that a restart does not send it twice; when it does not fit it
 * is cut at the end: duplicates, never loss. Memory: a ring that grows to @window_max.
 */
#ifndef KAFKA_TRACKER_H
#define KAFKA_TRACKER_H

#include "base/buf.h"

struct tracker;

struct tracker *tracker_new(uint32_t window_max);
void tracker_free(struct tracker *tracker);
/** Begin at @offset (the committed one, or the first to read), honouring @metadata of the commit
 * (may be empty or foreign: then ignored). */
void tracker_start(struct tracker *tracker, int64_t offset, struct span metadata);

enum tracker_take { TAKE_NEW, TAKE_DONE_BEFORE, TAKE_FULL };
/** An offset was received: NEW work, settled before the restart (skip it), or the window is full
 * (do not take it). */
enum tracker_take tracker_take(struct tracker *tracker, int64_t offset);
/** All legs of @offset are settled. False when it was not in flight (a bug of the caller or a stale
 * epoch). */
bool tracker_settle(struct tracker *tracker, int64_t offset);
/** Next offset to commit (last settled without gap + 1). */
int64_t tracker_watermark(const struct tracker *tracker);
uint32_t tracker_in_flight(const struct tracker *tracker);
uint32_t tracker_window(const struct tracker *tracker); /* received from the watermark on */
/** Commit metadata for the present state: printable ASCII, <= @bytes_max; empty when nothing is
 * settled beyond. */
void tracker_metadata(const struct tracker *tracker, size_t bytes_max, struct buf *out);

#endif /* KAFKA_TRACKER_H */
