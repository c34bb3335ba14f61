/**
 * sender_inside - what the two halves of the sender share: taking and sending
 * (sender.c), and what answers do (sender_answers.c). For these two only.
 */
#ifndef DELIVER_SENDER_INSIDE_H
#define DELIVER_SENDER_INSIDE_H

#include "deliver/batch.h"
#include "deliver/budget.h"
#include "deliver/concurrency.h"
#include "deliver/deliverer.h"
#include "deliver/kind.h"
#include "deliver/pace.h"

enum { PRIORITY_COUNT = PRIORITY_LOW + 1 };

enum {
    HOLD_FIRST_MS = 5000, /* between probes of a refused credential, doubling */
};

struct sender {
    struct deliverer *d;
    const struct pipeline_destination *to;
    const struct config_destination *config;
    const struct kind *kind;
    size_t index; /* of the destination */
    struct http_target target;
    struct pace pace;
    struct concurrency concurrency;
    struct budget budget;
    struct lanes lanes[PRIORITY_COUNT]; /* who goes first when there is not enough for all */
    unsigned turn;                      /* of the priorities */
    struct batch_list batches;
    struct batch *sent;     /* in flight, by next */
    uint64_t full_since_ms; /* the concurrency limit is full since then; 0: it is not */
    uint64_t health_seen;   /* version of the health that was acted upon */
    size_t in_flight;       /* requests */
    bool is_proven; /* an answer that was neither hold nor throttled came since the credential was
                       read */
    uint64_t paused_until_ms;
    uint64_t throttled_since_ms; /* 0: not throttled */
    uint64_t held_since_ms;      /* 0: not held */
    uint64_t hold_wait_ms;
    uint64_t looked_at_ms; /* secret */
    uint64_t token_generation;
    struct buf header_lines; /* of the request being made; wiped after */
    struct span *ids;        /* of a batch, for its answer */
    struct item_result *each;
    size_t ids_cap;
};

/** Is the way of @batch open for another attempt? */
bool sender_is_clear(const struct sender *sender, const struct batch *batch);
/** The outage that closes the way of @leg, if any, becomes its own; why it is diverted. */
enum reason sender_outage_reason(struct sender *sender, const struct lane *lane, struct leg *leg);
/** The answer to @context, a batch in flight: settle, wait, part or condemn. */
void sender_on_reply(void *context, const struct http_reply *reply);

#endif /* DELIVER_SENDER_INSIDE_H */
