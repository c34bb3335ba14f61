/**
 * sender_inside - what the parts of the sender share, and nobody else: taking legs and the
 * turn (sender.c), sending (sender_send.c), what answers do (sender_answers.c), say of health
 * (sender_health.c) and those that concern all events of a destination (sender_flow.c), what must
 * not wait any longer (sender_waiting.c).
 */
#ifndef DELIVER_SENDER_INSIDE_H
#define DELIVER_SENDER_INSIDE_H

#include "deliver/batch.h"
#include "deliver/budget.h"
#include "deliver/concurrency.h"
#include "deliver/deliverer.h"
#include "deliver/pace.h"

enum { PRIORITY_COUNT = PRIORITY_LOW + 1 };

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
    struct pace pace;
    struct concurrency concurrency;
    struct budget budget;
    uint64_t budget_looked_ms;          /* when it had no retry to give; 0: it had */
    struct lanes lanes[PRIORITY_COUNT]; /* who goes first when there is not enough for all */
    unsigned turn;                      /* of the priorities */
    struct batch_list batches;
    struct batch *sent;          /* in flight, by next */
    uint64_t full_since_ms;      /* the concurrency limit is full since then; 0: it is not */
    uint64_t lacks_until_ms;     /* we could not send for want of something of our own */
    uint64_t shortage_logged_ms; /* 0: never */
    uint64_t unlogged_shortages;
    uint64_t impatient_ms;     /* when it was looked who has waited too long */
    uint64_t crowded_since_ms; /* more than its share waits, in a full worker; 0: not so */
    uint64_t limited_ms;       /* it was throttled or held until then, as far as is known */
    bool has_neighbours;  /* other destinations are first in their chains: they must not wait for
                             this one */
    uint32_t cells_seen;  /* version of the cells that its lanes were told */
    uint64_t health_seen; /* version of the health that was acted upon */
    size_t in_flight;     /* requests */
    uint64_t sent_ms;     /* the last one */
    bool is_proven;    /* an answer, or none, but no hold and no throttle, came since the credential
                          was    read */
    struct flow *flow; /* what the destination asked of all workers */
    struct flow_state asked;  /* the same as last seen */
    uint32_t throttles_taken; /* of asked.throttles, those that slowed this pace */
    uint64_t good_answers;    /* that were neither hold nor throttled */
    uint64_t looked_at_ms;    /* secret */
    uint64_t token_generation;
    struct buf header_lines; /* of the request being made; wiped after */
    struct span *ids;        /* of a batch, for its answer */
    struct item_result *each;
    size_t ids_cap;
};

/** All lanes, high priority first. */
struct lane *sender_first_lane(const struct sender *sender);
struct lane *sender_next_lane(const struct sender *sender, const struct lane *lane);

/* sender_send.c */

/** How many requests may be under way just now. */
size_t sender_connections(const struct sender *sender);
bool sender_may_send(const struct sender *sender);
/** A canary that has not left yet keeps its place. */
void sender_renew_lease(struct sender *sender, const struct batch *batch);
/** No request of @lane before; 0: any time, UINT64_MAX: not before an answer. */
uint64_t sender_cautious_until_ms(const struct sender *sender, const struct lane *lane);
void sender_note_stuck(const struct sender *sender, struct batch *batch);
uint64_t sender_due_ms(const struct sender *sender, const struct batch *batch);
/** Send what is due, if anything is; false when nothing went. */
bool sender_send_next(struct sender *sender);

/** No attempt at @batch is begun after this. */
uint64_t sender_deadline_ms(const struct sender *sender, const struct batch *batch);

/* sender_answers.c */

/** Two halves, sent again at once, before everything that waits. */
void sender_halve(struct sender *sender, struct batch *batch);

/* sender_heard.c */

/** @count events like that of @leg were answered so. */
void sender_count(struct sender *sender, const struct leg *leg, enum verdict verdict, size_t count);
void sender_count_answer(struct sender *sender, const struct http_reply *reply,
                         const struct answer *answer);
/** What was answered to @leg becomes what is known of its trouble. */
void sender_note_trouble(const struct sender *sender, struct leg *leg,
                         const struct http_reply *reply, const struct answer *answer);
/** And what it told of this one alone. */
void sender_note_result(struct leg *leg, const struct item_result *result);
struct heard sender_heard(const struct sender *sender, const struct http_reply *reply,
                          const struct answer *answer);
/** Where each of @count events was answered by itself: the first that was not taken. */
void sender_hear_each(const struct sender *sender, size_t count, struct heard *heard);

/* sender_health.c */

void sender_tell_health(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                        const struct answer *answer);

/* sender_flow.c: each takes the batch on */

void sender_throttled(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                      const struct answer *answer);
void sender_refused(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                    const struct answer *answer);
void sender_lacks(struct sender *sender, struct batch *batch, const struct http_reply *reply);
/** An answer that speaks of events and not of rate or credential. */
void sender_note_open(struct sender *sender, const struct batch *batch);

/* sender_waiting.c */

void sender_divert_waiting(struct sender *sender);
void sender_follow_health(struct sender *sender);
void sender_watch_limit(struct sender *sender);
/** Once a second: the secrets' files, and canaries that could not leave yet. */
void sender_look(struct sender *sender);
/** Take over what other workers were told. */
void sender_follow_flow(struct sender *sender);
/** What was to probe goes another way without an answer. */
void sender_cancel_canary(struct sender *sender, struct leg *leg);
/** Changes when any of the secrets does. */
uint64_t sender_secrets(const struct sender *sender);

/** Is the way of @batch open for another attempt? */
bool sender_is_clear(const struct sender *sender, const struct batch *batch);
/** The outage that closes the way of @leg, if any, becomes its own; why it is diverted. */
enum reason sender_outage_reason(struct sender *sender, const struct lane *lane, struct leg *leg);
/** The answer to @context, a batch in flight: settle, wait, part or condemn. */
void sender_on_reply(void *context, const struct http_reply *reply);

#endif /* DELIVER_SENDER_INSIDE_H */
