/* When a cell trips and when it does not: calls as a script, one character each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "health/cell.h"

static const struct cell_policy policy = {
    .breaker = {5000, 60000, 10000}, .window_s = 30, .minimum = 20, .failures = 0.5};

struct scene {
    struct cell cell;
    struct rng rng;
    uint64_t now_ms;
};

static void begin(struct scene *scene)
{
    *scene = (struct scene){.rng = {.state = 7}, .now_ms = 10000000};
    cell_init(&scene->cell, &policy, scene->now_ms);
}

static enum call call_of(char letter)
{
    switch (letter) {
    case 'A':
        return CALL_APP;
    case 'T':
        return CALL_TRANSPORT;
    case 'C':
        return CALL_CONNECT;
    case 'R':
        return CALL_REJECT;
    case 'N':
        return CALL_NEUTRAL;
    case 'S':
        return CALL_SLOW;
    default:
        return CALL_OK;
    }
}

static bool end_call(struct scene *scene, char letter, uint64_t full_ms)
{
    struct call_end end = {.now_ms = scene->now_ms, .call = call_of(letter), .full_ms = full_ms};

    return cell_result(&scene->cell, &end, scene->cell.breaker.generation, false, false,
                       &scene->rng);
}

/* @script once, @gap_ms between calls; then again, @times in all. */
static void play(struct scene *scene, const char *script, uint64_t gap_ms, unsigned times,
                 uint64_t full_ms)
{
    for (unsigned i = 0; i < times; i++) {
        for (const char *c = script; *c != '\0'; c++) {
            scene->now_ms += gap_ms;
            if (end_call(scene, *c, full_ms)) {
                return;
            }
        }
    }
}

static const struct {
    const char *name;
    const char *before; /* played for a minute at @before_gap_ms */
    uint64_t before_gap_ms;
    const char *script; /* '.' ok S slow A app T transport C connect R reject N neutral */
    uint64_t gap_ms;
    unsigned times;
    uint64_t full_ms;
    enum breaker_cause want;
} trip_rows[] = {
    {"healthy", ".", 100, ".", 100, 1000, 0, CAUSE_NONE},
    {"one in five fails", ".", 100, "A....", 100, 1000, 0, CAUSE_NONE},
    {"four in ten fail", ".", 100, "AA...AA...", 100, 500, 0, CAUSE_NONE},
    {"half of the window", ".", 100, "A.", 100, 500, 0, CAUSE_RATIO},
    {"nineteen calls are too few", NULL, 0, "A.A.A.A.A.A.A.A.A.A", 1000, 1, 0, CAUSE_NONE},
    {"everything fails at 10/s", ".", 100, "A", 100, 100, 0, CAUSE_BURST},
    {"nine of ten fail at 10/s", ".", 100, "AAAAAAAAA.", 100, 20, 0, CAUSE_BURST},
    {"transport faults count", ".", 100, "T", 100, 100, 0, CAUSE_BURST},
    {"a dead connection takes a hundred with it", ".", 100, "A", 1, 100, 0, CAUSE_NONE},
    {"connecting says nothing of the type", ".", 100, "C", 100, 300, 0, CAUSE_NONE},
    {"throttling is not failure", ".", 100, "N", 100, 300, 0, CAUSE_NONE},
    {"thin traffic", ".", 9000, "A", 9000, 10, 0, CAUSE_THIN},
    {"thin traffic, one in ten goes well", ".", 9000, "AAAA.AAAAA", 9000, 1, 0, CAUSE_THIN},
    {"thin traffic, two in ten go well", ".", 9000, "AAAA..AAAA", 9000, 4, 0, CAUSE_NONE},
    {"traffic so thin that ten calls are history", ".", 70000, "A", 70000, 19, 0, CAUSE_NONE},
    {"but twenty in a row are enough, however thin", ".", 70000, "A", 70000, 20, 0, CAUSE_BURST},
    {"slow, and the connections are all busy", ".", 100, "S", 100, 400, 10000, CAUSE_SLOW},
    {"slow, and there is room", ".", 100, "S", 100, 400, 9999, CAUSE_NONE},
    {"some are slow", ".", 100, "SSS.", 100, 200, 60000, CAUSE_NONE},
    {"all rejected", ".", 100, "R", 100, 1000, 0, CAUSE_REJECT_STORM},
    {"all rejected, and it was always so", "R", 3000, "R", 100, 1000, 0, CAUSE_NONE},
    {"most rejected", ".", 100, "RRRRRRRRRRRRRRRRRRR.", 100, 50, 0, CAUSE_REJECT_STORM},
    {"every other rejected", ".", 100, "R.", 100, 600, 0, CAUSE_NONE},
    {"49 rejects are no storm", ".", 9000, "R", 1250, 49, 0, CAUSE_NONE},
};

