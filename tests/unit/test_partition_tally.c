/* One partition of the source with a tally: nothing is committed that the ledger was not told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "offsets/partition.h"

enum { WINDOW = 16, NOW_MS = 1000000, FATE = 1 };

static const struct config_kafka skip = {.on_gap = GAP_SKIP};

static void take(struct source_partition *partition, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        assert_true(partition_take(partition, (struct mark){offset, (uint32_t)offset + 7}, NOW_MS));
    }
}

static void settle(struct source_partition *partition, int64_t offset)
{
    partition_settle(partition, partition->epoch, offset, &(struct settled){FATE, 0});
}

static int64_t commit(struct source_partition *partition, bool is_taken, struct buf *metadata)
{
    int64_t offset;

    buf_clear(metadata);
    offset = partition_commit(partition, METADATA_BYTES_MAX, metadata);
    if (is_taken) {
        partition_commit_done(partition, offset);
    } else {
        partition_commit_failed(partition, false);
    }
    return offset;
}

static struct source_partition *begin(struct buf *metadata)
{
    struct source_partition *partition = partition_new("in", 0, WINDOW, true);

    buf_init(metadata, METADATA_BYTES_MAX);
    partition_assign(partition, 0);
    partition_place_fresh(partition, 0, 0, 100, NOW_MS);
    return partition;
}

/* Retention took 3..9 while 1 was in flight. Whoever is next finds 1 gone as well, and has to name
 * all of it: the commit before must not say that the end of the gap was settled. */
static void a_gap_that_is_not_told_is_met_again(void **state)
{
    struct buf metadata;
    struct source_partition *partition = begin(&metadata);
    const struct tally *tally;

    (void)state;
    take(partition, 0, 3);
    settle(partition, 0);
    settle(partition, 2);
    partition_out_of_range(partition, NOW_MS);
    partition_bounds(partition, &skip, 10, 100, NOW_MS);
    assert_int_equal(partition->position, 10);
    assert_int_equal(commit(partition, true, &metadata), 1);

    partition_release(partition);
    partition_assign(partition, 0);
    partition_place(partition, 1, buf_span(&metadata), NOW_MS);
    tally = tracker_tally(partition->tracker);
    assert_int_equal(tally->start.run_count, 1);
    assert_int_equal(tally->start.runs[0].from, 2);
    assert_int_equal(tally->start.runs[0].to, 3);
    partition_out_of_range(partition, NOW_MS);
    partition_bounds(partition, &skip, 10, 100, NOW_MS);
    assert_int_equal(commit(partition, true, &metadata), 10);
    partition_free(partition);
    buf_fini(&metadata);
}

/* The topic was made anew, and the group's offset went with it. What was settled of the new one and
 * never reached the ledger is read again. */
static void what_the_ledger_was_not_told_is_not_known_from_before(void **state)
{
    struct buf metadata;
    struct source_partition *partition = begin(&metadata);

    (void)state;
    take(partition, 0, 8);
    for (int64_t offset = 0; offset < 4; offset++) {
        settle(partition, offset);
    }
    assert_int_equal(commit(partition, true, &metadata), 4);
    for (int64_t offset = 4; offset < 8; offset++) {
        settle(partition, offset);
    }
    assert_int_equal(commit(partition, false, &metadata), 8);

    partition_release(partition);
    partition_assign(partition, 0);
    assert_true(partition_place_known(partition, NOW_MS));
    assert_int_equal(partition->position, 4);
    partition_free(partition);
    buf_fini(&metadata);
}

/* The session that found another log told the ledger nothing: the next one has to. */
static void that_it_is_another_log_is_told_until_it_is_committed(void **state)
{
    struct buf metadata;
    struct source_partition *partition = begin(&metadata);
    const struct tally *tally;

    (void)state;
    take(partition, 0, 2);
    settle(partition, 0);
    settle(partition, 1);
    (void)commit(partition, true, &metadata);
    partition_suspect(partition, NOW_MS);
    partition_out_of_range(partition, NOW_MS);
    partition_bounds(partition, &skip, 0, 0, NOW_MS);
    assert_true(tracker_tally(partition->tracker)->start.is_new_log);
    (void)partition_fetch(partition, &(int64_t){0});
    take(partition, 0, 2);
    settle(partition, 0);
    (void)commit(partition, false, &metadata);

    partition_release(partition);
    partition_assign(partition, 0);
    assert_true(partition_place_known(partition, NOW_MS));
    tally = tracker_tally(partition->tracker);
    assert_true(tally->start.is_new_log);
    assert_int_equal(tally->start.offset, 0);
    assert_int_equal(partition->position, 0);
    partition_free(partition);
    buf_fini(&metadata);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_that_is_not_told_is_met_again),
        cmocka_unit_test(what_the_ledger_was_not_told_is_not_known_from_before),
        cmocka_unit_test(that_it_is_another_log_is_told_until_it_is_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
