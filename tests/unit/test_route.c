/* The table: order, continue, the index by event type, what is said of routes nobody reaches, and
 * why a route did not take an event. */
#include <stdio.h>

#include "base/rng.h"
#include "match/constraint.h"
#include "route/reachability.h"
#include "route_fixture.h"

/* The names of the routes that take @event, as "a b"; the conditions it took into *conditions. */
static void route(struct routing *routing, const char *event, struct buf *out, uint64_t *conditions)
{
    struct message_view message = {.timestamp_ms = 0};
    struct event_view view = {.message = &message};
    struct route_result result;
    struct value root;

    if (routing->table == NULL) {
        fail_msg("%s", first_diag(&routing->diags));
    }
    routing_see(routing, event, &root, &view);
    table_match(routing->table, &view, &routing->arena, &result, conditions);
    buf_clear(out);
    for (uint32_t i = 0; i < result.count; i++) {
        buf_add_text(out, i == 0 ? "" : " ");
        buf_add_span(out, routing->config.routes[result.routes[i]].name);
    }
}

static const char *const first_match =
    "- {name: big, match: {event: [Purchase, Order], price: '>= 100'}}\n"
    "- {name: audit, match: {count: '>= 1'}, continue: true}\n"
    "- {name: no, match: {ok: false}, drop: no_consent}\n"
    "- {name: refund, match: {event: Refund}, continue: true}\n"
    "- {name: audit2, match: {count: '>= 2'}, continue: true}\n"
    "- {name: orders, match: {event: [Order, Refund]}}\n"
    "- {name: named, match: {text: x}}\n";

static const struct {
    const char *name;
    const char *routes;
    const char *event;
    const char *want;
} order_rows[] = {
    {"the first that matches", NULL, "{\"event\":\"Purchase\",\"price\":100}", "big"},
    {"the first alone, though others would", NULL,
     "{\"event\":\"Order\",\"price\":100,\"count\":5,\"text\":\"x\"}", "big"},
    {"continue goes on", NULL, "{\"event\":\"Purchase\",\"count\":1,\"text\":\"x\"}",
     "audit named"},
    {"several continue", NULL, "{\"event\":\"Refund\",\"count\":2}", "audit refund audit2 orders"},
    {"a drop ends it", NULL, "{\"event\":\"Refund\",\"count\":2,\"ok\":false}", "audit no"},
    {"typed and untyped in the order of the table", NULL, "{\"event\":\"Refund\",\"text\":\"x\"}",
     "refund orders"},
    {"a type nobody names", NULL, "{\"event\":\"Search\",\"text\":\"x\"}", "named"},
    {"nothing", NULL, "{\"event\":\"Search\"}", ""},
    {"a type differing in case", NULL, "{\"event\":\"order\"}", ""},
    {"the last continues and nothing follows", "- {name: a, match: {}, continue: true}", "{}", "a"},
    {"everything", "- {name: a, match: {}}", "{}", "a"},
    {"no match key", "- {name: a}", "{}", "a"},
    {"a type named twice", "- {name: a, match: {event: [Purchase, Purchase]}}", "{}", "a"},
    {"types that meet",
     "- {name: a, match: {event: [Purchase, X], all: [{event: [Purchase, Y, Z]}]}}", "{}", "a"},
    {"types inside an any are no index",
     "- {name: a, match: {any: [{event: X}, {text: t}]}}\n- {name: b, match: {}}",
     "{\"text\":\"t\"}", "a"},
};

static void the_first_match_wins_and_continue_goes_on(void **state)
{
    struct buf got;

    (void)state;
    buf_init(&got, 4096);
    for (size_t i = 0; i < COUNT_OF(order_rows); i++) {
        struct routing routing;
        uint64_t conditions = 0;

        routing_open(&routing, order_rows[i].routes == NULL ? first_match : order_rows[i].routes);
        route(&routing, order_rows[i].event, &got, &conditions);
        if (!span_is(buf_span(&got), order_rows[i].want)) {
            fail_msg("%s: got '%s'", order_rows[i].name, buf_text(&got));
        }
        routing_close(&routing);
    }
    buf_fini(&got);
}

