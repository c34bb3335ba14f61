/* The breaker's drawing, arrow by arrow, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "health/breaker.h"

enum { LEASE_MS = 10000, START_MS = 1000000 };

static const struct breaker_policy policy = {5000, 60000, LEASE_MS};

struct scene {
    struct breaker breaker;
    struct rng rng;
    uint64_t now_ms;
};

static void begin(struct scene *scene)
{
    *scene = (struct scene){.rng = {.state = 7}, .now_ms = START_MS};
    breaker_init(&scene->breaker, &policy, scene->now_ms);
}

static void open_now(struct scene *scene)
{
    breaker_open(&scene->breaker, scene->now_ms, &(struct breaker_trip){CAUSE_RATIO, 20, 15, 0},
                 &scene->rng);
}

/* Admitted and answered at once; true when it was a canary. */
static bool probe(struct scene *scene, bool is_fault)
{
    enum gate gate = breaker_admit(&scene->breaker, scene->now_ms, 0, &scene->rng);

    if (gate == GATE_CANARY) {
        (void)breaker_result(&scene->breaker, scene->now_ms, scene->breaker.generation, is_fault,
                             true, &scene->rng);
    }
    return gate == GATE_CANARY;
}

/* Wait until it is due, then let canaries end as @canaries says: '+' well, '-' not. */
static void run_canaries(struct scene *scene, const char *canaries)
{
    scene->now_ms = MAX_OF(scene->now_ms, scene->breaker.until_ms);
    for (; *canaries != '\0'; canaries++) {
        scene->now_ms += 1000;
        assert_true(probe(scene, *canaries == '-'));
    }
}

static void pass_ramp(struct scene *scene)
{
    for (unsigned i = 0; i < 4 && scene->breaker.state == BREAKER_RAMP; i++) {
        scene->now_ms += 3000;
        (void)breaker_tick(&scene->breaker, scene->now_ms, &scene->rng);
    }
}

static const struct {
    const char *name;
    const char *canaries;
    enum breaker_state want;
    uint32_t want_k;
} canary_rows[] = {
    {"it opens only when asked", "", BREAKER_OPEN, 0},
    {"one that goes well is not enough", "+", BREAKER_HALF_OPEN, 0},
    {"nor are three", "+++", BREAKER_HALF_OPEN, 0},
    {"four in a row are", "++++", BREAKER_RAMP, 0},
    {"one may fail", "-++++", BREAKER_RAMP, 0},
    {"one may fail in between", "++-++", BREAKER_RAMP, 0},
    {"two may not", "--", BREAKER_OPEN, 1},
    {"two may not, however far apart", "+-++-", BREAKER_OPEN, 1},
};

static void canaries_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(canary_rows); i++) {
        struct scene scene;

        begin(&scene);
        open_now(&scene);
        run_canaries(&scene, canary_rows[i].canaries);
        if (scene.breaker.state != canary_rows[i].want ||
            scene.breaker.k != canary_rows[i].want_k) {
            fail_msg("%s: %s, k %u", canary_rows[i].name, breaker_state_word(scene.breaker.state),
                     scene.breaker.k);
        }
    }
}

static void one_canary_at_a_time_and_a_second_apart(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    assert_int_equal(breaker_admit(&scene.breaker, scene.breaker.until_ms - 1, 0, &scene.rng),
                     GATE_DIVERT);
    scene.now_ms = scene.breaker.until_ms;
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms, 0, &scene.rng), GATE_CANARY);
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms + 5000, 0, &scene.rng),
                     GATE_DIVERT);
    (void)breaker_result(&scene.breaker, scene.now_ms + 100, scene.breaker.generation, false, true,
                         &scene.rng);
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms + 999, 0, &scene.rng), GATE_DIVERT);
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms + 1000, 0, &scene.rng),
                     GATE_CANARY);
}

