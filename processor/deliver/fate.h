/**
 * fate - what the books are told of an event when its offset is settled: how each of its legs
 * ended, and its value (ledger/fates.h).
 *
 * Without a ledger nothing is told. No state of its own; the worker's thread.
 */
#ifndef DELIVER_FATE_H
#define DELIVER_FATE_H

#include "deliver/deliverer.h"

/** All legs of @event are settled. */
struct settled fate_of_event(struct deliverer *d, const struct event *event);
/** The event has no legs: @routes drop it (none: no route takes it), and nothing else is to be done
 * with it. */
struct settled fate_of_dropped(struct deliverer *d, const struct facts *facts,
                               const struct route_result *routes);
/** Besides its legs, @routes drop it, as far as they are rules that drop: what to keep in
 * event->dropped until it is settled. */
uint32_t fate_of_drops(struct deliverer *d, const struct route_result *routes);

#endif /* DELIVER_FATE_H */
