/**
 * repair - what is changed of a record that its topic refuses for the record's own sake.
 *
 * A timestamp out of the topic's bounds is replaced: the original's by the time of writing; where
 * even that is refused, since clocks differ, by the original's. A record without a key on a
 * compacted topic gets one, made of its topic, partition and offset. What was changed stands in
 * the header detour.mended. What a topic was seen to refuse is known for a minute, so that the
 * next such record is repaired before it costs its batch a search; all others stay as they are.
 */
#ifndef DELIVER_REPAIR_H
#define DELIVER_REPAIR_H

#include "deliver/deliverer.h"

enum repair { REPAIR_KEY = 1, REPAIR_TIMESTAMP = 2 };

/* What a topic was seen to refuse; monotonic times until which that is believed. */
struct repair_memory {
    uint64_t keyless_until_ms;
    uint64_t now_until_ms;   /* the time of writing */
    uint64_t age_until_ms;   /* kept timestamps at least so old */
    uint64_t ahead_until_ms; /* or so far ahead */
    int64_t age_ms, ahead_ms;
    uint64_t large_until_ms; /* records at least so large, however well others compress */
    size_t large_bytes;
};

/** What is known to be needed of @leg's record, whose topic is new to it. */
void repair_begin(const struct deliverer *d, struct leg *leg);
/** The topic refused it with @error: is there something to be changed? */
bool repair_more(const struct deliverer *d, struct leg *leg, rd_kafka_resp_err_t error);
/** The topic took it: remember what it needed. */
void repair_learn(struct deliverer *d, const struct leg *leg);

/** The topic refused @leg's record, of @bytes, for its size. */
void repair_learn_size(struct deliverer *d, const struct leg *leg, size_t bytes);
/** One of @bytes may be refused as well: it goes by itself, so that its batch is not. */
bool repair_is_large(const struct deliverer *d, const struct leg *leg, size_t bytes);

/** For the header: "key", "timestamp", "key,timestamp"; absent when nothing was changed. */
struct span repair_text(const struct leg *leg);
/** As it is to be written; 0: the time of writing. */
int64_t repair_timestamp(const struct deliverer *d, const struct leg *leg);
/** Made of where the event stands; kept by the leg. */
struct span repair_key(struct deliverer *d, struct leg *leg);

/** Say that a record is refused for good there. */
void repair_tell_refused(const struct deliverer *d, const struct leg *leg,
                         rd_kafka_resp_err_t error);

#endif /* DELIVER_REPAIR_H */
