#include "sim_world.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim_world_inside.h"

enum { CALM_AGAIN_MS = 50, REVOKE_WAIT_MS = 5000, METADATA_BUF_BYTES = 8192 };

/* calls */

struct sim_calm {
    struct sim_calm *next;
    struct sim_world *sim;
    void (*call)(void *context, struct sim_world *sim);
    void *context;
};

static void keep(void *context, struct world *world)
{
    struct sim_calm *calm = context;
    struct sim_world *sim = calm->sim;
    struct sim_calm **place = &sim->calls;

    if (sim->leaving > 0) {
        world_call(world, world_now(world) + CALM_AGAIN_MS, keep, calm);
        return;
    }
    while (*place != calm) {
        place = &(*place)->next;
    }
    *place = calm->next;
    calm->call(calm->context, sim);
    free(calm);
}

void sim_call(struct sim_world *sim, uint64_t at_ms,
              void (*call)(void *context, struct sim_world *sim), void *context)
{
    struct sim_calm *calm = mem_new(struct sim_calm);

    *calm = (struct sim_calm){sim->calls, sim, call, context};
    sim->calls = calm;
    world_call(sim->world, at_ms, keep, calm);
}

/* life */

static int64_t wall_ms(void *context)
{
    return world_wall_ms(context);
}

/* As app/worker.c does. */
static void keep_books(struct sim_worker *worker)
{
    struct world *world = worker->sim->world;
    struct tally_writer books;

    worker->sink = sim_sink_open(worker->sim->books, worker->worker);
    worker->keeper =
        bookkeeper_new(&(struct bookkeeper_parts){.sink = sim_sink_of(worker->sink),
                                                  .group = world->pipeline->config->kafka.group,
                                                  .instance = SPAN("sim"),
                                                  .wall_ms = wall_ms,
                                                  .wall_context = world,
                                                  .wake_fd = -1,
                                                  .seed = worker->life * 0x9e3779b97f4a7c15u});
    books = bookkeeper_books(worker->keeper);
    assignment_keep_books(&worker->assignment, &books);
}

static void start(struct sim_worker *worker)
{
    struct world *world = worker->sim->world;

    worker->life = ++worker->sim->lives;
    worker->health = health_new(world->pipeline->config, rng_next(&world->rng), world->now_ms);
    health_use_wall(worker->health, wall_ms, world);
    reader_open(worker);
    keep_books(worker);
    worker_open(worker->worker,
                &(struct worker_parts){.source = &sim_source,
                                       .context = worker,
                                       .health = worker->health,
                                       .metrics = metrics_of(world->options.metrics, 0),
                                       .fates = bookkeeper_fates(worker->keeper)});
}

static void end(struct sim_worker *worker)
{
    reader_leave(worker);
    worker_close(worker->worker);
    reader_close(worker);
    bookkeeper_free(worker->keeper);
    sim_sink_close(worker->sink);
    health_free(worker->health);
    *worker = (struct sim_worker){.sim = worker->sim, .worker = worker->worker};
}

struct sim_world *sim_world_new(const struct pipeline *pipeline,
                                const struct sim_world_options *options, struct ledger *ledger)
{
    struct sim_world *sim = mem_new(struct sim_world);

    sim->options = *options;
    sim->ledger = ledger;
    sim->topic = pipeline->config->kafka.topics[0];
    sim->topic_text = mem_text(sim->topic);
    sim->world = world_new(pipeline, &options->world);
    sim->books = sim_books_new(sim->world, &options->books);
    sim->account = sim_account_new(pipeline->config);
    sim->logs = mem_array((size_t)options->world.partitions, struct sim_log);
    for (int32_t i = 0; i < options->world.partitions; i++) {
        buf_init(&sim->logs[i].metadata, METADATA_BUF_BYTES);
    }
    sim->workers = mem_array(options->world.workers, struct sim_worker);
    for (uint32_t i = 0; i < options->world.workers; i++) {
        sim->workers[i].sim = sim;
        sim->workers[i].worker = &sim->world->workers[i];
        start(&sim->workers[i]);
    }
    sim_rebalance(sim, 0);
    return sim;
}

