/*
 * A turn: wait for Kafka, HTTP or time; take messages while there is room; let senders
 * and producer move; try parked events; commit what is settled; report.
 *
 * It can go otherwise: no room (polling stops, and when that lasts the partitions are
 * paused by name); a rebalance inside the poll (on_revoke drains what is going); a
 * process that slept (fenced until the group has spoken); a consumer that failed for good
 * (the worker ends, the process with it); a stop (drain, commit, leave).
 */
#include "app/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/deliverer.h"
#include "deliver/intake.h"

enum {
    TAKE_MAX = 1000,        /* messages a turn: senders and commits get their turn too */
    WAIT_MAX_MS = 500,      /* a turn at least this often */
    REPORT_MS = 1000,       /* gauges */
    PARKED_RETRY_MS = 500,  /* besides the wake-up by the catalog */
    FULL_PATIENCE_MS = 250, /* not polling is cheaper than pausing, which drops what was fetched */
    DRAIN_WAIT_MS = 20,
    READY_GRACE_MS =
        10000, /* a worker without partitions (more workers than partitions) is ready too */
    THREAD_STACK_BYTES = 1024 * 1024,
};

struct worker {
    const struct pipeline *pipeline;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    struct source *source;
    struct deliverer deliverer;
    struct intake intake;
    struct metrics_worker *metrics;
    int wake_fd;            /* stop, or a schema that came */
    bool has_more;          /* the last turn ended with messages left */
    uint64_t full_since_ms; /* 0: there is room */
    bool is_full_blocked;   /* partitions are paused for it */
    enum block_reason full_reason;
    uint64_t started_ms, reported_ms, retried_ms;
    _Atomic uint64_t stop_by_ms; /* 0: go on */
    _Atomic uint64_t turned_ms;
    _Atomic bool is_ready, is_done, is_failed;
    struct err failure; /* written before is_failed */
};

/* room */

/* What there is too much of, or BLOCK_REASON_COUNT when there is room. */
static enum block_reason lacks_room(const struct worker *worker)
{
    const struct deliverer *d = &worker->deliverer;
    const struct config *config = worker->pipeline->config;
    uint64_t part = worker->is_full_blocked ? 2 : 1; /* resume at half: hysteresis */

    if (d->events.events >= config->in_flight.events / part) {
        return BLOCK_IN_FLIGHT_EVENTS;
    }
    if (d->events.bytes >= config->in_flight.bytes / part) {
        return BLOCK_IN_FLIGHT_BYTES;
    }
    return producer_is_full(d->producer) ? BLOCK_ALTERNATE : BLOCK_REASON_COUNT;
}

static bool has_room(struct worker *worker)
{
    enum block_reason lack = lacks_room(worker);
    uint64_t now_ms = worker->deliverer.now_ms;

    if (lack == BLOCK_REASON_COUNT) {
        if (worker->is_full_blocked) {
            worker->is_full_blocked = false;
            source_block(worker->source, NULL, worker->full_reason, false);
            LOG_INFO("worker.room", "worker=%u was=%s", worker->index,
                     block_word(worker->full_reason));
        }
        worker->full_since_ms = 0;
        return true;
    }
    if (worker->full_since_ms == 0) {
        worker->full_since_ms = now_ms;
    } else if (!worker->is_full_blocked && now_ms - worker->full_since_ms >= FULL_PATIENCE_MS) {
        worker->is_full_blocked = true;
        worker->full_reason = lack;
        source_block(worker->source, NULL, lack, true);
        LOG_WARN("worker.full", "worker=%u reason=%s events=%llu bytes=%llu", worker->index,
                 block_word(lack), (unsigned long long)worker->deliverer.events.events,
                 (unsigned long long)worker->deliverer.events.bytes);
    }
    return false;
}

/* turns */

static void take_messages(struct worker *worker)
{
    worker->has_more = false;
    for (int i = 0; i < TAKE_MAX; i++) {
        struct source_partition *partition = NULL;
        rd_kafka_message_t *message;

        if (!has_room(worker)) {
            source_serve(worker->source);
            return;
        }
        message = source_poll(worker->source, &partition);
        if (message == NULL) {
            return;
        }
        intake_take(&worker->intake, message, partition);
    }
    worker->has_more = true;
}

static void wait_for_work(struct worker *worker, uint64_t due_ms)
{
    int fds[3] = {worker->wake_fd, producer_fd(worker->deliverer.producer),
                  source_fd(worker->source)};
    /* A full worker does not poll, so its source's descriptor would stay readable: leave it out. */
    size_t count = worker->full_since_ms == 0 ? 3 : 2;
    uint64_t wait_ms = worker->has_more ? 0 : MIN_OF(due_ms, (uint64_t)WAIT_MAX_MS);

    if (worker->full_since_ms != 0) {
        wait_ms = MIN_OF(wait_ms, (uint64_t)FULL_PATIENCE_MS / 2);
    }
    http_wait(worker->deliverer.http, fds, count, wait_ms);
}

static void retry_parked(struct worker *worker)
{
    uint64_t now_ms = worker->deliverer.now_ms;
    uint64_t wakes = 0;
    bool is_woken = read(worker->wake_fd, &wakes, sizeof(wakes)) == (ssize_t)sizeof(wakes);

    if (is_woken || now_ms - worker->retried_ms >= PARKED_RETRY_MS) {
        worker->retried_ms = now_ms;
        intake_retry_parked(&worker->intake);
    }
}

