/* Regular expressions: what they find, what is refused with a reason, and what ends a search. */
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
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
    {"[a\\.]", SPAN("\\"), 0}, /* in brackets too a backslash takes the next one's meaning away */
    {"[a\\.]", SPAN("."), 1},
    {"a\\.b", SPAN("a.b"), 1},
    {"a\\.b", SPAN("axb"), 0},
    {"\\{x\\}", SPAN("{x}"), 1},
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
    {"^(a{2}){3}$", SPAN("aaaaaa"), 1},
    {"^(a{2}){3}$", SPAN("aaaaa"), 0},
    {"^(a*b*)*$", SPAN("abba"), 1},
    {"^(a*b*)*$", SPAN("abca"), 0},
    {"^\xc3\xa4+$", SPAN("\xc3\xa4\xc3\xa4"), 1},
    {"^\xc3\xa4+$", SPAN("\xc3\xa4\xa4"), 0},
    {"^.$", SPAN("\xc3\xa4"), 1}, /* one character */
    {"[\xc3\xa4\xc3\xb6]", SPAN("\xc3\xb6"), 1},
    {"^.$", SPAN("\xff"), 0}, /* no UTF-8 is part of no match ... */
    {"[^a]", SPAN("\xff"), 0},
    {"abc", SPAN("\xff\xc3 abc \xed\xa0\x80"), 1}, /* ... and stands in the way of none */
    {"^abc",
     SPAN("\xff"
          "abc"),
     0},
    {"abc$", SPAN("abc\xff"), 0},
    {"a.c",
     SPAN("a\xff"
          "c"),
     0},
    {"a.c", SPAN("a\nc"), 1}, /* a line end is a character, and no end */
    {"c$", SPAN("abc\n"), 0},
    {"^c", SPAN("ab\nc"), 0},
    {"^\\d+$", SPAN("2026"), 1},
    {"^\\d+$", SPAN("20x6"), 0},
    {"^\\d$", SPAN("\xd9\xa3"), 0},       /* ASCII alone, ... */
    {"(*UCP)^\\d$", SPAN("\xd9\xa3"), 1}, /* ... unless asked for */
    {"[\\d.]{3}", SPAN("a1.2"), 1},
    {"(?i)purchase", SPAN("CompletePURCHASE"), 1},
    {"(?i)\xc3\xa4", SPAN("\xc3\x84"), 1},
    {"\\bcart\\b", SPAN("add to cart!"), 1},
    {"\\bcart\\b", SPAN("AddToCart"), 0},
    {"^(?!test).*@", SPAN("test@shop.example"), 0},
    {"^(?!test).*@", SPAN("jane@shop.example"), 1},
    {"^(.)x\\1$", SPAN("axa"), 1},
    {"^(.)x\\1$", SPAN("axb"), 0},
    {"^(a|)$", SPAN(""), 1},
    {"[[:alpha]", SPAN(":"), 1}, /* what is no class or repeat is the characters themselves */
    {"^a{,3}b{}c{1$", SPAN("a{,3}b{}c{1"), 1},
    {"\\w\\s\\W", SPAN("a !"), 1},
    {"\\S\\s", SPAN("ab"), 0},
    {"[[:alnum:]_-]+@", SPAN("a_b-1@"), 1},
    {"[+--]", SPAN(","), 1},
    {"[a-]", SPAN("-"), 1},
    {"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
     SPAN("00000000-0000-4000-8000-000000000001"), 1},
};

