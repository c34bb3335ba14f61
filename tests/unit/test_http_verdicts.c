/* What answers mean: the defaults, rules over status, header and JSON, and what is refused at load.
 */
#include "http_world.h"

#include <stdio.h>

static struct answer read_answer(const struct http_world *world, int status, const char *headers,
                                 const char *body, bool has_retry_after)
{
    const struct http_reply reply = {.status = status,
                                     .body = span_of(body),
                                     .headers = span_of(headers),
                                     .has_retry_after = has_retry_after,
                                     .error = "refused"};
    struct answer answer = {0};

    answer = http_read(world, &reply);
    return answer;
}

static const struct {
    int status;
    bool has_retry_after;
    enum verdict verdict;
    enum answer_scope scope;
} default_rows[] = {
    {0, false, VERDICT_RETRY, SCOPE_BATCH},       {100, false, VERDICT_RETRY, SCOPE_BATCH},
    {200, false, VERDICT_DELIVERED, SCOPE_BATCH}, {201, false, VERDICT_DELIVERED, SCOPE_BATCH},
    {204, false, VERDICT_DELIVERED, SCOPE_BATCH}, {299, false, VERDICT_DELIVERED, SCOPE_BATCH},
    {301, false, VERDICT_HOLD, SCOPE_BATCH},      {302, true, VERDICT_RETRY, SCOPE_BATCH},
    {304, false, VERDICT_HOLD, SCOPE_BATCH},      {308, false, VERDICT_HOLD, SCOPE_BATCH},
    {406, false, VERDICT_HOLD, SCOPE_BATCH},      {407, false, VERDICT_HOLD, SCOPE_BATCH},
    {410, false, VERDICT_HOLD, SCOPE_BATCH},      {411, false, VERDICT_HOLD, SCOPE_BATCH},
    {415, false, VERDICT_HOLD, SCOPE_BATCH},      {421, false, VERDICT_HOLD, SCOPE_BATCH},
    {423, false, VERDICT_HOLD, SCOPE_BATCH},      {426, false, VERDICT_HOLD, SCOPE_BATCH},
    {431, false, VERDICT_HOLD, SCOPE_BATCH},      {418, false, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {498, false, VERDICT_UNKNOWN, SCOPE_SPLIT},   {400, false, VERDICT_REJECTED, SCOPE_SPLIT},
    {401, false, VERDICT_HOLD, SCOPE_BATCH},      {403, false, VERDICT_HOLD, SCOPE_BATCH},
    {404, false, VERDICT_HOLD, SCOPE_BATCH},      {405, false, VERDICT_HOLD, SCOPE_BATCH},
    {408, false, VERDICT_RETRY, SCOPE_BATCH},     {409, false, VERDICT_REJECTED, SCOPE_SPLIT},
    {413, false, VERDICT_REJECTED, SCOPE_SPLIT},  {422, false, VERDICT_REJECTED, SCOPE_SPLIT},
    {425, false, VERDICT_RETRY, SCOPE_BATCH},     {429, false, VERDICT_THROTTLED, SCOPE_BATCH},
    {429, true, VERDICT_THROTTLED, SCOPE_BATCH},  {499, false, VERDICT_RETRY, SCOPE_BATCH},
    {500, false, VERDICT_RETRY, SCOPE_BATCH},     {500, true, VERDICT_RETRY, SCOPE_BATCH},
    {503, false, VERDICT_RETRY, SCOPE_BATCH},     {503, true, VERDICT_THROTTLED, SCOPE_BATCH},
    {599, false, VERDICT_RETRY, SCOPE_BATCH},     {600, false, VERDICT_UNKNOWN, SCOPE_SPLIT},
    {999, false, VERDICT_UNKNOWN, SCOPE_SPLIT},
};

static void without_rules_the_defaults_hold(void **state)
{
    struct http_world world;

    (void)state;
    http_open(&world, "{}");
    for (size_t i = 0; i < COUNT_OF(default_rows); i++) {
        int status = default_rows[i].status;
        struct answer got =
            read_answer(&world, status, "", "{\"code\":7}", default_rows[i].has_retry_after);

        if (got.verdict != default_rows[i].verdict || got.scope != default_rows[i].scope) {
            fail_msg("status %d: %s, scope %d", status, verdict_word(got.verdict), got.scope);
        }
        if (got.is_life_sign != (status != 0) || got.has_code || got.code != INT32_MIN) {
            fail_msg("status %d: life sign %d, code %d", status, got.is_life_sign, got.code);
        }
    }
    http_close(&world);
}

static const struct {
    const char *name;
    const char *rules; /* YAML */
    int status;
    const char *headers;
    const char *body;
    enum verdict want;
} rule_rows[] = {
    {"a status", "[{status: 404, is: rejected}]", 404, "", "", VERDICT_REJECTED},
    {"another status", "[{status: 404, is: rejected}]", 405, "", "", VERDICT_HOLD},
    {"a class, its first", "[{status: 5xx, is: hold}]", 500, "", "", VERDICT_HOLD},
    {"a class, its last", "[{status: 5XX, is: hold}]", 599, "", "", VERDICT_HOLD},
    {"below a class", "[{status: 5xx, is: hold}]", 499, "", "", VERDICT_RETRY},
    {"a range, its ends", "[{status: 520..530, is: throttled}]", 530, "", "", VERDICT_THROTTLED},
    {"beyond a range", "[{status: 520..530, is: throttled}]", 531, "", "", VERDICT_RETRY},
    {"a list", "[{status: [429, 5xx, 520..530], is: unknown}]", 503, "", "", VERDICT_UNKNOWN},
    {"the first rule wins", "[{status: 418, is: retry}, {status: 4xx, is: hold}]", 418, "", "",
     VERDICT_RETRY},
    {"the second when the first does not fit",
     "[{status: 418, is: retry}, {status: 4xx, is: hold}]", 422, "", "", VERDICT_HOLD},
    {"a header", "[{header: {X-Reason: quota}, is: throttled}]", 400, "X-Reason: quota\r\n", "",
     VERDICT_THROTTLED},
    {"a header's name in another case", "[{header: {x-reason: quota}, is: throttled}]", 400,
     "A: b\r\nX-REASON:quota \r\n", "", VERDICT_THROTTLED},
    {"a header that is not there", "[{header: {X-Reason: quota}, is: throttled}]", 400, "A: b\r\n",
     "", VERDICT_REJECTED},
    {"a header that has to be missing", "[{status: 400, header: {X-Reason: missing}, is: hold}]",
     400, "A: b\r\n", "", VERDICT_HOLD},
    {"a header that exists", "[{status: 400, header: {X-Reason: exists}, is: hold}]", 400,
     "X-Reason:\r\n", "", VERDICT_HOLD},
    {"a header by a pattern", "[{header: {Server: \"=~ ^cloud\"}, is: retry}]", 403,
     "Server: cloudy\r\n", "", VERDICT_RETRY},
    {"a header as a number", "[{header: {X-Remaining: \"< 5\"}, is: throttled}]", 400,
     "X-Remaining: 4\r\n", "", VERDICT_THROTTLED},
    {"a header as a number, plain", "[{header: {X-Remaining: 0}, is: throttled}]", 400,
     "X-Remaining: 0\r\n", "", VERDICT_THROTTLED},
    {"of a header that stands twice the first", "[{header: {X-A: two}, is: retry}]", 400,
     "X-A: one\r\nX-A: two\r\n", "", VERDICT_REJECTED},
    {"both a header and a status", "[{status: 400, header: {X-A: y}, is: hold}]", 422, "X-A: y\r\n",
     "", VERDICT_REJECTED},
    {"a truth", "[{status: 2xx, json: {/ok: true}, is: delivered}]", 200, "", "{\"ok\":true}",
     VERDICT_DELIVERED},
    {"another truth: nobody has a rule", "[{status: 2xx, json: {/ok: true}, is: delivered}]", 200,
     "", "{\"ok\":false}", VERDICT_UNKNOWN},
    {"no JSON at all: nobody has a rule", "[{status: 2xx, json: {/ok: true}, is: delivered}]", 200,
     "", "ok", VERDICT_UNKNOWN},
    {"told by a header: nobody has a rule", "[{status: 200, header: {X-Ok: 'yes'}, is: delivered}]",
     200, "", "", VERDICT_UNKNOWN},
    {"delivered by status alone tells nothing of others", "[{status: 202, is: delivered}]", 200, "",
     "", VERDICT_DELIVERED},
    {"a truth is no text", "[{json: {/ok: true}, is: hold}]", 400, "", "{\"ok\":\"true\"}",
     VERDICT_REJECTED},
    {"a text is no truth", "[{json: {/ok: 'true'}, is: hold}]", 400, "", "{\"ok\":true}",
     VERDICT_REJECTED},
    {"a text", "[{json: {/error: quota}, is: throttled}]", 400, "", "{\"error\":\"quota\"}",
     VERDICT_THROTTLED},
    {"a number", "[{json: {/code: 0}, is: hold}]", 400, "", "{\"code\":0}", VERDICT_HOLD},
    {"a number with a point", "[{json: {/code: 0}, is: hold}]", 400, "", "{\"code\":0.0}",
     VERDICT_HOLD},
    {"a text is no number", "[{json: {/code: 0}, is: hold}]", 400, "", "{\"code\":\"0\"}",
     VERDICT_REJECTED},
    {"a number is no text", "[{json: {/code: '0'}, is: hold}]", 400, "", "{\"code\":0}",
     VERDICT_REJECTED},
    {"any of a list", "[{json: {/code: [7, '8', 9]}, is: hold}]", 400, "", "{\"code\":9}",
     VERDICT_HOLD},
    {"a list keeps types apart", "[{json: {/code: [7, '8', 9]}, is: hold}]", 400, "",
     "{\"code\":\"9\"}", VERDICT_REJECTED},
    {"a range of numbers", "[{json: {/code: between 50000..59999}, is: retry}]", 400, "",
     "{\"code\":50002}", VERDICT_RETRY},
    {"a text is in no range of numbers", "[{json: {/code: \">= 5\"}, is: retry}]", 400, "",
     "{\"code\":\"7\"}", VERDICT_REJECTED},
    {"an order", "[{json: {/code: \">= 50000\"}, is: retry}]", 400, "", "{\"code\":49999}",
     VERDICT_REJECTED},
    {"a pattern", "[{json: {/message: \"=~ rate.*limit\"}, is: throttled}]", 400, "",
     "{\"message\":\"the rate of its limit\"}", VERDICT_THROTTLED},
    {"not a value", "[{json: {/state: \"!= ok\"}, is: retry}]", 400, "", "{\"state\":\"busy\"}",
     VERDICT_RETRY},
    {"missing is not a value", "[{json: {/state: \"!= ok\"}, is: retry}]", 400, "", "{}",
     VERDICT_RETRY},
    {"exists", "[{json: {/error: exists}, is: hold}]", 200, "", "{\"error\":{}}", VERDICT_HOLD},
    {"null does not exist", "[{json: {/error: exists}, is: hold}]", 200, "", "{\"error\":null}",
     VERDICT_DELIVERED},
    {"null is missing", "[{json: {/error: missing}, is: hold}]", 400, "", "{\"error\":null}",
     VERDICT_HOLD},
    {"nothing is missing from what is no JSON", "[{json: {/error: missing}, is: hold}]", 400, "",
     "<html>", VERDICT_REJECTED},
    {"nothing is missing from an empty body", "[{json: {/error: missing}, is: hold}]", 400, "", "",
     VERDICT_REJECTED},
    {"a longer pointer", "[{json: {/errors/1/code: E2}, is: hold}]", 400, "",
     "{\"errors\":[{\"code\":\"E1\"},{\"code\":\"E2\"}]}", VERDICT_HOLD},
    {"an index past the end", "[{json: {/errors/2: exists}, is: hold}]", 400, "",
     "{\"errors\":[1,2]}", VERDICT_REJECTED},
    {"an index with a zero before it", "[{json: {/errors/01: exists}, is: hold}]", 400, "",
     "{\"errors\":[1,2]}", VERDICT_REJECTED},
    {"behind the last", "[{json: {/errors/-: exists}, is: hold}]", 400, "", "{\"errors\":[1,2]}",
     VERDICT_REJECTED},
    {"a slash in a name", "[{json: {/a~1b: 1}, is: hold}]", 400, "", "{\"a/b\":1}", VERDICT_HOLD},
    {"a tilde in a name", "[{json: {/a~0b: 1}, is: hold}]", 400, "", "{\"a~b\":1}", VERDICT_HOLD},
    {"a tilde and a one", "[{json: {/a~01: 1}, is: hold}]", 400, "", "{\"a~1\":1}", VERDICT_HOLD},
    {"an empty name", "[{json: {/: 1}, is: hold}]", 400, "", "{\"\":1}", VERDICT_HOLD},
    {"the whole document", "[{json: {'': busy}, is: retry}]", 400, "", "\"busy\"", VERDICT_RETRY},
    {"through a scalar", "[{json: {/a/b: exists}, is: hold}]", 400, "", "{\"a\":\"b\"}",
     VERDICT_REJECTED},
    {"two pointers, both", "[{json: {/a: 1, /b: 2}, is: hold}]", 400, "", "{\"a\":1,\"b\":2}",
     VERDICT_HOLD},
    {"two pointers, one", "[{json: {/a: 1, /b: 2}, is: hold}]", 400, "", "{\"a\":1,\"b\":3}",
     VERDICT_REJECTED},
    {"a name that stands twice is no JSON", "[{json: {/a: 1}, is: hold}]", 400, "",
     "{\"a\":1,\"a\":1}", VERDICT_REJECTED},
    {"a number past 64 bits beside it", "[{json: {/a: 1}, is: hold}]", 400, "",
     "{\"id\":123456789012345678901234567890,\"a\":1}", VERDICT_HOLD},
    {"cut JSON", "[{json: {/a: 1}, is: hold}]", 400, "", "{\"a\":1", VERDICT_REJECTED},
    {"no answer fits no rule", "[{status: 100..599, is: delivered}]", 0, "", "", VERDICT_RETRY},
};

static void rules_are_tried_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rule_rows); i++) {
        struct http_world world;
        char yaml[512];
        struct answer got;

        (void)snprintf(yaml, sizeof(yaml), "verdicts: %s", rule_rows[i].rules);
        http_open(&world, yaml);
        if (world.to == NULL) {
            fail_msg("%s: %s", rule_rows[i].name, first_diag(&world.diags));
        }
        got = read_answer(&world, rule_rows[i].status, rule_rows[i].headers, rule_rows[i].body,
                          false);
        if (got.verdict != rule_rows[i].want) {
            fail_msg("%s: %s (%s)", rule_rows[i].name, verdict_word(got.verdict), got.text);
        }
        http_close(&world);
    }
}

