/**
 * turn - one worker's loop, but for the waiting: take messages while there is room, let
 * senders and records move, try parked events again, commit what is settled.
 *
 * Also how partitions go (drain.h).
 */
#ifndef DELIVER_TURN_H
#define DELIVER_TURN_H

#include <stdatomic.h>

#include "deliver/intake.h"

struct turn {
    struct deliverer *d;
    struct intake *intake;
    const struct io *io;
    unsigned worker;
    bool has_more;          /* the last turn ended with messages left */
    uint64_t full_since_ms; /* 0: there is room */
    bool is_full_blocked;   /* partitions are paused for it */
    enum block_reason full_reason;
    uint64_t retried_ms;        /* the parked events */
    _Atomic uint64_t turned_ms; /* when it last moved; read by other threads */
};

void turn_init(struct turn *turn, struct deliverer *d, struct intake *intake, unsigned worker);
/** One turn. @is_woken: a schema may have come. Returns ms until something is due; 0: messages are
 * left. */
uint64_t turn_run(struct turn *turn, bool is_woken);
/** Partitions go: what has begun of them is finished until @until_ms at the latest (0: not at all).
 */
void turn_revoke(struct turn *turn, struct source_partition *const *partitions, size_t count,
                 uint64_t until_ms);
/** Nothing new is begun, what has begun is finished. Returns the events still not settled. */
size_t turn_drain(struct turn *turn, uint64_t until_ms);

#endif /* DELIVER_TURN_H */
