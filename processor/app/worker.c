/*
 * A turn: wait for Kafka, HTTP or time; take messages while there is room; let senders
 * and producer move; try parked events; commit what is settled; report.
 *
 * It can go otherwise: no room (polling stops, and when that lasts the partitions are
 * paused by name); a rebalance (turns finish what is going, the source commits and lets go); a
 * process that slept (fenced until the group has spoken); a consumer that failed for good
 * (the worker ends, the process with it); a stop (drain, commit, leave).
 */
#include "app/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/io_real.h"
#include "app/lags.h"
#include "base/clock.h"
#include "base/mem.h"
#include "deliver/dispatch.h"
#include "deliver/turn.h"
#include "ledger/bookkeeper.h"

enum {
    WAIT_MAX_MS = 500,      /* a turn at least this often */
    HAND_OVER_WAIT_MS = 20, /* answers of the last commit have no descriptor */
    REPORT_MS = 1000,       /* gauges */
    READY_GRACE_MS =
        10000, /* a worker without partitions (more workers than partitions) is ready too */
    THREAD_STACK_BYTES = 1024 * 1024,
    BACKGROUND_NICE = 10, /* a tenth of a processor that others want */
};

struct worker {
    const struct pipeline *pipeline;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    struct io_real io;
    struct deliverer deliverer;
    struct intake intake;
    struct turn turn;
    struct bookkeeper *keeper; /* owned; NULL: no ledger */
    struct fates *fates;       /* the keeper's, or a job's own; NULL: nobody asks */
    bool is_fates_own;
    struct worker_job job;
    struct metrics_worker *metrics;
    struct cluster *cluster; /* the process's */
    struct lags lags;
    int wake_fd; /* stop, or a schema that came */
    uint64_t started_ms, reported_ms;
    _Atomic uint64_t stop_by_ms; /* 0: go on */
    _Atomic bool is_ready, is_done, is_failed;
    struct err failure; /* written before is_failed */
};

/* turns */

static void wait_for_work(struct worker *worker, uint64_t due_ms)
{
    int fds[3] = {worker->wake_fd, producer_fd(worker->io.producer), source_fd(worker->io.source)};
    /* A full worker does not poll, nor one whose partitions go, so its source's descriptor would
     * stay readable: leave it out. */
    bool is_handing_over = source_is_handing_over(worker->io.source);
    size_t count = worker->turn.full_since_ms == 0 && !is_handing_over ? 3 : 2;
    uint64_t most_ms = is_handing_over ? HAND_OVER_WAIT_MS : WAIT_MAX_MS;

    http_wait(worker->io.http, fds, count, MIN_OF(due_ms, most_ms));
}

/* A stop, or a schema that came: either way, look. */
static bool is_woken(const struct worker *worker)
{
    uint64_t wakes = 0;

    return read(worker->wake_fd, &wakes, sizeof(wakes)) == (ssize_t)sizeof(wakes);
}

static void report(struct worker *worker)
{
    struct deliverer *d = &worker->deliverer;
    struct source_counts counts;
    size_t count;

    if (!deliverer_is_background(d)) {
        metrics_in_flight(worker->metrics, d->events.events, d->events.bytes);
    }
    if (d->now_ms - worker->reported_ms < REPORT_MS) {
        return;
    }
    worker->reported_ms = d->now_ms;
    if (deliverer_is_background(d)) { /* lag, gaps and blocks are those of the source topics */
        (void)source_partitions(worker->io.source, &count);
    } else {
        counts = source_counts(worker->io.source);
        metrics_positions(worker->metrics, counts.gaps, counts.gap_messages, counts.skipped);
        count = lags_report(&worker->lags, &worker->io, d, worker->cluster);
    }
    if (worker->pipeline->source_partitions > 0) {
        d->rate_share = (double)count / worker->pipeline->source_partitions;
    }
    if (count > 0 || d->now_ms - worker->started_ms >= READY_GRACE_MS) {
        atomic_store(&worker->is_ready, true);
    }
}

/* drain and stop */

static void on_revoked(void *context, struct source_partition *const *partitions, size_t count)
{
    struct worker *worker = context;

    if (!deliverer_is_background(&worker->deliverer)) {
        lags_revoke(&worker->lags, &worker->deliverer, worker->cluster, partitions, count);
    }
}

static void drain(struct worker *worker)
{
    size_t left = turn_drain(&worker->turn, atomic_load(&worker->stop_by_ms));

    if (worker->job.release != NULL) {
        worker->job.release(worker->job.context);
    }
    if (left > 0) {
        LOG_WARN("worker.drain_late",
                 "worker=%u events=%zu why=\"sent, but not answered in time: another attempt "
                 "follows after the restart\"",
                 worker->index, left);
    }
}

