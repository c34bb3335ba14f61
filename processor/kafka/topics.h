/**
 * topics - the topics that a configuration needs, what the cluster has, and the difference.
 *
 * Used by `check --online`, `topics [--create]`, and at the start of `run`. It blocks the calling
 * thread until an answer or the time-out. The caller owns the report. ERR_CONFIG: no client with
 * these kafka.properties; ERR_NET: no broker answered. A missing topic or right is part of the
 * report, not an error.
 */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H

#include "config/config.h"

enum topic_role { TOPIC_SOURCE, TOPIC_DESTINATION, TOPIC_DEAD_LETTER, TOPIC_LEDGER, TOPIC_PARKED };

struct topic_need {
    struct span name;
    enum topic_role role;
    struct span destination; /* whose, or absent */
    bool exists;
    bool is_authorised;        /* false: exists or not, we may not see or use it */
    int32_t partitions;        /* 0 when it does not exist */
    int64_t max_message_bytes; /* -1 unknown */
    int64_t retention_ms;      /* -1 unlimited, INT64_MIN unknown */
    int64_t retention_bytes;   /* of a partition; 0: no limit, or unknown */
    int64_t segment_bytes;     /* 0 unknown */
    int64_t before_max_ms;     /* message.timestamp.before.max.ms; 0: no limit, or unknown */
    int64_t after_max_ms;      /* message.timestamp.after.max.ms; likewise */
    bool is_append_time;       /* message.timestamp.type is LogAppendTime */
    char *cleanup_policy;      /* owned; NULL unknown */
    int settings_error;        /* librdkafka's code for why these are unknown; 0: they are not */
    char *remark;              /* owned; what differs from what is advised; NULL when fine */
};

struct topic_report {
    struct topic_need *needs; /* owned */
    size_t count;
    size_t missing;
    char *parked; /* owned; a name that is not the configuration's; NULL: none */
};

/** ERR_NET when no broker answers within @timeout_ms. */
NODISCARD enum err_code topics_look(const struct config *config, uint64_t timeout_ms,
                                    struct topic_report *out, struct err *err);
/** The same for a start, which makes the ledger's topic itself, so that one which the file does not
 * name is among the needs here alone; and which needs to know only what is there: brokers that do
 * not tell the settings hold it up for no longer than @settings_ms. 0: they are not asked. */
NODISCARD enum err_code topics_find(const struct config *config, uint64_t timeout_ms,
                                    uint64_t settings_ms, struct topic_report *out,
                                    struct err *err);
/** Create the missing ones: source 6 partitions unless told, others as the source; replication by
 * the broker's default. Sources come first, so that a dead letter's size can be taken from them.
 * @report then says what is there and what differs. */
NODISCARD enum err_code topics_create(const struct config *config, struct topic_report *report,
                                      uint64_t timeout_ms, struct err *err);
/** The same for the ledger's alone: it is detour's own, and `run` makes it. */
NODISCARD enum err_code topics_create_ledger(const struct config *config,
                                             struct topic_report *report, uint64_t timeout_ms,
                                             struct err *err);
/** Whether there is a topic @name that we may see; nothing brings it into being. */
NODISCARD enum err_code topics_exists(const struct config *config, const char *name,
                                      uint64_t timeout_ms, bool *exists, struct err *err);
/** Add the dead letters' parked topic (`replay --max-replays`) to @report, where there is one: it
 * is nobody's need before something is parked. */
NODISCARD enum err_code topics_add_parked(const struct config *config, struct topic_report *report,
                                          uint64_t timeout_ms, struct err *err);
/** Make @name, where it is not there, with the partitions, retention, policy and sizes of @like. */
NODISCARD enum err_code topics_create_like(const struct config *config, const char *name,
                                           const char *like, uint64_t timeout_ms, struct err *err);
/** Where the configuration names the topic. */
struct place topics_place(const struct config *config, const struct topic_need *need);
void topic_report_fini(struct topic_report *report);

#endif /* KAFKA_TOPICS_H */
