/*
 * The Kafka client that a worker of the simulation seems to have. It moves through the logs of the
 * partitions and does what offsets/ asks for; all that is decided is decided there.
 *
 * What it does as the real one: it fetches from where it was told, tells the end of a log once,
 * refuses offsets the log does not have, and throws away nothing but what offsets/ does not take.
 * How commits fare: sim_commit.c.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "sim_world_inside.h"

enum { HEAR_EVERY_MS = 1000 };

static uint64_t now_of(const struct sim_worker *worker)
{
    return worker->sim->world->now_ms;
}

static struct sim_worker *sim_worker_of(void *context)
{
    return ((struct worker *)context)->source;
}

void reader_open(struct sim_worker *worker)
{
    const struct world_options *options = &worker->sim->options.world;

    worker->readers = mem_array((size_t)options->partitions, struct reader);
    assignment_init(&worker->assignment, worker->worker->index, options->window_max, SIM_SESSION_MS,
                    now_of(worker));
    worker->assignment.commits.sent_ms = now_of(worker);
}

void reader_close(struct sim_worker *worker)
{
    assignment_fini(&worker->assignment);
    free(worker->readers);
}

/* acting */

static void fetch_all(struct sim_worker *worker)
{
    for (size_t i = 0; i < worker->assignment.held_count; i++) {
        struct source_partition *partition = worker->assignment.held[i];
        struct reader *reader = &worker->readers[partition->partition];

        reader->is_fetched = partition_fetch(partition, &reader->at);
        reader->is_paused &= !reader->is_fetched;
        reader->is_end_told = false;
    }
    assignment_tick(&worker->assignment, now_of(worker));
}

static void act_on(struct sim_worker *worker, struct source_partition *partition)
{
    struct reader *reader = &worker->readers[partition->partition];
    uint32_t due = partition_act(partition, PARTITION_PAUSE | PARTITION_SEEK | PARTITION_RESUME);

    reader->is_paused |= (due & PARTITION_PAUSE) != 0;
    if ((due & PARTITION_SEEK) != 0) {
        reader->at = partition_fetch_offset(partition);
        reader->is_end_told = false;
        if (!reader->is_fetched) {
            partition_seek_failed(partition, true, now_of(worker));
        }
    }
    reader->is_paused &= (due & PARTITION_RESUME) == 0;
}

/* Do what the partitions ask for, as kafka/source_act.c does. */
static void act(struct sim_worker *worker)
{
    const struct assignment *assignment = &worker->assignment;
    uint32_t due = 0;

    for (size_t i = 0; i < assignment->held_count && !assignment->is_going; i++) {
        due |= assignment->held[i]->actions;
    }
    if ((due & PARTITION_REFETCH) != 0) {
        fetch_all(worker);
    }
    for (size_t i = 0; i < assignment->held_count && due != 0; i++) {
        act_on(worker, assignment->held[i]);
    }
}

static void block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_on)
{
    struct sim_worker *worker = sim_worker_of(context);

    worker->sim->seen.blocks |= is_on ? 1u << reason : 0;
    assignment_block(&worker->assignment, partition, reason, is_on, now_of(worker));
    act(worker);
}

/* A gap may be named only where something is gone. Records that were removed are accounted for by
 * it, and where the log is another one, what is read again may arrive twice. */
static void judge_gap(const struct sim_worker *worker, const struct source_partition *partition,
                      int64_t wanted, uint64_t missing)
{
    struct sim_world *sim = worker->sim;
    const struct sim_log *log = &sim->logs[partition->partition];
    int64_t from = partition->position;

    if (log->changes == 0) {
        sim->seen.has_removed = true;
        ledger_gap(sim->ledger, partition->partition, wanted, from);
    } else {
        sim->seen.has_changed = true; /* and what was removed before cannot be read again either */
        ledger_gap(sim->ledger, partition->partition, 0, MIN_OF(from, (int64_t)log->trimmed));
        ledger_left(sim->ledger, partition->partition, from, wanted);
    }
    if (log->changes == 0 && (!log->is_removed || missing != (uint64_t)(from - wanted))) {
        ledger_fail(sim->ledger, "partition %d: a gap of %llu is named at %lld, read on at %lld",
                    (int)partition->partition, (unsigned long long)missing, (long long)wanted,
                    (long long)from);
    }
}

static void look(struct sim_worker *worker, struct source_partition *partition)
{
    const struct sim_world *sim = worker->sim;
    struct sim_log *log = &sim->logs[partition->partition];
    struct source_counts before = partition->counts;
    int64_t wanted = partition->position;
    uint64_t epoch = partition->epoch;

    partition_bounds(partition, &sim->world->pipeline->config->kafka, (int64_t)log->trimmed,
                     log_end(log), now_of(worker));
    if (partition->epoch != epoch && tracker_tally(partition->tracker)->start.is_new_log) {
        sim_account_new_log(
            sim->account,
            &(struct sim_session){worker->life, partition->partition, partition->epoch}, false);
    }
    if (partition->counts.gaps > before.gaps) {
        worker->readers[partition->partition].changes = log->changes;
        judge_gap(worker, partition, wanted, partition->counts.gap_messages - before.gap_messages);
    }
}

