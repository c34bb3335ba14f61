#include "rehearse/world.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rehearse/world_inside.h"

/* time */

static bool may_turn(const struct worker *worker)
{
    return worker->is_open && !worker->is_busy;
}

static uint64_t next_ms(const struct world *world)
{
    uint64_t next = event_queue_next_ms(&world->queue);

    for (uint32_t i = 0; i < world->options.workers; i++) {
        if (may_turn(&world->workers[i])) {
            next = MIN_OF(next, world->workers[i].wake_ms);
        }
    }
    return next;
}

static void step(struct world *world)
{
    struct event_queue_item item;

    while (event_queue_take(&world->queue, world->now_ms, &item)) {
        item.run(item.context, world);
    }
    for (uint32_t i = 0; i < world->options.workers; i++) {
        struct worker *worker = &world->workers[i];

        if (may_turn(worker) && worker->wake_ms <= world->now_ms) {
            worker_turn(worker);
        }
    }
}

void world_run(struct world *world, uint64_t until_ms)
{
    uint64_t end_ms = WORLD_START_MS + until_ms;

    for (uint64_t at_ms = next_ms(world); at_ms <= end_ms; at_ms = next_ms(world)) {
        world->now_ms = MAX_OF(world->now_ms, at_ms);
        step(world);
    }
    world->now_ms = MAX_OF(world->now_ms, end_ms);
}

uint64_t world_now(const struct world *world)
{
    return world->now_ms - WORLD_START_MS;
}

int64_t world_wall_ms(const struct world *world)
{
    return world->options.wall_ms + (int64_t)world_now(world);
}

struct rng *world_rng(struct world *world)
{
    return &world->rng;
}

void world_call(struct world *world, uint64_t at_ms, event_fn *call, void *context)
{
    event_queue_add(&world->queue, WORLD_START_MS + at_ms, call, context);
}

/* life */

struct world *world_new(const struct pipeline *pipeline, const struct world_options *options)
{
    struct world *world = mem_new(struct world);

    PRE(options->workers > 0);
    PRE(options->partitions > 0);

    world->pipeline = pipeline;
    world->options = *options;
    world->now_ms = WORLD_START_MS;
    world->rng.state = options->seed;
    world->workers = mem_array(options->workers, struct worker);
    for (uint32_t i = 0; i < options->workers; i++) {
        world->workers[i].world = world;
        world->workers[i].index = i;
    }
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL) {
        return;
    }
    for (uint32_t i = 0; i < world->options.workers; i++) {
        worker_close(&world->workers[i]);
    }
    transport_free(world);
    event_queue_fini(&world->queue);
    free(world->workers);
    free(world);
}

uint64_t world_in_flight(const struct world *world)
{
    uint64_t events = 0;

    for (uint32_t i = 0; i < world->options.workers; i++) {
        events += world->workers[i].deliverer.events.events; /* 0 while it is closed */
    }
    return events;
}
