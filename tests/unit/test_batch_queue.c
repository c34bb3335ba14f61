/* Batches and their queue: which names an answer gives are believed, how a refused batch is
 * bisected, and that every leg of a batch comes to one end. */
#include "deliver_fixture.h"

#include "deliver/batch.h"

static const struct {
    const char *name;
    const char *named;    /* items one digit each, in the order answers name them */
    const char *believed; /* y or n for each */
} name_rows[] = {
    {"one culprit", "4", "y"},
    {"several, wherever they stand", "0123456", "yyyyyyy"},
    {"several, from the end", "98765", "yyyyy"},
    {"three neighbours: the next takes the place of the last", "555", "yyy"},
    {"neighbours here and there", "000222000", "yyyyyyyyy"},
    {"an echo that names one place for ever", "000000", "yyynnn"},
    {"once doubted, always doubted", "777712", "yyynnn"},
    {"another name between ends the row", "0010000", "yyyyyyn"},
};

static void the_same_place_is_believed_a_few_times_in_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(name_rows); i++) {
        struct batch batch = {0};

        for (size_t n = 0; name_rows[i].named[n] != '\0'; n++) {
            bool got = batch_believes(&batch, (size_t)(name_rows[i].named[n] - '0'));

            if (got != (name_rows[i].believed[n] == 'y')) {
                fail_msg("%s: name number %zu", name_rows[i].name, n + 1);
            }
        }
    }
}

/* Batches are used again: what the last one heard is forgotten. */
static void a_new_batch_believes_again(void **state)
{
    struct batch_queue list = {0};
    struct hold hold = {0};
    struct queue queue = {.hold = &hold};
    struct batch *batch = batch_new(&list, NULL, &queue);

    (void)state;
    while (batch_believes(batch, 0)) {
    }
    batch_free(&list, batch);
    batch = batch_new(&list, NULL, &queue);
    for (size_t i = 0; i < 3; i++) {
        assert_true(batch_believes(batch, 0));
    }
    assert_false(batch_believes(batch, 0));
    batch_free(&list, batch);
    batch_queue_fini(&list);
}

static void a_batch_is_emptied_leg_by_leg_in_order(void **state)
{
    struct outcome_queue outcomes = {0};
    struct batch_queue list = {0};
    struct hold hold = {0};
    struct queue queue = {.hold = &hold};
    struct leg legs[3] = {{.state = LEG_SENDING}, {.state = LEG_SENDING}, {.state = LEG_SENDING}};
    struct batch *batch = batch_new(&list, NULL, &queue);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(legs); i++) {
        batch_add(batch, &legs[i]);
    }
    batch_report(batch, &outcomes, LEG_FAILED, REASON_RETRIES_EXHAUSTED);
    assert_int_equal(batch->count, 0);
    for (size_t i = 0; i < COUNT_OF(legs); i++) {
        assert_ptr_equal(outcome_take(&outcomes), &legs[i]);
        assert_null(legs[i].batch);
    }
    batch_free(&list, batch);
    assert_int_equal(queue.batches, 0);
    batch_queue_fini(&list);
}

/* on a fake I/O interface */

/* TikTok answers 40002 without a name to every request that carries @culprit, else OK. */
static void answer_all_but(struct bench *bench, int64_t culprit)
{
    for (int round = 0; round < 12; round++) {
        bench_pass(bench, 20);
        for (size_t i = 0; i < bench->post_count; i++) {
            if (bench->posts[i].is_open) {
                bench_answer(bench, i, 200,
                             bench_carries(bench, i, culprit) ? BENCH_BAD_PARAMETER : BENCH_OK);
            }
        }
        (void)bench_report_all(bench, PRODUCE_ACKNOWLEDGED);
    }
    bench_pass(bench, 20);
}

static void a_batch_with_40002_is_bisected_and_the_culprit_alone_dead_lettered(void **state)
{
    for (int64_t culprit = 0; culprit < 4; culprit++) {
        struct bench *bench = bench_open();

        for (int i = 0; i < 4; i++) {
            (void)bench_event(bench, "Purchase");
        }
        answer_all_but(bench, culprit);
        assert_int_equal(bench_events_of(bench, 0), 4);
        assert_int_equal(bench_events_of(bench, 1), 2); /* halves, at once */
        assert_int_equal(bench_events_of(bench, 2), 2);
        assert_int_equal(bench_written(bench, "dead"), 1);
        assert_int_equal(bench->settled_count, 4);
        assert_int_equal(bench->post_count, 1 + 2 + 2);
        bench_close(bench);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_emptied_leg_by_leg_in_order),
        cmocka_unit_test(a_batch_with_40002_is_bisected_and_the_culprit_alone_dead_lettered),
        cmocka_unit_test(the_same_place_is_believed_a_few_times_in_a_row),
        cmocka_unit_test(a_new_batch_believes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
