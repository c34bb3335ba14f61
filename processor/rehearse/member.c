/*
 * One worker of the virtual world: the real turn behind a table of invented functions.
 * Its source follows kafka/source.h: what was settled before is passed over, a full
 * window blocks, a commit holds the watermark and what is settled beyond it.
 */
#include "rehearse/world_inside.h"

#include <stdlib.h>

#include "base/mem.h"
#include "offsets/metadata.h"

enum { TURN_MAX_MS = 500 };

static struct slot *slot_of(struct source_partition *partition)
{
    return CONTAINER_OF(partition, struct slot, own);
}

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

/* pausing */

static void tell_blocked(const struct member *member, enum block_reason reason)
{
    const struct world_watch *watch = &member->world->options.watch;

    if (watch->blocked != NULL) {
        watch->blocked(watch->context, reason);
    }
}

static void block_slot(struct member *member, struct slot *slot, enum block_reason reason,
                       bool is_on)
{
    uint32_t bit = 1u << reason;

    slot->own_blocks = is_on ? slot->own_blocks | bit : slot->own_blocks & ~bit;
    slot->own.blocks = slot->own_blocks | member->blocks;
}

static void block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_on)
{
    struct member *member = context;
    uint32_t bit = 1u << reason;

    if (is_on) {
        tell_blocked(member, reason);
    }
    if (partition != NULL) {
        block_slot(member, slot_of(partition), reason, is_on);
        return;
    }
    member->blocks = is_on ? member->blocks | bit : member->blocks & ~bit;
    for (int32_t i = 0; i < member->world->options.partitions; i++) {
        member->slots[i].own.blocks = member->slots[i].own_blocks | member->blocks;
    }
}

/* Room again in a window that was full. */
static void unblock_window(struct member *member, struct slot *slot)
{
    if ((slot->own_blocks >> BLOCK_WINDOW & 1u) != 0 &&
        tracker_window(slot->own.tracker) <= member->world->options.window_max / 2) {
        block_slot(member, slot, BLOCK_WINDOW, false);
    }
}

/* taking */

static void tell_skipped(const struct member *member, int32_t partition, int64_t offset)
{
    const struct world_watch *watch = &member->world->options.watch;

    if (watch->skipped != NULL) {
        watch->skipped(watch->context, partition, offset);
    }
}

/* The next record of the slot that is work; NULL: none just now. */
static struct world_record *next_record(struct member *member, struct slot *slot)
{
    const struct shelf *shelf = &member->world->shelves[slot->own.partition];

    while (slot->own.blocks == 0 && slot->own.position < shelf_end(shelf)) {
        int64_t offset = slot->own.position;
        struct world_record *record = shelf_at(shelf, offset);

        if (record == NULL) {
            slot->own.position++;
            continue;
        }
        switch (tracker_take(slot->own.tracker,
                             (struct mark){offset, (uint32_t)(offset & INT32_MAX) + 1})) {
        case TAKE_NEW:
            slot->own.position++;
            return record;
        case TAKE_DONE_BEFORE:
            slot->own.position++;
            slot->is_dirty = true;
            tell_skipped(member, slot->own.partition, offset);
            break;
        case TAKE_FULL:
            block_slot(member, slot, BLOCK_WINDOW, true);
            tell_blocked(member, BLOCK_WINDOW);
            break;
        }
    }
    return NULL;
}

static rd_kafka_message_t *poll_source(void *context, struct source_partition **partition)
{
    struct member *member = context;
    size_t count = (size_t)member->world->options.partitions;

    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &member->slots[member->next_slot];
        struct world_record *record;

        member->next_slot = (member->next_slot + 1) % count;
        if (!slot->is_assigned) {
            continue;
        }
        unblock_window(member, slot);
        record = next_record(member, slot);
        if (record != NULL) {
            record->readers++;
            slot->own.high = shelf_end(&member->world->shelves[slot->own.partition]);
            *partition = &slot->own;
            return &record->message;
        }
    }
    return NULL;
}

static void serve(void *context)
{
    (void)context; /* the group is told of nobody's silence here: world_sleep() does that */
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset)
{
    (void)context;
    if (partition->epoch == epoch && tracker_settle(partition->tracker, offset)) {
        slot_of(partition)->is_dirty = true;
    }
}

/* committing */

static void commit_slot(struct member *member, struct slot *slot)
{
    struct world *world = member->world;
    struct shelf *shelf = &world->shelves[slot->own.partition];
    const struct world_watch *watch = &world->options.watch;
    int64_t before = shelf->committed;

    if (!slot->is_dirty || shelf->owner != member ||
        (world->options.commits_lost > 0 && rng_unit(&world->rng) < world->options.commits_lost)) {
        return;
    }
    slot->is_dirty = false;
    shelf->committed = tracker_watermark(slot->own.tracker);
    slot->own.committed = shelf->committed;
    buf_clear(&shelf->metadata);
    tracker_metadata(slot->own.tracker, world->topic, slot->own.partition, METADATA_BYTES_MAX,
                     &shelf->metadata);
    INVARIANT(shelf->committed >= before);
    if (shelf->committed > before && watch->committed != NULL) {
        watch->committed(watch->context, slot->own.partition, before, shelf->committed);
    }
    shelf_trim(shelf);
}

