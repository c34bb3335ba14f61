#include "schema/path.h"

#include "readers_fixture.h"

enum { ARENA_BYTES_MAX = 1024 * 1024 };

static const char shop_json[] =
    "{\"type\":\"record\",\"name\":\"com.example.ConversionEvent\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},"
    "{\"name\":\"user\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"User\",\"fields\":["
    "{\"name\":\"email\",\"type\":[\"null\",\"string\"]},{\"name\":\"age\",\"type\":\"int\"}]}]},"
    "{\"name\":\"payment\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Card\",\"fields\":["
    "{\"name\":\"fee\",\"type\":\"double\"},{\"name\":\"bank\",\"type\":\"string\"}]},"
    "{\"type\":\"record\",\"name\":\"Voucher\",\"fields\":[{\"name\":\"fee\",\"type\":\"long\"}]}]}"
    ","
    "{\"name\":\"products\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"Product\",\"fields\":[{\"name\":\"sku\",\"type\":\"string\"}]}}},"
    "{\"name\":\"context\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"string\"]}}]}";

static const char blog_json[] = "{\"type\":\"record\",\"name\":\"com.example.PageView\",\"fields\":"
                                "[{\"name\":\"event\",\"type\":"
                                "\"string\"},{\"name\":\"url\",\"type\":\"string\"}]}";

static const char *const both[] = {shop_json, blog_json};

static const char event_json[] =
    "{\"event\":\"Order\",\"user\":{\"email\":\"ann@example.com\",\"age\":30},\"payment\":{\"fee\":"
    "7},"
    "\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\"}],\"context\":{\"first.name\":\"Ann\",\"say "
    "\\\"hi\\\"\":\"yes\",\"none\":null,\"7\":\"seven\"}}";

static const struct {
    const char *name;
    const char *path;
    const char *want; /* as JSON; NULL: missing */
} found_cases[] = {
    {"a field", "event", "\"Order\""},
    {"through an optional record", "user.email", "\"ann@example.com\""},
    {"an element", "products.1.sku", "\"b\""},
    {"past the end of the array", "products.2.sku", NULL},
    {"a key with a dot", "context[\"first.name\"]", "\"Ann\""},
    {"a key with quotes", "context[\"say \\\"hi\\\"\"]", "\"yes\""},
    {"a key of digits", "context.7", "\"seven\""},
    {"brackets for a plain name", "user[\"email\"]", "\"ann@example.com\""},
    {"brackets first", "[\"user\"].email", "\"ann@example.com\""},
    {"no such key", "context.nobody", NULL},
    {"a key whose value is null", "context.none", NULL},
    {"the branch that is there has it", "payment.fee", "7"},
    {"the branch that is there has it not", "payment.bank", NULL},
};

static void paths_lead_to_values(void **state)
{
    struct readers readers = readers_of(both, COUNT_OF(both));
    struct arena arena;
    struct value root;

    (void)state;
    arena_init(&arena, ARENA_BYTES_MAX);
    root = value_of(&readers, 0, event_json, &arena);
    for (size_t i = 0; i < COUNT_OF(found_cases); i++) {
        const char *name = found_cases[i].name;
        const struct value *value;
        struct path *path = NULL;
        struct err err = {0};
        struct buf json;

        if (path_compile(&readers, span_of(found_cases[i].path), &path, &err) != ERR_OK) {
            fail_msg("%s: %s", name, err.text);
        }
        buf_init(&json, 1024);
        value = path_get(path, 0, &root);
        if ((value == NULL) != (found_cases[i].want == NULL)) {
            fail_msg("%s: %s", name, value == NULL ? "missing" : "there");
        }
        if (value != NULL) {
            value_to_json(value,
                          path_type(path, 0)->kind == TYPE_UNION
                              ? path_type(path, 0)->branches[value->kind == VALUE_LONG]
                              : path_type(path, 0),
                          &json);
            assert_string_equal(buf_text(&json), found_cases[i].want);
        }
        buf_fini(&json);
        path_free(path);
    }
    arena_fini(&arena);
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *path;
    const char *want[2]; /* type's word per reader; NULL: missing there */
} type_cases[] = {
    {"both have it", "event", {"string", "string"}},
    {"null taken off", "user.email", {"string", NULL}},
    {"only the second has it", "url", {NULL, "string"}},
    {"a record", "user", {"User", NULL}},
    {"two branches end differently", "payment.fee", {"union", NULL}},
    {"one branch has it", "payment.bank", {"string", NULL}},
    {"a map's value", "context.any", {"string", NULL}},
    {"a union stays a union", "payment", {"union", NULL}},
};