/* The core has compared the log since it changed. */
static void note_check(struct sim_worker *worker)
{
    for (size_t i = 0; i < worker->assignment.held_count; i++) {
        const struct source_partition *partition = worker->assignment.held[i];
        struct reader *reader = &worker->readers[partition->partition];

        if (reader->is_checked && partition->check.state == CHECK_OFF) {
            reader->changes = worker->sim->logs[partition->partition].changes;
        }
        reader->is_checked |= partition->check.state != CHECK_OFF;
    }
}

/* What the broker says of the logs: where they end, and where they begin when that is asked. */
static void hear(struct sim_worker *worker)
{
    const struct sim_world *sim = worker->sim;
    uint64_t now_ms = now_of(worker);
    bool is_due = now_ms >= worker->heard_ms + HEAR_EVERY_MS;

    for (size_t i = 0; i < worker->assignment.held_count; i++) {
        struct source_partition *partition = worker->assignment.held[i];
        const struct sim_log *log = &sim->logs[partition->partition];

        if (partition_is_look_due(partition, now_ms)) {
            look(worker, partition);
        }
        if (is_due) {
            partition_high_watermark(partition, log_end(log), now_ms);
        }
    }
    worker->heard_ms = is_due ? now_ms : worker->heard_ms;
}

static void serve(void *context)
{
    struct sim_worker *worker = sim_worker_of(context);

    assignment_awake(&worker->assignment, now_of(worker));
    if (!worker->assignment.is_going) {
        assignment_tick(&worker->assignment, now_of(worker));
        act(worker);
        note_check(worker);
        hear(worker);
        act(worker);
    }
}

/* taking */

static bool take(struct sim_worker *worker, struct source_partition *partition,
                 const struct log_record *record)
{
    struct sim_world *sim = worker->sim;
    const struct mark mark = {record->record.message.offset, record->serial};
    uint64_t skipped = partition->counts.skipped;
    bool is_taken = partition_take(partition, mark, now_of(worker));

    if (partition->counts.skipped > skipped) {
        sim->seen.has_skipped = true;
        ledger_skipped(sim->ledger, partition->partition, mark.offset);
    }
    if (is_taken) {
        sim_account_taken(
            sim->account,
            &(struct sim_session){worker->life, partition->partition, partition->epoch},
            mark.offset, record->record.tag);
    }
    sim->seen.blocks |= partition->blocks & 1u << BLOCK_WINDOW;
    return is_taken;
}

/* There is nothing to read where the reader is: behind the log's end, or before its first record.
 */
static void take_nothing(struct sim_worker *worker, struct reader *reader)
{
    const struct sim_log *log = &worker->sim->logs[reader->partition->partition];

    if (reader->at < (int64_t)log->trimmed || reader->at > log_end(log)) {
        reader->is_fetched = false;
        partition_out_of_range(reader->partition, now_of(worker));
    } else {
        reader->is_end_told = true;
        (void)partition_end(reader->partition, reader->at, now_of(worker));
    }
}

static bool can_read(const struct reader *reader)
{
    return reader->partition != NULL && reader->is_fetched && !reader->is_paused;
}

/* The next record of the partition that is work; NULL: none just now. */
static struct log_record *next_record(struct sim_worker *worker, struct reader *reader)
{
    while (can_read(reader)) {
        const struct sim_log *log = &worker->sim->logs[reader->partition->partition];
        struct log_record *record = NULL;
        int64_t offset = reader->at;
        bool is_there = offset >= (int64_t)log->trimmed && offset < log_end(log);

        if (!is_there && offset == log_end(log) && reader->is_end_told) {
            return NULL;
        }
        if (is_there) {
            record = log_at(log, offset);
            reader->at++;
            reader->is_end_told = false;
        } else {
            take_nothing(worker, reader);
        }
        if (record != NULL && take(worker, reader->partition, record)) {
            return record;
        }
        if (reader->partition->actions != 0) {
            act(worker);
        }
    }
    return NULL;
}

static rd_kafka_message_t *poll_record(void *context, struct source_partition **partition)
{
    struct sim_worker *worker = sim_worker_of(context);
    size_t count = (size_t)worker->sim->options.world.partitions;

    if (worker->assignment.is_going) {
        return NULL;
    }
    serve(context);
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &worker->readers[worker->next_reader];
        struct log_record *record = next_record(worker, reader);

        worker->next_reader = (worker->next_reader + 1) % count;
        if (record != NULL) {
            record->readers++;
            *partition = reader->partition;
            return &record->record.message;
        }
    }
    return NULL;
}

static void release(rd_kafka_message_t *message)
{
    struct log_record *record = (void *)message;

    INVARIANT(record->readers > 0);
    record->readers--;
    if (record->is_gone && record->readers == 0) {
        free(record);
    }
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    const struct sim_worker *worker = sim_worker_of(context);
    const struct sim_session session = {worker->life, partition->partition, epoch};

    sim_account_settled(worker->sim->account, &session, offset);
    partition_settle(partition, epoch, offset, settled);
}

/* committing */

