/* The match language: every operator on every type, what is missing, nesting, and every error with
 * its place. */
#include <stdio.h>

#include "route_fixture.h"

#define HOUR_MS INT64_C(3600000)
#define AT_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z, the default of `at` */

static struct span header_of(const void *context, struct span name)
{
    (void)context;
    return span_is(name, "source") ? SPAN("shop") : span_is(name, "n") ? SPAN("5") : SPAN_NONE;
}

/* Does a route with @match take the event? The record is as its key, headers and age say. */
static bool takes(const char *name, const char *match, const char *event)
{
    char *yaml = mem_format("- name: r\n  match: %s\n", match);
    struct message_view message = {
        .topic = SPAN("orders"), .key = SPAN("user-1"), .timestamp_ms = 0, .header = header_of};
    struct event_view view = {.message = &message, .now_ms = AT_MS + 6 * HOUR_MS};
    struct route_result result;
    struct routing routing;
    struct value root;

    routing_open(&routing, yaml);
    if (routing.table == NULL) {
        fail_msg("%s: %s: %s", name, match, first_diag(&routing.diags));
    }
    routing_see(&routing, event, &root, &view);
    route_match(routing.table, &view, &routing.arena, &result);
    routing_close(&routing);
    free(yaml);
    return result.count == 1;
}

struct match_row {
    const char *match;
    const char *event;
    bool wants;
};

static void check_rows(const struct match_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "row %zu", i);
        if (takes(name, rows[i].match, rows[i].event) != rows[i].wants) {
            fail_msg("%s on %s: wanted %s", rows[i].match, rows[i].event,
                     rows[i].wants ? "a match" : "none");
        }
    }
}

static const struct match_row text_rows[] = {
    {"{text: a}", "{\"text\":\"a\"}", true},
    {"{text: a}", "{\"text\":\"A\"}", false},
    {"{text: a}", "{\"text\":\"\"}", false},
    {"{text: ''}", "{\"text\":\"\"}", true},
    {"{text: ''}", "{}", false},
    {"{text: '!= \"\"'}", "{\"text\":\"\"}", false},
    {"{text: '!= \"\"'}", "{\"text\":\"a\"}", true},
    {"{text: '!= \"\"'}", "{\"text\":\"\\\"\\\"\"}", true},
    {"{text: '= \"\"'}", "{\"text\":\"\"}", true},
    {"{text: '> \"\"'}", "{\"text\":\"a\"}", true},
    {"{text: '> \"\"'}", "{\"text\":\"\"}", false},
    {"{text: ['= \"\"', b]}", "{\"text\":\"\"}", true},
    {"{text: '100'}", "{\"text\":\"100\"}", true},
    {"{text: '100'}", "{\"text\":\"100.0\"}", false},
    {"{text: 100}", "{\"text\":\"100.0\"}", true},
    {"{text: 100}", "{\"text\":\"one hundred\"}", false},
    {"{text: 007}", "{\"text\":\"007\"}", true},
    {"{text: 007}", "{\"text\":\"7\"}", false},
    {"{text: NO}", "{\"text\":\"NO\"}", true},
    {"{text: [a, b, c]}", "{\"text\":\"b\"}", true},
    {"{text: [c, b, a]}", "{\"text\":\"a\"}", true},
    {"{text: [a, b, c]}", "{\"text\":\"d\"}", false},
    {"{text: [b, 5, NO]}", "{\"text\":\"5.0\"}", true},
    {"{text: [b, 5, NO]}", "{\"text\":\"NO\"}", true},
    {"{text: '= a'}", "{\"text\":\"a\"}", true},
    {"{text: '= >= a'}", "{\"text\":\">= a\"}", true},
    {"{text: '= exists'}", "{\"text\":\"exists\"}", true},
    {"{text: '= exists'}", "{\"text\":\"a\"}", false},
    {"{text: '= 5'}", "{\"text\":\"5.0\"}", false},
    {"{text: '!= a'}", "{\"text\":\"b\"}", true},
    {"{text: '!= a'}", "{\"text\":\"a\"}", false},
    {"{text: '!= a'}", "{}", true},
    {"{text: '>= 100'}", "{\"text\":\"100.0\"}", true},
    {"{text: '>= 100'}", "{\"text\":\"99\"}", false},
    {"{text: '>= 100'}", "{\"text\":\"many\"}", false},
    {"{text: '>= b'}", "{\"text\":\"b\"}", true},
    {"{text: '> b'}", "{\"text\":\"b\"}", false},
    {"{text: '< b'}", "{\"text\":\"a\"}", true},
    {"{text: 'between a..c'}", "{\"text\":\"c\"}", true},
    {"{text: 'between a..c'}", "{\"text\":\"ca\"}", false},
    {"{text: 'between 1..20'}", "{\"text\":\"3\"}", true},
    {"{text: '=~ ^a+$'}", "{\"text\":\"aaa\"}", true},
    {"{text: '=~ ^a+$'}", "{\"text\":\"aab\"}", false},
    {"{text: '=~ ^a+$'}", "{}", false},
    {"{text: '!~ ^a+$'}", "{\"text\":\"aab\"}", true},
    {"{text: '!~ ^a+$'}", "{\"text\":\"aa\"}", false},
    {"{text: '!~ ^a+$'}", "{}", true},
    {"{text: exists}", "{\"text\":\"\"}", true},
    {"{text: exists}", "{}", false},
    {"{text: missing}", "{}", true},
    {"{text: 'missing'}", "{\"text\":\"x\"}", false},
    {"{text: [a, missing]}", "{}", true},
    {"{text: '=~ (?i)^A\\d+\\b'}", "{\"text\":\"a12-3\"}", true},
    {"{text: '=~ ^(a+)+$'}", "{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}", false},
    {"{text: '!~ ^(a+)+$'}", "{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}", true},
    {"{text: [a, '=~ ^b']}", "{\"text\":\"bcd\"}", true},
    {"{text: [a, '=~ ^b']}", "{\"text\":\"abc\"}", false},
    {"{text: ['=~ ^b']}", "{\"text\":\"b\"}", true},
};

