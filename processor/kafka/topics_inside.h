/**
 * topics_inside - what topics.c, topics_admin.c and topics_advice.c share. Nobody else includes
 * this. Ownership, threads and errors are those of topics.h.
 */
#ifndef KAFKA_TOPICS_INSIDE_H
#define KAFKA_TOPICS_INSIDE_H

#include <librdkafka/rdkafka.h>

#include "kafka/topics.h"

/* Advice for dead letters: a fortnight to look at them, and room for the headers that we add. */
#define DEAD_LETTER_RETENTION_MS (14 * 24 * 3600 * 1000ll)
#define LEDGER_RETENTION_MS (30 * 24 * 3600 * 1000ll)
#define RETENTION_MS (7 * 24 * 3600 * 1000ll) /* Kafka's own default */
enum { HEADER_ROOM_BYTES = 64 * 1024, SOURCE_PARTITIONS = 6 };

/* An admin call under way: its options and the queue its answer comes on. */
struct admin_call {
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    int timeout_ms;
};

void admin_call_begin(struct admin_call *call, rd_kafka_t *rk, rd_kafka_admin_op_t operation,
                      uint64_t timeout_ms);
/** The answer, to be destroyed by the caller; NULL when there was none in time. */
rd_kafka_event_t *admin_call_wait(const struct admin_call *call);
void admin_call_end(struct admin_call *call);

/** A client that only asks (and creates): no group, nothing produced. */
NODISCARD enum err_code topics_client(const struct config *config, rd_kafka_t **out,
                                      struct err *err);
void topics_client_close(rd_kafka_t *rk);
/** Fill sizes, retention and policy of @report's topics where the broker tells them; a topic that
 * we may not see gets is_authorised = false. What a broker does not tell stays unknown, and why is
 * in settings_error. */
void topics_describe(rd_kafka_t *rk, struct topic_report *report, uint64_t timeout_ms);
/** The max.message.bytes that a dead letter of the largest message needs; -1: unknown. */
int64_t topics_room_bytes(const struct topic_report *report);
/** How long @need's records should be kept at least; 0: nothing asks for more than the default. */
int64_t topics_floor_ms(const struct config *config, const struct topic_report *report,
                        const struct topic_need *need);
/** Does a destination with keep_timestamp write there? */
bool topics_keep_time(const struct config *config, const struct topic_report *report,
                      const struct topic_need *need);
/** Say what differs from what is advised, in place of what was said before. */
void topics_remark(const struct config *config, struct topic_report *report);

#endif /* KAFKA_TOPICS_INSIDE_H */
