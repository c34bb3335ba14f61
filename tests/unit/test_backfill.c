/* What a backfill keeps back, and how it goes slower after failures and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/backfill_backoff.h"
#include "app/backfill_kept.h"

static unsigned released;

static void release(rd_kafka_message_t *message)
{
    (void)message;
    released++;
}

/* backoff */

static void failures_wait_longer_each_round(void **state)
{
    static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct backfill_backoff backoff = {0};
    uint64_t now_ms = 5000;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        assert_true(backfill_backoff_allows(&backoff, 7, now_ms));
        backfill_backoff_failed(&backoff, now_ms);
        backfill_backoff_failed(&backoff, now_ms + 10); /* of the same round */
        assert_int_equal(backoff.until_ms, now_ms + waits[i]);
        assert_false(backfill_backoff_allows(&backoff, 0, now_ms + waits[i] - 1));
        now_ms += waits[i];
    }
    backfill_backoff_ended(&backoff, false, now_ms);
    backfill_backoff_failed(&backoff, now_ms);
    assert_int_equal(backoff.until_ms, now_ms + 1000);
}

static void end_many(struct backfill_backoff *backoff, unsigned count, bool is_rejected,
                     uint64_t now_ms)
{
    for (unsigned i = 0; i < count; i++) {
        backfill_backoff_ended(backoff, is_rejected, now_ms);
    }
}

static void refused_one_and_all_it_sends_one_at_a_time(void **state)
{
    struct backfill_backoff backoff = {0};

    (void)state;
    end_many(&backoff, 8, false, 1000);
    end_many(&backoff, 57, true, 1000);
    assert_true(backfill_backoff_allows(&backoff, 100, 1000));
    end_many(&backoff, 3, true, 1000);
    assert_false(backfill_backoff_allows(&backoff, 0, 60999));
    assert_true(backfill_backoff_allows(&backoff, 0, 61000));
    assert_false(backfill_backoff_allows(&backoff, 1, 61000));
    backfill_backoff_ended(&backoff, true, 61000);
    assert_int_equal(backoff.until_ms, 61000 + 120000);
    for (int i = 0; i < 5; i++) {
        backfill_backoff_ended(&backoff, true, backoff.until_ms);
    }
    assert_int_equal(backoff.refused_wait_ms, 600000);
    backfill_backoff_ended(&backoff, false, backoff.until_ms);
    assert_true(backfill_backoff_allows(&backoff, 100, backoff.until_ms));
    end_many(&backoff, 63, true, backoff.until_ms);
    assert_true(backfill_backoff_allows(&backoff, 100, backoff.until_ms));
}

/* kept back */

static void add(struct backfill_kept *kept, struct source_partition *partition,
                rd_kafka_message_t *message, uint64_t due_ms)
{
    backfill_kept_add(kept, &(struct backfill_event){message, partition, partition->epoch}, due_ms);
}

static void kept_events_come_again_in_order_when_they_are_due(void **state)
{
    struct source_partition partition = {.epoch = 3};
    struct backfill_kept *kept = backfill_kept_new(release);
    rd_kafka_message_t messages[3];
    struct backfill_event event;

    (void)state;
    released = 0;
    add(kept, &partition, &messages[0], 100);
    add(kept, &partition, &messages[1], 200);
    assert_false(backfill_kept_take(kept, 99, &event));
    assert_true(backfill_kept_take(kept, 100, &event));
    assert_ptr_equal(event.message, &messages[0]);
    assert_false(backfill_kept_take(kept, 199, &event));
    add(kept, &partition, &messages[2], 200);
    assert_int_equal(backfill_kept_count(kept), 2);
    assert_true(backfill_kept_take(kept, 200, &event));
    assert_ptr_equal(event.message, &messages[1]);
    partition.epoch = 4; /* it was given to another, and came back */
    assert_false(backfill_kept_take(kept, 200, &event));
    assert_int_equal(released, 1);
    add(kept, &partition, &messages[0], 300);
    backfill_kept_drop(kept);
    assert_int_equal(released, 2);
    assert_int_equal(backfill_kept_count(kept), 0);
    add(kept, &partition, &messages[0], 300);
    backfill_kept_free(kept);
    assert_int_equal(released, 3);
}

static void an_event_fails_alone_only_while_others_pass(void **state)
{
    struct backfill_kept *kept = backfill_kept_new(release);

    (void)state;
    assert_int_equal(backfill_kept_failed(kept, 0, 5, 10), 1);
    assert_int_equal(backfill_kept_failed(kept, 0, 5, 10), 1);
    assert_int_equal(backfill_kept_failed(kept, 0, 5, 11), 2);
    assert_int_equal(backfill_kept_failed(kept, 1, 5, 11), 1);
    backfill_kept_forget(kept, 0, 5);
    backfill_kept_forget(kept, 0, 6);
    assert_int_equal(backfill_kept_failed(kept, 0, 5, 12), 1);
    backfill_kept_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_wait_longer_each_round),
        cmocka_unit_test(refused_one_and_all_it_sends_one_at_a_time),
        cmocka_unit_test(kept_events_come_again_in_order_when_they_are_due),
        cmocka_unit_test(an_event_fails_alone_only_while_others_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
