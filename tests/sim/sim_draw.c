/* A run drawn from its seed. The shapes are few and the numbers wide. */
#include "sim_core.h"

#include <stdlib.h>

#include "destinations/table.h"
#include "sim_inside.h"

static const struct span types[] = {
    {"Purchase", 8}, {"View", 4}, {"Signup", 6}, {"Purchase", 8}, {"Signup", 6}};

/* The kinds a destination of type kafka can have; MAX: only the others. */
static enum fault_kind draw_kind(struct rng *rng, const struct config_type *type)
{
    static const enum fault_kind spoken[] = {
        FAULT_SLOW,    FAULT_STATUS,   FAULT_STATUS,     FAULT_STATUS, FAULT_CODE,  FAULT_CODE,
        FAULT_PARTIAL, FAULT_THROTTLE, FAULT_CREDENTIAL, FAULT_HANG,   FAULT_RESET, FAULT_REFUSED};
    enum fault_kind kind;

    if (type == &topic_driver.section) {
        return FAULT_UNWRITABLE;
    }
    kind = spoken[rng_below(rng, COUNT_OF(spoken))];
    if (type == &http_driver.section && (kind == FAULT_CODE || kind == FAULT_PARTIAL)) {
        return FAULT_STATUS;
    }
    return kind;
}

static void draw_fault(struct rng *rng, const struct config *config, uint64_t until_ms,
                       struct fault *out)
{
    static const int statuses[] = {503, 500, 502, 429, 404, 400, 413, 302, 408};
    static const int32_t codes[] = {50000, 50000, 50002, 40002, 40001, 40016, 61000, 30001};
    size_t destination = (size_t)rng_below(rng, config->destination_count);
    uint64_t from_ms = rng_below(rng, until_ms);

    *out = (struct fault){
        .destination = destination,
        .from_ms = from_ms,
        .until_ms = from_ms + 500 + rng_below(rng, until_ms - from_ms),
        .share = rng_below(rng, 3) == 0 ? 0.1 + 0.8 * rng_unit(rng) : 1,
        .kind = draw_kind(rng, config->destinations[destination].type),
        .status = statuses[rng_below(rng, COUNT_OF(statuses))],
        .code = codes[rng_below(rng, COUNT_OF(codes))],
    };
    if (out->kind != FAULT_STATUS) {
        out->status = 0;
    }
    if (rng_below(rng, 3) == 0) {
        out->event_count = 1 + (size_t)rng_below(rng, 2);
        out->events = &types[rng_below(rng, COUNT_OF(types) - 1)];
    }
    if (out->kind == FAULT_SLOW || rng_below(rng, 5) == 0) {
        out->has_latency = true;
        out->latency_min_ms = 1 + rng_below(rng, 4000);
        out->latency_max_ms = out->latency_min_ms;
    }
    if (rng_below(rng, 4) == 0) {
        out->has_retry_after = true;
        out->retry_after_ms = rng_below(rng, 6000);
    }
    out->until_ms = MIN_OF(out->until_ms, until_ms);
}

static void draw_change(struct rng *rng, struct sim_script *script)
{
    struct sim_change *change = &script->changes[script->change_count++];

    change->at_ms = 500 + rng_below(rng, script->until_ms);
    change->kind = (int)rng_below(rng, CHANGE_SLEEP + 1);
    change->worker = (uint32_t)rng_below(rng, script->options.world.workers);
}

/* A log that loses records, or becomes another. */
static void draw_log_change(struct rng *rng, struct sim_script *script)
{
    struct sim_change *change = &script->changes[script->change_count++];

    change->at_ms = 500 + rng_below(rng, script->until_ms);
    change->kind = (int)(CHANGE_REMOVE + rng_below(rng, 3));
    change->partition = (int32_t)rng_below(rng, (uint64_t)script->options.world.partitions);
    change->records = 1 + rng_below(rng, 40);
    change->is_forgotten = rng_below(rng, 2) == 0;
}

static int by_time(const void *a, const void *b)
{
    uint64_t left = ((const struct sim_change *)a)->at_ms;
    uint64_t right = ((const struct sim_change *)b)->at_ms;

    return left < right ? -1 : left > right;
}

