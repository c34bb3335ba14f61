#include "deliver/retry_budget.h"

#include <string.h>

enum { FREE_PER_SECOND = 3, FAULTS_OF = 3 };

void retry_budget_init(struct retry_budget *budget, double share)
{
    *budget = (struct retry_budget){.share = share};
}

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

void retry_budget_request(struct retry_budget *budget, uint64_t now_ms)
{
    move_to(budget, now_ms);
    budget->seconds[budget->second % BUDGET_SECONDS].requests++;
}

void retry_budget_fault(struct retry_budget *budget, uint64_t now_ms)
{
    move_to(budget, now_ms);
    budget->seconds[budget->second % BUDGET_SECONDS].faults++;
}

bool retry_budget_spend(struct retry_budget *budget, uint64_t now_ms)
{
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
        (double)retries >=
            budget->share * (double)requests + (double)FREE_PER_SECOND * BUDGET_SECONDS) {
        return false;
    }
    budget->seconds[budget->second % BUDGET_SECONDS].retries++;
    return true;
}
