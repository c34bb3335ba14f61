/**
 * queue - legs of one event type and source id, waiting in order for a place in a batch; and all
 * queues of a destination, by priority.
 *
 * Queues are few (event types of a route, times source ids); empty ones are dropped when there are
 * more than QUEUES_MAX of a priority. A queue owns the list of its legs, not the legs: they are
 * their events'. Owned by one sender, used on its worker's thread.
 */
#ifndef DELIVER_QUEUE_H
#define DELIVER_QUEUE_H

#include "deliver/event.h"
#include "deliver/hold.h"
#include "deliver/throttle.h"

enum { QUEUES_MAX = 1024, PRIORITY_COUNT = PRIORITY_LOW + 1 };

struct queue {
    char *name;        /* our event type; owned */
    struct hold *hold; /* of its source id, which it names; shared */
    struct leg *first, *last;
    size_t count, bytes; /* waiting */
    enum priority priority;
    struct throttle throttle;
    size_t in_flight;   /* requests */
    uint64_t sent_ms;   /* the last request */
    uint64_t served_ms; /* when the newest request that was served quickly was sent */
    size_t batches;     /* batches of this queue, in flight or waiting */
    struct queue *next; /* all of its priority, in turn */
    uint64_t hash;
    size_t cell;  /* its health */
    bool is_open; /* a breaker of it was open when dispatch looked last */
};

struct queues {
    struct queue_set {
        struct queue *first, *last; /* first: whose turn it is */
        size_t count;
    } sets[PRIORITY_COUNT];
    struct hold_list holds;
    unsigned turn; /* of the priorities */
};

/** The queue for these, made when it is new. */
struct queue *queues_get(struct queues *queues, enum priority priority, struct span name,
                         struct span source_id);
void queues_fini(struct queues *queues);
/** All of them, high priority first; NULL at the end. */
struct queue *queues_first(const struct queues *queues);
struct queue *queues_next(const struct queues *queues, const struct queue *queue);
/** Which priorities go first this time: high before normal before low; every eighth time normal
 * first, every 32nd low first, so that none starves. */
const enum priority *queues_order(const struct queues *queues);
/** The queue of this priority whose turn it is, then to the end of the round. */
struct queue *queue_set_turn(struct queue_set *set);

void queue_add(struct queue *queue, struct leg *leg);
void queue_remove(struct queue *queue, struct leg *leg);
/** A request of it was sent, or answered. */
void queue_sent(struct queue *queue, uint64_t now_ms);
void queue_answered(struct queue *queue);

#endif /* DELIVER_QUEUE_H */
