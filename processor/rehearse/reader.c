/*
 * The Kafka client that a member of the virtual world seems to have. It moves through the logs of
 * the partitions and does what offsets/ asks for; all that is decided is decided there.
 *
 * What it does as the real one: it fetches from where it was told, tells the end of a log once,
 * refuses offsets the log does not have, and throws away nothing but what offsets/ does not take.
 * Commits are answered at once; some are lost.
 */
#include "rehearse/world_inside.h"

#include <stdlib.h>

#include "base/mem.h"

void reader_open(struct member *member)
{
    const struct world *world = member->world;

    member->readers = mem_array((size_t)world->options.partitions, struct reader);
    assignment_init(&member->assignment, member->index, world->options.window_max, SESSION_MS,
                    world->now_ms);
    member->assignment.commits.sent_ms = world->now_ms;
}

void reader_close(struct member *member)
{
    assignment_fini(&member->assignment);
    free(member->readers);
}

/* acting */

static void tell_blocked(const struct member *member, enum block_reason reason)
{
    const struct world_watch *watch = &member->world->options.watch;

    if (watch->blocked != NULL) {
        watch->blocked(watch->context, reason);
    }
}

static struct reader *reader_of(struct member *member, const struct source_partition *partition)
{
    return &member->readers[partition->partition];
}

static void fetch_all(struct member *member)
{
    for (size_t i = 0; i < member->assignment.held_count; i++) {
        struct source_partition *partition = member->assignment.held[i];
        struct reader *reader = reader_of(member, partition);

        reader->is_fetched = partition_fetch(partition, &reader->at);
        reader->is_paused &= !reader->is_fetched;
        reader->is_end_told = false;
    }
    assignment_tick(&member->assignment, member->world->now_ms);
}

static void act_on(struct member *member, struct source_partition *partition)
{
    struct reader *reader = reader_of(member, partition);
    uint32_t due = partition_act(partition, PARTITION_PAUSE | PARTITION_SEEK | PARTITION_RESUME);

    reader->is_paused |= (due & PARTITION_PAUSE) != 0;
    if ((due & PARTITION_SEEK) != 0) {
        reader->at = partition_fetch_offset(partition);
        reader->is_end_told = false;
        if (!reader->is_fetched) {
            partition_seek_failed(partition, true, member->world->now_ms);
        }
    }
    reader->is_paused &= (due & PARTITION_RESUME) == 0;
}

/* Do what the partitions ask for, as kafka/source_act.c does. */
static void act(struct member *member)
{
    const struct assignment *assignment = &member->assignment;
    uint32_t due = 0;

    for (size_t i = 0; i < assignment->held_count && !assignment->is_going; i++) {
        due |= assignment->held[i]->actions;
    }
    if ((due & PARTITION_REFETCH) != 0) {
        fetch_all(member);
    }
    for (size_t i = 0; i < assignment->held_count && due != 0; i++) {
        act_on(member, assignment->held[i]);
    }
}

void reader_block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_on)
{
    struct member *member = context;

    if (is_on) {
        tell_blocked(member, reason);
    }
    assignment_block(&member->assignment, partition, reason, is_on, member->world->now_ms);
    act(member);
}

/* What the broker says of the logs: where they end, and where they begin when that is asked. */
static void hear(struct member *member)
{
    const struct world *world = member->world;
    bool is_due = world->now_ms >= member->heard_ms + HEAR_EVERY_MS;

    for (size_t i = 0; i < member->assignment.held_count; i++) {
        struct source_partition *partition = member->assignment.held[i];
        const struct partition_log *log = &world->logs[partition->partition];

        if (partition_is_look_due(partition, world->now_ms)) {
            partition_bounds(partition, &world->pipeline->config->kafka, (int64_t)log->trimmed,
                             partition_log_end(log), world->now_ms);
        }
        if (is_due) {
            partition_heard(partition, partition_log_end(log), world->now_ms);
        }
    }
    member->heard_ms = is_due ? world->now_ms : member->heard_ms;
}

void reader_serve(void *context)
{
    struct member *member = context;
    uint64_t now_ms = member->world->now_ms;

    assignment_awake(&member->assignment, now_ms);
    if (!member->assignment.is_going) {
        assignment_tick(&member->assignment, now_ms);
        act(member);
        hear(member);
        act(member);
    }
}

/* taking */

static struct mark mark_of(int64_t offset)
{
    return (struct mark){offset, (uint32_t)(offset & INT32_MAX) + 1};
}

static bool take(struct member *member, struct source_partition *partition, int64_t offset)
{
    const struct world_watch *watch = &member->world->options.watch;
    uint64_t skipped = partition->counts.skipped;
    bool is_taken = partition_take(partition, mark_of(offset), member->world->now_ms);

    if (partition->counts.skipped > skipped && watch->skipped != NULL) {
        watch->skipped(watch->context, partition->partition, offset);
    }
    if ((partition->blocks >> BLOCK_WINDOW & 1u) != 0) {
        tell_blocked(member, BLOCK_WINDOW);
    }
    return is_taken;
}

/* There is nothing to read where the reader is: behind the log's end, or before its first record.
 */
static void take_nothing(struct member *member, struct reader *reader)
{
    const struct partition_log *log = &member->world->logs[reader->partition->partition];

    if (reader->at < (int64_t)log->trimmed || reader->at > partition_log_end(log)) {
        reader->is_fetched = false;
        partition_out_of_range(reader->partition, member->world->now_ms);
    } else {
        reader->is_end_told = true;
        (void)partition_end(reader->partition, reader->at, member->world->now_ms);
    }
}

