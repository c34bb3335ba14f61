/* What becomes of events whose partition goes or whose process stops (drain.h), on a fake I/O
 * interface. */
#include "deliver_fixture.h"

#include "deliver/drain.h"

static void revoke(struct bench *bench, uint64_t ms)
{
    bench->partition.is_going = true;
    bench->is_going = true;
    bench->going_by_ms = ms == 0 ? 0 : bench->now_ms + ms;
    for (;;) {
        (void)turn_run(&bench->turn, false);
        if (!bench->is_going) {
            return;
        }
        bench->io.wait(bench, 20);
    }
}

/* Whoever has the partition next reads it again: nothing of it is with a destination. */
static void an_event_that_has_not_begun_is_dropped_and_not_settled(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    (void)turn_run(&bench->turn, false); /* taken in, and lingers in its queue */
    assert_int_equal(bench->d.events.events, 1);
    revoke(bench, 1000);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->post_count, 0);
    assert_int_equal(bench->settled_count, 0);
    assert_int_equal(sender_load(bench->d.senders[0]), 0);
    bench_close(bench);
}

static void an_event_under_way_is_forgotten_when_the_time_is_over(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    assert_int_equal(bench->post_count, 1);
    revoke(bench, 500);
    assert_int_equal(bench->d.events.events, 1); /* its answer still comes */
    assert_int_equal(bench->d.events.forgotten, 1);
    bench_answer(bench, 0, 200, BENCH_OK);
    bench_pass(bench, 10);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->settled_count, 0); /* the offset is another's now */
    bench_close(bench);
}

/* A retry of a forgotten event would be another's event sent once more. */
static void a_forgotten_event_is_not_sent_again(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    revoke(bench, 0);
    bench_answer(bench, 0, 200, BENCH_SERVER_ERROR);
    bench_pass(bench, 3000);
    assert_int_equal(bench->post_count, 1);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->record_count, 0);
    bench_close(bench);
}

/* The wait of the drain answers what is open: then events that have begun are finished. */
static void answering_wait(void *context, uint64_t ms)
{
    struct bench *bench = context;

    bench->now_ms += ms;
    (void)bench_answer_all(bench, 200, BENCH_OK);
    (void)bench_report_all(bench, PRODUCE_ACKNOWLEDGED);
}

static void an_event_under_way_is_finished_while_there_is_time(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    bench->io.wait = answering_wait;
    revoke(bench, 5000);
    assert_int_equal(bench->settled_count, 1);
    assert_int_equal(bench->d.events.events, 0);
    bench_close(bench);
}

static void a_retry_of_an_event_that_has_not_begun_is_dropped(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    bench_answer(bench, 0, 200, BENCH_SERVER_ERROR);
    bench_pass(bench, 10); /* waits for its second attempt: nothing of it is under way */
    assert_int_equal(turn_drain(&bench->turn, bench->now_ms + 3000), 0);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->settled_count, 0);
    assert_int_equal(bench->record_count, 0);
    bench_close(bench);
}

static void acknowledging_wait(void *context, uint64_t ms)
{
    struct bench *bench = context;

    bench->now_ms += ms;
    (void)bench_report_all(bench, PRODUCE_ACKNOWLEDGED);
}

/* One leg is delivered, so that the event is finished here or its other leg would be delivered by
 * another too: what still waits when the time is nearly over takes the topic of its chain. */
static void the_other_leg_of_a_delivered_one_fails_over_to_its_topic_in_time(void **state)
{
    struct bench *bench = bench_open();
    int64_t offset = bench_event(bench, "Signup");

    (void)state;
    bench_pass(bench, 20);
    assert_int_equal(bench->post_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bench_answer(bench, i, 200,
                     bench->posts[i].is_hook ? ""
                                             : "{\"code\":40100,\"message\":\"Too many requests\","
                                               "\"request_id\":\"r\"}");
    }
    bench_pass(bench, 10);
    bench->partition.is_going = true;
    bench->io.wait = acknowledging_wait;
    assert_int_equal(turn_drain(&bench->turn, bench->now_ms + 900), 0);
    assert_int_equal(bench_written(bench, "utm"), 1);
    assert_true(bench_is_settled(bench, offset));
    bench_close(bench);
}

static void a_process_that_stops_drops_what_has_not_begun(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)bench_event(bench, "Purchase");
    }
    (void)turn_run(&bench->turn, false);
    assert_int_equal(turn_drain(&bench->turn, bench->now_ms + 3000), 0);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->settled_count, 0);
    bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_has_not_begun_is_dropped_and_not_settled),
        cmocka_unit_test(an_event_under_way_is_forgotten_when_the_time_is_over),
        cmocka_unit_test(a_forgotten_event_is_not_sent_again),
        cmocka_unit_test(an_event_under_way_is_finished_while_there_is_time),
        cmocka_unit_test(a_retry_of_an_event_that_has_not_begun_is_dropped),
        cmocka_unit_test(the_other_leg_of_a_delivered_one_fails_over_to_its_topic_in_time),
        cmocka_unit_test(a_process_that_stops_drops_what_has_not_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