static const struct match_row number_rows[] = {
    {"{count: 5}", "{\"count\":5}", true},
    {"{count: 5}", "{\"count\":6}", false},
    {"{count: 5}", "{}", false},
    {"{count: 5.0}", "{\"count\":5}", true},
    {"{count: [1, 5]}", "{\"count\":5}", true},
    {"{count: '= 5'}", "{\"count\":5}", true},
    {"{count: '!= 5'}", "{\"count\":5}", false},
    {"{count: '!= 5'}", "{}", true},
    {"{count: '>= 5'}", "{\"count\":5}", true},
    {"{count: '>=5'}", "{\"count\":4}", false},
    {"{count: '>= 5'}", "{}", false},
    {"{count: '> 5'}", "{\"count\":5}", false},
    {"{count: '> 4.9'}", "{\"count\":5}", true},
    {"{count: '<= 5'}", "{\"count\":5}", true},
    {"{count: '< 5'}", "{\"count\":5}", false},
    {"{count: '< -4'}", "{\"count\":-5}", true},
    {"{count: 'between 1..5'}", "{\"count\":5}", true},
    {"{count: 'between 1..5'}", "{\"count\":6}", false},
    {"{count: 'between 1 .. 5'}", "{\"count\":1}", true},
    {"{count: 'between -1..0.5'}", "{\"count\":0}", true},
    {"{count: exists}", "{\"count\":0}", true},
    {"{count: missing}", "{\"count\":0}", false},
    {"{count: ['< 0', 3, missing]}", "{\"count\":3}", true},
    {"{count: ['< 0', 3, missing]}", "{\"count\":-1}", true},
    {"{count: ['< 0', 3, missing]}", "{}", true},
    {"{count: ['< 0', 3, missing]}", "{\"count\":2}", false},
    {"{big: 9007199254740993}", "{\"big\":9007199254740993}", true},
    {"{big: 9007199254740993}", "{\"big\":9007199254740992}", false},
    {"{big: '> 9007199254740992'}", "{\"big\":9007199254740993}", true},
    {"{price: 19.99}", "{\"price\":19.99}", true},
    {"{price: '>= 19.99'}", "{\"price\":19.98}", false},
    {"{price: '>= 1e2'}", "{\"price\":100.5}", true},
    {"{rate: 0.1}", "{\"rate\":0.1}", true},
    {"{rate: '<= 0.1'}", "{\"rate\":0.1}", true},
    {"{rate: '> 0.1'}", "{\"rate\":0.1}", false},
    {"{money: 19.99}", "{\"money\":\"\\u0007\\u00cf\"}", true},
    {"{money: '>= 20'}", "{\"money\":\"\\u0007\\u00cf\"}", false},
    {"{money: '< 0'}", "{\"money\":\"\\u00ff\"}", true},
    {"{user.age: '>= 18'}", "{\"user\":{\"age\":18}}", true},
    {"{user.age: '>= 18'}", "{\"user\":{}}", false},
    {"{user.age: missing}", "{}", true},
};