/* What each route of a large table has for its own, and events of two of them and of none. */
static const struct {
    const char *equality; /* printf, of the route's number */
    const char *own, *cheap, *nobodys;
} large_rows[] = {
    {"event: Type%zu", "{\"event\":\"Type7\",\"price\":100}", "{\"event\":\"Type8\",\"price\":1}",
     "{\"event\":\"Unknown\"}"},
    {"text: tenant-%zu", "{\"text\":\"tenant-7\",\"price\":100}",
     "{\"text\":\"tenant-8\",\"price\":1}", "{\"text\":\"\"}"},
    {"event: Purchase, text: tenant-%zu", "{\"text\":\"tenant-7\",\"price\":100}",
     "{\"text\":\"tenant-8\",\"price\":1}", "{\"event\":\"X\"}"},
    {"count: %zu", "{\"count\":7,\"price\":100}", "{\"count\":8,\"price\":1}", "{}"},
    {"all: [{big: %zu}]", "{\"big\":7,\"price\":100}", "{\"big\":8,\"price\":1}", "{\"big\":-1}"},
    {"url?t: x%zu", "{\"url\":\"https://a.example/?t=x7\",\"price\":100}",
     "{\"url\":\"https://a.example/?t=x8\",\"price\":1}", "{\"url\":\"https://a.example/\"}"},
};

/* A table of @count routes: all but the last are for something of their own. */
static void many_routes(struct buf *yaml, size_t count, const char *equality)
{
    const char *number = strstr(equality, "%zu");

    buf_clear(yaml);
    for (size_t i = 0; i + 1 < count; i++) {
        buf_printf(yaml, "- {name: r%zu, match: {%.*s%zu%s, price: '>= 100'}}\n", i,
                   (int)(number - equality), equality, i, number + 3);
    }
    buf_add_text(yaml, "- {name: rest, match: {}}\n");
}

static void check_large(size_t row, struct buf *yaml, struct buf *got)
{
    static const size_t counts[] = {10, 10000};
    uint64_t conditions[2] = {0};

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct routing routing;

        many_routes(yaml, counts[i], large_rows[row].equality);
        routing_open(&routing, buf_text(yaml));
        route(&routing, large_rows[row].own, got, &conditions[i]);
        assert_string_equal(buf_text(got), "r7");
        route(&routing, large_rows[row].cheap, got, &conditions[i]);
        assert_string_equal(buf_text(got), "rest");
        route(&routing, large_rows[row].nobodys, got, &conditions[i]);
        assert_string_equal(buf_text(got), "rest");
        routing_close(&routing);
    }
    /* The price, twice; where a type is wanted as well, that too: the index has the other. */
    assert_in_range(conditions[0], 2, 4);
    assert_int_equal(conditions[1], conditions[0]);
}

static void ten_thousand_routes_cost_no_more_conditions_than_ten(void **state)
{
    struct buf yaml, got;

    (void)state;
    buf_init(&yaml, 4 << 20);
    buf_init(&got, 4096);
    for (size_t i = 0; i < COUNT_OF(large_rows); i++) {
        check_large(i, &yaml, &got);
    }
    buf_fini(&yaml);
    buf_fini(&got);
}

/* A random match over few values, so that many of them hold. */
static void add_random_match(struct buf *yaml, struct rng *rng)
{
    static const char *const subjects[] = {"event", "text", "count", "kind", "price", "either"};
    static const char *const values[][4] = {
        {"A", "B", "[A, C]", "[B, D]"},    {"x", "y", "[x, z, 1]", "1"},
        {"1", "2", "[1, 3]", "'>= 2'"},    {"RETAIL", "WHOLESALE", "[RETAIL, WHOLESALE]", "exists"},
        {"1", "2.0", "[1, 2]", "missing"}, {"1", "x", "[1, x]", "'!= 1'"},
    };
    uint64_t first = rng_below(rng, COUNT_OF(subjects));
    uint64_t second = (first + 1 + rng_below(rng, COUNT_OF(subjects) - 1)) % COUNT_OF(subjects);
    bool is_any = rng_below(rng, 4) == 0;

    buf_printf(yaml, is_any ? "{any: [{%s: %s}, {%s: %s}]}" : "{%s: %s, %s: %s}", subjects[first],
               values[first][rng_below(rng, 4)], subjects[second],
               values[second][rng_below(rng, 4)]);
}

