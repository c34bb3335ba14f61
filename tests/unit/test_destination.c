/* One type broken or everything? The destination's breaker above its cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "health/destination.h"

enum { TYPES = 4, PURCHASE = 0, CART, VIEW, LEAD };

static const struct cell_policy policy = {
    .breaker = {5000, 60000, 10000}, .window_s = 30, .minimum = 20, .failures = 0.5};

struct scene {
    struct destination_health health;
    uint64_t now_ms;
};

static void begin(struct scene *scene)
{
    scene->now_ms = 10000000;
    destination_health_init(&scene->health, &policy, 7, scene->now_ms);
    for (size_t i = 0; i < TYPES; i++) {
        (void)destination_health_add(&scene->health, scene->now_ms);
    }
}

static void end(struct scene *scene)
{
    destination_health_fini(&scene->health);
}

/* An event of @type is admitted and answered at once; false when it was diverted. */
static bool event(struct scene *scene, size_t type, enum call call)
{
    bool is_life_sign = call != CALL_CONNECT && call != CALL_TRANSPORT;
    struct ticket ticket;

    if (destination_admit(&scene->health, type, scene->now_ms, 0, 0, &ticket) == GATE_DIVERT) {
        return false;
    }
    (void)destination_result(&scene->health, type,
                             &(struct call_end){scene->now_ms, call, is_life_sign, 0, 0}, &ticket);
    return true;
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
    default:
        return CALL_OK;
    }
}

/* Round and round, one letter a type ('-': no event of it), until something global happens. */
static void play(struct scene *scene, const char *letters, uint64_t gap_ms, uint64_t for_ms)
{
    uint64_t end_ms = scene->now_ms + for_ms;

    while (scene->now_ms < end_ms && scene->health.breaker.state == BREAKER_CLOSED) {
        for (size_t i = 0; i < TYPES; i++) {
            if (letters[i] != '-') {
                scene->now_ms += gap_ms;
                (void)event(scene, i, call_of(letters[i]));
            }
        }
    }
}

static const struct {
    const char *name;
    const char *before; /* for two minutes */
    const char *letters;
    uint64_t gap_ms, for_ms;
    enum scope want;
    enum breaker_cause want_cause; /* of the destination */
} scope_rows[] = {
    {"all well", "....", "....", 50, 60000, SCOPE_NONE, CAUSE_NONE},
    {"one type fails", "....", "...A", 50, 60000, SCOPE_PARTIAL, CAUSE_NONE},
    {"one type hangs", "....", "...T", 50, 60000, SCOPE_PARTIAL, CAUSE_NONE},
    {"two of four fail", "....", "A..A", 50, 60000, SCOPE_PARTIAL, CAUSE_NONE},
    {"the two busiest of four fail", "....", "AA..", 50, 60000, SCOPE_PARTIAL, CAUSE_NONE},
    {"everything fails with an answer", "....", "AAAA", 50, 60000, SCOPE_GLOBAL, CAUSE_ALL_CELLS},
    {"everything fails, once a second", "....", "AAAA", 1000, 12000, SCOPE_GLOBAL, CAUSE_ALL_CELLS},
    {"nothing answers", "....", "TTTT", 50, 60000, SCOPE_GLOBAL, CAUSE_ALL_CELLS},
    {"nobody is at home", "....", "CCCC", 50, 60000, SCOPE_GLOBAL, CAUSE_ALL_CELLS},
    {"nobody is at home for the only type", ".---", "C---", 50, 60000, SCOPE_GLOBAL, CAUSE_THIN},
    {"the same, once a second", ".---", "C---", 1000, 60000, SCOPE_GLOBAL, CAUSE_THIN},
    {"the only type fails", ".---", "A---", 50, 60000, SCOPE_PARTIAL, CAUSE_NONE},
    {"a type that is not seen any more does not vote", "....", "AA--", 50, 90000, SCOPE_GLOBAL,
     CAUSE_ALL_CELLS},
    {"throttling is no outage", "....", "NNNN", 50, 60000, SCOPE_NONE, CAUSE_NONE},
    {"everything is rejected", "....", "RRRR", 50, 120000, SCOPE_GLOBAL, CAUSE_REJECT_STORM},
    {"one type is rejected", "....", "R...", 50, 120000, SCOPE_PARTIAL, CAUSE_NONE},
};

