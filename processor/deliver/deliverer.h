/**
 * deliverer - one worker's delivery: its events in flight, senders, records and metrics.
 *
 * Owned by one thread. The way of a leg: deliver_leg() picks the destination of the
 * chain; a sender (sender.h) or a record (records.h) takes it; whoever has the
 * answer calls leg_deliver_done(), leg_advance() or leg_dead_letter(); when the last leg
 * of an event is settled, its offset is, and its memory goes back.
 */
#ifndef DELIVER_DELIVERER_H
#define DELIVER_DELIVERER_H

#include "base/rng.h"
#include "deliver/backlog.h"
#include "deliver/event.h"
#include "deliver/io.h"
#include "deliver/pipeline.h"
#include "observe/metrics.h"

struct sender;

enum { DELIVER_CELLS = 256 }; /* slots of the worker's own table of cells */

struct deliverer {
    const struct pipeline *pipeline;
    struct metrics_worker *metrics;
    const struct io *io;
    struct event_pool events;
    struct arena scratch;     /* one decoded event at a time */
    struct buf render;        /* items of the event being taken */
    struct buf record;        /* a UTM record being written */
    void **scratches;         /* by destination; what its driver renders with */
    struct sender **senders;  /* by destination; NULL where the type is another */
    struct backlog *backlogs; /* by destination; topics only */
    size_t full_backlogs;
    struct health *health; /* the process's; shared */
    unsigned worker;       /* whose this is */
    struct {
        uint64_t key; /* hash of event type and destination; 0: empty */
        size_t cell;
        uint32_t version;  /* of the destination's cells */
        uint64_t until_ms; /* a shared one is asked for again */
    } cells[DELIVER_CELLS];
    struct rng rng;
    uint64_t now_ms; /* monotonic, read once a turn */
    int64_t wall_ms;
    double rate_share; /* of a shared rate: partitions held of all there are; 0: not known */
    bool is_silent;    /* nothing new is sent: a zombie that fences itself */
    bool is_leaving;   /* partitions go: what may still be sent goes at once */
    bool is_ending;    /* for good: all of them do */
};

/** Keeps what it is given; @io outlives it. @seed: of its chance (jitter). */
void deliverer_init(struct deliverer *d, const struct pipeline *pipeline, struct health *health,
                    struct metrics_worker *metrics, unsigned worker_index, const struct io *io,
                    uint64_t seed);
/** Stops the I/O first, so nothing calls back any more. */
void deliverer_fini(struct deliverer *d);
/** Read the clocks, let senders and the producer move on. Returns ms until something is due. */
uint64_t deliverer_turn(struct deliverer *d);

/* legs */

/** Give a NEW leg to the destination at leg->position (rendered for it already unless it is a
 * topic). */
void deliver_leg(struct deliverer *d, struct leg *leg, const struct event_view *view);
/** The present destination has it. */
void leg_delivered(struct deliverer *d, struct leg *leg);
/** The present destination cannot take it: next in the chain, or the dead letter at its end. */
void leg_advance(struct deliverer *d, struct leg *leg, enum reason reason);
/** No destination can take it without a person. */
void leg_dead_letter(struct deliverer *d, struct leg *leg, enum reason reason);
/** It is settled: counts in the outage that sent it another way, if one did. */
void leg_count_outage(struct deliverer *d, const struct leg *leg, bool is_dead_letter);
/** The leg is over: delivered, diverted, dead-lettered. Frees the event with its last leg. */
void leg_settle(struct deliverer *d, struct leg *leg);

/* Where in its chain a leg goes now, and why not earlier. */
struct choice {
    size_t position;    /* plan->count: nowhere */
    enum reason reason; /* of the first destination passed over; NONE: none was */
    bool is_canary;
    struct ticket ticket; /* of the canary: answered, or cancelled by choice_cancel() */
    char outage[OUTAGE_ID_BYTES];
};

/* What decides about it, of the leg and its event. */
struct wish {
    const struct config_leg *plan;
    enum priority priority;
    struct span event_type, event_id;
    int64_t event_time_ms;
};

/** From @from on: past destinations for which the event is too old, and past closed ways. Costs a
 * closed destination's event no more than a look. */
void deliver_choose(struct deliverer *d, const struct wish *wish, size_t from, struct choice *out);
/** The canary will not go after all. */
void choice_cancel(struct deliverer *d, const struct config_leg *plan, struct span event_type,
                   const struct choice *choice);
/** The cell of @event_type at destination @index. */
size_t deliver_cell(struct deliverer *d, size_t index, struct span event_type);
/** Copy what was chosen into the leg. */
void leg_take_choice(struct leg *leg, const struct choice *choice);

#endif /* DELIVER_DELIVERER_H */
