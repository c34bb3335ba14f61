/**
 * deliverer - what all objects of one worker's delivery share: clocks, I/O, events in flight,
 * scratch memory, health, metrics, the queue of outcomes. State without decisions: those are
 * dispatch's (dispatch.h).
 *
 * Owned by one worker and used on its thread only; pipeline, health and metrics are the process's.
 */
#ifndef DELIVER_DELIVERER_H
#define DELIVER_DELIVERER_H

#include "base/rng.h"
#include "deliver/event.h"
#include "deliver/io.h"
#include "deliver/outcome.h"
#include "deliver/pipeline.h"
#include "ledger/fates.h"
#include "observe/metrics.h"

struct acted_upon;
struct backlog;
struct repair_memory;
struct sender;

enum { DELIVER_CELLS = 256 }; /* slots of the worker's own table of cells */

/* A backfill's worker: its events wait where live ones fail over, and it leaves destinations to
 * live events. All zero: a worker of live events, or of a replay. */
struct background {
    void *context; /* NULL: none */
    /** What was sent is not delivered, or cannot be sent now: @message is the callee's again, for
     * another time. @reason: why; NONE: its breaker is not closed. False: it is not taken, and goes
     * to the dead letters. */
    bool (*give_back)(void *context, rd_kafka_message_t *message,
                      struct source_partition *partition, uint64_t epoch, enum reason reason);
    double share; /* of the configured rate and connections */
};

struct deliverer {
    const struct pipeline *pipeline;
    struct metrics_worker *metrics;
    const struct io *io;
    struct event_pool events;
    struct outcome_queue outcomes;
    struct arena scratch;          /* one decoded event at a time */
    struct buf render;             /* items of the event being taken */
    struct buf record;             /* a UTM record being written */
    void **scratches;              /* by destination; what its driver renders with; owned */
    struct sender **senders;       /* dispatch's, by destination; topics have none */
    struct backlog *backlogs;      /* records', by destination; topics only */
    struct repair_memory *repairs; /* likewise */
    size_t full_backlogs;
    struct health *health;         /* the process's; shared */
    struct acted_upon *acted_upon; /* dispatch's, by destination */
    unsigned worker;               /* whose this is */
    struct {
        uint64_t key; /* hash of event type and destination; 0: empty */
        size_t cell;
        uint32_t version;  /* of the destination's cells */
        uint64_t until_ms; /* a shared one is asked for again */
    } cells[DELIVER_CELLS];
    struct rng rng;
    uint64_t now_ms; /* monotonic, read once a turn */
    int64_t wall_ms;
    struct fates *fates;        /* the worker's bookkeeper's; NULL: no ledger */
    struct fate_leg *fate_legs; /* owned; scratch of an event being settled */
    size_t fate_leg_cap;
    double rate_share; /* of a shared rate: partitions held of all there are; 0: not known */
    struct background background;
    double rate_left; /* of the background: what live events leave of the rate, by what was seen */
    bool is_silent;   /* nothing new is sent: a zombie that fences itself */
    bool is_leaving;  /* partitions go: what may still be sent goes at once */
    bool is_ending;   /* for good: all of them do */
};

/* What it is made of; all of it outlives it. */
struct deliverer_parts {
    const struct pipeline *pipeline;
    struct health *health;
    struct metrics_worker *metrics;
    const struct io *io;
    unsigned worker;
    uint64_t seed;       /* of its chance (jitter) */
    struct fates *fates; /* what is told to the books; NULL: no ledger */
    struct background background;
};

/** Without senders: dispatch_init() does this and makes them. */
void deliverer_init(struct deliverer *d, const struct deliverer_parts *parts);
/** Frees the events in flight; nothing calls back any more. */
void deliverer_fini(struct deliverer *d);
/** The monotonic time never goes back, whatever the clock says. */
void deliverer_read_clocks(struct deliverer *d);
static inline bool deliverer_is_background(const struct deliverer *d)
{
    return d->background.context != NULL;
}
/** The cell of @event_type at destination @index. */
size_t deliverer_cell(struct deliverer *d, size_t index, struct span event_type);

#endif /* DELIVER_DELIVERER_H */
