#include "destinations/http/verdicts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "destinations/http/rule.h"
#include "event/oddity.h"
#include "event/status_fault.h"

struct verdicts {
    struct rule *rules; /* owned */
    size_t count;
    bool asks_headers;
    bool is_delivered_told; /* a rule says which 2xx are delivered, by more than their status */
};

static bool has_success(const struct status_set *set)
{
    for (int status = 200; status <= 299; status++) {
        if (status_has(set, status)) {
            return true;
        }
    }
    return false;
}

/* An earlier rule that asks for nothing but the status takes all of what a later one could. */
static void warn_of_unreachable(const struct http_options *options, const struct verdicts *verdicts,
                                struct diags *diags)
{
    struct status_set taken = {0};

    for (size_t i = 0; i < verdicts->count; i++) {
        const struct rule *rule = &verdicts->rules[i];
        bool is_reachable = false;

        for (size_t k = 0; k < STATUS_WORDS; k++) {
            is_reachable = is_reachable || (rule->status.words[k] & ~taken.words[k]) != 0;
            if (rule->header_count + rule->json_count == 0) {
                taken.words[k] |= rule->status.words[k];
            }
        }
        if (!is_reachable) {
            diag_warning(diags, options->verdicts[i].place,
                         "this rule is never reached: rules above it take every answer with such a "
                         "status");
        }
    }
}

struct verdicts *verdicts_compile(const struct http_options *options, struct diags *diags)
{
    struct verdicts *verdicts = mem_new(struct verdicts);
    bool is_good = true;

    verdicts->rules = mem_array(options->verdict_count + 1, struct rule);
    for (size_t i = 0; i < options->verdict_count; i++) {
        struct rule *rule = &verdicts->rules[verdicts->count];

        if (!rule_compile(&options->verdicts[i], rule, diags)) {
            is_good = false;
            continue;
        }
        verdicts->count++;
        verdicts->asks_headers = verdicts->asks_headers || rule->header_count > 0;
        verdicts->is_delivered_told =
            verdicts->is_delivered_told ||
            (rule->verdict == VERDICT_DELIVERED && has_success(&rule->status) &&
             rule->header_count + rule->json_count > 0);
    }
    if (!is_good) {
        verdicts_free(verdicts);
        return NULL;
    }
    warn_of_unreachable(options, verdicts, diags);
    return verdicts;
}

void verdicts_free(struct verdicts *verdicts)
{
    if (verdicts == NULL) {
        return;
    }
    for (size_t i = 0; i < verdicts->count; i++) {
        rule_fini(&verdicts->rules[i]);
    }
    free(verdicts->rules);
    free(verdicts);
}

bool verdicts_ask_headers(const struct verdicts *verdicts)
{
    return verdicts->asks_headers;
}

/* trying rules */

/* The body as JSON, parsed when a rule first asks for it. */
struct body {
    struct span text;
    json_t *root; /* owned; NULL: it is no JSON */
    bool is_parsed;
};

/* A name that stands twice would let two readers see two answers: no JSON to us. Whole numbers past
 * 64 bits (ids, mostly) are read as the nearest double rather than not at all. */
static const json_t *parse(struct body *body)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t error;

    if (!body->is_parsed && body->text.len > 0) {
        body->root = json_loadb(body->text.ptr, body->text.len, flags, &error);
        if (body->root == NULL && json_error_code(&error) == json_error_numeric_overflow) {
            body->root =
                json_loadb(body->text.ptr, body->text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
        }
    }
    body->is_parsed = true;
    return body->root;
}

static struct seen see_json(const json_t *value)
{
    if (json_is_string(value)) {
        return (struct seen){.kind = SEEN_TEXT,
                             .text = {json_string_value(value), json_string_length(value)}};
    }
    if (json_is_integer(value)) {
        return (struct seen){.kind = SEEN_NUMBER,
                             .number = numeric_of_i64((int64_t)json_integer_value(value))};
    }
    if (json_is_real(value)) {
        return (struct seen){.kind = SEEN_NUMBER,
                             .number = numeric_of_double(json_real_value(value))};
    }
    if (json_is_boolean(value)) {
        return (struct seen){.kind = SEEN_BOOL, .boolean = json_is_true(value)};
    }
    return (struct seen){.kind = value == NULL || json_is_null(value) ? SEEN_MISSING : SEEN_OTHER};
}

/* Conditions take a text for a number where only a number can be meant, as in a header or a URL; in
 * JSON the two differ. */
static bool is_number_alone(const struct condition *condition)
{
    return condition->count > 0 && (condition->literals[0].means & MEANS_TEXT) == 0;
}

static bool json_fits(const struct test *test, const json_t *root)
{
    struct seen seen = see_json(pointer_get(&test->pointer, root));

    for (size_t i = 0; i < test->count; i++) {
        const struct condition *condition = &test->any[i];
        struct seen typed = seen;

        if (seen.kind == SEEN_TEXT && is_number_alone(condition)) {
            typed.kind = SEEN_OTHER;
        }
        if (condition_holds(condition, &typed)) {
            return true;
        }
    }
    return false;
}