static const struct {
    const char *name;
    const char *rules;
    int status;
    const char *body;
    bool is_oversized;
    enum verdict want;
    bool want_life_sign;
} page_rows[] = {
    {"a receipt", "[]", 200, "thanks", false, VERDICT_DELIVERED, true},
    {"a login page", "[]", 200, "<!DOCTYPE html><html>log in</html>", false, VERDICT_RETRY, false},
    {"a page without its type", "[]", 202, " \r\n<HTML><body>", false, VERDICT_RETRY, false},
    {"a page behind a mark", "[]", 200, "\xef\xbb\xbf<html>", false, VERDICT_RETRY, false},
    {"a page in a text", "[]", 200, "{\"a\":\"<html>\"}", false, VERDICT_DELIVERED, true},
    {"a page that the rules expect", "[{status: 2xx, is: delivered}]", 200, "<html>", false,
     VERDICT_DELIVERED, false},
    {"a page where JSON is asked for", "[{status: 2xx, json: {/ok: true}, is: delivered}]", 200,
     "<html>", false, VERDICT_RETRY, false},
    {"a long answer, its status is enough", "[]", 200, "{\"a\":[", true, VERDICT_DELIVERED, true},
    {"a long answer, a rule of its status", "[{status: 200, is: delivered}]", 200, "{", true,
     VERDICT_DELIVERED, true},
    {"a long answer whose JSON is asked for", "[{status: 2xx, json: {/ok: true}, is: delivered}]",
     200, "{\"ok\":true}", true, VERDICT_RETRY, true},
    {"nothing is missing from a long answer",
     "[{status: 200, json: {/error: missing}, is: delivered}]", 200, "{}", true, VERDICT_RETRY,
     true},
    {"a long refusal", "[]", 400, "{", true, VERDICT_REJECTED, true},
};

