/* The headers of dead letters in four dialects, and what is hostile about them. */
#include "recovery/dead_letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/headers.h"
#include "recovery/printable.h"

enum { HEADERS_MAX = 26 };

struct pair {
    const char *name;
    const char *value; /* NULL: a null value */
    size_t len;        /* 0: of the text */
};

static rd_kafka_headers_t *headers_of(const struct pair *pairs)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS_MAX);

    for (size_t i = 0; i < HEADERS_MAX && pairs[i].name != NULL; i++) {
        const struct pair *at = &pairs[i];
        ssize_t len =
            at->len > 0 || at->value == NULL ? (ssize_t)at->len : (ssize_t)strlen(at->value);

        rd_kafka_header_add(headers, at->name, -1, at->value, len);
    }
    return headers;
}

#define SPRING_PLACE                                                                               \
    {"kafka_dlt-original-topic", "orders", 0}, {"kafka_dlt-original-partition", "\0\0\1\2", 4},    \
    {                                                                                              \
        "kafka_dlt-original-offset", "\0\0\0\1\0\0\0\5", 8                                         \
    }

static const struct {
    const char *name;
    struct pair pairs[HEADERS_MAX];
    enum dialect dialect;
    enum reason known;
    const char *reason, *error, *topic;
    int64_t partition, offset, timestamp;
    const char *odd; /* in it; NULL: nothing is odd */
} cases[] = {
    {"no header at all",
     {{NULL, NULL, 0}},
     DIALECT_NONE,
     REASON_NONE,
     NULL,
     NULL,
     NULL,
     -1,
     -1,
     -1,
     NULL},
    {"somebody's headers",
     {{"trace", "x", 0}, {"detourless", "y", 0}, {"__connect.error", "z", 0}},
     DIALECT_NONE,
     REASON_NONE,
     NULL,
     NULL,
     NULL,
     -1,
     -1,
     -1,
     NULL},
    {"detour's",
     {{"detour.reason", "rejected", 0},
      {"detour.error", "it says no", 0},
      {"detour.source.topic", "conversions", 0},
      {"detour.source.partition", "4", 0},
      {"detour.source.offset", "9007199254740993", 0},
      {"detour.source.timestamp", "1773223200000", 0}},
     DIALECT_DETOUR,
     REASON_REJECTED,
     "rejected",
     "it says no",
     "conversions",
     4,
     9007199254740993,
     1773223200000,
     NULL},
    {"Connect's",
     {{"__connect.errors.topic", "orders", 0},
      {"__connect.errors.partition", "2", 0},
      {"__connect.errors.offset", "77", 0},
      {"__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException", 0},
      {"__connect.errors.exception.message", "cannot be converted", 0},
      {"__connect.errors.exception.stacktrace", "at ...", 0}},
     DIALECT_CONNECT,
     REASON_NONE,
     "org.apache.kafka.connect.errors.DataException",
     "cannot be converted",
     "orders",
     2,
     77,
     -1,
     NULL},
    {"Spring's, big-endian",
     {SPRING_PLACE,
      {"kafka_dlt-original-timestamp", "\0\0\1\x9c\xdb\x4f\x10\x00", 8},
      {"kafka_dlt-exception-fqcn", "a.ListenerExecutionFailedException", 0},
      {"kafka_dlt-exception-cause-fqcn", "b.IllegalStateException", 0},
      {"kafka_dlt-exception-message", "no", 0}},
     DIALECT_SPRING,
     REASON_NONE,
     "b.IllegalStateException",
     "no",
     "orders",
     258,
     4294967301,
     0x19cdb4f1000,
     NULL},
    {"Spring's as text, and without a cause",
     {{"kafka_dlt-original-topic", "orders", 0},
      {"kafka_dlt-original-partition", "1234", 0},
      {"kafka_dlt-original-offset", "12345678", 0},
      {"kafka_dlt-exception-fqcn", "a.Failed", 0}},
     DIALECT_SPRING,
     REASON_NONE,
     "a.Failed",
     NULL,
     "orders",
     1234,
     12345678,
     -1,
     NULL},
    {"Spring's, of another length",
     {{"kafka_dlt-original-topic", "orders", 0},
      {"kafka_dlt-original-partition", "\0\0\1", 3},
      {"kafka_dlt-original-offset", "\0\0\0\0\0\0\0\0\5", 9}},
     DIALECT_SPRING,
     REASON_NONE,
     NULL,
     NULL,
     "orders",
     -1,
     -1,
     -1,
     "kafka_dlt-original-partition has not 4 bytes; kafka_dlt-original-offset has not 8 bytes"},
    {"Spring's, negative",
     {{"kafka_dlt-original-topic", "orders", 0},
      {"kafka_dlt-original-partition", "\xff\xff\xff\xff", 4},
      {"kafka_dlt-original-offset", "\xff\xff\xff\xff\xff\xff\xff\xff", 8}},
     DIALECT_SPRING,
     REASON_NONE,
     NULL,
     NULL,
     "orders",
     -1,
     -1,
     -1,
     "is no number that can be"},
    {"Spring's, empty",
     {{"kafka_dlt-original-topic", "orders", 0}, {"kafka_dlt-original-offset", NULL, 0}},
     DIALECT_SPRING,
     REASON_NONE,
     NULL,
     NULL,
     "orders",
     -1,
     -1,
     -1,
     NULL},
    {"Streams'",
     {{"__streams.errors.exception", "java.lang.NullPointerException: secret of a person", 0},
      {"__streams.errors.message", "secret of a person", 0},
      {"__streams.errors.topic", "orders", 0},
      {"__streams.errors.partition", "3", 0},
      {"__streams.errors.offset", "2", 0}},
     DIALECT_STREAMS,
     REASON_NONE,
     "java.lang.NullPointerException",
     "secret of a person",
     "orders",
     3,
     2,
     -1,
     NULL},
    {"the last to dead-letter it says why",
     {{"detour.reason", "rejected", 0},
      {"detour.source.topic", "conversions", 0},
      {"__connect.errors.topic", "detour.dead", 0},
      {"__connect.errors.offset", "5", 0}},
     DIALECT_CONNECT,
     REASON_NONE,
     NULL,
     NULL,
     "detour.dead",
     -1,
     5,
     -1,
     NULL},
    {"detour's and Connect's beside them, by detour",
     {{"detour.reason", "contract", 0},
      {"detour.source.topic", "conversions", 0},
      {"__connect.errors.topic", "conversions", 0},
      {"__connect.errors.class.name", "detour", 0}},
     DIALECT_DETOUR,
     REASON_CONTRACT,
     "contract",
     NULL,
     "conversions",
     -1,
     -1,
     -1,
     NULL},
    {"a reason nobody has",
     {{"detour.reason", "because", 0}},
     DIALECT_DETOUR,
     REASON_NONE,
     "because",
     NULL,
     NULL,
     -1,
     -1,
     -1,
     "detour.reason is none of detour's"},
    {"none is a word for people, no reason",
     {{"detour.reason", "none", 0}},
     DIALECT_DETOUR,
     REASON_NONE,
     "none",
     NULL,
     NULL,
     -1,
     -1,
     -1,
     "detour.reason is none of detour's"},
    {"a header twice: the last counts",
     {{"detour.reason", "rejected", 0}, {"detour.reason", "contract", 0}},
     DIALECT_DETOUR,
     REASON_CONTRACT,
     "contract",
     NULL,
     NULL,
     -1,
     -1,
     -1,
     "detour.reason is there more than once"},
    {"no UTF-8",
     {{"detour.reason", "contract", 0}, {"detour.error", "\xff\xfe", 2}},
     DIALECT_DETOUR,
     REASON_CONTRACT,
     "contract",
     NULL,
     NULL,
     -1,
     -1,
     -1,
     "detour.error is no UTF-8"},
    {"no numbers",
     {{"detour.source.topic", "t", 0},
      {"detour.source.partition", "-1", 0},
      {"detour.source.offset", "99999999999999999999", 0},
      {"detour.source.timestamp", "yesterday", 0}},
     DIALECT_DETOUR,
     REASON_NONE,
     NULL,
     NULL,
     "t",
     -1,
     -1,
     -1,
     "detour.source.partition is no number that can be"},
    {"null and empty values are absent",
     {{"detour.reason", NULL, 0}, {"detour.source.topic", "", 0}, {"detour.error", "x", 0}},
     DIALECT_DETOUR,
     REASON_NONE,
     NULL,
     "x",
     NULL,
     -1,
     -1,
     -1,
     NULL},
};

