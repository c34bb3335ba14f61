/**
 * sender_inside - the composition of a sender, for the files of the sender and nobody else.
 *
 *   sender.c           taking legs, giving them back, the turn
 *   sender_send.c      which batch goes next, its body and headers
 *   sender_answers.c   what an answer does to its batch, and says to people
 *   sender_refusals.c  answers that concern all events of a destination: throttled, credential,
 *                      local errors
 *   sender_health.c    what an answer says of the health of its cell
 *   sender_review.c    legs that have waited too long, requests that hang, secrets that changed
 *
 * Objects with rules of their own: queues and holds (queue.h, hold.h), batches (batch.h), retries
 * (retry.h), rate limit, concurrency, bulkhead, local errors.
 */
#ifndef DELIVER_SENDER_INSIDE_H
#define DELIVER_SENDER_INSIDE_H

#include "deliver/batch.h"
#include "deliver/bulkhead.h"
#include "deliver/concurrency.h"
#include "deliver/deliverer.h"
#include "deliver/local_error.h"
#include "deliver/rate_limit.h"

enum {
    SENDER_LOOK_MS = 1000,        /* how often a secret's file is looked at */
    SENDER_ENVELOPE_BYTES = 1024, /* what stands around the items of a request, at most */
};

struct sender {
    struct deliverer *d;
    const struct destination *to;
    const struct config_destination *config;
    size_t index; /* of the destination */
    struct http_target target;
    struct queues queues;
    struct batch_queue batches;
    struct retry retry;
    struct rate_limit rate_limit;
    struct concurrency concurrency;
    struct bulkhead bulkhead;
    struct local_error local_error;
    /* what the destination asked of all workers: less, or another credential */
    struct {
        struct pause *shared;     /* by all workers of live events; a backfill has its own: */
        struct pause own;         /* what is too much of it says nothing of the others */
        struct pause *live;       /* of the others, which it waits for; NULL: it is none */
        struct pause_state seen;  /* the same, as last looked at */
        uint32_t throttles_taken; /* of seen.throttles, those that lowered this rate limit */
    } pause;
    struct {
        bool is_proven;        /* a request ended since it was read: no hold, no throttle */
        uint64_t accepted;     /* answers that were neither hold nor throttled */
        uint64_t generation;   /* of the secrets that are in use */
        uint64_t looked_at_ms; /* their files */
    } credential;
    struct {
        struct buf header_lines;  /* of the request being made; wiped after */
        struct span *ids;         /* of a batch, for its answer */
        struct item_result *each; /* what the answer says of each of them */
        size_t cap;
    } scratch;
    uint32_t streak; /* calls in a row, of all workers, that failed or were refused: as last told */
    uint64_t reviewed_ms; /* when it was looked who has waited too long */
};

/* sender.c */

/** @leg, in no list of the sender any more, has come to @outcome. */
void sender_report(struct sender *sender, struct leg *leg, enum leg_outcome outcome,
                   enum reason reason);
/** The same of all legs of @batch, which is in no list and given back. */
void sender_report_batch(struct sender *sender, struct batch *batch, enum leg_outcome outcome,
                         enum reason reason);

/* sender_send.c */

/** As many requests as may be are under way. */
bool sender_is_full(const struct sender *sender);
/** A request of its type that was sent after @batch has been served quickly, and @batch hangs. */
bool sender_is_overtaken(const struct sender *sender, const struct batch *batch);
bool sender_may_send(const struct sender *sender);
/** Once a turn: since when are as many requests under way as may be? */
void sender_watch_limit(struct sender *sender);
/** A canary that has not left yet keeps its place. */
void sender_renew_lease(struct sender *sender, const struct batch *batch);
/** No request of @queue before; 0: any time, UINT64_MAX: not before an answer. */
uint64_t sender_queue_until_ms(const struct sender *sender, const struct queue *queue);
void sender_mark_blocking(const struct sender *sender, struct batch *batch);
uint64_t sender_due_ms(const struct sender *sender, const struct batch *batch);
/** Send what is due, if anything is; false when nothing went. */
bool sender_send_next(struct sender *sender);

/* sender_answers.c */

/** @count events like that of @leg were answered so. */
void sender_count(struct sender *sender, const struct leg *leg, enum verdict verdict, size_t count);
/** What was answered, and how it was read: for the status and for headers. */
struct last_answer sender_last_answer(const struct sender *sender, const struct http_reply *reply,
                                      const struct answer *answer);
/** Where each of @count events was answered by itself: the first that was not taken. */
void sender_last_answer_each(const struct sender *sender, size_t count,
                             struct last_answer *last_answer);

/* sender_health.c */

/** Report the end of a request. What the breakers of its cell say now. */
enum circuit sender_tell_health(struct sender *sender, struct batch *batch,
                                const struct http_reply *reply, const struct answer *answer);

/* sender_refusals.c: each takes the batch on */

void sender_throttled(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                      const struct answer *answer);
void sender_refused(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                    const struct answer *answer);
void sender_local_error(struct sender *sender, struct batch *batch, const struct http_reply *reply);
/** An answer that speaks of events and not of rate or credential. */
void sender_accepted(struct sender *sender, const struct batch *batch);

/* sender_review.c */

void sender_count_hanging(struct sender *sender);
/** Once a second: the secrets' files, and canaries that could not leave yet. */
void sender_look(struct sender *sender);
/** Take over what other workers were told. */
void sender_follow_pause(struct sender *sender);
/** What was to probe fails over without an answer. */
void sender_cancel_canary(struct sender *sender, struct leg *leg);
/** Changes when any of the secrets does. */
uint64_t sender_secrets(const struct sender *sender);

/** The answer to @context, a batch in flight: report, wait or part. */
void sender_on_reply(void *context, const struct http_reply *reply);

#endif /* DELIVER_SENDER_INSIDE_H */