static void random_event(struct buf *json, struct rng *rng)
{
    static const char *const parts[][3] = {
        {"\"event\":\"A\"", "\"event\":\"B\"", "\"event\":\"C\""},
        {"\"text\":\"x\"", "\"text\":\"1\"", "\"text\":null"},
        {"\"count\":1", "\"count\":2", "\"count\":null"},
        {"\"kind\":\"RETAIL\"", "\"kind\":\"WHOLESALE\"", "\"kind\":null"},
        {"\"price\":1.0", "\"price\":2.0", "\"price\":null"},
        {"\"either\":1", "\"either\":\"x\"", "\"either\":null"},
    };

    buf_clear(json);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_add_text(json, i == 0 ? "{" : ",");
        buf_add_text(json, parts[i][rng_below(rng, 3)]);
    }
    buf_add_char(json, '}');
}

/* The index finds what trying each route in turn finds. */
static void the_index_finds_what_a_walk_over_all_routes_finds(void **state)
{
    struct rng rng = {.state = 11};
    struct buf yaml, json;

    (void)state;
    buf_init(&yaml, 1 << 20);
    buf_init(&json, 4096);
    for (int round = 0; round < 40; round++) {
        struct routing routing;
        size_t count = 1 + (size_t)rng_below(&rng, 60);

        buf_clear(&yaml);
        for (size_t i = 0; i < count; i++) {
            buf_printf(&yaml, "- {name: r%zu, match: ", i);
            add_random_match(&yaml, &rng);
            buf_add_text(&yaml, "}\n");
        }
        routing_open(&routing, buf_text(&yaml));
        for (int i = 0; i < 60 && routing.table != NULL; i++) {
            struct message_view message = {.timestamp_ms = 0};
            struct event_view view = {.message = &message};
            struct route_result result;
            struct value root;
            uint64_t ignored = 0;
            uint32_t want = 0;

            random_event(&json, &rng);
            routing_see(&routing, buf_text(&json), &root, &view);
            table_match(routing.table, &view, &routing.arena, &result, &ignored);
            while (want < count && !match_run(&routing.table->routes[want].match, false, &view,
                                              &routing.arena, &ignored)) {
                want++;
            }
            assert_int_equal(result.count, want < count);
            assert_int_equal(result.count == 0 ? count : result.routes[0], want);
        }
        routing_close(&routing);
    }
    buf_fini(&yaml);
    buf_fini(&json);
}