static void it_trips_when_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trip_rows); i++) {
        struct scene scene;

        begin(&scene);
        if (trip_rows[i].before != NULL) {
            play(&scene, trip_rows[i].before, trip_rows[i].before_gap_ms,
                 (unsigned)MAX_OF(600000 / trip_rows[i].before_gap_ms, (uint64_t)1), 0);
            assert_int_equal(scene.cell.breaker.state, BREAKER_CLOSED);
        }
        play(&scene, trip_rows[i].script, trip_rows[i].gap_ms, trip_rows[i].times,
             trip_rows[i].full_ms);
        if (scene.cell.breaker.cause != trip_rows[i].want) {
            fail_msg("%s: %s", trip_rows[i].name, breaker_cause_word(scene.cell.breaker.cause));
        }
    }
}

static const struct {
    const char *name;
    uint64_t gap_ms;
    char letter;
    uint64_t want_ms; /* from the first such call */
} speed_rows[] = {
    {"a total outage at 100/s", 10, 'A', 1100}, {"a total outage at 10/s", 100, 'A', 2100},
    {"a total outage at 2/s", 500, 'A', 5500},  {"a reject storm at 100/s", 10, 'R', 9500},
    {"a reject storm at 2/s", 500, 'R', 55000},
};

static void it_trips_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(speed_rows); i++) {
        struct scene scene;
        uint64_t from_ms;

        begin(&scene);
        play(&scene, ".", speed_rows[i].gap_ms, (unsigned)(300000 / speed_rows[i].gap_ms), 0);
        from_ms = scene.now_ms;
        while (scene.cell.breaker.state == BREAKER_CLOSED && scene.now_ms < from_ms + 600000) {
            scene.now_ms += speed_rows[i].gap_ms;
            (void)end_call(&scene, speed_rows[i].letter, 0);
        }
        if (scene.now_ms - from_ms > speed_rows[i].want_ms) {
            fail_msg("%s: after %llu ms", speed_rows[i].name,
                     (unsigned long long)(scene.now_ms - from_ms));
        }
    }
}

static void the_numbers_that_tripped_it_are_kept_for_people(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, ".", 100, 100, 0);
    play(&scene, "A.", 100, 500, 0);
    assert_int_equal(scene.cell.breaker.cause, CAUSE_RATIO);
    assert_true(scene.cell.breaker.opened_calls >= 20);
    assert_true(scene.cell.breaker.opened_faults * 2 >= scene.cell.breaker.opened_calls);
    begin(&scene);
    play(&scene, "R", 100, 500, 0);
    assert_int_equal(scene.cell.breaker.cause, CAUSE_REJECT_STORM);
    assert_int_equal(scene.cell.breaker.opened_faults, 50);
}

static bool hang(struct scene *scene, uint32_t generation, bool is_frozen)
{
    return cell_provisional(&scene->cell, scene->now_ms, generation, is_frozen);
}

static void what_hangs_is_known_when_the_first_times_out(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, ".", 100, 300, 0);
    for (unsigned i = 0; i < 60; i++) {
        scene.now_ms += 100;
        assert_true(hang(&scene, scene.cell.breaker.generation, false));
    }
    assert_int_equal(scene.cell.breaker.state, BREAKER_CLOSED); /* they may be slow, and well */
    assert_true(
        cell_confirm(&scene.cell, scene.now_ms, scene.cell.breaker.generation, true, &scene.rng));
    assert_int_equal(scene.cell.breaker.state, BREAKER_OPEN);
}

