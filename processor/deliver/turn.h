/**
 * turn - one worker's loop, but for the waiting: take messages while there is room, let
 * senders and records move, try parked events again, commit what is settled.
 *
 * While partitions are taken back (io.is_going), each turn also drops what has not begun of their
 * events and finishes the rest (drain.h); then they are let go. A stop does the same with all.
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
    bool is_leaving;            /* events leave ... */
    uint64_t leave_by_ms;       /* ... until then at the latest */
    uint64_t unsend_ms;         /* records not acknowledged by then are called back */
    uint64_t late_ms;           /* what waits from then on is diverted */
    uint64_t retried_ms;        /* the parked events */
    _Atomic uint64_t turned_ms; /* when it last moved; read by other threads */
};

void turn_init(struct turn *turn, struct deliverer *d, struct intake *intake, unsigned worker);
/** One turn. @is_woken: a schema may have come. Returns ms until something is due; 0: messages are
 * left. */
uint64_t turn_run(struct turn *turn, bool is_woken);
/** Nothing new is begun, what has begun is finished until @until_ms at the latest; the rest is
 * forgotten. Returns how many events that were. */
size_t turn_drain(struct turn *turn, uint64_t until_ms);

#endif /* DELIVER_TURN_H */