static bool is_text(struct span got, const char *want)
{
    return want == NULL ? got.ptr == NULL : span_is(got, want);
}

static void headers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rd_kafka_headers_t *headers = headers_of(cases[i].pairs);
        struct dead_letter got;

        dead_letter_read(headers, &got);
        if (got.dialect != cases[i].dialect || got.known != cases[i].known ||
            !is_text(got.reason, cases[i].reason) || !is_text(got.error, cases[i].error) ||
            !is_text(got.source_topic, cases[i].topic) ||
            got.source_partition != cases[i].partition || got.source_offset != cases[i].offset ||
            got.source_timestamp_ms != cases[i].timestamp) {
            fail_msg("%s: %s, reason " SPAN_FMT ", topic " SPAN_FMT ", %d, %lld, %lld",
                     cases[i].name, dialect_word(got.dialect), SPAN_ARG(got.reason),
                     SPAN_ARG(got.source_topic), got.source_partition, (long long)got.source_offset,
                     (long long)got.source_timestamp_ms);
        }
        if (cases[i].odd == NULL ? got.odd[0] != '\0' : strstr(got.odd, cases[i].odd) == NULL) {
            fail_msg("%s: odd is \"%s\"", cases[i].name, got.odd);
        }
        rd_kafka_headers_destroy(headers);
    }
}

