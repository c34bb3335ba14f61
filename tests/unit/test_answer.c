/* What TikTok's answers mean: the whole code table, statuses without a code, hostile bodies,
 * messages that name the culprit, partial success, and codes: in the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "destinations/tiktok/answer.h"

enum { EVENTS = 5 };

static const struct span ids[EVENTS] = {
    {"m-1000", 6}, {"m-1001", 6}, {"m-1002", 6}, {"twice", 5}, {"twice", 5},
};

static struct tiktok_codes *defaults(void)
{
    static struct tiktok_options options;
    static const struct config_destination destination = {.name = {"tiktok", 6}, .own = &options};
    struct diags diags;
    struct tiktok_codes *codes;

    diags_init(&diags);
    codes = tiktok_codes_compile(&destination, &diags);
    assert_int_equal(diags.count, 0);
    diags_fini(&diags);
    return codes;
}

static struct answer read_with(const struct tiktok_codes *codes, int status, struct span body,
                               size_t count, struct item_result *each)
{
    const struct answer_batch batch = {.event_ids = ids, .count = count, .each = each};
    struct answer answer;

    memset(&answer, 0xa5, sizeof(answer)); /* nothing may be left as it was */
    tiktok_answer_read(codes, status, body, &batch, &answer);
    return answer;
}

static struct answer read_one(int status, const char *body)
{
    struct item_result each[EVENTS];
    struct tiktok_codes *codes = defaults();
    struct answer answer = read_with(codes, status, span_of(body), EVENTS, each);

    tiktok_codes_free(codes);
    return answer;
}

#define NAME_ROW(row_name, code, what)                                                             \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fail_msg("%s (%d): %s", row_name, (int)(code), #what);                                 \
        }                                                                                          \
    } while (0)

