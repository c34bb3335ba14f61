/* The simulated Events API: its steps in order, scripted modes on an injected clock, the account.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trial/tiktok/account.h"
#include "trial/tiktok/server.h"
#include "trial/tiktok/simulator.h"

#define WALL_MS 1773223300000 /* a moment after the fixtures' events */
#define TRACK "/open_api/v1.3/event/track/"
#define HASH "033515410ca92e007b89cb5fc069f383e5f972b8181d6949ace4deb913d7702a"
#define HEAD "{\"event_source\":\"web\",\"event_source_id\":\"CEXAMPLE0PIXEL00AB12\",\"data\":["
#define ITEM(name, id, more)                                                                       \
    "{\"event\":\"" name "\",\"event_time\":1773223200,\"event_id\":" id more "}"
#define GOOD                                                                                       \
    HEAD ITEM("Purchase", "\"ord-1\"", ",\"page\":{\"url\":\"https://shop.example/\"}") "]}"

static const char *const good_tokens[] = {"tok_live_EXAMPLE", "tok_other"};
static const char *const old_tokens[] = {"tok_old"};
static const char *const allows[] = {"tok_live_EXAMPLE=CEXAMPLE0PIXEL00AB12",
                                     "tok_live_EXAMPLE=7301122334455667788"};

static struct simulator_options usual(void)
{
    return (struct simulator_options){.rate = 0, .seed = 1, .ids_max = 1000};
}

static struct sim_script script_of(const char *yaml)
{
    struct sim_script script = {0};
    struct diags diags;

    if (yaml == NULL) {
        return script;
    }
    diags_init(&diags);
    sim_script_read(yaml_parse("script", span_of(yaml), true, &diags), &script, &diags);
    if (diags.error_count > 0) {
        fail_msg("%s", diags.items[0].message);
    }
    diags_fini(&diags);
    return script;
}

static struct sim_request request_of(const char *path, const char *token, const char *body)
{
    return (struct sim_request){.method = SPAN("POST"),
                                .path = span_of(path),
                                .token = span_of(token),
                                .content_type = SPAN("application/json; charset=utf-8"),
                                .body = span_of(body),
                                .now_ms = 1000,
                                .wall_ms = WALL_MS};
}

static void ask(struct simulator *simulator, const struct sim_request *request,
                struct sim_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    buf_init(&answer->body, 1 << 20);
    simulator_handle(simulator, request, answer);
}

static json_t *body_of(struct sim_answer *answer)
{
    return json_loads(buf_text(&answer->body), 0, NULL);
}

static long long number_at(json_t *root, const char *key)
{
    return json_integer_value(json_object_get(root, key));
}

/* GET a control path as JSON. */
static json_t *look(struct simulator *simulator, const char *path, const char *query)
{
    struct sim_request request = request_of(path, NULL, NULL);
    struct sim_answer answer;
    json_t *root;

    request.method = SPAN("GET");
    request.query = span_of(query);
    ask(simulator, &request, &answer);
    root = body_of(&answer);
    buf_fini(&answer.body);
    assert_non_null(root);
    return root;
}

enum { LENIENT = 0, STRICT = 1, INDEX = 2, TOKENS = 4 };

