/**
 * environment - what the sandbox runs in: a folder with configuration, schema and token, and the
 * processes: broker (or a real Kafka), simulated TikTok, the processor.
 *
 * environment_close() removes all of it, whatever was reached.
 */
#ifndef TRIAL_ENVIRONMENT_H
#define TRIAL_ENVIRONMENT_H

#include "config/config.h"
#include "trial/child.h"

enum {
    ENVIRONMENT_PARTITIONS = 4,
    ENVIRONMENT_LEDGER_PARTITIONS = 1, /* one is enough for so few records */
    ENVIRONMENT_PLACE_BYTES = 256,
    SECONDS_MAX = 300,
};

/* In the order of their start. */
enum environment_child {
    ENVIRONMENT_BROKER, /* not with a real Kafka */
    ENVIRONMENT_SIMULATOR,
    ENVIRONMENT_PROCESSOR,
    ENVIRONMENT_CHILDREN,
};

#define ENVIRONMENT_DESTINATION "tiktok" /* its name in the configuration */

struct environment_options {
    const char *brokers; /* a real Kafka; NULL: the embedded broker */
    const char *keep;    /* folder to use and leave; NULL: a temporary one */
};

struct environment {
    struct environment_options options;
    char *folder;    /* owned; the working directory once it is made */
    char prefix[48]; /* of topics and group: tells runs on one Kafka apart */
    char brokers[ENVIRONMENT_PLACE_BYTES];
    char simulator_url[ENVIRONMENT_PLACE_BYTES];
    char admin_url[ENVIRONMENT_PLACE_BYTES];
    char topic[64], alternate[64], dead_letter[64], ledger[64], group[64];
    struct config *config; /* owned: what the processor runs with */
    struct child children[ENVIRONMENT_CHILDREN];
    bool has_topics; /* on a real Kafka: to be removed */
};

/** Folder, broker, simulator, configuration, topics. What has begun is in @environment, also on
 * failure.
 */
NODISCARD enum err_code environment_open(struct environment *environment,
                                         const struct environment_options *options,
                                         struct err *err);
/** The processor itself; returns when it is ready. */
NODISCARD enum err_code environment_start_processor(struct environment *environment,
                                                    struct err *err);
/** A child that ended although nobody asked it to, or NULL. */
struct child *environment_ended_child(struct environment *environment);
/** Stop everything, remove topics, files and folder. */
void environment_close(struct environment *environment);

#endif /* TRIAL_ENVIRONMENT_H */
