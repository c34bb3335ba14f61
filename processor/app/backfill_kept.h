/**
 * backfill_kept - events that a backfill keeps back for another time: their messages, oldest first,
 * and how often each has failed.
 *
 * Bounded by who adds: no more than are in flight at once. Owns the messages until they are taken,
 * dropped or released. One worker's, on its thread.
 */
#ifndef APP_BACKFILL_KEPT_H
#define APP_BACKFILL_KEPT_H

#include <librdkafka/rdkafka.h>

#include "offsets/partition.h"

struct backfill_event {
    rd_kafka_message_t *message; /* owned */
    struct source_partition *partition;
    uint64_t epoch;
};

struct backfill_kept;

struct backfill_kept *backfill_kept_new(void (*release)(rd_kafka_message_t *message));
void backfill_kept_free(struct backfill_kept *kept);
/** It is tried again from @due_ms on. */
void backfill_kept_add(struct backfill_kept *kept, const struct backfill_event *event,
                       uint64_t due_ms);
/** The oldest, if it is due and its partition still the same; false: there is none. */
bool backfill_kept_take(struct backfill_kept *kept, uint64_t now_ms, struct backfill_event *out);
size_t backfill_kept_count(const struct backfill_kept *kept);
/** The event of @partition at @offset failed once more, when @delivered were delivered in all. How
 * often it has while others passed. */
unsigned backfill_kept_failed(struct backfill_kept *kept, int32_t partition, int64_t offset,
                              uint64_t delivered);
/** It is settled. */
void backfill_kept_forget(struct backfill_kept *kept, int32_t partition, int64_t offset);
/** All of them are another's to read, or the consumer is closed. */
void backfill_kept_drop(struct backfill_kept *kept);

#endif /* APP_BACKFILL_KEPT_H */
