/**
 * backfill_job - the backfill of one destination on its worker: which of the diverted events are
 * sent, when, and what waits.
 *
 * The worker is the one that delivers live events (app/worker.h). It has a consumer group of its
 * own, GROUP.backfill.DESTINATION, reads the alternate's topic, and works in the background
 * (deliver/deliverer.h): a part of rate, connections and in_flight, and no breaker of live events
 * counts what it does. Some functions of its I/O are replaced:
 *
 *    poll     only events that were diverted from this destination come through; others are settled
 *             as skipped with the reason. Nothing comes while it waits (enum backfill_wait)
 *    view     a diverted record seems to be the record it was
 *    settle   what becomes of events says whether they are refused one and all
 *    let_go   what is kept back of partitions that go is another worker's to read
 *
 * An event whose circuit breaker is not closed, or whose attempts are used up, is kept back here
 * and comes through poll again later: it never fails over and is written to no alternate a second
 * time. One that alone fails ATTEMPTS_MAX times, while others are delivered, is dead-lettered.
 *
 * Made by one thread, used by the worker's; the state is atomic, for whoever watches.
 */
#ifndef APP_BACKFILL_JOB_H
#define APP_BACKFILL_JOB_H

#include <stdatomic.h>

#include "app/worker.h"
#include "recovery/backfill_orders.h"

/* Why nothing new is sent just now. */
enum backfill_wait {
    BACKFILL_RUNS,
    BACKFILL_PAUSED,  /* by an operator */
    BACKFILL_UNREAD,  /* the ledger, which would say so, has not been read to its end yet */
    BACKFILL_BREAKER, /* a circuit breaker of the destination is not closed */
    BACKFILL_BACKOFF, /* its own requests failed */
    BACKFILL_REFUSED, /* nearly all that it sent was rejected: one at a time, minutes apart */
    BACKFILL_WAIT_COUNT,
};

struct backfill_parts {
    const struct pipeline *pipeline; /* of the backfill: its group and topic */
    size_t destination;              /* index */
    struct health *health;
    struct metrics *metrics;
    struct backfill_orders *orders;
};

struct backfill_job;

struct backfill_job *backfill_job_new(const struct backfill_parts *parts);
void backfill_job_free(struct backfill_job *job); /* its worker is gone */
/** For worker_start(). */
struct worker_job backfill_job_worker(struct backfill_job *job);

#endif /* APP_BACKFILL_JOB_H */
