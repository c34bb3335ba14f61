/* Where a field comes from: paths, query parameters, lists of them, constants. */
#include "readers_fixture.h"

#include "event/origin.h"

enum { ARENA_BYTES = 1 << 20 };

static const char *const schema_text =
    "{\"type\":\"record\",\"name\":\"t.Event\",\"fields\":["
    "{\"name\":\"email\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"backup\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"url\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"A\",\"B\"]},"
    "\"default\":\"A\"},"
    "{\"name\":\"count\",\"type\":\"int\",\"default\":0},"
    "{\"name\":\"price\",\"type\":\"double\",\"default\":0},"
    "{\"name\":\"rate\",\"type\":\"float\",\"default\":0},"
    "{\"name\":\"ok\",\"type\":\"boolean\",\"default\":false},"
    "{\"name\":\"money\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
    "\"scale\":3},\"default\":\"\"},"
    "{\"name\":\"raw\",\"type\":\"bytes\",\"default\":\"\"},"
    "{\"name\":\"either\",\"type\":[\"null\",\"long\",\"string\"],\"default\":null},"
    "{\"name\":\"items\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"Item\",\"fields\":[{\"name\":\"sku\",\"type\":\"string\"}]}},\"default\":[]}]}";

static struct yaml_doc *doc_of(const char *yaml, struct diags *diags)
{
    struct yaml_doc *doc = yaml_parse("detour.yaml", span_of(yaml), true, diags);

    if (doc == NULL) {
        fail_msg("the test's own YAML is wrong: %s: %s", yaml, first_diag(diags));
    }
    return doc;
}

