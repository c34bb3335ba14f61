/**
 * budget - retries may be at most a share of the requests, or they become the load.
 *
 * Share of the requests of the last ten seconds, plus three a second so that thin traffic
 * can retry at all (reliability 2.2). While no more than a third of the requests fail, retries
 * cannot become the load (half as much again, at most), and are not limited. Pure.
 */
#ifndef DELIVER_RETRY_BUDGET_H
#define DELIVER_RETRY_BUDGET_H

#include "base/base.h"

enum { BUDGET_SECONDS = 10 };

struct retry_budget {
    double share;
    struct {
        uint32_t requests, retries, faults;
    } seconds[BUDGET_SECONDS];
    uint64_t second;
};

void retry_budget_init(struct retry_budget *budget, double share);
void retry_budget_request(struct retry_budget *budget, uint64_t now_ms);
/** A request failed. */
void retry_budget_fault(struct retry_budget *budget, uint64_t now_ms);
/** Spend one retry; false: it is used up, wait. */
bool retry_budget_spend(struct retry_budget *budget, uint64_t now_ms);

#endif /* DELIVER_RETRY_BUDGET_H */
