/**
 * settle - the end of a leg, and with its last leg the end of its event.
 *
 * This is the only way a leg ends. The counters of what was delivered, diverted and dead-lettered
 * are here, and so is the one place that settles an offset: not before every leg of the event is
 * settled, and not at all where a leg was given up without a result.
 */
#ifndef DELIVER_SETTLE_H
#define DELIVER_SETTLE_H

#include "deliver/deliverer.h"

enum settlement {
    SETTLED_DELIVERED,   /* at leg->position: the first destination, or diverted */
    SETTLED_DEAD_LETTER, /* the dead-letter topic has it, with leg->reason */
    SETTLED_WITHOUT,     /* no result: the offset of its event is not settled here */
};

/** Frees the event with its last leg. */
void leg_settle(struct deliverer *d, struct leg *leg, enum settlement how);

#endif /* DELIVER_SETTLE_H */
