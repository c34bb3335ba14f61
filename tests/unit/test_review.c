/* What `check` says of rules that leave events out which do not say what is asked. */
#include "route_fixture.h"

#include "route/route_table_review.h"

static const char *const consent_schema =
    "{\"type\":\"record\",\"name\":\"E\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},"
    "{\"name\":\"ok\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"sure\",\"type\":\"boolean\"},"
    "{\"name\":\"optOut\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"status\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"adsConsent\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"level\",\"type\":[\"null\",\"int\"],\"default\":null},"
    "{\"name\":\"mode\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"M\",\"symbols\":[\"YES\","
    "\"NO\"]}],\"default\":null},"
    "{\"name\":\"consent\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"C\",\"fields\":["
    "{\"name\":\"ads\",\"type\":\"boolean\"}]}],\"default\":null},"
    "{\"name\":\"flags\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"}}]}";

#define LEGS ", {name: all, match: {}}]"

static const struct {
    const char *name;
    const char *routes;
    const char *part; /* of the one warning; NULL: none */
} rows[] = {
    {"false on a nullable field", "[{name: no, match: {ok: false}, drop: x}" LEGS,
     "route no drops nothing where 'ok' is null or missing, which it can be: to drop those too "
     "write 'ok: \"!= true\"'"},
    {"!= true takes null as well", "[{name: no, match: {ok: \"!= true\"}, drop: x}" LEGS, NULL},
    {"false on a field that is always there", "[{name: no, match: {sure: false}, drop: x}" LEGS,
     NULL},
    {"a field inside a nullable record", "[{name: no, match: {consent.ads: false}, drop: x}" LEGS,
     "write 'consent.ads: \"!= true\"'"},
    {"a key of a map", "[{name: no, match: {flags.ads: false}, drop: x}" LEGS,
     "write 'flags.ads: \"!= true\"'"},
    {"an objection", "[{name: no, match: {optOut: true}, drop: x}" LEGS,
     "write 'optOut: \"!= false\"'"},
    {"a word", "[{name: no, match: {status: denied}, drop: x}" LEGS,
     "write 'status: [denied, missing]'"},
    {"a list of words", "[{name: no, match: {status: [denied, withdrawn]}, drop: x}" LEGS,
     "write 'status: [denied, withdrawn, missing]'"},
    {"a list of booleans", "[{name: no, match: {ok: [false]}, drop: x}" LEGS,
     "write 'ok: \"!= true\"'"},
    {"a list with missing in it", "[{name: no, match: {ok: [false, missing]}, drop: x}" LEGS, NULL},
    {"a symbol", "[{name: no, match: {mode: \"NO\"}, drop: x}" LEGS, "write 'mode: [NO, missing]'"},
    {"a pattern", "[{name: no, match: {status: \"=~ ^den\"}, drop: x}" LEGS,
     "write 'status: [\"=~ ^den\", missing]'"},
    {"an order", "[{name: no, match: {level: \"< 2\"}, drop: x}" LEGS,
     "write 'level: [\"< 2\", missing]'"},
    {"a rule of its own for missing",
     "[{name: no, match: {ok: false}, drop: x}, {name: none, match: {ok: missing}, drop: y}" LEGS,
     NULL},
    {"a rule for the record that is missing",
     "[{name: no, match: {any: [{consent: missing}, {consent.ads: false}]}, drop: x}" LEGS, NULL},
    {"a field that only begins alike",
     "[{name: no, match: {any: [{status: missing}, {ok: false}]}, drop: x}" LEGS, "write 'ok: "},
    {"said to be meant", "[{name: no, match: {all: [{ok: exists}, {ok: false}]}, drop: x}" LEGS,
     NULL},
    {"legs for those alone who said yes",
     "[{name: no, match: {ok: false}, drop: x}, {name: yes, match: {ok: true}}]", NULL},
    {"inside an any",
     "[{name: no, match: {any: [{ok: false}, {status: x}]}, drop: x}, "
     "{name: yes, match: {status: exists}}]",
     "write 'ok: \"!= true\"'"},
    {"legs behind not refused", "[{name: yes, match: {ok: \"!= false\"}}]",
     "route yes delivers also where 'ok' is null or missing, which it can be: to deliver only "
     "where it is said write 'ok: true'"},
    {"legs behind a word that is not refused", "[{name: yes, match: {adsConsent: \"!= denied\"}}]",
     "write 'all: [{adsConsent: exists}, {...}]'"},
    {"other words may be missing", "[{name: yes, match: {status: \"!= denied\"}}]", NULL},
    {"not refused, after null was dropped",
     "[{name: no, match: {ok: \"!= true\"}, drop: x}, {name: yes, match: {ok: \"!= false\"}}]",
     NULL},
    {"a header that is about consent",
     "[{name: no, match: {headers.consent: \"no\"}, drop: x}" LEGS,
     "write 'headers.consent: [no, missing]'"},
    {"another header", "[{name: no, match: {headers.source: test}, drop: x}" LEGS, NULL},
};

static void rules_that_leave_null_out_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t want = rows[i].part == NULL ? 0 : 1;
        struct routing routing;

        routing_open_for(&routing, rows[i].routes, &consent_schema, 1, false);
        if (routing.table == NULL) {
            fail_msg("%s: %s", rows[i].name, first_diag(&routing.diags));
        }
        route_table_review(routing.table, &routing.diags);
        if (routing.diags.count != want ||
            (want > 0 && strstr(routing.diags.items[0].message, rows[i].part) == NULL)) {
            fail_msg("%s: %zu, %s", rows[i].name, routing.diags.count, first_diag(&routing.diags));
        }
        assert_int_equal(routing.diags.error_count, 0);
        routing_close(&routing);
    }
}

/* The shipped rule: what is not a clear yes is dropped. */
static const struct {
    const char *name;
    const char *event;
    bool is_dropped;
} unknown_rows[] = {
    {"yes", "{\"event\":\"A\",\"sure\":true,\"flags\":{},\"consent\":{\"ads\":true}}", false},
    {"no", "{\"event\":\"A\",\"sure\":true,\"flags\":{},\"consent\":{\"ads\":false}}", true},
    {"null", "{\"event\":\"A\",\"sure\":true,\"flags\":{},\"consent\":null}", true},
    {"missing", "{\"event\":\"A\",\"sure\":true,\"flags\":{}}", true},
};

static void an_unknown_consent_is_no_consent(void **state)
{
    struct routing routing;

    (void)state;
    routing_open_for(&routing, "[{name: no, match: {consent.ads: \"!= true\"}, drop: x}" LEGS,
                     &consent_schema, 1, false);
    assert_non_null(routing.table);
    for (size_t i = 0; i < COUNT_OF(unknown_rows); i++) {
        struct message_view message = {.topic = SPAN("orders"), .timestamp_ms = -1};
        struct event_view view = {.message = &message};
        struct route_result result;
        struct value root;

        routing_see(&routing, unknown_rows[i].event, &root, &view);
        route_match(routing.table, &view, &routing.arena, &result);
        if (result.count != 1 || (result.routes[0] == 0) != unknown_rows[i].is_dropped) {
            fail_msg("%s: route %u", unknown_rows[i].name, result.routes[0]);
        }
    }
    routing_close(&routing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_leave_null_out_are_named),
        cmocka_unit_test(an_unknown_consent_is_no_consent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
