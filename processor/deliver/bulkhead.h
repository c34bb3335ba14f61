/**
 * bulkhead - events waiting for one destination may use at most half of `in_flight`, so that the
 * rest is there for others.
 *
 * A destination that answers well, but slower than events come, fills its worker in the end. What
 * has waited for it for ten seconds then fails over. Where no other destination would have to wait
 * nothing is done. Owned by one sender. Pure: the caller brings time and counts.
 */
#ifndef DELIVER_BULKHEAD_H
#define DELIVER_BULKHEAD_H

#include "base/base.h"

enum { BULKHEAD_MS = 10000 }; /* a worker full for so long, by what waits for one destination */

struct bulkhead {
    uint64_t events;     /* in_flight.events */
    bool has_neighbours; /* other destinations are first in their chains: they must not wait */
    uint64_t since_ms;   /* more than its share waits, in a full worker; 0: not so */
};

/** By how much @waiting is too many; 0: it is within its share. An eighth of in_flight more than
 * what is over, or a full worker would never come to the half at which it takes events again. */
size_t bulkhead_excess(const struct bulkhead *bulkhead, size_t waiting);
/** @busy: events in flight of the worker. True when what has waited for BULKHEAD_MS has to go. */
bool bulkhead_is_over(struct bulkhead *bulkhead, size_t waiting, uint64_t busy, uint64_t now_ms);

#endif /* DELIVER_BULKHEAD_H */
