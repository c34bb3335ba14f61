#include "sim_health.h"

#include <string.h>

enum { PURCHASE = 1u << 0, LEAD = 1u << 3, THREE = 7 };

const struct sim_scene sim_scenes[] = {
    {"healthy, 1 % fail", SIM_HEALTHY, 0.01, 0, 0},
    {"20 % fail", SIM_HEALTHY, 0.20, 0, 0},
    {"35 % fail", SIM_HEALTHY, 0.35, 0, 0},
    {"all 5xx", SIM_APP, 0, 0, 0},
    {"all refused", SIM_REFUSED, 0, 0, 0},
    {"all hang 10 s", SIM_HANG, 0, 0, 0},
    {"one type 5xx", SIM_APP, 0, LEAD, 0},
    {"one type hangs", SIM_HANG, 0, LEAD, 0},
    {"two of five 5xx", SIM_APP, 0, PURCHASE | LEAD, 0},
    {"three of five 5xx", SIM_APP, 0, THREE, 0},
    {"brown-out 60 %", SIM_BROWN, 0, 0, 0},
    {"flapping 20 s", SIM_FLAP, 0, 0, 20000},
    {"flapping 60 s", SIM_FLAP, 0, 0, 60000},
    {"one type rejected", SIM_STORM, 0, PURCHASE, 0},
    {"all rejected", SIM_STORM, 0, 0, 0},
};
const size_t sim_scene_count = COUNT_OF(sim_scenes);

const struct sim_scene *sim_scene_find(const char *name)
{
    for (size_t i = 0; i < sim_scene_count; i++) {
        if (strcmp(sim_scenes[i].name, name) == 0) {
            return &sim_scenes[i];
        }
    }
    return NULL;
}

struct sim_run sim_run_of(const struct sim_scene *scene, double rate, uint64_t seed)
{
    bool is_short = rate > 100;
    struct sim_run run = {
        .scene = scene,
        .rate = rate,
        .from_ms = 300000,
        .until_ms = is_short ? 900000 : 2100000,
        .end_ms = is_short ? 1500000 : 4000000,
        .seed = seed,
    };

    if (scene->fault == SIM_FLAP) {
        run.from_ms = 0;
        run.until_ms = run.end_ms;
    }
    return run;
}
