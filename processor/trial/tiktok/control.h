/**
 * control - the simulator's own paths, /_simulate/..., and the state they look into.
 *
 * For simulator.c and control.c only.
 */
#ifndef TRIAL_TIKTOK_CONTROL_H
#define TRIAL_TIKTOK_CONTROL_H

#include <pthread.h>

#include "base/token_bucket.h"
#include "trial/tiktok/account.h"
#include "trial/tiktok/simulator.h"

enum { SIM_TOKENS_MAX = 256 };

struct simulator {
    struct simulator_options options;
    pthread_mutex_t lock; /* guards all below */
    struct sim_script script;
    uint64_t script_base_ms;
    bool is_clock_running;
    struct rng rng;
    struct account *account; /* owned */
    struct {
        uint64_t token; /* its hash; past SIM_TOKENS_MAX tokens share the last bucket */
        struct token_bucket bucket;
    } limits[SIM_TOKENS_MAX];
    size_t limit_count;
    uint64_t warnings[WARNING_COUNT];
};

/** Answer a /_simulate/ request; the caller holds the lock. */
void sim_control(struct simulator *simulator, const struct sim_request *request,
                 struct sim_answer *out);

#endif /* TRIAL_TIKTOK_CONTROL_H */
