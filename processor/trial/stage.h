/**
 * stage - the sandbox's scenery: its folder with configuration, schema and token, and the
 * processes that play there: broker (or a real Kafka), simulated TikTok, the processor.
 *
 * stage_strike() removes all of it, whatever was reached.
 */
#ifndef TRIAL_STAGE_H
#define TRIAL_STAGE_H

#include "config/config.h"
#include "trial/child.h"

enum { STAGE_PARTITIONS = 4, STAGE_URL_BYTES = 128, STAGE_SECONDS_MAX = 300 };

#define STAGE_DESTINATION "tiktok" /* its name in the configuration */

struct stage_options {
    const char *brokers; /* a real Kafka; NULL: the embedded broker */
    const char *keep;    /* folder to use and leave; NULL: a temporary one */
};

struct stage {
    struct stage_options options;
    char *folder; /* owned */
    char *config_path;
    char prefix[48]; /* of topics and group: tells runs on one Kafka apart */
    char brokers[256];
    char simulator_url[STAGE_URL_BYTES];
    char admin_url[STAGE_URL_BYTES];
    char topic[64], alternate[64], dead_letter[64], group[64];
    struct config *config; /* owned: what the processor runs with */
    struct child broker, simulator, processor;
    bool has_topics; /* on a real Kafka: to be removed */
};

/** Folder, broker, simulator, configuration, topics. What has begun is in @stage even on failure.
 */
NODISCARD enum err_code stage_set(struct stage *stage, const struct stage_options *options,
                                  struct err *err);
/** The processor itself; returns when it is ready. */
NODISCARD enum err_code stage_start_processor(struct stage *stage, struct err *err);
/** A child that ended although nobody asked it to, or NULL. */
struct child *stage_fallen(struct stage *stage);
/** Stop everything, remove topics, files and folder. */
void stage_strike(struct stage *stage);

#endif /* TRIAL_STAGE_H */