static const struct {
    const char *name;
    const char *routes;
    const char *want; /* part of the warning; NULL: none */
    unsigned line;
} reach_rows[] = {
    {"behind a catch-all", "- {name: a, match: {}}\n- {name: b, match: {text: x}}",
     "route 'b' can never match: route 'a' (line 1) takes everything before it", 2},
    {"behind a catch-all that continues",
     "- {name: a, match: {}, continue: true}\n- {name: b, match: {text: x}}", NULL, 0},
    {"the same again",
     "- {name: a, match: {text: x, count: 1}}\n- {name: b, match: {count: 1, text: x}}",
     "route 'b' can never match: route 'a' (line 1) takes all its events before it", 2},
    {"the same again with any",
     "- {name: a, match: {any: [{text: x}, {count: 1}]}}\n"
     "- {name: b, match: {any: [{text: x}, {count: 1}]}}",
     "route 'b' can never match", 2},
    {"other alternatives",
     "- {name: a, match: {any: [{text: x}, {count: 1}]}}\n"
     "- {name: b, match: {any: [{text: x}, {count: 2}]}}",
     NULL, 0},
    {"one alternative of an any",
     "- {name: a, match: {any: [{text: x}, {count: 1}]}}\n"
     "- {name: b, match: {text: x, ok: true}}",
     "route 'b' can never match", 2},
    {"narrower than an earlier one",
     "- {name: a, match: {text: x}}\n- {name: b, match: {text: x, count: 1}}",
     "route 'b' can never match", 2},
    {"wider than an earlier one",
     "- {name: a, match: {text: x, count: 1}}\n- {name: b, match: {text: x}}", NULL, 0},
    {"a type of an earlier list",
     "- {name: a, match: {event: [A, B]}}\n- {name: b, match: {event: B, count: 1}}",
     "route 'b' can never match: route 'a' (line 1)", 2},
    {"a type beyond an earlier list",
     "- {name: a, match: {event: [A, B]}}\n- {name: b, match: {event: [B, C]}}", NULL, 0},
    {"types taken by two",
     "- {name: a, match: {event: A}}\n- {name: b, match: {event: B}}\n"
     "- {name: c, match: {event: [A, B], text: x}}",
     "routes such as 'a' (line 1) and 'b' (line 2) take all its events", 3},
    {"types taken under a condition",
     "- {name: a, match: {event: [A, B], text: x}}\n"
     "- {name: b, match: {event: A}}",
     NULL, 0},
    {"types by an earlier expression",
     "- {name: a, match: {event: '=~ ^Pro'}}\n- {name: b, match: {event: [Product, Promo]}}",
     "route 'b' can never match", 2},
    {"an interval inside another",
     "- {name: a, match: {price: '> 10'}}\n"
     "- {name: b, match: {price: 'between 11..20'}}",
     "route 'b' can never match", 2},
    {"an end that does not belong",
     "- {name: a, match: {price: '> 10'}}\n"
     "- {name: b, match: {price: '>= 10'}}",
     NULL, 0},
    {"a value inside an interval",
     "- {name: a, match: {price: '>= 10'}}\n"
     "- {name: b, match: {price: [10, 11]}}",
     "route 'b' can never match", 2},
    {"no more than one", "- {name: a, match: {all: [{count: '>= 10'}, {count: '< 5'}]}}",
     "route 'a' can never match: '>= 10' and '< 5' on count exclude each other", 1},
    {"two lists of types", "- {name: a, match: {event: [A, B], all: [{event: [C]}]}}",
     "'one of [A, B]' and 'C' on event exclude each other", 1},
    {"alternatives that are each taken",
     "- {name: a, match: {text: x}}\n- {name: b, match: {count: 1}}\n"
     "- {name: c, match: {any: [{text: x, ok: true}, {count: 1}]}}",
     NULL, 0}, /* by two routes: not looked at */
    {"alternatives that one route takes",
     "- {name: a, match: {count: '>= 1'}}\n"
     "- {name: b, match: {any: [{count: 1, ok: true}, {all: [{count: 5}]}]}}",
     "route 'b' can never match: route 'a' (line 1)", 2},
    {"there and missing", "- {name: a, match: {all: [{text: missing}, {text: '=~ a'}]}}",
     "'missing' and '=~ a' on text", 1},
    {"missing and not equal", "- {name: a, match: {all: [{text: missing}, {text: '!= a'}]}}", NULL,
     0},
    {"equal and not equal", "- {name: a, match: {all: [{text: a}, {text: '!= a'}]}}",
     "exclude each other", 1},
    {"a text and an expression", "- {name: a, match: {all: [{text: [a, b]}, {text: '=~ ^c'}]}}",
     "exclude each other", 1},
    {"true and false", "- {name: a, match: {all: [{ok: true}, {ok: false}]}}", "exclude each other",
     1},
    {"two symbols", "- {name: a, match: {all: [{kind: RETAIL}, {kind: WHOLESALE}]}}",
     "exclude each other", 1},
    {"touching ends", "- {name: a, match: {all: [{count: '>= 5'}, {count: '<= 5'}]}}", NULL, 0},
    {"touching open ends", "- {name: a, match: {all: [{count: '> 5'}, {count: '<= 5'}]}}",
     "exclude each other", 1},
    {"ages", "- {name: a, match: {all: [{age: '> 2d'}, {age: '< 1h'}]}}", "exclude each other", 1},
    {"times", "- {name: a, match: {all: [{at: '> 2026-01-02'}, {at: '< 2026-01-01'}]}}",
     "exclude each other", 1},
    {"a time and its number are not compared",
     "- {name: a, match: {all: [{at: '> 2026-01-02'}, {at: '< 5'}]}}", NULL, 0},
    {"numbers of single precision are not told apart",
     "- {name: a, match: {all: [{rate: 0.1}, {rate: 0.10000000149}]}}", NULL, 0},
    {"a number and a text may be the same text",
     "- {name: a, match: {all: [{text: 5}, {text: '5.0'}]}}", NULL, 0},
    {"a number and another text are not compared",
     "- {name: a, match: {all: [{text: 5}, {text: '6'}]}}", NULL, 0},
    {"a dead route takes nothing from others",
     "- {name: a, match: {all: [{text: x}, {text: y}]}}\n- {name: b, match: {text: x}}",
     "route 'a' can never match", 1},
    {"what is always there is never missing", "- {name: a, match: {at: missing}}",
     "'at' is never missing, so this never holds", 1},
    {"in a list as well", "- {name: a, match: {at: [missing, '< 2026-01-01']}}",
     "'at' is never missing, so this never holds", 1},
    {"what may be null may be missing", "- {name: a, match: {text: missing}}", NULL, 0},
    {"a field of what may be null", "- {name: a, match: {user.age: missing}}", NULL, 0},
    {"a key of a map", "- {name: a, match: {tags.x: missing}}", NULL, 0},
    {"an element", "- {name: a, match: {items.0: missing}}", NULL, 0},
    {"the record's key", "- {name: a, match: {key: missing}}", NULL, 0},
    {"a topic nobody reads", "- {name: a, match: {topic: [refunds, returns]}}",
     "no topic of kafka.topics is that, so this never holds", 1},
    {"a topic's name in a list of others", "- {name: a, match: {topic: ['=~ ^ref', orders]}}",
     "no topic of kafka.topics is that", 1},
    {"a topic somebody reads", "- {name: a, match: {topic: [refunds, orders]}}", NULL, 0},
    {"topics by an expression", "- {name: a, match: {topic: '=~ ^ord'}}", NULL, 0},
    {"different subjects", "- {name: a, match: {text: x}}\n- {name: b, match: {url: x}}", NULL, 0},
};