void sim_world_free(struct sim_world *sim)
{
    for (uint32_t i = 0; i < sim->options.world.workers; i++) {
        if (sim_is_alive(sim, i)) {
            end(&sim->workers[i]);
        }
    }
    world_free(sim->world);
    commits_free(sim);
    sim_books_free(sim->books);
    sim_account_free(sim->account);
    while (sim->calls != NULL) {
        struct sim_calm *calm = sim->calls;

        sim->calls = calm->next;
        free(calm);
    }
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        log_fini(&sim->logs[i]);
    }
    free(sim->logs);
    free(sim->workers);
    free(sim->topic_text);
    free(sim);
}

struct world *sim_world_of(struct sim_world *sim)
{
    return sim->world;
}

int64_t sim_produce(struct sim_world *sim, struct sim_record *made)
{
    struct log_record *record = mem_new(struct log_record);
    struct sim_log *log = &sim->logs[made->partition];

    PRE(made->tag >> SIM_TAG_BITS == 0);

    made->tag |= log->changes << SIM_TAG_BITS;
    record->record = (struct world_record){
        .message = {.partition = made->partition,
                    .payload = (void *)(uintptr_t)made->value.ptr,
                    .len = made->value.len},
        .produced_ms = sim->world->now_ms,
        .timestamp_ms = world_wall_ms(sim->world),
        .topic = sim->topic,
        .tag = made->tag,
    };
    record->serial = ++sim->serial;
    log_add(log, record, made->gap);
    if (log->owner != NULL) {
        worker_wake(log->owner->worker);
    }
    return record->record.message.offset;
}

void sim_settled(struct sim_world *sim, const struct world_leg *leg)
{
    sim_account_leg(sim->account, sim->workers[leg->worker].life, leg);
}

/* the group */

void sim_share_rate(struct sim_worker *worker)
{
    worker->worker->deliverer.rate_share =
        (double)worker->assignment.held_count / worker->sim->options.world.partitions;
}

static bool is_awake(const struct sim_worker *worker)
{
    return worker->worker->is_open && !worker->is_asleep;
}

static void assign_all(struct sim_world *sim, uint32_t first)
{
    uint32_t at = first;

    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        for (uint32_t tries = 0; tries < sim->options.world.workers && sim->logs[i].owner == NULL;
             tries++, at++) {
            struct sim_worker *worker = &sim->workers[at % sim->options.world.workers];

            if (is_awake(worker)) {
                reader_assign(worker, i);
                sim_share_rate(worker);
                worker_wake(worker->worker);
            }
        }
    }
}

/* All its partitions go, over some turns. @until_ms: sent work is waited for until then, and
 * settled work committed; 0: they are lost. */
static void revoke(struct sim_worker *worker, uint64_t until_ms)
{
    if (worker->assignment.held_count > 0) {
        worker->sim->leaving++;
        worker->going_by_ms = until_ms;
        assignment_go(&worker->assignment);
        worker_wake(worker->worker);
    }
}

void sim_left(struct sim_world *sim)
{
    INVARIANT(sim->leaving > 0);
    sim->leaving--;
    if (sim->leaving == 0 && sim->is_sharing) {
        sim->is_sharing = false;
        assign_all(sim, sim->share_at);
    }
}

void sim_rebalance(struct sim_world *sim, uint32_t first)
{
    sim->is_sharing = true;
    sim->share_at = first;
    sim->leaving++; /* until all are asked */
    for (uint32_t i = 0; i < sim->options.world.workers; i++) {
        if (is_awake(&sim->workers[i])) {
            revoke(&sim->workers[i], sim->world->now_ms + REVOKE_WAIT_MS);
        }
    }
    sim_left(sim);
}

void sim_kill(struct sim_world *sim, uint32_t worker)
{
    end(&sim->workers[worker]);
}

