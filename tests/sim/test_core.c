/*
 * The whole core on a virtual clock, thousands of runs, each from its seed (sim_core.h).
 * SEEDS=n plays n of them, from seed FROM on (1); SEED=n plays that one alone and tells of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sim_core.h"

enum { SEEDS = 2000, FIRST_SEED = 1, FAILURES_MAX = 20 };

static struct sim_cast *cast;
static struct sim_seen seen;
static uint64_t playing; /* the seed */

/* A contract of the core was broken: say in which run. */
static void on_abort(int signal)
{
    (void)signal;
    fprintf(stderr, "again: SEED=%llu build/sim/test_core\n", (unsigned long long)playing);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number = 0;

    return text != NULL && span_to_i64(span_of(text), &number) && number >= 0 ? (uint64_t)number
                                                                              : otherwise;
}

static bool play_script(const struct sim_script *script, const char *name)
{
    struct ledger ledger = {0};
    uint64_t digest = 0;
    bool is_good;

    sim_play(cast, script, &seen, &ledger, &digest);
    is_good = ledger.failure[0] == '\0';
    if (!is_good) {
        fprintf(stderr, "%s: %s\n", name, ledger.failure);
    }
    ledger_fini(&ledger);
    return is_good;
}

static bool play(uint64_t seed, bool is_told)
{
    struct ledger ledger = {0};
    struct sim_script script;
    uint64_t digest = 0;
    bool is_good;

    playing = seed;
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
            "seed %llu: configuration %zu, %u workers, %zu faults, %zu changes, until %llu ms: "
            "produced %llu, delivered %llu, diverted %llu, dead-lettered %llu, duplicates %llu, "
            "digest %016llx\n",
            (unsigned long long)seed, script.config, script.options.world.workers,
            script.fault_count, script.change_count, (unsigned long long)script.until_ms,
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
    uint64_t first = from_environment("FROM", FIRST_SEED);
    uint64_t one = from_environment("SEED", 0);
    uint64_t failed = 0;

    (void)state;
    if (one != 0) {
        log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
        assert_true(play(one, true));
        return;
    }
    for (uint64_t seed = first; seed < first + count && failed < FAILURES_MAX; seed++) {
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

static void scenes_lose_nothing_either(void **state)
{
    (void)state;
    for (size_t i = 0; i < sim_plight_count(); i++) {
        struct sim_script script;
        const char *name = sim_plight(cast, i, &script);

        assert_true(play_script(&script, name));
    }
}

/* Partitions and processes that go as they should: what one leg has delivered while another waited
 * is finished before, and a record that its topic did not take is taken back. */
static void handing_over_repeats_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct ledger ledger = {0};
        struct sim_script script;
        uint64_t digest = 0;

        sim_handovers(cast, &script);
        script.options.world.seed = seed;
        sim_play(cast, &script, &seen, &ledger, &digest);
        if (ledger.failure[0] != '\0' || ledger_duplicates(&ledger) > 0) {
            fail_msg("seed %llu: %llu duplicates of %llu events; %s", (unsigned long long)seed,
                     (unsigned long long)ledger_duplicates(&ledger),
                     (unsigned long long)ledger.produced, ledger.failure);
        }
        ledger_fini(&ledger);
    }
}

/* One event in a hundred is nothing but its own trouble: whoever shares its batches is delivered.
 */
static void a_poison_pill_harms_nobody_else(void **state)
{
    static const struct {
        const char *name;
        enum sim_mark mark;
    } pills[] = {{"named by the answer", MARK_NAMED},
                 {"not named", MARK_UNNAMED},
                 {"answered as nobody knows", MARK_UNKNOWN}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pills); i++) {
        struct ledger ledger = {0};
        struct sim_script script;
        uint64_t digest = 0;

        sim_poison(pills[i].mark, 150, &script);
        sim_play(cast, &script, &seen, &ledger, &digest);
        if (ledger.failure[0] != '\0' || ledger.dead_lettered * 50 > ledger.produced ||
            ledger.dead_lettered * 200 < ledger.produced) {
            fail_msg("%s: %llu of %llu dead-lettered; %s", pills[i].name,
                     (unsigned long long)ledger.dead_lettered, (unsigned long long)ledger.produced,
                     ledger.failure);
        }
        ledger_fini(&ledger);
    }
}

