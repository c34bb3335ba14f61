/* Bodies: what is made of an event, and what is refused when the configuration is loaded. */
#include "http_world.h"

#include <math.h>

static const struct {
    const char *name;
    const char *body;  /* YAML */
    const char *event; /* JSON */
    const char *want;  /* NULL: nothing of it is in the event */
} rows[] = {
    {"a path", "{id: id}", "{\"id\":\"o-1\"}", "{\"id\":\"o-1\"}"},
    {"members stand in the order of the file", "{z: event, a: id}", "{\"id\":\"o-1\"}",
     "{\"z\":\"Purchase\",\"a\":\"o-1\"}"},
    {"what is missing is left out", "{id: id, e: event, n: count}", "{}", "{\"e\":\"Purchase\"}"},
    {"what is empty is left out", "{b: backup, e: event}", "{\"backup\":\"\"}",
     "{\"e\":\"Purchase\"}"},
    {"what is missing, written out, is left out", "{b: backup, i: id, u: url?gclid, e: event}",
     "{\"backup\":\"undefined\",\"id\":\"__ORDER_ID__\",\"url\":\"?gclid=None\"}",
     "{\"e\":\"Purchase\"}"},
    {"and does not hide the next", "{b: [id, url?gclid, backup]}",
     "{\"id\":\"null\",\"url\":\"?gclid=%7Bgclid%7D\",\"backup\":\"None\"}", "{\"b\":\"None\"}"},
    {"the first that is present", "{b: [id, backup]}", "{\"backup\":\"b\"}", "{\"b\":\"b\"}"},
    {"a query parameter of a URL", "{c: url?gclid}",
     "{\"url\":\"https://shop.example/?gclid=a%2Bb\"}", "{\"c\":\"a+b\"}"},
    {"a constant text", "{s: {value: shop}}", "{}", "{\"s\":\"shop\"}"},
    {"a constant number", "{v: {value: 2}}", "{}", "{\"v\":2}"},
    {"a constant truth", "{v: {value: true}}", "{}", "{\"v\":true}"},
    {"a quoted constant stays text", "{v: {value: '2'}}", "{}", "{\"v\":\"2\"}"},
    {"an int", "{n: count}", "{\"count\":-7}", "{\"n\":-7}"},
    {"zero is there", "{n: count}", "{\"count\":0}", "{\"n\":0}"},
    {"all 64 bits", "{n: big}", "{\"big\":9007199254740993}", "{\"n\":9007199254740993}"},
    {"a double", "{n: price}", "{\"price\":19.99}", "{\"n\":19.99}"},
    {"a float in its own digits", "{n: rate}", "{\"rate\":0.1}", "{\"n\":0.1}"},
    {"a decimal is a number", "{n: money}", "{\"money\":\"\\u0007\\u00cf\"}", "{\"n\":19.99}"},
    {"false is there", "{n: ok}", "{\"ok\":false}", "{\"n\":false}"},
    {"quotation marks and line ends", "{id: id}", "{\"id\":\"a\\\"b\\nc\"}",
     "{\"id\":\"a\\\"b\\nc\"}"},
    {"a name with quotation marks", "{'a\"b': id}", "{\"id\":\"x\"}", "{\"a\\\"b\":\"x\"}"},
    {"nested objects", "{order: {total: price, by: {name: user.name}}}",
     "{\"price\":5,\"user\":{\"name\":\"Ann\"}}",
     "{\"order\":{\"total\":5,\"by\":{\"name\":\"Ann\"}}}"},
    {"an object without members is left out", "{order: {by: {name: user.name}}, e: event}", "{}",
     "{\"e\":\"Purchase\"}"},
    {"an empty one between others takes no comma", "{e: event, o: {n: count}, i: id}",
     "{\"id\":\"x\"}", "{\"e\":\"Purchase\",\"i\":\"x\"}"},
    {"value and another member are an object", "{price: {value: price, unit: {value: EUR}}}",
     "{\"price\":5}", "{\"price\":{\"value\":5,\"unit\":\"EUR\"}}"},
    {"value alone as an object has its path in a list", "{price: {value: [price]}}",
     "{\"price\":5}", "{\"price\":{\"value\":5}}"},
    {"a whole record", "{u: user}", "{\"user\":{\"name\":\"Ann\"}}",
     "{\"u\":{\"name\":\"Ann\",\"age\":null}}"},
    {"a whole array", "{t: tags}", "{\"tags\":[\"a\",\"b\"]}", "{\"t\":[\"a\",\"b\"]}"},
    {"an array of objects", "{l: {each: lines, fields: {s: sku, p: price}}}",
     "{\"lines\":[{\"sku\":\"A\",\"price\":1},{\"sku\":\"B\"}]}",
     "{\"l\":[{\"s\":\"A\",\"p\":1},{\"s\":\"B\"}]}"},
    {"null and empty elements are left out", "{l: {each: lines, fields: {s: sku}}}",
     "{\"lines\":[null,{\"sku\":\"A\"},{},null,{\"sku\":\"B\"},null]}",
     "{\"l\":[{\"s\":\"A\"},{\"s\":\"B\"}]}"},
    {"an array of nothing is left out", "{l: {each: lines, fields: {s: sku}}, e: event}",
     "{\"lines\":[{},null]}", "{\"e\":\"Purchase\"}"},
    {"nulls alone", "{e: event, l: {each: lines, fields: {s: sku}}}", "{\"lines\":[null,null]}",
     "{\"e\":\"Purchase\"}"},
    {"an empty array is left out", "{l: {each: lines, fields: {s: sku}}, e: event}", "{}",
     "{\"e\":\"Purchase\"}"},
    {"an object inside an element", "{l: {each: lines, fields: {o: {s: sku}, p: price}}}",
     "{\"lines\":[{\"sku\":\"A\"},{\"price\":2}]}", "{\"l\":[{\"o\":{\"s\":\"A\"}},{\"p\":2}]}"},
    {"an array inside an element",
     "{l: {each: lines, fields: {s: sku, q: {each: parts, fields: {n: no}}}}}",
     "{\"lines\":[{\"sku\":\"A\",\"parts\":[{\"no\":1},{\"no\":2}]},{\"sku\":\"B\"},"
     "{\"parts\":[{\"no\":3}]}]}",
     "{\"l\":[{\"s\":\"A\",\"q\":[{\"n\":1},{\"n\":2}]},{\"s\":\"B\"},{\"q\":[{\"n\":3}]}]}"},
    {"after an array the record's own paths again",
     "{l: {each: lines, fields: {s: sku}}, e: event}", "{\"lines\":[{\"sku\":\"A\"}]}",
     "{\"l\":[{\"s\":\"A\"}],\"e\":\"Purchase\"}"},
    {"nothing of it is in the event", "{id: id, o: {n: count}}", "{}", NULL},
};