static bool can_read(const struct reader *reader)
{
    return reader->partition != NULL && reader->is_fetched && !reader->is_paused;
}

/* The next record of the partition that is work; NULL: none just now. */
static struct world_record *next_record(struct member *member, struct reader *reader)
{
    while (can_read(reader)) {
        const struct partition_log *log = &member->world->logs[reader->partition->partition];
        struct world_record *record = NULL;
        int64_t offset = reader->at;
        bool is_there = offset >= (int64_t)log->trimmed && offset < partition_log_end(log);

        if (!is_there && offset == partition_log_end(log) && reader->is_end_told) {
            return NULL;
        }
        if (is_there) {
            record = partition_log_at(log, offset);
            reader->at++;
            reader->is_end_told = false;
        } else {
            take_nothing(member, reader);
        }
        if (record != NULL && take(member, reader->partition, offset)) {
            return record;
        }
        if (reader->partition->actions != 0) {
            act(member);
        }
    }
    return NULL;
}

rd_kafka_message_t *reader_poll(void *context, struct source_partition **partition)
{
    struct member *member = context;
    size_t count = (size_t)member->world->options.partitions;

    if (member->assignment.is_going) {
        return NULL;
    }
    reader_serve(member);
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &member->readers[member->next_reader];
        struct world_record *record = next_record(member, reader);

        member->next_reader = (member->next_reader + 1) % count;
        if (record != NULL) {
            record->readers++;
            *partition = reader->partition;
            return &record->message;
        }
    }
    return NULL;
}

void reader_settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset)
{
    (void)context;
    partition_settle(partition, epoch, offset);
}

/* committing */

static enum commit_result commit_one(struct member *member, struct source_partition *partition,
                                     struct buf *metadata)
{
    struct world *world = member->world;
    struct partition_log *log = &world->logs[partition->partition];
    const struct world_watch *watch = &world->options.watch;
    int64_t before = log->committed;
    int64_t offset = partition_commit(partition, member->assignment.commits.bytes_max, metadata);

    if (log->owner != member) {
        return COMMIT_REFUSED;
    }
    if (world->options.commits_lost > 0 && rng_unit(&world->rng) < world->options.commits_lost) {
        return COMMIT_FAILED;
    }
    INVARIANT(offset >= before);
    log->committed = offset;
    buf_clear(&log->metadata);
    buf_add_span(&log->metadata, buf_span(metadata));
    if (offset > before && watch->committed != NULL) {
        watch->committed(watch->context, partition->partition, before, offset);
    }
    partition_log_trim(log);
    return COMMIT_DONE;
}

/* Sent, and answered at once. */
static void commit_all(struct member *member, bool is_final)
{
    struct assignment *assignment = &member->assignment;
    uintptr_t sequence = assignment_commit_begin(assignment, member->world->now_ms);

    (void)assignment_commit_answered(assignment, sequence);
    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];
        struct buf metadata;

        if (!partition_is_commit_due(partition, is_final)) {
            continue;
        }
        buf_init(&metadata, METADATA_BYTES_MAX);
        (void)assignment_commit_take(assignment, partition, tracker_watermark(partition->tracker),
                                     commit_one(member, partition, &metadata));
        buf_fini(&metadata);
    }
    (void)assignment_commit_end(assignment);
}

void reader_commit(void *context, uint64_t now_ms)
{
    struct member *member = context;

    assignment_awake(&member->assignment, now_ms);
    if (assignment_commit_due(&member->assignment, now_ms, false)) {
        commit_all(member, false);
    }
}

bool reader_is_fenced(void *context, uint64_t now_ms)
{
    return assignment_is_fenced(&((const struct member *)context)->assignment, now_ms);
}

/* coming and going */

bool reader_is_going(void *context, uint64_t *until_ms)
{
    const struct member *member = context;

    *until_ms = member->going_by_ms;
    return member->assignment.is_going;
}

void reader_let_go(void *context)
{
    struct member *member = context;

    reader_leave(member, member->going_by_ms > 0);
    member_share_rate(member);
    world_left(member->world);
}

void reader_assign(struct member *member, int32_t number)
{
    struct world *world = member->world;
    struct partition_log *log = &world->logs[number];
    struct source_partition *partition;

    INVARIANT(log->owner == NULL);
    log->owner = member;
    partition = assignment_add(&member->assignment, world->topic_text, number);
    partition_place(partition, log->committed, buf_span(&log->metadata), world->now_ms);
    member->readers[number] = (struct reader){.partition = partition};
    fetch_all(member);
    act(member);
}

void reader_leave(struct member *member, bool is_committed)
{
    const struct world_watch *watch = &member->world->options.watch;

    if (is_committed) {
        commit_all(member, true);
    }
    for (size_t i = 0; i < member->assignment.held_count; i++) {
        const struct source_partition *partition = member->assignment.held[i];
        struct partition_log *log = &member->world->logs[partition->partition];

        *reader_of(member, partition) = (struct reader){0};
        if (log->owner != member) {
            continue; /* the group gave it to another, and told the watch then */
        }
        log->owner = NULL;
        if (watch->left != NULL) {
            watch->left(watch->context, partition->partition, log->committed, partition->position);
        }
    }
    assignment_clear(&member->assignment);
}
