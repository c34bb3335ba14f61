/*
 * The table of docs/health-simulation.md: every scene at three rates over several seeds.
 *
 *     report_health                        the table, as Markdown
 *     report_health --trace SCENE RATE SEED   one run second by second, as CSV for plot.py
 */
#include <stdlib.h>
#include <string.h>

#include "sim_health.h"

static const struct {
    double rate;
    uint64_t seeds;
} rates[] = {{1, 20}, {50, 5}, {500, 2}};

struct spread {
    double sum, most;
    unsigned count;
};

static void spread_add(struct spread *spread, double value)
{
    spread->sum += value;
    spread->most = spread->count == 0 ? value : MAX_OF(spread->most, value);
    spread->count++;
}

/* What several seeds of one scene and rate came to. */
struct summary {
    struct spread open_s, back_s;
    double ok, failed, rejected, diverted; /* shares of all events, added up */
    unsigned scopes[3];
    unsigned runs;
    unsigned most_changes_15s;
};

static void add_run(struct summary *summary, const struct sim_run *run)
{
    struct sim_result result;
    double all;

    sim_health_run(run, &result);
    all = (double)(result.ok + result.failed + result.rejected + result.diverted);
    summary->ok += (double)result.ok / all;
    summary->failed += (double)result.failed / all;
    summary->rejected += (double)result.rejected / all;
    summary->diverted += (double)result.diverted / all;
    summary->scopes[result.scope_midway]++;
    summary->runs++;
    summary->most_changes_15s = MAX_OF(summary->most_changes_15s, result.max_way_changes_15s);
    if (result.first_open_ms != 0) {
        spread_add(&summary->open_s, ((double)result.first_open_ms - (double)run->from_ms) / 1000);
        spread_add(&summary->back_s,
                   ((double)result.last_change_ms - (double)run->until_ms) / 1000);
    }
}

static const char *most_frequent_scope(const struct summary *summary)
{
    enum scope scope = SCOPE_NONE;

    for (size_t i = 1; i < COUNT_OF(summary->scopes); i++) {
        scope = summary->scopes[i] > summary->scopes[scope] ? (enum scope)i : scope;
    }
    return scope_word(scope);
}

static void print_summary(const struct sim_scene *scene, double rate, const struct summary *summary)
{
    double runs = summary->runs;
    bool is_outage = scene->fault != SIM_HEALTHY && scene->fault != SIM_FLAP;

    printf("| %s | %.0f | %u of %u | ", scene->name, rate, summary->open_s.count, summary->runs);
    if (is_outage && summary->open_s.count > 0) {
        printf("+%.1f s (%.1f) | %s | +%.0f s (%.0f) | ",
               summary->open_s.sum / summary->open_s.count, summary->open_s.most,
               most_frequent_scope(summary), summary->back_s.sum / summary->back_s.count,
               summary->back_s.most);
    } else {
        printf("| | | ");
    }
    printf("%.2f %% | %.2f %% | %.2f %% | %.2f %% | %u |\n", 100 * summary->ok / runs,
           100 * summary->failed / runs, 100 * summary->rejected / runs,
           100 * summary->diverted / runs, summary->most_changes_15s);
}

static int print_table(void)
{
    puts("| scene | events/s | runs that opened | first open, mean (worst) | scope | back, mean "
         "(worst) | delivered | failed | rejected | diverted | changes in 15 s |\n"
         "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (size_t i = 0; i < sim_scene_count; i++) {
        for (size_t r = 0; r < COUNT_OF(rates); r++) {
            struct summary summary = {0};

            for (uint64_t seed = 1; seed <= rates[r].seeds; seed++) {
                struct sim_run run = sim_run_of(&sim_scenes[i], rates[r].rate, seed);

                add_run(&summary, &run);
            }
            print_summary(&sim_scenes[i], rates[r].rate, &summary);
        }
    }
    return 0;
}

static int print_trace(const char *name, const char *rate, const char *seed)
{
    const struct sim_scene *scene = sim_scene_find(name);
    struct sim_result result;
    struct sim_run run;

    if (scene == NULL || strtod(rate, NULL) <= 0) {
        fprintf(stderr, "no scene '%s', or no rate '%s'\n", name, rate);
        return 2;
    }
    run = sim_run_of(scene, strtod(rate, NULL), strtoull(seed, NULL, 10));
    run.trace = stdout;
    printf("fault,%llu,%llu,%llu\n", (unsigned long long)run.from_ms / 1000,
           (unsigned long long)run.until_ms / 1000, (unsigned long long)run.end_ms / 1000);
    sim_health_run(&run, &result);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--trace") == 0) {
        return print_trace(argv[2], argv[3], argv[4]);
    }
    if (argc != 1) {
        fputs("usage: report_health [--trace SCENE RATE SEED]\n", stderr);
        return 2;
    }
    return print_table();
}