static void the_scope_is_told_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(scope_rows); i++) {
        struct scene scene;

        begin(&scene);
        play(&scene, scope_rows[i].before, scope_rows[i].gap_ms, 120000);
        play(&scene, scope_rows[i].letters, scope_rows[i].gap_ms, scope_rows[i].for_ms);
        if (destination_scope(&scene.health) != scope_rows[i].want ||
            scene.health.breaker.cause != scope_rows[i].want_cause) {
            fail_msg("%s: %s, %s", scope_rows[i].name, scope_word(destination_scope(&scene.health)),
                     breaker_cause_word(scene.health.breaker.cause));
        }
        end(&scene);
    }
}

/* Half of the cells open and none of the others heard: with a life sign partial, without global. */
static void a_life_sign_keeps_the_rest_going(void **state)
{
    for (int has_life = 0; has_life <= 1; has_life++) {
        struct scene scene;
        struct ticket ticket = {0};

        (void)state;
        begin(&scene);
        play(&scene, "....", 50, 20000);
        scene.now_ms += 5000; /* the last life sign is history */
        breaker_open(&scene.health.cells[CART]->breaker, scene.now_ms,
                     &(struct breaker_trip){.cause = CAUSE_RATIO}, &scene.health.rng);
        breaker_open(&scene.health.cells[LEAD]->breaker, scene.now_ms,
                     &(struct breaker_trip){.cause = CAUSE_RATIO}, &scene.health.rng);
        (void)destination_admit(&scene.health, PURCHASE, scene.now_ms, 0, 0, &ticket);
        (void)destination_result(&scene.health, PURCHASE,
                                 &(struct call_end){scene.now_ms, CALL_APP, has_life == 1, 0, 0},
                                 &ticket);
        assert_int_equal(destination_scope(&scene.health),
                         has_life == 1 ? SCOPE_PARTIAL : SCOPE_GLOBAL);
        end(&scene);
    }
}

/* Thirty faults in a row of the two busiest types say nothing of two that are only quiet. */
static void a_streak_of_some_types_is_not_everything(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    for (unsigned i = 0; i < 30; i++) {
        scene.now_ms += 100;
        (void)event(&scene, i % 2 == 0 ? PURCHASE : CART, CALL_APP);
    }
    assert_int_equal(scene.health.breaker.state, BREAKER_CLOSED);
    end(&scene);
}

static void open_cell(struct scene *scene, size_t type)
{
    breaker_open(&scene->health.cells[type]->breaker, scene->now_ms,
                 &(struct breaker_trip){.cause = CAUSE_RATIO}, &scene->health.rng);
}

static void the_destination_absorbs_what_is_part_of_it(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    open_cell(&scene, LEAD);
    scene.now_ms += 20000;
    open_cell(&scene, CART);
    scene.now_ms += 1000;
    play(&scene, "C-C-", 50, 20000);
    assert_int_equal(scene.health.breaker.state, BREAKER_OPEN);
    assert_int_equal(scene.health.cells[CART]->breaker.state, BREAKER_CLOSED);
    assert_int_equal(scene.health.cells[LEAD]->breaker.state,
                     BREAKER_OPEN); /* an outage of its own */
    end(&scene);
}

static void all_cells_are_absorbed_however_old(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    open_cell(&scene, LEAD);
    scene.now_ms += 20000;
    play(&scene, "AAAA", 50, 20000);
    assert_int_equal(scene.health.breaker.cause, CAUSE_ALL_CELLS);
    for (size_t i = 0; i < TYPES; i++) {
        assert_int_equal(scene.health.cells[i]->breaker.state, BREAKER_CLOSED);
    }
    end(&scene);
}

/* Until it is closed again; how many canaries it took, or 0. */
static unsigned recover(struct scene *scene, size_t type, enum call call, uint64_t patience_ms)
{
    uint64_t end_ms = scene->now_ms + patience_ms;
    unsigned sent = 0;

    while (scene->now_ms < end_ms && scene->health.breaker.state != BREAKER_CLOSED) {
        scene->now_ms += 100;
        sent += event(scene, type, call);
        (void)destination_tick(&scene->health, scene->now_ms);
    }
    return scene->health.breaker.state == BREAKER_CLOSED ? sent : 0;
}

