#include "sim_core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/sender.h"
#include "sim_inside.h"

enum {
    DRAIN_MS_MAX = 300000, /* after everything is well again; a limited rate takes its time */
    DRAIN_STEP_MS = 2000,
    RETURN_MS = 4000, /* of who died or stopped */
    STOP_DRAIN_MS = 3000,
    WORKERS_MAX = 4,
    DESTINATIONS_MAX = 8,
    CELLS_MAX = 8,
    EVENT_BYTES_MAX = 16384, /* the one that crosses the bound */
};

struct run {
    struct sim_cast *cast;
    const struct sim_script *script;
    const struct cast_config *with;
    struct sim_seen *seen;
    struct ledger *ledger;
    struct sim_world *sim;
    struct sim_hooks hooks;
    struct rng rng; /* of the traffic */
    uint64_t digest;
    uint64_t versions[WORKERS_MAX][DESTINATIONS_MAX];
    uint8_t states[WORKERS_MAX][DESTINATIONS_MAX][CELLS_MAX + 1]; /* the last: its own */
    size_t change_at;
    unsigned away; /* workers or partitions that will come back */
};

static uint64_t now_of(const struct run *run)
{
    return world_now(sim_world_of(run->sim));
}

/* seeing */

static void stir(struct run *run, uint64_t number)
{
    run->digest = (run->digest ^ number) * 0x9e3779b97f4a7c15u;
    run->digest ^= run->digest >> 29;
}

static void on_requested(void *context, const struct world_leg *legs, struct service_answer *answer,
                         bool is_in_fault)
{
    struct run *run = context;

    (void)is_in_fault;
    sim_answered(&run->hooks, legs, answer);
    run->seen->requests++;
    stir(run, now_of(run) * 31 + legs[0].destination * 7 + answer->count);
}

static rd_kafka_resp_err_t on_record(void *context, const struct leg *leg, uint32_t tag)
{
    (void)context;
    return sim_refused(leg, tag);
}

static void on_held(void *context, const struct world_leg *leg, bool will_tell)
{
    struct run *run = context;

    stir(run, now_of(run));
    stir(run, (uint64_t)leg->offset << 16 | (uint64_t)leg->partition << 8 |
                  (uint64_t)leg->reason << 4 | leg->leg);
    ledger_held(run->ledger, leg, will_tell);
}

static void on_settled(void *context, const struct world_leg *leg)
{
    const struct run *run = context;

    ledger_settled(run->ledger, leg);
    sim_settled(run->sim, leg);
}

static void see_state(struct sim_seen *seen, uint8_t *before, enum breaker_state now)
{
    if (*before != now) {
        seen->moves |= 1u << (*before * 4 + now);
    }
    *before = (uint8_t)now;
}

static void look_at_health(struct run *run, const struct deliverer *d, uint32_t worker,
                           size_t destination)
{
    static struct destination_view view;
    struct sim_seen *seen = run->seen;
    uint8_t *states = run->states[worker][destination];

    health_look(d->health, destination, d->now_ms, &view);
    seen->destination_states |= 1u << view.self.state;
    seen->causes |= 1u << view.self.cause;
    seen->scopes |= 1u << view.scope;
    seen->is_throttled |= view.throttled.workers > 0;
    seen->is_held |= view.held.workers > 0;
    seen->is_flapping |= view.self.is_flapping;
    see_state(seen, &states[CELLS_MAX], view.self.state);
    for (size_t i = 0; i < view.cell_count && i < CELLS_MAX; i++) {
        see_state(seen, &states[i], view.cells[i].state);
        seen->cell_states |= 1u << view.cells[i].state;
        seen->causes |= 1u << view.cells[i].cause;
        seen->is_flapping |= view.cells[i].is_flapping;
        seen->has_outage |= view.cells[i].outage.id[0] != '\0';
    }
}

static uint32_t worker_of(const struct run *run, const struct deliverer *d)
{
    uint32_t i = 0;

    while (sim_deliverer(run->sim, i) != d) {
        i++;
    }
    return i;
}

static void on_turned(void *context, const struct deliverer *d)
{
    struct run *run = context;
    const struct config *config = run->with->config;
    uint32_t worker = worker_of(run, d);
    bool is_timely = d->now_ms % 64 == 0; /* flow has no version of its own */

    if (d->events.events > config->in_flight.events ||
        d->events.bytes - d->events.owned_bytes > config->in_flight.bytes + EVENT_BYTES_MAX) {
        ledger_fail(run->ledger, "%llu events and %llu bytes in flight",
                    (unsigned long long)d->events.events, (unsigned long long)d->events.bytes);
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        uint64_t version = d->senders[i] == NULL ? 0 : health_version(d->health, i);

        if (d->senders[i] != NULL && (is_timely || version != run->versions[worker][i])) {
            run->versions[worker][i] = version;
            look_at_health(run, d, worker, i);
        }
    }
}

