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
    int64_t offset;
    struct buf metadata;
    uint64_t generation;
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
static enum commit_result take(struct sim_world *sim, int32_t number, struct commit_entry *entry)
{
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
            commit->entries[i].result = take(sim, i, &commit->entries[i]);
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
        .next = sim->commits,
        .worker = worker,
        .life = worker->life,
        .sequence = assignment_commit_begin(&worker->assignment, sim->world->now_ms),
        .entries = mem_array((size_t)sim->options.world.partitions, struct commit_entry)};
    sim->commits = commit;
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
    entry->generation = worker->readers[partition->partition].generation;
    if (log->owner == worker && partition->check.state == CHECK_OFF &&
        worker->readers[partition->partition].changes == log->changes) {
        ledger_committed(sim->ledger, partition->partition, log->committed, entry->offset);
    }
}

void commit_send(struct sim_worker *worker, bool is_final)
{
    struct sim_world *sim = worker->sim;
    struct world *world = sim->world;
    const struct assignment *assignment = &worker->assignment;
    struct sim_commit *commit;

    for (commit = sim->commits; is_final && commit != NULL; commit = commit->next) {
        if (commit->worker == worker) { /* the last one waits for what is out */
            arrive(commit);
            answer(commit);
        }
    }
    commit = new_commit(worker);
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (partition_is_commit_due(assignment->held[i], is_final)) {
            add(commit, assignment->held[i]);
        }
    }
    if (is_final || sim->options.commit_ms == 0) {
        arrive(commit);
        on_answer(commit, world);
    } else {
        world_call(world, world_now(world) + draw_ms(sim), on_arrival, commit);
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
