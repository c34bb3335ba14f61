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
#include "offsets/tally.h"

struct tracker;

/** @has_tally: what became of the events is counted for the ledger (tally.h). */
struct tracker *tracker_new(uint32_t window_max, bool has_tally);
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
/** All legs of @offset are settled, as @settled says (NULL: no event, or nobody counts). False when
 * it was not in flight (a bug of the caller or a stale epoch). */
bool tracker_settle(struct tracker *tracker, int64_t offset, const struct settled *settled);
/** Next offset to commit (last settled without gap + 1). */
int64_t tracker_watermark(const struct tracker *tracker);
uint32_t tracker_in_flight(const struct tracker *tracker);
uint32_t tracker_window(const struct tracker *tracker); /* received from the watermark on */
/** Commit metadata for the present state: printable ASCII, <= @bytes_max; empty when there is
 * nothing to say. Returns up to which offset it tells what is settled. */
int64_t tracker_metadata(const struct tracker *tracker, struct span topic, int32_t partition,
                         size_t bytes_max, struct buf *out);

/** Records that were settled, below the watermark. */
const struct trail *tracker_trail(const struct tracker *tracker);
/** A record that was settled beyond the watermark before the restart; hash 0: none. */
struct mark tracker_ahead(const struct tracker *tracker);
/** Know @trail instead. */
void tracker_know(struct tracker *tracker, const struct trail *trail);
/** Know one more record below the watermark, behind those that are known. */
void tracker_learn(struct tracker *tracker, struct mark record);

/* the tally; nothing happens without one */

/** NULL: none. */
const struct tally *tracker_tally(const struct tracker *tracker);
/** The tracker has begun: a session with it. The runs of @why are filled in. */
void tracker_begin_tally(struct tracker *tracker, const struct tally_start *why);
/** A commit of the watermark goes, whose metadata tells what is settled up to offset @told. */
void tracker_seal(struct tracker *tracker, int64_t told);
/** That commit was acknowledged. */
void tracker_sealed_committed(struct tracker *tracker);
/** Set @used of each fate that is still to be told. */
void tracker_mark_fates(const struct tracker *tracker, bool *used, size_t count);

#endif /* OFFSETS_TRACKER_H */