static void it_comes_back_once_for_all_types(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    play(&scene, "CCCC", 50, 20000);
    assert_int_equal(destination_scope(&scene.health), SCOPE_GLOBAL);
    assert_true(recover(&scene, VIEW, CALL_OK, 60000) >= 4);
    assert_int_equal(destination_scope(&scene.health), SCOPE_NONE);
    assert_true(event(&scene, PURCHASE, CALL_OK));
    end(&scene);
}

static void everything_rejected_stays_open_until_something_is_accepted(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 300000);
    play(&scene, "RRRR", 50, 60000);
    assert_int_equal(scene.health.breaker.cause, CAUSE_REJECT_STORM);
    assert_int_equal(recover(&scene, PURCHASE, CALL_REJECT, 600000), 0);
    assert_true(recover(&scene, PURCHASE, CALL_OK, 120000) > 0);
    end(&scene);
}

/* A canary is an event of a type that is not broken by itself, as long as there is one. */
static void a_broken_type_is_asked_last(void **state)
{
    struct scene scene;
    struct ticket ticket;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    open_cell(&scene, LEAD);
    scene.now_ms += 20000;
    play(&scene, "CCC-", 50, 20000);
    scene.health.cells[LEAD]->breaker.state = BREAKER_OPEN;
    scene.health.cells[LEAD]->breaker.cause = CAUSE_RATIO;
    scene.now_ms = scene.health.breaker.until_ms;
    assert_int_equal(destination_admit(&scene.health, LEAD, scene.now_ms, 0, 0, &ticket),
                     GATE_DIVERT);
    assert_int_equal(destination_admit(&scene.health, CART, scene.now_ms, 0, 0, &ticket),
                     GATE_CANARY);
    assert_true(ticket.is_destination_canary);
    assert_false(ticket.is_canary);
    end(&scene);
}

static void a_destination_with_broken_types_only_comes_back_too(void **state)
{
    static const enum breaker_state states[] = {BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_RAMP};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        struct scene scene;

        begin(&scene);
        play(&scene, "C---", 50, 60000);
        assert_int_equal(scene.health.breaker.state, BREAKER_OPEN);
        scene.health.cells[PURCHASE]->breaker.state = states[i];
        scene.health.cells[PURCHASE]->breaker.cause = CAUSE_RATIO;
        if (recover(&scene, PURCHASE, CALL_OK, 120000) == 0) {
            fail_msg("%s: never back", breaker_state_word(states[i]));
        }
        end(&scene);
    }
}

/* One bad half second that happens to lie around the full second is still one bad moment. */
static void eleven_failures_in_a_moment_open_nothing(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.now_ms += 700;
    for (unsigned i = 0; i < 11; i++) {
        scene.now_ms += 50;
        assert_true(event(&scene, i % TYPES, CALL_TRANSPORT));
    }
    assert_int_equal(scene.health.breaker.state, BREAKER_CLOSED);
    scene.now_ms += 1000;
    assert_true(event(&scene, VIEW, CALL_TRANSPORT));
    assert_int_equal(scene.health.breaker.state, BREAKER_OPEN);
    assert_int_equal(scene.health.breaker.cause, CAUSE_THIN);
    end(&scene);
}

static void late_results_of_before_change_nothing(void **state)
{
    struct scene scene;
    struct ticket old;
    bool is_changed = false;

    (void)state;
    begin(&scene);
    assert_int_equal(destination_admit(&scene.health, CART, scene.now_ms, 0, 0, &old), GATE_GO);
    play(&scene, "CCCC", 50, 20000);
    assert_true(recover(&scene, VIEW, CALL_OK, 60000) > 0);
    for (unsigned i = 0; i < 200; i++) {
        scene.now_ms += 50;
        (void)destination_result(&scene.health, CART,
                                 &(struct call_end){scene.now_ms, CALL_TRANSPORT, false, 0, 0},
                                 &old);
        assert_false(destination_provisional(&scene.health, CART, scene.now_ms, &old, &is_changed));
    }
    assert_int_equal(scene.health.breaker.state, BREAKER_CLOSED);
    assert_int_equal(scene.health.streak, 0);
    end(&scene);
}

