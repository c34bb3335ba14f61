/* source on librdkafka's mock cluster: nothing lost, nothing again without need, over restarts,
 * other members and pauses. */
#include "source_rig.h"

static void a_restart_takes_up_what_was_not_settled(void **state)
{
    struct rig *rig = &rigs[0];
    struct pollfd ready;

    (void)state;
    mock_seed(&mock, "in", 0, 0, 10, 0);
    open_rig(rig);
    rig->spares = 3;
    turn_until_seen(rig, 10);
    turn_until_committed(rig, 0, 3); /* with the metadata of 4..9 */
    assert_int_equal(tracker_in_flight(partition_of(rig, 0)->tracker), 1);
    turn_for(rig, 1100);
    assert_int_equal(partition_of(rig, 0)->high, 10);
    assert_int_equal(partition_of(rig, 0)->position, 10);
    assert_true(close_rig(rig));
    assert_int_equal(rig->revokes, 1);

    mock_seed(&mock, "in", 0, 10, 1, 0);
    open_rig(rig);
    turn_until_seen(rig, 2); /* 3 again, and the new one */
    assert_int_equal(rig->seen[0][3], 1);
    assert_int_equal(rig->seen[0][10], 1);
    turn_until_committed(rig, 0, 11);
    turn_for(rig, 200);
    assert_int_equal(rig->seen_count, 2);

    ready = (struct pollfd){.fd = source_fd(rig->source), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 0), 0); /* quiet while nothing waits */
    mock_seed(&mock, "in", 0, 11, 1, 0);
    assert_int_equal(poll(&ready, 1, 5000), 1);
    assert_true(close_rig(rig));
}

/* The mock takes no commit while a group rebalances (a real broker does), so all is committed
 * before the second one joins. */
static void two_sources_share_and_hand_over(void **state)
{
    (void)state;
    for (int p = 0; p < 3; p++) {
        mock_seed(&mock, "in", p, 0, 100, 0);
    }
    open_rig(&rigs[0]);
    turn_until_seen(&rigs[0], 300);
    for (int p = 0; p < 3; p++) {
        turn_until_committed(&rigs[0], p, 100);
    }
    open_rig(&rigs[1]);
    for (uint64_t until_ms = clock_mono_ms() + PATIENCE_MS; partition_of(&rigs[1], 0) == &nobody &&
                                                            partition_of(&rigs[1], 2) == &nobody &&
                                                            clock_mono_ms() < until_ms;) {
        turn(&rigs[0], 10);
        turn(&rigs[1], 10);
    }
    assert_true(rigs[0].revokes >=
                1); /* how often the group balances anew is the broker's business */
    assert_in_range(rigs[0].revoke_wait_ms, 900, 1000); /* a quarter of the session */
    rigs[1].settles = false;
    rigs[1].settles_on_revoke = true; /* what was sent is finished while the partitions go */
    for (int p = 0; p < 3; p++) {
        mock_seed(&mock, "in", p, 100, 50, 0);
    }
    for (uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
         rigs[0].seen_count + rigs[1].seen_count < 450 && clock_mono_ms() < until_ms;) {
        turn(&rigs[0], 10);
        turn(&rigs[1], 10);
    }
    assert_true(rigs[1].seen_count >= 50);
    assert_true(close_rig(&rigs[1]));
    assert_int_equal(rigs[1].open_count, 0);
    turn_until_assigned(&rigs[0], 0); /* all of them come to the first */
    turn_until_assigned(&rigs[0], 3);
    turn_for(&rigs[0], 500);
    for (int p = 0; p < 3; p++) {
        for (int i = 0; i < 150; i++) {
            assert_int_equal(rigs[0].seen[p][i] + rigs[1].seen[p][i], 1);
        }
    }
    assert_true(close_rig(&rigs[0]));
}

static void a_late_settle_of_an_earlier_epoch_is_ignored(void **state)
{
    struct rig *rig = &rigs[0];
    struct source_partition *partition;
    uint64_t epoch;

    (void)state;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    open_rig(rig);
    rig->settles = false;
    turn_until_seen(rig, 5);
    partition = partition_of(rig, 0);
    epoch = partition->epoch;
    mock_tell(MOCK_FAIL, NULL, MOCK_HEARTBEAT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, 1);
    while (rig->revokes == 0) {
        turn(rig, 20);
    }
    assert_int_equal(rig->revoke_wait_ms, 0); /* lost: another may have it */
    settle_open(rig);                         /* answers that come too late */
    turn_until_seen(rig, 10);
    assert_int_equal(rig->again_count, 5);
    assert_ptr_equal(partition, partition_of(rig, 0));
    assert_true(partition->epoch > epoch);
    assert_int_equal(tracker_watermark(partition->tracker), 0);
    settle_open(rig);
    turn_until_committed(rig, 0, 5);
    assert_true(close_rig(rig));
}