static void a_canary_without_an_answer_has_failed(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    for (unsigned i = 0; i < 2; i++) {
        scene.now_ms = MAX_OF(scene.now_ms + 1000, scene.breaker.until_ms);
        assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms, 0, &scene.rng), GATE_CANARY);
        scene.now_ms += LEASE_MS - 1;
        assert_false(breaker_tick(&scene.breaker, scene.now_ms, &scene.rng));
        scene.now_ms += 1;
        assert_int_equal(breaker_tick(&scene.breaker, scene.now_ms, &scene.rng), i == 1);
    }
    assert_int_equal(scene.breaker.state, BREAKER_OPEN);
    assert_int_equal(scene.breaker.k, 1);
}

static void a_canary_that_says_nothing_is_tried_again(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    scene.now_ms = scene.breaker.until_ms;
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms, 0, &scene.rng), GATE_CANARY);
    breaker_cancel_canary(&scene.breaker, scene.breaker.generation);
    assert_int_equal(scene.breaker.canary_count, 0);
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms + 1000, 0, &scene.rng),
                     GATE_CANARY);
}

static void results_of_an_older_time_are_dropped(void **state)
{
    struct scene scene;
    uint32_t old;

    (void)state;
    begin(&scene);
    open_now(&scene);
    scene.now_ms = scene.breaker.until_ms;
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms, 0, &scene.rng), GATE_CANARY);
    old = scene.breaker.generation - 1; /* of the time before it was HALF_OPEN */
    for (unsigned i = 0; i < 20; i++) {
        assert_false(
            breaker_result(&scene.breaker, scene.now_ms, old, i % 2 == 0, true, &scene.rng));
    }
    assert_int_equal(scene.breaker.canary_count, 0);
    breaker_cancel_canary(&scene.breaker, old);
    assert_int_equal(breaker_admit(&scene.breaker, scene.now_ms + 1000, 0, &scene.rng),
                     GATE_DIVERT); /* the present canary keeps its lease */
}

static const struct {
    const char *name;
    uint32_t opens_before; /* that failed their canaries */
    uint64_t least_ms;     /* Retry-After */
    uint64_t want_min_ms, want_max_ms;
} open_rows[] = {
    {"at first", 0, 0, 2500, 5000},
    {"twice as long with each failed probing", 1, 0, 5000, 10000},
    {"and again", 3, 0, 20000, 40000},
    {"up to the maximum", 4, 0, 30000, 60000},
    {"whatever comes", 30, 0, 30000, 60000},
    {"never shorter than Retry-After", 0, 90000, 90000, 90000},
    {"a short Retry-After changes nothing", 4, 1000, 30000, 60000},
};

static void the_open_time_doubles_with_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(open_rows); i++) {
        uint64_t lowest = UINT64_MAX;
        uint64_t highest = 0;

        for (uint64_t seed = 0; seed < 300; seed++) {
            struct scene scene;
            uint64_t got;

            begin(&scene);
            scene.rng.state = seed;
            open_now(&scene);
            for (uint32_t n = 0; n < open_rows[i].opens_before; n++) {
                run_canaries(&scene, "--");
            }
            if (open_rows[i].least_ms > 0) {
                uint32_t k = scene.breaker.k;

                breaker_absorb(&scene.breaker, scene.now_ms);
                scene.breaker.k = k; /* a closed state of some seconds lowers nothing */
                breaker_open(&scene.breaker, scene.now_ms,
                             &(struct breaker_trip){CAUSE_RATIO, 0, 0, open_rows[i].least_ms},
                             &scene.rng);
            }
            got = scene.breaker.until_ms - scene.now_ms;
            lowest = MIN_OF(lowest, got);
            highest = MAX_OF(highest, got);
        }
        if (lowest < open_rows[i].want_min_ms || highest > open_rows[i].want_max_ms ||
            highest < open_rows[i].want_max_ms / 20 * 19) {
            fail_msg("%s: %llu..%llu ms", open_rows[i].name, (unsigned long long)lowest,
                     (unsigned long long)highest);
        }
    }
}