/* Reference 4.3, whole. */
static const struct {
    int32_t first, last;
    enum verdict verdict;
    enum answer_scope scope;
} code_rows[] = {
    {0, 0, VERDICT_DELIVERED, SCOPE_BATCH},
    {40000, 40000, VERDICT_REJECTED, SCOPE_SPLIT},
    {40001, 40001, VERDICT_HOLD, SCOPE_BATCH},
    {40002, 40002, VERDICT_REJECTED, SCOPE_SPLIT},
    {40003, 40003, VERDICT_HOLD, SCOPE_BATCH},
    {40006, 40007, VERDICT_HOLD, SCOPE_BATCH},
    {40008, 40008, VERDICT_REJECTED, SCOPE_SPLIT},
    {40009, 40010, VERDICT_HOLD, SCOPE_BATCH},
    {40011, 40012, VERDICT_REJECTED, SCOPE_SPLIT},
    {40013, 40013, VERDICT_HOLD, SCOPE_BATCH},
    {40016, 40016, VERDICT_THROTTLED, SCOPE_BATCH},
    {40050, 40050, VERDICT_REJECTED, SCOPE_SPLIT},
    {40051, 40051, VERDICT_HOLD, SCOPE_BATCH},
    {40061, 40062, VERDICT_REJECTED, SCOPE_SPLIT},
    {40063, 40063, VERDICT_HOLD, SCOPE_BATCH},
    {40100, 40100, VERDICT_THROTTLED, SCOPE_BATCH},
    {40101, 40110, VERDICT_HOLD, SCOPE_BATCH},
    {40111, 40111, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {40112, 40119, VERDICT_HOLD, SCOPE_BATCH},
    {40120, 40123, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {40124, 40125, VERDICT_HOLD, SCOPE_BATCH},
    {40130, 40131, VERDICT_HOLD, SCOPE_BATCH},
    {40132, 40133, VERDICT_THROTTLED, SCOPE_BATCH},
    {40200, 40202, VERDICT_RETRY, SCOPE_BATCH},
    {40300, 40302, VERDICT_HOLD, SCOPE_BATCH},
    {40309, 40309, VERDICT_HOLD, SCOPE_BATCH},
    {40400, 40400, VERDICT_HOLD, SCOPE_BATCH},
    {40700, 40700, VERDICT_REJECTED, SCOPE_SPLIT},
    {41000, 41001, VERDICT_HOLD, SCOPE_BATCH},
    {41002, 41002, VERDICT_REJECTED, SCOPE_SPLIT},
    {50000, 50003, VERDICT_RETRY, SCOPE_BATCH},
    {51000, 51100, VERDICT_RETRY, SCOPE_BATCH},
    {52000, 52003, VERDICT_RETRY, SCOPE_BATCH},
    {52100, 52103, VERDICT_RETRY, SCOPE_BATCH},
    {52201, 52204, VERDICT_RETRY, SCOPE_BATCH},
    {53102, 53103, VERDICT_RETRY, SCOPE_BATCH},
    {60001, 60001, VERDICT_RETRY, SCOPE_BATCH},
    {61000, 61000, VERDICT_THROTTLED, SCOPE_BATCH},
    {70001, 70001, VERDICT_HOLD, SCOPE_BATCH},
    {99999, 99999, VERDICT_RETRY, SCOPE_BATCH},
    {INT32_MAX, INT32_MAX, VERDICT_RETRY, SCOPE_BATCH},
    {1, 1, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {200, 200, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {20000, 20000, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {40999, 40999, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {49999, 49999, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {-1, -1, VERDICT_UNKNOWN, SCOPE_SPLIT},
};

static void every_code_has_its_verdict_whatever_the_status(void **state)
{
    static const int statuses[] = {200, 400, 401, 429, 500, 502};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(code_rows); i++) {
        for (int32_t code = code_rows[i].first;; code++) {
            for (size_t s = 0; s < COUNT_OF(statuses); s++) {
                char body[128];
                struct answer got;

                (void)snprintf(body, sizeof(body), "{\"code\": %d, \"message\": \"OK\"}", code);
                got = read_one(statuses[s], body);
                NAME_ROW("code", code, got.has_code && got.code == code);
                NAME_ROW("code", code, got.verdict == code_rows[i].verdict);
                NAME_ROW("code", code, got.scope == code_rows[i].scope);
                NAME_ROW("code", code, strlen(got.text) > 0);
            }
            if (code == code_rows[i].last) {
                break;
            }
        }
    }
}

static const struct {
    int status;
    enum verdict verdict;
    enum answer_scope scope;
} status_rows[] = {
    {0, VERDICT_RETRY, SCOPE_BATCH},       {100, VERDICT_RETRY, SCOPE_BATCH},
    {200, VERDICT_RETRY, SCOPE_BATCH},     {204, VERDICT_RETRY, SCOPE_BATCH},
    {302, VERDICT_RETRY, SCOPE_BATCH},     {400, VERDICT_REJECTED, SCOPE_SPLIT},
    {401, VERDICT_HOLD, SCOPE_BATCH},      {403, VERDICT_HOLD, SCOPE_BATCH},
    {404, VERDICT_HOLD, SCOPE_BATCH},      {405, VERDICT_HOLD, SCOPE_BATCH},
    {406, VERDICT_HOLD, SCOPE_BATCH},      {407, VERDICT_HOLD, SCOPE_BATCH},
    {410, VERDICT_HOLD, SCOPE_BATCH},      {411, VERDICT_HOLD, SCOPE_BATCH},
    {415, VERDICT_HOLD, SCOPE_BATCH},      {421, VERDICT_HOLD, SCOPE_BATCH},
    {423, VERDICT_HOLD, SCOPE_BATCH},      {426, VERDICT_HOLD, SCOPE_BATCH},
    {301, VERDICT_RETRY, SCOPE_BATCH},     {308, VERDICT_RETRY, SCOPE_BATCH},
    {408, VERDICT_RETRY, SCOPE_BATCH},     {409, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {413, VERDICT_REJECTED, SCOPE_SPLIT},  {418, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {422, VERDICT_REJECTED, SCOPE_SPLIT},  {425, VERDICT_RETRY, SCOPE_BATCH},
    {429, VERDICT_THROTTLED, SCOPE_BATCH}, {500, VERDICT_RETRY, SCOPE_BATCH},
    {502, VERDICT_RETRY, SCOPE_BATCH},     {503, VERDICT_RETRY, SCOPE_BATCH},
    {599, VERDICT_RETRY, SCOPE_BATCH},
};

static void a_body_without_a_valid_code_is_judged_by_status_and_never_delivered(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"code\":",
        "{\"code\":0,\"mess",
        "{\"code\": 0.0}",
        "{\"code\": 0e0}",
        "{\"code\": -0.0}",
        "{\"code\": \"0\"}",
        "{\"code\": true}",
        "{\"code\": false}",
        "{\"code\": null}",
        "{\"code\": []}",
        "{\"code\": {}}",
        "{\"code\": NaN}",
        "{\"code\": 0, \"code\": 0}",
        "{\"code\": 50000, \"code\": 0}",
        "{\"code\": 0, \"data\": {\"a\": 1, \"a\": 2}}",
        "{\"Code\": 0}",
        "{\"code\": 00}",
        "{\"code\": +0}",
        "{\"code\": 0} trailing",
        "{\"code\": 0}{\"code\": 0}",
        "{\"data\": {\"code\": 0}}",
        "[{\"code\": 0}]",
        "0",
        "\"code\"",
        "null",
        "{\"code\": 4294967296}",
        "{\"code\": 18446744073709551616}",
        "{\"code\": -2147483648}",
        "{\"code\": 99999999999999999999999999999999}",
        "{\"message\": \"\\u0000\", \"code\": 0}",
        "{\"message\": \"\xff\xfe\", \"code\": 0}",
        "{\"message\": \"\\ud800\", \"code\": 0}",
        "\xef\xbb\xbf{\"code\": 0}",
        "<html><head><title>502 Bad Gateway</title></head></html>",
        "{\"error\":{\"message\":\"Service Unavailable\",\"description\":\"not ready\"}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(status_rows); i++) {
        for (size_t b = 0; b < COUNT_OF(bodies); b++) {
            struct answer got = read_one(status_rows[i].status, bodies[b]);

            NAME_ROW(bodies[b], status_rows[i].status, !got.has_code && got.code == INT32_MIN);
            NAME_ROW(bodies[b], status_rows[i].status, got.verdict == status_rows[i].verdict);
            NAME_ROW(bodies[b], status_rows[i].status, got.scope == status_rows[i].scope);
            NAME_ROW(bodies[b], status_rows[i].status, got.verdict != VERDICT_DELIVERED);
        }
    }
}

/* What stands before JSON, or in its place, is named: else nobody finds a proxy that compresses. */
static void an_answer_that_cannot_be_read_says_why(void **state)
{
    static const struct {
        const char *body;
        const char *part;
    } rows[] = {
        {"\xef\xbb\xbf{\"code\": 0}", ", which begins with a byte order mark"},
        {"\x1f\x8b\x08 x", ", which is gzip that nobody asked for"},
        {"\xff\xfe{", ", which is UTF-16"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer got = read_one(200, rows[i].body);

        assert_int_equal(got.verdict, VERDICT_RETRY);
        assert_non_null(strstr(got.text, rows[i].part));
    }
}

static const struct {
    const char *beginning;
    bool want_code;
    int32_t code;
    enum verdict want;
} cut_rows[] = {
    {"{\"code\":0,\"data\":{\"a\":\"", true, 0, VERDICT_RETRY},
    {"{\"code\":20001,\"data\":{\"errors\":[{\"index\":0,", true, 20001, VERDICT_RETRY},
    {"{\"code\":40002,\"message\":\"data.3.event_id", true, 40002, VERDICT_RETRY},
    {"{\"code\":30001,\"message\":\"", true, 30001, VERDICT_RETRY},
    {"{\"code\":50000,\"message\":\"", true, 50000, VERDICT_RETRY},
    {" {\"code\":50000,\"message\":\"", false, 0, VERDICT_RETRY},
    {"{\"code\":40100,\"message\":\"", true, 40100, VERDICT_THROTTLED},
    {"{\"code\" : 40105 ,\"message\":\"", true, 40105, VERDICT_HOLD},
    {"{\"data\":{\"code\":1,\"x\":[{}]},\"code\":40100,\"x\":[", true, 40100, VERDICT_THROTTLED},
    {"{\"message\":\"\\\"code\\\":40105,\",\"code\":40100,\"x\":", true, 40100, VERDICT_THROTTLED},
    {"{\"code\":40100,\"code\":40105,\"x\":", false, 0, VERDICT_RETRY},
    {"{\"code\":40100", false, 0, VERDICT_RETRY},
    {"{\"code\":\"40100\",\"x\":", false, 0, VERDICT_RETRY},
    {"{\"code\":40100.0,\"x\":", false, 0, VERDICT_RETRY},
    {"{\"code\":040100,\"x\":", false, 0, VERDICT_RETRY},
    {"{\"code\":99999999999,\"x\":", false, 0, VERDICT_RETRY},
    {"[{\"code\":40100,\"x\":", false, 0, VERDICT_RETRY},
    {"{\"a\":{\"code\":40100,\"x\":", false, 0, VERDICT_RETRY},
    {"{}}}{\"code\":40100,\"x\":", false, 0, VERDICT_RETRY},
    {"{\"a\\", false, 0, VERDICT_RETRY},
    {"", false, 0, VERDICT_RETRY},
};

/* Of what was not read nobody knows what it says: no event is settled by the beginning. */
static void of_a_cut_answer_only_what_all_wait_for_counts(void **state)
{
    struct tiktok_codes *codes = defaults();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cut_rows); i++) {
        struct answer got;

        memset(&got, 0xa5, sizeof(got));
        tiktok_answer_read_cut(codes, 200, span_of(cut_rows[i].beginning), &got);
        NAME_ROW(cut_rows[i].beginning, got.code, got.has_code == cut_rows[i].want_code);
        NAME_ROW(cut_rows[i].beginning, got.code, !got.has_code || got.code == cut_rows[i].code);
        NAME_ROW(cut_rows[i].beginning, got.code, got.verdict == cut_rows[i].want);
        NAME_ROW(cut_rows[i].beginning, got.code, got.scope == SCOPE_BATCH);
    }
    tiktok_codes_free(codes);
}

/* 20001 with a result, and a message, for each of a thousand events: 100 KB and more. */
static void a_result_for_each_of_a_thousand_is_read(void **state)
{
    enum { MANY = 1000 };
    static char text[MANY][16];
    static char body[MANY * 200];
    struct span many[MANY];
    struct item_result each[MANY];
    struct tiktok_codes *codes = defaults();
    const struct answer_batch batch = {.event_ids = many, .count = MANY, .each = each};
    struct answer got;
    size_t at =
        (size_t)snprintf(body, sizeof(body), "{\"code\":20001,\"data\":{\"failed_events\":[");

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "many-%zu", i);
        many[i] = span_of(text[i]);
        at += (size_t)snprintf(
            body + at, sizeof(body) - at,
            "%s{\"index\":%zu,\"event_id\":\"%s\",\"code\":%d,\"message\":\"%090d\"}",
            i == 0 ? "" : ",", i, text[i], i % 2 == 0 ? 40002 : 50000, 0);
    }
    at += (size_t)snprintf(body + at, sizeof(body) - at, "]}}");
    assert_true(at > 100000 && at < sizeof(body));
    tiktok_answer_read(codes, 200, (struct span){body, at}, &batch, &got);
    assert_int_equal(got.scope, SCOPE_EACH);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(each[i].verdict, i % 2 == 0 ? VERDICT_REJECTED : VERDICT_RETRY);
    }
    tiktok_codes_free(codes);
}

static void without_any_answer_not_even_a_good_body_counts(void **state)
{
    struct answer got;

    (void)state;
    got = read_one(0, "{\"code\": 0}");
    assert_int_equal(got.verdict, VERDICT_RETRY);
    assert_false(got.has_code);
}

/* @head, then @unit @times over. */
static char *repeat(const char *head, const char *unit, size_t times, size_t *len)
{
    size_t head_len = strlen(head);
    size_t unit_len = strlen(unit);
    char *out = malloc(head_len + unit_len * times + 1);

    memcpy(out, head, head_len);
    for (size_t i = 0; i < times; i++) {
        memcpy(out + head_len + i * unit_len, unit, unit_len);
    }
    *len = head_len + unit_len * times;
    out[*len] = '\0';
    return out;
}

static void hostile_bodies_cost_little_and_deliver_nothing(void **state)
{
    static const struct {
        const char *name, *head, *unit;
        size_t times;
    } rows[] = {
        {"deep arrays", "{\"code\": 0, \"data\": ", "[", 60000},
        {"deep objects", "{\"code\": 0, \"data\": ", "{\"a\":", 13000},
        {"depth beyond the limit of size", "{\"code\": 0, \"data\": ", "[", 100000},
        {"a hundred megabytes", "{\"code\": 0, \"message\": \"", "aaaaaaaaaa", 10000000},
        {"many keys the same", "{\"code\": 0", ",\"a\":1", 10000},
        {"white space", "{\"code\": 0", " ", 70000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tiktok_codes *codes = defaults();
        size_t len;
        char *body = repeat(rows[i].head, rows[i].unit, rows[i].times, &len);
        struct item_result each[EVENTS];
        struct answer got = read_with(codes, 200, (struct span){body, len}, EVENTS, each);

        NAME_ROW(rows[i].name, 200, got.verdict == VERDICT_RETRY && !got.has_code);
        free(body);
        tiktok_codes_free(codes);
    }
}

static void bytes_behind_a_nul_are_not_overlooked(void **state)
{
    static const char body[] = "{\"code\": 0}\0{\"code\": 50000}";
    struct tiktok_codes *codes = defaults();
    struct item_result each[EVENTS];
    struct answer got = read_with(codes, 200, (struct span){body, sizeof(body) - 1}, EVENTS, each);

    (void)state;
    assert_int_equal(got.verdict, VERDICT_RETRY);
    tiktok_codes_free(codes);
}

/* 40002: who is meant. */
static const struct {
    const char *message;
    enum verdict verdict;
    enum answer_scope scope;
    size_t item;
    const char *field; /* in the text; NULL: none */
} message_rows[] = {
    {"Batch.3.properties.contents.0.content_id: Not a valid string", VERDICT_REJECTED, SCOPE_ITEM,
     3, "properties.contents.0.content_id"},
    {"Batch.0.properties.contents.7.content_id: Not a valid string", VERDICT_REJECTED, SCOPE_ITEM,
     0, "properties.contents.7.content_id"},
    {"data.2.event_id: not a valid string", VERDICT_REJECTED, SCOPE_ITEM, 2, "event_id"},
    {"Invalid value for data.2.event_id: not a valid string.", VERDICT_REJECTED, SCOPE_ITEM, 2,
     "event_id"},
    {"DATA[4].user.email: is wrong", VERDICT_REJECTED, SCOPE_ITEM, 4, "user.email"},
    {" INVALID VALUE FOR events.1.event: no", VERDICT_REJECTED, SCOPE_ITEM, 1, "event"},
    {"data[1].properties.contents[0].price: no", VERDICT_REJECTED, SCOPE_ITEM, 1,
     "properties.contents"},
    {"data[1]", VERDICT_REJECTED, SCOPE_ITEM, 1, NULL},
    {"Invalid value for data[1].", VERDICT_REJECTED, SCOPE_ITEM, 1, NULL},
    {"batch.1.event_source: no", VERDICT_REJECTED, SCOPE_ITEM, 1, "event_source"},
    /* none of ours */
    {"Batch.5.event_id: not a valid string", VERDICT_REJECTED, SCOPE_SPLIT, 0, "event_id"},
    {"data.99999999999999999999.event_id: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"data.-1.event_id", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"data[1", VERDICT_REJECTED, SCOPE_SPLIT, 0, "data"},
    {"data[]", VERDICT_REJECTED, SCOPE_SPLIT, 0, "data"},
    {"data.", VERDICT_REJECTED, SCOPE_SPLIT, 0, "data"},
    {"data.1st", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"metadata.3.x", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"properties.data.3", VERDICT_REJECTED, SCOPE_SPLIT, 0, "properties.data.3"},
    {"properties.contents.0.content_id: Not a valid string", VERDICT_REJECTED, SCOPE_SPLIT, 0,
     "properties.contents.0.content_id"},
    {"Invalid value for event_id: not a valid string.", VERDICT_REJECTED, SCOPE_SPLIT, 0,
     "event_id"},
    {"", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    /* what an event said, echoed: it must not choose whom the answer is about */
    {"Invalid value for description: 'BAD see data[0] for more' is not allowed.", VERDICT_REJECTED,
     SCOPE_SPLIT, 0, "description"},
    {"Invalid value for description: data.3.event_id: no", VERDICT_REJECTED, SCOPE_SPLIT, 0,
     "description"},
    {"'data[3].event_id: no' is not allowed", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"\\\"data[3]\\\": no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Invalid value for 'batch.3': no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"data[3] is not a description", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"the event at events.1 is wrong", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"see (batch.4)", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Not allowed: Invalid value for data.2.event_id: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Not allowed: Invalid value for event_source_id: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"event_source_id is no description", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    /* the request, nobody's fault */
    {"Invalid value for event_source_id: not a valid string.", VERDICT_HOLD, SCOPE_BATCH, 0,
     "event_source_id"},
    {"Invalid value for event_source: must be web, app or offline.", VERDICT_HOLD, SCOPE_BATCH, 0,
     "event_source"},
    {"invalid value for PIXEL_CODE", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Invalid value for pixel_code: unknown", VERDICT_HOLD, SCOPE_BATCH, 0, "pixel_code"},
    {"Invalid value for test_event_code: too long", VERDICT_HOLD, SCOPE_BATCH, 0,
     "test_event_code"},
    /* too many, or not read: halves are smaller */
    {"Invalid value for data: length must be between 1 and 1000.", VERDICT_REJECTED, SCOPE_SPLIT, 0,
     "data"},
    {"Invalid JSON: unexpected end", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    /* echoes of what was sent are not repeated */
    {"Invalid value for nora.field@shop.example: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Invalid value for 4915112345678: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"Invalid value for alice: no", VERDICT_REJECTED, SCOPE_SPLIT, 0, NULL},
    {"data.1.nora: no", VERDICT_REJECTED, SCOPE_ITEM, 1, NULL},
};

static void a_message_says_who_is_at_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(message_rows); i++) {
        const char *message = message_rows[i].message;
        struct answer got;
        char body[512];

        (void)snprintf(body, sizeof(body), "{\"code\": 40002, \"message\": \"%s\"}", message);
        got = read_one(200, body);
        NAME_ROW(message, got.scope, got.verdict == message_rows[i].verdict);
        NAME_ROW(message, got.scope, got.scope == message_rows[i].scope);
        NAME_ROW(message, got.item, got.item == message_rows[i].item);
        if (message_rows[i].field == NULL) {
            NAME_ROW(message, got.scope, strstr(got.text, "field") == NULL);
        } else {
            char want[160];

            (void)snprintf(want, sizeof(want), "code 40002 (PARAM_ERROR), field %s",
                           message_rows[i].field);
            assert_string_equal(got.text, want);
        }
    }
}

static void a_message_that_is_no_text_is_overlooked(void **state)
{
    static const char *const messages[] = {"5", "null", "[\"data.1\"]", "{\"a\": \"data.1\"}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        char body[128];
        struct answer got;

        (void)snprintf(body, sizeof(body), "{\"code\": 40002, \"message\": %s}", messages[i]);
        got = read_one(200, body);
        NAME_ROW(messages[i], got.scope,
                 got.verdict == VERDICT_REJECTED && got.scope == SCOPE_SPLIT);
    }
}

/* 20001: one letter an event. D delivered, R rejected, T retry, Q throttled, H hold, U unknown. */
static const struct {
    const char *name;
    const char *body; /* behind {"code": 20001, */
    const char *want;
} partial_rows[] = {
    {"by index and id",
     "\"data\": {\"failed_events\": [{\"index\": 1, \"event_id\": \"m-1001\", \"code\": 40002}]}",
     "DRDDD"},
    {"by index", "\"data\": {\"failed_events\": [{\"index\": 4}]}", "DDDDR"},
    {"by id", "\"data\": {\"partial_failure\": [{\"event_id\": \"m-1002\"}]}", "DDRDD"},
    {"details", "\"data\": {\"error_details\": [{\"index\": 0, \"code\": 50000}]}", "TDDDD"},
    {"errors below data", "\"data\": {\"errors\": [{\"index\": 0, \"code\": 40100}]}", "QDDDD"},
    {"errors on top", "\"errors\": [{\"index\": 0, \"code\": 40001}, {\"index\": 2}]", "HDRDD"},
    {"a code nobody has a rule for", "\"errors\": [{\"index\": 0, \"code\": 123}]", "UDDDD"},
    {"a code beyond any", "\"errors\": [{\"index\": 0, \"code\": 12345678901}]", "UDDDD"},
    {"a code that is none", "\"errors\": [{\"index\": 0, \"code\": \"x\"}]", "RDDDD"},
    {"failed with OK", "\"errors\": [{\"index\": 0, \"code\": 0}]", "TDDDD"},
    {"failed with partial", "\"errors\": [{\"index\": 0, \"code\": 20001}]", "TDDDD"},
    {"two lists that agree",
     "\"errors\": [{\"index\": 0}], \"data\": {\"failed_events\": [{\"index\": 0}]}", "RDDDD"},
    {"two entries that differ",
     "\"errors\": [{\"index\": 0}, {\"index\": 0, \"code\": 40100}, {\"index\": 1}]", "TRDDD"},
    {"the index tells twins apart", "\"errors\": [{\"index\": 3, \"event_id\": \"twice\"}]",
     "DDDRD"},
    {"twins by id cannot be told", "\"errors\": [{\"event_id\": \"twice\"}, {\"index\": 0}]",
     "RTTTT"},
    {"index and id that differ", "\"errors\": [{\"index\": 0, \"event_id\": \"m-1001\"}]", "TTTTT"},
    {"an id of nobody", "\"errors\": [{\"event_id\": \"other\"}, {\"index\": 1}]", "TRTTT"},
    {"an index too high", "\"errors\": [{\"index\": 5}]", "TTTTT"},
    {"an index below", "\"errors\": [{\"index\": -1}]", "TTTTT"},
    {"an index of text", "\"errors\": [{\"index\": \"1\"}]", "TTTTT"},
    {"an index with a fraction", "\"errors\": [{\"index\": 1.0}]", "TTTTT"},
    {"an id that is a number", "\"errors\": [{\"event_id\": 1001}]", "TTTTT"},
    {"an entry that says nothing", "\"errors\": [{}]", "TTTTT"},
    {"an entry that is no object", "\"errors\": [1, {\"index\": 1}]", "TRTTT"},
    {"an empty list", "\"errors\": []", "TTTTT"},
    {"a list that is none", "\"errors\": {\"index\": 1}", "TTTTT"},
    {"no list", "\"data\": {}", "TTTTT"},
    {"data that is a list", "\"data\": [{\"index\": 1}]", "TTTTT"},
    {"nothing more", "\"message\": \"Partial success\"", "TTTTT"},
};

static char letter_of(enum verdict verdict)
{
    static const char letters[VERDICT_COUNT] = {
        [VERDICT_DELIVERED] = 'D', [VERDICT_REJECTED] = 'R', [VERDICT_RETRY] = 'T',
        [VERDICT_THROTTLED] = 'Q', [VERDICT_HOLD] = 'H',     [VERDICT_UNKNOWN] = 'U',
    };

    return verdict < VERDICT_COUNT ? letters[verdict] : '?';
}

static void partial_success_settles_each_event_by_its_own_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(partial_rows); i++) {
        struct tiktok_codes *codes = defaults();
        struct item_result each[EVENTS];
        struct answer got;
        char body[512];
        char verdicts[EVENTS + 1] = "";

        memset(each, 0xa5, sizeof(each));
        (void)snprintf(body, sizeof(body), "{\"code\": 20001, %s}", partial_rows[i].body);
        got = read_with(codes, 200, span_of(body), EVENTS, each);
        for (size_t e = 0; e < EVENTS; e++) {
            verdicts[e] = letter_of(each[e].verdict);
        }
        NAME_ROW(partial_rows[i].name, got.scope, got.scope == SCOPE_EACH);
        if (strcmp(verdicts, partial_rows[i].want) != 0) {
            fail_msg("%s: %s", partial_rows[i].name, verdicts);
        }
        tiktok_codes_free(codes);
    }
}

static void partial_success_without_events_to_match_is_sent_again(void **state)
{
    struct tiktok_codes *codes = defaults();
    struct answer got = read_with(codes, 200, SPAN("{\"code\": 20001}"), 0, NULL);

    (void)state;
    assert_int_equal(got.verdict, VERDICT_RETRY);
    assert_int_equal(got.scope, SCOPE_BATCH);
    tiktok_codes_free(codes);
}

static const struct {
    const char *json;
    const char *want;
} request_id_rows[] = {
    {"\"20260311101501C4CA4238A0B923820DCC\"", "20260311101501C4CA4238A0B923820DCC"},
    {"\"\"", ""},
    {"\"two words\"", ""},
    {"\"line\\nbreak\"", ""},
    {"\"caf\xc3\xa9\"", ""},
    {"12", ""},
    {"null", ""},
    {"\"123456789012345678901234567890123456789012345678901234567890123\"",
     "123456789012345678901234567890123456789012345678901234567890123"},
    {"\"1234567890123456789012345678901234567890123456789012345678901234\"", ""},
};

static void a_request_id_is_printable_or_absent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(request_id_rows); i++) {
        char body[256];

        (void)snprintf(body, sizeof(body), "{\"code\": 0, \"request_id\": %s}",
                       request_id_rows[i].json);
        assert_string_equal(read_one(200, body).request_id, request_id_rows[i].want);
    }
    assert_string_equal(read_one(500, "{\"request_id\": \"abc\"}").request_id, "abc");
}

/* codes: as the configuration has it. */
static struct tiktok_codes *compile(const char *yaml, struct diags *diags, struct yaml_doc **doc)
{
    struct tiktok_options options = {.event_source = SOURCE_WEB};
    const struct config_destination destination = {.name = {"tiktok", 6}, .own = &options};

    *doc = yaml_parse("test.yaml", span_of(yaml), true, diags);
    assert_non_null(*doc);
    options.codes = yaml_root(*doc);
    return tiktok_codes_compile(&destination, diags);
}

static void the_configuration_changes_single_codes(void **state)
{
    static const struct {
        int32_t code;
        enum verdict verdict;
        enum answer_scope scope;
    } rows[] = {
        {50000, VERDICT_HOLD, SCOPE_BATCH},    {40002, VERDICT_RETRY, SCOPE_BATCH},
        {40100, VERDICT_UNKNOWN, SCOPE_SPLIT}, {12, VERDICT_REJECTED, SCOPE_SPLIT},
        {-7, VERDICT_THROTTLED, SCOPE_BATCH},  {50002, VERDICT_RETRY, SCOPE_BATCH},
        {40001, VERDICT_HOLD, SCOPE_BATCH},    {0, VERDICT_DELIVERED, SCOPE_BATCH},
    };
    struct diags diags;
    struct yaml_doc *doc;
    struct tiktok_codes *codes;

    (void)state;
    diags_init(&diags);
    codes = compile("{50000: hold, 40002: retry, 40100: unknown, 12: rejected, -7: throttled}",
                    &diags, &doc);
    assert_int_equal(diags.count, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct item_result each[EVENTS];
        struct answer got;
        char body[128];

        (void)snprintf(body, sizeof(body), "{\"code\": %d, \"message\": \"data.1.event_id: no\"}",
                       rows[i].code);
        got = read_with(codes, 200, span_of(body), EVENTS, each);
        NAME_ROW("verdict", rows[i].code, got.verdict == rows[i].verdict);
        NAME_ROW("scope", rows[i].code,
                 got.scope == (rows[i].code == 12 ? SCOPE_ITEM : rows[i].scope));
    }
    tiktok_codes_free(codes);
    yaml_free(doc);
    diags_fini(&diags);
}

static void codes_that_cannot_be_are_errors_with_their_place(void **state)
{
    static const struct {
        const char *yaml;
        unsigned column;
        const char *text;
    } rows[] = {
        {"{50000: delivered}", 9, "only code 0 is delivered"},
        {"{0: retry}", 2, "cannot be changed"},
        {"{fifty: retry}", 2, "whole numbers"},
        {"{99999999999: retry}", 2, "whole numbers"},
        {"{50000: retri}", 9, "did you mean retry?"},
        {"{50000: [retry]}", 9, "one of"},
        {"[50000]", 1, "is a map"},
        {"{50000: retry, +50000: hold}", 16, "twice"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diags diags;
        struct yaml_doc *doc;

        diags_init(&diags);
        tiktok_codes_free(compile(rows[i].yaml, &diags, &doc));
        if (diags.error_count != 1 || diags.items[0].place.line != 1 ||
            diags.items[0].place.column != rows[i].column ||
            strstr(diags.items[0].message, rows[i].text) == NULL) {
            fail_msg("%s: %zu errors, %u: %s", rows[i].yaml, diags.error_count,
                     diags.count == 0 ? 0 : diags.items[0].place.column,
                     diags.count == 0 ? "" : diags.items[0].message);
        }
        yaml_free(doc);
        diags_fini(&diags);
    }
}

static void a_source_id_of_the_events_own_is_their_fault(void **state)
{
    struct tiktok_options options = {.event_source_path = {"context.pixel", 13}};
    const struct config_destination destination = {.own = &options};
    struct diags diags;
    struct tiktok_codes *codes;
    struct item_result each[EVENTS];
    struct answer got;

    (void)state;
    diags_init(&diags);
    codes = tiktok_codes_compile(&destination, &diags);
    got = read_with(
        codes, 200,
        SPAN("{\"code\": 40002, \"message\": \"Invalid value for event_source_id: not a valid "
             "string.\"}"),
        EVENTS, each);
    assert_int_equal(got.verdict, VERDICT_REJECTED);
    assert_int_equal(got.scope, SCOPE_BATCH);
    got = read_with(codes, 200, SPAN("{\"code\": 40001}"), EVENTS, each);
    assert_int_equal(got.verdict, VERDICT_HOLD); /* the other source ids go on */
    assert_int_equal(got.scope, SCOPE_GROUP);
    tiktok_answer_read_cut(codes, 200, SPAN("{\"code\": 40001, "), &got);
    assert_int_equal(got.verdict, VERDICT_HOLD);
    assert_int_equal(got.scope, SCOPE_GROUP);
    tiktok_codes_free(codes);
    diags_fini(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_verdict_whatever_the_status),
        cmocka_unit_test(a_body_without_a_valid_code_is_judged_by_status_and_never_delivered),
        cmocka_unit_test(of_a_cut_answer_only_what_all_wait_for_counts),
        cmocka_unit_test(a_result_for_each_of_a_thousand_is_read),
        cmocka_unit_test(without_any_answer_not_even_a_good_body_counts),
        cmocka_unit_test(hostile_bodies_cost_little_and_deliver_nothing),
        cmocka_unit_test(bytes_behind_a_nul_are_not_overlooked),
        cmocka_unit_test(a_message_says_who_is_at_fault),
        cmocka_unit_test(a_message_that_is_no_text_is_overlooked),
        cmocka_unit_test(partial_success_settles_each_event_by_its_own_result),
        cmocka_unit_test(partial_success_without_events_to_match_is_sent_again),
        cmocka_unit_test(a_request_id_is_printable_or_absent),
        cmocka_unit_test(the_configuration_changes_single_codes),
        cmocka_unit_test(codes_that_cannot_be_are_errors_with_their_place),
        cmocka_unit_test(an_answer_that_cannot_be_read_says_why),
        cmocka_unit_test(a_source_id_of_the_events_own_is_their_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