static const struct world_watch watch = {
    .requested = on_requested,
    .refused = on_record,
    .held = on_held,
    .settled = on_settled,
    .turned = on_turned,
};

/* traffic */

static enum sim_event draw_event(struct run *run)
{
    const struct sim_script *script = run->script;

    if (script->odd > 0 && rng_below(&run->rng, script->odd) == 0) {
        return (enum sim_event)(SIM_DROPPED + rng_below(&run->rng, SIM_EVENT_COUNT - SIM_DROPPED));
    }
    return (enum sim_event)rng_below(&run->rng, SIM_SIGNUP + 1);
}

static enum sim_mark draw_mark(struct run *run)
{
    const struct sim_script *script = run->script;

    if (script->marked > 0 && rng_below(&run->rng, script->marked) == 0) {
        if (script->mark != MARK_NONE) {
            return script->mark;
        }
        return (enum sim_mark)(1 + rng_below(&run->rng, MARK_REFUSED));
    }
    return MARK_NONE;
}

static void produce(struct run *run)
{
    enum sim_event kind = draw_event(run);
    struct sim_record event = {
        .partition = (int32_t)rng_below(&run->rng, (uint64_t)run->script->options.world.partitions),
        .value = kind == SIM_TOMBSTONE ? SPAN_NONE : buf_span(&run->cast->records[kind]),
        .gap = rng_below(&run->rng, 40) == 0 ? 2 : 0,
        .tag = kind | (uint32_t)draw_mark(run) << SIM_MARK_SHIFT,
    };
    int64_t offset = sim_produce(run->sim, &event);

    ledger_produced(
        run->ledger, event.partition, offset,
        &(struct ledger_event){.legs = sim_legs(run->script->config, kind),
                               .may_be_whole = sim_may_be_whole(run->script->config, kind),
                               .tag = event.tag});
    run->seen->events++;
}

static void arrive(void *context, struct world *world)
{
    struct run *run = context;
    double gap_ms = -log(1.0 - rng_unit(&run->rng)) * 1000.0 / run->script->rate;
    uint64_t next_ms = world_now(world) + (uint64_t)gap_ms;

    produce(run);
    if (next_ms < run->script->until_ms) {
        world_call(world, next_ms, arrive, run);
    }
}

/* the group */

static void come_back(void *context, struct sim_world *sim)
{
    struct run *run = context;
    uint32_t workers = run->script->options.world.workers;

    run->away--;
    for (uint32_t i = 0; i < workers; i++) {
        if (!sim_is_alive(sim, i)) {
            memset(run->versions[i], 0, sizeof(run->versions[i]));
            memset(run->states[i], 0, sizeof(run->states[i]));
            sim_start(sim, i);
        }
    }
    sim_rebalance(sim, (uint32_t)rng_below(&run->rng, workers));
}

/* False: it was no change of a log. */
static bool change_log(struct sim_world *sim, const struct sim_change *now)
{
    switch ((int)now->kind) {
    case CHANGE_REMOVE:
        sim_remove(sim, now->partition);
        return true;
    case CHANGE_TRUNCATE:
        sim_truncate(sim, now->partition, now->records);
        return true;
    case CHANGE_REPLACE:
        sim_replace(sim, now->partition, now->is_forgotten);
        return true;
    default:
        return false;
    }
}

static void change(void *context, struct sim_world *sim)
{
    struct run *run = context;
    const struct sim_change *now = &run->script->changes[run->change_at++];
    uint64_t now_ms = now_of(run);
    uint64_t back_ms = now_ms + 500 + rng_below(&run->rng, RETURN_MS);

    if (change_log(sim, now) || !sim_is_alive(sim, now->worker)) {
        return;
    }
    switch ((int)now->kind) {
    case CHANGE_REBALANCE:
        back_ms = now_ms;
        break;
    case CHANGE_KILL:
        sim_kill(sim, now->worker);
        break;
    case CHANGE_STOP:
        sim_stop(sim, now->worker, STOP_DRAIN_MS);
        break;
    case CHANGE_SLEEP:
        back_ms = now_ms + 1000 + rng_below(&run->rng, 20000);
        sim_sleep(sim, now->worker, back_ms - now_ms);
        back_ms += 1;
        break;
    }
    run->away++;
    sim_call(sim, back_ms, come_back, run);
}

/* the end */

static void check_sender(struct run *run, const struct sender *sender)
{
    size_t waiting = sender_load(sender);

    if (waiting > 0) {
        ledger_fail(run->ledger, "a sender keeps %zu legs, batches or requests of nobody", waiting);
    }
}

