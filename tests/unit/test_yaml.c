/* Nodes with places, the bounds, and every refusal with its exact place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/yaml.h"

/* The document written back as "kind@line:column" with its texts, to compare at a glance. */
static void show(const struct yaml_node *node, struct buf *out)
{
    buf_printf(out, "%u:%u", node->place.line, node->place.column);
    switch (node->kind) {
    case YAML_SCALAR:
        buf_printf(out, node->is_quoted ? "'%.*s'" : "%.*s", SPAN_ARG(node->text));
        assert_int_equal(node->text.ptr[node->text.len], '\0');
        break;
    case YAML_LIST:
        buf_add_char(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            buf_add_text(out, i == 0 ? "" : " ");
            show(node->items[i], out);
        }
        buf_add_char(out, ']');
        break;
    case YAML_MAP:
        buf_add_char(out, '{');
        for (size_t i = 0; i < node->count; i++) {
            buf_printf(out, "%s%u:%u%.*s=", i == 0 ? "" : " ", node->pairs[i].place.line,
                       node->pairs[i].place.column, SPAN_ARG(node->pairs[i].key));
            show(node->pairs[i].value, out);
        }
        buf_add_char(out, '}');
        break;
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *want;
} good_cases[] = {
    {"a scalar", "hello", "1:1hello"},
    {"a map in file order", "b: 1\na: 2\n", "1:1{1:1b=1:41 2:1a=2:42}"},
    {"nested block", "a:\n  b:\n    - x\n    - y: z\n",
     "1:1{1:1a=2:3{2:3b=3:5[3:7x 4:7{4:7y=4:10z}]}}"},
    {"flow", "{a: [1, two], b: {c: d}}", "1:1{1:2a=1:5[1:61 1:9two] 1:15b=1:18{1:19c=1:22d}}"},
    {"nothing is null", "a:\nb: ~\n", "1:1{1:1a=1:3 2:1b=2:4~}"},
    {"quotes", "a: \"x y\"\nb: 'null'\n", "1:1{1:1a=1:4'x y' 2:1b=2:4'null'}"},
    {"a block text", "a: |\n  one\n  two\n", "1:1{1:1a=1:4'one\ntwo\n'}"},
    {"columns are characters", "\xc3\xa4: \xe2\x82\xac\nb: [\xc3\xa4, c]",
     "1:1{1:1\xc3\xa4=1:4\xe2\x82\xac 2:1b=2:4[2:5\xc3\xa4 2:8"
     "c]}"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "a: b",
     "1:1{1:1a=1:4b}"},
    {"comments and a marker", "# first\n---\na: b # not this\n...\n", "3:1{3:1a=3:4b}"},
    {"keys with spaces", "{Order Completed: Purchase}", "1:1{1:2Order Completed=1:19Purchase}"},
    {"a path with a question mark", "[page.url?ttclid, user.ttclid]",
     "1:1[1:2page.url?ttclid 1:19user.ttclid]"},
    {"empty collections", "{a: [], b: {}}", "1:1{1:2a=1:5[] 1:9b=1:12{}}"},
    {"an empty quoted key", "{\"\": a}",
     "1:1{1:2=1:6"
     "a}"},
    {"the variable", "a: ${DETOUR_TEST_SET}", "1:1{1:1a=1:4value: [x]}"},
    {"within a text", "a: <${DETOUR_TEST_SET}>", "1:1{1:1a=1:4<value: [x]>}"},
    {"in quotes in a list", "[\"${DETOUR_TEST_SET}\"]", "1:1[1:2'value: [x]']"},
    {"a default", "a: ${DETOUR_TEST_UNSET:-localhost:9092}", "1:1{1:1a=1:4localhost:9092}"},
    {"a default for an empty one", "a: ${DETOUR_TEST_EMPTY:-x}", "1:1{1:1a=1:4x}"},
    {"an empty default", "a: x${DETOUR_TEST_UNSET:-}y", "1:1{1:1a=1:4xy}"},
    {"set to nothing", "a: x${DETOUR_TEST_EMPTY}y", "1:1{1:1a=1:4xy}"},
    {"a set one beats its default", "a: ${DETOUR_TEST_SET:-x}", "1:1{1:1a=1:4value: [x]}"},
    {"literal", "a: $${NOT} $x $", "1:1{1:1a=1:4${NOT} $x $}"},
    {"two in one", "a: ${DETOUR_TEST_UNSET:-1}${DETOUR_TEST_UNSET:-2}",
     "1:1{1:1a=1:4"
     "12}"},
    {"in a key", "{\"${DETOUR_TEST_UNSET:-k}\": v}", "1:1{1:2k=1:29v}"},
};

static void good_documents_become_nodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        struct diags diags;
        struct yaml_doc *doc;
        struct buf out;

        diags_init(&diags);
        buf_init(&out, 100000);
        doc = yaml_parse("t.yaml", span_of(good_cases[i].text), false, &diags);
        if (doc == NULL || diags.count > 0) {
            fail_msg("%s: %s", good_cases[i].name,
                     diags.count == 0 ? "no document" : diags.items[0].message);
        }
        show(yaml_root(doc), &out);
        if (!span_is(buf_span(&out), good_cases[i].want)) {
            fail_msg("%s: got %s", good_cases[i].name, buf_text(&out));
        }
        buf_fini(&out);
        yaml_free(doc);
        diags_fini(&diags);
    }
}