static const struct match_row other_rows[] = {
    {"{ok: true}", "{\"ok\":true}", true},
    {"{ok: true}", "{\"ok\":false}", false},
    {"{ok: true}", "{}", false},
    {"{ok: false}", "{\"ok\":false}", true},
    {"{ok: false}", "{}", false},
    {"{ok: no}", "{\"ok\":false}", true},
    {"{ok: [true, missing]}", "{}", true},
    {"{ok: '!= true'}", "{\"ok\":false}", true},
    {"{ok: '!= true'}", "{}", true},
    {"{ok: '= true'}", "{\"ok\":true}", true},
    {"{kind: RETAIL}", "{\"kind\":\"RETAIL\"}", true},
    {"{kind: RETAIL}", "{\"kind\":\"WHOLESALE\"}", false},
    {"{kind: [RETAIL, WHOLESALE]}", "{\"kind\":\"WHOLESALE\"}", true},
    {"{kind: '!= RETAIL'}", "{\"kind\":\"WHOLESALE\"}", true},
    {"{kind: '=~ ^W'}", "{\"kind\":\"WHOLESALE\"}", true},
    {"{at: '>= 2026-01-01'}", "{}", true},
    {"{at: '>= 2026-01-01T00:00:00.001Z'}", "{}", false},
    {"{at: '< 2026-01-01T01:00:00+01:00'}", "{}", false},
    {"{at: 2026-01-01T00:00:00Z}", "{}", true},
    {"{at: 1767225600000}", "{}", true},
    {"{at: '>= 1767225600001'}", "{}", false},
    {"{at: 'between 2025-12-31..2026-01-01'}", "{}", true},
    {"{micros: '>= 2026-01-01'}", "{}", true},
    {"{micros: '> 2026-01-01'}", "{\"micros\":1767225600000001}", true},
    {"{micros: '< 2026-01-01'}", "{\"micros\":-9223372036854775808}", true},
    {"{day: 2026-01-01}", "{}", true},
    {"{day: '< 2026-01-01'}", "{\"day\":2147483647}", false},
    {"{raw: exists}", "{\"raw\":\"x\"}", true},
    {"{raw: missing}", "{}", true},
    {"{user: exists}", "{\"user\":{}}", true},
    {"{user: missing}", "{\"user\":{}}", false},
    {"{items: exists}", "{}", true},
    {"{items.0: a}", "{\"items\":[\"a\"]}", true},
    {"{items.1: missing}", "{\"items\":[\"a\"]}", true},
    {"{tags.vip: 'yes'}", "{\"tags\":{\"vip\":\"yes\"}}", true},
    {"{tags.vip: missing}", "{}", true},
    {"{either: 5}", "{\"either\":5}", true},
    {"{either: 5}", "{\"either\":\"5.0\"}", true},
    {"{either: x}", "{\"either\":\"x\"}", true},
    {"{either: x}", "{\"either\":5}", false},
    {"{either: '>= 5'}", "{\"either\":6}", true},
    {"{'url?utm_source': tiktok}", "{\"url\":\"https://a.example/?utm_source=tiktok\"}", true},
    {"{'url?utm_source': tiktok}", "{\"url\":\"https://a.example/?utm_source=Tiktok\"}", false},
    {"{'url?utm_source': missing}", "{\"url\":\"https://a.example/\"}", true},
    {"{'url?n': '> 4'}", "{\"url\":\"https://a.example/?n=5\"}", true},
};

static const struct match_row message_rows[] = {
    {"{event: Purchase}", "{}", true},
    {"{event: [Refund, Purchase]}", "{}", true},
    {"{event: Refund}", "{}", false},
    {"{event: '!= Refund'}", "{}", true},
    {"{event: '=~ ^Pur'}", "{}", true},
    {"{event: exists}", "{}", true},
    {"{event: missing}", "{}", false},
    {"{event: '2024'}", "{\"event\":\"2024\"}", true},
    {"{key: user-1}", "{}", true},
    {"{key: '=~ ^user-'}", "{}", true},
    {"{key: missing}", "{}", false},
    {"{key: own}", "{}", false},
    {"{'[\"key\"]': own}", "{}", true}, /* the record's own field of that name */
    {"{topic: orders}", "{}", true},
    {"{topic: [refunds]}", "{}", false},
    {"{headers.source: shop}", "{}", true},
    {"{headers.source: [web, shop]}", "{}", true},
    {"{headers.none: missing}", "{}", true},
    {"{headers.n: '>= 5'}", "{}", true},
    {"{age: '>= 6h'}", "{}", true},
    {"{age: '> 6h'}", "{}", false},
    {"{age: '< 1d'}", "{}", true},
    {"{age: 'between 1h..2d'}", "{}", true},
    {"{age: '< 0s'}", "{\"at\":1798761600000}", true}, /* from the future */
};

