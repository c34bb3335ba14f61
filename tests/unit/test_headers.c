/* The detour.* headers of dead letters and diverted records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "kafka/headers.h"

enum { HEADERS_MAX = 40 };

struct pair {
    const char *name;
    const char *value; /* NULL: a null value */
};

static const struct header_values full_note = {
    .reason = REASON_REJECTED,
    .error = {"value is negative", 17},
    .destination = {"tiktok", 6},
    .route = {"high-value", 10},
    .leg = {"tiktok", 6},
    .event_id = {"ord-1", 5},
    .event_type = {"Purchase", 8},
    .outcome = OUTCOME_AMBIGUOUS,
    .http_status = 200,
    .has_code = true,
    .code = -40002,
    .request_id = {"r-77", 4},
    .attempts = 3,
    .outage = {"o-9", 3},
    .replays = 2,
    .at_ms = 1773223200123,
    .source_topic = {"conversions", 11},
    .source_partition = 4,
    .source_offset = 9007199254740993,
    .source_timestamp_ms = 1773223200000,
    .instance = {"host-1", 6},
    .group = {"detour", 6},
    .worker = 1,
};

static const struct header_values bare_note = {
    .reason = REASON_DECODE_FAILED,
    .outcome = OUTCOME_NEVER_SENT,
    .at_ms = 0,
    .source_topic = {"t", 1},
    .source_timestamp_ms = -1,
};

#define BARE_PAIRS                                                                                 \
    {"detour.reason", "decode_failed"}, {"detour.outcome", "never_sent"},                          \
        {"detour.attempts", "0"}, {"detour.replays", "0"},                                         \
        {"detour.at", "1970-01-01T00:00:00.000Z"}, {"detour.source.topic", "t"},                   \
        {"detour.source.partition", "0"},                                                          \
    {                                                                                              \
        "detour.source.offset", "0"                                                                \
    }

static const struct {
    const char *name;
    struct pair original[HEADERS_MAX]; /* ends with a name NULL */
    const struct header_values *values;
    bool is_connect;
    struct pair want[HEADERS_MAX];
} header_cases[] = {
    {"everything known",
     {{NULL, NULL}},
     &full_note,
     false,
     {{"detour.reason", "rejected"},
      {"detour.error", "value is negative"},
      {"detour.destination", "tiktok"},
      {"detour.route", "high-value"},
      {"detour.leg", "tiktok"},
      {"detour.event.id", "ord-1"},
      {"detour.event.type", "Purchase"},
      {"detour.outcome", "ambiguous"},
      {"detour.http.status", "200"},
      {"detour.code", "-40002"},
      {"detour.request.id", "r-77"},
      {"detour.attempts", "3"},
      {"detour.outage", "o-9"},
      {"detour.replays", "2"},
      {"detour.at", "2026-03-11T10:00:00.123Z"},
      {"detour.source.topic", "conversions"},
      {"detour.source.partition", "4"},
      {"detour.source.offset", "9007199254740993"},
      {"detour.source.timestamp", "1773223200000"},
      {"detour.instance", "host-1"}}},
    {"the least that is known", {{NULL, NULL}}, &bare_note, false, {BARE_PAIRS}},
    {"original headers stay as they are, repeated and null ones too",
     {{"trace", "1"}, {"trace", "2"}, {"empty", ""}, {"nothing", NULL}, {"detourless", "x"}},
     &bare_note,
     false,
     {{"trace", "1"},
      {"trace", "2"},
      {"empty", ""},
      {"nothing", NULL},
      {"detourless", "x"},
      BARE_PAIRS}},
    {"our own earlier ones are replaced",
     {{"a", "1"},
      {"detour.error", "old"},
      {"detour.replays", "1"},
      {"b", "2"},
      {"detour.future", "x"}},
     &bare_note,
     false,
     {{"a", "1"}, {"b", "2"}, BARE_PAIRS}},
    {"Connect's stay when we do not write them",
     {{"__connect.errors.topic", "old"}},
     &bare_note,
     false,
     {{"__connect.errors.topic", "old"}, BARE_PAIRS}},
    {"Connect's are replaced when we do",
     {{"__connect.errors.topic", "old"}},
     &bare_note,
     true,
     {BARE_PAIRS,
      {"__connect.errors.topic", "t"},
      {"__connect.errors.partition", "0"},
      {"__connect.errors.offset", "0"},
      {"__connect.errors.task.id", "0"},
      {"__connect.errors.stage", "VALUE_CONVERTER"},
      {"__connect.errors.class.name", "detour"},
      {"__connect.errors.exception.class.name", "detour.decode_failed"}}},
};

