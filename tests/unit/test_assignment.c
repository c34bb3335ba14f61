/* The partitions a consumer holds, without Kafka: one commit out at a time, blocks of the whole
 * worker, the fence of a process that stood still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "offsets/assignment.h"

enum { BEGIN_MS = 1000000, SESSION_MS = 10000, COUNT = 2 };

static struct assignment assignment;
static struct source_partition *held[COUNT];

static int open_two(void **state)
{
    (void)state;
    assignment_init(&assignment, 0, 100, SESSION_MS, BEGIN_MS);
    for (int32_t i = 0; i < COUNT; i++) {
        held[i] = assignment_add(&assignment, "in", i);
        partition_place(held[i], 0, SPAN_NONE, BEGIN_MS);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    assignment_fini(&assignment);
    return 0;
}

static void settle(size_t which, int64_t offset)
{
    struct source_partition *partition = held[which];

    assert_true(partition_take(partition, (struct mark){offset, 1}, BEGIN_MS));
    partition_settle(partition, partition->epoch, offset, NULL);
}

/* All that is due is sent; the number of partitions in it. */
static size_t send(uint64_t now_ms, uintptr_t *sequence)
{
    size_t count = 0;

    *sequence = assignment_commit_begin(&assignment, now_ms);
    for (size_t i = 0; i < COUNT; i++) {
        if (partition_is_commit_due(held[i], false)) {
            struct buf metadata;

            buf_init(&metadata, METADATA_BYTES_MAX);
            (void)partition_commit(held[i], assignment.commits.bytes_max, &metadata);
            buf_fini(&metadata);
            count++;
        }
    }
    return count;
}

static void one_commit_is_out_at_a_time(void **state)
{
    uintptr_t sequence;

    (void)state;
    assert_false(assignment_commit_due(&assignment, BEGIN_MS, true)); /* nothing to say */
    settle(0, 0);
    assert_true(assignment_commit_due(&assignment, BEGIN_MS, false));
    assert_int_equal(send(BEGIN_MS, &sequence), 1);
    settle(1, 0);
    assert_false(assignment_commit_due(&assignment, BEGIN_MS + 5000, true));
    assert_true(assignment_has_uncommitted(&assignment));
    assert_true(assignment_commit_answered(&assignment, sequence));
    assert_false(assignment_commit_answered(&assignment, sequence)); /* twice */
    assert_false(assignment_commit_take(&assignment, held[0], 1, COMMIT_DONE));
    assert_false(assignment_commit_take(&assignment, held[1], 1, COMMIT_DONE)); /* was not in it */
    assert_false(assignment_commit_end(&assignment));
    assert_int_equal(held[0]->committed, 1);
    assert_int_equal(held[1]->committed, 0);
    assert_true(assignment_commit_due(&assignment, BEGIN_MS + 1, false)); /* was wanted meanwhile */
}

static void commits_go_once_a_second(void **state)
{
    uintptr_t sequence;

    (void)state;
    settle(0, 0);
    (void)send(BEGIN_MS, &sequence);
    assert_true(assignment_commit_answered(&assignment, sequence));
    (void)assignment_commit_take(&assignment, held[0], 1, COMMIT_DONE);
    settle(0, 1);
    assert_false(assignment_commit_due(&assignment, BEGIN_MS + 999, false));
    assert_true(assignment_commit_due(&assignment, BEGIN_MS + 1000, false));
}

static const struct {
    const char *name;
    enum commit_result result;
    bool is_told;
    bool is_due_at_once; /* again */
    bool is_due_finally; /* while the partitions go, after 50 ms */
    size_t bytes_max;
} answers[] = {
    {"taken", COMMIT_DONE, false, false, false, METADATA_BYTES_MAX},
    {"metadata too large", COMMIT_TOO_LARGE, false, true, true, METADATA_BYTES_MAX / 2},
    {"refused by the group", COMMIT_REFUSED, true, false, false, METADATA_BYTES_MAX},
    {"failed", COMMIT_FAILED, true, false, true, METADATA_BYTES_MAX},
};

