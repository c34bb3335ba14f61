/*
 * Commits on their way to the group and back. Each takes its time, is lost, or is taken and its
 * answer lost; it may arrive after the worker that sent it is dead, and is refused when another has
 * the partition.
 *
 * The ledger judges what is committed when it is sent: that is when the core decides.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "sim_world_inside.h"

struct commit_entry {
    int64_t from, offset; /* what the core has committed before, and with this */
    struct buf metadata;
    uint64_t generation;
    uint64_t epoch;
    enum commit_result result;
    bool is_sent;
};

struct sim_commit {
    struct sim_commit *next; /* of those on their way */
    struct sim_worker *worker;
    uint64_t life; /* the worker's, when it was sent */
    uintptr_t sequence;
    bool has_arrived, is_answered;
    struct commit_entry *entries; /* owned; by partition */
};

static void free_commit(struct sim_world *sim, struct sim_commit *commit)
{
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        if (commit->entries[i].is_sent) {
            buf_fini(&commit->entries[i].metadata);
        }
    }
    free(commit->entries);
    free(commit);
}

static void take_out(struct sim_world *sim, struct sim_commit *commit)
{
    struct sim_commit **place = &sim->commits;

    while (*place != commit) {
        place = &(*place)->next;
    }
    *place = commit->next;
}

/* Only a log that changed may be committed at an earlier offset than before. */
static enum commit_result take(struct sim_commit *commit, int32_t number)
{
    struct sim_world *sim = commit->worker->sim;
    const struct commit_entry *entry = &commit->entries[number];
    const struct sim_session session = {commit->life, number, entry->epoch};
    struct sim_log *log = &sim->logs[number];
    bool is_lost =
        sim->options.commits_lost > 0 && rng_unit(&sim->world->rng) < sim->options.commits_lost;
    bool is_answer_lost = is_lost && rng_below(&sim->world->rng, 2) == 0;

    if (log->generation != entry->generation) {
        return COMMIT_REFUSED;
    }
    if (is_lost && !is_answer_lost) {
        return COMMIT_FAILED;
    }
    if (entry->offset < log->committed && log->changes == 0) {
        ledger_fail(sim->ledger, "partition %d: committed %lld after %lld", (int)number,
                    (long long)entry->offset, (long long)log->committed);
    }
    log->committed = entry->offset;
    buf_clear(&log->metadata);
    buf_add_span(&log->metadata, buf_span(&entry->metadata));
    log_trim(log);
    sim_account_committed(sim->account, &session, entry->from, entry->offset,
                          buf_span(&entry->metadata));
    return is_answer_lost ? COMMIT_FAILED : COMMIT_DONE;
}

static void arrive(struct sim_commit *commit)
{
    struct sim_world *sim = commit->worker->sim;

    if (commit->has_arrived) {
        return;
    }
    commit->has_arrived = true;
    sim->seen.has_late_commit |= commit->worker->life != commit->life;
    for (int32_t i = 0; i < sim->options.world.partitions; i++) {
        if (commit->entries[i].is_sent) {
            commit->entries[i].result = take(commit, i);
        }
    }
}

/* The worker hears of it, if it is still the one that sent it. */
static void answer(struct sim_commit *commit)
{
    struct sim_worker *worker = commit->worker;
    struct assignment *assignment = &worker->assignment;

    if (commit->is_answered || worker->life != commit->life) {
        return;
    }
    commit->is_answered = true;
    if (!assignment_commit_answered(assignment, commit->sequence)) {
        return; /* of an assignment that is over */
    }
    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];
        const struct commit_entry *entry = &commit->entries[partition->partition];

        if (entry->is_sent) {
            (void)assignment_commit_take(assignment, partition, entry->offset, entry->result);
        }
    }
    (void)assignment_commit_end(assignment);
}

static void on_answer(void *context, struct world *world)
{
    struct sim_commit *commit = context;

    (void)world;
    answer(commit);
    take_out(commit->worker->sim, commit);
    free_commit(commit->worker->sim, commit);
}

static uint64_t draw_ms(const struct sim_world *sim)
{
    return rng_below(&sim->world->rng, sim->options.commit_ms + 1);
}

static void on_arrival(void *context, struct world *world)
{
    struct sim_commit *commit = context;

    arrive(commit);
    world_call(world, world_now(world) + draw_ms(commit->worker->sim), on_answer, commit);
}

