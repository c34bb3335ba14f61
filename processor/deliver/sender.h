/**
 * sender - one worker's requests to one Events API destination.
 *
 * Legs queue in queues, one for each (event name, source id): a batch holds one event
 * type of one source, so that an answer always speaks of one cell. A free connection
 * sends what is there after `linger`; while all are busy batches fill. An answer is
 * read by its driver and becomes:
 *
 *   delivered          each leg settled
 *   rejected           the named item is dead-lettered and the rest resent; without a
 *                      name the batch is halved until the culprit is alone
 *   20001              each leg by its own result
 *   retry              the batch waits with full jitter, then its legs go on in their
 *                      chains when attempts or deadline are used up
 *   throttled          everything of this destination waits (Retry-After, or 1..8 s), in
 *                      all workers; no attempt; after throttle.wait legs with an
 *                      alternate take it
 *   hold               nothing is sent but one probe of all workers, 5 s apart doubling to
 *                      60 s, and at once when the credential changes; after 60 s legs with
 *                      an alternate take it; none is condemned. An event that is refused
 *                      again and again while others pass goes on in its chain alone
 *   unknown            as retry; when that is used up, halved, then dead-lettered
 */
#ifndef DELIVER_SENDER_H
#define DELIVER_SENDER_H

#include "deliver/deliverer.h"

struct sender *sender_new(struct deliverer *d, const struct destination *destination, size_t index);
void sender_free(struct sender *sender); /* legs stay their events' */
/** Take a NEW leg, rendered as leg->item for this destination; @view: its event, decoded. */
void sender_take(struct sender *sender, struct leg *leg, const struct event_view *view);
/** Throttled, or held by a refused credential: nothing is sent just now. */
bool sender_is_paused(const struct sender *sender);
/** Look through what waits: who has waited in vain, or for an open breaker, is reported. */
void sender_review(struct sender *sender);
/** Send what is due. Returns ms until something is. */
uint64_t sender_send(struct sender *sender);
/** Legs, batches and requests that it keeps. */
size_t sender_load(const struct sender *sender);
/** What a QUEUED or WAITING leg waits for, in a diversion's words. */
enum reason sender_why_waiting(const struct sender *sender, const struct leg *leg);
/** Take a QUEUED or WAITING leg out. */
void sender_drop(struct sender *sender, struct leg *leg);

#endif /* DELIVER_SENDER_H */
