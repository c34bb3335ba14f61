/**
 * intake - a message becomes an event with legs: unframed, decoded, matched, mapped.
 *
 * What cannot be (bytes that do not decode, unknown schema, no type, no route) becomes a
 * dead letter with its reason; what waits for the registry is parked, bounded and named.
 * Everything happens in the worker's scratch; only what legs need is copied, once.
 */
#ifndef DELIVER_INTAKE_H
#define DELIVER_INTAKE_H

#include "deliver/deliverer.h"

enum { INTAKE_WRITERS = 256 }; /* slots of the worker's own table of writers */

struct planned_leg;

/* Which legs of an event are delivered, where not all are: a replay sends only the one that failed.
 * The functions are called in this order, for one event at a time. */
struct leg_choice {
    void *context; /* NULL: all legs of the routes that take the event */
    /** @message is about to be routed. May change which routes take it. */
    void (*begin)(void *context, rd_kafka_message_t *message, const struct event_view *view,
                  struct route_result *routes);
    bool (*takes)(void *context, const struct config_route *route, const struct config_leg *leg);
    const struct config_leg *plan; /* taken in place of the route's leg; NULL: the leg itself */
    char outage[OUTAGE_ID_BYTES];  /* set by begin(): whose outage sent the event here; "" none */
    /** No leg was taken: @message is the callee's, with its offset. */
    void (*left_out)(void *context, rd_kafka_message_t *message,
                     struct source_partition *partition);
};

struct intake {
    struct deliverer *d;
    int wake_fd; /* written by the catalog when a writer is known */
    struct {
        uint64_t key;
        const struct writer *writer; /* READY only; NULL: empty slot */
    } writers[INTAKE_WRITERS];
    struct planned_leg *plans; /* owned; grows to the most legs an event had */
    size_t plan_count, plan_cap;
    uint64_t parked_bytes_max;
    bool is_over_share; /* more wait than may: partitions were blocked for it */
    uint64_t swept_ms;  /* when all that waits was last looked at */
    uint64_t parked_since_ms;
    uint64_t answers_seen; /* catalog_answers() */
    struct leg_choice choice;
};

void intake_init(struct intake *intake, struct deliverer *d, int wake_fd);
void intake_fini(struct intake *intake);
/** Takes @message. */
void intake_take(struct intake *intake, rd_kafka_message_t *message,
                 struct source_partition *partition);
/** The ids that are answered by now: their events are ready. */
void intake_ask_again(struct intake *intake);
/** Take one event in anew whose id is answered; false when there is none. */
bool intake_take_ready(struct intake *intake);

#endif /* DELIVER_INTAKE_H */
