/* Regular expressions: what they find, and what is refused before it can run away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "route/pattern.h"

static const struct {
    const char *pattern;
    struct span text;
    int want;
} find_rows[] = {
    {"ab+c", SPAN("xxabbcxx"), 1},
    {"ab+c", SPAN("ac"), 0},
    {"^a$", SPAN("a"), 1},
    {"^a$", SPAN("aa"), 0},
    {"^$", SPAN(""), 1},
    {"^(a|b){2}$", SPAN("ab"), 1},
    {"a[^b]c", SPAN("a\0c"), 1}, /* NUL is a character, not an end */
    {"c$", SPAN("a\0c"), 1},
    {"^a$", SPAN("a\0c"), 0},
    {"[]x]", SPAN("]"), 1},
    {"[^]x]", SPAN("]"), 0},
    {"[[:digit:]]{3}", SPAN("a123"), 1},
    {"[a\\.]", SPAN("\\"), 1}, /* in brackets a backslash is itself */
    {"a\\.b", SPAN("a.b"), 1},
    {"a\\.b", SPAN("axb"), 0},
    {"\\{x\\}", SPAN("{x}"), 1},
    {"a)", SPAN("a)"), 1},
    {"A", SPAN("a"), 0},
    {"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
     SPAN("00000000-0000-4000-8000-000000000001"), 1},
};

static void patterns_find_as_posix_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(find_rows); i++) {
        struct pattern *pattern = NULL;
        struct err err = {0};
        int got;

        if (pattern_compile(span_of(find_rows[i].pattern), &pattern, &err) != ERR_OK) {
            fail_msg("%s: %s", find_rows[i].pattern, err.text);
        }
        got = pattern_find(pattern, find_rows[i].text);
        if (got != find_rows[i].want) {
            fail_msg("%s in '" SPAN_FMT "': got %d", find_rows[i].pattern,
                     SPAN_ARG(find_rows[i].text), got);
        }
        pattern_free(pattern);
    }
}

static const struct {
    const char *name;
    struct span pattern;
    const char *want; /* part of the error */
} refused_rows[] = {
    {"empty", SPAN(""), "empty"},
    {"a NUL", SPAN("a\0b"), "NUL"},
    {"a back-reference", SPAN("(a)\\1"), "back-references"},
    {"a back-reference at the end of more", SPAN("^(.*)x(.*)\\2"), "back-references"},
    {"a digit class of another dialect", SPAN("\\d+"), "[0-9]"},
    {"the same in brackets", SPAN("[\\d]"), "inside []"},
    {"an inline flag", SPAN("(?i)x"), "not POSIX"},
    {"an open group", SPAN("(a"), "("},
    {"an open bracket", SPAN("[a"), "not closed"},
    {"an open interval", SPAN("a{1"), "not closed"},
    {"a repeat of nothing", SPAN("*a"), ""},
    {"a large repeat", SPAN("a{2001}"), "repeats more than 2000"},
    {"a repeat that overflows", SPAN("a{99999999999999999999999}"), "repeats more"},
    {"repeats of repeats", SPAN("((a{40}){40}){40}"), "more than 2000 positions"},
    {"repeats one after another", SPAN("a{1000}b{1000}c"), "more than 2000 positions"},
    {"repeats of a bracket", SPAN("([a-z]{1,50}){1,50}"), "more than 2000 positions"},
    {"a repeat repeated", SPAN("a{50}{50}"), "more than 2000 positions"},
    {"groups nested too deep",
     SPAN("((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))"), "nested"},
};

static void what_could_run_away_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused_rows); i++) {
        struct pattern *pattern = NULL;
        struct err err = {0};

        if (pattern_compile(refused_rows[i].pattern, &pattern, &err) != ERR_CONFIG ||
            strstr(err.text, refused_rows[i].want) == NULL || err.text[0] == '\0') {
            fail_msg("%s: got '%s'", refused_rows[i].name, err.text);
        }
    }
}

static void a_pattern_may_have_a_kilobyte_and_no_more(void **state)
{
    static char text[PATTERN_BYTES_MAX + 1];
    struct pattern *pattern = NULL;
    struct err err = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_compile((struct span){text, PATTERN_BYTES_MAX}, &pattern, &err),
                     ERR_OK);
    pattern_free(pattern);
    pattern = NULL;
    assert_int_equal(pattern_compile((struct span){text, PATTERN_BYTES_MAX + 1}, &pattern, &err),
                     ERR_CONFIG);
    assert_null(pattern);
}

static void a_text_past_the_bound_is_not_looked_at(void **state)
{
    static char text[PATTERN_SUBJECT_BYTES_MAX + 1];
    struct pattern *pattern = NULL;
    struct err err = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_compile(SPAN("a$"), &pattern, &err), ERR_OK);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_SUBJECT_BYTES_MAX}), 1);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_SUBJECT_BYTES_MAX + 1}), -1);
    assert_int_equal(pattern_find(pattern, SPAN_NONE), 0);
    pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_as_posix_says),
        cmocka_unit_test(what_could_run_away_is_refused_with_a_reason),
        cmocka_unit_test(a_pattern_may_have_a_kilobyte_and_no_more),
        cmocka_unit_test(a_text_past_the_bound_is_not_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
