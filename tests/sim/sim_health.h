/**
 * sim_health - the health policy under a scripted destination, on a virtual clock.
 *
 * Poisson traffic of five event types with Zipf weights, log-normal latency about 150 ms,
 * one call per event, no retries and no limiter: the policy alone (reliability 1.7).
 */
#ifndef SIM_HEALTH_H
#define SIM_HEALTH_H

#include "health/destination.h"

enum { SIM_TYPES = 5 };

enum sim_fault {
    SIM_HEALTHY,    /* background failures only */
    SIM_APP,        /* answers that are faults, 50 ms */
    SIM_REFUSED,    /* connection refused, 1 ms */
    SIM_HANG,       /* no answer, 10 s */
    SIM_BROWN,      /* 60 % faults */
    SIM_FLAP,       /* good and bad in turn */
    SIM_STORM,      /* rejected */
};

struct sim_scene {
    const char *name;
    enum sim_fault fault;
    double background;     /* share of calls that fail all the time */
    unsigned types;        /* bit set of event types concerned; 0: all */
    uint64_t flap_ms;
};

struct sim_result {
    uint64_t calls_ok, calls_failed, diverted;
    uint64_t diverted_by_type[SIM_TYPES];
    uint64_t first_open_ms; /* 0: never */
    uint64_t last_change_ms;
    uint64_t longest_quiet_ms;
    unsigned transitions, cell_opens, destination_opens;
    unsigned opens_by_type[SIM_TYPES];
    unsigned max_transitions_15s; /* of one breaker */
    bool was_global;
    enum scope scope_midway; /* in the middle of the fault */
};

/** Run @scene at @rate events/s; the fault lasts from @from_ms to @until_ms, the run to @end_ms. */
void sim_health_run(const struct sim_scene *scene, double rate, uint64_t from_ms, uint64_t until_ms,
                    uint64_t end_ms, uint64_t seed, struct sim_result *out);

#endif /* SIM_HEALTH_H */
