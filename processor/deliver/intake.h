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

struct intake {
    struct deliverer *d;
    int wake_fd; /* written by the catalog when a writer is known */
    struct {
        uint64_t key;
        const struct writer *writer; /* READY only; NULL: empty slot */
    } writers[INTAKE_WRITERS];
    struct planned_leg *plans; /* owned; grows to the most legs an event had */
    size_t plan_count, plan_cap;
    size_t parked; /* events waiting for their schema */
    size_t parked_max;
    uint64_t parked_since_ms;
};

void intake_init(struct intake *intake, struct deliverer *d, int wake_fd);
void intake_fini(struct intake *intake);
/** Takes @message. */
void intake_take(struct intake *intake, rd_kafka_message_t *message,
                 struct source_partition *partition);
/** Try the parked events again. */
void intake_retry_parked(struct intake *intake);

#endif /* DELIVER_INTAKE_H */
