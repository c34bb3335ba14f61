/* A refused credential: of one source id alone (hold.h), and of the whole destination, on a fake
 * I/O interface. */
#include "deliver_fixture.h"

#include "deliver/hold.h"
#include "deliver/queue.h"

/* a source id */

static void the_second_refusal_in_a_row_holds_a_source_id(void **state)
{
    struct hold hold = {0};

    (void)state;
    assert_false(hold_refused(&hold, 1000)); /* it may be a slip: asked again after a second */
    assert_false(hold_is_on(&hold));
    assert_int_equal(hold_until_ms(&hold, 1500), 2000);
    assert_true(hold_refused(&hold, 2000));
    assert_true(hold_is_on(&hold));
    assert_int_equal(hold_until_ms(&hold, 2000), 7000);
}

static void a_hold_asks_again_5_s_apart_doubling_to_60_s(void **state)
{
    static const uint64_t want_ms[] = {1000, 5000, 10000, 20000, 40000, 60000, 60000};
    struct hold hold = {0};
    uint64_t now_ms = 1000;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(want_ms); i++) {
        (void)hold_refused(&hold, now_ms);
        assert_int_equal(hold.wait_ms, want_ms[i]);
        now_ms = hold.until_ms;
    }
}

/* Requests that were under way when the first was refused are refused too. */
static void refusals_of_requests_sent_before_do_not_count(void **state)
{
    struct hold hold = {0};

    (void)state;
    (void)hold_refused(&hold, 1000);
    assert_false(hold_refused(&hold, 1001));
    assert_false(hold_refused(&hold, 1999));
    assert_false(hold_is_on(&hold));
    assert_int_equal(hold.wait_ms, 1000);
}

static void only_a_request_sent_after_the_refusal_ends_a_hold(void **state)
{
    struct hold hold = {0};

    (void)state;
    assert_false(hold_accepted(&hold, 500)); /* nothing to end */
    (void)hold_refused(&hold, 1000);
    (void)hold_refused(&hold, 2000);
    assert_false(hold_accepted(&hold, 1999));
    assert_true(hold_is_on(&hold));
    assert_true(hold_accepted(&hold, 7000));
    assert_false(hold_is_on(&hold));
    assert_int_equal(hold_until_ms(&hold, 7000), 0);
}

static void one_request_at_a_time_asks_for_a_held_source_id(void **state)
{
    struct hold hold = {0};

    (void)state;
    (void)hold_refused(&hold, 1000);
    assert_int_equal(hold_until_ms(&hold, 2000), 0);
    hold.in_flight = 1;
    assert_true(hold_until_ms(&hold, 2000) == UINT64_MAX);
}

static void a_new_credential_is_tried_at_once(void **state)
{
    struct hold_list list = {0};
    struct hold *hold = hold_join(&list, SPAN("PIXEL"));

    (void)state;
    (void)hold_refused(hold, 1000);
    (void)hold_refused(hold, 2000);
    hold_retry_now(&list);
    assert_int_equal(hold_until_ms(hold, 2001), 0);
    assert_true(hold_is_on(hold)); /* until a request of it was accepted */
    assert_true(hold_accepted(hold, 2001));
    hold_leave(&list, hold);
    assert_int_equal(list.count, 0);
}

static void all_queues_of_a_source_id_share_its_hold(void **state)
{
    struct queues queues = {0};
    struct queue *a = queues_get(&queues, PRIORITY_HIGH, SPAN("Purchase"), SPAN("P1"));
    struct queue *b = queues_get(&queues, PRIORITY_LOW, SPAN("View"), SPAN("P1"));
    struct queue *other = queues_get(&queues, PRIORITY_LOW, SPAN("View"), SPAN("P2"));
    size_t count = 0;

    (void)state;
    (void)hold_refused(a->hold, 1000);
    assert_ptr_equal(a->hold, b->hold);
    assert_int_equal(hold_until_ms(b->hold, 1500), 2000);
    assert_int_equal(hold_until_ms(other->hold, 1500), 0);
    for (struct queue *queue = queues_first(&queues); queue != NULL;
         queue = queues_next(&queues, queue)) {
        count++;
    }
    assert_int_equal(count, 3);
    queues_fini(&queues);
}

/* the destination */

#define BENCH_NO_ACCESS                                                                            \
    "{\"code\":40105,\"message\":\"Access token is incorrect\",\"request_id\":\"r\"}"

static void a_refused_credential_stops_all_but_one_probe(void **state)
{
    struct bench *bench = bench_open();
    size_t posts;

    (void)state;
    for (int i = 0; i < 8; i++) {
        (void)bench_event(bench, i % 2 == 0 ? "Purchase" : "View");
    }
    bench_pass(bench, 20);
    (void)bench_answer_all(bench, 401, BENCH_NO_ACCESS);
    bench_pass(bench, 1200); /* it may be a slip: one request asks after a second */
    posts = bench->post_count;
    assert_int_equal(bench_answer_all(bench, 401, BENCH_NO_ACCESS), 1);
    bench_pass(bench, 4500);
    assert_int_equal(bench->post_count, posts); /* held: five seconds */
    bench_pass(bench, 1000);
    assert_int_equal(bench->post_count, posts + 1);
    assert_int_equal(bench_written(bench, "dead"), 0);
    bench_close(bench);
}

static void after_a_minute_held_events_fail_over_and_none_is_dead_lettered(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    for (int i = 0; i < 8; i++) {
        (void)bench_event(bench, "Purchase");
    }
    for (int i = 0; i < 80; i++) {
        bench_pass(bench, 1000);
        for (size_t p = 0; p < bench->post_count; p++) {
            if (bench->posts[p].is_open) {
                bench_answer(bench, p, bench->posts[p].is_hook ? 200 : 401,
                             bench->posts[p].is_hook ? "" : BENCH_NO_ACCESS);
            }
        }
    }
    bench_pass(bench, 10);
    assert_int_equal(bench->settled_count, 8);
    assert_int_equal(bench->record_count, 0);
    bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_refusal_in_a_row_holds_a_source_id),
        cmocka_unit_test(a_hold_asks_again_5_s_apart_doubling_to_60_s),
        cmocka_unit_test(refusals_of_requests_sent_before_do_not_count),
        cmocka_unit_test(only_a_request_sent_after_the_refusal_ends_a_hold),
        cmocka_unit_test(one_request_at_a_time_asks_for_a_held_source_id),
        cmocka_unit_test(a_new_credential_is_tried_at_once),
        cmocka_unit_test(all_queues_of_a_source_id_share_its_hold),
        cmocka_unit_test(a_refused_credential_stops_all_but_one_probe),
        cmocka_unit_test(after_a_minute_held_events_fail_over_and_none_is_dead_lettered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
