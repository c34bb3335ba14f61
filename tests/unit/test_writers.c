/* The table of writers on a clock of its own: who is asked for when, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/catalog_writers.h"

static const struct writer unknown = {.state = WRITER_UNKNOWN, .text = "no such id"};
static const struct writer incompatible = {.state = WRITER_INCOMPATIBLE, .text = "cannot be read"};
static const struct writer ready = {
    .state = WRITER_READY, .reader = 3, .record_name = {"com.example.Order", 17}};

static int set_up(void **state)
{
    static struct writers writers;

    writers_init(&writers, 7);
    *state = &writers;
    return 0;
}

static int tear_down(void **state)
{
    writers_fini(*state);
    return 0;
}

static void check_next(struct writers *writers, uint64_t now_ms, uint64_t want)
{
    uint64_t key = 0;
    uint64_t wait_ms = 0;

    if (!writers_next(writers, now_ms, &key, &wait_ms)) {
        fail_msg("nobody is to be asked for at %llu", (unsigned long long)now_ms);
    }
    assert_int_equal(key, want);
}

static uint64_t wait_at(struct writers *writers, uint64_t now_ms)
{
    uint64_t key = 0;
    uint64_t wait_ms = 0;

    if (writers_next(writers, now_ms, &key, &wait_ms)) {
        fail_msg("%llu is to be asked for", (unsigned long long)key);
    }
    return wait_ms;
}

static void an_id_is_asked_for_once(void **state)
{
    struct writers *writers = *state;

    assert_int_equal(wait_at(writers, 0), UINT64_MAX);
    assert_true(writers_ask(writers, 5, 0).is_new_question);
    for (int i = 0; i < 10; i++) {
        struct writers_answer again = writers_ask(writers, 5, 0);

        assert_false(again.is_new_question);
        assert_int_equal(again.writer->state, WRITER_PENDING);
    }
    check_next(writers, 0, 5);
    assert_int_equal(wait_at(writers, 0), UINT64_MAX); /* it is being asked for */
    writers_settle(writers, 5, &ready, 0);
    assert_int_equal(wait_at(writers, 0), UINT64_MAX);
    assert_false(writers_ask(writers, 5, 0).is_new_question);
    assert_int_equal(writers_ask(writers, 5, 0).writer->state, WRITER_READY);
}

static void what_is_settled_is_copied(void **state)
{
    struct writers *writers = *state;
    char name[] = "com.example.Order";
    char text[] = "why not";
    struct writer writer = {.state = WRITER_INCOMPATIBLE, .record_name = {name, 17}, .text = text};
    const struct writer *got;

    (void)writers_ask(writers, 1, 0);
    check_next(writers, 0, 1);
    writers_settle(writers, 1, &writer, 0);
    name[0] = text[0] = 'X';
    got = writers_ask(writers, 1, 0).writer;
    assert_string_equal(got->text, "why not");
    assert_true(span_is(got->record_name, "com.example.Order"));
}

static void ids_are_asked_for_in_the_order_they_came(void **state)
{
    struct writers *writers = *state;

    for (uint64_t key = 1; key <= 3; key++) {
        (void)writers_ask(writers, key, 0);
    }
    check_next(writers, 0, 1);
    (void)writers_failed(writers, 1, false, 0);
    check_next(writers, 0, 2);
    writers_settle(writers, 2, &unknown, 0);
    check_next(writers, 0, 3);
    writers_settle(writers, 3, &unknown, 0);
    assert_in_range(wait_at(writers, 0), 1, 250);
    check_next(writers, 250, 1);
}

static void one_id_in_trouble_holds_up_no_other(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 0);
    check_next(writers, 0, 1);
    assert_int_equal(writers_failed(writers, 1, false, 0), 1);
    (void)writers_ask(writers, 2, 0);
    check_next(writers, 0, 2);
    assert_int_equal(writers->failed_ms, 0);
}

static void another_cause_is_news(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 0);
    (void)writers_ask(writers, 2, 0);
    assert_true(writers_note_cause(writers, 1, 7));
    assert_false(writers_note_cause(writers, 1, 7));
    assert_true(writers_note_cause(writers, 2, 7));
    assert_true(writers_note_cause(writers, 1, 8));
    writers_settle(writers, 1, &unknown, 0);
    (void)writers_ask(writers, 1, WRITERS_FORGET_MS);
    assert_true(writers_note_cause(writers, 1, 8)); /* asked for anew */
}

static void a_registry_in_trouble_holds_up_all(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 1000);
    (void)writers_ask(writers, 2, 1000);
    check_next(writers, 1000, 1);
    assert_int_equal(writers_failed(writers, 1, true, 1000), 1);
    assert_int_equal(writers->failed_ms, 1000);
    assert_in_range(wait_at(writers, 1000), 1, 250);
    check_next(writers, 1250, 2);
    writers_settle(writers, 2, &ready, 1250);
    assert_int_equal(writers->failed_ms, 0);
    check_next(writers, 1250, 1);
}

static const struct {
    const char *name;
    unsigned failures;
    uint64_t want_ms_max;
} backoff_rows[] = {
    {"first", 1, 250},     {"second doubles", 2, 500},         {"fifth", 5, 4000},
    {"seventh", 7, 16000}, {"eighth is at the top", 8, 30000}, {"and stays there", 40, 30000},
};