static void patterns_find_what_they_say(void **state)
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
    {"a group that is not there", SPAN("(a)\\2"), "non-existent subpattern, behind byte 4"},
    {"a letter that means nothing", SPAN("\\y"), "unrecognized character follows \\"},
    {"a backslash at the end", SPAN("a\\"), "\\ at end of pattern, behind byte 2"},
    {"an open group", SPAN("(a"), "missing closing parenthesis, behind byte 2"},
    {"a group nobody opened", SPAN("a)"), "unmatched closing parenthesis, behind byte 1"},
    {"an open bracket", SPAN("[a"), "missing terminating ] for character class"},
    {"an unknown class", SPAN("[[:letter:]]"), "unknown POSIX class name"},
    {"a collating element", SPAN("[[.a.]]"), "POSIX collating elements are not supported"},
    {"a range backwards", SPAN("[z-a]"), "range out of order in character class"},
    {"an interval backwards", SPAN("a{3,2}"), "numbers out of order in {} quantifier"},
    {"a repeat of nothing", SPAN("*a"), "quantifier does not follow a repeatable item"},
    {"a repeat at the start of a group", SPAN("(+a)"), "does not follow a repeatable item"},
    {"a repeat of a repeat", SPAN("a{2}{3}"), "does not follow a repeatable item, behind byte 6"},
    {"a large repeat", SPAN("a{65536}"), "number too big in {} quantifier"},
    {"a repeat that overflows", SPAN("a{99999999999999999999999}"), "number too big"},
    {"repeats of repeats", SPAN("((a{100}){100}){100}"), "regular expression is too large"},
    {"repeats of a choice", SPAN("((a|b){1,90}){1,90}"), "is too large"},
    {"a repeat of nothing at all, many times", SPAN("(((a{0}){500}){500}){500}"), "is too large"},
    {"half a character", SPAN("\\C"), "using \\C is disabled"},
    {"bytes that are no text", SPAN("a\xff"), "UTF-8 error"},
    {"groups nested too deep",
     SPAN("((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))"),
     "parentheses are too deeply nested"},
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
    assert_int_equal(pattern_compile((struct span){text, PATTERN_BYTES_MAX}, &pattern, &err),
                     ERR_OK);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_BYTES_MAX}), 1);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_BYTES_MAX - 1}), 0);
    pattern_free(pattern);
    pattern = NULL;
    assert_int_equal(pattern_compile((struct span){text, PATTERN_BYTES_MAX + 1}, &pattern, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "longer than 1024 bytes"));
    assert_null(pattern);
}

static void a_text_past_the_bound_is_not_looked_at(void **state)
{
    static char text[PATTERN_SUBJECT_BYTES_MAX + 1];
    uint64_t before = pattern_count_undecided();
    struct pattern *pattern = NULL;
    struct err err = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_compile(SPAN("a$"), &pattern, &err), ERR_OK);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_SUBJECT_BYTES_MAX}), 1);
    assert_int_equal(pattern_find(pattern, (struct span){text, PATTERN_SUBJECT_BYTES_MAX + 1}), -1);
    assert_int_equal(pattern_find(pattern, SPAN_NONE), 0);
    assert_int_equal(pattern_count_undecided() - before, 1);
    pattern_free(pattern);
}

/* Expressions that have very many ways to fail, each with a text that makes them try. */
static const struct {
    const char *expression;
    const char *piece; /* as often as it fits ... */
    const char *end;   /* ... before this */
    int want;
} hostile_rows[] = {
    {"^(a+)+$", "a", "!", -1},
    {"(a*)*b$", "a", "b!", -1},
    {"(.*)(.*)(.*)(.*)x\\d", "abc", "x!", -1},
    {"(\\w+\\s?)+!\\d", "ab cd ", "!!", -1},
    {"^(.*),(.*),(.*),(.*)x\\d$", ",", "x!", -1},
    {"a.*b.*c.*d$", "abc", "d!", -1},
    {"(a|b|ab)*c\\d", "ab", "c!", -1},
    {"a.{0,90}b.{0,90}c\\d", "abc", "c!", 0}, /* nearly all it may try, from each start */
    {"^(ab|cd)*$", "abcd", "ab", 1},
    {"[a-z]+@[a-z]+\\.", "a", "@a!", 0},
};