static const struct {
    const char *name;
    int options;
    const char *path;
    const char *token;
    const char *body;
    int want_code;
    const char *want_message; /* NULL: any */
} step_cases[] = {
    {"1: unknown path", 0, "/open_api/v1.3/event/track", "t", GOOD, 40400, NULL},
    {"3: no token (F15)", 0, TRACK, NULL, GOOD, 40104, "Access token is empty"},
    {"3: empty token", 0, TRACK, "", GOOD, 40104, NULL},
    {"3: comes before the body is looked at", 0, TRACK, NULL, "{", 40104, NULL},
    {"4: unknown token", TOKENS, TRACK, "tok_unknown", GOOD, 40105, NULL},
    {"4: Bearer (F14)", TOKENS, TRACK, "Bearer tok_live_EXAMPLE", GOOD, 40105,
     "Access token is incorrect or has been revoked."},
    {"4: Bearer where any token is fine", 0, TRACK, "Bearer x", GOOD, 40105, NULL},
    {"5: expired token (F16)", TOKENS, TRACK, "tok_old", GOOD, 40102, "Access token has expired."},
    {"6: not JSON", 0, TRACK, "t", "{\"event_source\":", 40002,
     "Invalid JSON: not a valid object."},
    {"6: an array", 0, TRACK, "t", "[]", 40002, "Invalid JSON: not a valid object."},
    {"6: nothing", 0, TRACK, "t", "", 40002, NULL},
    {"7: event_source inside the item (F09)", 0, TRACK, "t",
     "{\"event_source_id\":\"C1\",\"data\":[{\"event_source\":\"web\"}]}", 40002,
     "Invalid value for event_source: must be web, app or offline."},
    {"8: id misplaced (F08)", 0, TRACK, "t",
     "{\"event_source\":\"web\",\"pixel_code\":\"C1\",\"data\":[]}", 40002,
     "Invalid value for event_source_id: not a valid string."},
    {"8: id a number", 0, TRACK, "t",
     "{\"event_source\":\"web\",\"event_source_id\":7,\"data\":[]}", 40002,
     "Invalid value for event_source_id: not a valid string."},
    {"8: a pixel code with source offline", 0, TRACK, "t",
     "{\"event_source\":\"offline\",\"event_source_id\":\"C1\",\"data\":[]}", 40002,
     "Invalid value for event_source_id: not a valid string."},
    {"9: token not allowed on the id (F12)", TOKENS, TRACK, "tok_other", GOOD, 40001,
     "No permission to operate pixel code: CEXAMPLE0PIXEL00AB12. You must be an admin or operator "
     "of this advertiser account."},
    {"9: allowed", TOKENS, TRACK, "tok_live_EXAMPLE", GOOD, 0, "OK"},
    {"10: no data", 0, TRACK, "t", "{\"event_source\":\"web\",\"event_source_id\":\"C1\"}", 40002,
     "Invalid value for data: length must be between 1 and 1000."},
    {"10: empty data", 0, TRACK, "t", HEAD "]}", 40002, NULL},
    {"10: data an object", 0, TRACK, "t",
     "{\"event_source\":\"web\",\"event_source_id\":\"C1\",\"data\":{}}", 40002, NULL},
    {"11: event_id a number (F07)", 0, TRACK, "t", HEAD ITEM("Purchase", "50021", "") "]}", 40002,
     "Invalid value for event_id: not a valid string."},
    {"11: event_id null", 0, TRACK, "t", HEAD ITEM("Purchase", "null", "") "]}", 40002, NULL},
    {"11: one of three (F11)", 0, TRACK, "t",
     HEAD ITEM("Search", "\"a\"", "") "," ITEM("Search", "2", "") "," ITEM("Search", "\"c\"",
                                                                           "") "]}",
     40002, "Invalid value for event_id: not a valid string."},
    {"11: with its index", INDEX, TRACK, "t",
     HEAD ITEM("Search", "\"a\"", "") "," ITEM("Search", "2", "") "]}", 40002,
     "Invalid value for data.1.event_id: not a valid string."},
    {"11: event empty", 0, TRACK, "t", HEAD ITEM("", "\"a\"", "") "]}", 40002,
     "Invalid value for event: not a valid string."},
    {"11: event_time text", 0, TRACK, "t",
     HEAD "{\"event\":\"Purchase\",\"event_time\":\"1773223200\",\"event_id\":\"a\"}]}", 40002,
     "Invalid value for event_time: not a valid integer."},
    {"11: event_time a fraction", 0, TRACK, "t",
     HEAD "{\"event\":\"Purchase\",\"event_time\":1773223200.5,\"event_id\":\"a\"}]}", 40002, NULL},
    {"11: value text", 0, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"value\":\"74.9\"}") "]}", 40002,
     "Invalid value for value: not a valid number."},
    {"11: content_id a number", 0, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"contents\":[{\"content_id\":1}]}") "]}",
     40002, "Invalid value for content_id: not a valid string."},
    {"11: price text", 0, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"contents\":[{\"price\":\"8\"}]}") "]}",
     40002, "Invalid value for price: not a valid number."},
    {"11: order_id a number", 0, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"order_id\":50021}") "]}", 40002,
     "Invalid value for order_id: not a valid string."},
    {"11: email a number in a list", 0, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"user\":{\"email\":[\"" HASH "\",7]}") "]}", 40002,
     "Invalid value for email: not a valid string."},
    {"12: crm without lead", 0, TRACK, "t",
     "{\"event_source\":\"crm\",\"event_source_id\":\"73\",\"data\":[" ITEM("Lead", "\"a\"",
                                                                            "") "]}",
     40002, "Invalid value for lead_id: not a valid string."},
    {"12: app without app", 0, TRACK, "t",
     "{\"event_source\":\"app\",\"event_source_id\":\"73\",\"data\":[" ITEM("Login", "\"a\"",
                                                                            "") "]}",
     40002, "Invalid value for app_id: not a valid string."},
    {"13: web without page is taken", 0, TRACK, "t", HEAD ITEM("Search", "\"a\"", "") "]}", 0,
     "OK"},
    {"14: unknown members are taken", 0, TRACK, "t",
     HEAD ITEM("Search", "\"a\"", ",\"gtm_version\":{\"a\":[1]}") "]}", 0, "OK"},
    {"15: several identifiers (F03)", TOKENS, TRACK, "tok_live_EXAMPLE",
     "{\"event_source\":\"offline\",\"event_source_id\":\"7301122334455667788\",\"data\":[" ITEM(
         "Purchase", "\"pos-7\"", ",\"user\":{\"email\":[\"" HASH "\"]}") "]}",
     0, "OK"},
    {"legacy batch, numeric content_id (F10)", 0, "/open_api/v1.3/pixel/batch/", "t",
     "{\"pixel_code\":\"C1\",\"batch\":[{\"type\":\"track\",\"event\":\"CompletePayment\","
     "\"event_id\":\"old-1\",\"properties\":{\"contents\":[{\"content_id\":1077}]}}]}",
     40002, "Batch.0.properties.contents.0.content_id: Not a valid string"},
    {"legacy offline batch (F27)", 0, "/open_api/v1.3/offline/batch/", "t",
     "{\"event_set_id\":\"73\",\"batch\":[{\"type\":\"track\",\"event\":\"CompletePayment\","
     "\"event_id\":\"pos-7\",\"properties\":{\"value\":12.5}}]}",
     0, "OK"},
    {"legacy single event", 0, "/open_api/v1.2/pixel/track/", "t",
     "{\"pixel_code\":\"C1\",\"event\":\"CompletePayment\",\"event_id\":\"o\"}", 0, "OK"},
    {"lenient: plain e-mail address", LENIENT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"user\":{\"email\":\"n@mail.example\"}") "]}", 0, "OK"},
    {"strict: plain e-mail address", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"user\":{\"email\":\"n@mail.example\"}") "]}", 40002,
     "Invalid value for email: must be a SHA-256 in lower-case hex."},
    {"strict: hash in upper case", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"",
               ",\"user\":{\"first_name\":\"033515410CA92E007B89CB5FC069F383"
               "E5F972B8181D6949ACE4DEB913D7702A\"}") "]}",
     40002, NULL},
    {"strict: null member", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"description\":null}") "]}", 40002,
     "Invalid value for description: may not be null."},
    {"lenient: null member", LENIENT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"properties\":{\"description\":null}") "]}", 0, "OK"},
    {"strict: private address", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"user\":{\"ip\":\"192.168.1.7\"}") "]}", 40002,
     "Invalid value for ip: not a public address."},
    {"strict: private address in IPv6", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"", ",\"user\":{\"ip\":\"::ffff:10.0.0.1\"}") "]}", 40002, NULL},
    {"strict: too old", STRICT, TRACK, "t",
     HEAD "{\"event\":\"Purchase\",\"event_time\":1770000000,\"event_id\":\"a\"}]}", 40002,
     "Invalid value for event_time: outside the last 28 days."},
    {"strict: too far ahead", STRICT, TRACK, "t",
     HEAD "{\"event\":\"Purchase\",\"event_time\":1773224000,\"event_id\":\"a\"}]}", 40002, NULL},
    {"strict: a good event", STRICT, TRACK, "t",
     HEAD ITEM("Purchase", "\"a\"",
               ",\"user\":{\"email\":\"" HASH
               "\",\"ip\":\"198.51.100.23\"},\"page\":{\"url\":\"https://"
               "shop.example/\"}") "]}",
     0, "OK"},
};