static void the_wait_doubles_up_to_half_a_minute(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(backoff_rows); i++) {
        uint64_t longest = 0;

        for (uint64_t seed = 0; seed < 200; seed++) {
            struct writers writers;
            uint64_t now_ms = 0;
            uint64_t wait_ms = 0;

            writers_init(&writers, seed);
            (void)writers_ask(&writers, 9, now_ms);
            for (unsigned n = 0; n < backoff_rows[i].failures; n++) {
                check_next(&writers, now_ms, 9);
                (void)writers_failed(&writers, 9, true, now_ms);
                wait_ms = wait_at(&writers, now_ms);
                now_ms += wait_ms;
            }
            if (wait_ms < 1 || wait_ms > backoff_rows[i].want_ms_max) {
                fail_msg("%s: waits %llu ms", backoff_rows[i].name, (unsigned long long)wait_ms);
            }
            longest = MAX_OF(longest, wait_ms);
            writers_fini(&writers);
        }
        if (longest < backoff_rows[i].want_ms_max / 2) {
            fail_msg("%s: never waits more than %llu ms", backoff_rows[i].name,
                     (unsigned long long)longest);
        }
    }
}

static void an_unknown_id_is_asked_for_again_after_a_minute(void **state)
{
    struct writers *writers = *state;
    const struct writer *first;

    (void)writers_ask(writers, 5, 0);
    check_next(writers, 0, 5);
    writers_settle(writers, 5, &unknown, 100);
    first = writers_ask(writers, 5, 60099).writer;
    assert_int_equal(first->state, WRITER_UNKNOWN);
    assert_int_equal(wait_at(writers, 70000), UINT64_MAX); /* not before it is seen */
    assert_true(writers_ask(writers, 5, 70000).is_new_question);
    assert_int_equal(writers_ask(writers, 5, 70000).writer->state, WRITER_PENDING);
    check_next(writers, 70000, 5);
    writers_settle(writers, 5, &ready, 70000);
    assert_int_equal(writers_ask(writers, 5, 70000).writer->state, WRITER_READY);
    assert_string_equal(first->text, "no such id"); /* whoever held it may still read it */
    assert_int_equal(first->state, WRITER_UNKNOWN);
}

static void an_incompatible_one_is_not_asked_for_again(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 5, 0);
    check_next(writers, 0, 5);
    writers_settle(writers, 5, &incompatible, 0);
    assert_int_equal(writers_ask(writers, 5, UINT64_C(1) << 40).writer->state, WRITER_INCOMPATIBLE);
}

static void the_queue_is_bounded_and_says_so_once(void **state)
{
    struct writers *writers = *state;
    struct writers_answer answer;

    for (uint64_t key = 0; key < WRITERS_PENDING_MAX; key++) {
        assert_true(writers_ask(writers, key, 0).is_new_question);
    }
    answer = writers_ask(writers, 5000, 0);
    assert_int_equal(answer.writer->state, WRITER_PENDING);
    assert_false(answer.is_new_question);
    assert_true(answer.is_refused);
    assert_false(writers_ask(writers, 5001, 0).is_refused);
    assert_int_equal(HASH_COUNT(writers->table), WRITERS_PENDING_MAX);
    check_next(writers, 0, 0);
    writers_settle(writers, 0, &unknown, 0);
    assert_true(writers_ask(writers, 5000, 0).is_new_question);
}

static void put(struct writers *writers, uint64_t key, const struct writer *writer, uint64_t now_ms)
{
    assert_true(writers_ask(writers, key, now_ms).is_new_question);
    check_next(writers, now_ms, key);
    writers_settle(writers, key, writer, now_ms);
}

static void the_table_is_bounded_and_forgets_unknown_ids(void **state)
{
    struct writers *writers = *state;

    put(writers, 1, &unknown, 0);
    for (uint64_t key = 2; key <= WRITERS_KNOWN_MAX; key++) {
        assert_true(writers_put(writers, key, &incompatible));
    }
    assert_false(writers_put(writers, 1000000, &incompatible));
    /* the only one that may go was handed out less than a minute ago */
    assert_int_equal(writers_ask(writers, 1000000, 119999).writer->state, WRITER_PENDING);
    assert_int_equal(wait_at(writers, 119999), UINT64_MAX);
    assert_true(writers_ask(writers, 1000000, 120000).is_new_question);
    assert_null(writers_find(writers, 1));
    assert_int_equal(HASH_COUNT(writers->table), WRITERS_KNOWN_MAX);
    check_next(writers, 120000, 1000000);
    writers_settle(writers, 1000000, &ready, 120000);
    /* nothing left that ever goes: waiting would be for ever */
    assert_int_equal(writers_ask(writers, 1000001, 999999).writer->state, WRITER_INCOMPATIBLE);
}

static void what_is_put_is_known_once(void **state)
{
    struct writers *writers = *state;

    assert_true(writers_put(writers, 5, &ready));
    assert_false(writers_put(writers, 5, &incompatible));
    assert_int_equal(writers_find(writers, 5)->state, WRITER_READY);
    assert_int_equal(writers_find(writers, 5)->reader, 3);
    assert_null(writers_find(writers, 6));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_id_is_asked_for_once),
        CASE(what_is_settled_is_copied),
        CASE(ids_are_asked_for_in_the_order_they_came),
        CASE(another_cause_is_news),
        CASE(one_id_in_trouble_holds_up_no_other),
        CASE(a_registry_in_trouble_holds_up_all),
        cmocka_unit_test(the_wait_doubles_up_to_half_a_minute),
        CASE(an_unknown_id_is_asked_for_again_after_a_minute),
        CASE(an_incompatible_one_is_not_asked_for_again),
        CASE(the_queue_is_bounded_and_says_so_once),
        CASE(the_table_is_bounded_and_forgets_unknown_ids),
        CASE(what_is_put_is_known_once),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
