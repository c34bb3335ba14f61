/** topics_inside - what topics.c and its parts share (kafka room only). */
#ifndef KAFKA_TOPICS_INSIDE_H
#define KAFKA_TOPICS_INSIDE_H

#include <librdkafka/rdkafka.h>

#include "kafka/topics.h"

/* Advice for dead letters: a fortnight to look at them, and room for the headers that we add. */
#define DEAD_LETTER_RETENTION_MS (14 * 24 * 3600 * 1000ll)
enum { HEADER_ROOM_BYTES = 64 * 1024, SOURCE_PARTITIONS = 6 };

/** A client that only asks (and creates): no group, nothing produced. */
NODISCARD enum err_code topics_client(const struct config *config, rd_kafka_t **out,
                                      struct err *err);
void topics_client_close(rd_kafka_t *rk);
/** Fill sizes, retention and policy of @report's topics where the broker tells them; a topic that
 * we may not see gets is_authorised = false. Brokers that cannot tell leave them unknown. */
void topics_describe(rd_kafka_t *rk, struct topic_report *report, uint64_t timeout_ms);
/** Say what differs from what is advised. */
void topics_remark(const struct config *config, struct topic_report *report);

#endif /* KAFKA_TOPICS_INSIDE_H */