static const struct {
    const char *name;
    const char *text;
    unsigned line, column;
    const char *part; /* of the message */
    bool is_readable; /* the rest is still given */
} bad_cases[] = {
    {"nothing", "", 1, 1, "the file is empty", false},
    {"only a comment", "# nothing\n", 1, 1, "the file is empty", false},
    {"two documents", "a: 1\n---\nb: 2\n", 2, 1, "one file holds one document", false},
    {"an anchor", "a: &x 1\n", 1, 4, "anchors (&x) are not supported", true},
    {"an alias", "a: *x\n", 1, 4, "aliases (*x) are not supported", true},
    {"an alias as key", "*x : 1\n", 1, 1, "aliases (*x) are not supported", false},
    {"a tag", "a: !!str 1\n", 1, 4, "tags (!...) are not supported", true},
    {"a tag on a list", "a: !foo [1]\n", 1, 4, "tags (!...) are not supported", true},
    {"a tag on a map", "a: !foo {b: 1}\n", 1, 4, "tags (!...) are not supported", true},
    {"a merge key", "a:\n  <<: {b: 1}\n", 2, 3, "merge keys (<<) are not supported", true},
    {"a duplicate key", "a: 1\nb: 2\na: 3\n", 3, 1,
     "duplicate key \"a\": it already stands in line 1", true},
    {"a duplicate by replacement", "a: 1\n\"${DETOUR_TEST_UNSET:-a}\": 3\n", 2, 1,
     "duplicate key \"a\"", true},
    {"no key", "? \n: 1\n", 1, 2, "a key is missing", true},
    {"a map as key", "? {a: b}\n: 1\n", 1, 3, "a key must be a text", false},
    {"a list as key", "? [a]\n: 1\n", 1, 3, "a key must be a text", false},
    {"no end of a list", "a: [1, 2\nb: 3\n", 2, 2, "not valid YAML", false},
    {"a tab", "a:\n\tb: 1\n", 2, 1, "indent with spaces, not tabs", false},
    {"a colon in a text", "a: b: c\n", 1, 5, "needs quotes", false},
    {"a percent sign", "a: %x\n", 1, 4, "not valid YAML", false},
    {"not UTF-8", "a: b\nc: \xff\n", 2, 4, "not a UTF-8 text file", false},
    {"cut UTF-8", "a: b\nc: \xc3", 2, 4, "not a UTF-8 text file", false},
    {"a control character", "a: \x01\n", 1, 4, "not a UTF-8 text file", false},
    {"a NUL by escape", "a: \"x\\0y\"\n", 1, 4, "NUL", true},
    {"an unset variable", "x: 1\na: ${DETOUR_TEST_UNSET}\n", 2, 4,
     "environment variable DETOUR_TEST_UNSET is not set: set it, or write "
     "${DETOUR_TEST_UNSET:-default}",
     true},
    {"no end of a variable", "a: x ${DETOUR\n", 1, 4, "${ without its }", true},
    {"an empty name", "a: ${}\n", 1, 4, "holds a variable's name", true},
    {"an odd name", "a: ${A-B}\n", 1, 4, "holds a variable's name", true},
    {"a name with a digit first", "a: ${1A}\n", 1, 4, "holds a variable's name", true},
    {"another form of default", "a: ${DETOUR_TEST_UNSET:=x}\n", 1, 4, "holds a variable's name",
     true},
    {"a nested default", "a: \"${DETOUR_TEST_UNSET:-${B}}\"\n", 1, 4,
     "a default cannot hold another", true},
    {"a variable in a list", "a: [${DETOUR_TEST_SET}]\n", 1, 6, "in quotes", false},
    {"a variable that is not UTF-8", "a: ${DETOUR_TEST_LATIN}\n", 1, 4, "is not UTF-8", true},
};

