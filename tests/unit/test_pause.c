/* What a destination asks of all workers: less, or another credential; and whose word opens it
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/pause.h"

static struct pause_state look(struct pause *pause)
{
    struct pause_state state = {0};

    pause_look(pause, &state);
    return state;
}

static void throttling_pauses_everybody_until_a_later_request_is_served(void **state)
{
    struct pause pause;
    struct pause_state before;

    (void)state;
    pause_init(&pause);
    assert_int_equal(pause_throttled(&pause, 1000, 20000), PAUSE_NEW);
    assert_int_equal(pause_throttled(&pause, 1500, 1000), PAUSE_SAME);
    assert_int_equal(look(&pause).paused_until_ms, 21000); /* the longest that was asked for */
    assert_false(pause_accepted(&pause, 900, &before));    /* sent before: old news */
    assert_false(pause_accepted(&pause, 1500, &before));
    assert_true(pause_is_limited(&pause.state));
    assert_true(pause_accepted(&pause, 21000, &before));
    assert_int_equal(before.throttled_since_ms, 1000);
    assert_int_equal(look(&pause).paused_until_ms, 0);
    assert_int_equal(look(&pause).throttles, 0); /* nobody needs to know while nothing is asked */
    assert_int_equal(pause.state.throttles, 2);
    pause_fini(&pause);
}

/* Retry-After: 0, or a date that has passed: probes are a second apart, and then more. */
static void a_pause_has_a_floor_that_grows(void **state)
{
    static const uint64_t pauses_ms[] = {1000, 2000, 4000, 8000, 8000};
    struct pause pause;
    struct pause_state before;
    uint64_t now_ms = 1000;

    (void)state;
    pause_init(&pause);
    for (size_t i = 0; i < COUNT_OF(pauses_ms); i++) {
        (void)pause_throttled(&pause, now_ms, 0);
        (void)pause_throttled(&pause, now_ms + 1, 0); /* it was under way as well */
        assert_in_range(look(&pause).paused_until_ms - now_ms, pauses_ms[i], pauses_ms[i] + 1);
        now_ms = look(&pause).paused_until_ms;
    }
    (void)pause_throttled(&pause, now_ms, 60000);
    assert_int_equal(look(&pause).paused_until_ms,
                     now_ms + 60000); /* what is named, if it is more */
    assert_true(pause_accepted(&pause, now_ms + 60000, &before));
    (void)pause_throttled(&pause, now_ms + 70000, 0);
    assert_int_equal(look(&pause).paused_until_ms, now_ms + 71000); /* another throttle */
    pause_fini(&pause);
}

static void throttling_for_ten_minutes_is_asked_once_a_minute(void **state)
{
    struct pause pause;
    unsigned told = 0;
    uint64_t now_ms = 1000;

    (void)state;
    pause_init(&pause);
    while (now_ms < 3600 * 1000) {
        told += pause_throttled(&pause, now_ms, 2000) == PAUSE_LONG;
        now_ms = look(&pause).paused_until_ms;
    }
    assert_int_equal(told, 1);
    assert_int_equal(now_ms - pause.state.refused_ms, PAUSE_LONG_WAIT_MS);
    pause_fini(&pause);
}

static void a_second_refusal_holds_and_doubles(void **state)
{
    static const uint64_t waits_ms[] = {1000, 5000, 10000, 20000, 40000, 60000, 60000};
    struct pause pause;
    uint64_t now_ms = 1000;

    (void)state;
    pause_init(&pause);
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        enum pause_news news = pause_refused(&pause, now_ms, now_ms);

        assert_int_equal(news, i == 1 ? PAUSE_NEW : PAUSE_SAME);
        /* what was under way comes back refused as well, and counts no second time */
        assert_int_equal(pause_refused(&pause, now_ms + 10, now_ms), PAUSE_SAME);
        assert_int_equal(look(&pause).paused_until_ms, now_ms + waits_ms[i]);
        assert_int_equal(look(&pause).held_since_ms, i == 0 ? 0 : 2000);
        now_ms = look(&pause).paused_until_ms;
    }
    pause_fini(&pause);
}

static void another_secret_is_tried_at_once_and_by_one(void **state)
{
    struct pause pause;
    struct pause_state before;

    (void)state;
    pause_init(&pause);
    pause_secret_changed(&pause, 7); /* nothing is held: nothing to do */
    assert_false(pause_is_limited(&pause.state));
    (void)pause_refused(&pause, 1000, 1000);
    (void)pause_refused(&pause, 2000, 2000);
    pause_secret_changed(&pause, 8);
    assert_int_equal(look(&pause).paused_until_ms, 0);
    assert_true(pause_is_limited(&pause.state));
    assert_int_equal(pause_refused(&pause, 3000, 2900), PAUSE_SAME); /* wrong again */
    assert_int_equal(look(&pause).paused_until_ms, 8000);
    pause_secret_changed(&pause, 8); /* another worker has seen the same file */
    assert_int_equal(look(&pause).paused_until_ms, 8000);
    pause_secret_changed(&pause, 9);
    assert_true(pause_accepted(&pause, 3001, &before));
    assert_int_equal(before.held_since_ms, 2000);
    pause_fini(&pause);
}

static void one_worker_at_a_time_asks(void **state)
{
    struct pause pause;

    (void)state;
    pause_init(&pause);
    assert_true(pause_take_probe(&pause, 3));
    assert_true(pause_take_probe(&pause, 3));
    assert_false(pause_take_probe(&pause, 0));
    pause_give_probe(&pause, 0); /* not its own */
    assert_false(pause_take_probe(&pause, 0));
    pause_give_probe(&pause, 3);
    assert_true(pause_take_probe(&pause, 0));
    pause_fini(&pause);
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
