/* Retries: attempts, deadline, backoff, the budget (retry.h), local resource errors, and the share
 * of in_flight that events waiting for one destination may use (bulkhead.h). */
#include "deliver_fixture.h"

#include "deliver/bulkhead.h"
#include "deliver/local_error.h"
#include "deliver/retry.h"

static struct config_destination destination(void)
{
    return (struct config_destination){.retry = {.attempts = 3,
                                                 .backoff_min_ms = 100,
                                                 .backoff_max_ms = 1000,
                                                 .deadline_ms = 5000,
                                                 .budget = 0.1}};
}

static void a_request_is_exhausted_after_its_attempts(void **state)
{
    struct config_destination config = destination();
    struct retry_of of = {.attempts = 2, .first_sent_ms = 1000};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    assert_false(retry_is_exhausted(&retry, &of, 1500, 100));
    of.attempts = 3;
    assert_true(retry_is_exhausted(&retry, &of, 1500, 100));
}

static void a_request_is_exhausted_when_its_wait_ends_after_the_deadline(void **state)
{
    struct config_destination config = destination();
    struct retry_of of = {.attempts = 1, .first_sent_ms = 1000};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    assert_false(retry_is_exhausted(&retry, &of, 5000, 1000));
    assert_true(retry_is_exhausted(&retry, &of, 5000, 1001));
}

static void a_throttle_gives_its_time_back_to_the_deadline(void **state)
{
    struct config_destination config = destination();
    struct retry_of of = {.attempts = 1, .first_sent_ms = 1000};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    retry.limited_ms = 60000;
    assert_false(retry_is_exhausted(&retry, &of, 64000, 1000));
    assert_true(retry_is_exhausted(&retry, &of, 64000, 1001));
}

static void retry_after_is_the_least_wait(void **state)
{
    struct config_destination config = destination();
    struct rng rng = {.state = 7};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    assert_int_equal(retry_wait_ms(&retry, 1, 30000, &rng), 30000);
    for (int i = 0; i < 100; i++) {
        assert_in_range(retry_wait_ms(&retry, 9, 0, &rng), 0, 1000);
    }
}

static const struct {
    const char *name;
    uint64_t min_ms, max_ms;
    uint32_t attempt;
    uint64_t want_max_ms; /* the draw lies in 0..want_max_ms, and comes near it */
} backoff_cases[] = {
    {"first failure waits at most the minimum", 200, 5000, 1, 200},
    {"each failure doubles the bound", 200, 5000, 4, 1600},
    {"the bound stops at the maximum", 200, 5000, 7, 5000},
    {"a huge attempt does not overflow", 200, UINT64_MAX / 2, UINT32_MAX, UINT64_MAX / 2},
    {"a maximum below the minimum wins", 500, 100, 1, 100},
    {"zero is no wait", 0, 0, 3, 0},
};

static void backoff_stays_within_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(backoff_cases); i++) {
        struct config_destination config = destination();
        struct retry retry;
        uint64_t highest = 0;

        config.retry.backoff_min_ms = backoff_cases[i].min_ms;
        config.retry.backoff_max_ms = backoff_cases[i].max_ms;
        retry_init(&retry, &config);
        for (uint64_t seed = 0; seed < 1000; seed++) {
            struct rng rng = {.state = seed};
            uint64_t got = retry_wait_ms(&retry, backoff_cases[i].attempt, 0, &rng);

            if (got > backoff_cases[i].want_max_ms) {
                fail_msg("%s: %llu", backoff_cases[i].name, (unsigned long long)got);
            }
            highest = MAX_OF(highest, got);
        }
        if (highest < backoff_cases[i].want_max_ms / 10 * 9) {
            fail_msg("%s: never near its bound, at most %llu", backoff_cases[i].name,
                     (unsigned long long)highest);
        }
    }
}

static void budget_is_a_share_and_a_little(void **state)
{
    const struct retry_of of = {.attempts = 1, .first_sent_ms = 1000, .wants_budget = true};
    struct config_destination config = destination();
    struct retry retry;
    unsigned retries = 0;

    (void)state;
    retry_init(&retry, &config);
    for (int i = 0; i < 1000; i++) {
        retry_sent(&retry, 5000);
    }
    for (int i = 0; i < 334; i++) { /* more than a third */
        retry_fault(&retry, 5000);
    }
    while (retry_take(&retry, &of, 5000) && retries < 10000) {
        retries++;
    }
    assert_int_equal(retries, 130); /* 10 % of 1000, and three a second for ten seconds */
    assert_false(retry_take(&retry, &of, 14000));
    assert_true(retry_take(&retry, &of, 16000)); /* ten seconds later it is forgotten */
}

/* 333 of 1000 fail: all of them may be retried, and half as much again is no load. */
static void a_third_of_failures_needs_no_budget(void **state)
{
    const struct retry_of of = {.attempts = 1, .first_sent_ms = 1000, .wants_budget = true};
    struct config_destination config = destination();
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    for (int i = 0; i < 1000; i++) {
        retry_sent(&retry, 5000);
    }
    for (int i = 0; i < 333; i++) {
        retry_fault(&retry, 5000);
        assert_true(retry_take(&retry, &of, 5000));
    }
    retry_fault(&retry, 5000);
    assert_false(retry_take(&retry, &of, 5000));
}

