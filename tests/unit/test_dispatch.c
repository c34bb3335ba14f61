/* What becomes of a leg: delivered, on to the next destination of its chain, or the dead letter;
 * and when the offset of its event is settled. On a fake I/O interface. */
#include "deliver_fixture.h"

static void a_delivered_event_is_settled(void **state)
{
    struct bench *bench = bench_open();
    int64_t offset = bench_event(bench, "Purchase");

    (void)state;
    bench_pass(bench, 20);
    assert_int_equal(bench->post_count, 1);
    assert_int_equal(bench->settled_count, 0);
    bench_answer(bench, 0, 200, BENCH_OK);
    bench_pass(bench, 10);
    assert_true(bench_is_settled(bench, offset));
    assert_int_equal(bench->d.events.events, 0);
    bench_close(bench);
}

static void exhausted_retries_fail_over_to_the_next_destination(void **state)
{
    struct bench *bench = bench_open();
    int64_t offset = bench_event(bench, "Purchase");

    (void)state;
    for (int attempt = 0; attempt < 2; attempt++) { /* retry.attempts */
        bench_pass(bench, 2000);
        assert_int_equal(bench_answer_all(bench, 200, BENCH_SERVER_ERROR), 1);
    }
    bench_pass(bench, 2000);
    assert_int_equal(bench->post_count, 3);
    assert_true(bench->posts[2].is_hook);
    assert_non_null(strstr(bench->posts[2].body, "somebody@example.com")); /* rendered for it */
    assert_false(bench_is_settled(bench, offset));
    bench_answer(bench, 2, 200, "");
    bench_pass(bench, 10);
    assert_true(bench_is_settled(bench, offset));
    bench_close(bench);
}

static void a_leg_at_the_end_of_its_chain_becomes_a_dead_letter(void **state)
{
    struct bench *bench = bench_open();
    int64_t offset = bench_event(bench, "Purchase");

    (void)state;
    for (int i = 0; i < 12; i++) { /* all attempts at both HTTP destinations */
        bench_pass(bench, 10000);
        (void)bench_answer_all(bench, 503, "");
    }
    assert_int_equal(bench_written(bench, "utm"), 1);
    assert_int_equal(bench_report_all(bench, PRODUCE_TOO_LARGE), 1);
    bench_pass(bench, 10);
    assert_int_equal(bench_written(bench, "dead"), 1);
    assert_false(bench_is_settled(bench, offset));
    assert_int_equal(bench_report_all(bench, PRODUCE_ACKNOWLEDGED), 1);
    bench_pass(bench, 10);
    assert_true(bench_is_settled(bench, offset));
    bench_close(bench);
}

static void a_rejected_event_is_dead_lettered_without_another_attempt(void **state)
{
    struct bench *bench = bench_open();
    int64_t offset = bench_event(bench, "Purchase");

    (void)state;
    bench_pass(bench, 20);
    bench_answer(bench, 0, 200, BENCH_BAD_PARAMETER);
    bench_pass(bench, 3000);
    assert_int_equal(bench->post_count, 1);
    assert_int_equal(bench_written(bench, "dead"), 1);
    assert_int_equal(bench_written(bench, "utm"), 0);
    (void)bench_report_all(bench, PRODUCE_ACKNOWLEDGED);
    bench_pass(bench, 10);
    assert_true(bench_is_settled(bench, offset));
    bench_close(bench);
}

static void an_event_no_route_takes_is_dead_lettered(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Nobodys");
    bench_pass(bench, 10);
    assert_int_equal(bench->post_count, 0);
    assert_int_equal(bench_written(bench, "dead"), 1);
    bench_close(bench);
}

/* A cancelled record has no result: the offset stays where it is, and the event is read again. */
static void a_cancelled_record_does_not_settle_its_offset(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Nobodys");
    bench_pass(bench, 10);
    assert_int_equal(bench_report_all(bench, PRODUCE_CANCELLED), 1);
    bench_pass(bench, 10);
    assert_int_equal(bench->settled_count, 0);
    assert_int_equal(bench->d.events.events, 0);
    bench_close(bench);
}

