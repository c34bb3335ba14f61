/**
 * event - one source record in flight, with its legs, in one block of memory.
 *
 * Everything an event needs until its last leg is settled lies in the block: the
 * event, its legs, its texts and what is to be sent of it. Blocks come from a pool of
 * size classes and go back to it: no allocation per event once the pool is warm.
 * The Kafka message is kept until the end: a dead letter or a diversion writes its bytes.
 *
 * A leg's states
 *
 *      NEW -> QUEUED -> SENDING <-> WAITING (retry, throttled, held)
 *      NEW -> PRODUCING (a topic or the dead letter)
 *      from any of these -> REPORTED (its destination has an outcome: outcome.h)
 *      REPORTED -> SETTLED, or -> NEW for its next destination or the dead letter
 *
 * What of it is dropped and what finished when its partition goes: drain.h.
 */
#ifndef DELIVER_EVENT_H
#define DELIVER_EVENT_H

#include "deliver/parts.h"
#include "deliver/waiting.h"
#include "event/answer.h"
#include "event/event_view.h"
#include "health/health.h"
#include "kafka/producer.h"
#include "kafka/source.h"

struct backlog;
struct batch;
struct queue;

enum leg_state {
    LEG_NEW,
    LEG_QUEUED,
    LEG_SENDING,
    LEG_WAITING,
    LEG_PRODUCING,
    LEG_REPORTED,
    LEG_SETTLED,
    LEG_STATE_COUNT,
};

/* What went wrong last, for the headers of a dead letter or a diversion. */
struct last_error {
    const struct config_destination *destination; /* NULL: before any destination */
    bool is_answer;                               /* to this event, and what follows is of it */
    enum verdict verdict;
    int http_status;
    bool has_code;
    int32_t code;
    char request_id[64];
    char field[ANSWER_FIELD_BYTES]; /* that was at fault, in the destination's names; "" unknown */
    char text[256];
};

struct leg {
    struct event *event;
    const struct config_route *route;  /* NULL: the event as a whole (it never got a route) */
    const struct config_leg *plan;     /* NULL likewise */
    uint16_t position;                 /* in the chain */
    uint16_t attempts;                 /* at the present destination */
    uint8_t state;                     /* enum leg_state */
    uint8_t reported, reported_reason; /* enum leg_outcome, enum reason: while REPORTED */
    uint8_t outcome;                   /* enum outcome; AMBIGUOUS is sticky */
    uint8_t reason; /* enum reason: why it left a destination, or its dead letter */
    bool is_dead_letter;
    bool is_canary;                /* probes its cell or destination: alone, at once */
    struct ticket ticket;          /* of the canary */
    char outage[OUTAGE_ID_BYTES];  /* whose outage diverted it; "" when none did */
    struct backlog *backlog;       /* of its record's topic, while PRODUCING */
    uint64_t backlog_bytes;        /* counted there */
    bool is_stuck, is_over_share;  /* backlog.h */
    struct parts parts;            /* of an oversize dead letter */
    uint32_t part, part_count;     /* which is written of how many; 0: all in one */
    bool waits_for_topic;          /* and this one until its topic takes such records */
    uint8_t repaired;              /* of enum repair: how the record differs from the original */
    uint8_t repairs_tried;         /* of them: after it was refused */
    bool was_refused;              /* it goes by itself, or its batch is refused with it */
    struct leg *next, *previous;   /* a queue's queue, or the queue of outcomes */
    struct queue *queue;           /* whose queue, while QUEUED */
    struct batch *batch;           /* the one it is in while SENDING or WAITING */
    struct span item;              /* what a batch sends: in the event's block, or item_owned */
    size_t header_bytes;           /* of its request, while PRODUCING */
    char *key_owned;               /* made of topic, partition and offset; NULL: not yet */
    char *item_owned;              /* rendered again for a later destination, or a UTM record */
    uint64_t queued_ms;            /* monotonic: since when this destination has it */
    struct last_error *last_error; /* owned; NULL: none yet */
    struct produce_request request;
};

