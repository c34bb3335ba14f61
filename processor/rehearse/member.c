/*
 * One worker of the virtual world: the real turn behind a table of invented functions. Its source
 * is the real one of offsets/; only the client that fetches from Kafka is invented here.
 */
#include "rehearse/world_inside.h"

#include <stdlib.h>

#include "base/mem.h"

enum { TURN_MAX_MS = 500 };

/* time */

static uint64_t mono_ms(void *context)
{
    return ((const struct member *)context)->world->now_ms;
}

static int64_t wall_ms(void *context)
{
    const struct world *world = ((const struct member *)context)->world;

    return world->options.wall_ms + (int64_t)(world->now_ms - WORLD_START_MS);
}

static void pass(void *context, uint64_t ms)
{
    struct world *world = ((struct member *)context)->world;

    world_pass(world, world->now_ms + MAX_OF(ms, (uint64_t)1));
}

/* the client */

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
            partition_seek_refused(partition, member->world->now_ms);
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

static void block(void *context, struct source_partition *partition, enum block_reason reason,
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
        const struct shelf *shelf = &world->shelves[partition->partition];

        if (partition_is_look_due(partition, world->now_ms)) {
            partition_bounds(partition, &world->pipeline->config->kafka, (int64_t)shelf->trimmed,
                             shelf_end(shelf), world->now_ms);
        }
        if (is_due) {
            partition_heard(partition, shelf_end(shelf), world->now_ms);
        }
    }
    member->heard_ms = is_due ? world->now_ms : member->heard_ms;
}

