/* A bounded number of label values, by who has traffic; nothing that was counted is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "observe/series.h"

enum { SLOTS = 8, WIDTH = 3, WRITERS = 2 };

static uint64_t now_ms;

static uint64_t clock_of_test(void)
{
    return now_ms;
}

static int set_up(void **state)
{
    now_ms = 1000;
    *state = series_new(SLOTS, WIDTH, WRITERS);
    series_use_clock(*state, clock_of_test);
    return 0;
}

static int tear_down(void **state)
{
    series_free(*state);
    return 0;
}

static void count(struct series *series, unsigned writer, const char *value, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        _Atomic uint64_t *row = series_row(series_writer_of(series, writer), span_of(value), 1);

        atomic_store(&row[1], atomic_load(&row[1]) + 1);
    }
}

/* -1: it has no slot. */
static int64_t sum_of(struct series *series, const char *value)
{
    struct series_view view;
    int64_t sum = -1;

    series_look(series, &view);
    assert_in_range(view.count, 1, SLOTS + 1);
    assert_true(span_is(view.slots[view.count - 1].name, "other"));
    for (size_t i = 0; i < view.count; i++) {
        if (span_is(view.slots[i].name, value)) {
            assert_int_equal(sum, -1);
            sum = view.slots[i].sums == NULL ? 0 : (int64_t)view.slots[i].sums[1];
        }
    }
    series_view_fini(&view);
    return sum;
}

static void fill(struct series *series, uint64_t times)
{
    char name[8];

    for (int i = 0; i < SLOTS; i++) {
        (void)snprintf(name, sizeof(name), "v%d", i);
        count(series, 0, name, times);
    }
}

static void writers_are_added_up(void **state)
{
    count(*state, 0, "a", 3);
    count(*state, 1, "a", 4);
    count(*state, 1, "b", 1);
    assert_int_equal(sum_of(*state, "a"), 7);
    assert_int_equal(sum_of(*state, "b"), 1);
    assert_int_equal(sum_of(*state, "other"), 0);
    assert_int_equal(series_total(*state, 1), 8);
    assert_int_equal(series_total(*state, 0), 0);
}

static const struct {
    const char *name;
    uint64_t each;     /* how often those came that have the slots */
    uint64_t newcomer; /* and the one behind them */
    int64_t want, want_other;
} traffic_rows[] = {
    {"what came once has no slot", 1, 1, -1, 1},
    {"one less than it takes", 1, SERIES_CLAIM - 1, -1, SERIES_CLAIM - 1},
    {"traffic has the slot of what came once", 1, SERIES_CLAIM, 1, SERIES_CLAIM},
    {"and counts on there", 1, 100, 100 - SERIES_CLAIM + 1, SERIES_CLAIM},
    {"nobody with traffic has to go", SERIES_CLAIM, 1000, -1, 1000},
};

static void slots_are_for_traffic(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(traffic_rows); i++) {
        struct series *series = NULL;
        int64_t got, other;

        assert_int_equal(set_up((void **)&series), 0);
        fill(series, traffic_rows[i].each);
        count(series, 1, "new", traffic_rows[i].newcomer);
        got = sum_of(series, "new");
        other = sum_of(series, "other");
        if (got != traffic_rows[i].want || other != traffic_rows[i].want_other ||
            series_total(series, 1) != SLOTS * traffic_rows[i].each + traffic_rows[i].newcomer) {
            fail_msg("%s: %lld, and %lld other", traffic_rows[i].name, (long long)got,
                     (long long)other);
        }
        assert_int_equal(tear_down((void **)&series), 0);
    }
}

static void who_was_busy_long_ago_makes_room(void **state)
{
    fill(*state, 1000);
    for (int i = 0; i < 4; i++) {
        count(*state, 0, "v3", SERIES_CLAIM); /* it alone still comes */
        now_ms += SERIES_LATE_MS;
        count(*state, 1, "new", SERIES_CLAIM);
    }
    assert_true(sum_of(*state, "new") > 0);
    assert_int_equal(sum_of(*state, "v3"), 1000 + 4 * SERIES_CLAIM);
    assert_int_equal(series_total(*state, 1), SLOTS * 1000 + 8 * SERIES_CLAIM);
}

