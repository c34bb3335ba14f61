/**
 * worker - one thread that owns a consumer, its HTTP connections, its producer and batches.
 *
 * A worker's life
 *
 *     start -> join the group -> turns, until asked to stop or its source fails
 *           -> drain (unsent work is dropped, sent work is waited for) -> commit -> leave
 *
 * Nothing is shared with other workers but health and metrics, and what never changes.
 *
 * The process owns the workers. A worker that fails ends alone; the main thread then stops the
 * others (exit code 3).
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "deliver/deliverer.h"
#include "deliver/pipeline.h"
#include "health/health.h"
#include "kafka/cluster.h"
#include "ledger/ledger.h"
#include "observe/metrics.h"

struct worker;

struct fates;
struct intake;
struct io_real;

/* What a worker does instead of delivering whatever comes: a replay, a backfill. On its thread. */
struct worker_job {
    void *context; /* NULL: none */
    /** Before the first turn: functions of @io may be replaced; @fates is where what is settled is
     * described. */
    void (*install)(void *context, struct io_real *io, struct intake *intake, struct fates *fates);
    /** Before its consumer is closed: no message may be kept any longer. NULL: none is. */
    void (*release)(void *context);
    struct background background; /* all zero: it goes before nobody and after nobody */
};

/* What the workers of a process share; all borrowed. */
struct worker_shared {
    const struct pipeline *pipeline;
    struct health *health;
    struct metrics *metrics;
    struct cluster *cluster;
    struct ledger *ledger; /* NULL: none */
    struct worker_job job;
};

/** Open consumer and producer and start the thread. */
NODISCARD enum err_code worker_start(const struct worker_shared *shared, unsigned index,
                                     struct worker **out, struct err *err);
/** Ask it to stop by @deadline_ms (monotonic). Safe from any thread, returns at once. */
void worker_stop(struct worker *worker, uint64_t deadline_ms);
/** The thread has ended. */
bool worker_is_done(const struct worker *worker);
/** It ended because its consumer failed for good; why is in @err. */
bool worker_failed(const struct worker *worker, struct err *err);
/** Monotonic ms of its last turn, for /livez. */
uint64_t worker_turned_at(const struct worker *worker);
/** It has joined the group (an assignment, even an empty one, came). */
bool worker_is_ready(const struct worker *worker);
/** Join the thread (it must be done) and free. */
void worker_free(struct worker *worker);

#endif /* APP_WORKER_H */