static void pages_and_long_answers_condemn_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(page_rows); i++) {
        struct http_reply reply = {.status = page_rows[i].status,
                                   .body = span_of(page_rows[i].body),
                                   .headers = SPAN(""),
                                   .is_oversized = page_rows[i].is_oversized};
        struct http_world world;
        struct answer got = {0};
        char yaml[256];

        (void)snprintf(yaml, sizeof(yaml), "%s%s", page_rows[i].rules[1] == ']' ? "" : "verdicts: ",
                       page_rows[i].rules[1] == ']' ? "{}" : page_rows[i].rules);
        http_open(&world, yaml);
        got = http_read(&world, &reply);
        if (got.verdict != page_rows[i].want || got.is_life_sign != page_rows[i].want_life_sign) {
            fail_msg("%s: %s, life sign %d (%s)", page_rows[i].name, verdict_word(got.verdict),
                     got.is_life_sign, got.text);
        }
        http_close(&world);
    }
}

static void the_text_names_the_rule_and_nothing_of_the_body(void **state)
{
    struct http_world world;
    struct answer got;

    (void)state;
    http_open(&world, "verdicts: [{status: 418, is: hold}, {json: {/a: exists}, is: rejected}]");
    got = read_answer(&world, 400, "", "{\"a\":\"ann@example.com\"}", false);
    assert_string_equal(got.text, "HTTP 400, rule 2 of verdicts");
    assert_int_equal(got.scope, SCOPE_SPLIT);
    got = read_answer(&world, 500, "", "ann@example.com", false);
    assert_string_equal(got.text, "HTTP 500, none of the verdicts");
    got = read_answer(&world, 0, "", "", false);
    assert_string_equal(got.text, "no answer: refused");
    http_close(&world);
}