static void bad_documents_say_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct diags diags;
        struct yaml_doc *doc;

        diags_init(&diags);
        doc = yaml_parse("t.yaml", span_of(bad_cases[i].text), false, &diags);
        if (diags.error_count != 1) {
            fail_msg("%s: %zu errors", bad_cases[i].name, diags.error_count);
        }
        if (strcmp(diags.items[0].place.file, "t.yaml") != 0 ||
            diags.items[0].place.line != bad_cases[i].line ||
            diags.items[0].place.column != bad_cases[i].column ||
            strstr(diags.items[0].message, bad_cases[i].part) == NULL ||
            (doc != NULL) != bad_cases[i].is_readable) {
            fail_msg("%s: %s:%u:%u: %s (%s)", bad_cases[i].name, diags.items[0].place.file,
                     diags.items[0].place.line, diags.items[0].place.column, diags.items[0].message,
                     doc == NULL ? "no document" : "a document");
        }
        yaml_free(doc);
        diags_fini(&diags);
    }
}

static void all_errors_come_at_once(void **state)
{
    static const char text[] = "a: ${DETOUR_TEST_UNSET}\n"
                               "b: &x 1\n"
                               "a: 2\n"
                               "c: *y\n"
                               "d: [${NO\n";
    struct diags diags;

    (void)state;
    diags_init(&diags);
    assert_null(yaml_parse("t.yaml", SPAN(text), false, &diags));
    assert_int_equal(diags.error_count, 4); /* the syntax error ends it before the map closes */
    assert_int_equal(diags.items[3].place.line, 5);
    diags_fini(&diags);
}

static void the_first_of_duplicates_counts(void **state)
{
    struct diags diags;
    struct yaml_doc *doc;

    (void)state;
    diags_init(&diags);
    doc = yaml_parse("t.yaml", SPAN("a: 1\na: 2\nb: 3\na: 4\n"), false, &diags);
    assert_non_null(doc);
    assert_int_equal(diags.error_count, 2);
    assert_int_equal(yaml_root(doc)->count, 2);
    assert_true(span_is(yaml_get(yaml_root(doc), "a")->text, "1"));
    yaml_free(doc);
    diags_fini(&diags);
}

static void broken_and_replaced_texts_are_marked(void **state)
{
    struct diags diags;
    struct yaml_doc *doc;
    const struct yaml_node *root;

    (void)state;
    diags_init(&diags);
    doc = yaml_parse("t.yaml",
                     SPAN("a: ${DETOUR_TEST_UNSET}\nb: ${DETOUR_TEST_SET}\n"
                          "c: ${DETOUR_TEST_UNSET:-x}\nd: plain\n"),
                     false, &diags);
    root = yaml_root(doc);
    assert_true(yaml_get(root, "a")->is_broken);
    assert_true(yaml_get(root, "b")->is_replaced);
    assert_false(yaml_get(root, "c")->is_replaced); /* it stands in the file */
    assert_false(yaml_get(root, "d")->is_replaced || yaml_get(root, "d")->is_broken);
    yaml_free(doc);
    diags_fini(&diags);
}

static void literal_text_is_left_alone(void **state)
{
    struct diags diags;
    struct yaml_doc *doc;

    (void)state;
    diags_init(&diags);
    doc = yaml_parse("t.yaml", SPAN("a: ${DETOUR_TEST_UNSET} $${x}\n"), true, &diags);
    assert_non_null(doc);
    assert_true(span_is(yaml_get(yaml_root(doc), "a")->text, "${DETOUR_TEST_UNSET} $${x}"));
    yaml_free(doc);
    diags_fini(&diags);
}