static void report(struct worker *worker)
{
    struct deliverer *d = &worker->deliverer;
    unsigned blocked[BLOCK_REASON_COUNT] = {0};
    size_t count = 0;
    struct source_partition *const *partitions;

    metrics_in_flight(worker->metrics, d->events.events, d->events.bytes);
    if (d->now_ms - worker->reported_ms < REPORT_MS) {
        return;
    }
    worker->reported_ms = d->now_ms;
    partitions = source_partitions(worker->source, &count);
    for (size_t i = 0; i < count; i++) {
        const struct source_partition *partition = partitions[i];
        int64_t lag = partition->high - tracker_watermark(partition->tracker);

        metrics_lag(worker->metrics, partition->topic, partition->partition,
                    partition->high < 0 || lag < 0 ? 0 : lag);
        for (unsigned reason = 0; reason < BLOCK_REASON_COUNT; reason++) {
            blocked[reason] += partition->blocks >> reason & 1u;
        }
    }
    if (worker->pipeline->source_partitions > 0) {
        d->rate_share = (double)count / worker->pipeline->source_partitions;
    }
    for (unsigned reason = 0; reason < BLOCK_REASON_COUNT; reason++) {
        metrics_blocked(worker->metrics, (enum block_reason)reason, blocked[reason]);
    }
    if (count > 0 || d->now_ms - worker->started_ms >= READY_GRACE_MS) {
        atomic_store(&worker->is_ready, true);
    }
}

static void turn(struct worker *worker)
{
    uint64_t due_ms;

    take_messages(worker);
    worker->deliverer.is_silent = source_is_fenced(worker->source, worker->deliverer.now_ms);
    due_ms = deliverer_turn(&worker->deliverer);
    retry_parked(worker);
    source_commit(worker->source, worker->deliverer.now_ms, false);
    report(worker);
    atomic_store_explicit(&worker->turned_ms, worker->deliverer.now_ms, memory_order_relaxed);
    wait_for_work(worker, due_ms);
}

/* leaving */

/* Sent work of @partition (NULL: all) is waited for; what comes back unsettled is dropped. */
static void finish_sent(struct worker *worker, const struct source_partition *partition,
                        uint64_t until_ms)
{
    struct deliverer *d = &worker->deliverer;

    for (;;) {
        int fds[1] = {producer_fd(d->producer)};

        deliverer_drop_unsent(d, partition);
        if (deliverer_open(d, partition) == 0 || clock_mono_ms() >= until_ms) {
            return;
        }
        (void)deliverer_turn(d);
        atomic_store_explicit(&worker->turned_ms, d->now_ms, memory_order_relaxed);
        http_wait(d->http, fds, 1, DRAIN_WAIT_MS);
    }
}

static void on_revoke(void *context, struct source_partition *const *partitions, size_t count,
                      uint64_t wait_ms)
{
    struct worker *worker = context;
    uint64_t until_ms = clock_mono_ms() + wait_ms;

    for (size_t i = 0; i < count; i++) {
        deliverer_drop_unsent(&worker->deliverer, partitions[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (wait_ms > 0) {
            finish_sent(worker, partitions[i], until_ms);
        }
        deliverer_forget(&worker->deliverer, partitions[i]);
        metrics_lag(worker->metrics, partitions[i]->topic, partitions[i]->partition, -1);
    }
}

static void drain(struct worker *worker)
{
    uint64_t stop_by_ms = atomic_load(&worker->stop_by_ms);
    size_t left;

    worker->deliverer.is_silent = true;
    finish_sent(worker, NULL, stop_by_ms);
    left = deliverer_open(&worker->deliverer, NULL);
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
    while (atomic_load_explicit(&worker->stop_by_ms, memory_order_relaxed) == 0) {
        turn(worker);
        if (source_failed(worker->source, &worker->failure)) {
            atomic_store(&worker->is_failed, true);
            atomic_store(&worker->stop_by_ms, clock_mono_ms() + 1);
        }
    }
    drain(worker);
    /* Leave a second for the commit even when the drain used up its time. */
    if (!source_close(worker->source,
                      MAX_OF(atomic_load(&worker->stop_by_ms), clock_mono_ms() + 1000))) {
        LOG_WARN("worker.commit_late",
                 "worker=%u why=\"the last commit was not acknowledged: work since the one before "
                 "is done again\"",
                 worker->index);
    }
    worker->source = NULL;
    metrics_in_flight(worker->metrics, deliverer_open(&worker->deliverer, NULL), 0);
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

enum err_code worker_start(const struct pipeline *pipeline, struct health *health,
                           struct metrics *metrics, unsigned index, struct worker **out,
                           struct err *err)
{
    struct worker *worker = mem_new(struct worker);
    struct source_events events = {.revoke = on_revoke, .context = worker};
    enum err_code rc;

    worker->pipeline = pipeline;
    worker->index = index;
    worker->metrics = metrics_of(metrics, index);
    worker->started_ms = clock_mono_ms();
    atomic_store(&worker->turned_ms, worker->started_ms);
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->wake_fd < 0) {
        free(worker);
        return FAIL(err, ERR_LIMIT, "no descriptor for worker %u", index);
    }
    rc = deliverer_init(&worker->deliverer, pipeline, health, worker->metrics, index, err);
    if (rc == ERR_OK) {
        intake_init(&worker->intake, &worker->deliverer, worker->wake_fd);
        rc = source_open(pipeline->config, index, &events, &worker->source, err);
    }
    if (rc == ERR_OK) {
        worker->deliverer.source = worker->source;
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
    return atomic_load_explicit(&worker->turned_ms, memory_order_relaxed);
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
    if (worker->source != NULL) {
        (void)source_close(worker->source, clock_mono_ms() + 1000);
    }
    if (worker->deliverer.pipeline != NULL) {
        deliverer_fini(&worker->deliverer);
    }
    intake_fini(&worker->intake);
    (void)close(worker->wake_fd);
    free(worker);
}