static bool header_fits(const struct test *test, struct span lines)
{
    struct span value = http_header_find(lines, test->subject.name);
    const struct seen seen = {.kind = value.ptr == NULL ? SEEN_MISSING : SEEN_TEXT, .text = value};

    for (size_t i = 0; i < test->count; i++) {
        if (condition_holds(&test->any[i], &seen)) {
            return true;
        }
    }
    return false;
}

static bool rule_fits(const struct rule *rule, const struct http_reply *reply, struct body *body)
{
    if (!status_has(&rule->status, reply->status)) {
        return false;
    }
    for (size_t i = 0; i < rule->header_count; i++) {
        if (!header_fits(&rule->headers[i], reply->headers)) {
            return false;
        }
    }
    if (rule->json_count > 0 && parse(body) == NULL) {
        return false;
    }
    for (size_t i = 0; i < rule->json_count; i++) {
        if (!json_fits(&rule->json[i], body->root)) {
            return false;
        }
    }
    return true;
}

/* defaults */

/* A whole page where a receipt was expected: a login page, a proxy's, somebody else's. */
static bool is_page(const struct http_reply *reply)
{
    static const struct span starts[] = {{"<!doctype html", 14}, {"<html", 5}};
    struct span body = span_starts(reply->body, SPAN("\xef\xbb\xbf"))
                           ? span_sub(reply->body, 3, reply->body.len)
                           : reply->body;

    body = span_trim(body);
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        if (body.len >= starts[i].len &&
            span_eq_nocase(span_sub(body, 0, starts[i].len), starts[i])) {
            return true;
        }
    }
    return false;
}

/* Where a rule says which 2xx are delivered, another one is nobody's; but for a page, or an answer
 * of which not all was read, no event is to blame. */
static enum verdict fine_verdict(const struct verdicts *verdicts, const struct http_reply *reply)
{
    if (is_page(reply)) {
        return VERDICT_RETRY;
    }
    if (!verdicts->is_delivered_told) {
        return VERDICT_DELIVERED;
    }
    return reply->is_oversized ? VERDICT_RETRY : VERDICT_UNKNOWN;
}

static enum verdict default_verdict(const struct verdicts *verdicts, const struct http_reply *reply)
{
    switch (status_fault(reply->status, reply->has_retry_after)) {
    case STATUS_FINE:
        return fine_verdict(verdicts, reply);
    case STATUS_EVENTS:
        return VERDICT_REJECTED;
    case STATUS_SERVICES:
        return VERDICT_RETRY;
    case STATUS_RATES:
        return VERDICT_THROTTLED;
    case STATUS_OPERATORS:
        return VERDICT_HOLD;
    case STATUS_NOBODYS:
        break;
    }
    return VERDICT_UNKNOWN;
}

/* What a person has to know of an answer that no rule took. */
static void describe_default(const struct verdicts *verdicts, const struct http_reply *reply,
                             struct answer *out)
{
    const char *more = verdicts->count > 0 ? ", none of the verdicts" : "";
    const char *oddity = verdicts->count > 0 ? body_oddity(reply->body) : "";

    if (status_fault(reply->status, false) == STATUS_FINE && is_page(reply)) {
        more = ", but an HTML page where a receipt was expected";
    } else if (reply->is_oversized && verdicts->is_delivered_told) {
        more = ", none of the verdicts; the answer is longer than batch.answer_bytes";
    } else if (oddity[0] != '\0') {
        (void)snprintf(out->text, sizeof(out->text),
                       "HTTP %d, none of the verdicts fits the body%s", reply->status, oddity);
        return;
    }
    (void)snprintf(out->text, sizeof(out->text), "HTTP %d%s", reply->status, more);
}

static enum answer_scope scope_of(enum verdict verdict)
{
    return verdict == VERDICT_REJECTED || verdict == VERDICT_UNKNOWN ? SCOPE_SPLIT : SCOPE_BATCH;
}

void verdicts_read(const struct verdicts *verdicts, const struct http_reply *reply,
                   struct answer *out)
{
    struct body body = {.text = reply->is_oversized ? SPAN("") : reply->body};
    size_t at = 0;

    *out = (struct answer){.code = INT32_MIN, .verdict = VERDICT_RETRY};
    if (reply->status == 0) {
        (void)snprintf(out->text, sizeof(out->text), "no answer: %.120s", reply->error);
        return;
    }
    while (at < verdicts->count && !rule_fits(&verdicts->rules[at], reply, &body)) {
        at++;
    }
    if (at < verdicts->count) {
        out->verdict = verdicts->rules[at].verdict;
        (void)snprintf(out->text, sizeof(out->text), "HTTP %d, rule %zu of verdicts", reply->status,
                       at + 1);
    } else {
        out->verdict = default_verdict(verdicts, reply);
        describe_default(verdicts, reply, out);
    }
    out->scope = scope_of(out->verdict);
    out->is_life_sign = !is_page(reply); /* a page is somebody else's */
    json_decref(body.root);
}