static void commit(void *context, uint64_t now_ms)
{
    struct member *member = context;

    if (now_ms - member->committed_ms < COMMIT_MS) {
        return;
    }
    member->committed_ms = now_ms;
    for (int32_t i = 0; i < member->world->options.partitions; i++) {
        if (member->slots[i].is_assigned) {
            commit_slot(member, &member->slots[i]);
        }
    }
}

static bool is_fenced(void *context, uint64_t now_ms)
{
    return now_ms < ((const struct member *)context)->fenced_until_ms;
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
    member->committed_ms = world->now_ms;
    if (member->health == NULL) {
        member->is_health_own = true;
        member->health = health_new(world->pipeline->config, rng_next(&world->rng), world->now_ms);
        health_use_wall(member->health, wall_ms, member);
    }
    member->slots = mem_array((size_t)options->partitions, struct slot);
    for (int32_t i = 0; i < options->partitions; i++) {
        struct slot *slot = &member->slots[i];

        slot->own = (struct source_partition){.topic = (char *)(uintptr_t)world->topic.ptr,
                                              .partition = i,
                                              .tracker = tracker_new(options->window_max),
                                              .committed = -1,
                                              .high = -1};
    }
    deliverer_init(&member->deliverer, world->pipeline, member->health,
                   metrics_of(options->metrics, worker), worker, &member->table,
                   rng_next(&world->rng));
    intake_init(&member->intake, &member->deliverer, -1);
    turn_init(&member->turn, &member->deliverer, &member->intake, worker);
}

/* As app/worker.c does when it reports. */
static void share_rate(struct member *member)
{
    int32_t held = 0;

    for (int32_t i = 0; i < member->world->options.partitions; i++) {
        held += member->slots[i].is_assigned;
    }
    member->deliverer.rate_share = (double)held / member->world->options.partitions;
}

void member_assign(struct member *member, int32_t partition)
{
    struct slot *slot = &member->slots[partition];
    struct shelf *shelf = &member->world->shelves[partition];

    INVARIANT(shelf->owner == NULL);
    shelf->owner = member;
    slot->is_assigned = true;
    slot->is_dirty = false;
    slot->own_blocks = 0;
    slot->own.blocks = member->blocks;
    slot->own.epoch++;
    slot->own.committed = shelf->committed;
    slot->own.position = shelf->committed;
    slot->own.is_going = false;
    slot->own.dead_letters = (struct source_waits){0};
    slot->own.alternates = (struct source_waits){0};
    slot->own.waiting_schemas = 0;
    (void)tracker_resume(
        slot->own.tracker,
        &(struct metadata_place){member->world->topic, partition, shelf->committed},
        buf_span(&shelf->metadata));
    share_rate(member);
    member_wake(member);
}

/* What was taken and is not known as settled will come again, to whoever is next. */
static void leave(struct member *member, struct slot *slot)
{
    struct shelf *shelf = &member->world->shelves[slot->own.partition];
    const struct world_watch *watch = &member->world->options.watch;

    slot->is_assigned = false;
    if (shelf->owner == member) {
        shelf->owner = NULL;
        if (watch->left != NULL) {
            watch->left(watch->context, slot->own.partition, shelf->committed, slot->own.position);
        }
    }
}

void member_revoke(struct member *member, const int32_t *partitions, size_t count,
                   uint64_t until_ms)
{
    struct source_partition **going = mem_array(count, struct source_partition *);

    for (size_t i = 0; i < count; i++) {
        going[i] = &member->slots[partitions[i]].own;
    }
    member->is_busy = true;
    member->world->busy++;
    turn_revoke(&member->turn, going, count, until_ms);
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slot_of(going[i]);

        if (until_ms > 0) {
            commit_slot(member, slot);
        }
        leave(member, slot);
        slot->own.epoch++; /* what is settled late counts for nothing */
    }
    member->world->busy--;
    member->is_busy = false;
    share_rate(member);
    free(going);
}

static void wake_up(struct member *member)
{
    int32_t gone[64];
    size_t count = 0;

    member->asleep_until_ms = 0;
    member->fenced_until_ms = member->world->now_ms + FENCE_MS;
    for (int32_t i = 0; i < member->world->options.partitions && count < COUNT_OF(gone); i++) {
        if (member->slots[i].is_assigned && member->world->shelves[i].owner != member) {
            gone[count++] = i;
        }
    }
    if (count > 0) {
        member_revoke(member, gone, count, 0);
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
    for (int32_t i = 0; i < member->world->options.partitions; i++) {
        if (member->slots[i].is_assigned) {
            leave(member, &member->slots[i]);
        }
    }
    deliverer_fini(&member->deliverer);
    intake_fini(&member->intake);
    for (int32_t i = 0; i < member->world->options.partitions; i++) {
        tracker_free(member->slots[i].own.tracker);
    }
    free(member->slots);
    if (member->is_health_own) {
        health_free(member->health);
    }
    *member = (struct member){.world = member->world, .index = member->index};
}
