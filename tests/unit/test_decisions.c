/* What was decided about records of a topic: which jobs count, overlapping runs, a topic made anew,
 * hostile records, bounds. */
#include "recovery/decisions.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

enum { HOUR_MS = 3600 * 1000, RECORD_BYTES = 4096 };

static const int64_t NOON_MS = 1796040000000; /* 2026-11-30T12:00:00Z */

struct told {
    const char *job, *name, *state;
    int hour; /* after noon */
    const char *records;
};

static void tell_of(struct decisions *decisions, const struct told *told, const char *group,
                    const char *topic)
{
    char at[CLOCK_ISO_BYTES];
    char text[RECORD_BYTES];
    char key[128];

    (void)snprintf(key, sizeof(key), "job/%s/%s", group, told->name);
    (void)snprintf(text, sizeof(text),
                   "{\"v\":1,\"kind\":\"job\",\"at\":\"%s\",\"instance\":\"h\",\"group\":\"%s\","
                   "\"job\":\"%s\",\"name\":\"%s\",\"state\":\"%s\",\"by\":\"ada@h\",\"topic\":"
                   "\"%s\",\"because\":\"it is %s\",\"counts\":{},\"records\":%s}",
                   clock_iso(NOON_MS + (int64_t)told->hour * HOUR_MS, at), group, told->job,
                   told->name, told->state, topic, told->name, told->records);
    decisions_take(decisions, span_of(key), span_of(text));
}

/* The name of the job that decided about 0:0, 0:1, ...; '-' nobody. */
static void ask(const struct decisions *decisions, int32_t partition, int64_t written_ms, char *out)
{
    for (int64_t offset = 0; offset < 12; offset++) {
        const struct decision_place place = {partition, offset, written_ms};
        const struct decision *decision = decisions_find(decisions, &place);

        out[offset] = decision == NULL ? '-' : decision->job.ptr[0];
        out[offset + 1] = '\0';
    }
}

static const struct {
    const char *name;
    struct told told[4]; /* until job NULL */
    const char *want;    /* of partition 0 */
    uint64_t skipped, exported;
} cases[] = {
    {"nobody", {{0}}, "------------", 0, 0},
    {"a skip that ended", {{"skip", "a", "ended", 0, "{\"0\":[[2,4]]}"}}, "--aa--------", 2, 0},
    {"begun and ended with the same runs",
     {{"skip", "a", "started", 0, "{\"0\":[[2,4]]}"}, {"skip", "a", "ended", 0, "{\"0\":[[2,4]]}"}},
     "--aa--------",
     2,
     0},
    {"the runs stand in the records before the end alone",
     {{"export", "e", "started", 0, "{}"},
      {"export", "e", "started", 0, "{\"0\":[[0,2]]}"},
      {"export", "e", "changed", 0, "{\"0\":[[5,6]]}"},
      {"export", "e", "ended", 0, "{}"}},
     "ee---e------",
     0,
     3},
    {"an export that began and died counts nothing",
     {{"export", "e", "started", 0, "{\"0\":[[2,4]]}"}},
     "------------",
     0,
     0},
    {"one that was stopped neither",
     {{"export", "e", "started", 0, "{\"0\":[[2,4]]}"}, {"export", "e", "stopped", 0, "{}"}},
     "------------",
     0,
     0},
    {"cancelled after it ended: taken back",
     {{"skip", "a", "ended", 0, "{\"0\":[[2,4]]}"}, {"skip", "a", "cancelled", 1, "{}"}},
     "------------",
     0,
     0},
    {"begun once more and killed: what ended before stands",
     {{"export", "e", "ended", 0, "{\"0\":[[2,4]]}"},
      {"export", "e", "started", 1, "{\"0\":[[0,9]]}"}},
     "--ee--------",
     0,
     2},
    {"where they overlap the latest decided",
     {{"skip", "a", "ended", 0, "{\"0\":[[0,10]]}"},
      {"export", "b", "ended", 2, "{\"0\":[[2,5]]}"},
      {"skip", "c", "ended", 1, "{\"0\":[[4,7]]}"}},
     "aabbbccaaa--",
     7,
     3},
    {"one inside another, and beside it",
     {{"skip", "a", "ended", 1, "{\"0\":[[0,3],[3,6],[8,9]]}"},
      {"skip", "b", "ended", 0, "{\"0\":[[1,2],[5,8]]}"}},
     "aaaaaabba---",
     9,
     0},
    {"other jobs decide nothing",
     {{"replay", "r", "ended", 0, "{\"0\":[[2,4]]}"}, {"skip", "a", "ended", 0, "{\"1\":[[2,4]]}"}},
     "------------",
     2,
     0},
    {"runs that are none",
     {{"skip", "a", "ended", 0,
       "{\"0\":[[4,2],[3,3],[-1,2],[\"1\",2],[1],7,[9,10]],\"-1\":[[0,9]],\"x\":[[0,9]],"
       "\"99999999999\":[[0,9]],\"1\":4}"},
      {"skip", "b", "ended", 0, "[1]"}},
     "---------a--",
     1,
     0},
};

static void the_ledger_says_what_was_decided(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
        char got[16] = "";
        struct err err;

        for (size_t k = 0; k < COUNT_OF(cases[i].told) && cases[i].told[k].job != NULL; k++) {
            tell_of(decisions, &cases[i].told[k], "detour", "dead");
        }
        assert_int_equal(decisions_seal(decisions, &err), ERR_OK);
        ask(decisions, 0, -1, got);
        if (strcmp(got, cases[i].want) != 0 ||
            decisions_count(decisions, DECISION_SKIPPED, INT64_MIN, INT64_MAX) !=
                cases[i].skipped ||
            decisions_count(decisions, DECISION_EXPORTED, INT64_MIN, INT64_MAX) !=
                cases[i].exported) {
            fail_msg("%s: got %s", cases[i].name, got);
        }
        decisions_free(decisions);
    }
}