static void types_are_known_before_any_event(void **state)
{
    struct readers readers = readers_of(both, COUNT_OF(both));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(type_cases); i++) {
        struct path *path = NULL;

        assert_int_equal(path_compile(&readers, span_of(type_cases[i].path), &path, NULL), ERR_OK);
        for (size_t k = 0; k < 2; k++) {
            const struct type *type = path_type(path, k);
            const char *want = type_cases[i].want[k];
            struct span name = type == NULL ? SPAN_NONE : type->name;

            if ((type == NULL) != (want == NULL) ||
                (want != NULL && !span_ends(name, span_of(want)))) {
                fail_msg("%s: reader %zu: " SPAN_FMT, type_cases[i].name, k, SPAN_ARG(name));
            }
        }
        path_free(path);
    }
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *path;
    const char *want;
} wrong_cases[] = {
    {"misspelt", "user.emial",
     "no field 'user.emial' in com.example.ConversionEvent; did you mean email?"},
    {"nothing near", "user.zzzzzzzz", "no field 'user.zzzzzzzz' in com.example.ConversionEvent"},
    {"misspelt at the root", "evnet", "did you mean event?"},
    {"below a text", "event.name", "what holds it is of type string"},
    {"an array needs a number", "products.sku", "there is an array"},
    {"a negative index", "products.-1.sku", "there is an array"},
    {"empty", "", "1 to 1024 characters"},
    {"dot first", ".event", "is not a path"},
    {"dot last", "event.", "is not a path"},
    {"two dots", "user..email", "is not a path"},
    {"open bracket", "user[\"email\"", "is not a path"},
    {"no quotes", "user[email]", "is not a path"},
    {"nothing in the quotes", "user[\"\"]", "is not a path"},
    {"text behind a bracket", "user[\"email\"]x", "is not a path"},
};

static void wrong_paths_say_what_is_there(void **state)
{
    struct readers readers = readers_of(both, COUNT_OF(both));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong_cases); i++) {
        struct path *path = NULL;
        struct err err = {0};
        enum err_code rc = path_compile(&readers, span_of(wrong_cases[i].path), &path, &err);

        if (rc != ERR_CONFIG || strstr(err.text, wrong_cases[i].want) == NULL) {
            path_free(path);
            fail_msg("%s: rc %d, %s", wrong_cases[i].name, (int)rc, err.text);
        }
    }
    readers_done(&readers);
}

static void paths_have_a_length(void **state)
{
    struct readers readers = readers_of(both, COUNT_OF(both));
    struct path *path = NULL;
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    for (int i = 0; i < 40; i++) {
        buf_add_text(&text, i == 0 ? "context" : ".a");
    }
    assert_int_equal(path_compile(&readers, buf_span(&text), &path, NULL), ERR_CONFIG);
    for (int i = 0; i < 1000; i++) {
        buf_add_text(&text, "aa");
    }
    assert_int_equal(path_compile(&readers, buf_span(&text), &path, NULL), ERR_CONFIG);
    buf_fini(&text);
    readers_done(&readers);
}

