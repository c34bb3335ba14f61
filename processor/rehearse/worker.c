/*
 * One worker of the virtual world: the real turn behind simulated functions of time, messages and
 * transport. Those of the source are brought by whoever opens it.
 */
#include "rehearse/world_inside.h"

enum { TURN_MAX_MS = 500 };

/* time */

static uint64_t mono_ms(void *context)
{
    return ((const struct worker *)context)->world->now_ms;
}

static int64_t wall_ms(void *context)
{
    return world_wall_ms(((const struct worker *)context)->world);
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

/* life */

static struct io io_of(struct worker *worker, const struct io *source)
{
    struct io io = *source;

    io.context = worker;
    io.mono_ms = mono_ms;
    io.wall_ms = wall_ms;
    io.post = transport_post;
    io.answers = transport_answers;
    io.produce = transport_produce;
    io.reports = transport_reports;
    io.is_full = transport_is_full;
    io.view = view;
    io.headers = headers_of;
    io.stop = transport_stop;
    return io;
}

void worker_open(struct worker *worker, const struct worker_parts *parts)
{
    struct world *world = worker->world;

    PRE(!worker->is_open);

    worker->is_open = true;
    worker->wake_ms = world->now_ms;
    worker->source = parts->context;
    worker->io = io_of(worker, parts->source);
    dispatch_init(&worker->deliverer, &(struct deliverer_parts){.pipeline = world->pipeline,
                                                                .health = parts->health,
                                                                .metrics = parts->metrics,
                                                                .io = &worker->io,
                                                                .worker = parts->number,
                                                                .fates = parts->fates,
                                                                .seed = rng_next(&world->rng)});
    intake_init(&worker->intake, &worker->deliverer, -1);
    turn_init(&worker->turn, &worker->deliverer, &worker->intake, parts->number);
}

void worker_close(struct worker *worker)
{
    if (worker->is_open) {
        dispatch_fini(&worker->deliverer);
        intake_fini(&worker->intake);
        *worker = (struct worker){.world = worker->world, .index = worker->index};
    }
}

void worker_wake(struct worker *worker)
{
    worker->wake_ms = MIN_OF(worker->wake_ms, worker->world->now_ms);
}

void worker_turn(struct worker *worker)
{
    struct world *world = worker->world;
    const struct world_watch *watch = &world->options.watch;
    uint64_t due_ms;

    worker->is_busy = true;
    due_ms = MIN_OF(turn_run(&worker->turn, true), (uint64_t)TURN_MAX_MS);
    worker->is_busy = false;
    worker->wake_ms = world->now_ms + (worker->turn.has_more ? 0 : MAX_OF(due_ms, (uint64_t)1));
    if (watch->turned != NULL) {
        watch->turned(watch->context, &worker->deliverer);
    }
}
