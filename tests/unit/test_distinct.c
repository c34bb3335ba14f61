/* Different records are counted exactly, each once, however many passes that takes. */
#include "recovery/distinct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"

enum { RECORDS = 100000, COPIES = 3 };

static uint64_t hash_of(uint64_t record)
{
    struct rng rng = {.state = record};

    return rng_next(&rng);
}

static void each_is_counted_once_in_one_pass_or_in_many(void **state)
{
    static const size_t most[] = {0, RECORDS, 10000, 997};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(most); i++) {
        struct distinct *distinct = distinct_new(most[i]);
        unsigned passes = distinct_passes(distinct, RECORDS);
        uint64_t found = 0;
        struct err err;

        assert_int_equal(passes, most[i] == 0 ? 1 : (RECORDS + most[i] - 1) / most[i]);
        for (unsigned pass = 0; pass < passes; pass++) {
            distinct_begin(distinct, pass, passes);
            for (uint64_t record = 0; record < RECORDS * COPIES; record++) {
                found += distinct_add(distinct, hash_of(record % RECORDS)) ? 1 : 0;
            }
        }
        assert_int_equal(found, RECORDS);
        assert_int_equal(distinct_end(distinct, &err), ERR_OK);
        distinct_free(distinct);
    }
}

static void the_hash_of_nothing_is_one_too(void **state)
{
    struct distinct *distinct = distinct_new(10);

    (void)state;
    distinct_begin(distinct, 0, distinct_passes(distinct, 0));
    assert_true(distinct_add(distinct, 0));
    assert_false(distinct_add(distinct, 0));
    distinct_free(distinct);
}

static void what_is_not_spread_is_said(void **state)
{
    struct distinct *distinct = distinct_new(10);
    struct err err;

    (void)state;
    distinct_begin(distinct, 0, 1);
    for (uint64_t hash = 1; hash < 1000; hash++) {
        (void)distinct_add(distinct, hash);
    }
    assert_int_equal(distinct_end(distinct, &err), ERR_LIMIT);
    distinct_free(distinct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_counted_once_in_one_pass_or_in_many),
        cmocka_unit_test(the_hash_of_nothing_is_one_too),
        cmocka_unit_test(what_is_not_spread_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