static struct simulator *simulator_for(int flags)
{
    struct simulator_options options = usual();

    options.is_strict = (flags & STRICT) != 0;
    options.is_index_named = (flags & INDEX) != 0;
    if ((flags & TOKENS) != 0) {
        options.tokens = good_tokens;
        options.token_count = COUNT_OF(good_tokens);
        options.expired = old_tokens;
        options.expired_count = COUNT_OF(old_tokens);
        options.allows = allows;
        options.allow_count = COUNT_OF(allows);
    }
    return simulator_new(&options, (struct sim_script){0}, 0);
}

static void each_step_answers_as_the_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(step_cases); i++) {
        struct simulator *simulator = simulator_for(step_cases[i].options);
        struct sim_request request =
            request_of(step_cases[i].path, step_cases[i].token, step_cases[i].body);
        struct sim_answer answer;
        json_t *root;
        const char *message;

        ask(simulator, &request, &answer);
        root = body_of(&answer);
        message = json_string_value(json_object_get(root, "message"));
        if (answer.status != 200 || root == NULL || message == NULL ||
            number_at(root, "code") != step_cases[i].want_code ||
            (step_cases[i].want_message != NULL &&
             strcmp(message, step_cases[i].want_message) != 0)) {
            fail_msg("%s: got %s", step_cases[i].name, buf_text(&answer.body));
        }
        json_decref(root);
        buf_fini(&answer.body);
        simulator_free(simulator);
    }
}