static void an_each_goes_on_from_the_element(void **state)
{
    struct readers readers = readers_of(both, COUNT_OF(both));
    const struct type *types[2] = {NULL, NULL};
    struct path *products = NULL;
    struct path *sku = NULL;
    struct arena arena;
    struct value root;
    struct err err = {0};

    (void)state;
    arena_init(&arena, ARENA_BYTES_MAX);
    root = value_of(&readers, 0, event_json, &arena);
    assert_int_equal(path_compile(&readers, SPAN("products"), &products, NULL), ERR_OK);
    types[0] = path_type(products, 0)->items;
    assert_int_equal(path_compile_from(types, 2, SPAN("sku"), &sku, NULL), ERR_OK);
    assert_true(
        span_is(value_text(path_get(sku, 0, &path_get(products, 0, &root)->items[1])), "b"));
    assert_null(path_type(sku, 1));
    path_free(sku);
    assert_int_equal(path_compile_from(types, 2, SPAN("skuu"), &sku, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "did you mean sku?"));
    path_free(products);
    arena_fini(&arena);
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *url;
    const char *parameter;
    const char *want; /* NULL: absent */
} query_cases[] = {
    {"the only one", "https://shop.example/?ttclid=abc", "ttclid", "abc"},
    {"the second", "https://shop.example/?a=1&ttclid=abc&b=2", "ttclid", "abc"},
    {"the first of two", "?a=1&a=2", "a", "1"},
    {"not there", "https://shop.example/?a=1", "b", NULL},
    {"no query", "https://shop.example/a=1", "a", NULL},
    {"empty", "?a=&b=1", "a", ""},
    {"without equals sign", "?a&b=1", "a", ""},
    {"the last, empty", "?b=1&a", "a", ""},
    {"percent and plus", "?a=x%20y+z%2Bw", "a", "x y z+w"},
    {"decoded once", "?a=%2525", "a", "%25"},
    {"UTF-8", "?a=Z%C3%BCrich", "a", "Z\xc3\xbcrich"},
    {"lower-case hex", "?a=%c3%bc", "a", "\xc3\xbc"},
    {"not UTF-8", "?a=%ff", "a", NULL},
    {"not UTF-8 as it stands", "?a=\xff", "a", NULL},
    {"cut percent", "?a=%4", "a", NULL},
    {"no hex", "?a=%zz", "a", NULL},
    {"an encoded name", "?utm%5Fsource=t", "utm_source", "t"},
    {"a longer name is another", "?aa=1", "a", NULL},
    {"a shorter name is another", "?a=1", "aa", NULL},
    {"a heading is no query", "https://shop.example/?a=1#b", "b", NULL},
    {"the fragment ends the value", "?a=1#x", "a", "1"},
    {"a question mark in the fragment", "https://shop.example/#?a=1", "a", "1"},
    {"an equals sign in the value", "?a=b=c", "a", "b=c"},
    {"a question mark in the value", "?a=b?c", "a", "b?c"},
    {"empty pairs", "?&&a=1&", "a", "1"},
    {"empty URL", "", "a", NULL},
    {"an empty one, then one with something in it", "?a=&a=2", "a", "2"},
    {"a placeholder, then a real one", "?a=__CLICKID__&a=E.C.P.1", "a", "E.C.P.1"},
    {"a placeholder alone", "?a=__CLICKID__", "a", "__CLICKID__"},
    {"an empty one, then a placeholder", "?a=&a=null", "a", "null"},
    {"broken, then whole", "?a=%4&a=2", "a", "2"},
    {"another case", "?UTM_Source=t", "utm_source", "t"},
    {"the exact name before another case", "?UTM_Source=t&utm_source=u", "utm_source", "u"},
    {"another case rather than nothing", "?utm_source=&UTM_SOURCE=u", "utm_source", "u"},
    {"escaped ampersands", "?x=1&amp;a=2&amp;b=3", "b", "3"},
    {"escaped twice", "?x=1&amp;amp;a=2", "a", "2"},
    {"escaped by number", "?x=1&#38;a=2&#x26;b=3#a=4", "b", "3"},
    {"a parameter called amp", "?amp=1", "amp", "1"},
    {"behind a hash router", "https://shop.example/#/shop?ttclid=E.C.P.1", "ttclid", "E.C.P.1"},
    {"behind another hash router", "https://shop.example/?a=1#!/shop?b=2&c=3", "c", "3"},
    {"the query goes before the router's", "https://shop.example/?a=1#/shop?a=2", "a", "1"},
    {"the router's, when the query's is empty", "https://shop.example/?a=#/shop?a=2", "a", "2"},
    {"a router without a query", "https://shop.example/#/a=1", "a", NULL},
    {"in place of the fragment", "https://shop.example/#b=2&c=3", "c", "3"},
    {"a fragment behind a query does not count", "https://shop.example/?a=1#b=2", "b", NULL},
    {"the query goes before the fragment", "https://shop.example/?a=1#a=2", "a", "1"},
    {"a route without a slash", "https://shop.example/#cart?a=1", "a", "1"},
    {"a route without a slash is no name", "https://shop.example/#a=3?b=1", "a", NULL},
    {"nothing behind the hash", "https://shop.example/?a=1#", "b", NULL},
    {"only the leftover", "?a=1&amp;", "amp;", NULL},
};

static void query_parameters_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(query_cases); i++) {
        struct arena arena;
        struct span got;
        struct span want = span_of(query_cases[i].want);

        arena_init(&arena, ARENA_BYTES_MAX);
        got = url_query_get(span_of(query_cases[i].url), span_of(query_cases[i].parameter), &arena);
        if ((got.ptr == NULL) != (want.ptr == NULL) || !span_eq(got, want)) {
            fail_msg("%s: got " SPAN_FMT, query_cases[i].name, SPAN_ARG(got));
        }
        arena_fini(&arena);
    }
    assert_null(url_query_get(SPAN_NONE, SPAN("a"), NULL).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(types_are_known_before_any_event),
        cmocka_unit_test(wrong_paths_say_what_is_there),
        cmocka_unit_test(paths_have_a_length),
        cmocka_unit_test(an_each_goes_on_from_the_element),
        cmocka_unit_test(query_parameters_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