static struct yaml_doc *parse_repeated(const char *unit, size_t times, const char *end,
                                       struct diags *diags)
{
    struct buf text;
    struct yaml_doc *doc;

    buf_init(&text, 32 * 1024 * 1024);
    for (size_t i = 0; i < times; i++) {
        buf_add_text(&text, unit);
    }
    buf_add_text(&text, end);
    doc = yaml_parse("t.yaml", buf_span(&text), false, diags);
    buf_fini(&text);
    return doc;
}

static const struct {
    const char *name;
    const char *unit;
    size_t times;
    const char *end;
    const char *part; /* of the error; NULL: it is fine */
} bound_cases[] = {
    {"32 levels", "[", 32, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL},
    {"33 levels", "[", 33, "", "nested deeper than 32 levels"},
    {"33 levels of maps", "{a: ", 33, "", "nested deeper than 32 levels"},
    {"100,000 levels", "[", 100000, "", "nested deeper than 32 levels"},
    {"100,000 levels of block lists", "- ", 100000, "", "nested deeper than 32 levels"},
    {"16 MiB of comment", "#234567\n", 2097151, "a: 1234", NULL},
    {"more than 16 MiB", "#234567\n", 2097152, "a: 1", "larger than 16 MiB"},
    {"1,000,000 values", "- a\n", 1000000, "", NULL},
    {"20,000 duplicate keys", "k: v\n", 20000, "", "duplicate key"},
    {"too many errors", "- *a\n", 20000, "", "aliases"},
};

static void bounds_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bound_cases); i++) {
        struct diags diags;
        struct yaml_doc *doc;
        const char *first;

        diags_init(&diags);
        doc = parse_repeated(bound_cases[i].unit, bound_cases[i].times, bound_cases[i].end, &diags);
        first = diags.count == 0 ? "no error" : diags.items[0].message;
        if (bound_cases[i].part == NULL ? (doc == NULL || diags.count != 0)
                                        : strstr(first, bound_cases[i].part) == NULL) {
            fail_msg("%s: %s", bound_cases[i].name, first);
        }
        if (diags.error_count > 1001) {
            fail_msg("%s: %zu errors", bound_cases[i].name, diags.error_count);
        }
        yaml_free(doc);
        diags_fini(&diags);
    }
}

static void too_many_values_are_refused(void **state)
{
    struct diags diags;
    struct buf text;

    (void)state;
    diags_init(&diags);
    buf_init(&text, 4 * 1024 * 1024);
    buf_add_char(&text, '[');
    for (size_t i = 0; i < 1100000; i++) {
        buf_add_text(&text, "a,");
    }
    buf_add_char(&text, ']');
    assert_null(yaml_parse("t.yaml", buf_span(&text), false, &diags));
    assert_int_equal(diags.error_count, 1);
    assert_non_null(strstr(diags.items[0].message, "more than 1048576 values"));
    buf_fini(&text);
    diags_fini(&diags);
}

static void replaced_text_is_bounded(void **state)
{
    char *large = mem_zero(100001, 1);
    struct diags diags;
    struct yaml_doc *doc;

    (void)state;
    memset(large, 'x', 100000);
    assert_int_equal(setenv("DETOUR_TEST_LARGE", large, 1), 0);
    diags_init(&diags);
    doc =
        yaml_parse("t.yaml", SPAN("a: ${DETOUR_TEST_LARGE}${DETOUR_TEST_LARGE}\n"), false, &diags);
    assert_int_equal(diags.error_count, 0);
    yaml_free(doc);
    doc = yaml_parse("t.yaml",
                     SPAN("a: ${DETOUR_TEST_LARGE}${DETOUR_TEST_LARGE}${DETOUR_TEST_LARGE}\n"),
                     false, &diags);
    assert_int_equal(diags.error_count, 1);
    assert_non_null(strstr(diags.items[0].message, "longer than 262144 bytes"));
    yaml_free(doc);
    diags_fini(&diags);
    doc = parse_repeated("- ${DETOUR_TEST_LARGE}\n", 5000, "", &diags); /* 500 MB */
    assert_null(doc);
    assert_non_null(strstr(diags.items[0].message, "needs more than"));
    diags_fini(&diags);
    unsetenv("DETOUR_TEST_LARGE");
    free(large);
}