static void each_answer_has_its_consequence(void **state)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        uint64_t now_ms = BEGIN_MS + 10;
        uintptr_t sequence;

        settle(0, 0);
        (void)send(BEGIN_MS, &sequence);
        assert_true(assignment_commit_answered(&assignment, sequence));
        if (assignment_commit_take(&assignment, held[0], 1, answers[i].result) !=
                answers[i].is_told ||
            assignment_commit_due(&assignment, now_ms, false) != answers[i].is_due_at_once ||
            assignment_commit_due_finally(&assignment, now_ms + COMMIT_AGAIN_MS) !=
                answers[i].is_due_finally ||
            assignment.commits.bytes_max != answers[i].bytes_max) {
            fail_msg("%s", answers[i].name);
        }
        (void)close_all(state);
        (void)open_two(state);
    }
}

static void what_an_answer_does_not_name_is_committed_again(void **state)
{
    uintptr_t sequence;

    (void)state;
    settle(0, 0);
    settle(1, 0);
    assert_int_equal(send(BEGIN_MS, &sequence), 2);
    assert_true(assignment_commit_answered(&assignment, sequence));
    (void)assignment_commit_take(&assignment, held[0], 1, COMMIT_DONE);
    assert_true(assignment_commit_end(&assignment));
    assert_false(partition_is_commit_due(held[0], false));
    assert_true(partition_is_commit_due(held[1], false));
}

static void an_answer_of_an_assignment_that_is_over_counts_for_nothing(void **state)
{
    uintptr_t sequence;

    (void)state;
    settle(0, 0);
    (void)send(BEGIN_MS, &sequence);
    assignment_go(&assignment);
    assert_true(held[0]->is_going);
    assignment_clear(&assignment);
    assert_false(assignment_commit_answered(&assignment, sequence));
    assert_null(assignment_find(&assignment, "in", 0));
    assert_ptr_equal(assignment_add(&assignment, "in", 0), held[0]); /* events may point to it */
    assert_int_equal(held[0]->committed, -1);
    assert_false(held[0]->is_going);
}

static void a_block_of_the_worker_is_for_those_assigned_later_too(void **state)
{
    uint32_t bits = 1u << BLOCK_IN_FLIGHT_EVENTS;

    (void)state;
    assignment_block(&assignment, NULL, BLOCK_IN_FLIGHT_EVENTS, true, BEGIN_MS);
    assignment_block(&assignment, held[0], BLOCK_ALTERNATE, true, BEGIN_MS);
    assert_int_equal(held[0]->blocks, bits | 1u << BLOCK_ALTERNATE);
    assert_int_equal(held[1]->actions, PARTITION_PAUSE);
    assert_int_equal(assignment_add(&assignment, "in", 7)->blocks, bits);
    assignment_block(&assignment, NULL, BLOCK_IN_FLIGHT_EVENTS, false, BEGIN_MS);
    assert_int_equal(held[0]->blocks, 1u << BLOCK_ALTERNATE);
    assert_int_equal(held[1]->blocks, 0);
}

static void while_they_go_nothing_is_paused_or_resumed(void **state)
{
    (void)state;
    assignment_go(&assignment);
    assignment_block(&assignment, NULL, BLOCK_IN_FLIGHT_EVENTS, true, BEGIN_MS);
    assignment_tick(&assignment, BEGIN_MS + 5000);
    assert_int_equal(held[0]->actions, 0);
}

static void a_process_that_stood_still_is_fenced_for_a_second(void **state)
{
    uint64_t woke_ms = BEGIN_MS + SESSION_MS * 8 / 10;

    (void)state;
    assert_false(assignment_is_fenced(&assignment, woke_ms - 1));
    assert_true(assignment_is_fenced(&assignment, woke_ms)); /* before anybody noticed */
    assignment_awake(&assignment, woke_ms);
    assert_true(assignment_is_fenced(&assignment, woke_ms + 999));
    assert_false(assignment_is_fenced(&assignment, woke_ms + 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_TWO(test) cmocka_unit_test_setup_teardown(test, open_two, close_all)
        WITH_TWO(one_commit_is_out_at_a_time),
        WITH_TWO(commits_go_once_a_second),
        WITH_TWO(each_answer_has_its_consequence),
        WITH_TWO(what_an_answer_does_not_name_is_committed_again),
        WITH_TWO(an_answer_of_an_assignment_that_is_over_counts_for_nothing),
        WITH_TWO(a_block_of_the_worker_is_for_those_assigned_later_too),
        WITH_TWO(while_they_go_nothing_is_paused_or_resumed),
        WITH_TWO(a_process_that_stood_still_is_fenced_for_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