static const struct {
    const char *name;
    int error;
    int times;
} commit_cases[] = {
    {"timed out at the broker", RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 2},
    {"coordinator loads", RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2},
    {"connection lost", RD_KAFKA_RESP_ERR__TRANSPORT, 1},
    {"not allowed for now", RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1},
    {"metadata too large", RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, 1},
};

static void failed_commits_are_tried_again(void **state)
{
    struct rig *rig = &rigs[0];
    int64_t done = 0;

    (void)state;
    open_rig(rig);
    turn_until_assigned(rig, 1);
    for (size_t i = 0; i < COUNT_OF(commit_cases); i++) {
        mock_tell(MOCK_FAIL, NULL, MOCK_OFFSET_COMMIT, commit_cases[i].error,
                  commit_cases[i].times);
        mock_seed(&mock, "in", 0, (int)done, 3, 0);
        rig->spares = done + 1; /* so that there is metadata */
        turn_until_seen(rig, (size_t)done + 3);
        turn_until_committed(rig, 0, done + 1);
        settle_open(rig);
        turn_until_committed(rig, 0, done + 3);
        done += 3;
    }
    assert_true(close_rig(rig));
}

static void a_message_that_came_while_serving_is_kept(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock_seed(&mock, "in", 0, 0, 3, 0);
    open_rig(rig);
    for (uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
         partition_of(rig, 0) == &nobody && clock_mono_ms() < until_ms;) {
        source_serve(rig->source);
        poll(NULL, 0, 10);
    }
    for (int i = 0; i < 30; i++) { /* time enough for the messages to come */
        source_serve(rig->source);
        poll(NULL, 0, 10);
    }
    assert_int_equal(rig->seen_count, 0);
    turn_until_seen(rig, 3);
    assert_int_equal(rig->again_count, 0);
    assert_int_equal(rig->seen[0][0], 1);
    assert_true(close_rig(rig));
}

static void a_process_that_slept_is_fenced(void **state)
{
    struct rig *rig = &rigs[0];
    struct source_partition *partition;

    (void)state;
    mock_property(&mock, "session.timeout.ms", "1000");
    mock_property(&mock, "heartbeat.interval.ms", "300");
    open_rig(rig);
    assert_null(source_poll(rig->source, &partition));
    assert_false(source_is_fenced(rig->source, clock_mono_ms()));
    poll(NULL, 0, 900);
    assert_true(source_is_fenced(rig->source, clock_mono_ms()));
    assert_null(source_poll(rig->source, &partition));
    assert_true(source_is_fenced(rig->source, clock_mono_ms())); /* the group has not spoken yet */
    for (int i = 0; i < 12; i++) {
        poll(NULL, 0, 100);
        assert_null(source_poll(rig->source, &partition));
    }
    assert_false(source_is_fenced(rig->source, clock_mono_ms()));
    (void)close_rig(rig);
}

static void closing_without_a_broker_ends(void **state)
{
    struct rig *rig = &rigs[0];
    uint64_t begin_ms;

    (void)state;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    open_rig(rig);
    rig->settles = false;
    turn_until_seen(rig, 5);
    mock_tell(MOCK_DOWN, NULL, 0, 0, 0);
    settle_open(rig);
    begin_ms = clock_mono_ms();
    assert_false(source_close(rig->source, begin_ms + 2000)); /* and says that work is repeated */
    rig->source = NULL;
    assert_true(clock_mono_ms() - begin_ms < 20000);
    mock_tell(MOCK_UP, NULL, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MOCK(a_restart_takes_up_what_was_not_settled, open_one),
        ON_MOCK(two_sources_share_and_hand_over, open_three),
        ON_MOCK(a_late_settle_of_an_earlier_epoch_is_ignored, open_one),
        ON_MOCK(failed_commits_are_tried_again, open_one),
        ON_MOCK(a_message_that_came_while_serving_is_kept, open_one),
        ON_MOCK(a_process_that_slept_is_fenced, open_one),
        ON_MOCK(closing_without_a_broker_ends, open_one),
    };

    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
