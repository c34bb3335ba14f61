/**
 * sim_health - the health policy under a scripted destination, on a virtual clock.
 *
 * Poisson traffic of five event types with Zipf weights, log-normal latency about 150 ms,
 * one call per event, no retries and no limiter: the policy alone. The scenes and the
 * figures they are held to: test_health.c; the table of them all: report_health.c.
 */
#ifndef SIM_HEALTH_H
#define SIM_HEALTH_H

#include <stdio.h>

#include "health/destination.h"

enum { SIM_TYPES = 5 };

enum sim_fault {
    SIM_HEALTHY, /* background failures only */
    SIM_APP,     /* answers that are faults, 50 ms */
    SIM_REFUSED, /* connection refused, 1 ms */
    SIM_HANG,    /* no answer, 10 s */
    SIM_BROWN,   /* 60 % faults */
    SIM_FLAP,    /* good and bad in turn, all the time */
    SIM_STORM,   /* rejected */
};

struct sim_scene {
    const char *name;
    enum sim_fault fault;
    double background; /* share of calls that fail all the time */
    unsigned types;    /* bit set of event types concerned; 0: all */
    uint64_t flap_ms;
};

struct sim_run {
    const struct sim_scene *scene;
    double rate;                /* events/s */
    uint64_t from_ms, until_ms; /* of the fault */
    uint64_t end_ms;
    uint64_t seed;
    FILE *trace; /* NULL, or where to write what happened, as CSV */
};

struct sim_result {
    uint64_t ok, failed, rejected, diverted; /* events */
    uint64_t diverted_by_type[SIM_TYPES];
    uint64_t failed_by_type[SIM_TYPES];
    uint64_t rejected_in_fault, diverted_in_fault, failed_in_fault;
    uint64_t first_open_ms;                 /* 0: never */
    uint64_t last_change_ms;                /* of any breaker */
    unsigned cell_opens, destination_opens; /* CLOSED -> OPEN */
    unsigned opens_by_type[SIM_TYPES];
    unsigned way_changes;         /* a type's way closed or opened again, all types */
    unsigned max_way_changes_15s; /* of one type */
    enum scope scope_midway;      /* in the middle of the fault */
    bool is_all_closed;           /* at the end */
};

void sim_health_run(const struct sim_run *run, struct sim_result *out);

extern const struct sim_scene sim_scenes[];
extern const size_t sim_scene_count;

/** NULL when there is none of that name. */
const struct sim_scene *sim_scene_find(const char *name);
/** @scene as the figures are taken: the fault from 300 s to 2100 s of 4000 s, above 100 events/s
 * to 900 s of 1500 s; flapping all the time. */
struct sim_run sim_run_of(const struct sim_scene *scene, double rate, uint64_t seed);

#endif /* SIM_HEALTH_H */