static void a_request_id_has_time_and_hex(void **state)
{
    struct simulator *simulator = simulator_for(0);
    struct sim_request request = request_of(TRACK, "t", GOOD);
    struct sim_answer answer;

    (void)state;
    ask(simulator, &request, &answer);
    assert_int_equal(strlen(answer.request_id), 34);
    assert_memory_equal(answer.request_id, "20260311100140", 14);
    assert_int_equal(strspn(answer.request_id + 14, "0123456789ABCDEF"), 20);
    assert_non_null(strstr(buf_text(&answer.body), answer.request_id));
    buf_fini(&answer.body);
    simulator_free(simulator);
}

static void more_than_a_thousand_events_are_refused(void **state)
{
    static const size_t counts[] = {1, 1000, 1001};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct simulator *simulator = simulator_for(0);
        struct sim_request request = request_of(TRACK, "t", "");
        struct sim_answer answer;
        struct buf body;
        json_t *root;

        buf_init(&body, 1 << 20);
        buf_add_text(&body, HEAD);
        for (size_t j = 0; j < counts[i]; j++) {
            buf_printf(&body, "%s" ITEM("Search", "\"e%zu\"", ""), j == 0 ? "" : ",", j);
        }
        buf_add_text(&body, "]}");
        request.body = buf_span(&body);
        ask(simulator, &request, &answer);
        root = look(simulator, "/_simulate/account", NULL);
        assert_int_equal(number_at(root, "unique"), counts[i] > 1000 ? 0 : counts[i]);
        assert_int_equal(number_at(root, "rejected"), counts[i] > 1000 ? counts[i] : 0);
        json_decref(root);
        buf_fini(&answer.body);
        buf_fini(&body);
        simulator_free(simulator);
    }
}

/* One request of @type; what came back, in one word. */
static const char *try_once(struct simulator *simulator, const char *type, uint64_t now_ms,
                            char out[32])
{
    static const char *const actions[] = {"", "hang", "reset", "truncate"};
    char body[512] = "";
    struct sim_request request = request_of(TRACK, "t", body);
    struct sim_answer answer;
    json_t *root;

    snprintf(body, sizeof(body),
             HEAD "{\"event\":\"%s\",\"event_time\":1773223200,\"event_id\":\"x\"}]}", type);
    request.body = span_of(body);
    request.now_ms = now_ms;
    ask(simulator, &request, &answer);
    root = answer.action == SIM_ANSWER ? body_of(&answer) : NULL;
    if (answer.action != SIM_ANSWER) {
        snprintf(out, 32, "%s", actions[answer.action]);
    } else if (json_is_integer(json_object_get(root, "code"))) {
        snprintf(out, 32, "%d/%lld+%llu", answer.status, number_at(root, "code"),
                 (unsigned long long)answer.delay_ms);
    } else {
        snprintf(out, 32, "%d %s", answer.status, answer.content_type);
    }
    json_decref(root);
    buf_fini(&answer.body);
    return out;
}

