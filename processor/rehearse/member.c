/*
 * One worker of the virtual world: the real turn behind a table of invented functions. Its source
 * is the real one of offsets/; only the client that fetches from Kafka is invented (reader.c).
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

/* messages */

static bool is_full(void *context)
{
    const struct member *member = context;

    return member->records_open >= member->world->options.records_max;
}

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
    .post = transport_post,
    .answers = transport_answers,
    .produce = transport_produce,
    .reports = transport_reports,
    .is_full = is_full,
    .unsend = transport_unsend,
    .is_unsent = transport_is_unsent,
    .recall = transport_recall,
    .poll = reader_poll,
    .serve = reader_serve,
    .settle = reader_settle,
    .block = reader_block,
    .commit = reader_commit,
    .is_fenced = reader_is_fenced,
    .is_going = reader_is_going,
    .let_go = reader_let_go,
    .view = view,
    .headers = headers_of,
    .release = release,
    .stop = transport_stop,
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
    reader_open(member);
    dispatch_init(&member->deliverer,
                  &(struct deliverer_parts){.pipeline = world->pipeline,
                                            .health = member->health,
                                            .metrics = metrics_of(options->metrics, worker),
                                            .io = &member->table,
                                            .worker = worker,
                                            .seed = rng_next(&world->rng)});
    intake_init(&member->intake, &member->deliverer, -1);
    turn_init(&member->turn, &member->deliverer, &member->intake, worker);
}

/* As app/worker.c does when it reports. */
void member_share_rate(struct member *member)
{
    member->deliverer.rate_share =
        (double)member->assignment.held_count / member->world->options.partitions;
}

void member_assign(struct member *member, int32_t number)
{
    reader_assign(member, number);
    member_share_rate(member);
    member_wake(member);
}

void member_revoke(struct member *member, uint64_t until_ms)
{
    if (member->assignment.held_count > 0) {
        member->world->busy++;
        member->going_by_ms = until_ms;
        assignment_go(&member->assignment);
        member_wake(member);
    }
}

static void wake_up(struct member *member)
{
    const struct assignment *assignment = &member->assignment;
    size_t lost = 0;

    member->asleep_until_ms = 0;
    assignment_awake(&member->assignment, member->world->now_ms);
    for (size_t i = 0; i < assignment->held_count; i++) {
        lost += member->world->logs[assignment->held[i]->partition].owner != member;
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
    reader_leave(member, false);
    dispatch_fini(&member->deliverer);
    intake_fini(&member->intake);
    reader_close(member);
    if (member->is_health_own) {
        health_free(member->health);
    }
    *member = (struct member){.world = member->world, .index = member->index};
}