static void who_when_and_why_are_told(void **state)
{
    const struct told told = {"skip", "a", "ended", 3, "{\"7\":[[5,6]]}"};
    const struct decision_place place = {7, 5, -1};
    struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
    const struct decision *decision;
    struct err err;

    (void)state;
    tell_of(decisions, &told, "detour", "dead");
    tell_of(decisions, &told, "another", "dead");
    tell_of(decisions, &told, "detour", "utm");
    assert_int_equal(decisions_seal(decisions, &err), ERR_OK);
    decision = decisions_find(decisions, &place);
    assert_non_null(decision);
    assert_true(span_is(decision->by, "ada@h") && span_is(decision->job, "a"));
    assert_true(span_is(decision->because, "it is a"));
    assert_int_equal(decision->at_ms, NOON_MS + 3 * (int64_t)HOUR_MS);
    assert_string_equal(decision_word(decision->type), "skipped");
    assert_int_equal(decisions_count(decisions, DECISION_SKIPPED, NOON_MS, decision->at_ms), 0);
    assert_int_equal(decisions_count(decisions, DECISION_SKIPPED, NOON_MS, INT64_MAX), 1);
    decisions_free(decisions);
}

/* A topic made anew begins at 0 again: its records were written later than the decision. */
static void what_was_written_later_was_not_decided_on(void **state)
{
    const struct told told = {"skip", "a", "ended", 0, "{\"0\":[[0,12]]}"};
    const struct told again = {"skip", "b", "ended", 2, "{\"0\":[[3,4]]}"};
    struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
    char got[16] = "";
    struct err err;

    (void)state;
    tell_of(decisions, &told, "detour", "dead");
    tell_of(decisions, &again, "detour", "dead");
    assert_int_equal(decisions_seal(decisions, &err), ERR_OK);
    ask(decisions, 0, NOON_MS - 1, got);
    assert_string_equal(got, "aaabaaaaaaaa");
    ask(decisions, 0, NOON_MS + HOUR_MS, got);
    assert_string_equal(got, "---b--------");
    ask(decisions, 0, NOON_MS + 3 * (int64_t)HOUR_MS, got);
    assert_string_equal(got, "------------");
    decisions_free(decisions);
}

static void what_is_no_job_record_is_passed_over(void **state)
{
    static const char *const values[] = {"",         "x", "{}", "[]", "{\"v\":1,\"kind\":\"job\"}",
                                         "{\"v\":9}"};
    struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
    char got[16] = "";
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        decisions_take(decisions, SPAN("job/detour/a"), span_of(values[i]));
        decisions_take(decisions, SPAN("tally/detour"), span_of(values[i]));
    }
    decisions_take(decisions, SPAN_NONE, SPAN_NONE);
    decisions_take(decisions, SPAN("job/detour/a"), SPAN_NONE);
    assert_int_equal(decisions_seal(decisions, &err), ERR_OK);
    ask(decisions, 0, -1, got);
    assert_string_equal(got, "------------");
    decisions_free(decisions);
}

/* Against an array of offsets, painted in the order of the decisions. */
static void random_runs_are_as_painted(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng rng = {.state = seed};
        struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
        char painted[13] = "------------";
        char got[16] = "";
        struct err err;

        for (int hour = 0; hour < 9; hour++) {
            int from = (int)rng_below(&rng, 12);
            int to = from + 1 + (int)rng_below(&rng, (uint32_t)(12 - from));
            char records[64];
            char name[2] = {(char)('a' + hour), '\0'};
            struct told told = {"skip", name, "ended", hour, records};

            (void)snprintf(records, sizeof(records), "{\"0\":[[%d,%d]]}", from, to);
            tell_of(decisions, &told, "detour", "dead");
            memset(painted + from, name[0], (size_t)(to - from));
        }
        assert_int_equal(decisions_seal(decisions, &err), ERR_OK);
        ask(decisions, 0, -1, got);
        if (strcmp(got, painted) != 0) {
            fail_msg("seed %" PRIu64 ": %s, painted %s", seed, got, painted);
        }
        decisions_free(decisions);
    }
}

static void more_than_is_kept_is_an_error(void **state)
{
    struct decisions *decisions = decisions_new(SPAN("detour"), SPAN("dead"));
    struct buf text;
    struct err err;

    (void)state;
    buf_init(&text, 64 << 20);
    buf_add_text(&text, "{\"v\":1,\"kind\":\"job\",\"at\":\"2026-11-30T12:00:00.000Z\",\"group\":"
                        "\"detour\",\"job\":\"skip\",\"name\":\"a\",\"state\":\"ended\",\"topic\":"
                        "\"dead\",\"records\":{\"0\":[[0,1]");
    for (int i = 1; i <= 1000000; i++) {
        buf_printf(&text, ",[%d,%d]", 2 * i, 2 * i + 1);
    }
    buf_add_text(&text, "]}}");
    decisions_take(decisions, SPAN("job/detour/a"), buf_span(&text));
    assert_int_equal(decisions_seal(decisions, &err), ERR_LIMIT);
    assert_non_null(strstr(err.text, "dead"));
    buf_fini(&text);
    decisions_free(decisions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_says_what_was_decided),
        cmocka_unit_test(who_when_and_why_are_told),
        cmocka_unit_test(what_was_written_later_was_not_decided_on),
        cmocka_unit_test(what_is_no_job_record_is_passed_over),
        cmocka_unit_test(random_runs_are_as_painted),
        cmocka_unit_test(more_than_is_kept_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
