/*
 * The health policy against scripted outages, over many seeds at three rates: when it opens,
 * what it calls it, what it costs, when it is back. A bar is what docs/health.md promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim_health.h"

enum { LEAD = 3, RATES = 3, NEVER = 0 };

static const struct {
    double rate;
    uint64_t seeds;
} rates[RATES] = {{1, 20}, {50, 3}, {500, 1}};

struct bar {
    double open_mean_s, open_worst_s; /* from the fault's begin; NEVER: no run opens */
    double failed;                    /* share of all events, in percent, mean */
    double back_worst_s;              /* from the fault's end */
    enum scope scope;                 /* in every run, midway */
};

/* By rate: 1, 50 and 500 events/s. */
static const struct {
    const char *scene;
    struct bar bars[RATES];
} outage_rows[] = {
    {"all 5xx",
     {{12, 20, 2.5, 90, SCOPE_GLOBAL},
      {1.5, 2, 0.10, 80, SCOPE_GLOBAL},
      {1.5, 2, 0.12, 80, SCOPE_GLOBAL}}},
    {"all refused",
     {{8.6, 20, 2.5, 90, SCOPE_GLOBAL},
      {1.5, 2, 0.10, 80, SCOPE_GLOBAL},
      {2, 2.5, 0.15, 80, SCOPE_GLOBAL}}},
    {"all hang 10 s",
     {{14, 25, 2.0, 90, SCOPE_GLOBAL},
      {10.2, 10.5, 0.40, 80, SCOPE_GLOBAL},
      {10.2, 10.5, 0.80, 80, SCOPE_GLOBAL}}},
    {"one type 5xx",
     {{100, 160, 1.75, 250, SCOPE_PARTIAL},
      {4.5, 6, 0.06, 80, SCOPE_PARTIAL},
      {1.5, 2, 0.02, 80, SCOPE_PARTIAL}}},
    {"one type hangs",
     {{105, 165, 1.5, 250, SCOPE_PARTIAL},
      {11, 12, 0.09, 80, SCOPE_PARTIAL},
      {10.2, 10.5, 0.10, 80, SCOPE_PARTIAL}}},
    {"two of five 5xx",
     {{20, 32, 4.0, 250, SCOPE_PARTIAL},
      {1.5, 2, 0.14, 80, SCOPE_PARTIAL},
      {1.5, 2, 0.10, 80, SCOPE_PARTIAL}}},
    {"three of five 5xx",
     {{20, 32, 6.2, 250, SCOPE_PARTIAL},
      {1.5, 2, 0.20, 80, SCOPE_PARTIAL},
      {1.5, 2, 0.12, 80, SCOPE_PARTIAL}}},
};

static double share(uint64_t part, const struct sim_result *result)
{
    return 100 * (double)part /
           (double)(result->ok + result->failed + result->rejected + result->diverted);
}

static double seconds_from(uint64_t at_ms, uint64_t from_ms)
{
    return ((double)at_ms - (double)from_ms) / 1000;
}

