/* How the records of one event can be removed, and that no other record goes with them. */
#include "recovery/purge_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 8 };

#define DELETES                                                                                    \
    {                                                                                              \
        .is_compacted = false, .retention_ms = 1000                                                \
    }
#define KEEPS                                                                                      \
    {                                                                                              \
        .is_compacted = false, .retention_ms = -1                                                  \
    }
#define UNKNOWN                                                                                    \
    {                                                                                              \
        .is_compacted = false, .retention_ms = INT64_MIN                                           \
    }
#define COMPACTS                                                                                   \
    {                                                                                              \
        .is_compacted = true, .retention_ms = -1                                                   \
    }

static const struct {
    const char *name;
    struct purge_topic topic;
    struct {
        int32_t partition;
        int64_t offset;
        const char *key;
        char what; /* 'm' the event's, 'o' another's; 0: the end */
    } records[RECORDS_MAX];
    const char *want; /* a letter for each record of the event: t s d r n */
    int64_t before;   /* what is deleted of partition 0 */
} cases[] = {
    {"nothing of it", DELETES, {{0, 1, "a", 'o'}}, "", -1},
    {"all that is there", DELETES, {{0, 5, "a", 'm'}}, "d", 6},
    {"several from the beginning on", DELETES, {{0, 5, "a", 'm'}, {0, 9, NULL, 'm'}}, "dd", 10},
    {"another one behind it", DELETES, {{0, 5, "a", 'm'}, {0, 6, "b", 'o'}}, "d", 6},
    {"another one before it", DELETES, {{0, 5, "b", 'o'}, {0, 6, "a", 'm'}}, "r", -1},
    {"one between two", DELETES, {{0, 1, "a", 'm'}, {0, 2, "b", 'o'}, {0, 3, "a", 'm'}}, "dr", 2},
    {"other partitions do not count", DELETES, {{1, 1, "b", 'o'}, {0, 2, "a", 'm'}}, "d", 3},
    {"without an end", KEEPS, {{0, 5, "b", 'o'}, {0, 6, "a", 'm'}}, "n", -1},
    {"nobody knows how long", UNKNOWN, {{0, 5, "b", 'o'}, {0, 6, "a", 'm'}}, "n", -1},
    {"a key of its own", COMPACTS, {{0, 5, "b", 'o'}, {0, 6, "a", 'm'}}, "t", -1},
    {"twice the same key", COMPACTS, {{0, 5, "a", 'm'}, {0, 6, "a", 'm'}}, "tt", -1},
    {"its key is another's by now", COMPACTS, {{0, 5, "a", 'm'}, {0, 6, "a", 'o'}}, "s", -1},
    {"its key was another's", COMPACTS, {{0, 5, "a", 'o'}, {0, 6, "a", 'm'}}, "t", -1},
    {"its key, another's, its own again",
     COMPACTS,
     {{0, 5, "a", 'm'}, {0, 6, "a", 'o'}, {0, 7, "a", 'm'}},
     "tt",
     -1},
    {"the same key in another partition", COMPACTS, {{0, 5, "a", 'm'}, {1, 6, "a", 'o'}}, "t", -1},
    {"no key", COMPACTS, {{0, 5, NULL, 'm'}}, "n", -1},
    {"an empty key", COMPACTS, {{0, 5, "", 'm'}}, "t", -1},
};

static void no_other_record_goes_with_it(void **state)
{
    static const char letters[] = {[PURGE_TOMBSTONE] = 't',
                                   [PURGE_SUPERSEDED] = 's',
                                   [PURGE_DELETE] = 'd',
                                   [PURGE_RETENTION] = 'r',
                                   [PURGE_NEVER] = 'n'};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct purge_plan plan = {0};
        char got[RECORDS_MAX + 1] = "";

        for (size_t k = 0; k < RECORDS_MAX && cases[i].records[k].what != 0; k++) {
            purge_plan_see(&plan,
                           &(struct purge_record){.partition = cases[i].records[k].partition,
                                                  .offset = cases[i].records[k].offset,
                                                  .timestamp_ms = 50,
                                                  .key = span_of(cases[i].records[k].key),
                                                  .is_match = cases[i].records[k].what == 'm'});
        }
        purge_plan_decide(&plan, &cases[i].topic);
        for (size_t k = 0; k < plan.count; k++) {
            got[k] = letters[plan.matches[k].way];
            assert_true(plan.matches[k].way != PURGE_RETENTION ||
                        plan.matches[k].removed_ms == 1050);
        }
        if (strcmp(got, cases[i].want) != 0 ||
            purge_plan_delete_before(&plan, 0) != cases[i].before) {
            fail_msg("%s: %s", cases[i].name, got);
        }
        purge_plan_fini(&plan);
    }
}

static void a_key_has_one_tombstone(void **state)
{
    static const struct purge_topic topic = COMPACTS;
    struct purge_plan plan = {0};

    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        purge_plan_see(&plan,
                       &(struct purge_record){.offset = i, .key = SPAN("k\0y"), .is_match = true});
    }
    purge_plan_decide(&plan, &topic);
    assert_true(purge_match_is_first_of_key(&plan.matches[0]));
    assert_false(purge_match_is_first_of_key(&plan.matches[1]));
    assert_true(span_eq(purge_match_key(&plan.matches[2]), SPAN("k\0y")));
    purge_plan_fini(&plan);
}

static void what_found_no_room_is_not_passed_over(void **state)
{
    static const struct purge_topic topic = DELETES;
    struct purge_plan plan = {0};

    (void)state;
    for (int64_t i = 0; i < PURGE_MATCHES_MAX + 2; i++) {
        purge_plan_see(&plan, &(struct purge_record){.offset = i, .is_match = true});
    }
    purge_plan_decide(&plan, &topic);
    assert_int_equal(plan.forgotten, 2);
    assert_int_equal(purge_plan_delete_before(&plan, 0), PURGE_MATCHES_MAX);
    purge_plan_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_other_record_goes_with_it),
        cmocka_unit_test(a_key_has_one_tombstone),
        cmocka_unit_test(what_found_no_room_is_not_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