static void leave(struct sim_worker *worker)
{
    worker->commit_by_ms = 0;
    reader_leave(worker);
    sim_share_rate(worker);
    sim_left(worker->sim);
}

/* The partitions are the group's again, once the last commit is answered or has taken too long. */
static void leave_if_committed(struct sim_worker *worker)
{
    if (commit_finally(worker) || now_of(worker) >= worker->commit_by_ms) {
        leave(worker);
    }
}

static void commit(void *context, uint64_t now_ms)
{
    struct sim_worker *worker = sim_worker_of(context);

    assignment_awake(&worker->assignment, now_ms);
    if (worker->commit_by_ms > 0) {
        leave_if_committed(worker);
        return;
    }
    commit_serve(worker);
    if (assignment_commit_due(&worker->assignment, now_ms, false)) {
        commit_seal(worker, false);
    }
}

static bool is_fenced(void *context, uint64_t now_ms)
{
    return assignment_is_fenced(&sim_worker_of(context)->assignment, now_ms);
}

/* coming and going */

static bool is_going(void *context, uint64_t *until_ms)
{
    const struct sim_worker *worker = sim_worker_of(context);

    *until_ms = worker->going_by_ms;
    return worker->assignment.is_going && worker->commit_by_ms == 0;
}

static void let_go(void *context)
{
    struct sim_worker *worker = sim_worker_of(context);

    /* what the group took away is not committed any more */
    if (worker->going_by_ms == 0) {
        leave(worker);
    } else {
        worker->commit_by_ms = now_of(worker) + COMMIT_FINALLY_MS;
        leave_if_committed(worker);
    }
}

void reader_assign(struct sim_worker *worker, int32_t number)
{
    struct sim_world *sim = worker->sim;
    struct sim_log *log = &sim->logs[number];
    struct source_partition *partition;

    INVARIANT(log->owner == NULL);
    log->owner = worker;
    log->generation++;
    partition = assignment_add(&worker->assignment, sim->topic_text, number);
    if (log->committed >= 0) {
        partition_place(partition, log->committed, buf_span(&log->metadata), now_of(worker));
    } else if (!partition_place_known(partition, now_of(worker))) {
        /* From the first record there is, as start_from says: nobody can know of those before. */
        partition_place_fresh(partition, (int64_t)log->trimmed, (int64_t)log->trimmed, log_end(log),
                              now_of(worker));
        ledger_gap(sim->ledger, number, 0, (int64_t)log->trimmed);
        sim_account_new_log(sim->account,
                            &(struct sim_session){worker->life, number, partition->epoch}, true);
    } else if (tracker_tally(partition->tracker)->start.is_new_log) { /* known, and not told yet */
        sim_account_new_log(sim->account,
                            &(struct sim_session){worker->life, number, partition->epoch}, false);
    }
    worker->readers[number] =
        (struct reader){.partition = partition, .generation = log->generation};
    fetch_all(worker);
    act(worker);
}

void reader_leave(struct sim_worker *worker)
{
    commit_forget(worker);
    for (size_t i = 0; i < worker->assignment.held_count; i++) {
        const struct source_partition *partition = worker->assignment.held[i];
        struct sim_log *log = &worker->sim->logs[partition->partition];

        worker->readers[partition->partition] = (struct reader){0};
        if (log->owner == worker) { /* else the group gave it to another, and told the ledger */
            log->owner = NULL;
            ledger_left(worker->sim->ledger, partition->partition, log->committed,
                        partition->position);
        }
    }
    assignment_clear(&worker->assignment);
}

/* what only a drain asks for */

static void pass(void *context, uint64_t ms)
{
    struct world *world = ((struct worker *)context)->world;

    world_run(world, world_now(world) + MAX_OF(ms, (uint64_t)1));
}

static void unsend(void *context)
{
    (void)context; /* what is on its way here arrives; only what its topic does not take waits */
}

static struct transport_message *find_record(const struct worker *worker,
                                             const struct produce_request *request)
{
    struct transport_message *message = worker->records.sent.first;

    while (message != NULL && message->request != request) {
        message = message->next;
    }
    return message;
}

static bool is_unsent(void *context, const struct produce_request *request)
{
    const struct transport_message *message = find_record(context, request);

    return message != NULL && message->is_stuck;
}

static void recall(void *context, struct produce_request *request)
{
    struct worker *worker = context;
    struct message_list *sent = &worker->records.sent;
    struct transport_message *message = find_record(worker, request);

    INVARIANT(message != NULL);
    *(message->previous == NULL ? &sent->first : &message->previous->next) = message->next;
    *(message->next == NULL ? &sent->last : &message->next->previous) = message->previous;
    worker->records_open--;
    if (message->is_stuck_told) {
        request->stuck(request, false, "called back");
    }
    message->is_recalled = true; /* its next try at the topic gives it back */
}

const struct io sim_source = {
    .wait = pass,
    .unsend = unsend,
    .is_unsent = is_unsent,
    .recall = recall,
    .poll = poll_record,
    .serve = serve,
    .settle = settle,
    .block = block,
    .commit = commit,
    .is_fenced = is_fenced,
    .is_going = is_going,
    .let_go = let_go,
    .release = release,
};
