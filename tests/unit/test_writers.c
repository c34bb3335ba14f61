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

    writers_init(&writers, 7, 4);
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

static const struct registry_failure silent = {.kind = REGISTRY_NO_ANSWER, .cause = 1};
static const struct registry_failure bad_answer = {
    .kind = REGISTRY_BAD_ANSWER, .status = 500, .cause = 2};
static const struct registry_failure refused = {
    .kind = REGISTRY_REFUSED, .status = 422, .cause = 3};

enum { GIVE_UP_MS = 600 * 1000 };

/* It began just now. */
static struct writers_failure miss(struct writers *writers, uint64_t key,
                                   const struct registry_failure *failure, uint64_t now_ms)
{
    return writers_failed(writers, key, failure, now_ms, GIVE_UP_MS, now_ms);
}

static void ids_are_asked_for_in_the_order_they_came(void **state)
{
    struct writers *writers = *state;

    for (uint64_t key = 1; key <= 3; key++) {
        (void)writers_ask(writers, key, 0);
    }
    check_next(writers, 0, 1);
    (void)miss(writers, 1, &bad_answer, 0);
    check_next(writers, 0, 2);
    writers_settle(writers, 2, &unknown, 0);
    check_next(writers, 0, 3);
    writers_settle(writers, 3, &unknown, 0);
    assert_int_equal(wait_at(writers, 0), 250);
    check_next(writers, 250, 1);
}

static void several_are_asked_for_at_once(void **state)
{
    struct writers *writers = *state;

    for (uint64_t key = 1; key <= 6; key++) {
        (void)writers_ask(writers, key, 0);
    }
    for (uint64_t key = 1; key <= 4; key++) {
        check_next(writers, 0, key);
    }
    assert_int_equal(wait_at(writers, 0), UINT64_MAX);
    writers_settle(writers, 3, &ready, 0);
    check_next(writers, 0, 5);
}

/* A broken serializer's ids have one event each; a new schema's soon has many. */
static void what_many_wait_for_comes_first(void **state)
{
    struct writers *writers = *state;

    for (uint64_t key = 1; key <= 1000; key++) {
        (void)writers_ask(writers, key, 0);
    }
    writers_want(writers, 900, 0);
    writers_want(writers, 900, 0);
    check_next(writers, 0, 900);
    check_next(writers, 0, 1);
}

/* Those in backoff have their turn beside a flood of new ones. */
static void a_flood_of_new_ids_starves_no_other(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 7, 0);
    check_next(writers, 0, 7);
    (void)miss(writers, 7, &bad_answer, 0);
    for (uint64_t key = 100; key < 200; key++) {
        (void)writers_ask(writers, key, 250);
    }
    check_next(writers, 250, 7);
    check_next(writers, 250, 100);
}

static void one_id_that_fails_holds_up_no_other(void **state)
{
    struct writers *writers = *state;
    uint64_t now_ms = 0;

    (void)writers_ask(writers, 1, 0);
    for (int i = 0; i < 7; i++) {
        check_next(writers, now_ms, 1);
        assert_false(miss(writers, 1, &bad_answer, now_ms).is_silence);
        assert_int_equal(writers->failed_ms, 0);
        (void)writers_ask(writers, 100 + (uint64_t)i, now_ms);
        check_next(writers, now_ms, 100 + (uint64_t)i);
        writers_settle(writers, 100 + (uint64_t)i, &ready, now_ms);
        now_ms += wait_at(writers, now_ms);
    }
    assert_int_equal(now_ms, 250 + 500 + 1000 + 2000 + 4000 + 8000 + 16000);
}

/* Even when nothing else is asked for: a good one among bad ones waits no second. */
static void many_ids_that_fail_hold_up_no_good_one(void **state)
{
    struct writers *writers = *state;
    uint64_t now_ms = 1000;
    uint64_t wait_ms;
    uint64_t key;

    for (uint64_t i = 1; i <= 50; i++) {
        (void)writers_ask(writers, i, now_ms);
    }
    for (unsigned asked = 0; asked < 200; now_ms += wait_ms) {
        if (writers_next(writers, now_ms, &key, &wait_ms)) {
            (void)miss(writers, key, &bad_answer, now_ms);
            asked++;
        }
    }
    assert_true(now_ms > 30 * 1000); /* the registry is spared */
    assert_in_range(writers->failed_ms, 10 * 1000, 20 * 1000);
    (void)writers_ask(writers, 99, now_ms);
    while (!writers_next(writers, now_ms, &key, &wait_ms) || key != 99) {
        if (wait_ms == 0) {
            (void)miss(writers, key, &bad_answer, now_ms);
        }
        now_ms += wait_ms;
        assert_true(wait_ms <= 250);
    }
    writers_settle(writers, 99, &ready, now_ms);
    assert_int_equal(writers->failed_ms, 0);
}