#define FAIL_ROW(row, rate, seed, ...)                                                             \
    do {                                                                                           \
        print_error("%s, %.0f/s, seed %llu: ", row, rate, (unsigned long long)(seed));             \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

/* What no outage may do, however it looks. */
static void check_way(const char *name, const struct sim_run *run, const struct sim_result *result)
{
    if (!result->is_all_closed) {
        FAIL_ROW(name, run->rate, run->seed, "not everything is closed at the end");
    }
    if (result->max_way_changes_15s > 1) {
        FAIL_ROW(name, run->rate, run->seed, "%u changes of one way within 15 s",
                 result->max_way_changes_15s);
    }
    for (size_t i = 0; i < SIM_TYPES; i++) {
        bool is_concerned = run->scene->types == 0 || (run->scene->types >> i & 1u) != 0;

        if (!is_concerned && result->diverted_by_type[i] > 0) {
            FAIL_ROW(name, run->rate, run->seed, "%llu events of healthy type %zu diverted",
                     (unsigned long long)result->diverted_by_type[i], i);
        }
    }
}

static void check_run(const char *name, const struct bar *bar, const struct sim_run *run,
                      const struct sim_result *result)
{
    double open_s = seconds_from(result->first_open_ms, run->from_ms);
    double back_s = seconds_from(result->last_change_ms, run->until_ms);

    if (result->first_open_ms == 0 || open_s < 0 || open_s > bar->open_worst_s) {
        FAIL_ROW(name, run->rate, run->seed, "opened at %+.1f s, not by %.1f s", open_s,
                 bar->open_worst_s);
    }
    if (result->scope_midway != bar->scope) {
        FAIL_ROW(name, run->rate, run->seed, "called %s", scope_word(result->scope_midway));
    }
    if (back_s > bar->back_worst_s) {
        FAIL_ROW(name, run->rate, run->seed, "back at %+.1f s only", back_s);
    }
    check_way(name, run, result);
}

static void check_outage(const char *name, size_t rate, const struct bar *bar)
{
    double opens_s = 0;
    double failed = 0;

    for (uint64_t seed = 1; seed <= rates[rate].seeds; seed++) {
        struct sim_run run = sim_run_of(sim_scene_find(name), rates[rate].rate, seed);
        struct sim_result result;

        sim_health_run(&run, &result);
        check_run(name, bar, &run, &result);
        opens_s += seconds_from(result.first_open_ms, run.from_ms);
        failed += share(result.failed, &result);
    }
    if (opens_s / (double)rates[rate].seeds > bar->open_mean_s) {
        FAIL_ROW(name, rates[rate].rate, 0ull, "opens at %+.1f s in the mean",
                 opens_s / (double)rates[rate].seeds);
    }
    if (failed / (double)rates[rate].seeds > bar->failed) {
        FAIL_ROW(name, rates[rate].rate, 0ull, "%.2f %% failed in the mean",
                 failed / (double)rates[rate].seeds);
    }
}

static void outages_are_seen_named_and_over(size_t rate)
{
    for (size_t i = 0; i < COUNT_OF(outage_rows); i++) {
        check_outage(outage_rows[i].scene, rate, &outage_rows[i].bars[rate]);
    }
}

static void outages_at_1_a_second(void **state)
{
    (void)state;
    outages_are_seen_named_and_over(0);
}

static void outages_at_50_a_second(void **state)
{
    (void)state;
    outages_are_seen_named_and_over(1);
}

static void outages_at_500_a_second(void **state)
{
    (void)state;
    outages_are_seen_named_and_over(2);
}

static const struct {
    const char *scene;
    unsigned opened_runs[RATES];
    double diverted[RATES]; /* percent, mean */
} background_rows[] = {
    {"healthy, 1 % fail", {0, 0, 0}, {0, 0, 0}},
    {"20 % fail", {2, 0, 0}, {0.05, 0, 0}},
    {"35 % fail", {20, 3, 0}, {2.2, 0.35, 0}},
};

static void background_failures_open_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(background_rows); i++) {
        for (size_t r = 0; r < RATES; r++) {
            const char *name = background_rows[i].scene;
            unsigned opened = 0;
            double diverted = 0;

            for (uint64_t seed = 1; seed <= rates[r].seeds; seed++) {
                struct sim_run run = sim_run_of(sim_scene_find(name), rates[r].rate, seed);
                struct sim_result result;

                sim_health_run(&run, &result);
                opened += result.first_open_ms != 0;
                diverted += share(result.diverted, &result) / (double)rates[r].seeds;
                if (result.destination_opens > 0) {
                    FAIL_ROW(name, run.rate, seed, "called global");
                }
            }
            if (opened > background_rows[i].opened_runs[r] ||
                diverted > background_rows[i].diverted[r]) {
                FAIL_ROW(name, rates[r].rate, 0ull, "%u runs opened, %.2f %% diverted", opened,
                         diverted);
            }
        }
    }
}

