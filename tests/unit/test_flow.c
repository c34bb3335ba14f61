/* What a destination asks of all workers: less, or another credential; and whose word opens it
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/flow.h"

static struct flow_state look(struct flow *flow)
{
    struct flow_state state = {0};

    flow_look(flow, &state);
    return state;
}

static void throttling_pauses_everybody_until_a_later_request_is_served(void **state)
{
    struct flow flow;
    struct flow_state before;

    (void)state;
    flow_init(&flow);
    assert_int_equal(flow_throttled(&flow, 1000, 20000), FLOW_NEW);
    assert_int_equal(flow_throttled(&flow, 1500, 1000), FLOW_SAME);
    assert_int_equal(look(&flow).paused_until_ms, 21000); /* the longest that was asked for */
    assert_false(flow_open(&flow, 900, &before));         /* sent before: old news */
    assert_false(flow_open(&flow, 1500, &before));
    assert_true(flow_is_limited(&flow.state));
    assert_true(flow_open(&flow, 21000, &before));
    assert_int_equal(before.throttled_since_ms, 1000);
    assert_int_equal(look(&flow).paused_until_ms, 0);
    assert_int_equal(look(&flow).throttles, 0); /* nobody needs to know while nothing is asked */
    assert_int_equal(flow.state.throttles, 2);
    flow_fini(&flow);
}

/* Retry-After: 0, or a date that has passed: probes are a second apart, and then more. */
static void a_pause_has_a_floor_that_grows(void **state)
{
    static const uint64_t pauses_ms[] = {1000, 2000, 4000, 8000, 8000};
    struct flow flow;
    struct flow_state before;
    uint64_t now_ms = 1000;

    (void)state;
    flow_init(&flow);
    for (size_t i = 0; i < COUNT_OF(pauses_ms); i++) {
        (void)flow_throttled(&flow, now_ms, 0);
        (void)flow_throttled(&flow, now_ms + 1, 0); /* it was under way as well */
        assert_in_range(look(&flow).paused_until_ms - now_ms, pauses_ms[i], pauses_ms[i] + 1);
        now_ms = look(&flow).paused_until_ms;
    }
    (void)flow_throttled(&flow, now_ms, 60000);
    assert_int_equal(look(&flow).paused_until_ms,
                     now_ms + 60000); /* what is named, if it is more */
    assert_true(flow_open(&flow, now_ms + 60000, &before));
    (void)flow_throttled(&flow, now_ms + 70000, 0);
    assert_int_equal(look(&flow).paused_until_ms, now_ms + 71000); /* another throttle */
    flow_fini(&flow);
}

static void throttling_for_ten_minutes_is_asked_once_a_minute(void **state)
{
    struct flow flow;
    unsigned told = 0;
    uint64_t now_ms = 1000;

    (void)state;
    flow_init(&flow);
    while (now_ms < 3600 * 1000) {
        told += flow_throttled(&flow, now_ms, 2000) == FLOW_LONG;
        now_ms = look(&flow).paused_until_ms;
    }
    assert_int_equal(told, 1);
    assert_int_equal(now_ms - flow.state.refused_ms, FLOW_LONG_WAIT_MS);
    flow_fini(&flow);
}

static void a_second_refusal_holds_and_doubles(void **state)
{
    static const uint64_t waits_ms[] = {1000, 5000, 10000, 20000, 40000, 60000, 60000};
    struct flow flow;
    uint64_t now_ms = 1000;

    (void)state;
    flow_init(&flow);
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        enum flow_news news = flow_refused(&flow, now_ms, now_ms);

        assert_int_equal(news, i == 1 ? FLOW_NEW : FLOW_SAME);
        /* what was under way comes back refused as well, and counts no second time */
        assert_int_equal(flow_refused(&flow, now_ms + 10, now_ms), FLOW_SAME);
        assert_int_equal(look(&flow).paused_until_ms, now_ms + waits_ms[i]);
        assert_int_equal(look(&flow).held_since_ms, i == 0 ? 0 : 2000);
        now_ms = look(&flow).paused_until_ms;
    }
    flow_fini(&flow);
}

static void another_secret_is_tried_at_once_and_by_one(void **state)
{
    struct flow flow;
    struct flow_state before;

    (void)state;
    flow_init(&flow);
    flow_secret_changed(&flow, 7); /* nothing is held: nothing to do */
    assert_false(flow_is_limited(&flow.state));
    (void)flow_refused(&flow, 1000, 1000);
    (void)flow_refused(&flow, 2000, 2000);
    flow_secret_changed(&flow, 8);
    assert_int_equal(look(&flow).paused_until_ms, 0);
    assert_true(flow_is_limited(&flow.state));
    assert_int_equal(flow_refused(&flow, 3000, 2900), FLOW_SAME); /* wrong again */
    assert_int_equal(look(&flow).paused_until_ms, 8000);
    flow_secret_changed(&flow, 8); /* another worker has seen the same file */
    assert_int_equal(look(&flow).paused_until_ms, 8000);
    flow_secret_changed(&flow, 9);
    assert_true(flow_open(&flow, 3001, &before));
    assert_int_equal(before.held_since_ms, 2000);
    flow_fini(&flow);
}

static void one_worker_at_a_time_asks(void **state)
{
    struct flow flow;

    (void)state;
    flow_init(&flow);
    assert_true(flow_take_probe(&flow, 3));
    assert_true(flow_take_probe(&flow, 3));
    assert_false(flow_take_probe(&flow, 0));
    flow_give_probe(&flow, 0); /* not its own */
    assert_false(flow_take_probe(&flow, 0));
    flow_give_probe(&flow, 3);
    assert_true(flow_take_probe(&flow, 0));
    flow_fini(&flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttling_pauses_everybody_until_a_later_request_is_served),
        cmocka_unit_test(a_pause_has_a_floor_that_grows),
        cmocka_unit_test(throttling_for_ten_minutes_is_asked_once_a_minute),
        cmocka_unit_test(a_second_refusal_holds_and_doubles),
        cmocka_unit_test(another_secret_is_tried_at_once_and_by_one),
        cmocka_unit_test(one_worker_at_a_time_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