static void bodies_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_world world;
        struct buf yaml;
        struct buf out;
        struct err err = {0};
        uint32_t left_out = 9;
        enum err_code rc;

        buf_init(&yaml, 4096);
        buf_init(&out, 4096);
        buf_printf(&yaml, "body: %s", rows[i].body);
        http_open(&world, buf_text(&yaml));
        if (world.to == NULL) {
            fail_msg("%s: %s", rows[i].name, first_diag(&world.diags));
        }
        buf_add_text(&out, "before");
        rc = http_write(&world, rows[i].event, &out, &left_out, &err);
        if (rows[i].want == NULL) {
            if (rc != ERR_DATA || !span_is(buf_span(&out), "before")) {
                fail_msg("%s: rc %d, %s", rows[i].name, rc, buf_text(&out));
            }
        } else if (rc != ERR_OK || left_out != 0 ||
                   strcmp(buf_text(&out) + strlen("before"), rows[i].want) != 0) {
            fail_msg("%s: rc %d, left out %u, %s\nwant %s", rows[i].name, rc, left_out,
                     buf_text(&out), rows[i].want);
        }
        http_close(&world);
        buf_fini(&yaml);
        buf_fini(&out);
    }
}

static const struct {
    const char *name;
    const char *body;
    const char *part;
} bad_rows[] = {
    {"not a mapping", "id", "body: is a mapping"},
    {"a list", "[id]", "body: is a mapping"},
    {"an array of events", "{each: lines, fields: {s: sku}}", "format: array"},
    {"empty", "{}", "an empty mapping"},
    {"an empty member", "{a: {}}", "an empty mapping"},
    {"an unknown path", "{a: idd}", "idd"},
    {"an unknown path inside", "{a: {b: user.nmae}}", "nmae"},
    {"a path of an unknown record", "{c: page?x}", "page"},
    {"a missing path", "{a: null}", "a path is missing"},
    {"each without fields", "{a: {each: lines}}", "{each: PATH, fields:"},
    {"each with empty fields", "{a: {each: lines, fields: {}}}", "{each: PATH, fields:"},
    {"each with a misspelled key", "{a: {each: lines, field: {s: sku}}}", "did you mean fields?"},
    {"each of no array", "{a: {each: user, fields: {n: name}}}", "is of type record"},
    {"each of an unknown path", "{a: {each: linez, fields: {n: name}}}", "linez"},
    {"each of a list", "{a: {each: [lines], fields: {n: name}}}", "takes the path of an array"},
    {"a field of another record", "{a: {each: lines, fields: {n: event}}}", "event"},
    {"too deep",
     "{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: id}}}}}}}}}}}}"
     "}}}}}",
     "nested more than 16 deep"},
};