static void a_text_made_to_take_for_ever_ends_soon(void **state)
{
    enum { FILL = PATTERN_SUBJECT_BYTES_MAX - 12, CPU_MS_MAX = 2000 };
    struct buf text;

    (void)state;
    buf_init(&text, PATTERN_SUBJECT_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(hostile_rows); i++) {
        uint64_t before = pattern_count_undecided();
        struct pattern *pattern = NULL;
        struct err err = {0};
        uint64_t start_ns;
        int got;

        assert_int_equal(pattern_compile(span_of(hostile_rows[i].expression), &pattern, &err),
                         ERR_OK);
        buf_clear(&text);
        while (text.len < FILL) {
            buf_add_text(&text, hostile_rows[i].piece);
        }
        buf_add_text(&text, hostile_rows[i].end);
        start_ns = clock_thread_cpu_ns();
        got = pattern_find(pattern, buf_span(&text));
        if (got != hostile_rows[i].want ||
            pattern_count_undecided() - before != (got < 0 ? 1u : 0u) ||
            clock_thread_cpu_ns() - start_ns > (uint64_t)CPU_MS_MAX * 1000000) {
            fail_msg("%s: got %d after %.1f ms", hostile_rows[i].expression, got,
                     (double)(clock_thread_cpu_ns() - start_ns) / 1e6);
        }
        pattern_free(pattern);
    }
    buf_fini(&text);
}

static void *search_many(void *context)
{
    const struct pattern *pattern = context;

    for (size_t i = 0; i < 2000; i++) {
        if (pattern_find(pattern, SPAN("a text with 4711 in it")) != 1 ||
            pattern_find(pattern, SPAN("a text without")) != 0 ||
            pattern_find(pattern, SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")) != -1) {
            return context;
        }
    }
    return NULL;
}

static void threads_share_a_pattern(void **state)
{
    uint64_t before = pattern_count_undecided();
    struct pattern *pattern = NULL;
    struct err err = {0};
    pthread_t threads[4];

    (void)state;
    assert_int_equal(pattern_compile(SPAN("\\d{4}|^(a+)+$"), &pattern, &err), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, search_many, pattern), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(pattern_count_undecided() - before, 2000 * COUNT_OF(threads));
    pattern_free(pattern);
}

/* A random expression over a and b that POSIX and PCRE2 read the same way. */
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

/* How many texts PCRE2 could not decide. */
static size_t compare_with_posix(struct rng *rng, const char *expression)
{
    size_t undecided = 0;
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
        int want, got;

        for (size_t j = 0; j < len; j++) {
            text[j] = "aabbc"[rng_below(rng, 5)];
        }
        want = regexec(&regex, text, 0, NULL, 0) == 0;
        got = pattern_find(pattern, span_of(text));
        if (got >= 0 && got != want) {
            fail_msg("%s in '%s': the C library says %d", expression, text, want);
        }
        undecided += got < 0;
    }
    regfree(&regex);
    pattern_free(pattern);
    return undecided;
}

static void random_expressions_find_what_the_c_library_finds(void **state)
{
    struct rng rng = {.state = 2026};
    struct buf expression;
    size_t undecided = 0;

    (void)state;
    buf_init(&expression, 1024);
    for (size_t i = 0; i < 3000; i++) {
        bool is_from_start = rng_below(&rng, 3) == 0;
        bool is_to_end = rng_below(&rng, 3) == 0;

        buf_clear(&expression);
        /* One that is never found. */
        buf_add_text(&expression, i % 4 == 0 ? "d{70}|" : "");
        buf_add_text(&expression, is_from_start ? "^" : "");
        write_random(&rng, &expression, 2);
        buf_add_text(&expression, is_to_end ? "$" : "");
        undecided += compare_with_posix(&rng, buf_text(&expression));
    }
    print_message("%zu of 60000 undecided\n", undecided);
    assert_in_range(undecided, 0, 60); /* repeats of repeats of what may be nothing */
    buf_fini(&expression);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_what_they_say),
        cmocka_unit_test(what_is_no_expression_is_refused_with_a_reason),
        cmocka_unit_test(the_bounds_are_where_they_are_said_to_be),
        cmocka_unit_test(random_expressions_find_what_the_c_library_finds),
        cmocka_unit_test(a_text_past_the_bound_is_not_looked_at),
        cmocka_unit_test(a_text_made_to_take_for_ever_ends_soon),
        cmocka_unit_test(threads_share_a_pattern),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
