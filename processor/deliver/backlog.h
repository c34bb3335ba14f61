/**
 * backlog - records that no topic has acknowledged yet, and which partitions stand still for them.
 *
 * A record that is stuck blocks its partition, by name. So do, stuck or not, all records of a
 * topic that has half of what may be in flight for longer than a moment: or events of one
 * partition that wait for it would leave no room for those of the others.
 *
 * Vocabulary
 *    stuck   - the producer says that the topic does not take it just now
 *    over its share - its topic has half of what may be in flight
 */
#ifndef DELIVER_BACKLOG_H
#define DELIVER_BACKLOG_H

#include "deliver/deliverer.h"

/* Of one destination. */
struct backlog {
    size_t records;
    uint64_t bytes;        /* of their events */
    bool is_full;          /* half of what may be in flight, and nobody stands still for it yet */
    bool stops_partitions; /* the partitions of its records stand still */
};

/** @leg is handed to the producer. */
void backlog_add(struct deliverer *d, struct leg *leg);
/** It is acknowledged, refused or taken back. */
void backlog_remove(struct deliverer *d, struct leg *leg);
/** True when its partition had no stuck record before, or has none any more. */
bool backlog_stuck(struct deliverer *d, struct leg *leg, bool is_stuck);
/** Some topic's backlog is full: take nothing for a moment. */
bool backlog_is_full(const struct deliverer *d);
/** The moment is over: partitions whose records are in a full backlog stand still. */
void backlog_stop_partitions(struct deliverer *d);

#endif /* DELIVER_BACKLOG_H */