struct event {
    struct event *next, *previous;      /* all in flight, oldest first */
    rd_kafka_message_t *message;        /* owned */
    struct source_partition *partition; /* NULL: no longer ours, settle into metrics only */
    uint64_t epoch;
    const struct writer *writer; /* NULL: never decoded */
    struct waiting_entry waits;  /* for its schema */
    uint32_t dropped;            /* the fate of the routes that drop it; NO_FATE: none does */
    bool is_abandoned;           /* some leg of it was dropped or cancelled: never settled */
    bool is_forgotten;           /* its partition went before it was finished */
    uint16_t leg_count, legs_open;
    uint64_t taken_ms;  /* monotonic */
    size_t bytes;       /* counted against in_flight.bytes */
    size_t owned_bytes; /* of them: what was made of it since it was taken */
    size_t block_bytes; /* of this block, for the pool */
    struct span id;     /* the event's own or the derived one */
    struct span type;
    int64_t time_ms;
    bool has_value;
    double value;
    char currency[4]; /* "" when there is none */
    struct leg legs[];
};

enum { EVENT_CLASSES = 8 }; /* 1 KiB .. 128 KiB; larger blocks are allocated */

struct event_pool {
    struct event *free[EVENT_CLASSES]; /* by next */
    struct event *first, *last;        /* in flight */
    uint64_t events, bytes;            /* in flight */
    uint64_t owned_bytes;              /* of the bytes */
    size_t forgotten;                  /* of the events */
    struct waiting waiting;            /* those whose schema is not known yet */
    void (*release)(rd_kafka_message_t *message);
};

/** @release: what a message is given back with. */
void event_pool_init(struct event_pool *pool, void (*release)(rd_kafka_message_t *message));
void event_pool_fini(struct event_pool *pool); /* frees what is in flight too */
/* Where an event comes from. */
struct event_from {
    rd_kafka_message_t *message; /* taken by event_new() */
    struct source_partition *partition;
    size_t header_bytes; /* what the message's headers take */
    uint64_t now_ms;
};

/** A zeroed event with @legs legs and @extra bytes behind them (event_describe()). */
struct event *event_new(struct event_pool *pool, const struct event_from *from, size_t legs,
                        size_t extra);
/** An item or headers were made for a leg of it (@bytes), or are gone (negative). */
void event_own(struct event_pool *pool, struct event *event, int64_t bytes);
/** What is known of it, as it came: the texts are copied to the front of its extra bytes. Returns
 * the bytes behind them. */
char *event_describe(struct event *event, const struct facts *facts);
void event_free(struct event_pool *pool, struct event *event);
/** Events in flight that do not wait for a schema, and their bytes. */
static inline uint64_t event_pool_busy(const struct event_pool *pool)
{
    return pool->events - pool->waiting.events;
}
static inline uint64_t event_pool_busy_bytes(const struct event_pool *pool)
{
    return pool->bytes - pool->waiting.bytes;
}
/** Free the event but give its message back: it is taken in anew. */
rd_kafka_message_t *event_release(struct event_pool *pool, struct event *event);

/** A legal move, or a broken invariant. */
void leg_move(struct leg *leg, enum leg_state state);
/** What is to be sent of it is now a copy of @item, its own. */
void leg_own_item(struct event_pool *pool, struct leg *leg, struct span item);
/** Remember what happened; @text is our words. */
struct last_error *leg_set_error(struct leg *leg, const struct config_destination *destination,
                                 const char *text);
static inline const struct config_destination *leg_destination(const struct leg *leg)
{
    return leg->plan->chain[leg->position];
}
static inline bool leg_has_alternate(const struct leg *leg)
{
    return leg->plan != NULL && (size_t)leg->position + 1 < leg->plan->count;
}

#endif /* DELIVER_EVENT_H */
