/**
 * source_topic - the source of a rehearsal: a topic whose partitions the workers of one process
 * share from the beginning to the end.
 *
 * What is decided about reading, pausing and committing is decided by the real core (offsets/);
 * only the client that fetches from Kafka is simulated. A worker keeps its partitions, every commit
 * is taken, and no record is ever removed: the seeded simulation (tests/sim) has a source of its
 * own that does all of that. One thread, no errors.
 */
#ifndef REHEARSE_SOURCE_TOPIC_H
#define REHEARSE_SOURCE_TOPIC_H

#include "rehearse/world.h"

struct source_topic;

/** Opens the workers of @world, which is kept and is to be freed first. */
struct source_topic *source_topic_open(struct world *world);
void source_topic_free(struct source_topic *topic);
/** @value is copied. @tag: whatever the caller wants to know the record by. */
void source_topic_produce(struct source_topic *topic, int32_t partition, struct span value,
                          uint32_t tag);
/** Every record is committed and nothing is in flight. */
bool source_topic_is_drained(const struct source_topic *topic);

#endif /* REHEARSE_SOURCE_TOPIC_H */