static void routes_that_can_never_match_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reach_rows); i++) {
        struct routing routing;
        size_t want_count = reach_rows[i].want == NULL ? 0 : 1;

        routing_open(&routing, reach_rows[i].routes);
        if (routing.table == NULL || routing.diags.count != want_count ||
            !has_diag(&routing.diags, DIAG_WARNING, reach_rows[i].want) ||
            (want_count > 0 && routing.diags.items[0].place.line != reach_rows[i].line)) {
            fail_msg("%s: got %zu: %s", reach_rows[i].name, routing.diags.count,
                     first_diag(&routing.diags));
        }
        routing_close(&routing);
    }
}

static const char *const two_records[] = {
    "{\"type\":\"record\",\"name\":\"crm.Lead\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"mail\",\"type\":[\"null\",\"string\"]}]}",
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"total\",\"type\":\"double\"}]}",
};

static const struct {
    const char *match;
    const char *want; /* part of the warning; NULL: none */
} record_rows[] = {
    {"{event: Lead, total: 5}", NULL}, /* not looked at: another record has it */
    {"{event: Lead, total: missing}", NULL},
    {"{event: Order, total: missing}", NULL},
    {"{id: missing}", "'id' is never missing, so this never holds"}, /* in no record */
    {"{total: missing}", NULL},
};

static void what_some_record_lacks_may_be_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(record_rows); i++) {
        char *yaml = mem_format("- {name: a, match: %s}", record_rows[i].match);
        struct routing routing;

        routing_open_for(&routing, yaml, two_records, COUNT_OF(two_records), true);
        if (routing.table == NULL || !has_diag(&routing.diags, DIAG_WARNING, record_rows[i].want)) {
            fail_msg("%s: %s", record_rows[i].match, first_diag(&routing.diags));
        }
        routing_close(&routing);
        free(yaml);
    }
}

/* What the match of route @i is, where it has a number in it. */
static const struct {
    const char *name;
    size_t count;
    const char *before, *behind; /* the number */
    bool is_refused;
    bool is_alone; /* no route behind them */
} fan_out_rows[] = {
    {"fifteen and the rest", 15, "tags.t", ": exists", false, false},
    {"sixteen and the rest", 16, "tags.t", ": exists", true, false},
    {"sixteen alone", 16, "tags.t", ": exists", false, true},
    {"seventeen alone", 17, "tags.t", ": exists", true, true},
    {"a hundred that exclude each other", 100, "text: v", "", false, false},
    {"a hundred types", 100, "event: T", "", false, false},
    {"sixteen of one type", 16, "event: T, tags.t", ": exists", true, false},
};