/* "Sometimes": what a suite never sees it does not test. */
static void check_seen(const char *what, unsigned bits, unsigned wanted, const char *(*word)(int))
{
    for (int i = 0; i < 32; i++) {
        if ((wanted >> i & 1u) != 0 && (bits >> i & 1u) == 0) {
            fail_msg("never seen: %s %s", what, word(i));
        }
    }
}

static const char *reason_name(int i)
{
    return reason_word((enum reason)i);
}

static const char *block_name(int i)
{
    return block_word((enum block_reason)i);
}

static const char *state_name(int i)
{
    return breaker_state_word((enum breaker_state)i);
}

static const char *cause_name(int i)
{
    return breaker_cause_word((enum breaker_cause)i);
}

static const char *scope_name(int i)
{
    return scope_word((enum scope)i);
}

static const char *move_name(int i)
{
    static char text[32];

    (void)snprintf(text, sizeof(text), "%s -> %s", state_name(i / 4), state_name(i % 4));
    return text;
}

static unsigned move(enum breaker_state from, enum breaker_state to)
{
    return 1u << (from * 4 + to);
}

static unsigned up_to(unsigned count)
{
    return (1u << count) - 1;
}

static void everything_that_can_happen_was_seen(void **state)
{
    /* Not here: a partition that waits for the registry, one that halts at a gap, and what only
     * the Kafka client library meets. */
    unsigned blocks = up_to(BLOCK_GAP) & ~(1u << BLOCK_SCHEMA_REGISTRY);
    unsigned moves = move(BREAKER_CLOSED, BREAKER_OPEN) | move(BREAKER_OPEN, BREAKER_HALF_OPEN) |
                     move(BREAKER_HALF_OPEN, BREAKER_OPEN) | move(BREAKER_HALF_OPEN, BREAKER_RAMP) |
                     move(BREAKER_RAMP, BREAKER_OPEN) | move(BREAKER_RAMP, BREAKER_CLOSED) |
                     move(BREAKER_OPEN, BREAKER_CLOSED); /* absorbed */

    (void)state;
    if (getenv("SEED") != NULL) {
        skip(); /* one run sees little */
    }
    check_seen("the reason", seen.reasons, up_to(REASON_COUNT) & ~1u, reason_name);
    check_seen("a block by", seen.blocks, blocks, block_name);
    check_seen("a cell in state", seen.cell_states, up_to(BREAKER_RAMP + 1), state_name);
    check_seen("a destination in state", seen.destination_states, up_to(BREAKER_RAMP + 1),
               state_name);
    check_seen("the cause", seen.causes, up_to(CAUSE_OPERATOR), cause_name);
    check_seen("the move", seen.moves, moves, move_name);
    check_seen("the scope", seen.scopes, up_to(SCOPE_GLOBAL + 1), scope_name);
    assert_true(seen.is_throttled);
    assert_true(seen.is_held);
    assert_true(seen.is_flapping);
    assert_true(seen.has_skipped);
    assert_true(seen.has_ambiguous);
    assert_true(seen.has_duplicate);
    assert_true(seen.has_outage);
    assert_true(seen.has_late_commit);
    assert_true(seen.has_removed);
    assert_true(seen.has_changed);
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGABRT, on_abort);
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
        cmocka_unit_test(scenes_lose_nothing_either),
        cmocka_unit_test(handing_over_repeats_nothing),
        cmocka_unit_test(a_poison_pill_harms_nobody_else),
        cmocka_unit_test(everything_that_can_happen_was_seen),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
