#include "deliver/retry.h"

#include "deliver/backoff.h"

enum { BUDGET_LOOK_MS = 50 }; /* between questions to a budget that is used up */

void retry_init(struct retry *retry, const struct config_destination *config)
{
    PRE(config->retry.attempts > 0);
    *retry = (struct retry){.config = config};
    retry_budget_init(&retry->budget, config->retry.budget);
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
    if (is_last || retry_budget_spend(&retry->budget, now_ms)) {
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
