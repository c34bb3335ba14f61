/**
 * backfill_backoff - how a backfill goes slower after what it met, by itself: circuit breakers
 * count nothing of what it does while live events come.
 *
 *    failed     an event's attempts were used up: nothing for 1 s, doubling to 60 s with each
 * further round that fails, until one is delivered refused    of the last 64 events 58 were
 * rejected: one event at a time, a minute apart and doubling to 10 minutes, until one is delivered.
 * Not each of thousands is condemned for what is wrong with all of them
 *
 * Pure: the caller brings the time. Owned by one worker.
 */
#ifndef APP_BACKFILL_BACKOFF_H
#define APP_BACKFILL_BACKOFF_H

#include "base/base.h"

struct backfill_backoff {
    uint64_t until_ms;        /* nothing is sent before */
    uint64_t wait_ms;         /* the last wait after failures; 0: none */
    uint64_t refused_wait_ms; /* likewise after refusals; not 0: one event at a time */
    uint64_t outcomes;        /* the last 64, the newest in the lowest bit: 1 is a rejection */
    unsigned count;           /* of them, up to 64 */
};

void backfill_backoff_failed(struct backfill_backoff *backoff, uint64_t now_ms);
/** An event has ended: delivered, or rejected. */
void backfill_backoff_ended(struct backfill_backoff *backoff, bool is_rejected, uint64_t now_ms);
/** May another go, with @in_flight under way? */
bool backfill_backoff_allows(const struct backfill_backoff *backoff, uint64_t in_flight,
                             uint64_t now_ms);

#endif /* APP_BACKFILL_BACKOFF_H */