static const struct {
    const char *name;
    const char *script;
    const char *type;
    uint64_t at_ms;
    const char *want;
} mode_cases[] = {
    {"before from", "- {from: 10s, to: 25s, answer: {status: 503}}", "Purchase", 9999, "200/0+0"},
    {"at from", "- {from: 10s, to: 25s, answer: {status: 503}}", "Purchase", 10000,
     "503 application/json"},
    {"last moment", "- {from: 10s, to: 25s, answer: {status: 503}}", "Purchase", 24999,
     "503 application/json"},
    {"at to", "- {from: 10s, to: 25s, answer: {status: 503}}", "Purchase", 25000, "200/0+0"},
    {"its type", "- {event: Purchase, answer: {code: 50000}}", "Purchase", 0, "200/50000+0"},
    {"another type", "- {event: Purchase, answer: {code: 50000}}", "Search", 0, "200/0+0"},
    {"one of a list", "- {event: [Lead, Search], answer: {code: 50000}}", "Search", 0,
     "200/50000+0"},
    {"the first that fits", "- {event: Lead, answer: hang}\n- {answer: throttle}", "Search", 0,
     "200/40100+0"},
    {"status with a code", "- {answer: {status: 500, code: 51010}}", "Search", 0, "500/51010+0"},
    {"code with a status", "- {answer: {code: 40100, status: 429}}", "Search", 0, "429/40100+0"},
    {"hang", "- {answer: hang}", "Search", 0, "hang"},
    {"reset", "- {answer: reset}", "Search", 0, "reset"},
    {"truncate", "- {answer: truncate}", "Search", 0, "truncate"},
    {"slow", "- {answer: {latency: 3s}}", "Search", 0, "200/0+3000"},
    {"gateway", "- {answer: gateway}", "Search", 0, "502 text/html"},
    {"gateway with another status", "- {answer: {gateway: true, status: 504}}", "Search", 0,
     "504 text/html"},
    {"token", "- {answer: credential}", "Search", 0, "200/40105+0"},
    {"expired token", "- {answer: {credential: true, code: 40102}}", "Search", 0, "200/40102+0"},
    {"partial of one", "- {answer: partial}", "Search", 0, "200/20001+0"},
    {"no share", "- {answer: hang, share: 0%}", "Search", 0, "200/0+0"},
    {"an answer in a word", "- {to: 5s, answer: hang}", "Search", 0, "hang"},
    {"an answer with a value", "- {answer: {code: 50000}}", "Search", 0, "200/50000+0"},
    {"a status with a code", "- {answer: {status: 500, code: 51010}}", "Search", 0, "500/51010+0"},
    {"a late answer", "- {answer: {latency: 3s}}", "Search", 0, "200/0+3000"},
    {"a late error", "- {answer: {latency: 2s, status: 503, code: 50000}}", "Search", 0,
     "503/50000+2000"},
    {"a refused credential", "- {answer: credential}", "Search", 0, "200/40105+0"},
    {"a text with a status", "- {answer: {status: 404, body: gone}}", "Search", 0,
     "404 text/plain"},
    {"under modes", "modes:\n  - {answer: reset}", "Search", 0, "reset"},
    {"JSON", "{\"modes\":[{\"answer\":\"reset\",\"to\":\"5s\"}]}", "Search", 4999, "reset"},
    {"an empty list", "[]", "Search", 0, "200/0+0"},
};

static void modes_hold_for_their_time_and_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mode_cases); i++) {
        struct simulator_options options = usual();
        struct simulator *simulator = simulator_new(&options, script_of(mode_cases[i].script), 500);
        char got[32];

        try_once(simulator, mode_cases[i].type, 500 + mode_cases[i].at_ms, got);
        if (strcmp(got, mode_cases[i].want) != 0) {
            fail_msg("%s: got %s, want %s", mode_cases[i].name, got, mode_cases[i].want);
        }
        simulator_free(simulator);
    }
}

static void a_count_ends_a_mode(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator =
        simulator_new(&options, script_of("- {answer: reset, count: 2}"), 0);
    char got[32];

    (void)state;
    assert_string_equal(try_once(simulator, "Lead", 1, got), "reset");
    assert_string_equal(try_once(simulator, "Lead", 2, got), "reset");
    assert_string_equal(try_once(simulator, "Lead", 3, got), "200/0+0");
    simulator_free(simulator);
}

static void a_share_takes_about_that_many(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator =
        simulator_new(&options, script_of("- {answer: reset, share: 30%}"), 0);
    char got[32];
    int resets = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        resets += strcmp(try_once(simulator, "Lead", 1, got), "reset") == 0 ? 1 : 0;
    }
    assert_in_range(resets, 250, 350);
    simulator_free(simulator);
}

static void the_clock_can_start_with_the_first_request(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator;
    char got[32];

    (void)state;
    options.is_clock_first = true;
    simulator = simulator_new(&options, script_of("- {from: 5s, to: 6s, answer: reset}"), 0);
    assert_string_equal(try_once(simulator, "Lead", 70000, got), "200/0+0");
    assert_string_equal(try_once(simulator, "Lead", 74999, got), "200/0+0");
    assert_string_equal(try_once(simulator, "Lead", 75000, got), "reset");
    simulator_free(simulator);
}

static void a_script_is_set_and_cleared_at_run_time(void **state)
{
    struct simulator *simulator = simulator_for(0);
    struct sim_request request = request_of("/_simulate/modes", NULL,
                                            "{\"modes\":[{\"answer\":\"reset\",\"from\":\"2s\"}]}");
    struct sim_answer answer;
    char got[32];
    json_t *root;

    (void)state;
    request.now_ms = 10000;
    ask(simulator, &request, &answer);
    assert_int_equal(answer.status, 200);
    buf_fini(&answer.body);
    assert_string_equal(try_once(simulator, "Lead", 11999, got), "200/0+0");
    assert_string_equal(try_once(simulator, "Lead", 12000, got), "reset");

    request.body = SPAN("{\"modes\":[{\"answr\":\"reset\"}]}"); /* refused: the old one stays */
    ask(simulator, &request, &answer);
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(buf_text(&answer.body), "did you mean answer?"));
    buf_fini(&answer.body);
    assert_string_equal(try_once(simulator, "Lead", 13000, got), "reset");
    root = look(simulator, "/_simulate/modes", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "modes")), 1);
    json_decref(root);

    request.method = SPAN("DELETE");
    ask(simulator, &request, &answer);
    buf_fini(&answer.body);
    assert_string_equal(try_once(simulator, "Lead", 14000, got), "200/0+0");
    simulator_free(simulator);
}