static void serve(void *context)
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
    const struct shelf *shelf = &member->world->shelves[reader->partition->partition];

    if (reader->at < (int64_t)shelf->trimmed || reader->at > shelf_end(shelf)) {
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
        const struct shelf *shelf = &member->world->shelves[reader->partition->partition];
        struct world_record *record = NULL;
        int64_t offset = reader->at;
        bool is_there = offset >= (int64_t)shelf->trimmed && offset < shelf_end(shelf);

        if (!is_there && offset == shelf_end(shelf) && reader->is_end_told) {
            return NULL;
        }
        if (is_there) {
            record = shelf_at(shelf, offset);
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

static rd_kafka_message_t *poll_source(void *context, struct source_partition **partition)
{
    struct member *member = context;
    size_t count = (size_t)member->world->options.partitions;

    if (member->assignment.is_going) {
        return NULL;
    }
    serve(member);
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

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
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
    struct shelf *shelf = &world->shelves[partition->partition];
    const struct world_watch *watch = &world->options.watch;
    int64_t before = shelf->committed;
    int64_t offset = partition_commit(partition, member->assignment.commits.bytes_max, metadata);

    if (shelf->owner != member) {
        return COMMIT_REFUSED;
    }
    if (world->options.commits_lost > 0 && rng_unit(&world->rng) < world->options.commits_lost) {
        return COMMIT_FAILED;
    }
    INVARIANT(offset >= before);
    shelf->committed = offset;
    buf_clear(&shelf->metadata);
    buf_add_span(&shelf->metadata, buf_span(metadata));
    if (offset > before && watch->committed != NULL) {
        watch->committed(watch->context, partition->partition, before, offset);
    }
    shelf_trim(shelf);
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

static void commit(void *context, uint64_t now_ms)
{
    struct member *member = context;

    assignment_awake(&member->assignment, now_ms);
    if (assignment_commit_due(&member->assignment, now_ms, false)) {
        commit_all(member, false);
    }
}

static bool is_fenced(void *context, uint64_t now_ms)
{
    return assignment_is_fenced(&((const struct member *)context)->assignment, now_ms);
}

static bool is_full(void *context)
{
    const struct member *member = context;

    return member->records_open >= member->world->options.records_max;
}

/* messages */

static struct span no_header(const void *context, struct span name)
{
    (void)context;
    (void)name;
    return SPAN_NONE;
}

static void view(const rd_kafka_message_t *message, struct message_view *out)
{
    const struct world_record *record = (const void *)message;

    *out = (struct message_view){
        .topic = record->topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = record->timestamp_ms,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .header = no_header,
        .header_context = message,
    };
}

static const rd_kafka_headers_t *headers_of(const rd_kafka_message_t *message)
{
    (void)message;
    return NULL;
}

static void release(rd_kafka_message_t *message)
{
    struct world_record *record = (void *)message;

    INVARIANT(record->readers > 0);
    record->readers--;
}

/* life */

static const struct io invented = {
    .mono_ms = mono_ms,
    .wall_ms = wall_ms,
    .wait = pass,
    .post = courier_post,
    .answers = courier_answers,
    .produce = courier_produce,
    .reports = courier_reports,
    .is_full = is_full,
    .unsend = courier_unsend,
    .is_unsent = courier_is_unsent,
    .recall = courier_recall,
    .poll = poll_source,
    .serve = serve,
    .settle = settle,
    .block = block,
    .commit = commit,
    .is_fenced = is_fenced,
    .view = view,
    .headers = headers_of,
    .release = release,
    .stop = courier_stop,
};

void member_start(struct member *member, struct world *world, uint32_t index)
{
    const struct world_options *options = &world->options;
    unsigned worker = options->is_one_process ? index : 0;

    *member = (struct member){.world = world,
                              .index = index,
                              .is_alive = true,
                              .table = invented,
                              .health = world->health};
    member->table.context = member;
    member->wake_ms = world->now_ms;
    if (member->health == NULL) {
        member->is_health_own = true;
        member->health = health_new(world->pipeline->config, rng_next(&world->rng), world->now_ms);
        health_use_wall(member->health, wall_ms, member);
    }
    member->readers = mem_array((size_t)options->partitions, struct reader);
    assignment_init(&member->assignment, index, options->window_max, SESSION_MS, world->now_ms);
    member->assignment.commits.sent_ms = world->now_ms;
    deliverer_init(&member->deliverer, world->pipeline, member->health,
                   metrics_of(options->metrics, worker), worker, &member->table,
                   rng_next(&world->rng));
    intake_init(&member->intake, &member->deliverer, -1);
    turn_init(&member->turn, &member->deliverer, &member->intake, worker);
}

/* As app/worker.c does when it reports. */
static void share_rate(struct member *member)
{
    member->deliverer.rate_share =
        (double)member->assignment.held_count / member->world->options.partitions;
}

void member_assign(struct member *member, int32_t number)
{
    struct world *world = member->world;
    struct shelf *shelf = &world->shelves[number];
    struct source_partition *partition;

    INVARIANT(shelf->owner == NULL);
    shelf->owner = member;
    partition = assignment_add(&member->assignment, world->topic_text, number);
    partition_place(partition, shelf->committed, buf_span(&shelf->metadata), world->now_ms);
    member->readers[number] = (struct reader){.partition = partition};
    fetch_all(member);
    act(member);
    share_rate(member);
    member_wake(member);
}

/* What was taken and is not known as settled will come again, to whoever is next. */
static void leave_all(struct member *member)
{
    const struct world_watch *watch = &member->world->options.watch;

    for (size_t i = 0; i < member->assignment.held_count; i++) {
        const struct source_partition *partition = member->assignment.held[i];
        struct shelf *shelf = &member->world->shelves[partition->partition];

        *reader_of(member, partition) = (struct reader){0};
        if (shelf->owner != member) {
            continue; /* the group gave it to another, and told the watch then */
        }
        shelf->owner = NULL;
        if (watch->left != NULL) {
            watch->left(watch->context, partition->partition, shelf->committed,
                        partition->position);
        }
    }
    assignment_clear(&member->assignment);
}

void member_revoke(struct member *member, uint64_t until_ms)
{
    struct assignment *assignment = &member->assignment;

    if (assignment->held_count == 0) {
        return;
    }
    member->is_busy = true;
    member->world->busy++;
    assignment_go(assignment);
    turn_revoke(&member->turn, assignment->held, assignment->held_count, until_ms);
    if (until_ms > 0) {
        commit_all(member, true);
    }
    leave_all(member);
    member->world->busy--;
    member->is_busy = false;
    share_rate(member);
}

static void wake_up(struct member *member)
{
    const struct assignment *assignment = &member->assignment;
    size_t lost = 0;

    member->asleep_until_ms = 0;
    assignment_awake(&member->assignment, member->world->now_ms);
    for (size_t i = 0; i < assignment->held_count; i++) {
        lost += member->world->shelves[assignment->held[i]->partition].owner != member;
    }
    INVARIANT(lost == 0 || lost == assignment->held_count);
    if (lost > 0) {
        member_revoke(member, 0);
    }
}

void member_turn(struct member *member)
{
    struct world *world = member->world;
    const struct world_watch *watch = &world->options.watch;
    uint64_t due_ms;

    if (member->asleep_until_ms != 0) {
        wake_up(member);
    }
    member->is_busy = true;
    due_ms = turn_run(&member->turn, true);
    member->is_busy = false;
    due_ms = MIN_OF(due_ms, (uint64_t)TURN_MAX_MS);
    member->wake_ms = world->now_ms + (member->turn.has_more ? 0 : MAX_OF(due_ms, (uint64_t)1));
    if (watch->turned != NULL) {
        watch->turned(watch->context, &member->deliverer);
    }
}

void member_kill(struct member *member)
{
    member->is_busy = true;
    leave_all(member);
    deliverer_fini(&member->deliverer);
    intake_fini(&member->intake);
    assignment_fini(&member->assignment);
    free(member->readers);
    if (member->is_health_own) {
        health_free(member->health);
    }
    *member = (struct member){.world = member->world, .index = member->index};
}