static void one_event_takes_at_most_sixteen_routes(void **state)
{
    struct buf yaml;

    (void)state;
    buf_init(&yaml, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(fan_out_rows); i++) {
        struct routing routing;

        buf_clear(&yaml);
        for (size_t j = 0; j < fan_out_rows[i].count; j++) {
            buf_printf(&yaml, "- {name: c%zu, continue: true, match: {%s%zu%s}}\n", j,
                       fan_out_rows[i].before, j, fan_out_rows[i].behind);
        }
        buf_add_text(&yaml, fan_out_rows[i].is_alone ? "" : "- {name: rest, match: {}}\n");
        routing_open(&routing, buf_text(&yaml));
        if ((routing.table == NULL) != fan_out_rows[i].is_refused ||
            (fan_out_rows[i].is_refused &&
             !has_diag(&routing.diags, DIAG_ERROR, "more than 16 routes by continue"))) {
            fail_msg("%s: got %s", fan_out_rows[i].name, first_diag(&routing.diags));
        }
        routing_close(&routing);
    }
    buf_fini(&yaml);
}

static void sixteen_matches_are_all_given(void **state)
{
    struct buf yaml, got;
    struct routing routing;
    uint64_t conditions = 0;

    (void)state;
    buf_init(&yaml, 1 << 20);
    buf_init(&got, 4096);
    for (size_t i = 0; i < ROUTE_MATCHES_MAX - 1; i++) {
        buf_printf(&yaml, "- {name: c%zu, continue: true, match: {}}\n", i);
    }
    buf_add_text(&yaml, "- {name: rest, match: {}}\n");
    routing_open(&routing, buf_text(&yaml));
    route(&routing, "{}", &got, &conditions);
    assert_string_equal(buf_text(&got), "c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 rest");
    routing_close(&routing);
    buf_fini(&yaml);
    buf_fini(&got);
}

static const struct {
    const char *match;
    const char *event;
    const char *want;
} explain_rows[] = {
    {"{price: '>= 100'}", "{\"price\":80}", "price is 80, wants >= 100"},
    {"{price: '>= 100'}", "{\"price\":19.99}", "price is 19.99, wants >= 100"},
    {"{price: '>= 100'}", "{}", "price is missing, wants >= 100"},
    {"{price: '>= 100'}", "{\"price\":100}", "takes it"},
    {"{event: [A, B]}", "{}", "event is Purchase, wants one of [A, B]"},
    {"{text: secret}", "{\"text\":\"jane@example.com\"}",
     "text is a text of 16 bytes, wants secret"},
    {"{ok: true, price: 1}", "{\"ok\":false}", "ok is false, wants true"},
    {"{ok: true, price: 1}", "{\"ok\":true}", "price is missing, wants 1"},
    {"{any: [{ok: true}, {price: 'between 1..2'}]}", "{\"ok\":false,\"price\":3}",
     "ok is false, wants true; and price is 3, wants between 1..2"},
    {"{any: [{ok: true}, {price: 3}], count: 1}", "{\"price\":3}", "count is missing, wants 1"},
    {"{user: missing}", "{\"user\":{}}", "user is present, wants missing"},
    {"{age: '< 1h'}", "{}", "age is 6h, wants < 1h"},
    {"{age: '> 1d'}", "{\"at\":1767225599995}", "age is 6h 5ms, wants > 1d"},
    {"{age: '> 1d'}", "{\"at\":1767247200000}", "age is 0s, wants > 1d"},
    {"{at: '< 2026-01-01'}", "{}",
     "at is 1767225600000 (2026-01-01T00:00:00.000Z), wants < 2026-01-01"},
    {"{text: '=~ ^a'}", "{\"text\":\"b\"}", "text is a text of 1 bytes, wants =~ ^a"},
    {"{count: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}", "{}",
     "count is missing, wants one of [1, 2, 3, 4, 5, 6, 7, 8 and 2 more]"},
};