static const struct {
    const char *name;
    unsigned hang; /* calls that hang, one every @gap_ms, after good ones */
    uint64_t gap_ms;
    bool is_blocking; /* others wait behind them */
    bool want_open;   /* when the last of them is confirmed */
} silence_rows[] = {
    {"eight, slowly", 8, 600, false, true},       {"eight at once", 8, 10, false, false},
    {"seven, slowly", 7, 1000, false, false},     {"two, and a queue", 2, 5000, true, true},
    {"two, soon", 2, 3000, true, false},          {"one, and a queue", 1, 6000, true, false},
    {"two, and no queue", 2, 5000, false, false},
};

static void silence_is_seen_with_few_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(silence_rows); i++) {
        struct scene scene;

        begin(&scene);
        play(&scene, ".", 50, 1000, 0); /* the window is full of good ones */
        for (unsigned k = 0; k < silence_rows[i].hang; k++) {
            scene.now_ms += silence_rows[i].gap_ms;
            assert_true(hang(&scene, scene.cell.breaker.generation, false));
        }
        scene.cell.is_blocking = silence_rows[i].is_blocking;
        if (cell_confirm(&scene.cell, scene.now_ms, scene.cell.breaker.generation, true,
                         &scene.rng) != silence_rows[i].want_open) {
            fail_msg("%s", silence_rows[i].name);
        }
    }
}

static const struct {
    const char *name;
    const char *before; /* for five minutes, ten a second */
    const char *storm;
    uint64_t gap_ms;
    unsigned calls; /* of the storm */
    bool want_open;
} row_rows[] = {
    {"fifty refusals in a row", ".", "R", 50, 50, true},
    {"forty-nine", ".", "R", 50, 49, false},
    {"fifty in a moment", ".", "R", 10, 50, false},
    {"from the start", "", "R", 50, 50, true},
    {"where four of ten were refused before", "..R.R..R.R", "R", 50, 50, true},
    {"where six of ten were refused before", ".RRR.R.RR.", "R", 50, 50, false},
    {"one of twenty is accepted", ".", "RRRRRRRRRRRRRRRRRRR.", 60, 400,
     true}, /* the window's rule */
    {"half are accepted", ".", "R.", 50, 1000, false},
    {"neutral ones break no row", ".", "RN", 50, 100, true},
};

static void a_row_of_refusals_is_a_storm(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(row_rows); i++) {
        struct scene scene;
        bool is_open = false;
        size_t at = 0;

        begin(&scene);
        if (row_rows[i].before[0] != '\0') {
            play(&scene, row_rows[i].before, 100, (unsigned)(3000 / strlen(row_rows[i].before)), 0);
        }
        for (unsigned k = 0; k < row_rows[i].calls && !is_open; k++) {
            scene.now_ms += row_rows[i].gap_ms;
            is_open = end_call(&scene, row_rows[i].storm[at], 0);
            at = (at + 1) % strlen(row_rows[i].storm);
        }
        if (is_open != row_rows[i].want_open) {
            fail_msg("%s: %s", row_rows[i].name, breaker_cause_word(scene.cell.breaker.cause));
        }
    }
}

static void what_hung_and_then_went_well_is_taken_back(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, ".", 100, 200, 0);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t at_ms = scene.now_ms += 100;

        (void)hang(&scene, scene.cell.breaker.generation, false);
        cell_take_back(&scene.cell, scene.now_ms, at_ms, scene.cell.breaker.generation);
        (void)end_call(&scene, 'S', 0);
    }
    assert_int_equal(scene.cell.breaker.state, BREAKER_CLOSED);
    assert_int_equal(window_sum(&scene.cell.window, scene.now_ms, 10).faults, 0);
}

static void results_from_before_a_transition_are_dropped(void **state)
{
    struct scene scene;
    uint32_t old;

    (void)state;
    begin(&scene);
    old = scene.cell.breaker.generation;
    play(&scene, "A", 100, 100, 0);
    assert_int_equal(scene.cell.breaker.state, BREAKER_OPEN);
    breaker_absorb(&scene.cell.breaker, scene.now_ms); /* closed, of another generation */
    for (unsigned i = 0; i < 100; i++) {
        scene.now_ms += 100;
        assert_false(cell_result(&scene.cell,
                                 &(struct call_end){scene.now_ms, CALL_APP, false, 0, 0}, old,
                                 false, false, &scene.rng));
        assert_false(hang(&scene, old, false));
        assert_false(cell_confirm(&scene.cell, scene.now_ms, old, true, &scene.rng));
    }
    assert_int_equal(window_sum(&scene.cell.window, scene.now_ms, 60).calls, 0);
}

