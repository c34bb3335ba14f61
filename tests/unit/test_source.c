/* source on librdkafka's mock cluster: nothing lost, nothing again without need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <poll.h>

#include "base/clock.h"
#include "base/rng.h"
#include "kafka/source.h"
#include "mock_broker.h"

enum { PARTITIONS_MAX = 4, OFFSETS_MAX = 70000, PATIENCE_MS = 40000 };

/* One consumer and what it was given. */
struct rig {
    struct source *source;
    int seen[PARTITIONS_MAX][OFFSETS_MAX];
    size_t seen_count;
    size_t again_count; /* seen more than once */
    bool settles;       /* at once */
    int64_t spares;     /* but not this offset; -1: none */
    bool settles_on_revoke;
    struct {
        struct source_partition *partition;
        uint64_t epoch;
        int64_t offset;
    } open[OFFSETS_MAX]; /* not settled */
    size_t open_count;
    int revokes;
    uint64_t revoke_wait_ms;
};

static struct mock_config mock;
static struct rig rigs[2];

static void settle_open(struct rig *rig)
{
    for (size_t i = 0; i < rig->open_count; i++) {
        source_settle(rig->source, rig->open[i].partition, rig->open[i].epoch, rig->open[i].offset);
    }
    rig->open_count = 0;
}

static void on_revoked(void *context, struct source_partition *const *partitions, size_t count)
{
    struct rig *rig = context;

    assert_true(count > 0);
    assert_non_null(partitions[0]->tracker);
    rig->revokes++;
}

/* The group wants the partitions back. */
static void let_go(struct rig *rig)
{
    uint64_t until_ms;

    if (source_is_going(rig->source, &until_ms)) {
        uint64_t now_ms = clock_mono_ms();

        rig->revoke_wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
        if (rig->settles_on_revoke) {
            settle_open(rig);
        }
        source_let_go(rig->source);
    }
}