static void another_cause_is_news(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 0);
    check_next(writers, 0, 1);
    assert_true(miss(writers, 1, &bad_answer, 0).is_new);
    check_next(writers, 250, 1);
    assert_false(miss(writers, 1, &bad_answer, 250).is_new);
    check_next(writers, 750, 1);
    assert_true(miss(writers, 1, &refused, 750).is_new);
    check_next(writers, 1750, 1);
    writers_settle(writers, 1, &unknown, 1750);
    (void)writers_ask(writers, 1, 1750 + WRITERS_FORGET_MS);
    check_next(writers, 1750 + WRITERS_FORGET_MS, 1);
    assert_true(miss(writers, 1, &refused, 1750 + WRITERS_FORGET_MS).is_new);
}

static void a_silent_registry_holds_up_all(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 1000);
    (void)writers_ask(writers, 2, 1000);
    check_next(writers, 1000, 1);
    assert_true(miss(writers, 1, &silent, 1000).is_silence);
    assert_int_equal(writers->failed_ms, 1000);
    assert_in_range(wait_at(writers, 1000), 1, 250);
    check_next(writers, 1250, 1);
    check_next(writers, 1250, 2); /* a new one beside it */
    writers_settle(writers, 2, &ready, 1250);
    assert_int_equal(writers->failed_ms, 0);
}

/* While others are answered, silence about one id is that id's own. */
static void an_id_that_hangs_alone_is_no_silence(void **state)
{
    struct writers *writers = *state;

    (void)writers_ask(writers, 1, 0);
    (void)writers_ask(writers, 2, 0);
    check_next(writers, 0, 1);
    check_next(writers, 0, 2);
    writers_settle(writers, 2, &ready, 3000);
    assert_false(writers_failed(writers, 1, &silent, 0, GIVE_UP_MS, 5000).is_silence);
    assert_int_equal(writers->failed_ms, 0);
}

static const struct {
    const char *name;
    unsigned failures;
    uint64_t want_ms_max;
} backoff_rows[] = {
    {"first", 1, 250},          {"second doubles", 2, 500},       {"fourth", 4, 2000},
    {"fifth is near", 5, 4000}, {"sixth is at the top", 6, 5000}, {"and stays there", 40, 5000},
};

static void the_wait_for_a_silent_registry_doubles_up_to_5_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(backoff_rows); i++) {
        uint64_t longest = 0;

        for (uint64_t seed = 0; seed < 200; seed++) {
            struct writers writers;
            uint64_t now_ms = 0;
            uint64_t wait_ms = 0;

            writers_init(&writers, seed, 1);
            (void)writers_ask(&writers, 9, now_ms);
            for (unsigned n = 0; n < backoff_rows[i].failures; n++) {
                check_next(&writers, now_ms, 9);
                (void)miss(&writers, 9, &silent, now_ms);
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

static const struct {
    const char *name;
    uint64_t asked_ms; /* by Retry-After */
    uint64_t want_ms;
} busy_rows[] = {
    {"not said", 0, 250},
    {"less than the floor", 1, 250},
    {"as asked", 7000, 7000},
    {"more than the cap", 3600 * 1000, 30 * 1000},
};

static void a_busy_registry_is_given_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(busy_rows); i++) {
        const struct registry_failure busy = {.kind = REGISTRY_BUSY,
                                              .status = 429,
                                              .retry_after_ms = busy_rows[i].asked_ms,
                                              .cause = 4};
        struct writers writers;

        writers_init(&writers, 7, 4);
        (void)writers_ask(&writers, 1, 0);
        (void)writers_ask(&writers, 2, 0);
        check_next(&writers, 0, 1);
        assert_false(miss(&writers, 1, &busy, 0).is_overdue);
        if (wait_at(&writers, 0) != busy_rows[i].want_ms) {
            fail_msg("%s", busy_rows[i].name);
        }
        assert_int_equal(writers.failed_ms, 0); /* it answers */
        writers_fini(&writers);
    }
}

static const struct {
    const char *name;
    const struct registry_failure *failure;
    uint64_t want_ms_min, want_ms_max;
} overdue_rows[] = {
    {"refused", &refused, 60 * 1000, 92 * 1000},
    {"in failure", &bad_answer, GIVE_UP_MS, GIVE_UP_MS + 32 * 1000},
};

static void an_id_with_bad_answers_is_overdue_in_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(overdue_rows); i++) {
        struct writers writers;
        uint64_t now_ms = 0;
        uint64_t key;
        uint64_t wait_ms;
        bool is_overdue = false;

        writers_init(&writers, 7, 4);
        (void)writers_ask(&writers, 1, 0);
        while (!is_overdue) {
            if (writers_next(&writers, now_ms, &key, &wait_ms)) {
                is_overdue = miss(&writers, key, overdue_rows[i].failure, now_ms).is_overdue;
            }
            now_ms += is_overdue ? 0 : wait_ms;
        }
        if (now_ms < overdue_rows[i].want_ms_min || now_ms > overdue_rows[i].want_ms_max) {
            fail_msg("%s: after %llu ms", overdue_rows[i].name, (unsigned long long)now_ms);
        }
        /* given up, it is asked for again when it is seen later: one more bad answer is enough */
        assert_true(writers_give_up(&writers, 1, "given up", now_ms));
        assert_int_equal(writers_ask(&writers, 1, now_ms).writer->state, WRITER_UNKNOWN);
        now_ms += WRITERS_FORGET_MS;
        assert_int_equal(writers_ask(&writers, 1, now_ms).writer->state, WRITER_PENDING);
        check_next(&writers, now_ms, 1);
        assert_true(miss(&writers, 1, overdue_rows[i].failure, now_ms).is_overdue);
        writers_fini(&writers);
    }
}