static void a_canary_that_never_left_gives_its_place_back(void **state)
{
    struct scene scene;
    struct ticket ticket, other;

    (void)state;
    begin(&scene);
    play(&scene, "CCCC", 50, 20000);
    scene.now_ms = scene.health.breaker.until_ms;
    assert_int_equal(destination_admit(&scene.health, CART, scene.now_ms, 0, 0, &ticket),
                     GATE_CANARY);
    assert_int_equal(destination_admit(&scene.health, CART, scene.now_ms + 1000, 0, 0, &other),
                     GATE_DIVERT);
    destination_cancel(&scene.health, CART, &ticket);
    assert_int_equal(destination_admit(&scene.health, CART, scene.now_ms + 1000, 0, 0, &ticket),
                     GATE_CANARY);
    end(&scene);
}

static void what_hangs_opens_it_when_the_first_times_out(void **state)
{
    struct scene scene;
    struct ticket ticket;
    bool is_changed = false;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    for (unsigned hanging = 0; hanging < 60; hanging++) {
        (void)destination_admit(&scene.health, hanging % TYPES, scene.now_ms, 0, 0, &ticket);
        scene.now_ms += 50;
        assert_true(destination_provisional(&scene.health, hanging % TYPES, scene.now_ms, &ticket,
                                            &is_changed));
    }
    assert_int_equal(destination_scope(&scene.health), SCOPE_NONE); /* they may be slow, and well */
    assert_true(destination_confirm(&scene.health, 0, scene.now_ms, &ticket));
    assert_int_equal(destination_scope(&scene.health), SCOPE_GLOBAL);
    end(&scene);
}

static void after_a_time_out_what_hangs_is_enough(void **state)
{
    struct scene scene;
    struct ticket ticket;
    bool is_changed = false;
    unsigned hanging = 0;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 20000);
    (void)destination_admit(&scene.health, 0, scene.now_ms, 0, 0, &ticket);
    for (unsigned i = 0; i < 8; i++) { /* all the connections there are */
        (void)destination_provisional(&scene.health, i % TYPES, scene.now_ms, &ticket, &is_changed);
    }
    scene.now_ms += 2500;
    assert_false(destination_confirm(&scene.health, 0, scene.now_ms, &ticket));
    while (!is_changed && hanging < 100) {
        scene.now_ms += 300;
        (void)destination_provisional(&scene.health, hanging++ % TYPES, scene.now_ms, &ticket,
                                      &is_changed);
    }
    assert_int_equal(destination_scope(&scene.health), SCOPE_GLOBAL);
    assert_true(hanging <= 12);
    end(&scene);
}

/* One connection is all there is (after a throttle): two calls, and a queue behind them. */
static void a_queue_behind_two_that_hang_opens_it(void **state)
{
    static const struct {
        bool is_blocking, want;
    } rows[] = {{true, true}, {false, false}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ticket ticket = {0};
        bool is_changed = false;
        struct scene scene;

        begin(&scene);
        play(&scene, ".---", 100, 20000);
        (void)destination_admit(&scene.health, PURCHASE, scene.now_ms, 0, 0, &ticket);
        ticket.blocks_destination = rows[i].is_blocking;
        (void)destination_provisional(&scene.health, PURCHASE, scene.now_ms, &ticket, &is_changed);
        scene.now_ms += 2500;
        (void)destination_confirm(&scene.health, PURCHASE, scene.now_ms, &ticket);
        scene.now_ms += 2500;
        (void)destination_provisional(&scene.health, PURCHASE, scene.now_ms, &ticket, &is_changed);
        assert_int_equal(is_changed, rows[i].want);
        assert_int_equal(destination_scope(&scene.health),
                         rows[i].want ? SCOPE_GLOBAL : SCOPE_NONE);
        end(&scene);
    }
}

static void refusals_of_all_types_in_a_row_open_it(void **state)
{
    struct scene scene;
    unsigned refused = 0;

    (void)state;
    begin(&scene);
    play(&scene, "....", 50, 200000);
    while (scene.health.breaker.state == BREAKER_CLOSED && refused < 1000) {
        scene.now_ms += 50;
        (void)event(&scene, refused++ % TYPES, CALL_REJECT);
    }
    assert_int_equal(refused, 50);
    assert_int_equal(scene.health.breaker.cause, CAUSE_REJECT_STORM);
    end(&scene);
}