static void check_rest(struct run *run)
{
    for (uint32_t m = 0; m < run->script->options.world.workers; m++) {
        const struct deliverer *d = sim_deliverer(run->sim, m);

        if (d == NULL) {
            ledger_fail(run->ledger, "worker %u never came back", m);
            continue;
        }
        if (d->events.events != 0 || d->events.bytes != 0) {
            ledger_fail(run->ledger, "%llu events and %llu bytes are still counted in flight",
                        (unsigned long long)d->events.events, (unsigned long long)d->events.bytes);
        }
        for (size_t i = 0; i < run->with->config->destination_count; i++) {
            if (d->senders[i] != NULL) {
                check_sender(run, d->senders[i]);
            }
        }
    }
}

/* What the metrics say must be what was heard outside, where nobody died with counts on the way. */
static void check_metrics(struct run *run, const struct metrics_totals *before)
{
    const struct ledger *ledger = run->ledger;
    struct metrics_totals after;

    metrics_totals(run->with->metrics, &after);
    if (run->script->change_count == 0 &&
        (after.delivered - before->delivered != ledger->delivered ||
         after.diverted - before->diverted != ledger->diverted ||
         after.dead_lettered - before->dead_lettered != ledger->dead_lettered)) {
        ledger_fail(run->ledger,
                    "metrics say %llu delivered, %llu diverted, %llu dead-lettered; outside it was "
                    "%llu, %llu, %llu",
                    (unsigned long long)(after.delivered - before->delivered),
                    (unsigned long long)(after.diverted - before->diverted),
                    (unsigned long long)(after.dead_lettered - before->dead_lettered),
                    (unsigned long long)ledger->delivered, (unsigned long long)ledger->diverted,
                    (unsigned long long)ledger->dead_lettered);
    }
}

static void drain(struct run *run)
{
    uint64_t until_ms = run->script->until_ms + DRAIN_STEP_MS;

    do {
        world_run(sim_world_of(run->sim), until_ms);
        until_ms += DRAIN_STEP_MS;
    } while (
        until_ms < run->script->until_ms + DRAIN_MS_MAX &&
        (run->change_at < run->script->change_count || run->away > 0 || !sim_is_drained(run->sim)));
    if (!sim_is_drained(run->sim)) {
        sim_tell_undrained(run->sim);
    }
}

static void judge(struct run *run)
{
    struct ledger *ledger = run->ledger;
    uint64_t duplicates = ledger_duplicates(ledger);
    struct sim_world_seen world = sim_world_seen(run->sim);

    ledger_judge(ledger);
    sim_judge_books(run->sim);
    if (run->script->is_calm && duplicates > 0) {
        ledger_fail(ledger, "%llu duplicates without a fault", (unsigned long long)duplicates);
    }
    if (run->script->is_calm && ledger->diverted + ledger->dead_lettered > 0) {
        ledger_fail(ledger, "%llu diverted, %llu dead-lettered without a fault",
                    (unsigned long long)ledger->diverted,
                    (unsigned long long)ledger->dead_lettered);
    }
    run->seen->reasons |= ledger->reasons;
    run->seen->blocks |= world.blocks;
    run->seen->has_skipped |= world.has_skipped;
    run->seen->has_late_commit |= world.has_late_commit;
    run->seen->has_removed |= world.has_removed;
    run->seen->has_changed |= world.has_changed;
    run->seen->has_ambiguous |= ledger->ambiguous > 0;
    run->seen->has_duplicate |= duplicates > 0;
    run->seen->runs++;
}

void sim_play(struct sim_cast *cast, const struct sim_script *script, struct sim_seen *seen,
              struct ledger *ledger, uint64_t *digest)
{
    struct run run = {
        .cast = cast,
        .script = script,
        .with = &cast->configs[script->config],
        .seen = seen,
        .ledger = ledger,
        .hooks = {.destinations = cast->configs[script->config].pipeline->destinations,
                  .rng = {.state = script->options.world.seed ^ 1},
                  .ambiguous = script->ambiguous},
        .rng = {.state = ~script->options.world.seed}};
    struct sim_world_options options = script->options;
    struct fault items[SIM_FAULTS_MAX]; /* they count how often they were played */
    struct faults faults = {items, script->fault_count};
    struct metrics_totals before;

    metrics_totals(run.with->metrics, &before);
    memcpy(items, script->faults, sizeof(items));
    options.world.metrics = run.with->metrics;
    options.world.wall_ms = SIM_WALL_MS;
    options.world.faults = &faults;
    options.world.watch = watch;
    options.world.watch.context = &run;
    run.sim = sim_world_new(run.with->pipeline, &options, ledger);
    world_call(sim_world_of(run.sim), 1, arrive, &run);
    for (size_t i = 0; i < script->change_count; i++) {
        sim_call(run.sim, script->changes[i].at_ms, change, &run);
    }
    world_run(sim_world_of(run.sim), script->until_ms);
    drain(&run);
    check_rest(&run);
    check_metrics(&run, &before);
    judge(&run);
    sim_world_free(run.sim);
    *digest = run.digest;
}
