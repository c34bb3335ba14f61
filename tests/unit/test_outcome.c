/* The queue of outcomes: first in, first out, and a leg is in no other list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/outcome.h"

static void outcomes_are_taken_in_the_order_they_were_reported(void **state)
{
    struct leg legs[3] = {{.state = LEG_SENDING}, {.state = LEG_WAITING}, {.state = LEG_PRODUCING}};
    struct outcome_queue queue = {0};

    (void)state;
    outcome_report(&queue, &legs[0], LEG_DELIVERED, REASON_NONE);
    outcome_report(&queue, &legs[1], LEG_FAILED, REASON_THROTTLED);
    outcome_report(&queue, &legs[2], LEG_REJECTED, REASON_TOO_LARGE);
    assert_int_equal(queue.count, 3);
    for (size_t i = 0; i < COUNT_OF(legs); i++) {
        assert_ptr_equal(outcome_take(&queue), &legs[i]);
        assert_int_equal(legs[i].state, LEG_REPORTED);
        assert_null(legs[i].next);
    }
    assert_int_equal(legs[1].reported, LEG_FAILED);
    assert_int_equal(legs[1].reported_reason, REASON_THROTTLED);
    assert_null(outcome_take(&queue));
    assert_int_equal(queue.count, 0);
}

/* Acting on one outcome may report another: the queue is used while it is drained. */
static void a_leg_may_be_reported_again_while_the_queue_is_drained(void **state)
{
    struct leg leg = {.state = LEG_SENDING};
    struct outcome_queue queue = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        outcome_report(&queue, &leg, LEG_UNAVAILABLE, REASON_NONE);
        assert_ptr_equal(outcome_take(&queue), &leg);
        leg_move(&leg, LEG_NEW); /* the next destination */
        leg_move(&leg, LEG_QUEUED);
    }
    assert_null(outcome_take(&queue));
}

static void a_canary_that_is_reported_probes_no_more(void **state)
{
    struct leg leg = {.state = LEG_SENDING, .is_canary = true};
    struct outcome_queue queue = {0};

    (void)state;
    outcome_report(&queue, &leg, LEG_UNAVAILABLE, REASON_NONE);
    assert_false(leg.is_canary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_taken_in_the_order_they_were_reported),
        cmocka_unit_test(a_leg_may_be_reported_again_while_the_queue_is_drained),
        cmocka_unit_test(a_canary_that_is_reported_probes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
