/**
 * source_rig - a consumer of the real source on librdkafka's mock cluster, and what it was given.
 *
 * Shared by the tests of the source; each of their programs has a cluster of its own, for they wait
 * most of their time and run beside each other.
 */
#ifndef TESTS_SOURCE_RIG_H
#define TESTS_SOURCE_RIG_H

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

static inline void settle_open(struct rig *rig)
{
    for (size_t i = 0; i < rig->open_count; i++) {
        source_settle(rig->source, rig->open[i].partition, rig->open[i].epoch, rig->open[i].offset,
                      NULL);
    }
    rig->open_count = 0;
}

static inline void on_revoked(void *context, struct source_partition *const *partitions,
                              size_t count)
{
    struct rig *rig = context;

    assert_true(count > 0);
    assert_non_null(partitions[0]->tracker);
    rig->revokes++;
}

/* The group wants the partitions back. */
static inline void let_go(struct rig *rig)
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

static inline void open_rig(struct rig *rig)
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

static inline bool close_rig(struct rig *rig)
{
    bool is_committed;

    if (rig->settles_on_revoke) { /* as a worker does before it ends */
        settle_open(rig);
    }
    is_committed = source_close(rig->source, clock_mono_ms() + 10000);
    rig->source = NULL;
    return is_committed;
}

static inline void take(struct rig *rig, rd_kafka_message_t *message,
                        struct source_partition *partition)
{
    assert_int_equal(message->partition, partition->partition);
    assert_true(message->offset < OFFSETS_MAX);
    rig->again_count += rig->seen[message->partition][message->offset]++ > 0 ? 1 : 0;
    rig->seen_count++;
    if (rig->settles && message->offset != rig->spares) {
        source_settle(rig->source, partition, partition->epoch, message->offset, NULL);
    } else {
        rig->open[rig->open_count].partition = partition;
        rig->open[rig->open_count].epoch = partition->epoch;
        rig->open[rig->open_count++].offset = message->offset;
    }
    rd_kafka_message_destroy(message);
}

/* All that waits, then a look at the descriptor for @wait_ms. */
static inline void turn(struct rig *rig, int wait_ms)
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

static inline void turn_for(struct rig *rig, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms;

    while (clock_mono_ms() < until_ms) {
        turn(rig, 20);
    }
}

static inline void turn_until_seen(struct rig *rig, size_t count)
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
static inline struct source_partition *partition_of(struct rig *rig, int32_t number)
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

static inline void turn_until_assigned(struct rig *rig, size_t want)
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

static inline void turn_until_committed(struct rig *rig, int32_t number, int64_t offset)
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

static inline int open_one(void **state)
{
    (void)state;
    mock_open(&mock, "in", 1);
    return 0;
}

static inline int open_three(void **state)
{
    (void)state;
    mock_open(&mock, "in", 3);
    return 0;
}

static inline int close_mock(void **state)
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

/* As another member of the group does it. */
static inline void commit_as_another(int partition, int64_t offset)
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

#define ON_MOCK(test, setup) cmocka_unit_test_setup_teardown(test, setup, close_mock)

/* Of each program: before anything of librdkafka runs in it. */
static inline int start_mock(void **state)
{
    (void)state;
    mock_start();
    return 0;
}

static inline int stop_mock(void **state)
{
    (void)state;
    mock_stop();
    return 0;
}

#endif /* TESTS_SOURCE_RIG_H */