static bool is_breaker_closed(struct bench *bench)
{
    return health_is_clear(bench->health, 0, deliverer_cell(&bench->d, 0, SPAN("Purchase")));
}

static void while_the_breaker_is_open_events_go_to_the_next_destination(void **state)
{
    struct bench *bench = bench_open();
    size_t posts;

    (void)state;
    for (int i = 0; i < 400 && is_breaker_closed(bench); i++) {
        (void)bench_event(bench, "Purchase");
        bench_pass(bench, 20);
        (void)bench_answer_all(bench, 200, BENCH_SERVER_ERROR);
    }
    assert_false(is_breaker_closed(bench));
    posts = bench->post_count;
    for (int i = 0; i < 3; i++) {
        (void)bench_event(bench, "Purchase");
    }
    bench_pass(bench, 100); /* what waited for it goes the same way, without further attempts */
    assert_true(bench->post_count > posts);
    for (size_t i = posts; i < bench->post_count; i++) {
        assert_true(bench->posts[i].is_hook);
    }
    bench_close(bench);
}

/* Senders report, dispatch acts: what one turn reports is at its next destination in that turn. */
/* The time of the worker stands still until the clock has caught up. */
static void a_clock_that_steps_back_stops_nothing(void **state)
{
    struct bench *bench = bench_open();
    uint64_t before_ms;
    int64_t offset;

    (void)state;
    bench_pass(bench, 100);
    before_ms = bench->d.now_ms;
    bench->now_ms -= 5000;
    offset = bench_event(bench, "Purchase");
    bench_pass(bench, 100);
    assert_int_equal(bench->d.now_ms, before_ms);
    bench_pass(bench, 6000);
    assert_true(bench->d.now_ms > before_ms);
    assert_int_equal(bench_answer_all(bench, 200, BENCH_OK), 1);
    bench_pass(bench, 10);
    assert_int_equal(bench->settled_count, 1);
    assert_int_equal(bench->settled[0], offset);
    bench_close(bench);
}

static void an_outcome_is_acted_on_in_the_turn_it_is_reported(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    bench_answer(bench, 0, 200, BENCH_BAD_PARAMETER);
    (void)turn_run(&bench->turn, false);
    assert_int_equal(bench->d.outcomes.count, 0);
    assert_int_equal(bench_written(bench, "dead"), 1);
    bench_close(bench);
}

/* A backfill's job: it takes events back until it is told not to. */
struct taker {
    struct bench *bench;
    bool takes;
    rd_kafka_message_t *message; /* the last one */
    enum reason reason;
    unsigned count;
    const struct config_destination *chain[1];
    struct config_leg plan; /* of TikTok alone */
};

static bool take_back(void *context, rd_kafka_message_t *message,
                      struct source_partition *partition, uint64_t epoch, enum reason reason)
{
    struct taker *taker = context;

    assert_ptr_equal(partition, &taker->bench->partition);
    assert_int_equal(epoch, 3);
    taker->reason = reason;
    if (taker->takes) {
        taker->message = message;
        taker->count++;
    }
    return taker->takes;
}

static void choose(void *context, rd_kafka_message_t *message, const struct event_view *view,
                   struct route_result *routes)
{
    (void)context;
    (void)message;
    (void)view;
    (void)routes;
}

static bool takes(void *context, const struct config_route *route, const struct config_leg *leg)
{
    (void)context;
    (void)route;
    (void)leg;
    return true;
}

static struct bench *bench_in_background(struct taker *taker)
{
    struct bench *bench = bench_open();