static const struct {
    const char *name;
    const char *script;
    const char *want; /* in the first message */
} bad_scripts[] = {
    {"no list", "answer: hang", "unknown key"},
    {"no answer", "- {from: 1s}", "a rule wants an answer"},
    {"unknown answer", "- {answer: explode}", "one of status, code"},
    {"from behind to", "- {answer: hang, from: 5s, to: 5s}", "end before they begin"},
    {"code without code", "- {answer: code}", "no answer is called \"code\""},
    {"status without status", "- {answer: status}", "no answer is called \"status\""},
    {"status out of range", "- {answer: {status: 99}}", "an HTTP status"},
    {"share over 100%", "- {answer: hang, share: 130%}", "a percentage"},
    {"count zero", "- {answer: hang, count: 0}", "from 1 on"},
    {"a map as event", "- {answer: hang, event: {a: b}}", "an event type or a list"},
    {"a list as from", "- {answer: hang, from: [1s]}", "a duration"},
    {"a value beside the answer", "- {status: 503}", "unknown key \"status\" in a rule"},
    {"two answers in one", "- {answer: {hang: true, code: 50000}}", "not both"},
    {"no connection, from who listens", "- {answer: refused}",
     "refused is nothing that the simulator answers"},
    {"an unknown answer", "- {answer: hangs}", "did you mean hang?"},
    {"a scalar as rule", "- hang", "a rule wants a map"},
};

static void a_wrong_script_says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_scripts); i++) {
        struct sim_script script = {0};
        struct diags diags;

        diags_init(&diags);
        sim_script_read(yaml_parse("script", span_of(bad_scripts[i].script), true, &diags), &script,
                        &diags);
        if (diags.error_count == 0 || strstr(diags.items[0].message, bad_scripts[i].want) == NULL) {
            fail_msg("%s: got %s", bad_scripts[i].name,
                     diags.count == 0 ? "no error" : diags.items[0].message);
        }
        sim_script_fini(&script);
        diags_fini(&diags);
    }
}

/* Send ids as one request at a time. */
static void send_event(struct simulator *simulator, const char *type, const char *id,
                       int64_t wall_ms)
{
    char body[512];
    struct sim_request request = request_of(TRACK, "t", NULL);
    struct sim_answer answer;

    snprintf(body, sizeof(body), HEAD "{\"event\":\"%s\",\"event_time\":%lld%s%s%s}]}", type,
             (long long)(wall_ms / 1000), id == NULL ? "" : ",\"event_id\":\"",
             id == NULL ? "" : id, id == NULL ? "" : "\"");
    request.body = span_of(body);
    request.wall_ms = wall_ms;
    ask(simulator, &request, &answer);
    assert_non_null(strstr(buf_text(&answer.body), "\"code\": 0,"));
    buf_fini(&answer.body);
}

static void copies_within_48_hours_are_one_event(void **state)
{
    const int64_t hour_ms = 3600000;
    struct simulator *simulator = simulator_for(0);
    json_t *root;
    json_t *event;

    (void)state;
    send_event(simulator, "Purchase", "a", WALL_MS);
    send_event(simulator, "Purchase", "a", WALL_MS + 48 * hour_ms - 1);
    send_event(simulator, "Search", "a", WALL_MS); /* another event */
    send_event(simulator, "Search", NULL, WALL_MS);
    send_event(simulator, "Search", NULL, WALL_MS); /* never a copy */
    root = look(simulator, "/_simulate/account", NULL);
    assert_int_equal(number_at(root, "requests"), 5);
    assert_int_equal(number_at(root, "accepted"), 5);
    assert_int_equal(number_at(root, "unique"), 4);
    assert_int_equal(number_at(root, "deduplicated"), 1);
    assert_int_equal(number_at(root, "without_id"), 2);
    event = json_object_get(json_object_get(root, "by_event"), "Purchase");
    assert_int_equal(number_at(event, "deduplicated"), 1);
    assert_int_equal(number_at(json_object_get(root, "by_code"), "0"), 5);
    json_decref(root);

    send_event(simulator, "Purchase", "a", WALL_MS + 48 * hour_ms); /* new again */
    root = look(simulator, "/_simulate/account", NULL);
    assert_int_equal(number_at(root, "unique"), 5);
    json_decref(root);
    root = look(simulator, "/_simulate/events", "offset=0&limit=1");
    assert_int_equal(number_at(root, "total"), 4);
    assert_int_equal(json_array_size(json_object_get(root, "events")), 1);
    event = json_array_get(json_object_get(root, "events"), 0);
    assert_string_equal(json_string_value(json_object_get(event, "event_id")), "a");
    assert_string_equal(json_string_value(json_object_get(event, "event")), "Purchase");
    assert_string_equal(json_string_value(json_object_get(event, "source_id")),
                        "CEXAMPLE0PIXEL00AB12");
    assert_int_equal(number_at(event, "copies"), 3);
    json_decref(root);
    root = look(simulator, "/_simulate/events", "offset=3");
    assert_int_equal(json_array_size(json_object_get(root, "events")), 1);
    json_decref(root);
    root = look(simulator, "/_simulate/events", "offset=99");
    assert_int_equal(json_array_size(json_object_get(root, "events")), 0);
    json_decref(root);
    simulator_free(simulator);
}