static void a_brown_out_is_global_where_there_is_traffic(void **state)
{
    (void)state;
    for (size_t r = 0; r < RATES; r++) {
        for (uint64_t seed = 1; seed <= rates[r].seeds; seed++) {
            struct sim_run run = sim_run_of(sim_scene_find("brown-out 60 %"), rates[r].rate, seed);
            struct sim_result result;
            double open_s;

            sim_health_run(&run, &result);
            open_s = seconds_from(result.first_open_ms, run.from_ms);
            if (result.first_open_ms == 0 || open_s > (r == 0 ? 150 : 26) ||
                (r > 0 && result.scope_midway != SCOPE_GLOBAL) || !result.is_all_closed) {
                FAIL_ROW("brown-out", run.rate, seed, "opened at %+.1f s, called %s", open_s,
                         scope_word(result.scope_midway));
            }
        }
    }
}

static const struct {
    const char *scene;
    double delivered[RATES]; /* percent, at least; the rest is diverted, not lost */
    double failed[RATES];    /* percent, at most */
} flap_rows[] = {
    {"flapping 20 s", {5, 2, 2}, {16, 0.8, 0.6}},
    {"flapping 60 s", {18, 14, 14}, {13, 1.5, 1.5}},
};

/* One type's way changes at most once in 15 s in the mean, and never more than twice. */
static void flapping_is_damped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(flap_rows); i++) {
        for (size_t r = 0; r < RATES; r++) {
            for (uint64_t seed = 1; seed <= rates[r].seeds; seed++) {
                struct sim_run run =
                    sim_run_of(sim_scene_find(flap_rows[i].scene), rates[r].rate, seed);
                struct sim_result result;

                sim_health_run(&run, &result);
                if (result.way_changes * 15000 > SIM_TYPES * run.end_ms / 3 ||
                    result.max_way_changes_15s > 2) {
                    FAIL_ROW(flap_rows[i].scene, run.rate, seed, "%u changes, %u within 15 s",
                             result.way_changes, result.max_way_changes_15s);
                }
                if (share(result.ok, &result) < flap_rows[i].delivered[r] ||
                    share(result.failed, &result) > flap_rows[i].failed[r]) {
                    FAIL_ROW(flap_rows[i].scene, run.rate, seed,
                             "%.2f %% delivered, %.2f %% failed", share(result.ok, &result),
                             share(result.failed, &result));
                }
            }
        }
    }
}

static const struct {
    const char *scene;
    enum scope scope;
} storm_rows[] = {
    {"one type rejected", SCOPE_PARTIAL},
    {"all rejected", SCOPE_GLOBAL},
};

/* Where there are fifty calls a minute to judge by. */
static void a_reject_storm_is_diverted_as_long_as_it_lasts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(storm_rows); i++) {
        for (size_t r = 1; r < RATES; r++) {
            for (uint64_t seed = 1; seed <= rates[r].seeds; seed++) {
                struct sim_run run =
                    sim_run_of(sim_scene_find(storm_rows[i].scene), rates[r].rate, seed);
                struct sim_result result;
                double open_s;

                sim_health_run(&run, &result);
                open_s = seconds_from(result.first_open_ms, run.from_ms);
                if (open_s < 0 || open_s > 10 || result.scope_midway != storm_rows[i].scope ||
                    share(result.rejected, &result) > 0.7) {
                    FAIL_ROW(storm_rows[i].scene, run.rate, seed,
                             "opened at %+.1f s, called %s, %.2f %% rejected", open_s,
                             scope_word(result.scope_midway), share(result.rejected, &result));
                }
                check_way(storm_rows[i].scene, &run, &result);
            }
        }
    }
}

static void a_seed_tells_the_same_story_twice(void **state)
{
    struct sim_run run = sim_run_of(sim_scene_find("brown-out 60 %"), 50, 42);
    struct sim_result first;
    struct sim_result second;

    (void)state;
    sim_health_run(&run, &first);
    sim_health_run(&run, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    run.seed++;
    sim_health_run(&run, &second);
    assert_int_not_equal(first.ok, second.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outages_at_1_a_second),
        cmocka_unit_test(outages_at_50_a_second),
        cmocka_unit_test(outages_at_500_a_second),
        cmocka_unit_test(background_failures_open_nothing),
        cmocka_unit_test(a_brown_out_is_global_where_there_is_traffic),
        cmocka_unit_test(flapping_is_damped),
        cmocka_unit_test(a_reject_storm_is_diverted_as_long_as_it_lasts),
        cmocka_unit_test(a_seed_tells_the_same_story_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