static void an_event_keeps_its_side_of_the_ramp(void **state)
{
    static const double steps[] = {0.10, 0.25, 0.50, 1.00};
    enum { EVENTS = 10000 };
    static bool went[EVENTS];
    struct rng hashes = {.state = 3};
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    run_canaries(&scene, "++++");
    memset(went, 0, sizeof(went));
    for (size_t step = 0; step < COUNT_OF(steps); step++) {
        unsigned count = 0;

        hashes.state = 3;
        assert_true(breaker_share(&scene.breaker) == steps[step]);
        for (size_t i = 0; i < EVENTS; i++) {
            bool goes = breaker_admit(&scene.breaker, scene.now_ms, rng_next(&hashes),
                                      &scene.rng) == GATE_GO;

            if (went[i] && !goes) {
                fail_msg("event %zu went before step %zu and not in it", i, step);
            }
            went[i] = goes;
            count += goes;
        }
        if (count < EVENTS * steps[step] * 0.9 || count > EVENTS * steps[step] * 1.1) {
            fail_msg("step %zu: %u of %d events", step, count, (int)EVENTS);
        }
        scene.now_ms += 3000;
        assert_int_equal(breaker_tick(&scene.breaker, scene.now_ms, &scene.rng),
                         step + 1 == COUNT_OF(steps));
    }
    assert_int_equal(scene.breaker.state, BREAKER_CLOSED);
    assert_int_equal(scene.breaker.cause, CAUSE_NONE);
}

/* Of @rank's events, the share that goes in the first step of a ramp when @mix of 100 are of each
 * rank. */
static double share_in_ramp(struct scene *scene, const unsigned mix[BREAKER_RANKS], unsigned rank)
{
    struct rng rng = {.state = 5};
    unsigned asked = 0;
    unsigned went = 0;

    for (size_t i = 0; i < 20000; i++) {
        unsigned draw = (unsigned)rng_below(&rng, 100);
        unsigned own = draw < mix[0] ? 0 : draw < mix[0] + mix[1] ? 1 : 2;
        uint64_t hash = breaker_rank_hash(&scene->breaker, rng_next(&rng), own);
        bool goes = breaker_admit(&scene->breaker, scene->now_ms, hash, &scene->rng) == GATE_GO;

        asked += own == rank;
        went += own == rank && goes;
    }
    return asked == 0 ? 0 : (double)went / asked;
}

static const struct {
    const char *name;
    unsigned mix[BREAKER_RANKS];
    double want[BREAKER_RANKS]; /* of each rank's events, in the step of 10 % */
} rank_rows[] = {
    {"one rank has it all", {0, 100, 0}, {0, 0.10, 0}},
    {"few of the first all go", {5, 95, 0}, {1.0, 0.0526, 0}},
    {"many of the first leave a quarter to the others", {50, 50, 0}, {0.175, 0.025, 0}},
    {"the last keeps its quarter too", {20, 20, 60}, {0.40, 0.025, 0.025}},
};

static void a_ramp_takes_the_first_rank_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rank_rows); i++) {
        for (unsigned rank = 0; rank < BREAKER_RANKS; rank++) {
            struct scene scene;
            double got;

            begin(&scene);
            open_now(&scene);
            run_canaries(&scene, "++++");
            got = share_in_ramp(&scene, rank_rows[i].mix, rank);
            if (got < rank_rows[i].want[rank] * 0.85 - 0.002 ||
                got > rank_rows[i].want[rank] * 1.15 + 0.002) {
                fail_msg("%s: %.3f of rank %u", rank_rows[i].name, got, rank);
            }
        }
    }
}

