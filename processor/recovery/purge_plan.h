/**
 * purge_plan - how the records of one event can be removed from a topic, without any other record.
 *
 * Every record of the topic is shown to it in the order of its partition; then it decides:
 *
 *    tombstone   the topic is compacted, and the event's record is the last one of its key
 *    superseded  the topic is compacted, and a later record has the same key: compaction removes it
 *    delete      only records of the event stand before it in its partition: the partition's
 *                beginning moves behind it
 *    retention   it cannot be removed without others; the topic's retention does it
 *    never       nor does retention
 *
 * Pure: no Kafka, no clock. One thread. Memory: 100,000 records of the event, and their keys.
 */
#ifndef RECOVERY_PURGE_PLAN_H
#define RECOVERY_PURGE_PLAN_H

#include "base/span.h"

enum { PURGE_MATCHES_MAX = 100000 };

enum purge_way {
    PURGE_TOMBSTONE,
    PURGE_SUPERSEDED,
    PURGE_DELETE,
    PURGE_RETENTION,
    PURGE_NEVER,
};

struct purge_key;

struct purge_match {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;        /* -1: none */
    const struct purge_key *key; /* NULL: none */
    enum purge_way way;          /* once it is decided, as the next */
    int64_t removed_ms;          /* RETENTION: not before then */
};

struct purge_plan {
    struct purge_match *matches; /* owned, as all below */
    size_t count;
    uint64_t forgotten; /* records of the event beyond PURGE_MATCHES_MAX */
    struct purge_key *keys;
    int64_t *first_other; /* by partition: the first record of another event */
    int32_t partitions;
};

/* What is known of the topic's settings. */
struct purge_topic {
    bool is_compacted;
    int64_t retention_ms; /* -1: unlimited; INT64_MIN: not known */
};

struct purge_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct span key; /* ptr NULL: none */
    bool is_match;   /* of the event */
};

void purge_plan_see(struct purge_plan *plan, const struct purge_record *record);
void purge_plan_decide(struct purge_plan *plan, const struct purge_topic *topic);
/** The key of a match; ptr NULL: none. */
struct span purge_match_key(const struct purge_match *match);
/** Behind the last record of @partition that can be deleted; -1: none can. */
int64_t purge_plan_delete_before(const struct purge_plan *plan, int32_t partition);
/** Whether a tombstone for the key of this match was asked for already by an earlier match. */
bool purge_match_is_first_of_key(const struct purge_match *match);
void purge_plan_fini(struct purge_plan *plan);

#endif /* RECOVERY_PURGE_PLAN_H */