static void what_is_reserved_stays(void **state)
{
    assert_in_range(series_reserve(*state, SPAN("ours")), 0, SLOTS - 1);
    fill(*state, 1);
    for (int i = 0; i < 20; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "n%d", i);
        count(*state, 0, name, 10 * SERIES_CLAIM);
    }
    count(*state, 1, "ours", 1);
    assert_int_equal(sum_of(*state, "ours"), 1);
    assert_int_equal(sum_of(*state, "n19"), -1);
}

/* The writer that did not notice keeps counting for whom it means. */
static void a_writer_that_knew_the_old_value_goes_to_other(void **state)
{
    fill(*state, 1);
    count(*state, 1, "v0", 3);
    for (int i = 1; i < SLOTS; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "v%d", i);
        count(*state, 0, name, SERIES_CLAIM);
    }
    count(*state, 0, "new", SERIES_CLAIM); /* takes v0's */
    assert_int_equal(sum_of(*state, "v0"), -1);
    assert_int_equal(sum_of(*state, "other"), 4 + SERIES_CLAIM - 1);
    count(*state, 1, "v0", 1);
    assert_int_equal(sum_of(*state, "new"), 1);
    assert_int_equal(sum_of(*state, "other"), 4 + SERIES_CLAIM);
    count(*state, 1, "new", 2);
    assert_int_equal(sum_of(*state, "new"), 3);
    assert_int_equal(series_total(*state, 1),
                     1 + 3 + (SLOTS - 1) * (SERIES_CLAIM + 1) + SERIES_CLAIM + 3);
}

static void foreign_text_has_no_slot(void **state)
{
    static char wide[SERIES_NAME_BYTES_MAX + 2];

    memset(wide, 'x', sizeof(wide) - 1);
    count(*state, 0, "other", 100);
    count(*state, 0, "\xff\xfe", 100);
    count(*state, 0, wide, 100);
    (void)series_row(series_writer_of(*state, 0), (struct span){"a\0b", 3}, 100);
    count(*state, 0, "", 1);
    assert_int_equal(sum_of(*state, "other"), 300);
    assert_int_equal(sum_of(*state, ""), 1);
    assert_int_equal(sum_of(*state, "a"), -1);
}

enum { BUMPS = 50000 };

struct bumper {
    struct series *series;
    unsigned writer;
};

static void *bump(void *context)
{
    const struct bumper *bumper = context;
    char name[8];

    for (int i = 0; i < BUMPS; i++) { /* twenty values in turn for eight slots */
        (void)snprintf(name, sizeof(name), "v%d", i / 100 % 20);
        count(bumper->series, bumper->writer, name, 1);
    }
    return NULL;
}

/* Slots change hands while both count and somebody looks: sums never fall, and end right. */
static void nothing_is_lost_among_threads(void **state)
{
    struct bumper bumpers[WRITERS] = {{*state, 0}, {*state, 1}};
    pthread_t threads[WRITERS];
    uint64_t before = 0;

    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, bump, &bumpers[i]), 0);
    }
    for (int i = 0; i < 200; i++) {
        uint64_t now = series_total(*state, 1);

        assert_true(now >= before);
        before = now;
        (void)sum_of(*state, "v1");
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(series_total(*state, 1), WRITERS * BUMPS);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(writers_are_added_up),
        cmocka_unit_test(slots_are_for_traffic),
        CASE(who_was_busy_long_ago_makes_room),
        CASE(what_is_reserved_stays),
        CASE(a_writer_that_knew_the_old_value_goes_to_other),
        CASE(foreign_text_has_no_slot),
        CASE(nothing_is_lost_among_threads),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
