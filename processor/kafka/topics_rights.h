/**
 * topics_rights - may this principal do what `run` will do? Asked of the brokers themselves, by
 * requests that a broker judges and that leave nothing behind.
 *
 * Who may what is not read from ACLs: which principal a client is, superusers, and authorizers
 * that know no ACLs are the brokers' business. Whoever needs a right asks for it:
 *    Read on a group       - commit an offset for a partition that no topic has: the group's right
 *                            comes first, then the partition is unknown and nothing is kept
 *    Read on a topic       - fetch from the end of its first partition, in no group
 *    IdempotentWrite       - ask for a producer's id
 *    Write on a topic      - produce a record with acks=2: since Kafka 0.9 a broker refuses that
 *                            number, after it has looked at the right and before it writes
 * What does not come to yes or no is RIGHT_UNKNOWN, never granted.
 *
 * The caller owns the result; it blocks the calling thread until the time is over. For `check
 * --online` and the start, never beside a worker.
 */
#ifndef KAFKA_TOPICS_RIGHTS_H
#define KAFKA_TOPICS_RIGHTS_H

#include "kafka/topics.h"

enum right_state { RIGHT_UNKNOWN, RIGHT_GRANTED, RIGHT_REFUSED };
enum right_resource { RIGHT_TOPIC, RIGHT_GROUP, RIGHT_CLUSTER };

struct topic_right {
    enum right_resource resource;
    struct span name;              /* terminated; borrowed from the configuration, or one of
                                      topic_rights.groups; absent: the cluster */
    const struct topic_need *need; /* RIGHT_TOPIC; borrowed from the report */
    const char *operation;         /* as Kafka calls it: Read, Write, IdempotentWrite */
    enum right_state state;
    char why[160]; /* not granted: what came back */
};

struct topic_rights {
    struct topic_right *items; /* owned */
    size_t count;
    char **groups; /* owned: names of the backfills' groups */
    size_t group_count;
};

/** Ask for every right that @report's existing topics need. Keeps @config and @report. ERR_CONFIG
 * when there is no client with these kafka.properties. */
NODISCARD enum err_code topics_rights_ask(const struct config *config,
                                          const struct topic_report *report, uint64_t timeout_ms,
                                          struct topic_rights *out, struct err *err);
void topic_rights_fini(struct topic_rights *rights);

#endif /* KAFKA_TOPICS_RIGHTS_H */
