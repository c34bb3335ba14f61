/*
 * The whole core on a virtual clock, thousands of runs, each from its seed (sim_core.h).
 * SEEDS=n plays n of them; SEED=n plays that one alone and tells of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sim_core.h"

enum { SEEDS = 2000, FIRST_SEED = 1 };

static struct sim_cast *cast;
static struct sim_seen seen;

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number = 0;

    return text != NULL && span_to_i64(span_of(text), &number) && number >= 0 ? (uint64_t)number
                                                                              : otherwise;
}

static bool play(uint64_t seed, bool is_told)
{
    struct ledger ledger = {0};
    struct sim_script script;
    uint64_t digest = 0;
    bool is_good;

    sim_draw(cast, seed, &script);
    sim_play(cast, &script, &seen, &ledger, &digest);
    is_good = ledger.failure[0] == '\0';
    if (!is_good) {
        fprintf(stderr, "seed %llu: %s\nagain: SEED=%llu build/sim/test_core\n",
                (unsigned long long)seed, ledger.failure, (unsigned long long)seed);
    }
    if (is_told) {
        fprintf(
            stderr,
            "seed %llu: configuration %zu, %u members, %zu faults, %zu changes, until %llu ms: "
            "produced %llu, delivered %llu, diverted %llu, dead-lettered %llu, duplicates %llu, "
            "digest %016llx\n",
            (unsigned long long)seed, script.config, script.options.members,
            script.options.faults.count, script.change_count, (unsigned long long)script.until_ms,
            (unsigned long long)ledger.produced, (unsigned long long)ledger.delivered,
            (unsigned long long)ledger.diverted, (unsigned long long)ledger.dead_lettered,
            (unsigned long long)ledger_duplicates(&ledger), (unsigned long long)digest);
    }
    ledger_fini(&ledger);
    return is_good;
}

static void no_seed_loses_or_repeats_anything(void **state)
{
    uint64_t count = from_environment("SEEDS", SEEDS);
    uint64_t one = from_environment("SEED", 0);
    uint64_t failed = 0;

    (void)state;
    if (one != 0) {
        log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
        assert_true(play(one, true));
        return;
    }
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + count && failed < 5; seed++) {
        failed += !play(seed, false);
    }
    print_message("%llu runs, %llu events, %llu requests\n", (unsigned long long)seen.runs,
                  (unsigned long long)seen.events, (unsigned long long)seen.requests);
    assert_int_equal(failed, 0);
}

static void a_seed_repeats_itself(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t digests[2] = {0, 0};
        struct sim_script script;

        for (size_t i = 0; i < 2; i++) {
            struct ledger ledger = {0};

            sim_draw(cast, seed, &script);
            sim_play(cast, &script, &seen, &ledger, &digests[i]);
            ledger_fini(&ledger);
        }
        assert_int_equal(digests[0], digests[1]);
        assert_int_not_equal(digests[0], 0);
    }
}

static int set_up(void **state)
{
    (void)state;
    span_hash_fix(1); /* runs repeat themselves, on any machine */
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    cast = sim_cast_new("tests/data/sim");
    return cast == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_cast_free(cast);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_seed_loses_or_repeats_anything),
        cmocka_unit_test(a_seed_repeats_itself),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
