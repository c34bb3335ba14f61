/**
 * dispatch - the one place that decides where a leg goes: to a destination, on in its chain, to the
 * dead letter, or to its end.
 *
 *      intake --> dispatch --> sender, records --> outcomes --+
 *                    ^                                        |
 *                    +----------------------------------------+
 *
 * Destinations report to the queue of outcomes (outcome.h); dispatch drains it after answers and
 * reports were read, and again after senders have looked through what waits. Reads health and
 * chains through selection.h. Runs on the worker's thread; the queue is empty between calls.
 */
#ifndef DELIVER_DISPATCH_H
#define DELIVER_DISPATCH_H

#include "deliver/deliverer.h"

/** A deliverer with a sender for each destination that has one. */
void dispatch_init(struct deliverer *d, const struct deliverer_parts *parts);
/** Stops the I/O first, so that nothing calls back any more. */
void dispatch_fini(struct deliverer *d);

/** Hand a NEW leg to the destination selected for it; @view: its event, decoded, and rendered as
 * leg->item where the destination is an HTTP one. */
void dispatch_leg(struct deliverer *d, struct leg *leg, const struct event_view *view);
/** No destination can take this NEW leg. */
void dispatch_dead_letter(struct deliverer *d, struct leg *leg, enum reason reason);
/** Act on what destinations have reported until nothing is left. */
void dispatch_outcomes(struct deliverer *d);

/* A turn, in two halves: between them what came back of partitions that are gone is dropped. */

/** Read the clocks, take answers and reports. Returns ms until the producer has something due. */
uint64_t dispatch_receive(struct deliverer *d);
/** Let senders look through what waits, and send what is due. Returns ms until a sender has
 * something due. */
uint64_t dispatch_send(struct deliverer *d);

#endif /* DELIVER_DISPATCH_H */