static void silence_never_makes_an_id_overdue(void **state)
{
    struct writers *writers = *state;
    uint64_t now_ms = 0;
    uint64_t wait_ms;
    uint64_t key;

    (void)writers_ask(writers, 1, 0);
    while (now_ms < UINT64_C(10) * GIVE_UP_MS) {
        if (writers_next(writers, now_ms, &key, &wait_ms)) {
            assert_false(miss(writers, key, &silent, now_ms).is_overdue);
        }
        now_ms += wait_ms;
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
    answer = writers_ask(writers, 500000, 0);
    assert_int_equal(answer.writer->state, WRITER_PENDING);
    assert_false(answer.is_new_question);
    assert_true(answer.is_refused);
    assert_false(writers_ask(writers, 500001, 0).is_refused);
    assert_int_equal(HASH_COUNT(writers->table), WRITERS_PENDING_MAX);
    /* what more than one event waits for has room all the same: the newest of the others goes */
    writers_want(writers, 500001, 0);
    assert_int_equal(writers->pending_count, WRITERS_PENDING_MAX);
    assert_int_equal(HASH_COUNT(writers->table), WRITERS_PENDING_MAX);
    check_next(writers, 0, 500001);
    writers_settle(writers, 500001, &ready, 0);
    assert_true(writers_ask(writers, WRITERS_PENDING_MAX - 1, 0).is_new_question);
    assert_int_equal(writers_ask(writers, 500000, 0).writer->state, WRITER_PENDING);
    check_next(writers, 0, 0);
    writers_settle(writers, 0, &unknown, 0);
    assert_true(writers_ask(writers, 500000, 0).is_new_question);
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
    /* the only one that may go was handed out not long ago */
    assert_int_equal(writers_ask(writers, 1000000, WRITERS_KEEP_MS - 1).writer->state,
                     WRITER_PENDING);
    assert_int_equal(wait_at(writers, WRITERS_KEEP_MS - 1), UINT64_MAX);
    assert_true(writers_ask(writers, 1000000, WRITERS_KEEP_MS).is_new_question);
    assert_null(writers_find(writers, 1));
    assert_int_equal(HASH_COUNT(writers->table), WRITERS_KNOWN_MAX);
    check_next(writers, WRITERS_KEEP_MS, 1000000);
    writers_settle(writers, 1000000, &ready, WRITERS_KEEP_MS);
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
        CASE(several_are_asked_for_at_once),
        CASE(what_many_wait_for_comes_first),
        CASE(a_flood_of_new_ids_starves_no_other),
        CASE(another_cause_is_news),
        CASE(one_id_that_fails_holds_up_no_other),
        CASE(many_ids_that_fail_hold_up_no_good_one),
        CASE(a_silent_registry_holds_up_all),
        CASE(an_id_that_hangs_alone_is_no_silence),
        cmocka_unit_test(the_wait_for_a_silent_registry_doubles_up_to_5_s),
        cmocka_unit_test(a_busy_registry_is_given_its_time),
        cmocka_unit_test(an_id_with_bad_answers_is_overdue_in_the_end),
        CASE(silence_never_makes_an_id_overdue),
        CASE(an_unknown_id_is_asked_for_again_after_a_minute),
        CASE(an_incompatible_one_is_not_asked_for_again),
        CASE(the_queue_is_bounded_and_says_so_once),
        CASE(the_table_is_bounded_and_forgets_unknown_ids),
        CASE(what_is_put_is_known_once),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
