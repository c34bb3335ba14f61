/**
 * replay_job - a replay on its worker: what the worker takes, whose legs it sends, what became of
 * it.
 *
 * The worker is the one that delivers live events (app/worker.h), with a consumer group of its own
 * and some functions of its I/O replaced:
 *
 *    poll     only records of the selection come through, and none behind the end offsets; the
 *             others are settled as skipped, parked ones when TOPIC.parked has them
 *    view     a dead letter seems to be the record it was: topic, partition, offset, timestamp
 *    settle   counted: delivered, diverted, dead-lettered again
 *    commit   when everything up to the ends is committed the job is done
 *
 * It stops by itself when of the first 50 of one reason nine in ten fail again for it.
 *
 * Made by one thread, used by the worker's; the counts and states are atomic, for whoever watches.
 */
#ifndef REPLAY_REPLAY_JOB_H
#define REPLAY_REPLAY_JOB_H

#include <stdatomic.h>

#include "app/worker.h"
#include "replay/replay_rules.h"

enum job_state {
    JOB_RUNS,
    JOB_DONE,      /* everything up to the ends is settled and committed */
    JOB_FUTILE,    /* what it sends fails again */
    JOB_FAILED,    /* the registry does not answer, or another member has joined the group */
    JOB_LIMITED,   /* --limit is reached */
    JOB_CANCELLED, /* by `replay cancel` */
};

struct job_counts {
    _Atomic uint64_t selected, delivered, diverted, dead_lettered, dropped;
    _Atomic uint64_t skipped[SKIP_COUNT];
};

struct job;

struct job_parts {
    const struct replay_rules *rules;
    const int64_t *ends; /* by partition */
    size_t partitions;
    const char *parked_topic, *to_topic; /* borrowed; to_topic NULL: through the pipeline */
    double per_second;  /* 0: as fast as the destination takes them, from a gentle start */
    uint64_t limit;     /* 0: none */
    bool is_persistent; /* --keep-going */
    bool is_utm;        /* the topic holds UTM records: the originals are inside */
};

struct job *job_new(const struct job_parts *parts);
void job_free(struct job *job);
/** For worker_start(). */
struct worker_job job_worker(struct job *job);
enum job_state job_state(const struct job *job);
/** Why it stopped by itself; borrowed. */
const char *job_why(const struct job *job);
const struct job_counts *job_counts(const struct job *job);

#endif /* REPLAY_REPLAY_JOB_H */
