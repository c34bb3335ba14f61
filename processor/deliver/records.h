/**
 * records - legs that end in a Kafka topic: alternates, Kafka primaries, dead letters.
 *
 * Settled by the broker's delivery report only. A topic that cannot be written blocks
 * the event's partition by name and goes on by itself; nothing is given up. A dead letter
 * the topic refuses for its size goes in parts (parts.h; detour.part "1/3"), so that no byte
 * is lost.
 */
#ifndef DELIVER_RECORDS_H
#define DELIVER_RECORDS_H

#include "deliver/deliverer.h"

/** The backlogs of topics, and what is known of their limits. */
void records_init(struct deliverer *d);
void records_fini(struct deliverer *d);
/** Write @leg to its present destination (type kafka). @view: its event, decoded; may be NULL where
 * the destination does not write UTM records. */
void record_send(struct deliverer *d, struct leg *leg, const struct event_view *view);
/** Write @leg to the dead-letter topic with leg->reason. */
void record_dead_letter(struct deliverer *d, struct leg *leg);
/** Is the record of @leg, which is PRODUCING, certainly not on its way? */
bool record_is_unsent(const struct deliverer *d, const struct leg *leg);
/** Take it back: nothing more is heard of it. */
void record_recall(struct deliverer *d, struct leg *leg);

#endif /* DELIVER_RECORDS_H */