void sim_stop(struct sim_world *sim, uint32_t index, uint64_t drain_ms)
{
    struct sim_worker *worker = &sim->workers[index];

    uint64_t by_ms;

    worker->is_asleep = false; /* it wakes up to stop */
    worker->worker->is_busy = true;
    sim->leaving++;
    (void)turn_drain(&worker->worker->turn, sim->world->now_ms + drain_ms);
    by_ms = sim->world->now_ms + COMMIT_FINALLY_MS;
    while (!commit_finally(worker) && sim->world->now_ms < by_ms) {
        world_run(sim->world, world_now(sim->world) + 1);
    }
    sim->leaving--;
    end(worker);
}

void sim_start(struct sim_world *sim, uint32_t worker)
{
    INVARIANT(!sim_is_alive(sim, worker));
    start(&sim->workers[worker]);
}

/* Others take what the sleeper does not know it has lost. */
static void end_session(void *context, struct sim_world *sim)
{
    struct sim_worker *worker = context;

    if (!worker->worker->is_open || !worker->is_asleep) {
        return;
    }
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        struct sim_log *log = &sim->logs[i];

        if (log->owner == worker) {
            log->owner = NULL;
            log->generation++; /* its commits are refused */
            ledger_left(sim->ledger, i, log->committed, worker->readers[i].partition->position);
        }
    }
    assign_all(sim, worker->worker->index + 1);
}

static void wake_up(void *context, struct world *world)
{
    struct sim_worker *worker = context;
    const struct assignment *assignment = &worker->assignment;
    size_t lost = 0;

    if (!worker->is_asleep) {
        return; /* it died asleep */
    }
    worker->is_asleep = false;
    worker->worker->is_busy = false;
    assignment_awake(&worker->assignment, world->now_ms);
    for (size_t i = 0; i < assignment->held_count; i++) {
        lost += worker->sim->logs[assignment->held[i]->partition].owner != worker;
    }
    INVARIANT(lost == 0 || lost == assignment->held_count);
    if (lost > 0) {
        revoke(worker, 0);
    }
}

void sim_sleep(struct sim_world *sim, uint32_t index, uint64_t ms)
{
    struct sim_worker *worker = &sim->workers[index];
    uint64_t now_ms = world_now(sim->world);

    worker->is_asleep = true;
    worker->worker->is_busy = true;
    world_call(sim->world, now_ms + ms, wake_up, worker);
    sim_call(sim, now_ms + SIM_SESSION_MS, end_session, worker);
}

bool sim_is_alive(const struct sim_world *sim, uint32_t worker)
{
    return sim->workers[worker].worker->is_open;
}

/* logs */

/* A log that changes costs its readers their connections or leaders, and with those comes the
 * metadata that the real client takes for a hint. */
static void hint(struct sim_world *sim, int32_t partition)
{
    for (uint32_t i = 0; i < sim->options.world.workers; i++) {
        struct sim_worker *worker = &sim->workers[i];

        if (worker->worker->is_open && worker->readers[partition].partition != NULL) {
            worker->readers[partition].is_checked = false;
            assignment_suspect(&worker->assignment, sim->world->now_ms);
            worker_wake(worker->worker);
        }
    }
}

void sim_remove(struct sim_world *sim, int32_t partition)
{
    struct sim_log *log = &sim->logs[partition];
    int64_t from = MAX_OF(log->committed, (int64_t)log->trimmed);
    const struct sim_worker *owner = log->owner;

    log_remove(log, MIN_OF(from + (log_end(log) - from + 1) / 2, log_end(log)));
    /* Records of a log that its reader has not recognised yet as another one. If the records by
     * which it would are among those that go, and the log goes on behind the reader's position,
     * nothing is there that could tell: offsets are numbers. Then the core cannot name this gap.
     * What is still in the log has to be delivered all the same. */
    if (owner != NULL && owner->readers[partition].changes != log->changes) {
        ledger_gap(sim->ledger, partition, 0, (int64_t)log->trimmed);
    }
}