static rd_kafka_headers_t *make_headers(const struct pair *pairs)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);

    for (size_t i = 0; pairs[i].name != NULL; i++) {
        rd_kafka_header_add(headers, pairs[i].name, -1, pairs[i].value,
                            pairs[i].value == NULL ? 0 : (ssize_t)strlen(pairs[i].value));
    }
    return headers;
}

static void check_pairs(const char *name, const rd_kafka_headers_t *headers,
                        const struct pair *want)
{
    size_t count = 0;

    for (; want[count].name != NULL; count++) {
        const char *got_name;
        const void *got_value;
        size_t len;

        if (rd_kafka_header_get_all(headers, count, &got_name, &got_value, &len) != 0) {
            fail_msg("%s: header %zu (%s) is missing", name, count, want[count].name);
        }
        if (strcmp(got_name, want[count].name) != 0) {
            fail_msg("%s: header %zu is %s, not %s", name, count, got_name, want[count].name);
        }
        if ((got_value == NULL) != (want[count].value == NULL) ||
            (got_value != NULL && !span_is((struct span){got_value, len}, want[count].value))) {
            fail_msg("%s: %s is %.*s", name, got_name, (int)len,
                     got_value == NULL ? "" : (const char *)got_value);
        }
    }
    if (rd_kafka_header_cnt(headers) != count) {
        fail_msg("%s: %zu headers, not %zu", name, rd_kafka_header_cnt(headers), count);
    }
}

static void headers_are_exactly_these(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(header_cases); i++) {
        struct header_values values = *header_cases[i].values;
        rd_kafka_headers_t *original = make_headers(header_cases[i].original);
        rd_kafka_headers_t *headers;

        values.is_connect = header_cases[i].is_connect;
        headers = headers_new(original, &values);
        check_pairs(header_cases[i].name, headers, header_cases[i].want);
        check_pairs(header_cases[i].name, original, header_cases[i].original); /* borrowed only */
        rd_kafka_headers_destroy(headers);
        rd_kafka_headers_destroy(original);
    }
}

/* What is too large for each record's headers stands in parts, as JSON. */
static void headers_as_text(void **state)
{
    static const struct pair original[] = {{"trace", "1"},
                                           {"detour.reason", "forged"},
                                           {"q\"\n", "ab"},
                                           {"nothing", NULL},
                                           {"\xff\xfe", "abc"},
                                           {"empty", ""},
                                           {"__connect.errors.topic", "abcd"},
                                           {NULL, NULL}};
    rd_kafka_headers_t *headers = make_headers(original);
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    headers_json(headers, true, &out);
    assert_string_equal(buf_text(&out), "[{\"name\":\"trace\",\"value\":\"MQ==\"},"
                                        "{\"name\":\"q\\\"\\n\",\"value\":\"YWI=\"},"
                                        "{\"name\":\"nothing\",\"value\":null},"
                                        "{\"name_base64\":\"//4=\",\"value\":\"YWJj\"},"
                                        "{\"name\":\"empty\",\"value\":\"\"}]");
    buf_clear(&out);
    headers_json(NULL, false, &out);
    assert_string_equal(buf_text(&out), "[]");
    buf_fini(&out);
    rd_kafka_headers_destroy(headers);
}

/* A plain copy keeps the others' headers and ours of an earlier time; where it stood is said anew.
 */
static void a_copy_says_where_it_stood(void **state)
{
    static const struct pair original[] = {{"trace", "1"},
                                           {"detour.source.offset", "forged"},
                                           {"detour.source.topic", "earlier"},
                                           {"detour.reason", "rejected"},
                                           {"detour.mended", "key"},
                                           {"empty", ""},
                                           {NULL, NULL}};
    static const struct pair want[] = {{"trace", "1"},
                                       {"detour.reason", "rejected"},
                                       {"empty", ""},
                                       {"detour.source.topic", "conversions"},
                                       {"detour.source.partition", "4"},
                                       {"detour.source.offset", "9007199254740993"},
                                       {"detour.source.timestamp", "1773223200000"},
                                       {"detour.mended", "timestamp"},
                                       {NULL, NULL}};
    struct header_values values = full_note;
    rd_kafka_headers_t *before = make_headers(original);
    rd_kafka_headers_t *headers;

    (void)state;
    values.mended = SPAN("timestamp");
    headers = headers_new_copy(before, &values);
    check_pairs("copy", headers, want);
    rd_kafka_headers_destroy(headers);
    headers = headers_new_copy(NULL, &values);
    check_pairs("without headers", headers, want + 3);
    rd_kafka_headers_destroy(headers);
    rd_kafka_headers_destroy(before);
}

