#include "rehearse/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rehearse/world_inside.h"

enum { CALM_AGAIN_MS = 50, METADATA_BUF_BYTES = 8192 };

/* time */

void member_wake(struct member *member)
{
    member->wake_ms = MIN_OF(member->wake_ms, member->world->now_ms);
}

static bool may_turn(const struct member *member)
{
    return member->is_alive && !member->is_busy;
}

static uint64_t next_ms(const struct world *world)
{
    uint64_t next = event_queue_next_ms(&world->queue);

    for (uint32_t i = 0; i < world->options.members; i++) {
        const struct member *member = &world->members[i];

        if (may_turn(member)) {
            next = MIN_OF(next, MAX_OF(member->wake_ms, member->asleep_until_ms));
        }
    }
    return next;
}

static void step(struct world *world)
{
    struct event_queue_item item;

    while (event_queue_take(&world->queue, world->now_ms, &item)) {
        item.run(item.context, item.what);
    }
    for (uint32_t i = 0; i < world->options.members; i++) {
        struct member *member = &world->members[i];

        if (may_turn(member) && MAX_OF(member->wake_ms, member->asleep_until_ms) <= world->now_ms) {
            member_turn(member);
        }
    }
}

void world_pass(struct world *world, uint64_t until_ms)
{
    for (;;) {
        uint64_t at_ms = next_ms(world);

        if (at_ms > until_ms) {
            world->now_ms = MAX_OF(world->now_ms, until_ms);
            return;
        }
        world->now_ms = MAX_OF(world->now_ms, at_ms);
        step(world);
    }
}

void world_run(struct world *world, uint64_t until_ms)
{
    world_pass(world, WORLD_START_MS + until_ms);
}

uint64_t world_now(const struct world *world)
{
    return world->now_ms - WORLD_START_MS;
}

struct rng *world_rng(struct world *world)
{
    return &world->rng;
}

/* A call of somebody outside, with what it is called. */
struct appointment {
    void (*call)(void *context, struct world *world);
    void *context;
    bool is_calm;
};

static void keep(void *context, void *what)
{
    struct world *world = context;
    struct appointment *appointment = what;

    if (appointment->is_calm && world->busy > 0) {
        event_queue_add(&world->queue, world->now_ms + CALM_AGAIN_MS, keep, world, what);
        return;
    }
    appointment->call(appointment->context, world);
    free(appointment);
}

void world_call(struct world *world, uint64_t at_ms, bool is_calm,
                void (*call)(void *context, struct world *world), void *context)
{
    struct appointment *appointment = mem_new(struct appointment);

    *appointment = (struct appointment){call, context, is_calm};
    event_queue_add(&world->queue, WORLD_START_MS + at_ms, keep, world, appointment);
}

/* life */

static int64_t wall_ms(void *context)
{
    const struct world *world = context;

    return world->options.wall_ms + (int64_t)(world->now_ms - WORLD_START_MS);
}

struct world *world_new(const struct pipeline *pipeline, const struct world_options *options)
{
    struct world *world = mem_new(struct world);

    PRE(options->members > 0);
    PRE(options->partitions > 0);

    world->pipeline = pipeline;
    world->options = *options;
    world->topic = pipeline->config->kafka.topics[0];
    world->topic_text = mem_text(world->topic);
    world->now_ms = WORLD_START_MS;
    world->rng.state = options->seed;
    world->logs = mem_array((size_t)options->partitions, struct partition_log);
    for (int32_t i = 0; i < options->partitions; i++) {
        buf_init(&world->logs[i].metadata, METADATA_BUF_BYTES);
    }
    if (options->is_one_process) {
        world->health = health_new(pipeline->config, rng_next(&world->rng), world->now_ms);
        health_use_wall(world->health, wall_ms, world);
    }
    world->members = mem_array(options->members, struct member);
    for (uint32_t i = 0; i < options->members; i++) {
        member_start(&world->members[i], world, i);
    }
    world_rebalance(world, 0);
    return world;
}

static void free_appointments(struct world *world)
{
    struct event_queue_item item;

    while (event_queue_take(&world->queue, UINT64_MAX, &item)) {
        if (item.run == keep) {
            free(item.what);
        }
    }
}