/* Thirty retries in ten seconds are free; then a tenth of the requests. */
static void spend_the_budget(struct retry *retry)
{
    const struct retry_of of = {.attempts = 1, .first_sent_ms = 1000, .wants_budget = true};
    unsigned taken = 0;

    for (int i = 0; i < 40; i++) {
        retry_sent(retry, 2000);
        retry_fault(retry, 2000);
    }
    while (retry_take(retry, &of, 2000)) {
        taken++;
        assert_true(taken < 100);
    }
    assert_int_equal(taken, 34);
}

static void a_retry_waits_for_the_budget_and_its_deadline_may_end_then(void **state)
{
    struct config_destination config = destination();
    struct retry_of of = {.attempts = 1, .first_sent_ms = 1000, .wants_budget = true};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    spend_the_budget(&retry);
    assert_int_equal(retry_due_ms(&retry, &of), 2050);
    assert_false(retry_is_late(&retry, &of, 5999));
    assert_true(retry_is_late(&retry, &of, 6000));
    of.wants_budget = false; /* a first attempt needs none */
    assert_true(retry_take(&retry, &of, 2000));
    assert_int_equal(retry_due_ms(&retry, &of), 0);
}

static void an_unknown_answer_is_tried_to_the_end_without_budget(void **state)
{
    struct config_destination config = destination();
    struct retry_of of = {
        .attempts = 1, .first_sent_ms = 1000, .wants_budget = true, .is_unknown = true};
    struct retry retry;

    (void)state;
    retry_init(&retry, &config);
    spend_the_budget(&retry);
    assert_false(retry_take(&retry, &of, 5000));
    assert_false(retry_is_late(&retry, &of, 6000));
    assert_true(retry_take(&retry, &of, 6000));
}

/* local resource errors */

static void local_errors_are_logged_once_in_ten_seconds_with_their_number(void **state)
{
    struct local_error error = {0};

    (void)state;
    assert_int_equal(local_error_count(&error, 1000), 1);
    assert_int_equal(error.until_ms, 2000);
    for (uint64_t ms = 2000; ms < 11000; ms += 1000) {
        assert_int_equal(local_error_count(&error, ms), 0);
    }
    assert_int_equal(local_error_count(&error, 11000), 10);
}

static void a_local_error_counts_no_attempt_and_is_tried_again(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    bench->refuses_posts = true;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 30000);
    assert_int_equal(bench->post_count, 0);
    assert_int_equal(bench->record_count, 0); /* neither failed over nor dead-lettered */
    bench->refuses_posts = false;
    bench_pass(bench, 2000);
    assert_int_equal(bench->post_count, 1);
    bench_answer(bench, 0, 200, BENCH_OK);
    bench_pass(bench, 10);
    assert_int_equal(bench->settled_count, 1);
    bench_close(bench);
}

/* bulkhead */

static void events_waiting_for_one_destination_may_use_half_of_in_flight(void **state)
{
    struct bulkhead bulkhead = {.events = 80, .has_neighbours = true};

    (void)state;
    assert_int_equal(bulkhead_excess(&bulkhead, 39), 0);
    assert_int_equal(bulkhead_excess(&bulkhead, 40), 10);
    assert_int_equal(bulkhead_excess(&bulkhead, 60), 30);
}

static void a_slow_destination_is_over_its_share_after_ten_seconds(void **state)
{
    struct bulkhead bulkhead = {.events = 80, .has_neighbours = true};
    struct bulkhead alone = {.events = 80};

    (void)state;
    assert_false(bulkhead_is_over(&bulkhead, 50, 80, 1000));
    assert_false(bulkhead_is_over(&bulkhead, 50, 80, 10999));
    assert_true(bulkhead_is_over(&bulkhead, 50, 80, 11000));
    assert_false(bulkhead_is_over(&bulkhead, 50, 39, 12000)); /* the worker has room again */
    assert_false(bulkhead_is_over(&bulkhead, 50, 80, 13000));
    for (uint64_t ms = 1000; ms < 60000; ms += 1000) {
        assert_false(bulkhead_is_over(&alone, 80, 80, ms)); /* no other destination waits */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_exhausted_after_its_attempts),
        cmocka_unit_test(a_request_is_exhausted_when_its_wait_ends_after_the_deadline),
        cmocka_unit_test(a_throttle_gives_its_time_back_to_the_deadline),
        cmocka_unit_test(retry_after_is_the_least_wait),
        cmocka_unit_test(backoff_stays_within_its_bound),
        cmocka_unit_test(budget_is_a_share_and_a_little),
        cmocka_unit_test(a_third_of_failures_needs_no_budget),
        cmocka_unit_test(a_retry_waits_for_the_budget_and_its_deadline_may_end_then),
        cmocka_unit_test(an_unknown_answer_is_tried_to_the_end_without_budget),
        cmocka_unit_test(local_errors_are_logged_once_in_ten_seconds_with_their_number),
        cmocka_unit_test(a_local_error_counts_no_attempt_and_is_tried_again),
        cmocka_unit_test(events_waiting_for_one_destination_may_use_half_of_in_flight),
        cmocka_unit_test(a_slow_destination_is_over_its_share_after_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
