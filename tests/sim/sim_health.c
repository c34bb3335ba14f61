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
    bool is_looked_at; /* whether it hangs */
    bool is_counted;   /* provisionally */
    uint64_t counted_ms;
};

/* When a type's way, past both breakers, was closed or opened last. */
struct way {
    bool is_closed;
    uint64_t changes[8]; /* a ring */
    unsigned count;
};

struct world {
    const struct sim_run *run;
    struct destination_health health;
    struct rng rng;
    struct call_in_flight *heap; /* by the next thing that happens to it */
    size_t count, cap;
    struct sim_result *result;
    enum breaker_state states[SIM_TYPES + 1]; /* the last: the destination's */
    struct way ways[SIM_TYPES];
    uint64_t second, ok, failed, diverted; /* of the trace's present line */
};

static uint64_t next_of(const struct call_in_flight *call)
{
    uint64_t provisional_ms = call->start_ms + PROVISIONAL_MS;

    return !call->is_looked_at && provisional_ms < call->end_ms ? provisional_ms : call->end_ms;
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

static bool is_in_fault(const struct world *world, uint64_t at_ms)
{
    return at_ms >= world->run->from_ms && at_ms < world->run->until_ms;
}

/* What a call begun at @at_ms will meet, and after how long. */
static enum call meet(struct world *world, uint64_t at_ms, size_t type, uint64_t *after_ms)
{
    const struct sim_scene *scene = world->run->scene;
    bool is_hit =
        is_in_fault(world, at_ms) && (scene->types == 0 || (scene->types >> type & 1u) != 0);
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

/* what is noted */

static void trace_second(struct world *world, uint64_t now_ms)
{
    FILE *trace = world->run->trace;

    while (trace != NULL && world->second < now_ms / 1000) {
        fprintf(trace, "second,%llu,%llu,%llu,%llu\n", (unsigned long long)world->second,
                (unsigned long long)world->ok, (unsigned long long)world->failed,
                (unsigned long long)world->diverted);
        world->ok = world->failed = world->diverted = 0;
        world->second++;
    }
}

static void note_state(struct world *world, size_t which, const struct breaker *breaker,
                       uint64_t now_ms)
{
    struct sim_result *result = world->result;
    enum breaker_state before = world->states[which];

    if (before == breaker->state) {
        return;
    }
    world->states[which] = breaker->state;
    result->last_change_ms = now_ms;
    if (world->run->trace != NULL) {
        fprintf(world->run->trace, "state,%.3f,%zu,%s,%s\n", (double)now_ms / 1000, which,
                breaker_state_word(breaker->state), breaker_cause_word(breaker->cause));
    }
    if (before != BREAKER_CLOSED) {
        return;
    }
    result->first_open_ms = result->first_open_ms == 0 ? now_ms : result->first_open_ms;
    if (which == SIM_TYPES) {
        result->destination_opens++;
    } else {
        result->cell_opens++;
        result->opens_by_type[which]++;
    }
}

/* What flapping means to a type: its way closes, or opens again. A canary that fails, or a cell
 * absorbed by the destination's breaker, changes neither. */
static void note_way(struct world *world, size_t type, uint64_t now_ms)
{
    struct sim_result *result = world->result;
    struct way *way = &world->ways[type];
    bool is_closed =
        world->states[SIM_TYPES] != BREAKER_CLOSED || world->states[type] != BREAKER_CLOSED;
    unsigned within = 1;

    if (way->is_closed == is_closed) {
        return;
    }
    way->is_closed = is_closed;
    for (unsigned i = 1; i < COUNT_OF(way->changes) && i <= way->count; i++) {
        within += now_ms - way->changes[(way->count - i) % COUNT_OF(way->changes)] < 15000;
    }
    way->changes[way->count++ % COUNT_OF(way->changes)] = now_ms;
    result->way_changes++;
    result->max_way_changes_15s = MAX_OF(result->max_way_changes_15s, within);
}

static void note_changes(struct world *world, uint64_t now_ms)
{
    trace_second(world, now_ms);
    note_state(world, SIM_TYPES, &world->health.breaker, now_ms);
    for (size_t i = 0; i < SIM_TYPES; i++) {
        note_state(world, i, &world->health.cells[i]->breaker, now_ms);
        note_way(world, i, now_ms);
    }
}

static bool is_fault(const struct call_in_flight *call)
{
    return call->kind != CALL_OK && call->kind != CALL_REJECT;
}

static void note_end(struct world *world, const struct call_in_flight *call)
{
    struct sim_result *result = world->result;
    bool is_within = is_in_fault(world, call->start_ms);

    result->ok += call->kind == CALL_OK;
    result->rejected += call->kind == CALL_REJECT;
    result->rejected_in_fault += is_within && call->kind == CALL_REJECT;
    result->failed += is_fault(call);
    result->failed_in_fault += is_within && is_fault(call);
    result->failed_by_type[call->cell] += is_fault(call);
    world->ok += call->kind == CALL_OK;
    world->failed += call->kind != CALL_OK;
}

/* what happens */

static void count_hanging(struct world *world, struct call_in_flight *call, uint64_t now_ms)
{
    bool is_changed = false;

    call->is_looked_at = true;
    call->is_counted =
        destination_provisional(&world->health, call->cell, now_ms, &call->ticket, &is_changed);
    call->counted_ms = now_ms;
    sift_down(world, 0);
}

/* A fault that was counted while it hung is not counted again, but a canary's answer must come. */
static void end_call(struct world *world, const struct call_in_flight *call, uint64_t now_ms)
{
    bool is_slow = call->kind == CALL_OK && call->end_ms - call->start_ms > SLOW_MS;
    bool is_canary = call->ticket.is_canary || call->ticket.is_destination_canary;
    bool is_life_sign = call->kind != CALL_CONNECT && call->kind != CALL_TRANSPORT;

    if (call->is_counted && !is_fault(call)) {
        destination_take_back(&world->health, call->cell, now_ms, call->counted_ms, &call->ticket);
    }
    if (call->is_counted && is_fault(call) && !is_canary) {
        (void)destination_confirm(&world->health, call->cell, now_ms, &call->ticket);
    } else {
        (void)destination_result(
            &world->health, call->cell,
            &(struct call_end){now_ms, is_slow ? CALL_SLOW : call->kind, is_life_sign, 0, 0},
            &call->ticket);
    }
    note_end(world, call);
}

/* The earliest call: count it provisionally, or end it. */
static void step_call(struct world *world)
{
    struct call_in_flight call = world->heap[0];
    uint64_t now_ms = next_of(&call);

    if (now_ms < call.end_ms) {
        count_hanging(world, &world->heap[0], now_ms);
    } else {
        pop(world);
        end_call(world, &call, now_ms);
    }
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

    if (destination_admit(&world->health, call.cell, now_ms, rng_next(&world->rng), 0,
                          &call.ticket) == GATE_DIVERT) {
        world->result->diverted++;
        world->result->diverted_in_fault += is_in_fault(world, now_ms);
        world->result->diverted_by_type[call.cell]++;
        world->diverted++;
    } else {
        call.kind = meet(world, now_ms, call.cell, &after_ms);
        call.end_ms = now_ms + after_ms;
        push(world, call);
    }
    note_changes(world, now_ms);
}

static void play(struct world *world)
{
    const struct sim_run *run = world->run;
    uint64_t middle_ms = (run->from_ms + run->until_ms) / 2;
    double next_ms = 1;

    while (next_ms < (double)run->end_ms || world->count > 0) {
        uint64_t arrival_ms = (uint64_t)next_ms;
        bool is_over = arrival_ms >= run->end_ms;

        if (world->count > 0 && (is_over || next_of(&world->heap[0]) <= arrival_ms)) {
            step_call(world);
            continue;
        }
        next_ms += -log(1 - rng_unit(&world->rng)) * 1000 / run->rate;
        if (arrival_ms < middle_ms && (uint64_t)next_ms >= middle_ms) {
            world->result->scope_midway = destination_scope(&world->health);
        }
        arrive(world, arrival_ms);
    }
}

void sim_health_run(const struct sim_run *run, struct sim_result *out)
{
    struct world world = {.run = run, .rng = {.state = run->seed}, .result = out};
    struct cell_policy policy = {
        .breaker = {5000, 60000, 10000}, .window_s = 30, .minimum = 20, .failures = 0.5};

    memset(out, 0, sizeof(*out));
    destination_health_init(&world.health, &policy, run->seed + 1, 0);
    for (size_t i = 0; i < SIM_TYPES; i++) {
        (void)destination_health_add(&world.health, 0);
    }
    play(&world);
    out->is_all_closed = destination_scope(&world.health) == SCOPE_NONE;
    destination_health_fini(&world.health);
    free(world.heap);
}