static struct sim_commit *new_commit(struct sim_worker *worker)
{
    struct sim_world *sim = worker->sim;
    struct sim_commit *commit = mem_new(struct sim_commit);

    *commit = (struct sim_commit){
        .worker = worker,
        .life = worker->life,
        .sequence = assignment_commit_begin(&worker->assignment, sim->world->now_ms),
        .entries = mem_array((size_t)sim->options.world.partitions, struct commit_entry)};
    return commit;
}

static void add(struct sim_commit *commit, struct source_partition *partition)
{
    struct sim_worker *worker = commit->worker;
    struct sim_world *sim = worker->sim;
    struct sim_log *log = &sim->logs[partition->partition];
    struct commit_entry *entry = &commit->entries[partition->partition];

    entry->is_sent = true;
    buf_init(&entry->metadata, METADATA_BYTES_MAX);
    entry->offset =
        partition_commit(partition, worker->assignment.commits.bytes_max, &entry->metadata);
    entry->from = tracker_tally(partition->tracker)->from;
    entry->epoch = partition->epoch;
    entry->generation = worker->readers[partition->partition].generation;
    if (log->owner == worker && partition->check.state == CHECK_OFF &&
        worker->readers[partition->partition].changes == log->changes) {
        ledger_committed(sim->ledger, partition->partition, log->committed, entry->offset);
    }
}

/* What the ledger did not take is not committed. */
static void leave_out_unwritten(struct sim_commit *commit)
{
    struct sim_worker *worker = commit->worker;

    for (int32_t i = 0; i < worker->sim->options.world.partitions; i++) {
        struct commit_entry *entry = &commit->entries[i];

        if (entry->is_sent && !worker->readers[i].partition->is_committing) {
            entry->is_sent = false;
            buf_fini(&entry->metadata);
        }
    }
}

/* As kafka/source_commit.c does. */
static void send_sealed(struct sim_worker *worker, bool is_final)
{
    struct sim_world *sim = worker->sim;
    struct sim_commit *commit = worker->sealed;
    bool is_written;

    if (commit == NULL) {
        return;
    }
    is_written = assignment_commit_is_written(&worker->assignment, sim->world->now_ms);
    sim->seen.blocks |= worker->assignment.blocks;
    if (!is_written) {
        return;
    }
    leave_out_unwritten(commit);
    worker->sealed = NULL;
    commit->next = sim->commits;
    sim->commits = commit;
    if (is_final || sim->options.commit_ms == 0) {
        arrive(commit);
        on_answer(commit, sim->world);
    } else {
        world_call(sim->world, world_now(sim->world) + draw_ms(sim), on_arrival, commit);
    }
}

void commit_serve(struct sim_worker *worker)
{
    send_sealed(worker, false);
}

void commit_seal(struct sim_worker *worker, bool is_final)
{
    const struct assignment *assignment = &worker->assignment;

    INVARIANT(worker->sealed == NULL);
    worker->sealed = new_commit(worker);
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (partition_is_commit_due(assignment->held[i], is_final)) {
            add(worker->sealed, assignment->held[i]);
        }
    }
    assignment_commit_write(&worker->assignment, worker->sim->world->now_ms);
    send_sealed(worker, is_final);
}

bool commit_finally(struct sim_worker *worker)
{
    struct sim_world *sim = worker->sim;
    struct sim_commit *commit;

    for (commit = sim->commits; commit != NULL; commit = commit->next) {
        if (commit->worker == worker) { /* the last one waits for what is out */
            arrive(commit);
            answer(commit);
        }
    }
    send_sealed(worker, true);
    if (assignment_commit_due_finally(&worker->assignment, sim->world->now_ms)) {
        commit_seal(worker, true);
    }
    return !assignment_has_uncommitted(&worker->assignment);
}

void commit_forget(struct sim_worker *worker)
{
    if (worker->sealed != NULL) {
        free_commit(worker->sim, worker->sealed);
        worker->sealed = NULL;
    }
}

void commits_free(struct sim_world *sim)
{
    while (sim->commits != NULL) {
        struct sim_commit *commit = sim->commits;

        sim->commits = commit->next;
        free_commit(sim, commit);
    }
}