static void a_route_says_why_it_did_not_take_the_event(void **state)
{
    struct buf got;

    (void)state;
    buf_init(&got, 4096);
    for (size_t i = 0; i < COUNT_OF(explain_rows); i++) {
        char *yaml = mem_format("- name: r\n  match: %s\n", explain_rows[i].match);
        struct message_view message = {.timestamp_ms = 0};
        struct event_view view = {.message = &message, .now_ms = 1767247200000};
        struct routing routing;
        struct value root;

        routing_open(&routing, yaml);
        assert_non_null(routing.table);
        routing_see(&routing, explain_rows[i].event, &root, &view);
        buf_clear(&got);
        route_explain(routing.table, 0, &view, &routing.arena, &got);
        if (!span_is(buf_span(&got), explain_rows[i].want)) {
            fail_msg("%s: got '%s'", explain_rows[i].match, buf_text(&got));
        }
        routing_close(&routing);
        free(yaml);
    }
    buf_fini(&got);
}

static void a_route_behind_the_one_that_took_it_says_so(void **state)
{
    struct message_view message = {.timestamp_ms = 0};
    struct event_view view = {.message = &message};
    struct routing routing;
    struct value root;
    struct buf got;

    (void)state;
    buf_init(&got, 4096);
    routing_open(&routing, "- {name: a, match: {ok: true}}\n- {name: b, match: {}}\n");
    routing_see(&routing, "{\"ok\":true}", &root, &view);
    route_explain(routing.table, 1, &view, &routing.arena, &got);
    assert_string_equal(buf_text(&got), "would match, but route 'a' before it takes the event");
    routing_close(&routing);
    buf_fini(&got);
}

/* Conditions of one subject, all against all: what is claimed of two of them must hold for every
 * value. */
static const struct {
    const char *subject;
    const char *conditions[16];
    const char *values[16]; /* JSON */
} claim_rows[] = {
    {"price",
     {"5", "[5, 6]", "'!= 5'", "'>= 5'", "'> 5'", "'<= 5'", "'< 5'", "'between 4..6'",
      "'between 5..5'", "exists", "missing", "'= 5.0'", "['> 6', 4]", "6"},
     {"4", "4.5", "5", "5.5", "6", "6.5", "-5", "null"}},
    {"text",
     {"a", "[a, b]", "'!= a'", "'>= b'", "'< b'", "'=~ ^a'", "'!~ ^a'", "exists", "missing", "5",
      "'5'", "'>= 5'", "'between 4..6'", "'= 5.0'", "NO", "''"},
     {"\"a\"", "\"b\"", "\"ab\"", "\"\"", "\"5\"", "\"5.0\"", "\"6\"", "\"NO\"", "null", "\"4\"",
      "\"05\""}},
    {"at",
     {"2026-01-01", "'>= 2026-01-01'", "'> 2026-01-01'", "'< 2026-01-01'", "1767225600000",
      "'>= 1767225600000'", "'!= 2026-01-01'", "'!= 1767225600000'",
      "'between 2026-01-01..2026-01-02'"},
     {"1767225600000", "1767225600001", "1767225599999", "1767312000000"}},
    {"day",
     {"2026-01-01", "'>= 2026-01-01'", "'> 2026-01-01'", "20454", "'>= 20454'", "'> 20454'"},
     {"20453", "20454", "20455"}},
    {"rate",
     {"0.1", "0.10000000149", "'> 0.1'", "'<= 0.1'", "'!= 0.1'", "'between 0..0.1'"},
     {"0.1", "0.2", "0", "null"}},
    {"ok",
     {"true", "false", "'!= true'", "exists", "missing", "[true, false]"},
     {"true", "false", "null"}},
    {"kind",
     {"RETAIL", "WHOLESALE", "[RETAIL, WHOLESALE]", "'!= RETAIL'", "'=~ ^R'", "missing"},
     {"\"RETAIL\"", "\"WHOLESALE\"", "null"}},
    {"either",
     {"5", "'5'", "'= 5'", "'>= 5'", "x", "'!= x'", "'< 5'", "missing", "exists"},
     {"5", "4", "\"5\"", "\"5.0\"", "\"x\"", "null"}},
};