static const struct match_row nested_rows[] = {
    {"{}", "{}", true},
    {"~", "{}", true},
    {"{text: a, count: 5}", "{\"text\":\"a\",\"count\":5}", true},
    {"{text: a, count: 5}", "{\"text\":\"a\",\"count\":6}", false},
    {"{text: a, count: 5}", "{\"text\":\"b\",\"count\":5}", false},
    {"{any: [{text: a}, {count: 5}]}", "{\"text\":\"b\",\"count\":5}", true},
    {"{any: [{text: a}, {count: 5}]}", "{\"text\":\"b\",\"count\":6}", false},
    {"{any: [{text: a}, {count: 5}], ok: true}", "{\"text\":\"a\",\"ok\":false}", false},
    {"{any: [{text: a}, {count: 5}], ok: true}", "{\"text\":\"a\",\"ok\":true}", true},
    {"{any: [{text: a, ok: true}, {count: 5}]}", "{\"text\":\"a\",\"count\":5}", true},
    {"{any: [{text: a, ok: true}, {count: 5}]}", "{\"text\":\"a\",\"ok\":false}", false},
    {"{all: [{count: '>= 1'}, {count: '< 5'}]}", "{\"count\":4}", true},
    {"{all: [{count: '>= 1'}, {count: '< 5'}]}", "{\"count\":5}", false},
    {"{all: [{any: [{text: a}, {text: b}]}, {any: [{count: 1}, {count: 2}]}]}",
     "{\"text\":\"b\",\"count\":1}", true},
    {"{all: [{any: [{text: a}, {text: b}]}, {any: [{count: 1}, {count: 2}]}]}",
     "{\"text\":\"b\",\"count\":3}", false},
    {"{any: [{all: [{text: a}, {count: 1}]}, {any: [{ok: true}, {kind: RETAIL}]}]}",
     "{\"text\":\"a\",\"kind\":\"RETAIL\"}", true},
    {"{any: [{event: Refund}, {text: a}]}", "{\"text\":\"a\"}", true},
    {"{any: [{event: Purchase}, {event: Refund}], text: a}", "{\"text\":\"a\"}", true},
};

static void texts_match(void **state)
{
    (void)state;
    check_rows(text_rows, COUNT_OF(text_rows));
}

static void numbers_match(void **state)
{
    (void)state;
    check_rows(number_rows, COUNT_OF(number_rows));
}

static void other_types_match(void **state)
{
    (void)state;
    check_rows(other_rows, COUNT_OF(other_rows));
}

static void the_kafka_side_matches(void **state)
{
    (void)state;
    check_rows(message_rows, COUNT_OF(message_rows));
}

static void conditions_nest(void **state)
{
    (void)state;
    check_rows(nested_rows, COUNT_OF(nested_rows));
}

static void a_text_too_long_for_a_pattern_counts_as_missing(void **state)
{
    char *json = mem_format("{\"text\":\"%08193d\"}", 0);

    (void)state;
    assert_false(takes("found", "{text: '=~ 0'}", json));
    assert_true(takes("not found", "{text: '!~ 0'}", json));
    assert_true(takes("there", "{text: exists}", json));
    free(json);
}