static void ids_past_the_bound_are_told(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator;
    json_t *root;
    char id[16];

    (void)state;
    options.ids_max = 1500; /* the table grows on the way there */
    simulator = simulator_new(&options, (struct sim_script){0}, 0);
    for (int i = 0; i < 1600; i++) {
        snprintf(id, sizeof(id), "id-%d", i % 1550);
        send_event(simulator, "Lead", id, WALL_MS);
    }
    root = look(simulator, "/_simulate/account", NULL);
    assert_int_equal(number_at(root, "untracked"), 50);
    assert_int_equal(number_at(root, "deduplicated"), 50);
    assert_int_equal(number_at(root, "unique"), 1550);
    json_decref(root);
    simulator_free(simulator);
}

static void partial_success_is_recorded_but_for_the_failed(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator =
        simulator_new(&options, script_of("- {answer: {partial: true, items: 30%}}"), 0);
    struct sim_request request = request_of(TRACK, "t", NULL);
    struct sim_answer answer;
    struct buf body;
    json_t *root;
    json_t *failed;

    (void)state;
    buf_init(&body, 1 << 16);
    buf_add_text(&body, HEAD);
    for (int i = 0; i < 10; i++) {
        buf_printf(&body, "%s" ITEM("Search", "\"e%d\"", ""), i == 0 ? "" : ",", i);
    }
    buf_add_text(&body, "]}");
    request.body = buf_span(&body);
    ask(simulator, &request, &answer);
    root = body_of(&answer);
    failed = json_object_get(json_object_get(root, "data"), "failed_events");
    assert_int_equal(json_array_size(failed), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *item = json_array_get(failed, i);
        char want[16];

        snprintf(want, sizeof(want), "e%lld", number_at(item, "index"));
        assert_string_equal(json_string_value(json_object_get(item, "event_id")), want);
        assert_int_equal(number_at(item, "code"), 40002);
    }
    json_decref(root);
    root = look(simulator, "/_simulate/account", NULL);
    assert_int_equal(number_at(root, "unique"), 7);
    assert_int_equal(number_at(root, "rejected"), 3);
    json_decref(root);
    buf_fini(&answer.body);
    buf_fini(&body);
    simulator_free(simulator);
}

static const struct {
    const char *name;
    const char *script;
    int want_unique;
} record_cases[] = {
    {"hang takes nothing", "- {answer: hang}", 0},
    {"hang after taking it", "- {answer: hang, record: true}", 1},
    {"reset takes nothing", "- {answer: reset}", 0},
    {"reset after taking it", "- {answer: reset, record: true}", 1},
    {"a cut answer means it was taken", "- {answer: truncate}", 1},
    {"or not, if told so", "- {answer: truncate, record: false}", 0},
    {"slow takes it", "- {answer: {latency: 5s}}", 1},
    {"an error code does not", "- {answer: {code: 50002}}", 0},
};

static void what_an_unclear_answer_took_is_on_the_account(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(record_cases); i++) {
        struct simulator_options options = usual();
        struct simulator *simulator = simulator_new(&options, script_of(record_cases[i].script), 0);
        char got[32];
        json_t *root;

        try_once(simulator, "Lead", 1, got);
        root = look(simulator, "/_simulate/account", NULL);
        if (number_at(root, "unique") != record_cases[i].want_unique) {
            fail_msg("%s: %lld taken", record_cases[i].name, number_at(root, "unique"));
        }
        json_decref(root);
        simulator_free(simulator);
    }
}