static const struct {
    const char *name;
    unsigned calls, faults; /* spread evenly, in the first step */
    enum breaker_state want;
    uint32_t want_step; /* after its three seconds */
} ramp_rows[] = {
    {"no traffic is no reason to wait", 0, 0, BREAKER_RAMP, 1},
    {"some failures are usual", 30, 10, BREAKER_RAMP, 1},
    {"40 % of ten hold the step", 10, 4, BREAKER_RAMP, 0},
    {"few calls do not hold it", 9, 4, BREAKER_RAMP, 1},
    {"half of twenty open it again", 20, 10, BREAKER_OPEN, 0},
    {"half of eighteen only hold it", 18, 9, BREAKER_RAMP, 0},
    {"ten in a row open it at once", 10, 10, BREAKER_OPEN, 0},
    {"nine do not, but hold it: nobody was served", 9, 9, BREAKER_RAMP, 0},
    {"so do three", 3, 3, BREAKER_RAMP, 0},
    {"two do not", 2, 2, BREAKER_RAMP, 1},
    {"nor do eight of nine", 9, 8, BREAKER_RAMP, 1},
};

static void the_ramp_goes_on_holds_or_gives_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ramp_rows); i++) {
        struct scene scene;
        unsigned faults = 0;

        begin(&scene);
        open_now(&scene);
        run_canaries(&scene, "++++");
        for (unsigned n = 1; n <= ramp_rows[i].calls; n++) {
            bool is_fault = faults * ramp_rows[i].calls < n * ramp_rows[i].faults;

            faults += is_fault;
            (void)breaker_result(&scene.breaker, scene.now_ms, scene.breaker.generation, is_fault,
                                 false, &scene.rng);
        }
        scene.now_ms += 3000;
        (void)breaker_tick(&scene.breaker, scene.now_ms, &scene.rng);
        if (scene.breaker.state != ramp_rows[i].want ||
            (scene.breaker.state == BREAKER_RAMP && scene.breaker.step != ramp_rows[i].want_step)) {
            fail_msg("%s: %s at step %u", ramp_rows[i].name,
                     breaker_state_word(scene.breaker.state), scene.breaker.step);
        }
    }
}

static void closed_time_forgives_slowly(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    run_canaries(&scene, "--");
    run_canaries(&scene, "--");
    run_canaries(&scene, "++++");
    pass_ramp(&scene);
    assert_int_equal(scene.breaker.state, BREAKER_CLOSED);
    assert_int_equal(scene.breaker.k, 2); /* a success does not reset it */
    for (uint32_t k = 2; k > 0; k--) {
        scene.now_ms += 59999;
        (void)breaker_tick(&scene.breaker, scene.now_ms, &scene.rng);
        assert_int_equal(scene.breaker.k, k);
        scene.now_ms += 1;
        (void)breaker_tick(&scene.breaker, scene.now_ms, &scene.rng);
        assert_int_equal(scene.breaker.k, k - 1);
    }
}

static void four_opens_in_ten_minutes_are_flapping(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (unsigned i = 0; i < 4; i++) {
        scene.now_ms += 30000;
        assert_false(scene.breaker.is_flapping);
        open_now(&scene);
        if (i < 3) {
            run_canaries(&scene, "++++");
            pass_ramp(&scene);
        }
    }
    assert_true(scene.breaker.is_flapping);
    assert_in_range(scene.breaker.until_ms - scene.now_ms, 30000, 60000); /* k is 0 all the same */
    run_canaries(&scene, "++++");
    pass_ramp(&scene);
    scene.now_ms = scene.breaker.since_ms + 10 * 60 * 1000 - 1;
    (void)breaker_tick(&scene.breaker, scene.now_ms, &scene.rng);
    assert_true(scene.breaker.is_flapping);
    scene.now_ms += 1;
    (void)breaker_tick(&scene.breaker, scene.now_ms, &scene.rng);
    assert_false(scene.breaker.is_flapping);
}

static void a_long_outage_is_not_flapping(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    for (unsigned i = 0; i < 12; i++) {
        run_canaries(&scene, "--");
    }
    assert_false(scene.breaker.is_flapping);
    assert_int_equal(scene.breaker.k, 8); /* bounded */
}