static const struct {
    const char *match;
    const char *want; /* part of the error */
    unsigned line, column;
} error_rows[] = {
    {"{txt: a}", "txt", 2, 11},
    {"{user.cuntry: US}", "cuntry", 2, 11},
    {"{text: a,\n   counts: 5}", "counts", 3, 4},
    {"{count: five}", "'count' is int and cannot be compared with 'five'", 2, 18},
    {"{count: '5'}", "without quotes", 2, 18},
    {"{count: true}", "cannot be compared with 'true'", 2, 18},
    {"{count: '>= five'}", "cannot be compared with 'five'", 2, 18},
    {"{count: '=~ 5'}", "regular expressions are for texts", 2, 18},
    {"{count: [1, two]}", "cannot be compared with 'two'", 2, 22},
    {"{count: [1, '>= x']}", "cannot be compared with 'x'", 2, 22},
    {"{count: null}", "write missing", 2, 18},
    {"{count: [1, ~]}", "write missing", 2, 22},
    {"{count: []}", "an empty list matches nothing", 2, 18},
    {"{count: [[1]]}", "a list in a match holds values", 2, 19},
    {"{count: {min: 5}}", "written with a dot: count.NAME", 2, 18},
    {"{count: '>= \"\"'}", "cannot be compared", 2, 18},
    {"{count: '>='}", "nothing behind it", 2, 18},
    {"{count: '== 5'}", "'==' is not an operator", 2, 18},
    {"{count: 'between 5'}", "between A..B", 2, 18},
    {"{count: 'between 5..1'}", "nothing lies between 5 and 1", 2, 18},
    {"{count: 'between 1..x'}", "cannot be compared with 'x'", 2, 18},
    {"{text: 'between 1..x'}", "of different kinds", 2, 17},
    {"{text: true}", "put the value in quotes", 2, 17},
    {"{text: '=~ (a'}",
     "not a usable regular expression: missing closing parenthesis, behind byte 2 of it", 2, 17},
    {"{text: '=~ (a)\\2'}", "reference to non-existent subpattern", 2, 17},
    {"{text: '=~'}", "it is empty", 2, 17},
    {"{ok: 'true'}", "write true or false without quotes", 2, 15},
    {"{ok: 1}", "write true or false without quotes", 2, 15},
    {"{ok: '>= true'}", "write true or false", 2, 15},
    {"{kind: RETAL}", "did you mean RETAIL?", 2, 17},
    {"{kind: [RETAIL, NOTHING_LIKE_IT]}", "no such symbol", 2, 26},
    {"{kind: '!= retail'}", "is never 'retail'", 2, 17},
    {"{kind: '>= RETAIL'}", "symbols have no order", 2, 17},
    {"{kind: 5}", "cannot be compared with '5'", 2, 17},
    {"{at: tomorrow}", "write a time as", 2, 15},
    {"{at: '>= 6d'}", "write a time as", 2, 15},
    {"{day: '>= 2026-13-01'}", "write a time as", 2, 16},
    {"{age: '>= 6'}", "a duration is compared with it", 2, 16},
    {"{age: 6d}", "a duration is compared with it", 2, 16},
    {"{age: '= 6d'}", "a duration is compared with it", 2, 16},
    {"{age: 'between 2d..1h'}", "nothing lies between", 2, 16},
    {"{event: 2024}", "put the value in quotes", 2, 18},
    {"{headers.: x}", "headers.NAME", 2, 11},
    {"{'url?': x}", "PATH?NAME", 2, 11},
    {"{'count?x': y}", "'count' is of type int", 2, 11},
    {"{raw: x}", "only exists and missing", 2, 16},
    {"{user: x}", "only exists and missing", 2, 17},
    {"{items: [x]}", "only exists and missing", 2, 19},
    {"{any: {text: a}}", "'any' takes a list of matches", 2, 16},
    {"{any: []}", "'any' takes a list of matches", 2, 16},
    {"{all: [text]}", "an entry of 'all' is a match", 2, 17},
    {"{any: [{}]}", "an entry of 'any' is a match", 2, 17},
    {"{any: [{text: a}, {counts: 5}]}", "counts", 2, 29},
    {"[text]", "a match is a mapping", 2, 10},
    {"text", "a match is a mapping", 2, 10},
};

static void what_is_wrong_is_said_where_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
        char *yaml = mem_format("- name: r\n  match: %s\n", error_rows[i].match);
        struct routing routing;

        routing_open(&routing, yaml);
        if (routing.table != NULL || !has_diag(&routing.diags, DIAG_ERROR, error_rows[i].want) ||
            routing.diags.items[0].place.line != error_rows[i].line ||
            routing.diags.items[0].place.column != error_rows[i].column) {
            fail_msg("%s: got %u:%u: %s", error_rows[i].match,
                     routing.diags.count == 0 ? 0 : routing.diags.items[0].place.line,
                     routing.diags.count == 0 ? 0 : routing.diags.items[0].place.column,
                     first_diag(&routing.diags));
        }
        routing_close(&routing);
        free(yaml);
    }
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
    struct routing routing;

    (void)state;
    routing_open(&routing, "- {name: a, match: {txt: 1, count: x, ok: [maybe, 5]}}\n"
                           "- {name: b, match: {any: [{foo: 1}, {bar: 2}]}}\n");
    assert_int_equal(routing.diags.error_count, 6);
    routing_close(&routing);
}