static void a_token_bucket_bounds_each_token(void **state)
{
    struct simulator_options options = usual();
    struct simulator *simulator;
    struct sim_request request = request_of(TRACK, "a", GOOD);
    int taken[3] = {0, 0, 0};

    (void)state;
    options.rate = 10;
    simulator = simulator_new(&options, (struct sim_script){0}, 0);
    for (int i = 0; i < 45; i++) { /* 15 of one token, 15 of another, 15 of the first later */
        struct sim_answer answer;
        bool is_taken;

        request.token = i / 15 == 1 ? SPAN("b") : SPAN("a");
        request.now_ms = i / 15 == 2 ? 1500 : 1000;
        ask(simulator, &request, &answer);
        is_taken = strstr(buf_text(&answer.body), "\"code\": 0,") != NULL;
        assert_true(is_taken || strstr(buf_text(&answer.body), "40100") != NULL);
        taken[i / 15] += is_taken ? 1 : 0;
        buf_fini(&answer.body);
    }
    assert_int_equal(taken[0], 10);
    assert_int_equal(taken[1], 10);
    assert_int_equal(taken[2], 5);
    simulator_free(simulator);
}

static void what_the_service_swallows_is_a_warning(void **state)
{
    struct simulator *simulator = simulator_for(LENIENT);
    struct sim_request request =
        request_of(TRACK, "t",
                   HEAD ITEM("Purchase", "\"a\"",
                             ",\"user\":{\"email\":\"n@mail.example\",\"ip\":\"10.1.2.3\"},"
                             "\"properties\":{\"currency\":\"XXX\",\"description\":null}") "]}");
    struct sim_answer answer;
    json_t *root;

    (void)state;
    ask(simulator, &request, &answer);
    buf_fini(&answer.body);
    root = look(simulator, "/_simulate/warnings", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "warnings")), 5);
    json_decref(root);
    simulator_free(simulator);
}

static void wrong_requests_are_refused(void **state)
{
    struct simulator *simulator = simulator_for(0);
    struct sim_request request = request_of("/_simulate/nothing", NULL, NULL);
    struct sim_answer answer;

    (void)state;
    request.method = SPAN("GET");
    ask(simulator, &request, &answer);
    assert_int_equal(answer.status, 404);
    buf_fini(&answer.body);
    request = request_of(TRACK, "t", GOOD);
    request.method = SPAN("GET");
    ask(simulator, &request, &answer);
    assert_non_null(strstr(buf_text(&answer.body), "40400"));
    buf_fini(&answer.body);
    request.method = SPAN("POST");
    request.content_type = SPAN("text/plain");
    ask(simulator, &request, &answer);
    assert_non_null(strstr(buf_text(&answer.body), "Content-Type"));
    buf_fini(&answer.body);
    simulator_free(simulator);
}

/* Source id, event and id are told from each other wherever one ends, also when they hold zeros. */
static void an_event_is_known_by_its_three_texts(void **state)
{
    static const struct {
        struct span source_id, event, event_id;
        uint64_t unique; /* so far */
    } rows[] = {
        {SPAN("s"), SPAN("ab"), SPAN("c"), 1},   {SPAN("s"), SPAN("a"), SPAN("bc"), 2},
        {SPAN("sa"), SPAN("b"), SPAN("c"), 3},   {SPAN("s"), SPAN("a\0b"), SPAN("c"), 4},
        {SPAN("s"), SPAN("a"), SPAN("b\0c"), 5}, {SPAN("s"), SPAN("ab"), SPAN("c"), 5},
        {SPAN("s"), SPAN("ab"), SPAN(""), 6},    {SPAN("s"), SPAN("ab"), SPAN(""), 6},
    };
    struct account *account = account_new(100);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        account_accept(account, rows[i].source_id, rows[i].event, rows[i].event_id, 1000);
        assert_int_equal(account_unique(account), rows[i].unique);
    }
    account_free(account);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_known_by_its_three_texts),
        cmocka_unit_test(each_step_answers_as_the_service),
        cmocka_unit_test(a_request_id_has_time_and_hex),
        cmocka_unit_test(more_than_a_thousand_events_are_refused),
        cmocka_unit_test(modes_hold_for_their_time_and_type),
        cmocka_unit_test(a_count_ends_a_mode),
        cmocka_unit_test(a_share_takes_about_that_many),
        cmocka_unit_test(the_clock_can_start_with_the_first_request),
        cmocka_unit_test(a_script_is_set_and_cleared_at_run_time),
        cmocka_unit_test(a_wrong_script_says_what_is_wrong),
        cmocka_unit_test(copies_within_48_hours_are_one_event),
        cmocka_unit_test(ids_past_the_bound_are_told),
        cmocka_unit_test(partial_success_is_recorded_but_for_the_failed),
        cmocka_unit_test(what_an_unclear_answer_took_is_on_the_account),
        cmocka_unit_test(a_token_bucket_bounds_each_token),
        cmocka_unit_test(what_the_service_swallows_is_a_warning),
        cmocka_unit_test(wrong_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
