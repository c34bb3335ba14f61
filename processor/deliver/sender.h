/**
 * sender - one worker's requests to one HTTP destination.
 *
 * Legs wait in queues, one for each event type and source id (queue.h): a batch holds one event
 * type of one source id, so that an answer always speaks of one cell. A free connection sends what
 * is there after `linger`; while all are busy batches fill. The driver of the destination reads an
 * answer. What it does:
 *
 *   delivered    each leg is reported delivered
 *   rejected     the named event is reported rejected and the rest sent again; without a name the
 *                batch is bisected until the culprit is alone
 *   by event     each leg by its own result (a partial success)
 *   retry        the batch waits with full jitter, and is reported failed when attempts or deadline
 *                are used up
 *   throttled    everything of this destination waits (Retry-After, or 1..8 s), in all workers; no
 *                attempt; after throttle.wait legs with an alternate are reported failed
 *   hold         nothing is sent but one probe of all workers, 5 s apart doubling to 60 s, and at
 *                once when the credential changes; after 60 s legs with an alternate are reported
 *                failed; none is dead-lettered. An event that is refused again and again while
 *                others pass is reported failed alone. Of one source id only: hold.h
 *   unknown      as retry; when that is used up, bisected, then reported rejected
 *
 * Reports go to the queue of outcomes (outcome.h); a sender calls nobody above it. It owns its
 * queues and batches, not the legs. Used on its worker's thread.
 */
#ifndef DELIVER_SENDER_H
#define DELIVER_SENDER_H

#include "deliver/deliverer.h"

struct queues;

struct sender *sender_new(struct deliverer *d, const struct destination *destination, size_t index);
void sender_free(struct sender *sender); /* legs stay their events' */
/** Take a NEW leg, rendered as leg->item for this destination; @view: its event, decoded. */
void sender_take(struct sender *sender, struct leg *leg, const struct event_view *view);
/** Throttled, or held by a refused credential: nothing is sent just now. */
bool sender_is_paused(const struct sender *sender);
/* Dispatch reads health and tells it; a sender reports to health and does not ask it. */

/** What waits, for dispatch to find its cells. */
struct queues *sender_queues(struct sender *sender);
/** A breaker moved: what waits in queues that are marked open is reported unavailable, but for
 * probes. @is_broken: the breaker of the destination itself is not closed. */
void sender_release(struct sender *sender, bool is_broken);
/** Once a turn: what other workers were told, secrets that changed, requests that hang. @streak:
 * calls in a row, of all workers, that failed or were refused. */
void sender_review(struct sender *sender, uint32_t streak);
/** Report legs that have waited longer than they may: for a throttle, a credential, the retry
 * budget, or because too many wait here. */
void sender_expire_waiting(struct sender *sender);
/** Send what is due. Returns ms until something is. */
uint64_t sender_send(struct sender *sender);
/** Legs, batches and requests that it keeps. */
size_t sender_load(const struct sender *sender);
/** What a QUEUED or WAITING leg waits for, in a diversion's words. */
enum reason sender_why_waiting(const struct sender *sender, const struct leg *leg);
/** Take a QUEUED or WAITING leg out. */
void sender_drop(struct sender *sender, struct leg *leg);

#endif /* DELIVER_SENDER_H */