static const struct {
    const char *text;
    bool is_null;
    int is_bool; /* -1: none */
} word_cases[] = {
    {"null", true, -1},    {"~", true, -1},       {"", true, -1},     {"Null", true, -1},
    {"'null'", false, -1}, {"''", false, -1},     {"true", false, 1}, {"True", false, 1},
    {"yes", false, 1},     {"on", false, 1},      {"off", false, 0},  {"no", false, 0},
    {"FALSE", false, 0},   {"'true'", false, -1}, {"1", false, -1},   {"[true]", false, -1},
    {"y", false, -1},
};

static void words_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(word_cases); i++) {
        char *text = mem_format("a: %s\n", word_cases[i].text);
        struct diags diags;
        struct yaml_doc *doc;
        const struct yaml_node *node;
        bool value = false;
        bool is_bool;

        diags_init(&diags);
        doc = yaml_parse("t.yaml", span_of(text), false, &diags);
        node = yaml_get(yaml_root(doc), "a");
        is_bool = yaml_as_bool(node, &value);
        if (yaml_is_null(node) != word_cases[i].is_null ||
            (is_bool ? (int)value : -1) != word_cases[i].is_bool) {
            fail_msg("word %s", word_cases[i].text);
        }
        yaml_free(doc);
        diags_fini(&diags);
        free(text);
    }
}

static void files_that_cannot_be_read_say_why(void **state)
{
    struct diags diags;

    (void)state;
    diags_init(&diags);
    assert_null(yaml_open("/nonexistent/detour.yaml", &diags));
    assert_null(yaml_open("/", &diags));
    assert_null(yaml_open("/dev/null", &diags));
    assert_int_equal(diags.error_count, 3);
    assert_non_null(strstr(diags.items[0].message, "cannot be read: No such file"));
    assert_string_equal(diags.items[0].place.file, "/nonexistent/detour.yaml");
    assert_non_null(strstr(diags.items[1].message, "cannot be read: Is a directory"));
    assert_non_null(strstr(diags.items[2].message, "the file is empty"));
    diags_fini(&diags);
}

static void a_giant_file_is_not_read(void **state)
{
    struct diags diags;

    (void)state;
    diags_init(&diags);
    assert_null(yaml_open("/dev/zero", &diags));
    assert_int_equal(diags.error_count, 1);
    assert_non_null(strstr(diags.items[0].message, "larger than 16 MiB"));
    diags_fini(&diags);
}

static void missing_keys_are_null(void **state)
{
    struct diags diags;
    struct yaml_doc *doc;

    (void)state;
    diags_init(&diags);
    doc = yaml_parse("t.yaml", SPAN("a: [1]\n"), false, &diags);
    assert_null(yaml_get(yaml_root(doc), "b"));
    assert_null(yaml_get(yaml_get(yaml_root(doc), "a"), "b"));
    assert_null(yaml_get(NULL, "b"));
    yaml_free(doc);
    yaml_free(NULL);
    diags_fini(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_become_nodes),
        cmocka_unit_test(bad_documents_say_where_and_what),
        cmocka_unit_test(all_errors_come_at_once),
        cmocka_unit_test(the_first_of_duplicates_counts),
        cmocka_unit_test(broken_and_replaced_texts_are_marked),
        cmocka_unit_test(literal_text_is_left_alone),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(replaced_text_is_bounded),
        cmocka_unit_test(words_are_told_apart),
        cmocka_unit_test(files_that_cannot_be_read_say_why),
        cmocka_unit_test(a_giant_file_is_not_read),
        cmocka_unit_test(missing_keys_are_null),
    };

    setenv("DETOUR_TEST_SET", "value: [x]", 1);
    setenv("DETOUR_TEST_EMPTY", "", 1);
    setenv("DETOUR_TEST_LATIN", "\xe4", 1);
    unsetenv("DETOUR_TEST_UNSET");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