    *taker = (struct taker){.bench = bench, .takes = true};
    taker->chain[0] = config_find(bench->config, SPAN("tiktok"));
    taker->plan = (struct config_leg){.chain = taker->chain, .count = 1};
    bench->d.background =
        (struct background){.context = taker, .give_back = take_back, .share = 0.2};
    bench->intake.choice = (struct leg_choice){
        .context = taker, .begin = choose, .takes = takes, .plan = &taker->plan};
    return bench;
}

static void exhaust(struct bench *bench)
{
    for (int attempt = 0; attempt < 2; attempt++) { /* retry.attempts */
        bench_pass(bench, 2000);
        assert_int_equal(bench_answer_all(bench, 200, BENCH_SERVER_ERROR), 1);
    }
    bench_pass(bench, 2000);
}

static void in_the_background_an_event_is_given_back_and_fails_over_nowhere(void **state)
{
    struct taker taker;
    struct bench *bench = bench_in_background(&taker);
    int64_t offset = bench_event(bench, "Purchase");

    (void)state;
    exhaust(bench);
    assert_int_equal(bench->post_count, 2);
    assert_int_equal(taker.count, 1);
    assert_int_equal(taker.reason, REASON_RETRIES_EXHAUSTED);
    assert_int_equal(bench->d.events.events, 0);
    assert_int_equal(bench->record_count, 0);
    assert_false(bench_is_settled(bench, offset));

    bench->pending[bench->pending_count++] = taker.message; /* later, once more */
    taker.takes = false;
    for (int i = 0; i < 20 && bench->record_count == 0; i++) { /* the budget of retries is low */
        bench_pass(bench, 2000);
        (void)bench_answer_all(bench, 200, BENCH_SERVER_ERROR);
    }
    assert_int_equal(bench_written(bench, "dead"), 1);
    assert_int_equal(bench_written(bench, "utm"), 0);
    assert_int_equal(bench_report_all(bench, PRODUCE_ACKNOWLEDGED), 1);
    bench_pass(bench, 10);
    assert_true(bench_is_settled(bench, offset));
    bench_close(bench);
}

static void in_the_background_an_open_breaker_gives_events_back(void **state)
{
    struct taker taker;
    struct bench *bench = bench_in_background(&taker);

    (void)state;
    bench->d.background = (struct background){0}; /* live events open it */
    for (int i = 0; i < 400 && is_breaker_closed(bench); i++) {
        (void)bench_event(bench, "Purchase");
        bench_pass(bench, 20);
        (void)bench_answer_all(bench, 200, BENCH_SERVER_ERROR);
    }
    assert_false(is_breaker_closed(bench));
    for (int i = 0; i < 20; i++) { /* their dead letters are written */
        bench_pass(bench, 20);
        (void)bench_report_all(bench, PRODUCE_ACKNOWLEDGED);
    }
    bench->d.background =
        (struct background){.context = &taker, .give_back = take_back, .share = 0.2};
    (void)bench_event(bench, "Purchase");
    bench_pass(bench, 20);
    assert_int_equal(taker.count, 1);
    assert_int_equal(taker.reason, REASON_NONE);
    bench_release(taker.message);
    bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delivered_event_is_settled),
        cmocka_unit_test(exhausted_retries_fail_over_to_the_next_destination),
        cmocka_unit_test(a_leg_at_the_end_of_its_chain_becomes_a_dead_letter),
        cmocka_unit_test(a_rejected_event_is_dead_lettered_without_another_attempt),
        cmocka_unit_test(an_event_no_route_takes_is_dead_lettered),
        cmocka_unit_test(a_cancelled_record_does_not_settle_its_offset),
        cmocka_unit_test(while_the_breaker_is_open_events_go_to_the_next_destination),
        cmocka_unit_test(a_clock_that_steps_back_stops_nothing),
        cmocka_unit_test(an_outcome_is_acted_on_in_the_turn_it_is_reported),
        cmocka_unit_test(in_the_background_an_event_is_given_back_and_fails_over_nowhere),
        cmocka_unit_test(in_the_background_an_open_breaker_gives_events_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