static const struct {
    const char *name;
    enum breaker_force force;
    bool is_open_before;
    enum gate want;
    double want_share;
} force_rows[] = {
    {"forced open while closed", FORCE_OPEN, false, GATE_DIVERT, 0},
    {"forced open while open", FORCE_OPEN, true, GATE_DIVERT, 0},
    {"forced closed while closed", FORCE_CLOSED, false, GATE_GO, 1},
    {"forced closed while open", FORCE_CLOSED, true, GATE_GO, 1},
    {"no force while closed", FORCE_NONE, false, GATE_GO, 1},
};

static void an_operator_outranks_the_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(force_rows); i++) {
        struct scene scene;

        begin(&scene);
        if (force_rows[i].is_open_before) {
            open_now(&scene);
        }
        breaker_set_force(&scene.breaker, force_rows[i].force, scene.now_ms);
        for (uint64_t later_ms = 0; later_ms <= 600000; later_ms += 60000) {
            if (breaker_admit(&scene.breaker, scene.now_ms + later_ms, later_ms, &scene.rng) !=
                force_rows[i].want) {
                fail_msg("%s: not so after %llu ms", force_rows[i].name,
                         (unsigned long long)later_ms);
            }
        }
        assert_true(breaker_share(&scene.breaker) == force_rows[i].want_share);
        breaker_set_force(&scene.breaker, FORCE_NONE, scene.now_ms + 600000);
        if (breaker_admit(&scene.breaker, scene.now_ms + 600000, 0, &scene.rng) != GATE_GO) {
            fail_msg("%s: not measured anew afterwards", force_rows[i].name);
        }
    }
}

static void what_is_absorbed_starts_anew(void **state)
{
    struct scene scene;
    uint32_t generation;

    (void)state;
    begin(&scene);
    open_now(&scene);
    run_canaries(&scene, "--");
    generation = scene.breaker.generation;
    breaker_absorb(&scene.breaker, scene.now_ms);
    assert_int_equal(scene.breaker.state, BREAKER_CLOSED);
    assert_int_equal(scene.breaker.k, 0);
    assert_int_not_equal(scene.breaker.generation, generation);
}

static void a_reopening_keeps_the_first_cause(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    open_now(&scene);
    assert_int_equal(scene.breaker.opened_calls, 20);
    assert_int_equal(scene.breaker.opened_faults, 15);
    run_canaries(&scene, "+--");
    assert_int_equal(scene.breaker.cause, CAUSE_RATIO);
    assert_int_equal(scene.breaker.opened_calls, 3);
    assert_int_equal(scene.breaker.opened_faults, 2);
}

static void every_state_and_cause_has_a_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        assert_non_null(breaker_cause_word((enum breaker_cause)i));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(breaker_cause_word((enum breaker_cause)i),
                                    breaker_cause_word((enum breaker_cause)j));
        }
    }
    assert_string_equal(breaker_state_word(BREAKER_HALF_OPEN), "half_open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canaries_decide),
        cmocka_unit_test(one_canary_at_a_time_and_a_second_apart),
        cmocka_unit_test(a_canary_without_an_answer_has_failed),
        cmocka_unit_test(a_canary_that_says_nothing_is_tried_again),
        cmocka_unit_test(results_of_an_older_time_are_dropped),
        cmocka_unit_test(the_open_time_doubles_with_jitter),
        cmocka_unit_test(an_event_keeps_its_side_of_the_ramp),
        cmocka_unit_test(a_ramp_takes_the_first_rank_first),
        cmocka_unit_test(the_ramp_goes_on_holds_or_gives_up),
        cmocka_unit_test(closed_time_forgives_slowly),
        cmocka_unit_test(four_opens_in_ten_minutes_are_flapping),
        cmocka_unit_test(a_long_outage_is_not_flapping),
        cmocka_unit_test(an_operator_outranks_the_policy),
        cmocka_unit_test(what_is_absorbed_starts_anew),
        cmocka_unit_test(a_reopening_keeps_the_first_cause),
        cmocka_unit_test(every_state_and_cause_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