static void check_claims(struct routing *routing, const char *subject, const char *const *values,
                         const struct condition *a, const struct condition *b)
{
    struct message_view message = {.timestamp_ms = 0};

    for (size_t v = 0; v < 16 && values[v] != NULL; v++) {
        char *event = mem_format("{\"%s\":%s}", subject, values[v]);
        struct event_view view = {.message = &message};
        struct value root;
        struct seen seen;
        bool holds_a, holds_b;

        routing_see(routing, event, &root, &view);
        subject_see(a->subject, &view, &routing->arena, &seen);
        holds_a = condition_holds(a, &seen);
        holds_b = condition_holds(b, &seen);
        if (holds_a && holds_b && conditions_exclude(a, b)) {
            fail_msg("%s satisfies %u:%u and %u:%u, said to exclude each other", event,
                     a->place.line, a->place.column, b->place.line, b->place.column);
        }
        if (holds_a && !holds_b && condition_implies(a, b)) {
            fail_msg("%s satisfies line %u but not line %u, said to follow", event, a->place.line,
                     b->place.line);
        }
        free(event);
    }
}

static void what_is_claimed_of_two_conditions_holds_for_every_value(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(claim_rows); row++) {
        struct routing routing;
        struct buf yaml;

        buf_init(&yaml, 1 << 16);
        for (size_t i = 0; i < 16 && claim_rows[row].conditions[i] != NULL; i++) {
            buf_printf(&yaml, "- {name: r%zu, continue: true, match: {%s: %s}}\n", i,
                       claim_rows[row].subject, claim_rows[row].conditions[i]);
        }
        routing_open(&routing, buf_text(&yaml));
        if (routing.table == NULL) {
            fail_msg("%s: %s", claim_rows[row].subject, first_diag(&routing.diags));
        }
        for (uint32_t i = 0; i < routing.table->count; i++) {
            for (uint32_t j = 0; j < routing.table->count; j++) {
                const struct match_node *a = &routing.table->routes[i].match.root.nodes[0];
                const struct match_node *b = &routing.table->routes[j].match.root.nodes[0];

                if (a->kind == NODE_TEST && b->kind == NODE_TEST) {
                    check_claims(&routing, claim_rows[row].subject, claim_rows[row].values,
                                 &a->condition, &b->condition);
                }
            }
        }
        routing_close(&routing);
        buf_fini(&yaml);
    }
}

static void a_list_of_many_texts_finds_each_and_no_other(void **state)
{
    enum { TEXTS = 1000 };
    struct routing routing;
    struct buf yaml, got;
    struct rng rng = {.state = 7};

    (void)state;
    buf_init(&yaml, 1 << 20);
    buf_init(&got, 4096);
    buf_add_text(&yaml, "- name: a\n  match: {text: [x");
    for (size_t i = 0; i < TEXTS; i++) {
        buf_printf(&yaml, ", id%zu", i * 7919 % 10007);
    }
    buf_add_text(&yaml, "]}\n");
    routing_open(&routing, buf_text(&yaml));
    for (size_t i = 0; i < 200; i++) {
        size_t pick = (size_t)rng_below(&rng, 10007);
        bool is_in = false;
        uint64_t conditions = 0;
        char *event = mem_format("{\"text\":\"id%zu\"}", pick);

        for (size_t j = 0; j < TEXTS; j++) {
            is_in = is_in || j * 7919 % 10007 == pick;
        }
        route(&routing, event, &got, &conditions);
        if (span_is(buf_span(&got), "a") != is_in) {
            fail_msg("id%zu", pick);
        }
        free(event);
    }
    routing_close(&routing);
    buf_fini(&yaml);
    buf_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_match_wins_and_continue_goes_on),
        cmocka_unit_test(ten_thousand_routes_cost_no_more_conditions_than_ten),
        cmocka_unit_test(the_index_finds_what_a_walk_over_all_routes_finds),
        cmocka_unit_test(routes_that_can_never_match_are_named),
        cmocka_unit_test(what_some_record_lacks_may_be_missing),
        cmocka_unit_test(one_event_takes_at_most_sixteen_routes),
        cmocka_unit_test(sixteen_matches_are_all_given),
        cmocka_unit_test(a_route_says_why_it_did_not_take_the_event),
        cmocka_unit_test(a_route_behind_the_one_that_took_it_says_so),
        cmocka_unit_test(what_is_claimed_of_two_conditions_holds_for_every_value),
        cmocka_unit_test(a_list_of_many_texts_finds_each_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
