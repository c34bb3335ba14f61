#include "destinations/http/rule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TESTS_MAX = 64, ANY_MAX = 256, CLASS_STATUSES = 100 };

/* status */

bool status_has(const struct status_set *set, int status)
{
    unsigned bit = (unsigned)(status - STATUS_MIN);

    return status >= STATUS_MIN && status <= STATUS_MAX &&
           (set->words[bit / 64] >> (bit % 64) & 1) != 0;
}

static void add_range(struct status_set *set, int64_t from, int64_t to)
{
    for (int64_t status = from; status <= to; status++) {
        unsigned bit = (unsigned)(status - STATUS_MIN);

        set->words[bit / 64] |= (uint64_t)1 << (bit % 64);
    }
}

static bool is_status(struct span text, int64_t *out)
{
    return text.len == 3 && span_to_i64(text, out) && *out >= STATUS_MIN && *out <= STATUS_MAX;
}

/* 404, 2xx, 500..599 */
static bool read_status(struct span text, struct status_set *out)
{
    int64_t from;
    int64_t to;

    if (is_status(text, &from)) {
        add_range(out, from, from);
        return true;
    }
    if (text.len == 3 && text.ptr[0] >= '1' && text.ptr[0] <= '9' &&
        span_eq_nocase(span_sub(text, 1, 3), SPAN("xx"))) {
        from = (int64_t)(text.ptr[0] - '0') * CLASS_STATUSES;
        add_range(out, from, from + CLASS_STATUSES - 1);
        return true;
    }
    if (text.len == 8 && span_is(span_sub(text, 3, 5), "..") &&
        is_status(span_sub(text, 0, 3), &from) && is_status(span_sub(text, 5, 8), &to) &&
        from <= to) {
        add_range(out, from, to);
        return true;
    }
    return false;
}

static bool compile_status(const struct yaml_node *node, struct status_set *out,
                           struct diags *diags)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    bool is_good = true;

    if (count == 0) {
        diag_error(diags, node->place, "status: an empty list fits no answer");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = is_list ? node->items[i] : node;

        if (item->kind != YAML_SCALAR || !read_status(item->text, out)) {
            diag_error(diags, item->place,
                       "status is a number such as 404, a class such as 2xx, a range such as "
                       "500..599, or a list of these");
            is_good = false;
        }
    }
    return is_good;
}

/* tests */

static void fini_test(struct test *test)
{
    for (size_t i = 0; i < test->count; i++) {
        condition_fini(&test->any[i]);
    }
    free(test->any);
    pointer_fini(&test->pointer);
}

/* One condition for each value, so that a JSON text is never taken for the number beside it. */
static bool compile_any(const struct yaml_node *node, struct test *out, struct diags *diags)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    bool is_good = true;

    if (node->kind == YAML_MAP || count == 0 || count > ANY_MAX) {
        diag_error(diags, node->place,
                   "a value, a list of 1 to %d values, or a condition as in match: \"=~ ^ok\", "
                   "\">= 5\", exists, missing",
                   ANY_MAX);
        return false;
    }
    out->any = mem_array(count, struct condition);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = is_list ? node->items[i] : node;

        if (item->kind != YAML_SCALAR) {
            diag_error(diags, item->place, "a single value is wanted here");
            is_good = false;
        } else if (condition_read(&out->subject, item, NULL, diags, &out->any[out->count])) {
            out->count++;
        } else {
            is_good = false;
        }
    }
    return is_good;
}

static bool is_header_char(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static bool compile_header(const struct yaml_pair *pair, struct test *out, struct diags *diags)
{
    for (size_t i = 0; i < pair->key.len || i == 0; i++) {
        if (pair->key.len == 0 || !is_header_char(pair->key.ptr[i])) {
            diag_error(diags, pair->place, "'" SPAN_FMT "' cannot be a header's name",
                       SPAN_ARG(pair->key));
            return false;
        }
    }
    return compile_any(pair->value, out, diags);
}

static bool compile_json(const struct yaml_pair *pair, struct test *out, struct diags *diags)
{
    struct err err = {0};

    if (pointer_compile(pair->key, &out->pointer, &err) != ERR_OK) {
        diag_error(diags, pair->place, "%s", err.text);
        return false;
    }
    return compile_any(pair->value, out, diags);
}

typedef bool compile_fn(const struct yaml_pair *pair, struct test *out, struct diags *diags);

static bool compile_tests(const struct yaml_node *node, const char *what, compile_fn *compile,
                          struct test **out, size_t *count, struct diags *diags)
{
    bool is_good = true;

    if (node == NULL) {
        return true;
    }
    if (node->count == 0 || node->count > TESTS_MAX) {
        diag_error(diags, node->place, "%s holds %zu entries; it wants 1 to %d", what, node->count,
                   TESTS_MAX);
        return false;
    }
    *out = mem_array(node->count, struct test);
    for (size_t i = 0; i < node->count; i++) {
        struct test *test = &(*out)[(*count)++];

        test->subject = (struct subject){.kind = SUBJECT_HEADER, .name = node->pairs[i].key};
        is_good = compile(&node->pairs[i], test, diags) && is_good;
    }
    return is_good;
}

/* the rule */

bool rule_compile(const struct http_verdict *config, struct rule *out, struct diags *diags)
{
    bool is_good = true;

    *out = (struct rule){.verdict = (enum verdict)config->is, .place = config->place};
    if (config->status == NULL) {
        add_range(&out->status, STATUS_MIN, STATUS_MAX);
    } else {
        is_good = compile_status(config->status, &out->status, diags);
    }
    is_good = compile_tests(config->header, "header", compile_header, &out->headers,
                            &out->header_count, diags) &&
              is_good;
    is_good =
        compile_tests(config->json, "json", compile_json, &out->json, &out->json_count, diags) &&
        is_good;
    if (config->status == NULL && config->header == NULL && config->json == NULL) {
        diag_error(
            diags, config->place,
            "a rule wants at least one of status, header and json; status: 100..599 is every "
            "answer");
        is_good = false;
    } else if (config->status == NULL && out->verdict == VERDICT_DELIVERED) {
        diag_error(diags, config->place,
                   "this rule would call errors delivered as well: add status: 2xx");
        is_good = false;
    }
    if (!is_good) {
        rule_fini(out);
    }
    return is_good;
}

void rule_fini(struct rule *rule)
{
    for (size_t i = 0; i < rule->header_count; i++) {
        fini_test(&rule->headers[i]);
    }
    for (size_t i = 0; i < rule->json_count; i++) {
        fini_test(&rule->json[i]);
    }
    free(rule->headers);
    free(rule->json);
    *rule = (struct rule){0};
}
