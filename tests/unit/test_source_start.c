/* source on librdkafka's mock cluster: where it begins, and what has to be waited for. */
#include "source_rig.h"

static void committed_offsets_that_come_late(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    mock_tell(MOCK_FAIL, NULL, MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
              1000);
    open_rig(rig);
    turn_until_assigned(rig, 1); /* the group is told, although nothing can be read yet */
    assert_int_equal(rig->seen_count, 0);
    mock_tell(MOCK_FAIL_NO_MORE, NULL, MOCK_OFFSET_FETCH, 0, 0);
    turn_until_seen(rig, 5);
    turn_until_committed(rig, 0, 5);
    assert_true(close_rig(rig));
}

static void start_from_latest_stays_where_it_was(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock.config.kafka.start_from = START_LATEST;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    open_rig(rig);
    turn_until_assigned(rig, 1);
    turn_until_committed(rig, 0, 5); /* though nothing was read */
    assert_true(close_rig(rig));
    mock_seed(&mock, "in", 0, 5, 2, 0);
    open_rig(rig);
    turn_until_seen(rig, 2);
    turn_for(rig, 200);
    assert_int_equal(rig->seen_count, 2);
    assert_true(close_rig(rig));
}

static void a_partition_added_later_is_read_from_its_first_record(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock.config.kafka.start_from = START_LATEST;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    mock_seed(&mock, "in", 1, 0, 4, 0);
    commit_as_another(0, 5);
    open_rig(rig);
    turn_until_seen(rig, 4);
    turn_until_committed(rig, 1, 4);
    assert_true(close_rig(rig));
}

static size_t assigned_to(const struct rig *rig)
{
    size_t count = 0;

    (void)source_partitions(rig->source, &count);
    return count;
}

/* Or all the history of its own would be sent, because the other was a moment quicker. */
static void who_starts_together_with_another_has_nothing_added(void **state)
{
    uint64_t until_ms;

    (void)state;
    mock.config.kafka.start_from = START_LATEST;
    for (int p = 0; p < 3; p++) {
        mock_seed(&mock, "in", p, 0, 4, 0);
    }
    open_rig(&rigs[0]);
    open_rig(&rigs[1]);
    for (until_ms = clock_mono_ms() + PATIENCE_MS;
         assigned_to(&rigs[0]) == 0 && clock_mono_ms() < until_ms;) {
        turn(&rigs[0], 10);
    }
    for (int p = 0; p < 3; p++) {
        if (partition_of(&rigs[0], p) != &nobody) {
            turn_until_committed(&rigs[0], p, 4);
        }
    }
    for (until_ms = clock_mono_ms() + PATIENCE_MS;
         assigned_to(&rigs[1]) == 0 && clock_mono_ms() < until_ms;) {
        turn(&rigs[0], 10);
        turn(&rigs[1], 10);
    }
    assert_int_equal(assigned_to(&rigs[0]) + assigned_to(&rigs[1]), 3);
    turn_for(&rigs[1], 200);
    assert_int_equal(rigs[0].seen_count + rigs[1].seen_count, 0);
    assert_true(close_rig(&rigs[1]));
    assert_true(close_rig(&rigs[0]));
}

static void a_topic_that_comes_later_is_taken_up(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    mock_tell(MOCK_TOPIC_ERROR, "in", 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
    open_rig(rig);
    turn_for(rig, 1500);
    assert_int_equal(rig->seen_count, 0);
    mock_tell(MOCK_TOPIC_ERROR, "in", 0, RD_KAFKA_RESP_ERR_NO_ERROR, 0);
    turn_until_seen(rig, 5);
    assert_false(source_failed(rig->source, NULL));
    assert_true(close_rig(rig));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MOCK(committed_offsets_that_come_late, open_one),
        ON_MOCK(start_from_latest_stays_where_it_was, open_one),
        ON_MOCK(a_partition_added_later_is_read_from_its_first_record, open_three),
        ON_MOCK(who_starts_together_with_another_has_nothing_added, open_three),
        ON_MOCK(a_topic_that_comes_later_is_taken_up, open_one),
    };

    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
