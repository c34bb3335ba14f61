/**
 * topic_erase - what removes single records from a topic: a tombstone, where the topic is
 * compacted, and a partition's beginning that moves.
 *
 * For `dlq purge` alone. Any thread; waits for the broker. Errors: ERR_NET when Kafka does not
 * answer within 10 s, ERR_STATE when it refuses.
 */
#ifndef KAFKA_TOPIC_ERASE_H
#define KAFKA_TOPIC_ERASE_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"

struct topic_eraser;

NODISCARD enum err_code topic_eraser_open(const struct config *config, const char *topic,
                                          struct topic_eraser **out, struct err *err);
void topic_eraser_close(struct topic_eraser *eraser); /* may be NULL */
/** A record with @key and no value; acknowledged when this returns. */
NODISCARD enum err_code topic_eraser_tombstone(struct topic_eraser *eraser, int32_t partition,
                                               struct span key, struct err *err);
/** Delete all records of @partition before @offset. */
NODISCARD enum err_code topic_eraser_delete(struct topic_eraser *eraser, int32_t partition,
                                            int64_t offset, struct err *err);

#endif /* KAFKA_TOPIC_ERASE_H */
