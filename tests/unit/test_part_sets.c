/* Parts of dead letters: when a set is complete, the pieces' headers, and counts by text. */
#include "recovery/part_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recovery/text_counts.h"
#include "recovery/whole.h"

struct step {
    uint32_t part, count;
    int64_t source, offset; /* of the original record, of this one */
    const char *leg;
    bool is_complete;
    int64_t first; /* where the set begins, when it is complete */
};

static const struct {
    const char *name;
    struct step steps[8]; /* until part 0 */
    uint64_t left;        /* sets that are not complete */
} cases[] = {
    {"one after another",
     {{1, 3, 7, 10, "a", false, 0}, {2, 3, 7, 11, "a", false, 0}, {3, 3, 7, 12, "a", true, 10}},
     0},
    {"in another order",
     {{3, 3, 7, 10, "a", false, 0}, {1, 3, 7, 11, "a", false, 0}, {2, 3, 7, 12, "a", true, 11}},
     0},
    {"one alone", {{1, 1, 7, 10, "a", true, 10}}, 0},
    {"a part twice",
     {{1, 2, 7, 10, "a", false, 0}, {1, 2, 7, 11, "a", false, 0}, {2, 2, 7, 12, "a", true, 11}},
     0},
    {"two legs of one event",
     {{1, 2, 7, 10, "a", false, 0},
      {1, 2, 7, 11, "b", false, 0},
      {2, 2, 7, 12, "b", true, 11},
      {2, 2, 7, 13, "a", true, 10}},
     0},
    {"smaller parts were needed",
     {{1, 2, 7, 10, "a", false, 0},
      {1, 3, 7, 11, "a", false, 0},
      {2, 3, 7, 12, "a", false, 0},
      {3, 3, 7, 13, "a", true, 11}},
     1},
    {"twice as a whole",
     {{1, 2, 7, 10, "a", false, 0},
      {2, 2, 7, 11, "a", true, 10},
      {1, 2, 7, 12, "a", false, 0},
      {2, 2, 7, 13, "a", true, 12}},
     0},
    {"of two records", {{1, 2, 7, 10, "a", false, 0}, {2, 2, 8, 11, "a", false, 0}}, 2},
};

static struct record record_at(const struct step *step)
{
    return (struct record){.view = {.offset = step->offset},
                           .letter = {.part = step->part,
                                      .part_count = step->count,
                                      .source_topic = SPAN("t"),
                                      .source_offset = step->source,
                                      .leg = {step->leg, 1}}};
}

static void a_set_is_complete_with_its_last_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct part_sets sets = {0};

        for (const struct step *step = cases[i].steps; step->part > 0; step++) {
            struct record record = record_at(step);
            struct part_place place = {0};

            if (part_sets_add(&sets, &record, &place) != step->is_complete ||
                (step->is_complete && place.offset != step->first)) {
                fail_msg("%s: offset %lld", cases[i].name, (long long)step->offset);
            }
        }
        assert_int_equal(sets.count, cases[i].left);
        part_sets_fini(&sets);
    }
}

static void sets_are_bounded(void **state)
{
    struct part_sets sets = {0};
    struct part_place place;

    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        struct step step = {1, 1000000, i, i, "a", false, 0};
        struct record record = record_at(&step);

        assert_false(part_sets_add(&sets, &record, &place));
    }
    assert_true(sets.count > 400 && sets.count + sets.forgotten == 1000);
    assert_true(sets.bytes <= 64 * 1024 * 1024);
    part_sets_fini(&sets);
}

static const struct {
    const char *json, *want; /* "name=value " each; NULL: they are none */
} pieces[] = {
    {"[]", ""},
    {"[{\"name\":\"a\",\"value\":\"aGVsbG8=\"},{\"name\":\"b\",\"value\":null}]", "a=hello b=- "},
    {"[{\"name\":\"c\",\"value\":\"\"},{\"name_base64\":\"/w==\",\"value\":\"QQ==\"}]",
     "c= \xff=A "},
    {"[{\"name\":\"a\",\"value\":\"a?b\"}]", NULL},
    {"[{\"name\":\"a\"}]", NULL},
    {"[{\"value\":\"QQ==\"}]", NULL},
    {"[1]", NULL},
    {"{}", NULL},
    {"[", NULL},
    {"", NULL},
};

static void headers_come_out_of_their_piece(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        rd_kafka_headers_t *headers = whole_headers_of(span_of(pieces[i].json));
        struct buf text;
        const char *name;
        const void *value;
        size_t len;

        if ((headers == NULL) != (pieces[i].want == NULL)) {
            fail_msg("%s", pieces[i].json);
        }
        if (headers == NULL) {
            continue;
        }
        buf_init(&text, 1 << 16);
        for (size_t k = 0; rd_kafka_header_get_all(headers, k, &name, &value, &len) == 0; k++) {
            buf_printf(&text, "%s=%.*s ", name, value == NULL ? 1 : (int)len,
                       value == NULL ? "-" : (const char *)value);
        }
        assert_string_equal(buf_text(&text), pieces[i].want);
        buf_fini(&text);
        rd_kafka_headers_destroy(headers);
    }
}

static void texts_are_counted_within_a_bound(void **state)
{
    struct text_counts counts = {0};
    struct text_count *sorted;
    size_t count = 0;
    char text[16];

    (void)state;
    for (int i = 0; i < 3; i++) {
        text_counts_add(&counts, SPAN("often"));
    }
    for (int i = 0; i < 12000; i++) {
        snprintf(text, sizeof(text), "t%d", i);
        text_counts_add(&counts, span_of(text));
    }
    text_counts_add(&counts, SPAN("t0"));
    sorted = text_counts_sorted(&counts, &count);
    assert_int_equal(count, 10000);
    assert_true(span_is(sorted[0].text, "often") && sorted[0].count == 3);
    assert_true(span_is(sorted[1].text, "t0") && sorted[1].count == 2);
    assert_int_equal(counts.others, 2001);
    free(sorted);
    text_counts_fini(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_complete_with_its_last_part),
        cmocka_unit_test(sets_are_bounded),
        cmocka_unit_test(headers_come_out_of_their_piece),
        cmocka_unit_test(texts_are_counted_within_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
