/**
 * item - an event as a destination gets it: rendered by the driver of the destination.
 *
 * An event is rendered once, while it is taken in, for the first destination of each leg. A leg
 * that fails over needs another item: its event is decoded again from the Kafka message. That is
 * rare, so nothing decoded is kept. Both use the worker's scratch arena and render buffer.
 */
#ifndef DELIVER_ITEM_H
#define DELIVER_ITEM_H

#include "deliver/deliverer.h"
#include "deliver/view.h"

/** Decode @event anew. Resets the scratch arena, into which @out points. */
NODISCARD enum err_code item_decode(struct deliverer *d, const struct event *event,
                                    struct decoded *out, struct err *err);
/** Append to @out what the driver of @destination makes of @event, of which view, event_id and what
 * a record says are set; nothing is appended on failure. ERR_LIMIT: too large; ERR_DATA: the event
 * breaks the contract. */
NODISCARD enum err_code item_render(struct deliverer *d,
                                    const struct config_destination *destination,
                                    struct rendering *event, struct buf *out, struct err *err);
/** The dead letter's reason where one of these failed. */
enum reason item_failure(enum err_code rc);

#endif /* DELIVER_ITEM_H */