static void what_detour_wrote_is_read_back(void **state)
{
    static const struct header_values values = {
        .reason = REASON_RETRIES_EXHAUSTED,
        .error = {"code 40100 (rate), field user.email; read as throttled", 54},
        .destination = {"tiktok", 6},
        .route = {"high-value", 10},
        .leg = {"primary", 7},
        .event_id = {"ord-1", 5},
        .event_type = {"Purchase", 8},
        .outcome = OUTCOME_NEVER_SENT,
        .http_status = 429,
        .has_code = true,
        .code = -7,
        .request_id = {"r-77", 4},
        .attempts = 3,
        .outage = {"o-9", 3},
        .replays = 2,
        .at_ms = 1773223200123,
        .source_topic = {"conversions", 11},
        .source_partition = 4,
        .source_offset = 12,
        .source_timestamp_ms = 0,
        .mended = {"key", 3},
        .instance = {"host-1", 6},
    };
    rd_kafka_headers_t *headers = headers_new(NULL, &values);
    struct dead_letter got;

    (void)state;
    dead_letter_read(headers, &got);
    assert_int_equal(got.known, REASON_RETRIES_EXHAUSTED);
    assert_true(span_is(got.field, "user.email"));
    assert_true(span_is(got.destination, "tiktok") && span_is(got.route, "high-value"));
    assert_true(span_is(got.leg, "primary") && span_is(got.event_id, "ord-1"));
    assert_true(span_is(got.event_type, "Purchase") && span_is(got.request_id, "r-77"));
    assert_true(got.has_outcome && got.outcome == OUTCOME_NEVER_SENT);
    assert_int_equal(got.http_status, 429);
    assert_true(got.has_code && got.code == -7);
    assert_int_equal(got.attempts, 3);
    assert_int_equal(got.replays, 2);
    assert_true(span_is(got.outage, "o-9") && span_is(got.mended, "key"));
    assert_true(span_is(got.instance, "host-1"));
    assert_int_equal(got.at_ms, 1773223200123);
    assert_int_equal(got.source_timestamp_ms, 0);
    assert_true(dead_letter_has_source(&got));
    assert_string_equal(got.odd, "");
    rd_kafka_headers_destroy(headers);
}

static const struct {
    const char *part, *of;
    uint32_t want, count;
    const char *want_of;
} part_cases[] = {
    {"1/3", NULL, 1, 3, NULL},
    {"3/3", "key", 3, 3, "key"},
    {"1/1", "headers", 1, 1, "headers"},
    {"2/3", "value", 2, 3, "value"},
    {"2/3", "soul", 2, 3, NULL},
    {"0/3", NULL, 0, 0, NULL},
    {"4/3", NULL, 0, 0, NULL},
    {"1", NULL, 0, 0, NULL},
    {"/", NULL, 0, 0, NULL},
    {"1/3/5", NULL, 0, 0, NULL},
    {"1/9999999999", NULL, 0, 0, NULL},
    {"x/y", "value", 0, 0, NULL},
};

static void a_part_says_which_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(part_cases); i++) {
        const struct pair pairs[HEADERS_MAX] = {
            {"detour.part", part_cases[i].part, 0},
            {part_cases[i].of == NULL ? NULL : "detour.part.of", part_cases[i].of, 0}};
        rd_kafka_headers_t *headers = headers_of(pairs);
        struct dead_letter got;

        dead_letter_read(headers, &got);
        if (got.part != part_cases[i].want || got.part_count != part_cases[i].count ||
            !is_text(got.part_of, part_cases[i].want_of)) {
            fail_msg("%s: %u of %u", part_cases[i].part, got.part, got.part_count);
        }
        rd_kafka_headers_destroy(headers);
    }
}

static const struct {
    const char *error, *want;
} field_cases[] = {
    {"code 40002 (param), field user.email; read as rejected", "user.email"},
    {"code 40002 (param), field properties.contents[0].price, index 3",
     "properties.contents[0].price"},
    {"code 40002 (param), field event_time", "event_time"},
    {"code 40002 (param), field ", NULL},
    {"code 40002 (param)", NULL},
    {", field someone@example.com; read as rejected", NULL},
    {", field two words", NULL},
    {", field aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

static void the_refused_field_is_a_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(field_cases); i++) {
        const struct pair pairs[HEADERS_MAX] = {{"detour.reason", "rejected", 0},
                                                {"detour.error", field_cases[i].error, 0}};
        rd_kafka_headers_t *headers = headers_of(pairs);
        struct dead_letter got;

        dead_letter_read(headers, &got);
        if (!is_text(got.field, field_cases[i].want)) {
            fail_msg("%s: " SPAN_FMT, field_cases[i].error, SPAN_ARG(got.field));
        }
        rd_kafka_headers_destroy(headers);
    }
}