void world_free(struct world *world)
{
    if (world == NULL) {
        return;
    }
    for (uint32_t i = 0; i < world->options.members; i++) {
        if (world->members[i].is_alive) {
            member_kill(&world->members[i]);
        }
    }
    transport_free(world);
    free_appointments(world);
    event_queue_fini(&world->queue);
    for (int32_t i = 0; i < world->options.partitions; i++) {
        partition_log_fini(&world->logs[i]);
    }
    free(world->logs);
    free(world->topic_text);
    free(world->members);
    health_free(world->health);
    free(world);
}

int64_t world_produce(struct world *world, const struct world_event *event)
{
    struct world_record *record = mem_new(struct world_record);
    struct partition_log *log = &world->logs[event->partition];

    *record = (struct world_record){
        .message = {.partition = event->partition, .len = event->value.len},
        .produced_ms = world->now_ms,
        .timestamp_ms = wall_ms(world) - event->age_ms,
        .topic = world->topic,
        .tag = event->tag,
        .is_copied = event->is_copied,
    };
    record->message.payload =
        event->is_copied ? (void *)mem_text(event->value) : (void *)(uintptr_t)event->value.ptr;
    partition_log_add(log, record, event->gap);
    if (log->owner != NULL) {
        member_wake(log->owner);
    }
    return record->message.offset;
}

/* the group */

static void assign_all(struct world *world, uint32_t first)
{
    uint32_t at = first;

    for (int32_t i = 0; i < world->options.partitions; i++) {
        for (uint32_t tries = 0; tries < world->options.members && world->logs[i].owner == NULL;
             tries++, at++) {
            struct member *member = &world->members[at % world->options.members];

            if (member->is_alive && member->asleep_until_ms == 0) {
                member_assign(member, i);
            }
        }
    }
}

void world_left(struct world *world)
{
    INVARIANT(world->busy > 0);
    world->busy--;
    if (world->busy == 0 && world->is_sharing) {
        world->is_sharing = false;
        assign_all(world, world->share_at);
    }
}

void world_rebalance(struct world *world, uint32_t first)
{
    world->is_sharing = true;
    world->share_at = first;
    world->busy++; /* until all are asked */
    for (uint32_t i = 0; i < world->options.members; i++) {
        struct member *member = &world->members[i];

        if (member->is_alive && member->asleep_until_ms == 0) {
            member_revoke(member, world->now_ms + REVOKE_WAIT_MS);
        }
    }
    world_left(world);
}

void world_kill(struct world *world, uint32_t member)
{
    member_kill(&world->members[member]);
}

void world_stop(struct world *world, uint32_t index, uint64_t drain_ms)
{
    struct member *member = &world->members[index];

    member->is_busy = true;
    world->busy++;
    (void)turn_drain(&member->turn, world->now_ms + drain_ms);
    world->busy--;
    reader_leave(member, true);
    member_kill(member);
}

void world_start(struct world *world, uint32_t member)
{
    INVARIANT(!world->members[member].is_alive);
    member_start(&world->members[member], world, member);
}

/* Others take what the sleeper does not know it has lost. */
static void end_session(void *context, struct world *world)
{
    struct member *member = context;
    const struct world_watch *watch = &world->options.watch;

    if (!member->is_alive || member->asleep_until_ms == 0) {
        return;
    }
    for (int32_t i = 0; i < world->options.partitions; i++) {
        struct partition_log *log = &world->logs[i];

        if (log->owner == member) {
            log->owner = NULL;
            if (watch->left != NULL) {
                watch->left(watch->context, i, log->committed,
                            member->readers[i].partition->position);
            }
        }
    }
    assign_all(world, member->index + 1);
}

void world_sleep(struct world *world, uint32_t index, uint64_t ms)
{
    struct member *member = &world->members[index];

    member->asleep_until_ms = world->now_ms + ms;
    world_call(world, world_now(world) + SESSION_MS, true, end_session, member);
}

bool world_is_alive(const struct world *world, uint32_t member)
{
    return world->members[member].is_alive;
}

/* looking */

uint64_t world_in_flight(const struct world *world)
{
    uint64_t events = 0;

    for (uint32_t i = 0; i < world->options.members; i++) {
        events += world->members[i].is_alive ? world->members[i].deliverer.events.events : 0;
    }
    return events;
}

bool world_is_drained(const struct world *world)
{
    for (int32_t i = 0; i < world->options.partitions; i++) {
        if (world->logs[i].committed < partition_log_end(&world->logs[i])) {
            return false;
        }
    }
    return world_in_flight(world) == 0;
}

const struct deliverer *world_deliverer(const struct world *world, uint32_t member)
{
    return world->members[member].is_alive ? &world->members[member].deliverer : NULL;
}