static void bad_bodies_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++) {
        struct http_world world;
        struct buf yaml;

        buf_init(&yaml, 4096);
        buf_printf(&yaml, "body: %s", bad_rows[i].body);
        http_open(&world, buf_text(&yaml));
        if (world.to != NULL || !has_diag(&world.diags, DIAG_ERROR, bad_rows[i].part)) {
            fail_msg("%s: %s", bad_rows[i].name, first_diag(&world.diags));
        }
        assert_int_equal(world.diags.items[0].place.line, 1);
        http_close(&world);
        buf_fini(&yaml);
    }
}

static void all_errors_come_at_once(void **state)
{
    struct http_world world;

    (void)state;
    http_open(&world, "body:\n  a: idd\n  b: {c: evnt}\n  d: {each: linez, fields: {s: sku}}\n"
                      "verdicts:\n  - {status: 20, is: retry}\n");
    assert_null(world.to);
    assert_int_equal(world.diags.error_count, 4);
    assert_int_equal(world.diags.items[1].place.line, 3);
    http_close(&world);
}

static void a_constant_that_is_a_path_is_warned_of(void **state)
{
    struct http_world world;

    (void)state;
    http_open(&world, "body: {a: {value: user.name}, b: {value: shop}, c: {value: 'id'}}");
    assert_non_null(world.to);
    assert_int_equal(world.diags.count, 1);
    assert_true(has_diag(&world.diags, DIAG_WARNING, "{value: [user.name]}"));
    http_close(&world);
}

static void no_number_is_left_out_and_counted(void **state)
{
    struct http_world world;
    struct value root;
    struct event_view view = {.root = &root};
    struct buf out;
    uint32_t left_out = 0;

    (void)state;
    http_open(&world, "body: {e: event, n: price}");
    buf_init(&out, 4096);
    root = value_of(&world.readers, 0, "{\"price\":1}", &world.arena);
    root.items[6].d = (double)NAN;
    assert_int_equal(http_write_view(&world, &view, &out, &left_out, NULL), ERR_OK);
    assert_string_equal(buf_text(&out), "{\"e\":\"Purchase\"}");
    assert_int_equal(left_out, 1);
    buf_fini(&out);
    http_close(&world);
}

static void without_a_body_the_whole_event_is_sent(void **state)
{
    struct http_world world;
    struct buf out;
    uint32_t left_out = 0;

    (void)state;
    http_open(&world, "{}");
    buf_init(&out, 4096);
    assert_int_equal(http_write(&world, "{\"id\":\"o-1\",\"tags\":[\"a\"]}", &out, &left_out, NULL),
                     ERR_OK);
    assert_string_equal(
        buf_text(&out),
        "{\"event\":\"Purchase\",\"id\":\"o-1\",\"backup\":\"\",\"url\":null,\"count\":null,"
        "\"big\":null,\"price\":null,\"rate\":null,\"money\":null,\"ok\":null,\"user\":null,"
        "\"tags\":[\"a\"],\"lines\":[]}");
    buf_fini(&out);
    http_close(&world);
}

/* At every size that is too small the output is as it was. */
static void what_does_not_fit_leaves_nothing(void **state)
{
    static const char *const bodies[] = {
        "{}", "body: {e: event, o: {i: id}, l: {each: lines, fields: {s: sku}}}"};
    static const char event[] = "{\"id\":\"o-1\",\"lines\":[{\"sku\":\"A\"},null,{\"sku\":\"B\"}]}";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct http_world world;
        struct buf whole;
        uint32_t left_out = 0;

        http_open(&world, bodies[i]);
        buf_init(&whole, 4096);
        assert_int_equal(http_write(&world, event, &whole, &left_out, NULL), ERR_OK);
        for (size_t max = 1; max < whole.len; max++) {
            struct buf out;
            struct err err = {0};

            buf_init(&out, max);
            if (http_write(&world, event, &out, &left_out, &err) != ERR_LIMIT || out.len != 0 ||
                out.is_overflowed) {
                fail_msg("%s: within %zu bytes: %s", bodies[i], max, err.text);
            }
            buf_fini(&out);
        }
        buf_fini(&whole);
        http_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_written),
        cmocka_unit_test(bad_bodies_are_refused),
        cmocka_unit_test(all_errors_come_at_once),
        cmocka_unit_test(a_constant_that_is_a_path_is_warned_of),
        cmocka_unit_test(no_number_is_left_out_and_counted),
        cmocka_unit_test(without_a_body_the_whole_event_is_sent),
        cmocka_unit_test(what_does_not_fit_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
