/**
 * world - the whole core on a virtual clock: real turns, deliverers, senders, health and offsets,
 * between a simulated Kafka and simulated destinations.
 *
 * One thread, no waiting, no network: a run is as fast as the machine and repeats itself from its
 * seed (after span_hash_fix()). Workers are opened by whoever has a source topic for them: a
 * rehearsal (source_topic.h), or the seeded simulation of tests/sim, whose workers also stop, die
 * and lose their partitions.
 *
 *     source_topic_produce() -> a partition -> io.poll()
 *     io.post()    -> the destination has it or not (trial/fault.h) -> io.answers()
 *     io.produce() -> the topic has it or waits (trial/fault.h)     -> io.reports()
 *
 * What goes out of the workers is told to a watch.
 */
#ifndef REHEARSE_WORLD_H
#define REHEARSE_WORLD_H

#include "deliver/dispatch.h"
#include "deliver/pipeline.h"
#include "deliver/turn.h"
#include "rehearse/event_queue.h"
#include "rehearse/service.h"

/* One leg of one source record, as it reaches a destination or a topic. */
struct world_leg {
    int32_t partition;
    int64_t offset;
    uint64_t produced_ms; /* since the start */
    uint32_t tag;         /* as produced */
    uint32_t worker;      /* who sends it, ... */
    uint64_t epoch;       /* ... and of which assignment it has the record */
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
    /** The service has made its answer to the batch of @legs, and it may be changed. @is_in_fault:
     * a rule says what is answered. */
    void (*requested)(void *context, const struct world_leg *legs, struct service_answer *answer,
                      bool is_in_fault);
    /** What the topic of @leg has against its record; 0: nothing. */
    rd_kafka_resp_err_t (*refused)(void *context, const struct leg *leg, uint32_t tag);
    /** A destination or topic has the event, whoever knows of it. @will_tell: its answer says so,
     * if it is heard. */
    void (*held)(void *context, const struct world_leg *leg, bool will_tell);
    /** The core takes the leg for settled: it reads the answer as delivered, whatever the
     * destination did, or a topic has acknowledged the record. */
    void (*settled)(void *context, const struct world_leg *leg);
    /** A worker has turned; its health may have changed. */
    void (*turned)(void *context, const struct deliverer *d);
};

struct world_options {
    uint64_t seed;
    int64_t wall_ms; /* when the run begins */
    uint32_t workers;
    int32_t partitions;
    uint32_t window_max;                 /* of a tracker */
    uint64_t answer_ms;                  /* a healthy destination's median */
    uint64_t acknowledge_ms;             /* a topic's */
    size_t records_max;                  /* waiting to be acknowledged: more is back-pressure */
    struct metrics *metrics;             /* borrowed */
    struct faults *faults;               /* borrowed */
    const struct trace_healthy *healthy; /* borrowed; by destination; NULL: a plain 200 */
    struct world_watch watch;
};

struct world;

/** Keeps @pipeline. Its workers are still to be opened. */
struct world *world_new(const struct pipeline *pipeline, const struct world_options *options);
/** All workers end as they are. */
void world_free(struct world *world);
/** Virtual ms since the start. */
uint64_t world_now(const struct world *world);
struct rng *world_rng(struct world *world);
/** Let time pass until @until_ms. */
void world_run(struct world *world, uint64_t until_ms);
/** Call back at @at_ms. */
void world_call(struct world *world, uint64_t at_ms, event_fn *call, void *context);
/** Events in flight in all workers. */
uint64_t world_in_flight(const struct world *world);

#endif /* REHEARSE_WORLD_H */
