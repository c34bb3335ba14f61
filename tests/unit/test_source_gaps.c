/* source on librdkafka's mock cluster: offsets that are gone, and reading that is paused. What is
 * decided there is in the tables of test_partition.c; here the client does it. */
#include "source_rig.h"

/* More than the mock keeps of a partition: its first records are dropped. */
static int64_t overfill(int partition)
{
    rd_kafka_t *rk = mock_client(&mock, RD_KAFKA_CONSUMER);
    int64_t low = 0;
    int64_t high;

    mock_seed(&mock, "in", partition, 1000, 70, 100000);
    rd_kafka_query_watermark_offsets(rk, "in", partition, &low, &high, 10000);
    rd_kafka_destroy(rk);
    assert_true(low > 10);
    return low;
}

static void a_gap_halts_its_partition_alone(void **state)
{
    struct rig *rig = &rigs[0];
    struct source_partition *partition;

    (void)state;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    open_rig(rig);
    turn_until_seen(rig, 5);
    turn_until_committed(rig, 0, 5);
    assert_true(close_rig(rig));
    (void)overfill(0);
    mock_seed(&mock, "in", 1, 0, 7, 0);
    open_rig(rig);
    turn_until_seen(rig, 7);
    while (partition_of(rig, 0)->state != PARTITION_HALTED) {
        turn(rig, 20);
    }
    turn_for(rig, 500);
    partition = partition_of(rig, 0);
    assert_int_equal(partition->counts.gaps, 1);
    assert_int_equal(partition->blocks, 1u << BLOCK_GAP);
    assert_int_equal(partition->committed, 5);
    assert_int_equal(rig->seen_count, 7);
    mock_seed(&mock, "in", 1, 7, 3, 0); /* the others go on */
    turn_until_seen(rig, 10);
    turn_until_committed(rig, 1, 10);
    assert_true(close_rig(rig));
}

static void a_gap_is_skipped_once(void **state)
{
    struct rig *rig = &rigs[0];
    int64_t low;

    (void)state;
    mock.config.kafka.on_gap = GAP_SKIP;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    open_rig(rig);
    rig->settles = false;
    turn_until_seen(rig, 5);
    source_block(rig->source, NULL, BLOCK_IN_FLIGHT_EVENTS, true); /* while retention passes us */
    low = overfill(0);
    source_block(rig->source, NULL, BLOCK_IN_FLIGHT_EVENTS, false);
    rig->settles = true;
    turn_until_seen(rig, 5 + (size_t)(75 - low));
    assert_int_equal(partition_of(rig, 0)->counts.gaps, 1);
    assert_int_equal(partition_of(rig, 0)->counts.gap_messages, low - 5);
    assert_int_equal(rig->seen[0][low], 1);
    settle_open(rig); /* those of before the gap count still */
    turn_until_committed(rig, 0, 75);
    assert_true(close_rig(rig));
}

static void an_offset_past_the_end_is_a_gap_too(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock.config.kafka.on_gap = GAP_SKIP;
    mock.config.kafka.past_end = PAST_END_FIRST;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    commit_as_another(0, 1000);
    open_rig(rig);
    turn_until_seen(rig, 5);
    assert_int_equal(partition_of(rig, 0)->counts.gaps, 1);
    assert_int_equal(partition_of(rig, 0)->counts.gap_messages, 0);
    turn_until_committed(rig, 0, 5);
    assert_true(close_rig(rig));
}

static void pausing_loses_and_repeats_nothing(void **state)
{
    struct rig *rig = &rigs[0];
    struct rng rng = {.state = 5};
    uint64_t until_ms;

    (void)state;
    for (int p = 0; p < 3; p++) {
        mock_seed(&mock, "in", p, 0, 3000, 0);
    }
    open_rig(rig);
    source_block(rig->source, NULL, BLOCK_DEAD_LETTER, true); /* before the first message */
    turn_until_assigned(rig, 3);
    assert_int_equal(partition_of(rig, 1)->blocks, 1u << BLOCK_DEAD_LETTER);
    turn_for(rig, 300);
    assert_int_equal(rig->seen_count, 0);
    source_block(rig->source, NULL, BLOCK_DEAD_LETTER, false);
    until_ms = clock_mono_ms() + 5000;
    while (clock_mono_ms() < until_ms) {
        struct source_partition *partition = partition_of(rig, (int32_t)rng_below(&rng, 3));
        uint64_t act = rng_below(&rng, 4);
        struct source_partition *taken = NULL;

        source_block(rig->source, act == 0 ? NULL : partition, BLOCK_ALTERNATE,
                     rng_below(&rng, 2) == 0);
        for (uint64_t i = rng_below(&rng, 60); i > 0; i--) {
            rd_kafka_message_t *message = source_poll(rig->source, &taken);

            if (message == NULL) {
                break;
            }
            assert_int_equal(taken->blocks, 0);
            take(rig, message, taken);
        }
        source_serve(rig->source);
        poll(NULL, 0, 30);
    }
    for (int32_t p = 0; p < 3; p++) {
        source_block(rig->source, partition_of(rig, p), BLOCK_ALTERNATE, false);
    }
    source_block(rig->source, NULL, BLOCK_ALTERNATE, false);
    turn_until_seen(rig, 9000);
    turn_for(rig, 300);
    assert_int_equal(rig->seen_count, 9000);
    assert_int_equal(rig->again_count, 0);
    assert_true(close_rig(rig));
}

static void a_full_window_waits_for_its_oldest(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock_seed(&mock, "in", 0, 0, 66000, 0);
    open_rig(rig);
    rig->spares = 0;
    turn_until_seen(rig, 65536);
    turn_for(rig, 300);
    assert_int_equal(rig->seen_count, 65536);
    assert_int_equal(partition_of(rig, 0)->blocks, 1u << BLOCK_WINDOW);
    settle_open(rig);
    turn_until_seen(rig, 66000);
    turn_until_committed(rig, 0, 66000);
    assert_int_equal(rig->again_count, 0);
    assert_int_equal(partition_of(rig, 0)->blocks, 0);
    assert_true(close_rig(rig));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MOCK(a_gap_halts_its_partition_alone, open_three),
        ON_MOCK(a_gap_is_skipped_once, open_one),
        ON_MOCK(an_offset_past_the_end_is_a_gap_too, open_one),
        ON_MOCK(pausing_loses_and_repeats_nothing, open_three),
        ON_MOCK(a_full_window_waits_for_its_oldest, open_one),
    };

    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
