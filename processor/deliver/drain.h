/**
 * drain - what becomes of events whose partition goes, or whose process stops.
 *
 * An event nothing of which is with a destination ceases: whoever has the partition next reads it
 * again. One that has begun (a leg is delivered, or on its way) is finished here, or its other
 * legs would be delivered twice: what waits is sent without lingering, and takes the alternate way
 * when the time is nearly over. What is left then is forgotten: it settles into metrics only.
 *
 * Leaving are all events while deliverer.is_ending, else those whose partition is_going.
 */
#ifndef DELIVER_DRAIN_H
#define DELIVER_DRAIN_H

#include "deliver/deliverer.h"

/** Drop the events that have not begun, and what is not on its way of forgotten ones. */
void drain_drop(struct deliverer *d);
/** Events that leave and are not settled. */
size_t drain_open(const struct deliverer *d);
/** What still waits and has a topic for an alternate takes it. */
void drain_divert(struct deliverer *d);
/** They are no longer ours: what is on its way ends, and nothing else of them does. */
void drain_forget(struct deliverer *d);

#endif /* DELIVER_DRAIN_H */