static void a_frozen_window_stands_still(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (unsigned i = 0; i < 100; i++) {
        scene.now_ms += 100;
        (void)cell_result(&scene.cell, &(struct call_end){scene.now_ms, CALL_APP, false, 0, 0},
                          scene.cell.breaker.generation, false, true, &scene.rng);
        assert_false(hang(&scene, scene.cell.breaker.generation, true));
    }
    assert_int_equal(scene.cell.breaker.state, BREAKER_CLOSED);
    assert_int_equal(window_sum(&scene.cell.window, scene.now_ms, 60).calls, 0);
}

static bool probe(struct scene *scene, enum call call)
{
    enum gate gate;

    scene->now_ms = MAX_OF(scene->now_ms + 1000, scene->cell.breaker.until_ms);
    gate = breaker_admit(&scene->cell.breaker, scene->now_ms, 0, &scene->rng);
    if (gate == GATE_CANARY) {
        (void)cell_result(&scene->cell, &(struct call_end){scene->now_ms, call, false, 0, 0},
                          scene->cell.breaker.generation, true, false, &scene->rng);
    }
    return gate == GATE_CANARY;
}

static void hanging_in_the_ramp_opens_again(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "A", 100, 100, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(probe(&scene, CALL_OK));
    }
    assert_int_equal(scene.cell.breaker.state, BREAKER_RAMP);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(hang(&scene, scene.cell.breaker.generation, false));
    }
    assert_int_equal(scene.cell.breaker.state, BREAKER_RAMP);
    assert_true(
        cell_confirm(&scene.cell, scene.now_ms, scene.cell.breaker.generation, true, &scene.rng));
    assert_int_equal(scene.cell.breaker.state, BREAKER_OPEN);
}

static const struct {
    const char *name;
    char storm; /* what opened it */
    enum call canary;
    enum breaker_state want; /* after four of them */
} canary_rows[] = {
    {"a reject is a sign of life", 'A', CALL_REJECT, BREAKER_RAMP},
    {"but not to a reject storm", 'R', CALL_REJECT, BREAKER_OPEN},
    {"which wants to be accepted", 'R', CALL_OK, BREAKER_RAMP},
    {"slow is well enough", 'A', CALL_SLOW, BREAKER_RAMP},
    {"throttling decides nothing", 'A', CALL_NEUTRAL, BREAKER_HALF_OPEN},
    {"nor does not connecting", 'A', CALL_CONNECT, BREAKER_HALF_OPEN},
    {"a fault is one", 'A', CALL_APP, BREAKER_OPEN},
};

static void canaries_mean_what_opened_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(canary_rows); i++) {
        char script[] = {canary_rows[i].storm, '\0'};
        struct scene scene;

        begin(&scene);
        play(&scene, ".", 100, 3000, 0);
        play(&scene, script, 100, 600, 0);
        assert_int_equal(scene.cell.breaker.state, BREAKER_OPEN);
        for (unsigned n = 0; n < 4 && scene.cell.breaker.k == 0; n++) {
            if (!probe(&scene, canary_rows[i].canary)) {
                fail_msg("%s: no canary %u", canary_rows[i].name, n);
            }
        }
        if (scene.cell.breaker.state != canary_rows[i].want) {
            fail_msg("%s: %s", canary_rows[i].name, breaker_state_word(scene.cell.breaker.state));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_trips_when_the_rules_say),
        cmocka_unit_test(it_trips_in_time),
        cmocka_unit_test(the_numbers_that_tripped_it_are_kept_for_people),
        cmocka_unit_test(what_hangs_is_known_when_the_first_times_out),
        cmocka_unit_test(hanging_in_the_ramp_opens_again),
        cmocka_unit_test(silence_is_seen_with_few_calls),
        cmocka_unit_test(a_row_of_refusals_is_a_storm),
        cmocka_unit_test(what_hung_and_then_went_well_is_taken_back),
        cmocka_unit_test(results_from_before_a_transition_are_dropped),
        cmocka_unit_test(a_frozen_window_stands_still),
        cmocka_unit_test(canaries_mean_what_opened_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