static const struct {
    const char *name;
    const char *origin; /* YAML */
    const char *event;  /* JSON */
    const char *want;   /* as text; NULL: not present */
} text_rows[] = {
    {"a path", "email", "{\"email\":\"a@example.com\"}", "a@example.com"},
    {"null is not present", "email", "{}", NULL},
    {"empty text is not present", "email", "{\"email\":\"\"}", NULL},
    {"white space is not present", "email", "{\"email\":\" \"}", NULL},
    {"an enum", "kind", "{\"kind\":\"B\"}", "B"},
    {"an int", "count", "{\"count\":-7}", "-7"},
    {"zero is present", "count", "{\"count\":0}", "0"},
    {"a double in its shortest form", "price", "{\"price\":19.99}", "19.99"},
    {"a whole double", "price", "{\"price\":20.0}", "20"},
    {"a float in its own shortest form", "rate", "{\"rate\":0.1}", "0.1"},
    {"a boolean", "ok", "{\"ok\":true}", "true"},
    {"false is present", "ok", "{}", "false"},
    {"a decimal", "money", "{\"money\":\"\\u0004\\u00d2\"}", "1.234"},
    {"a decimal with zeros at its end", "money", "{\"money\":\"\\u0003\\u00e8\"}", "1"},
    {"a union's text", "either", "{\"either\":\"x\"}", "x"},
    {"a union's number", "either", "{\"either\":5}", "5"},
    {"a query parameter", "url?ttclid", "{\"url\":\"https://a.example/?x=1&ttclid=E.C.P.1\"}",
     "E.C.P.1"},
    {"a query parameter, decoded once", "url?q", "{\"url\":\"https://a.example/?q=a%2Bb+c%2525\"}",
     "a+b c%25"},
    {"an absent query parameter", "url?none", "{\"url\":\"https://a.example/?q=1\"}", NULL},
    {"an empty query parameter", "url?q", "{\"url\":\"https://a.example/?q=&r=1\"}", NULL},
    {"a query parameter of nothing", "url?q", "{}", NULL},
    {"a query parameter with brackets", "'url?utm[x]'", "{\"url\":\"https://a.example/?utm[x]=1\"}",
     "1"},
    {"the first of a list", "[email, backup]", "{\"email\":\"a\",\"backup\":\"b\"}", "a"},
    {"the second when the first is null", "[email, backup]", "{\"backup\":\"b\"}", "b"},
    {"the second when the first is empty", "[email, backup]", "{\"email\":\"\",\"backup\":\"b\"}",
     "b"},
    {"the second when the first is blank", "[email, backup]",
     "{\"email\":\" \\t\",\"backup\":\"b\"}", "b"},
    {"the second when the parameter is blank", "[url?q, email]",
     "{\"url\":\"https://a.example/?q=+%20\",\"email\":\"a\"}", "a"},
    {"nothing but blanks in a list", "[email, backup]", "{\"email\":\" \",\"backup\":\"\"}", NULL},
    {"zero in a list is no blank", "[count, backup]", "{\"backup\":\"b\"}", "0"},
    {"the second when there is no such parameter", "[url?ttclid, email]",
     "{\"url\":\"https://a.example/\",\"email\":\"a\"}", "a"},
    {"a constant at the end of a list", "[email, {value: none}]", "{}", "none"},
    {"nothing in a list", "[email, backup]", "{}", NULL},
    {"a constant text", "{value: product}", "{}", "product"},
    {"a quoted number is text", "{value: '007'}", "{}", "007"},
    {"digits with a zero before are text", "{value: 007}", "{}", "007"},
    {"a constant integer", "{value: 12}", "{}", "12"},
    {"a constant number", "{value: 1.50}", "{}", "1.5"},
    {"a constant true", "{value: true}", "{}", "true"},
    {"a country is no boolean", "{value: NO}", "{}", "NO"},
    {"a missing value, written out", "email", "{\"email\":\"undefined\"}", NULL},
    {"the second when the first is written out", "[email, backup]",
     "{\"email\":\"null\",\"backup\":\"b\"}", "b"},
    {"the second when the parameter is a placeholder", "[url?ttclid, email]",
     "{\"url\":\"https://a.example/?ttclid=__CLICKID__\",\"email\":\"a\"}", "a"},
    {"the second when the parameter is a placeholder, encoded", "[url?ttclid, email]",
     "{\"url\":\"https://a.example/?ttclid=%257B%257Bttclid%257D%257D\",\"email\":\"a\"}", "a"},
    {"a word that may be a name", "email", "{\"email\":\"None\"}", "None"},
    {"and is none as a parameter", "url?q", "{\"url\":\"?q=None\"}", NULL},
    {"a constant is what it says", "{value: none}", "{}", "none"},
    {"also in quotes", "{value: '-'}", "{}", "-"},
    {"plain bytes are no text", "raw", "{\"raw\":\"abc\"}", NULL},
    {"an array is no text", "items", "{\"items\":[]}", NULL},
};

static void a_source_gives_what_is_present_as_text(void **state)
{
    struct readers readers = readers_of(&schema_text, 1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(text_rows); i++) {
        struct diags diags;
        struct arena arena;
        struct yaml_doc *doc;
        struct origin *origin;
        struct value root;
        struct origin_value got;
        struct span text;

        diags_init(&diags);
        arena_init(&arena, ARENA_BYTES);
        doc = doc_of(text_rows[i].origin, &diags);
        origin = origin_compile(yaml_root(doc), &readers, false, &diags);
        if (origin == NULL) {
            fail_msg("%s: %s", text_rows[i].name, first_diag(&diags));
        }
        root = value_of(&readers, 0, text_rows[i].event, &arena);
        got = origin_get(origin, 0, &root, &arena);
        text = origin_text(&got, &arena);
        if ((text.ptr == NULL) != (text_rows[i].want == NULL) ||
            (text.ptr != NULL && !span_is(text, text_rows[i].want))) {
            fail_msg("%s: got '" SPAN_FMT "'", text_rows[i].name, SPAN_ARG(text));
        }
        origin_free(origin);
        yaml_free(doc);
        arena_fini(&arena);
        diags_fini(&diags);
    }
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *origin;
    bool has_value; /* a typed value; else text */
    enum type_kind kind;
} typed_rows[] = {
    {"an int keeps its type", "count", true, TYPE_INT},
    {"a union gives its branch's type", "either", true, TYPE_LONG},
    {"an array can be had as a value", "items", true, TYPE_ARRAY},
    {"a constant integer is a long", "{value: 3}", true, TYPE_LONG},
    {"a constant fraction is a double", "{value: 3.5}", true, TYPE_DOUBLE},
    {"an integer past 64 bits is a double", "{value: 9223372036854775808}", true, TYPE_DOUBLE},
    {"a constant truth is a boolean", "{value: false}", true, TYPE_BOOL},
    {"a constant text is text", "{value: x}", false, TYPE_NULL},
    {"a quoted truth is text", "{value: 'true'}", false, TYPE_NULL},
    {"a query parameter is text", "url?q", false, TYPE_NULL},
};