static void draw_faults(struct rng *rng, const struct config *config, struct sim_script *out)
{
    size_t faults = (size_t)rng_below(rng, 5);
    size_t changes = rng_below(rng, 2) == 0 ? 0 : (size_t)rng_below(rng, 5);

    for (size_t i = 0; i < faults; i++) {
        draw_fault(rng, config, out->until_ms, &out->faults[i]);
    }
    out->fault_count = faults;
    for (size_t i = 0; i < changes; i++) {
        draw_change(rng, out);
    }
    for (uint64_t i = rng_below(rng, 4) == 0 ? 1 + rng_below(rng, 3) : 0; i > 0; i--) {
        draw_log_change(rng, out);
    }
    qsort(out->changes, out->change_count, sizeof(out->changes[0]), by_time);
    out->ambiguous = rng_below(rng, 2) == 0 ? 0 : 0.5 * rng_unit(rng);
    out->options.commits_lost = rng_below(rng, 4) == 0 ? 0.5 * rng_unit(rng) : 0;
    out->odd = rng_below(rng, 3) == 0 ? 5 + (unsigned)rng_below(rng, 30) : 0;
    out->marked = rng_below(rng, 3) == 0 ? 5 + (unsigned)rng_below(rng, 50) : 0;
}

/* How the ledger fares. */
static void draw_books(struct rng *rng, struct sim_script *out)
{
    struct sim_books_options *books = &out->options.books;

    books->until_ms = out->until_ms + 3000;
    books->slow = rng_below(rng, 3) == 0 ? 0.3 * rng_unit(rng) : 0;
    books->failing = rng_below(rng, 3) == 0 ? 0.5 * rng_unit(rng) : 0;
    if (rng_below(rng, 5) == 0) {
        books->closed_from_ms = rng_below(rng, out->until_ms);
        books->closed_until_ms = books->closed_from_ms + 1000 + rng_below(rng, 20000);
    }
}

void sim_draw(struct sim_cast *cast, uint64_t seed, struct sim_script *out)
{
    struct rng rng = {.state = seed};
    const struct config *config;
    double most = 2000; /* events of a run, about */

    *out = (struct sim_script){.config = (size_t)rng_below(&rng, SIM_CONFIG_COUNT)};
    config = cast->configs[out->config].config;
    out->until_ms = 3000 + rng_below(&rng, 27000);
    out->rate = 2 + 60 * rng_unit(&rng) * rng_unit(&rng);
    if (rng_below(&rng, 16) == 0) {
        out->rate = most * 1000 / (double)out->until_ms; /* a flood */
    }
    out->options.world = (struct world_options){
        .seed = rng_next(&rng),
        .workers = 1 + (uint32_t)rng_below(&rng, 3),
        .partitions = 1 + (int32_t)rng_below(&rng, 6),
        .window_max = rng_below(&rng, 3) == 0 ? 16 + (uint32_t)rng_below(&rng, 64) : 10000,
        .answer_ms = 1 + rng_below(&rng, 200),
        .acknowledge_ms = 2 + rng_below(&rng, 30),
        .records_max = rng_below(&rng, 4) == 0 ? 20 : 100000,
    };
    out->options.commit_ms = rng_below(&rng, 3) == 0 ? 0 : rng_below(&rng, 500);
    out->options.books.delay_ms = rng_below(&rng, 50);
    out->is_calm = rng_below(&rng, 8) == 0;
    if (out->is_calm) {
        out->rate = MIN_OF(out->rate, 3.0); /* and no throttling of our own, either */
        return;
    }
    draw_faults(&rng, config, out);
    draw_books(&rng, out);
}

/* scenes */

static struct fault *add_fault(struct sim_script *script, size_t destination, enum fault_kind kind,
                               uint64_t from_ms, uint64_t until_ms)
{
    struct fault *fault = &script->faults[script->fault_count++];

    INVARIANT(script->fault_count <= SIM_FAULTS_MAX);
    *fault = (struct fault){.destination = destination,
                            .from_ms = from_ms,
                            .until_ms = until_ms,
                            .share = 1,
                            .kind = kind,
                            .status = kind == FAULT_STATUS ? 503 : 0,
                            .code = 50000};
    return fault;
}