/* Two records on one topic: what one lacks is missing there; both have to fit the literal. */
static const char *const two_schemas[] = {
    "{\"type\":\"record\",\"name\":\"a.Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"n\",\"type\":\"double\"},"
    "{\"name\":\"only_a\",\"type\":\"string\"}]}",
    "{\"type\":\"record\",\"name\":\"b.Refund\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"n\",\"type\":\"string\"}]}",
};

static const struct {
    const char *name;
    const char *match;
    size_t reader;
    const char *event;
    bool wants;
} reader_rows[] = {
    {"a number", "{n: '>= 5'}", 0, "{\"event\":\"x\",\"n\":6,\"only_a\":\"\"}", true},
    {"the same as text", "{n: '>= 5'}", 1, "{\"event\":\"x\",\"n\":\"6\"}", true},
    {"a field of the other", "{only_a: exists}", 1, "{\"event\":\"x\",\"n\":\"6\"}", false},
    {"missing there", "{only_a: missing}", 1, "{\"event\":\"x\",\"n\":\"6\"}", true},
    {"there", "{only_a: z}", 0, "{\"event\":\"x\",\"n\":6,\"only_a\":\"z\"}", true},
};

static void each_reader_has_its_own_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reader_rows); i++) {
        char *yaml = mem_format("- name: r\n  match: %s\n", reader_rows[i].match);
        struct message_view message = {.timestamp_ms = 0};
        struct event_view view = {.message = &message, .reader = reader_rows[i].reader};
        struct route_result result;
        struct routing routing;
        struct value root;

        routing_open_for(&routing, yaml, two_schemas, 2, false);
        if (routing.table == NULL) {
            fail_msg("%s: %s", reader_rows[i].name, first_diag(&routing.diags));
        }
        routing_see(&routing, reader_rows[i].event, &root, &view);
        route_match(routing.table, &view, &routing.arena, &result);
        if ((result.count == 1) != reader_rows[i].wants) {
            fail_msg("%s", reader_rows[i].name);
        }
        routing_close(&routing);
        free(yaml);
    }
}

static void an_error_of_one_reader_names_it(void **state)
{
    struct routing routing;

    (void)state;
    routing_open_for(&routing, "- {name: r, match: {n: abc}}", two_schemas, 2, false);
    assert_null(routing.table);
    assert_true(has_diag(&routing.diags, DIAG_ERROR, "'n' is double in a.Order"));
    routing_close(&routing);
}

static const struct {
    const char *match;
    const char *want_error; /* NULL: none */
} record_rows[] = {
    {"{event: Order}", NULL},
    {"{event: a.Order}", NULL},
    {"{event: [b.Refund, Order]}", NULL},
    {"{event: Ordr}", "did you mean Order?"},
    {"{event: c.Order}", "is never 'c.Order'"},
};

static void with_record_names_as_types_both_forms_match_and_others_are_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(record_rows); i++) {
        char *yaml = mem_format("- name: r\n  match: %s\n", record_rows[i].match);
        struct message_view message = {.timestamp_ms = 0};
        struct event_view view = {.message = &message};
        struct route_result result;
        struct routing routing;
        struct value root;

        routing_open_for(&routing, yaml, two_schemas, 2, true);
        if (!has_diag(&routing.diags, DIAG_ERROR, record_rows[i].want_error)) {
            fail_msg("%s: got %s", record_rows[i].match, first_diag(&routing.diags));
        }
        if (routing.table != NULL) {
            routing_see(&routing, "{\"event\":\"x\",\"n\":6,\"only_a\":\"\"}", &root, &view);
            route_match(routing.table, &view, &routing.arena, &result);
            assert_int_equal(result.count, 1);
        }
        routing_close(&routing);
        free(yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_match),
        cmocka_unit_test(numbers_match),
        cmocka_unit_test(other_types_match),
        cmocka_unit_test(the_kafka_side_matches),
        cmocka_unit_test(conditions_nest),
        cmocka_unit_test(a_text_too_long_for_a_pattern_counts_as_missing),
        cmocka_unit_test(what_is_wrong_is_said_where_it_stands),
        cmocka_unit_test(all_that_is_wrong_is_said_at_once),
        cmocka_unit_test(each_reader_has_its_own_types),
        cmocka_unit_test(an_error_of_one_reader_names_it),
        cmocka_unit_test(with_record_names_as_types_both_forms_match_and_others_are_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