static void *run(void *context)
{
    struct worker *worker = context;

    (void)pthread_setname_np(pthread_self(), "detour-worker");
    if (deliverer_is_background(&worker->deliverer)) { /* of this thread alone, on Linux */
        (void)setpriority(PRIO_PROCESS, 0, BACKGROUND_NICE);
    }
    while (atomic_load_explicit(&worker->stop_by_ms, memory_order_relaxed) == 0) {
        uint64_t due_ms = turn_run(&worker->turn, is_woken(worker));

        report(worker);
        wait_for_work(worker, due_ms);
        if (source_failed(worker->io.source, &worker->failure)) {
            atomic_store(&worker->is_failed, true);
            atomic_store(&worker->stop_by_ms, clock_mono_ms() + 1);
        }
    }
    drain(worker);
    /* Leave a second for the commit even when the drain used up its time. */
    if (!source_close(worker->io.source,
                      MAX_OF(atomic_load(&worker->stop_by_ms), clock_mono_ms() + 1000))) {
        LOG_WARN("worker.commit_late",
                 "worker=%u why=\"the last commit was not acknowledged: work since the one before "
                 "is done again\"",
                 worker->index);
    }
    worker->io.source = NULL;
    metrics_in_flight(worker->metrics, worker->deliverer.events.events, 0);
    atomic_store(&worker->is_done, true);
    return NULL;
}

/* life */

static enum err_code start_thread(struct worker *worker, struct err *err)
{
    pthread_attr_t attributes;
    int rc;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    rc = pthread_create(&worker->thread, &attributes, run, worker);
    (void)pthread_attr_destroy(&attributes);
    if (rc != 0) {
        return FAIL(err, ERR_LIMIT, "no thread for worker %u", worker->index);
    }
    worker->has_thread = true;
    return ERR_OK;
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return clock_wall_ms();
}

static struct bookkeeper *keep_books(const struct worker_shared *shared, int wake_fd)
{
    const struct bookkeeper_parts parts = {.sink = ledger_sink(shared->ledger),
                                           .group = shared->pipeline->config->kafka.group,
                                           .instance = span_of(shared->pipeline->instance),
                                           .wall_ms = wall_ms,
                                           .wake_fd = wake_fd,
                                           .seed = rng_seed()};

    return bookkeeper_new(&parts);
}

enum err_code worker_start(const struct worker_shared *shared, unsigned index, struct worker **out,
                           struct err *err)
{
    struct worker *worker = mem_new(struct worker);
    struct source_events events = {.revoked = on_revoked, .context = worker};
    enum err_code rc;

    worker->pipeline = shared->pipeline;
    worker->index = index;
    worker->metrics = metrics_of(shared->metrics, index);
    worker->cluster = shared->cluster;
    worker->job = shared->job;
    worker->started_ms = clock_mono_ms();
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->wake_fd < 0) {
        free(worker);
        return FAIL(err, ERR_LIMIT, "no descriptor for worker %u", index);
    }
    if (shared->ledger != NULL) {
        worker->keeper = keep_books(shared, worker->wake_fd);
        events.books = bookkeeper_books(worker->keeper);
        worker->fates = bookkeeper_fates(worker->keeper);
    } else if (shared->job.context != NULL) {
        worker->fates = fates_new();
        worker->is_fates_own = true;
    }
    rc = io_real_open(&worker->io, shared->pipeline->config, index, err);
    if (rc == ERR_OK) {
        const struct deliverer_parts parts = {.pipeline = shared->pipeline,
                                              .health = shared->health,
                                              .metrics = worker->metrics,
                                              .io = &worker->io.table,
                                              .worker = index,
                                              .seed = rng_seed(),
                                              .fates = worker->fates,
                                              .background = shared->job.background};

        dispatch_init(&worker->deliverer, &parts);
        intake_init(&worker->intake, &worker->deliverer, worker->wake_fd);
        if (shared->job.context != NULL) {
            shared->job.install(shared->job.context, &worker->io, &worker->intake, worker->fates);
        }
        turn_init(&worker->turn, &worker->deliverer, &worker->intake, index);
        rc = source_open(shared->pipeline->config, index, &events, &worker->io.source, err);
    }
    if (rc == ERR_OK) {
        rc = start_thread(worker, err);
    }
    if (rc != ERR_OK) {
        atomic_store(&worker->is_done, true);
        worker_free(worker);
        return rc;
    }
    *out = worker;
    return ERR_OK;
}

void worker_stop(struct worker *worker, uint64_t deadline_ms)
{
    uint64_t one = 1;
    uint64_t none = 0;

    (void)atomic_compare_exchange_strong(&worker->stop_by_ms, &none, MAX_OF(deadline_ms, 1u));
    if (write(worker->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
        return; /* the counter is full: it is awake already */
    }
}

bool worker_is_done(const struct worker *worker)
{
    return atomic_load(&worker->is_done);
}

bool worker_failed(const struct worker *worker, struct err *err)
{
    if (!atomic_load(&worker->is_failed)) {
        return false;
    }
    *err = worker->failure;
    return true;
}

uint64_t worker_turned_at(const struct worker *worker)
{
    return atomic_load_explicit(&worker->turn.turned_ms, memory_order_relaxed);
}

bool worker_is_ready(const struct worker *worker)
{
    return atomic_load(&worker->is_ready);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->has_thread) {
        (void)pthread_join(worker->thread, NULL);
    }
    if (worker->io.source != NULL) {
        (void)source_close(worker->io.source, clock_mono_ms() + 1000);
    }
    if (worker->deliverer.pipeline != NULL) {
        dispatch_fini(&worker->deliverer);
    }
    io_real_close(&worker->io);
    bookkeeper_free(worker->keeper);
    if (worker->is_fates_own) {
        fates_free(worker->fates);
    }
    intake_fini(&worker->intake);
    lags_fini(&worker->lags);
    (void)close(worker->wake_fd);
    free(worker);
}