static void a_source_says_what_type_it_gives(void **state)
{
    struct readers readers = readers_of(&schema_text, 1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(typed_rows); i++) {
        struct diags diags;
        struct arena arena;
        struct yaml_doc *doc;
        struct origin *origin;
        struct value root;
        struct origin_value got;

        diags_init(&diags);
        arena_init(&arena, ARENA_BYTES);
        doc = doc_of(typed_rows[i].origin, &diags);
        origin = origin_compile(yaml_root(doc), &readers, false, &diags);
        assert_non_null(origin);
        root = value_of(&readers, 0, "{\"either\":5,\"url\":\"http://a.example?q=1\"}", &arena);
        got = origin_get(origin, 0, &root, &arena);
        if (!got.is_present || (got.value != NULL) != typed_rows[i].has_value ||
            (got.value != NULL && (got.type == NULL || got.type->kind != typed_rows[i].kind)) ||
            (got.value == NULL && got.type != NULL)) {
            fail_msg("%s", typed_rows[i].name);
        }
        origin_free(origin);
        yaml_free(doc);
        arena_fini(&arena);
        diags_fini(&diags);
    }
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *origin;
    const char *want; /* part of the error */
    unsigned line, column;
} error_rows[] = {
    {"an unknown path", "emial", "emial", 1, 1},
    {"an unknown path in a list", "[email,\n emial]", "emial", 2, 2},
    {"an unknown path under a parameter", "urll?q", "urll", 1, 1},
    {"a parameter without a name", "url?", "write PATH?NAME", 1, 1},
    {"a parameter of a number", "count?q", "'count' is of type int", 1, 1},
    {"nothing", "~", "a path is missing", 1, 1},
    {"an empty list", "[]", "1 to 64", 1, 1},
    {"a list in a list", "[email, [backup]]", "a list inside a list", 1, 9},
    {"an unknown key", "{valeu: 3}", "unknown key 'valeu'", 1, 2},
    {"an each where one value is wanted", "{each: items, fields: {}}", "'each'", 1, 2},
    {"an empty mapping", "{}", "an empty mapping", 1, 1},
    {"a null constant", "{value: null}", "a constant is", 1, 9},
    {"a list as constant", "{value: [1]}", "a constant is", 1, 9},
    {"an empty constant", "{value: ''}", "leave it out", 1, 9},
};

static void what_cannot_be_a_source_is_an_error_with_its_place(void **state)
{
    struct readers readers = readers_of(&schema_text, 1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
        struct diags diags;
        struct yaml_doc *doc;

        diags_init(&diags);
        doc = doc_of(error_rows[i].origin, &diags);
        assert_null(origin_compile(yaml_root(doc), &readers, false, &diags));
        if (!has_diag(&diags, DIAG_ERROR, error_rows[i].want) ||
            diags.items[0].place.line != error_rows[i].line ||
            diags.items[0].place.column != error_rows[i].column) {
            fail_msg("%s: got %u:%u %s", error_rows[i].name,
                     diags.count == 0 ? 0 : diags.items[0].place.line,
                     diags.count == 0 ? 0 : diags.items[0].place.column, first_diag(&diags));
        }
        yaml_free(doc);
        diags_fini(&diags);
    }
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *origin;
    bool is_there;
} default_rows[] = {
    {"a known path", "email", true},
    {"an unknown path", "user.email", false},
    {"one of two", "[page.url?ttclid, email]", true},
    {"none of two", "[page.url?ttclid, user.ttclid]", false},
    {"a parameter of a number", "count?q", false},
};

