/**
 * original - a record of a dead-letter or alternate topic, seen as the record it was in its source
 * topic: for a worker whose job delivers such records again (struct io's view).
 *
 * Topic, partition, offset and timestamp are those of the headers detour.source.*, where it has
 * them; so whatever is derived of them, such as the id of an event without one, stays the same. The
 * value is the source record's, framing included; key and headers are so anyway (a new detour.*
 * takes the place of an old one when a record is written, deliver/record_headers).
 *
 * Borrows from the message; any thread; cannot fail.
 */
#ifndef RECOVERY_ORIGINAL_H
#define RECOVERY_ORIGINAL_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"
#include "event/event_view.h"

/** Whether a destination writes UTM records to @topic. */
bool original_is_utm_topic(const struct config *config, struct span topic);
/** @is_utm: the source's value is inside a UTM record; absent, as a tombstone's, where the value is
 * none. */
void original_view(const rd_kafka_message_t *message, bool is_utm, struct message_view *out);

#endif /* RECOVERY_ORIGINAL_H */