static const struct {
    const char *name;
    const char *rules;
    const char *part;
} bad_rows[] = {
    {"no condition", "[{is: retry}]", "at least one of status, header and json"},
    {"delivered whatever the status", "[{json: {/ok: true}, is: delivered}]", "add status: 2xx"},
    {"a status of two digits", "[{status: 20, is: retry}]", "status is a number"},
    {"a status below 100", "[{status: 099, is: retry}]", "status is a number"},
    {"a class of 0", "[{status: 0xx, is: retry}]", "status is a number"},
    {"half a class", "[{status: 20x, is: retry}]", "status is a number"},
    {"a range that ends before it begins", "[{status: 500..400, is: retry}]", "status is a number"},
    {"an empty list", "[{status: [], is: retry}]", "fits no answer"},
    {"a map", "[{status: {a: b}, is: retry}]", "status is a number"},
    {"a pointer without its slash", "[{json: {ok: true}, is: retry}]",
     "a JSON pointer begins with a slash: /ok"},
    {"a bare tilde", "[{json: {/a~b: true}, is: retry}]", "a tilde is written ~0"},
    {"a tilde at the end", "[{json: {/a~: true}, is: retry}]", "a tilde is written ~0"},
    {"too many parts",
     "[{json: {/1/2/3/4/5/6/7/8/9/1/2/3/4/5/6/7/8/9/1/2/3/4/5/6/7/8/9/1/2/3/4/5/6: 1}, is: retry}]",
     "at most 32 parts"},
    {"null", "[{json: {/a: null}, is: retry}]", "write missing or exists"},
    {"a map of values", "[{json: {/a: {b: c}}, is: retry}]", "a value, a list of"},
    {"a list in a list", "[{json: {/a: [[b]]}, is: retry}]", "a single value is wanted"},
    {"an empty list of values", "[{json: {/a: []}, is: retry}]", "a value, a list of"},
    {"an expression that is none", "[{json: {/a: \"=~ (\"}, is: retry}]",
     "not a usable regular expression"},
    {"an empty json", "[{json: {}, is: retry}]", "json holds 0 entries"},
    {"an empty header", "[{header: {}, is: retry}]", "header holds 0 entries"},
    {"a header with a space", "[{header: {'X A': b}, is: retry}]", "cannot be a header's name"},
    {"a header without a name", "[{header: {'': b}, is: retry}]", "cannot be a header's name"},
};

