/**
 * replay_job_inside - a replay's job, for its two files: replay_take.c takes records of the topic,
 * replay_job.c sees to what becomes of them.
 *
 * Ownership, threads and errors are those of replay/replay_job.h.
 */
#ifndef REPLAY_REPLAY_JOB_INSIDE_H
#define REPLAY_REPLAY_JOB_INSIDE_H

#include "base/span.h"

#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#include "app/io_real.h"
#include "base/token_bucket.h"
#include "recovery/whole.h"
#include "replay/replay_job.h"

enum { WHY_BYTES = 320 };

/* A record on its way: what it failed for, to be compared with what becomes of it. */
struct pending {
    struct {
        int64_t offset;
        int32_t partition, zero;
    } place;
    uint8_t reason;      /* enum reason */
    struct whole joined; /* of a record in parts: its bytes; owned */
    UT_hash_handle hh;
};

/* A record that goes to a topic as it is: TOPIC.parked, or --to-topic. */
struct copy {
    struct produce_request request; /* its context is this */
    struct job *job;
    rd_kafka_message_t *message; /* owned */
    struct source_partition *partition;
    uint64_t epoch;
    bool is_parked;
    bool is_rest; /* a part but the first: its record is counted with that one */
};

struct job {
    struct job_parts parts;
    struct job_counts counts;
    _Atomic int state;
    char why[WHY_BYTES]; /* written before the state */
    struct io real;      /* the functions that were replaced */
    struct io_real *io;
    struct fates *fates;
    struct token_bucket bucket;
    uint64_t began_ms;
    uint64_t taken;        /* of the selection */
    uint64_t copies;       /* on their way to a topic */
    struct replay_way way; /* of the record being routed ... */
    struct dead_letter letter;
    const rd_kafka_message_t *letter_of; /* that is the letter of; each one that comes takes it */
    int64_t now_ms;                      /* ... and its time */
    int64_t event_ms;
    enum skip_reason left_out; /* why its legs were not taken */
    struct pending *pending;   /* owned */
    rd_kafka_message_t *held;  /* owned: a record in parts, until nothing else is on its way */
    struct source_partition *held_partition;
    uint64_t held_epoch, held_ms;
    uint32_t tried[REASON_COUNT], failed[REASON_COUNT];
};

static inline struct job *job_of(void *context)
{
    return ((struct io_real *)context)->job;
}

static inline int64_t job_end_of(const struct job *job, int32_t partition)
{
    return partition >= 0 && (size_t)partition < job->parts.partitions ? job->parts.ends[partition]
                                                                       : 0;
}

/** It is over; the first one who says so is believed. */
void job_end(struct job *job, enum job_state state, const char *why);
void job_skip(struct job *job, struct source_partition *partition, uint64_t epoch, int64_t offset,
              enum skip_reason skip);
/** @message, now owned by the copy, goes to @topic as it is. @is_rest: it is not counted. */
void job_copy(struct job *job, const char *topic, rd_kafka_message_t *message,
              struct source_partition *partition, bool is_rest);
/** Instead of struct io's poll: only what is to be delivered comes through. */
rd_kafka_message_t *job_poll(void *context, struct source_partition **partition);

#endif /* REPLAY_REPLAY_JOB_INSIDE_H */