static void open_rig(struct rig *rig)
{
    struct source_events events = {.revoked = on_revoked, .context = rig};
    struct err err = {0};

    memset(rig, 0, sizeof(*rig));
    rig->settles = true;
    rig->spares = -1;
    if (source_open(&mock.config, 0, &events, &rig->source, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static bool close_rig(struct rig *rig)
{
    bool is_committed;

    if (rig->settles_on_revoke) { /* as a worker does before it ends */
        settle_open(rig);
    }
    is_committed = source_close(rig->source, clock_mono_ms() + 10000);
    rig->source = NULL;
    return is_committed;
}

static void take(struct rig *rig, rd_kafka_message_t *message, struct source_partition *partition)
{
    assert_int_equal(message->partition, partition->partition);
    assert_true(message->offset < OFFSETS_MAX);
    rig->again_count += rig->seen[message->partition][message->offset]++ > 0 ? 1 : 0;
    rig->seen_count++;
    if (rig->settles && message->offset != rig->spares) {
        source_settle(rig->source, partition, partition->epoch, message->offset);
    } else {
        rig->open[rig->open_count].partition = partition;
        rig->open[rig->open_count].epoch = partition->epoch;
        rig->open[rig->open_count++].offset = message->offset;
    }
    rd_kafka_message_destroy(message);
}

/* All that waits, then a look at the descriptor for @wait_ms. */
static void turn(struct rig *rig, int wait_ms)
{
    struct pollfd ready = {.fd = source_fd(rig->source), .events = POLLIN};
    struct source_partition *partition = NULL;
    rd_kafka_message_t *message;

    while ((message = source_poll(rig->source, &partition)) != NULL) {
        take(rig, message, partition);
    }
    let_go(rig);
    source_commit(rig->source, clock_mono_ms(), false);
    poll(&ready, 1, source_is_handing_over(rig->source) ? 20 : wait_ms);
}

static void turn_for(struct rig *rig, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms;

    while (clock_mono_ms() < until_ms) {
        turn(rig, 20);
    }
}

static void turn_until_seen(struct rig *rig, size_t count)
{
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;

    while (rig->seen_count < count) {
        if (clock_mono_ms() > until_ms) {
            fail_msg("%zu messages, not %zu", rig->seen_count, count);
        }
        turn(rig, 20);
    }
}

static struct source_partition nobody = {.committed = -2, .position = -2};

/* &nobody while it is not assigned. */
static struct source_partition *partition_of(struct rig *rig, int32_t number)
{
    size_t count;
    struct source_partition *const *partitions = source_partitions(rig->source, &count);

    for (size_t i = 0; i < count; i++) {
        if (partitions[i]->partition == number) {
            return partitions[i];
        }
    }
    return &nobody;
}

static void turn_until_assigned(struct rig *rig, size_t want)
{
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    size_t count = 0;

    for (;;) {
        (void)source_partitions(rig->source, &count);
        if (count == want) {
            return;
        }
        if (clock_mono_ms() > until_ms) {
            fail_msg("%zu partitions, not %zu", count, want);
        }
        turn(rig, 20);
    }
}

static void turn_until_committed(struct rig *rig, int32_t number, int64_t offset)
{
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;

    while (partition_of(rig, number)->committed != offset) {
        if (clock_mono_ms() > until_ms) {
            fail_msg("partition %d: %lld committed, not %lld", number,
                     (long long)partition_of(rig, number)->committed, (long long)offset);
        }
        turn(rig, 20);
    }
}

static int open_one(void **state)
{
    (void)state;
    mock_open(&mock, "in", 1);
    return 0;
}

static int open_three(void **state)
{
    (void)state;
    mock_open(&mock, "in", 3);
    return 0;
}

static int close_mock(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rigs); i++) { /* after a failed test */
        if (rigs[i].source != NULL) {
            (void)close_rig(&rigs[i]);
        }
    }
    mock_close();
    return 0;
}

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

/* As another member of the group does it. */
static void commit_as_another(int partition, int64_t offset)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    rd_kafka_conf_set(conf, "bootstrap.servers", mock.brokers, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "group", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    assert_non_null(rk);
    rd_kafka_topic_partition_list_add(list, "in", partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(rk, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
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

/* As after the topic was deleted and made anew: the group's offset is past the end. */
static void commit_past_the_end(int64_t offset)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "bootstrap.servers", mock.brokers, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "group", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    rd_kafka_topic_partition_list_add(list, "in", 0)->offset = offset;
    assert_int_equal(rd_kafka_commit(rk, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

static void an_offset_past_the_end_is_a_gap_too(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock.config.kafka.on_gap = GAP_SKIP;
    mock.config.kafka.past_end = PAST_END_FIRST;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    commit_past_the_end(1000);
    open_rig(rig);
    turn_until_seen(rig, 5);
    assert_int_equal(partition_of(rig, 0)->counts.gaps, 1);
    assert_int_equal(partition_of(rig, 0)->counts.gap_messages, 0);
    turn_until_committed(rig, 0, 5);
    assert_true(close_rig(rig));
}

static void past_the_end_it_goes_on_from_the_end(void **state)
{
    struct rig *rig = &rigs[0];

    (void)state;
    mock.config.kafka.on_gap = GAP_SKIP;
    mock_seed(&mock, "in", 0, 0, 5, 0);
    commit_past_the_end(1000);
    open_rig(rig);
    turn_until_committed(rig, 0, 5); /* though nothing was read */
    mock_seed(&mock, "in", 0, 5, 2, 0);
    turn_until_seen(rig, 2);
    turn_for(rig, 200);
    assert_int_equal(rig->seen_count, 2);
    assert_int_equal(partition_of(rig, 0)->counts.gaps, 1);
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
    until_ms = clock_mono_ms() + 8000;
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
#define ON_MOCK(test, setup) cmocka_unit_test_setup_teardown(test, setup, close_mock)
        ON_MOCK(a_restart_takes_up_what_was_not_settled, open_one),
        ON_MOCK(two_sources_share_and_hand_over, open_three),
        ON_MOCK(a_late_settle_of_an_earlier_epoch_is_ignored, open_one),
        ON_MOCK(failed_commits_are_tried_again, open_one),
        ON_MOCK(committed_offsets_that_come_late, open_one),
        ON_MOCK(start_from_latest_stays_where_it_was, open_one),
        ON_MOCK(a_partition_added_later_is_read_from_its_first_record, open_three),
        ON_MOCK(who_starts_together_with_another_has_nothing_added, open_three),
        ON_MOCK(a_gap_halts_its_partition_alone, open_three),
        ON_MOCK(a_gap_is_skipped_once, open_one),
        ON_MOCK(an_offset_past_the_end_is_a_gap_too, open_one),
        ON_MOCK(past_the_end_it_goes_on_from_the_end, open_one),
        ON_MOCK(pausing_loses_and_repeats_nothing, open_three),
        ON_MOCK(a_full_window_waits_for_its_oldest, open_one),
        ON_MOCK(a_topic_that_comes_later_is_taken_up, open_one),
        ON_MOCK(a_message_that_came_while_serving_is_kept, open_one),
        ON_MOCK(a_process_that_slept_is_fenced, open_one),
        ON_MOCK(closing_without_a_broker_ends, open_one),
    };
    int failed;

    mock_start();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    mock_stop();
    return failed;
}