static void types_without_end_share_the_last_cell(void **state)
{
    struct scene scene;
    size_t index = 0;

    (void)state;
    begin(&scene);
    for (size_t i = TYPES; i < DESTINATION_CELLS_MAX + 10; i++) {
        index = destination_health_add(&scene.health, scene.now_ms);
        assert_int_equal(index, MIN_OF(i, (size_t)DESTINATION_CELLS_MAX - 1));
    }
    assert_int_equal(scene.health.cell_count, DESTINATION_CELLS_MAX);
    end(&scene);
}

static void an_operator_closes_one_type_or_all(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    breaker_set_force(&scene.health.cells[CART]->breaker, FORCE_OPEN, scene.now_ms);
    assert_int_equal(destination_scope(&scene.health), SCOPE_PARTIAL);
    assert_false(event(&scene, CART, CALL_OK));
    assert_true(event(&scene, VIEW, CALL_OK));
    breaker_set_force(&scene.health.breaker, FORCE_OPEN, scene.now_ms);
    assert_int_equal(destination_scope(&scene.health), SCOPE_GLOBAL);
    assert_false(event(&scene, VIEW, CALL_OK));
    breaker_set_force(&scene.health.breaker, FORCE_CLOSED, scene.now_ms);
    play(&scene, "C-CC", 50, 60000);
    assert_true(event(&scene, VIEW, CALL_CONNECT)); /* whatever it counts */
    end(&scene);
}

/* Thirty time out in a row after forty good calls of each of two types; before each, one of its
 * type that was sent after it may have been served. */
static bool opens_by_time_outs(bool is_overtaken)
{
    struct scene scene;
    bool is_open;

    begin(&scene);
    play(&scene, "..--", 10, 800);
    for (unsigned i = 0; i < 30; i++) {
        struct ticket ticket;

        (void)destination_admit(&scene.health, i % 2, scene.now_ms, 0, 0, &ticket);
        ticket.sent_ms = scene.now_ms - 2900;
        if (is_overtaken) {
            (void)destination_result(&scene.health, i % 2,
                                     &(struct call_end){scene.now_ms, CALL_OK, false, 0, 0},
                                     &ticket);
        }
        ticket.sent_ms = scene.now_ms - 3000;
        ticket.is_blocking = ticket.blocks_destination = true;
        (void)destination_result(&scene.health, i % 2,
                                 &(struct call_end){scene.now_ms, CALL_TRANSPORT, i % 5 == 0, 0, 0},
                                 &ticket);
        scene.now_ms += 300;
    }
    is_open = scene.health.breaker.state != BREAKER_CLOSED;
    end(&scene);
    return is_open;
}

static void time_outs_that_were_overtaken_are_no_silence(void **state)
{
    (void)state;
    assert_true(opens_by_time_outs(false));
    assert_false(opens_by_time_outs(true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scope_is_told_right),
        cmocka_unit_test(a_life_sign_keeps_the_rest_going),
        cmocka_unit_test(a_streak_of_some_types_is_not_everything),
        cmocka_unit_test(the_destination_absorbs_what_is_part_of_it),
        cmocka_unit_test(all_cells_are_absorbed_however_old),
        cmocka_unit_test(it_comes_back_once_for_all_types),
        cmocka_unit_test(everything_rejected_stays_open_until_something_is_accepted),
        cmocka_unit_test(a_broken_type_is_asked_last),
        cmocka_unit_test(a_destination_with_broken_types_only_comes_back_too),
        cmocka_unit_test(eleven_failures_in_a_moment_open_nothing),
        cmocka_unit_test(late_results_of_before_change_nothing),
        cmocka_unit_test(a_canary_that_never_left_gives_its_place_back),
        cmocka_unit_test(what_hangs_opens_it_when_the_first_times_out),
        cmocka_unit_test(after_a_time_out_what_hangs_is_enough),
        cmocka_unit_test(a_queue_behind_two_that_hang_opens_it),
        cmocka_unit_test(time_outs_that_were_overtaken_are_no_silence),
        cmocka_unit_test(refusals_of_all_types_in_a_row_open_it),
        cmocka_unit_test(types_without_end_share_the_last_cell),
        cmocka_unit_test(an_operator_closes_one_type_or_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