static void bad_rules_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++) {
        struct http_world world;
        char yaml[512];

        (void)snprintf(yaml, sizeof(yaml), "verdicts: %s", bad_rows[i].rules);
        http_open(&world, yaml);
        if (world.to != NULL || !has_diag(&world.diags, DIAG_ERROR, bad_rows[i].part)) {
            fail_msg("%s: %s", bad_rows[i].name, first_diag(&world.diags));
        }
        http_close(&world);
    }
}

static void a_rule_that_is_never_reached_is_warned_of(void **state)
{
    struct http_world world;

    (void)state;
    http_open(&world, "verdicts:\n"
                      "  - {status: 5xx, json: {/a: 1}, is: hold}\n"
                      "  - {status: 500..549, is: retry}\n"
                      "  - {status: 550..599, is: throttled}\n"
                      "  - {status: [503, 550], header: {X-A: b}, is: hold}\n"
                      "  - {status: 4xx, is: hold}\n");
    assert_non_null(world.to);
    assert_int_equal(world.diags.count, 1);
    assert_true(has_diag(&world.diags, DIAG_WARNING, "never reached"));
    assert_int_equal(world.diags.items[0].place.line, 5);
    http_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_the_defaults_hold),
        cmocka_unit_test(rules_are_tried_in_order),
        cmocka_unit_test(pages_and_long_answers_condemn_nobody),
        cmocka_unit_test(the_text_names_the_rule_and_nothing_of_the_body),
        cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(a_rule_that_is_never_reached_is_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