static const struct {
    const char *name;
    struct pair pairs[HEADERS_MAX];
    const char *want; /* names that are left, each with a space */
} original_cases[] = {
    {"detour's go",
     {{"a", "1", 0}, {"detour.reason", "x", 0}, {"a", "2", 0}, {"detour.future", "y", 0}},
     "a a "},
    {"Connect's stay where detour is the last, and they are not its own",
     {{"__connect.errors.topic", "t", 0}, {"detour.reason", "rejected", 0}},
     "__connect.errors.topic "},
    {"detour's own of Connect go",
     {{"b", NULL, 0},
      {"detour.reason", "rejected", 0},
      {"__connect.errors.topic", "t", 0},
      {"__connect.errors.class.name", "detour", 0}},
     "b "},
    {"Spring's go, and detour's before them",
     {{"detour.reason", "rejected", 0},
      {"c", "", 0},
      {"kafka_dlt-original-topic", "t", 0},
      {"kafka_dlt-key-exception-message", "m", 0},
      {"retry_topic-attempts", "\0\0\0\3", 4}},
     "c "},
    {"Streams' go",
     {{"__streams.errors.topic", "t", 0}, {"__streams.errors.stacktrace", "s", 0}, {"d", "1", 0}},
     "d "},
    {"nobody's dead letter keeps all", {{"e", "1", 0}, {"f", "2", 0}}, "e f "},
};

static void the_original_headers_are_what_is_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(original_cases); i++) {
        rd_kafka_headers_t *headers = headers_of(original_cases[i].pairs);
        rd_kafka_headers_t *left;
        struct dead_letter letter;
        struct buf names;
        const char *name;
        const void *value;
        size_t len;

        dead_letter_read(headers, &letter);
        left = dead_letter_original(&letter, headers);
        buf_init(&names, 1 << 16);
        for (size_t k = 0; rd_kafka_header_get_all(left, k, &name, &value, &len) == 0; k++) {
            buf_printf(&names, "%s ", name);
        }
        if (strcmp(buf_text(&names), original_cases[i].want) != 0) {
            fail_msg("%s: %s", original_cases[i].name, buf_text(&names));
        }
        buf_fini(&names);
        rd_kafka_headers_destroy(left);
        rd_kafka_headers_destroy(headers);
    }
}

static void huge_headers_are_cut(void **state)
{
    enum { BYTES = 1000000 };
    char *large = malloc(BYTES + 1);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(40000);
    struct dead_letter got;

    (void)state;
    assert_non_null(large);
    memset(large, 'x', BYTES);
    large[BYTES] = '\0';
    memcpy(large + 510, "\xe2\x82\xac", 3); /* the cut falls into a character */
    rd_kafka_header_add(headers, "detour.error", -1, large, BYTES);
    for (int i = 0; i < 40000; i++) {
        rd_kafka_header_add(headers, "detour.event.id", -1, "x", 1);
    }
    dead_letter_read(headers, &got);
    assert_int_equal(got.error.len, 510);
    assert_non_null(strstr(got.odd, "detour.error is longer than 512 bytes"));
    assert_non_null(strstr(got.odd, "detour.event.id is there more than once"));
    rd_kafka_headers_destroy(headers);
    free(large);
}

static const struct {
    struct span text;
    const char *want;
} printed[] = {
    {{"plain \xc3\xa4", 8}, "plain \xc3\xa4"},
    {{"\033[31m", 5}, "\\x1b[31m"},
    {{"a\0b\n", 4}, "a\\x00b\\x0a"},
    {{"\xff\xfe", 2}, "\\xff\\xfe"},
    {{"\xc2\x9b", 2}, "\\x9b"},
    {{"\xe2\x80\xae", 3}, "\\u{202e}"},
    {{NULL, 0}, ""},
};

static void a_terminal_is_safe(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(printed); i++) {
        buf_clear(&out);
        printable_add(&out, printed[i].text);
        assert_string_equal(buf_text(&out), printed[i].want);
    }
    buf_clear(&out);
    printable_add_hex(&out, (struct span){"\xde\xad\x00", 3}, 2);
    assert_string_equal(buf_text(&out), "de ad ..");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(what_detour_wrote_is_read_back),
        cmocka_unit_test(a_part_says_which_it_is),
        cmocka_unit_test(the_refused_field_is_a_path),
        cmocka_unit_test(the_original_headers_are_what_is_left),
        cmocka_unit_test(huge_headers_are_cut),
        cmocka_unit_test(a_terminal_is_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