static void a_default_that_no_reader_has_gives_nothing_and_no_error(void **state)
{
    struct readers readers = readers_of(&schema_text, 1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(default_rows); i++) {
        struct diags diags;
        struct yaml_doc *doc;
        struct origin *origin;

        diags_init(&diags);
        doc = doc_of(default_rows[i].origin, &diags);
        origin = origin_compile(yaml_root(doc), &readers, true, &diags);
        if ((origin != NULL) != default_rows[i].is_there || diags.count > 0) {
            fail_msg("%s: %s", default_rows[i].name, first_diag(&diags));
        }
        origin_free(origin);
        yaml_free(doc);
        diags_fini(&diags);
    }
    readers_done(&readers);
}

static void an_each_s_fields_start_at_its_elements(void **state)
{
    struct readers readers = readers_of(&schema_text, 1);
    const struct type *items = type_field(readers.schemas[0]->root, SPAN("items"), NULL)->type;
    const struct type *const types[] = {items->items};
    struct value root;
    struct arena arena;
    struct diags diags;
    struct yaml_doc *doc;
    struct origin *origin;
    struct origin_value got;

    (void)state;
    diags_init(&diags);
    arena_init(&arena, ARENA_BYTES);
    doc = doc_of("sku", &diags);
    origin = origin_compile_from(yaml_root(doc), types, 1, &diags);
    assert_non_null(origin);
    root = value_of(&readers, 0, "{\"items\":[{\"sku\":\"s-1\"}]}", &arena);
    got = origin_get(origin, 0, &root.items[root.len - 1].items[0], &arena);
    assert_true(span_is(origin_text(&got, &arena), "s-1"));
    origin_free(origin);
    yaml_free(doc);
    doc = doc_of("email", &diags);
    assert_null(origin_compile_from(yaml_root(doc), types, 1, &diags));
    assert_int_equal(diags.error_count, 1);
    yaml_free(doc);
    arena_fini(&arena);
    diags_fini(&diags);
    readers_done(&readers);
}

static void a_second_reader_may_lack_the_path(void **state)
{
    const char *const texts[] = {schema_text,
                                 "{\"type\":\"record\",\"name\":\"t.Other\",\"fields\":["
                                 "{\"name\":\"mail\",\"type\":\"string\"}]}"};
    struct readers readers = readers_of(texts, 2);
    struct arena arena;
    struct diags diags;
    struct yaml_doc *doc;
    struct origin *origin;
    struct value root;
    struct origin_value got;

    (void)state;
    diags_init(&diags);
    arena_init(&arena, ARENA_BYTES);
    doc = doc_of("[email, mail]", &diags);
    origin = origin_compile(yaml_root(doc), &readers, false, &diags);
    assert_non_null(origin);
    root = value_of(&readers, 1, "{\"mail\":\"m\"}", &arena);
    got = origin_get(origin, 1, &root, &arena);
    assert_true(span_is(origin_text(&got, &arena), "m"));
    root = value_of(&readers, 0, "{}", &arena);
    got = origin_get(origin, 0, &root, &arena);
    assert_false(got.is_present);
    origin_free(origin);
    yaml_free(doc);
    arena_fini(&arena);
    diags_fini(&diags);
    readers_done(&readers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_gives_what_is_present_as_text),
        cmocka_unit_test(a_source_says_what_type_it_gives),
        cmocka_unit_test(what_cannot_be_a_source_is_an_error_with_its_place),
        cmocka_unit_test(a_default_that_no_reader_has_gives_nothing_and_no_error),
        cmocka_unit_test(an_each_s_fields_start_at_its_elements),
        cmocka_unit_test(a_second_reader_may_lack_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
