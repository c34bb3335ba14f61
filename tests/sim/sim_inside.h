/** sim_inside - what the parts of the simulated core share. */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include "sim_core.h"

#define SIM_WALL_MS 1767225600000ll /* 2026-01-01 */

struct sim_cast {
    struct cast_config {
        struct config *config;
        struct pipeline *pipeline;
        struct metrics *metrics;
    } configs[SIM_CONFIG_COUNT];
    struct buf records[SIM_EVENT_COUNT]; /* as they are in the topic */
};

/** Legs that an event must have had; 0: none (dropped, or never a leg). */
uint8_t sim_legs(size_t config, enum sim_event event);
/** It ends as a dead letter of its own. */
bool sim_may_be_whole(size_t config, enum sim_event event);

/** The value of an event, in millionths. */
int64_t sim_micros(enum sim_event event);

/* sim_hooks.c: what services and topics do beyond the rules of a trace. A record's mark stands in
 * its tag, over the number of its event. */

enum { SIM_MARK_SHIFT = 8 /* below SIM_TAG_BITS */ };

struct sim_hooks {
    const struct destination *destinations;
    struct rng rng;
    double ambiguous;
};

void sim_answered(struct sim_hooks *hooks, const struct world_leg *legs,
                  struct service_answer *answer);
rd_kafka_resp_err_t sim_refused(const struct leg *leg, uint32_t tag);

#endif /* SIM_INSIDE_H */