void sim_truncate(struct sim_world *sim, int32_t partition, uint64_t records)
{
    struct sim_log *log = &sim->logs[partition];
    int64_t end = MAX_OF(log_end(log) - (int64_t)records, (int64_t)log->trimmed);

    log_truncate(log, end);
    ledger_truncated(sim->ledger, partition, end);
    hint(sim, partition);
}

void sim_replace(struct sim_world *sim, int32_t partition, bool is_forgotten)
{
    struct sim_log *log = &sim->logs[partition];

    log_replace(log);
    ledger_truncated(sim->ledger, partition, 0);
    if (is_forgotten) {
        log->committed = -1;
        buf_clear(&log->metadata);
    }
    hint(sim, partition);
}

/* looking */

/* An empty log of which the group knows nothing has nothing to commit. What the group knows may be
 * of the log before, while the owner knows better. */
static bool is_committed(const struct sim_world *sim, int32_t number)
{
    const struct sim_log *log = &sim->logs[number];
    const struct source_partition *partition =
        log->owner == NULL ? NULL : log->owner->readers[number].partition;

    return (log->committed == log_end(log) || (log->committed < 0 && log->count == 0)) &&
           (partition == NULL || !partition->is_dirty);
}

bool sim_is_drained(const struct sim_world *sim)
{
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        if (!is_committed(sim, i)) {
            return false;
        }
    }
    return world_in_flight(sim->world) == 0;
}

const struct deliverer *sim_deliverer(const struct sim_world *sim, uint32_t worker)
{
    return sim_is_alive(sim, worker) ? &sim->workers[worker].worker->deliverer : NULL;
}

void sim_tell_undrained(const struct sim_world *sim)
{
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        const struct sim_log *log = &sim->logs[i];
        const struct source_partition *partition =
            log->owner == NULL ? NULL : log->owner->readers[i].partition;

        if (!is_committed(sim, i)) {
            ledger_fail(sim->ledger,
                        "not drained: partition %d of %lld..%lld is committed at %lld, read at "
                        "%lld, blocked by %x, check %d",
                        (int)i, (long long)log->trimmed, (long long)log_end(log),
                        (long long)log->committed,
                        (long long)(partition == NULL ? -2 : partition->position),
                        partition == NULL ? 0 : partition->blocks,
                        partition == NULL ? -1 : (int)partition->check.state);
        }
    }
    ledger_fail(sim->ledger, "not drained: %llu events in flight",
                (unsigned long long)world_in_flight(sim->world));
}

static void judge_book(struct sim_world *sim, const struct books *books, struct book *book)
{
    struct sim_log *log = &sim->logs[book->partition];
    const struct metadata_place place = {sim->topic, book->partition, log->committed};
    struct metadata metadata = {0};
    struct record_run *runs;

    if (log->committed >= 0) {
        (void)metadata_read(buf_span(&log->metadata), &place, &metadata);
    }
    runs = mem_array(MAX_OF(metadata.run_count, (size_t)1), struct record_run);
    for (size_t i = 0; i < metadata.run_count; i++) {
        runs[i] = (struct record_run){metadata.runs[i].from, metadata.runs[i].to};
    }
    book_finish(book,
                &(struct book_commit){log->committed, log->committed, runs, metadata.run_count});
    sim_account_compare(sim->account, books, book, log->changes > 0, sim->ledger);
    free(runs);
    free(metadata.runs);
}

void sim_judge_books(struct sim_world *sim)
{
    struct books *books = sim_books_fold(sim->books);

    for (size_t i = 0; i < RECORD_FAULT_COUNT; i++) {
        if (books->faults[i].count > 0) {
            ledger_fail(sim->ledger, "ledger: a record %s: %s",
                        record_fault_text((enum record_fault)i),
                        books->faults[i].member == NULL ? "" : books->faults[i].member);
        }
    }
    for (size_t i = 0; i < books->count; i++) {
        judge_book(sim, books, books->items[i]);
    }
    books_free(books);
}

struct sim_world_seen sim_world_seen(const struct sim_world *sim)
{
    return sim->seen;
}
