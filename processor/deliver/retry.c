#include "deliver/retry.h"

#include <string.h>

enum {
    BUDGET_LOOK_MS = 50, /* between questions to a budget that is used up */
    FREE_PER_SECOND = 3, /* retries that no share bounds */
    FAULTS_OF = 3,       /* the share counts where more than a third of the requests fail */
};

/* backoff */

/* Uniform in 0..min(max, min * 2^(attempt-1)); the first attempt is 1. */
static uint64_t backoff_ms(uint64_t min_ms, uint64_t max_ms, uint32_t attempt, struct rng *rng)
{
    uint64_t bound = min_ms;

    for (uint32_t i = 1; i < attempt && bound < max_ms; i++) {
        bound = bound > max_ms / 2 ? max_ms : bound * 2;
    }
    bound = MIN_OF(bound, max_ms);
    return rng_below(rng, bound + 1);
}

/* budget */

static void move_to(struct retry_budget *budget, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000;

    if (second >= budget->second + BUDGET_SECONDS) {
        memset(budget->seconds, 0, sizeof(budget->seconds));
        budget->second = second;
    }
    while (budget->second < second) {
        budget->second++;
        memset(&budget->seconds[budget->second % BUDGET_SECONDS], 0, sizeof(budget->seconds[0]));
    }
}

void retry_sent(struct retry *retry, uint64_t now_ms)
{
    struct retry_budget *budget = &retry->budget;

    move_to(budget, now_ms);
    budget->seconds[budget->second % BUDGET_SECONDS].requests++;
}

void retry_fault(struct retry *retry, uint64_t now_ms)
{
    struct retry_budget *budget = &retry->budget;

    move_to(budget, now_ms);
    budget->seconds[budget->second % BUDGET_SECONDS].faults++;
}

/* Spend one retry; false: the budget is used up, wait. */
static bool spend(struct retry *retry, uint64_t now_ms)
{
    struct retry_budget *budget = &retry->budget;
    double share = retry->config->retry.budget;
    uint64_t requests = 0;
    uint64_t retries = 0;
    uint64_t faults = 0;

    move_to(budget, now_ms);
    for (unsigned i = 0; i < BUDGET_SECONDS; i++) {
        requests += budget->seconds[i].requests;
        retries += budget->seconds[i].retries;
        faults += budget->seconds[i].faults;
    }
    if (faults * FAULTS_OF > requests &&
        (double)retries >= share * (double)requests + (double)FREE_PER_SECOND * BUDGET_SECONDS) {
        return false;
    }
    budget->seconds[budget->second % BUDGET_SECONDS].retries++;
    return true;
}

/* one request */

void retry_init(struct retry *retry, const struct config_destination *config)
{
    PRE(config->retry.attempts > 0);
    *retry = (struct retry){.config = config};
}

uint64_t retry_wait_ms(const struct retry *retry, uint32_t attempts, uint64_t least_ms,
                       struct rng *rng)
{
    PRE(attempts > 0);
    return MAX_OF(backoff_ms(retry->config->retry.backoff_min_ms,
                             retry->config->retry.backoff_max_ms, attempts, rng),
                  least_ms);
}

/* No attempt is begun after this. The deadline is for attempts: what a throttle or a refused
 * credential took of it is given back. */
static uint64_t deadline_ms(const struct retry *retry, const struct retry_of *of)
{
    return MAX_OF(of->first_sent_ms, retry->limited_ms) + retry->config->retry.deadline_ms;
}

bool retry_is_exhausted(const struct retry *retry, const struct retry_of *of, uint64_t now_ms,
                        uint64_t wait_ms)
{
    return of->attempts >= retry->config->retry.attempts ||
           now_ms + wait_ms > deadline_ms(retry, of);
}

bool retry_is_late(const struct retry *retry, const struct retry_of *of, uint64_t now_ms)
{
    return of->wants_budget && !of->is_unknown && now_ms >= deadline_ms(retry, of);
}

/* A retry waits for the budget as long as its deadline is not over. What nobody knows is tried to
 * the end, to find out whose doing it is. */
bool retry_take(struct retry *retry, const struct retry_of *of, uint64_t now_ms)
{
    bool is_last = of->is_unknown && now_ms >= deadline_ms(retry, of);

    if (!of->wants_budget) {
        return true;
    }
    if (is_last || spend(retry, now_ms)) {
        retry->refused_ms = 0;
        return true;
    }
    retry->refused_ms = MAX_OF(now_ms, (uint64_t)1);
    return false;
}

uint64_t retry_due_ms(const struct retry *retry, const struct retry_of *of)
{
    return of->wants_budget && retry->refused_ms != 0 ? retry->refused_ms + BUDGET_LOOK_MS : 0;
}