static void set_plain(struct sim_script *out, enum sim_config config, double rate,
                      uint64_t until_ms)
{
    *out = (struct sim_script){
        .config = config,
        .rate = rate,
        .until_ms = until_ms,
        .options.world = {.seed = 1,
                          .workers = 1,
                          .partitions = 3,
                          .window_max = 10000,
                          .answer_ms = 100,
                          .acknowledge_ms = 10,
                          .records_max = 100000},
    };
}

/* Everything is taken, but late, and the connections are all in use. */
static void set_slow(struct sim_cast *cast, struct sim_script *out)
{
    struct fault *fault;

    set_plain(out, SIM_PRIORITY, 20, 90000);
    fault = add_fault(out, sim_destination(cast, SIM_PRIORITY, "tiktok"), FAULT_SLOW, 5000, 60000);
    fault->has_latency = true;
    fault->latency_min_ms = fault->latency_max_ms = 1500;
}

static void set_flapping(struct sim_cast *cast, struct sim_script *out)
{
    size_t tiktok = sim_destination(cast, SIM_CHAIN, "tiktok");

    set_plain(out, SIM_CHAIN, 20, 300000);
    for (uint64_t at_ms = 5000; at_ms < 280000; at_ms += 30000) {
        add_fault(out, tiktok, FAULT_STATUS, at_ms, at_ms + 6000);
    }
}

/* Returns, and breaks again while it is on its way back. */
static void set_relapse(struct sim_cast *cast, struct sim_script *out)
{
    size_t tiktok = sim_destination(cast, SIM_FAN, "tiktok");

    set_plain(out, SIM_FAN, 60, 90000);
    add_fault(out, tiktok, FAULT_CODE, 5000, 15000);
    for (uint64_t at_ms = 20000; at_ms < 60000; at_ms += 3000) {
        add_fault(out, tiktok, FAULT_CODE, at_ms, at_ms + 1500)->share = 0.9;
    }
}

/* Large events and nobody who takes them: the bytes are full before the number is. */
static void set_heavy(struct sim_cast *cast, struct sim_script *out)
{
    set_plain(out, SIM_WAIT, 400, 8000);
    add_fault(out, sim_destination(cast, SIM_WAIT, "tiktok"), FAULT_THROTTLE, 0, 8000);
}

static const struct {
    const char *name;
    void (*set)(struct sim_cast *cast, struct sim_script *out);
} scenes[] = {
    {"slow", set_slow},
    {"flapping", set_flapping},
    {"relapse", set_relapse},
    {"heavy", set_heavy},
};

size_t sim_plight_count(void)
{
    return COUNT_OF(scenes);
}

const char *sim_plight(struct sim_cast *cast, size_t number, struct sim_script *out)
{
    scenes[number].set(cast, out);
    return scenes[number].name;
}

void sim_poison(enum sim_mark mark, double rate, struct sim_script *out)
{
    set_plain(out, SIM_ONE, rate, 60000);
    out->marked = 100;
    out->mark = mark;
}

void sim_handovers(struct sim_cast *cast, struct sim_script *out)
{
    size_t hook = sim_destination(cast, SIM_FAN, "hook");
    size_t dead = sim_destination(cast, SIM_FAN, "dead-letter");

    set_plain(out, SIM_FAN, 60, 30000);
    out->odd = 10;
    add_fault(out, dead, FAULT_UNWRITABLE, 2500, 27000);
    out->options.world.workers = 2;
    out->options.world.partitions = 6;
    for (uint64_t at_ms = 0; at_ms < out->until_ms; at_ms += 2000) {
        struct fault *fault = add_fault(out, hook, FAULT_THROTTLE, at_ms, at_ms + 300);

        fault->has_retry_after = true;
        fault->retry_after_ms = 700;
    }
    while (out->change_count < SIM_CHANGES_MAX) {
        size_t i = out->change_count++;

        out->changes[i].at_ms = 3200 + 4000 * i;
        out->changes[i].kind = i % 2 == 0 ? CHANGE_REBALANCE : CHANGE_STOP;
        out->changes[i].worker = (uint32_t)i / 2 % 2;
    }
}