static const struct {
    const char *name;
    enum reason reason;
    const char *want_stage;
} stage_cases[] = {
    {"cannot be read", REASON_SCHEMA_UNKNOWN, "VALUE_CONVERTER"},
    {"means nothing to us", REASON_CONTRACT, "TRANSFORMATION"},
    {"no route", REASON_UNMATCHED, "TRANSFORMATION"},
    {"the destination's answer", REASON_REJECTED, "TASK_PUT"},
};

static void connect_headers_name_stage_and_task(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stage_cases); i++) {
        struct header_values values = full_note;
        rd_kafka_headers_t *headers;

        values.is_connect = true;
        values.reason = stage_cases[i].reason;
        headers = headers_new(NULL, &values);
        if (!span_is(header_get(headers, header_name(HEADER_CONNECT_STAGE)),
                     stage_cases[i].want_stage)) {
            fail_msg("%s", stage_cases[i].name);
        }
        assert_true(span_is(header_get(headers, header_name(HEADER_CONNECT_TASK_ID)), "1"));
        assert_true(
            span_is(header_get(headers, header_name(HEADER_CONNECT_CONNECTOR_NAME)), "detour"));
        assert_true(span_is(header_get(headers, header_name(HEADER_CONNECT_EXCEPTION_MESSAGE)),
                            "value is negative"));
        rd_kafka_headers_destroy(headers);
    }
}

static const struct {
    const char *name;
    size_t ascii; /* this many 'a', then a three-byte character */
    size_t want;
} cut_cases[] = {
    {"fits", 509, 512},
    {"not in the middle of a character, one byte over", 510, 510},
    {"not in the middle of a character, two bytes over", 511, 511},
    {"at its end", 512, 512},
    {"behind it", 600, 512},
};

static void an_error_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cut_cases); i++) {
        char text[700];
        struct header_values values = bare_note;
        rd_kafka_headers_t *headers;

        memset(text, 'a', sizeof(text));
        memcpy(text + cut_cases[i].ascii, "\xe2\x82\xac", 3);
        values.error = (struct span){text, cut_cases[i].ascii + 3};
        headers = headers_new(NULL, &values);
        if (header_get(headers, "detour.error").len != cut_cases[i].want) {
            fail_msg("%s: %zu bytes", cut_cases[i].name, header_get(headers, "detour.error").len);
        }
        rd_kafka_headers_destroy(headers);
    }
}

static void what_is_not_utf8_has_no_header(void **state)
{
    struct header_values values = bare_note;
    rd_kafka_headers_t *headers;

    (void)state;
    values.request_id = (struct span){"\xff\xfe", 2};
    headers = headers_new(NULL, &values);
    assert_null(header_get(headers, "detour.request.id").ptr);
    rd_kafka_headers_destroy(headers);
}

static void reading_takes_the_last_and_knows_absence(void **state)
{
    rd_kafka_headers_t *headers =
        make_headers((struct pair[]){{"a", "1"}, {"a", "2"}, {"n", NULL}, {"e", ""}, {NULL, NULL}});

    (void)state;
    assert_true(span_is(header_get(headers, "a"), "2"));
    assert_null(header_get(headers, "n").ptr);
    assert_null(header_get(headers, "b").ptr);
    assert_non_null(header_get(headers, "e").ptr);
    assert_null(header_get(NULL, "a").ptr);
    rd_kafka_headers_destroy(headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_exactly_these),
        cmocka_unit_test(a_copy_says_where_it_stood),
        cmocka_unit_test(headers_as_text),
        cmocka_unit_test(connect_headers_name_stage_and_task),
        cmocka_unit_test(an_error_is_cut_between_characters),
        cmocka_unit_test(what_is_not_utf8_has_no_header),
        cmocka_unit_test(reading_takes_the_last_and_knows_absence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
