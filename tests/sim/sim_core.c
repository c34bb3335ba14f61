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

struct play {
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

static uint64_t now_of(const struct play *play)
{
    return world_now(sim_world_of(play->sim));
}

/* seeing */

static void stir(struct play *play, uint64_t number)
{
    play->digest = (play->digest ^ number) * 0x9e3779b97f4a7c15u;
    play->digest ^= play->digest >> 29;
}

static void on_requested(void *context, const struct world_leg *legs, struct service_answer *answer,
                         bool is_in_fault)
{
    struct play *play = context;

    (void)is_in_fault;
    sim_answered(&play->hooks, legs, answer);
    play->seen->requests++;
    stir(play, now_of(play) * 31 + legs[0].destination * 7 + answer->count);
}

static rd_kafka_resp_err_t on_record(void *context, const struct leg *leg, uint32_t tag)
{
    (void)context;
    return sim_refused(leg, tag);
}

static void on_held(void *context, const struct world_leg *leg, bool will_tell)
{
    struct play *play = context;

    stir(play, now_of(play));
    stir(play, (uint64_t)leg->offset << 16 | (uint64_t)leg->partition << 8 |
                   (uint64_t)leg->reason << 4 | leg->leg);
    ledger_held(play->ledger, leg, will_tell);
}

static void on_settled(void *context, const struct world_leg *leg)
{
    ledger_settled(((struct play *)context)->ledger, leg);
}

static void note_state(struct sim_seen *seen, uint8_t *before, enum breaker_state now)
{
    if (*before != now) {
        seen->moves |= 1u << (*before * 4 + now);
    }
    *before = (uint8_t)now;
}

static void look_at_health(struct play *play, const struct deliverer *d, uint32_t worker,
                           size_t destination)
{
    static struct destination_view view;
    struct sim_seen *seen = play->seen;
    uint8_t *states = play->states[worker][destination];

    health_look(d->health, destination, d->now_ms, &view);
    seen->destination_states |= 1u << view.self.state;
    seen->causes |= 1u << view.self.cause;
    seen->scopes |= 1u << view.scope;
    seen->is_throttled |= view.throttled.workers > 0;
    seen->is_held |= view.held.workers > 0;
    seen->is_flapping |= view.self.is_flapping;
    note_state(seen, &states[CELLS_MAX], view.self.state);
    for (size_t i = 0; i < view.cell_count && i < CELLS_MAX; i++) {
        note_state(seen, &states[i], view.cells[i].state);
        seen->cell_states |= 1u << view.cells[i].state;
        seen->causes |= 1u << view.cells[i].cause;
        seen->is_flapping |= view.cells[i].is_flapping;
        seen->has_outage |= view.cells[i].outage.id[0] != '\0';
    }
}

static uint32_t worker_of(const struct play *play, const struct deliverer *d)
{
    uint32_t i = 0;

    while (sim_deliverer(play->sim, i) != d) {
        i++;
    }
    return i;
}

static void on_turned(void *context, const struct deliverer *d)
{
    struct play *play = context;
    const struct config *config = play->with->config;
    uint32_t worker = worker_of(play, d);
    bool is_timely = d->now_ms % 64 == 0; /* flow has no version of its own */

    if (d->events.events > config->in_flight.events ||
        d->events.bytes - d->events.owned_bytes > config->in_flight.bytes + EVENT_BYTES_MAX) {
        ledger_fail(play->ledger, "%llu events and %llu bytes in flight",
                    (unsigned long long)d->events.events, (unsigned long long)d->events.bytes);
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        uint64_t version = d->senders[i] == NULL ? 0 : health_version(d->health, i);

        if (d->senders[i] != NULL && (is_timely || version != play->versions[worker][i])) {
            play->versions[worker][i] = version;
            look_at_health(play, d, worker, i);
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

static enum sim_event draw_event(struct play *play)
{
    const struct sim_script *script = play->script;

    if (script->odd > 0 && rng_below(&play->rng, script->odd) == 0) {
        return (enum sim_event)(SIM_DROPPED + rng_below(&play->rng, SIM_EVENT_COUNT - SIM_DROPPED));
    }
    return (enum sim_event)rng_below(&play->rng, SIM_SIGNUP + 1);
}

static enum sim_mark draw_mark(struct play *play)
{
    const struct sim_script *script = play->script;

    if (script->marked > 0 && rng_below(&play->rng, script->marked) == 0) {
        if (script->mark != MARK_NONE) {
            return script->mark;
        }
        return (enum sim_mark)(1 + rng_below(&play->rng, MARK_REFUSED));
    }
    return MARK_NONE;
}

static void produce(struct play *play)
{
    enum sim_event kind = draw_event(play);
    struct sim_record event = {
        .partition =
            (int32_t)rng_below(&play->rng, (uint64_t)play->script->options.world.partitions),
        .value = kind == SIM_TOMBSTONE ? SPAN_NONE : buf_span(&play->cast->records[kind]),
        .gap = rng_below(&play->rng, 40) == 0 ? 2 : 0,
        .tag = kind | (uint32_t)draw_mark(play) << SIM_MARK_SHIFT,
    };
    int64_t offset = sim_produce(play->sim, &event);

    ledger_produced(
        play->ledger, event.partition, offset,
        &(struct ledger_event){.legs = sim_legs(play->script->config, kind),
                               .may_be_whole = sim_may_be_whole(play->script->config, kind),
                               .tag = event.tag});
    play->seen->events++;
}

static void arrive(void *context, struct world *world)
{
    struct play *play = context;
    double gap_ms = -log(1.0 - rng_unit(&play->rng)) * 1000.0 / play->script->rate;
    uint64_t next_ms = world_now(world) + (uint64_t)gap_ms;

    produce(play);
    if (next_ms < play->script->until_ms) {
        world_call(world, next_ms, arrive, play);
    }
}

/* the group */

static void come_back(void *context, struct sim_world *sim)
{
    struct play *play = context;
    uint32_t workers = play->script->options.world.workers;

    play->away--;
    for (uint32_t i = 0; i < workers; i++) {
        if (!sim_is_alive(sim, i)) {
            memset(play->versions[i], 0, sizeof(play->versions[i]));
            memset(play->states[i], 0, sizeof(play->states[i]));
            sim_start(sim, i);
        }
    }
    sim_rebalance(sim, (uint32_t)rng_below(&play->rng, workers));
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
    struct play *play = context;
    const struct sim_change *now = &play->script->changes[play->change_at++];
    uint64_t now_ms = now_of(play);
    uint64_t back_ms = now_ms + 500 + rng_below(&play->rng, RETURN_MS);

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
        back_ms = now_ms + 1000 + rng_below(&play->rng, 20000);
        sim_sleep(sim, now->worker, back_ms - now_ms);
        back_ms += 1;
        break;
    }
    play->away++;
    sim_call(sim, back_ms, come_back, play);
}

/* the end */

static void check_sender(struct play *play, const struct sender *sender)
{
    size_t waiting = sender_load(sender);

    if (waiting > 0) {
        ledger_fail(play->ledger, "a sender keeps %zu legs, batches or requests of nobody",
                    waiting);
    }
}

static void check_rest(struct play *play)
{
    for (uint32_t m = 0; m < play->script->options.world.workers; m++) {
        const struct deliverer *d = sim_deliverer(play->sim, m);

        if (d == NULL) {
            ledger_fail(play->ledger, "worker %u never came back", m);
            continue;
        }
        if (d->events.events != 0 || d->events.bytes != 0) {
            ledger_fail(play->ledger, "%llu events and %llu bytes are still counted in flight",
                        (unsigned long long)d->events.events, (unsigned long long)d->events.bytes);
        }
        for (size_t i = 0; i < play->with->config->destination_count; i++) {
            if (d->senders[i] != NULL) {
                check_sender(play, d->senders[i]);
            }
        }
    }
}

/* What the metrics say must be what was heard outside, where nobody died with counts on the way. */
static void check_metrics(struct play *play, const struct metrics_totals *before)
{
    const struct ledger *ledger = play->ledger;
    struct metrics_totals after;

    metrics_totals(play->with->metrics, &after);
    if (play->script->change_count == 0 &&
        (after.delivered - before->delivered != ledger->delivered ||
         after.diverted - before->diverted != ledger->diverted ||
         after.dead_lettered - before->dead_lettered != ledger->dead_lettered)) {
        ledger_fail(play->ledger,
                    "metrics say %llu delivered, %llu diverted, %llu dead-lettered; outside it was "
                    "%llu, %llu, %llu",
                    (unsigned long long)(after.delivered - before->delivered),
                    (unsigned long long)(after.diverted - before->diverted),
                    (unsigned long long)(after.dead_lettered - before->dead_lettered),
                    (unsigned long long)ledger->delivered, (unsigned long long)ledger->diverted,
                    (unsigned long long)ledger->dead_lettered);
    }
}

static void drain(struct play *play)
{
    uint64_t until_ms = play->script->until_ms + DRAIN_STEP_MS;

    do {
        world_run(sim_world_of(play->sim), until_ms);
        until_ms += DRAIN_STEP_MS;
    } while (until_ms < play->script->until_ms + DRAIN_MS_MAX &&
             (play->change_at < play->script->change_count || play->away > 0 ||
              !sim_is_drained(play->sim)));
    if (!sim_is_drained(play->sim)) {
        sim_tell_undrained(play->sim);
    }
}

static void judge(struct play *play)
{
    struct ledger *ledger = play->ledger;
    uint64_t duplicates = ledger_duplicates(ledger);
    struct sim_world_seen world = sim_world_seen(play->sim);

    ledger_judge(ledger);
    if (play->script->is_calm && duplicates > 0) {
        ledger_fail(ledger, "%llu duplicates without a fault", (unsigned long long)duplicates);
    }
    if (play->script->is_calm && ledger->diverted + ledger->dead_lettered > 0) {
        ledger_fail(ledger, "%llu diverted, %llu dead-lettered without a fault",
                    (unsigned long long)ledger->diverted,
                    (unsigned long long)ledger->dead_lettered);
    }
    play->seen->reasons |= ledger->reasons;
    play->seen->blocks |= world.blocks;
    play->seen->has_skipped |= world.has_skipped;
    play->seen->has_late_commit |= world.has_late_commit;
    play->seen->has_removed |= world.has_removed;
    play->seen->has_changed |= world.has_changed;
    play->seen->has_ambiguous |= ledger->ambiguous > 0;
    play->seen->has_duplicate |= duplicates > 0;
    play->seen->runs++;
}

void sim_play(struct sim_cast *cast, const struct sim_script *script, struct sim_seen *seen,
              struct ledger *ledger, uint64_t *digest)
{
    struct play play = {
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

    metrics_totals(play.with->metrics, &before);
    memcpy(items, script->faults, sizeof(items));
    options.world.metrics = play.with->metrics;
    options.world.wall_ms = SIM_WALL_MS;
    options.world.faults = &faults;
    options.world.watch = watch;
    options.world.watch.context = &play;
    play.sim = sim_world_new(play.with->pipeline, &options, ledger);
    world_call(sim_world_of(play.sim), 1, arrive, &play);
    for (size_t i = 0; i < script->change_count; i++) {
        sim_call(play.sim, script->changes[i].at_ms, change, &play);
    }
    world_run(sim_world_of(play.sim), script->until_ms);
    drain(&play);
    check_rest(&play);
    check_metrics(&play, &before);
    judge(&play);
    sim_world_free(play.sim);
    *digest = play.digest;
}
