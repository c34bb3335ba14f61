/* Regular expressions: what they find, and what is refused with a reason. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"
#include "match/pattern.h"

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
    {"^^a", SPAN("a"), 1},
    {"a$$", SPAN("a"), 1},
    {"a^b", SPAN("ab"), 0},
    {"(^a|b)c", SPAN("xbc"), 1},
    {"(^a|b)c", SPAN("xac"), 0},
    {"x*^a", SPAN("a"), 1},
    {"a{2,3}$", SPAN("xaaaa"), 1},
    {"^a{2,3}$", SPAN("aaaa"), 0},
    {"^a{0}b$", SPAN("b"), 1},
    {"^(ab{2}){2}$", SPAN("abbabb"), 1},
    {"^a{2}{3}$", SPAN("aaaaaa"), 1},
    {"^a{2}{3}$", SPAN("aaaaa"), 0},
    {"^(a*b*)*$", SPAN("abba"), 1},
    {"^(a*b*)*$", SPAN("abca"), 0},
    {"^\xc3\xa4+$", SPAN("\xc3\xa4\xc3\xa4"), 1},
    {"^\xc3\xa4+$", SPAN("\xc3\xa4\xa4"), 0},
    {"^.$", SPAN("\xff"), 1},
    {"\\w\\s\\W", SPAN("a !"), 1},
    {"\\S\\s", SPAN("ab"), 0},
    {"[[:alnum:]_-]+@", SPAN("a_b-1@"), 1},
    {"[+--]", SPAN(","), 1},
    {"[a-]", SPAN("-"), 1},
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
    {"a word boundary", SPAN("\\bx"), "another dialect"},
    {"an inline flag", SPAN("(?i)x"), "another dialect"},
    {"a backslash at the end", SPAN("a\\"), "at the end"},
    {"an open group", SPAN("(a"), "'(' is not closed"},
    {"an empty group", SPAN("a()"), "is empty"},
    {"an empty alternative", SPAN("(a|)"), "is empty"},
    {"an open bracket", SPAN("[a"), "'[' is not closed"},
    {"an open class", SPAN("[[:alpha]"), "an unknown class"},
    {"an unknown class", SPAN("[[:letter:]]"), "an unknown class"},
    {"a collating element", SPAN("[[.a.]]"), "[. and [="},
    {"a range backwards", SPAN("[z-a]"), "ends before it begins"},
    {"a range beyond ASCII", SPAN("[\xc3\xa4]"), "beyond ASCII"},
    {"an open interval", SPAN("a{1"), "{m}"},
    {"an interval backwards", SPAN("a{3,2}"), "{m}"},
    {"an interval of nothing", SPAN("a{}"), "{m}"},
    {"an interval without its least", SPAN("a{,3}"), "{m}"},
    {"a repeat of nothing", SPAN("*a"), "nothing before it"},
    {"a repeat at the start of a group", SPAN("(+a)"), "nothing before it"},
    {"a large repeat", SPAN("a{513}"), "repeats more than 512"},
    {"a repeat that overflows", SPAN("a{99999999999999999999999}"), "repeats more"},
    {"repeats of repeats", SPAN("((a{40}){40}){40}"), "more than 512 characters"},
    {"repeats one after another", SPAN("a{300}b{300}c"), "more than 512 characters"},
    {"repeats of a bracket", SPAN("([a-z]{1,50}){1,50}"), "more than 512 characters"},
    {"a repeat repeated", SPAN("a{50}{50}"), "more than 512 characters"},
    {"a repeat of nothing at all, many times", SPAN("(((a{0}){500}){500}){500}"),
     "more than 512 characters"},
    {"groups nested too deep",
     SPAN("((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))"), "nested"},
};

static void what_is_no_expression_is_refused_with_a_reason(void **state)
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

static void the_bounds_are_where_they_are_said_to_be(void **state)
{
    static char text[PATTERN_BYTES_MAX + 1];
    struct pattern *pattern = NULL;
    struct err err = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_compile((struct span){text, PATTERN_POSITIONS_MAX}, &pattern, &err),
                     ERR_OK);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_POSITIONS_MAX}), 1);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_POSITIONS_MAX - 1}), 0);
    pattern_free(pattern);
    pattern = NULL;
    assert_int_equal(
        pattern_compile((struct span){text, PATTERN_POSITIONS_MAX + 1}, &pattern, &err),
        ERR_CONFIG);
    assert_int_equal(pattern_compile((struct span){text, PATTERN_BYTES_MAX + 1}, &pattern, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "longer than 1024 bytes"));
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

/* A random expression over a and b that POSIX and this program read the same way. */
static void write_random(struct rng *rng, struct buf *out, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "a", "b"};
    static const char *const repeats[] = {"",  "",    "",      "*",    "+",
                                          "?", "{2}", "{1,2}", "{2,}", "{0,1}"};
    size_t pieces = 1 + rng_below(rng, 3);

    for (size_t i = 0; i < pieces; i++) {
        if (depth > 0 && rng_below(rng, 3) == 0) {
            buf_add_char(out, '(');
            write_random(rng, out, depth - 1);
            if (rng_below(rng, 2) == 0) {
                buf_add_char(out, '|');
                write_random(rng, out, depth - 1);
            }
            buf_add_char(out, ')');
        } else {
            buf_add_text(out, atoms[rng_below(rng, COUNT_OF(atoms))]);
        }
        buf_add_text(out, repeats[rng_below(rng, COUNT_OF(repeats))]);
    }
}

static void compare_with_posix(struct rng *rng, const char *expression)
{
    struct pattern *pattern = NULL;
    struct err err = {0};
    regex_t regex;

    if (pattern_compile(span_of(expression), &pattern, &err) != ERR_OK) {
        fail_msg("%s: %s", expression, err.text);
    }
    assert_int_equal(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB), 0);
    for (size_t i = 0; i < 20; i++) {
        char text[12] = {0};
        size_t len = rng_below(rng, sizeof(text));
        int want;

        for (size_t j = 0; j < len; j++) {
            text[j] = "aabbc"[rng_below(rng, 5)];
        }
        want = regexec(&regex, text, 0, NULL, 0) == 0;
        if (pattern_find(pattern, span_of(text)) != want) {
            fail_msg("%s in '%s': the C library says %d", expression, text, want);
        }
    }
    regfree(&regex);
    pattern_free(pattern);
}

static void random_expressions_find_what_the_c_library_finds(void **state)
{
    struct rng rng = {.state = 2026};
    struct buf expression;

    (void)state;
    buf_init(&expression, 1024);
    for (size_t i = 0; i < 3000; i++) {
        bool is_from_start = rng_below(&rng, 3) == 0;
        bool is_to_end = rng_below(&rng, 3) == 0;

        buf_clear(&expression);
        /* One that is never found makes every fourth automaton wider than a word. */
        buf_add_text(&expression, i % 4 == 0 ? "d{70}|" : "");
        buf_add_text(&expression, is_from_start ? "^" : "");
        write_random(&rng, &expression, 2);
        buf_add_text(&expression, is_to_end ? "$" : "");
        compare_with_posix(&rng, buf_text(&expression));
    }
    buf_fini(&expression);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_as_posix_says),
        cmocka_unit_test(what_is_no_expression_is_refused_with_a_reason),
        cmocka_unit_test(the_bounds_are_where_they_are_said_to_be),
        cmocka_unit_test(random_expressions_find_what_the_c_library_finds),
        cmocka_unit_test(a_text_past_the_bound_is_not_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
