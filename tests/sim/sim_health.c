#include "sim_health.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { PROVISIONAL_MS = 5000, SLOW_MS = 5000 };

struct call_in_flight {
    uint64_t end_ms, start_ms;
    size_t cell;
    enum call kind;
    struct ticket ticket;
    bool is_counted; /* provisionally */
    uint64_t counted_ms;
};

struct world {
    const struct sim_scene *scene;
    struct destination_health health;
    struct rng rng;
    struct call_in_flight *heap; /* by the next thing that happens to it */
    size_t count, cap;
    uint64_t from_ms, until_ms;
    struct sim_result *result;
    enum breaker_state states[SIM_TYPES + 1];
    uint64_t changes[SIM_TYPES + 1][64];
    unsigned change_count[SIM_TYPES + 1];
};

static uint64_t next_of(const struct call_in_flight *call)
{
    uint64_t provisional_ms = call->start_ms + PROVISIONAL_MS;

    return !call->is_counted && provisional_ms < call->end_ms ? provisional_ms : call->end_ms;
}

static void swap(struct call_in_flight *a, struct call_in_flight *b)
{
    struct call_in_flight kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_down(struct world *world, size_t at)
{
    for (;;) {
        size_t child = at * 2 + 1;

        if (child + 1 < world->count &&
            next_of(&world->heap[child + 1]) < next_of(&world->heap[child])) {
            child++;
        }
        if (child >= world->count || next_of(&world->heap[at]) <= next_of(&world->heap[child])) {
            return;
        }
        swap(&world->heap[at], &world->heap[child]);
        at = child;
    }
}

static void push(struct world *world, struct call_in_flight call)
{
    size_t at = world->count++;

    if (world->count > world->cap) {
        world->cap = world->cap == 0 ? 64 : world->cap * 2;
        world->heap = mem_grow(world->heap, world->cap, sizeof(call));
    }
    world->heap[at] = call;
    while (at > 0 && next_of(&world->heap[at]) < next_of(&world->heap[(at - 1) / 2])) {
        swap(&world->heap[at], &world->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void pop(struct world *world)
{
    world->heap[0] = world->heap[--world->count];
    sift_down(world, 0);
}

static uint64_t latency_ms(struct rng *rng)
{
    double u = 1 - rng_unit(rng);
    double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * rng_unit(rng));

    return (uint64_t)(1000 * exp(-1.9 + 0.5 * normal)) + 1;
}

/* What a call begun at @at_ms will meet, and after how long. */
static enum call meet(struct world *world, uint64_t at_ms, size_t type, uint64_t *after_ms)
{
    const struct sim_scene *scene = world->scene;
    bool is_hit = at_ms >= world->from_ms && at_ms < world->until_ms &&
                  (scene->types == 0 || (scene->types >> type & 1u) != 0);
    bool is_unlucky = rng_unit(&world->rng) < scene->background;

    *after_ms = latency_ms(&world->rng);
    if (!is_hit || scene->fault == SIM_HEALTHY) {
        return is_unlucky ? CALL_APP : CALL_OK;
    }
    switch (scene->fault) {
    case SIM_APP:
        *after_ms = 50;
        return CALL_APP;
    case SIM_REFUSED:
        *after_ms = 1;
        return CALL_CONNECT;
    case SIM_HANG:
        *after_ms = 10000;
        return CALL_TRANSPORT;
    case SIM_BROWN:
        return rng_unit(&world->rng) < 0.6 ? CALL_APP : CALL_OK;
    case SIM_FLAP:
        return at_ms / scene->flap_ms % 2 == 0 ? CALL_OK : CALL_APP;
    case SIM_STORM:
        return CALL_REJECT;
    case SIM_HEALTHY:
        break;
    }
    return CALL_OK;
}

static void note_change(struct world *world, size_t which, const struct breaker *breaker,
                        uint64_t now_ms)
{
    struct sim_result *result = world->result;
    unsigned within = 1;

    if (world->states[which] == breaker->state) {
        return;
    }
    world->states[which] = breaker->state;
    result->transitions++;
    result->last_change_ms = now_ms;
    if (breaker->state == BREAKER_OPEN) {
        result->first_open_ms = result->first_open_ms == 0 ? now_ms : result->first_open_ms;
        if (which == SIM_TYPES) {
            result->destination_opens++;
            result->was_global = true;
        } else {
            result->cell_opens++;
            result->opens_by_type[which]++;
        }
    }
    if (breaker->state != BREAKER_OPEN && breaker->state != BREAKER_CLOSED) {
        return; /* a change of side, not a step on the way, is what flapping means */
    }
    for (unsigned i = 1; i < 64 && i <= world->change_count[which]; i++) {
        within +=
            now_ms - world->changes[which][(world->change_count[which] - i) % 64] < 15000;
    }
    world->changes[which][world->change_count[which]++ % 64] = now_ms;
    result->max_transitions_15s = MAX_OF(result->max_transitions_15s, within);
}

static void note_changes(struct world *world, uint64_t now_ms)
{
    note_change(world, SIM_TYPES, &world->health.breaker, now_ms);
    for (size_t i = 0; i < SIM_TYPES; i++) {
        note_change(world, i, &world->health.cells[i]->breaker, now_ms);
    }
}

/* The earliest call: count it provisionally, or end it. */
static void step_call(struct world *world)
{
    struct call_in_flight *call = &world->heap[0];
    uint64_t now_ms = next_of(call);
    bool is_fault;

    if (now_ms < call->end_ms) {
        call->is_counted = destination_provisional(&world->health, call->cell, now_ms,
                                                   &call->ticket) || true;
        call->counted_ms = now_ms;
        sift_down(world, 0);
        note_changes(world, now_ms);
        return;
    }
    is_fault = call->kind != CALL_OK && call->kind != CALL_REJECT;
    world->result->calls_ok += !is_fault;
    world->result->calls_failed += is_fault;
    if (call->is_counted && !is_fault) {
        destination_take_back(&world->health, call->cell, now_ms, call->counted_ms);
    }
    if (!call->is_counted || !is_fault || call->ticket.is_canary ||
        call->ticket.is_destination_canary) {
        (void)destination_result(&world->health, call->cell, now_ms,
                                 call->kind == CALL_OK && call->end_ms - call->start_ms > SLOW_MS
                                     ? CALL_SLOW
                                     : call->kind,
                                 call->kind == CALL_OK || call->kind == CALL_APP ||
                                     call->kind == CALL_REJECT,
                                 &call->ticket, 0, 0);
    }
    pop(world);
    note_changes(world, now_ms);
}

static size_t draw_type(struct rng *rng)
{
    static const double weights[SIM_TYPES] = {1, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5};
    double left = rng_unit(rng) * (1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4 + 1.0 / 5);
    size_t type = 0;

    while (type + 1 < SIM_TYPES && left >= weights[type]) {
        left -= weights[type++];
    }
    return type;
}

static void arrive(struct world *world, uint64_t now_ms)
{
    struct call_in_flight call = {.start_ms = now_ms, .cell = draw_type(&world->rng)};
    uint64_t after_ms;

    if (destination_admit(&world->health, call.cell, now_ms, rng_next(&world->rng),
                          &call.ticket) == GATE_DIVERT) {
        world->result->diverted++;
        world->result->diverted_by_type[call.cell]++;
    } else {
        call.kind = meet(world, now_ms, call.cell, &after_ms);
        call.end_ms = now_ms + after_ms;
        push(world, call);
    }
    note_changes(world, now_ms);
}

void sim_health_run(const struct sim_scene *scene, double rate, uint64_t from_ms, uint64_t until_ms,
                    uint64_t end_ms, uint64_t seed, struct sim_result *out)
{
    struct world world = {.scene = scene,
                          .rng = {.state = seed},
                          .from_ms = from_ms,
                          .until_ms = until_ms,
                          .result = out};
    struct cell_policy policy = {.breaker = {5000, 60000, 10000},
                                 .window_s = 30,
                                 .minimum = 20,
                                 .failures = 0.5};
    double next_ms = 1;

    memset(out, 0, sizeof(*out));
    destination_health_init(&world.health, &policy, seed + 1, 0);
    for (size_t i = 0; i < SIM_TYPES; i++) {
        (void)destination_health_add(&world.health, 0);
    }
    while (next_ms < (double)end_ms || world.count > 0) {
        uint64_t arrival_ms = (uint64_t)next_ms;

        if (world.count > 0 &&
            (next_of(&world.heap[0]) <= arrival_ms || next_ms >= (double)end_ms)) {
            step_call(&world);
            continue;
        }
        if (arrival_ms >= (from_ms + until_ms) / 2 && out->scope_midway == SCOPE_NONE) {
            out->scope_midway = destination_scope(&world.health);
        }
        arrive(&world, arrival_ms);
        next_ms += -log(1 - rng_unit(&world.rng)) * 1000 / rate;
    }
    destination_health_fini(&world.health);
    free(world.heap);
}
