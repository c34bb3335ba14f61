/**
 * world - the whole core on a virtual clock: real turns, deliverers, senders, health and
 * trackers, between a Kafka and destinations that are invented.
 *
 * One thread, no waiting, no network: a run is as fast as the machine and repeats itself
 * from its seed (after span_hash_fix()). Members are workers of one process or processes of their
 * own; they share the partitions of one topic as a consumer group does, and may come, go,
 * sleep and die. What happens outside of them is told to a watch, which judges.
 *
 *     world_produce()   -> the log of a partition -> io.poll()
 *     io.post()    -> the destination has it or not (trial/fault.h) -> io.answers()
 *     io.produce() -> the topic has it or waits (trial/fault.h)     -> io.reports()
 *     io.commit()  -> the group's offset and metadata, once a second
 *
 * Vocabulary
 *    held   - a destination or topic has the event of a leg, whoever knows of it
 *    heard  - and its answer or report told us so: only that settles a leg
 */
#ifndef REHEARSE_WORLD_H
#define REHEARSE_WORLD_H

#include "deliver/dispatch.h"
#include "deliver/pipeline.h"
#include "deliver/turn.h"
#include "rehearse/service.h"

/* One leg of one source record as the outside sees it. */
struct world_leg {
    int32_t partition;
    int64_t offset;
    uint64_t produced_ms; /* since the start */
    uint32_t tag;         /* as produced */
    uint16_t leg;
    uint16_t position;                /* in its chain */
    const struct config_route *route; /* NULL: the event as a whole, likewise the plan */
    const struct config_leg *plan;
    size_t destination; /* who has it */
    enum reason reason; /* of a record */
    bool is_dead_letter;
    bool is_part; /* of a dead letter in parts, and not the last one */
};

/* What is told as it happens; any may be NULL. */
struct world_watch {
    void *context;
    /** @is_in_fault: a rule says what is answered. */
    void (*requested)(void *context, size_t destination, size_t events, bool is_in_fault);
    /** @will_tell: its answer says so, if it is heard. */
    void (*held)(void *context, const struct world_leg *leg, bool will_tell);
    void (*heard)(void *context, const struct world_leg *leg);
    /** The core takes the leg for settled: it reads the answer as delivered, whatever the
     * destination did, or a topic has acknowledged the record. */
    void (*settled)(void *context, const struct world_leg *leg);
    /** Offsets from..to-1 were committed. */
    void (*committed)(void *context, int32_t partition, int64_t from, int64_t to);
    /** A record is passed over: the commit's metadata says that it was settled. */
    void (*skipped)(void *context, int32_t partition, int64_t offset);
    /** Somebody's assignment is over: offsets from..to-1 were taken and not committed. */
    void (*left)(void *context, int32_t partition, int64_t from, int64_t to);
    void (*blocked)(void *context, enum block_reason reason);
    /** A member has turned; its health may have changed. */
    void (*turned)(void *context, const struct deliverer *d);
};

/* What a simulation does beyond the rules of a trace; any may be NULL. */
struct world_hooks {
    void *context;
    /** The service has made its answer to the batch of @legs; change it. */
    void (*answered)(void *context, const struct world_leg *legs, struct service_answer *answer);
    /** What the topic of @leg has against its record; 0: nothing. */
    rd_kafka_resp_err_t (*refused)(void *context, const struct leg *leg, uint32_t tag);
};

struct world_options {
    uint64_t seed;
    int64_t wall_ms; /* when the run begins */
    uint32_t members;
    bool is_one_process; /* members are its workers and share its health */
    int32_t partitions;
    uint32_t window_max;                 /* of a tracker */
    uint64_t answer_ms;                  /* a healthy destination's median */
    uint64_t acknowledge_ms;             /* a topic's */
    size_t records_max;                  /* waiting to be acknowledged: more is back-pressure */
    double commits_lost;                 /* share of commits the group does not take */
    struct metrics *metrics;             /* borrowed */
    struct faults *faults;               /* borrowed */
    const struct trace_healthy *healthy; /* borrowed; by destination; NULL: a plain 200 */
    struct world_watch watch;
    struct world_hooks hooks;
};

struct world_event {
    int32_t partition;
    struct span value; /* borrowed unless is_copied; ptr NULL: a tombstone */
    bool is_copied;
    int64_t age_ms; /* of the record's timestamp */
    int64_t gap;    /* offsets left out before it, as compaction does */
    uint32_t tag;   /* whatever the caller wants to know it by */
};

struct world;

/** Keeps @pipeline. The group has assigned everything. */
struct world *world_new(const struct pipeline *pipeline, const struct world_options *options);
/** All members die. */
void world_free(struct world *world);
/** Virtual ms since the start. */
uint64_t world_now(const struct world *world);
struct rng *world_rng(struct world *world);
/** The offset it got. */
int64_t world_produce(struct world *world, const struct world_event *event);
/** Let time pass until @until_ms. */
void world_run(struct world *world, uint64_t until_ms);
/** Call back at @at_ms. @is_calm: not while a member is leaving, later then: for what changes the
 * group. */
void world_call(struct world *world, uint64_t at_ms, bool is_calm,
                void (*call)(void *context, struct world *world), void *context);

/* the group; only from calm calls and between runs */

/** All partitions go and come, spread anew over the living, from @first on. */
void world_rebalance(struct world *world, uint32_t first);
/** Dies at once: nothing is finished, nothing committed. Its partitions wait for a rebalance. */
void world_kill(struct world *world, uint32_t member);
/** Stops as asked: drains up to @drain_ms, commits, leaves. */
void world_stop(struct world *world, uint32_t member, uint64_t drain_ms);
/** A new one in the place of one that is gone. */
void world_start(struct world *world, uint32_t member);
/** Stands still for @ms; the group takes its partitions away after ten seconds of that. */
void world_sleep(struct world *world, uint32_t member, uint64_t ms);
bool world_is_alive(const struct world *world, uint32_t member);

/* looking */

/** Every record is committed and nothing is in flight. */
bool world_is_drained(const struct world *world);
/** Events in flight in the living. */
uint64_t world_in_flight(const struct world *world);
/** NULL when it is not alive. */
const struct deliverer *world_deliverer(const struct world *world, uint32_t member);

#endif /* REHEARSE_WORLD_H */
