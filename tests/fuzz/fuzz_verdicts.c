/* Any bytes as a webhook's answer: never delivered unless the body says so or the status alone may,
 * and nothing of the answer gets into the text that is logged and written into headers. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/http/verdicts.h"
#include "event/oddity.h"
#include "fuzz_check.h"

/* The words are ours alone: nothing of the body may stand in them. */
static bool is_about_oddity(const char *text, struct span body)
{
    const char *oddity = body_oddity(body);
    size_t len = strlen(text);

    return oddity[0] != '\0' && len < 100 && strcmp(text + len - strlen(oddity), oddity) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char rules[] =
    "- {status: 2xx, json: {/ok: true}, is: delivered}\n"
    "- {json: {/error/code: [quota, 7, '8'], /items/1: exists}, is: throttled}\n"
    "- {json: {/message: '=~ rate.*limit', /a~1b: missing}, is: throttled}\n"
    "- {json: {/code: between 50000..59999}, is: retry}\n"
    "- {header: {X-Reason: '=~ ^maint', X-Left: '< 5'}, is: hold}\n"
    "- {status: [418, 500..599], header: {X-Kind: [a, b]}, json: {'': exists}, is: rejected}\n";

static struct verdicts *compile_rules(void)
{
    static struct http_verdict items[8];
    static const enum verdict is[] = {VERDICT_DELIVERED, VERDICT_THROTTLED, VERDICT_THROTTLED,
                                      VERDICT_RETRY,     VERDICT_HOLD,      VERDICT_REJECTED};
    struct http_options options = {.verdicts = items};
    struct diags diags;
    static struct yaml_doc *doc; /* kept: conditions point into it */
    const struct yaml_node *list;

    diags_init(&diags);
    doc = yaml_parse("rules", span_of(rules), true, &diags);
    CHECK(doc != NULL);
    list = yaml_root(doc);
    CHECK(list->count == COUNT_OF(is));
    for (size_t i = 0; i < list->count; i++) {
        items[i] = (struct http_verdict){.status = yaml_get(list->items[i], "status"),
                                         .header = yaml_get(list->items[i], "header"),
                                         .json = yaml_get(list->items[i], "json"),
                                         .is = (int)is[i]};
    }
    options.verdict_count = list->count;
    return verdicts_compile(&options, &diags);
}

/* What the body says, read once more without our code. */
static bool says_ok(struct span body)
{
    json_t *root =
        json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    bool is_ok = json_is_true(json_object_get(root, "ok"));

    json_decref(root);
    return is_ok;
}

/* Two bytes for the status, one for Retry-After; the rest is headers, a NUL, and the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct verdicts *verdicts;
    struct http_reply reply = {.error = "x"};
    struct answer answer;
    struct span rest;
    size_t end;

    if (verdicts == NULL) {
        verdicts = compile_rules();
        CHECK(verdicts != NULL);
    }
    if (len < 3) {
        return 0;
    }
    reply.status = (data[0] << 8 | data[1]) % 1100;
    reply.has_retry_after = (data[2] & 1) != 0;
    rest = (struct span){(const char *)data + 3, len - 3};
    end = span_find(rest, '\0', 0);
    reply.headers = span_sub(rest, 0, end);
    reply.body = span_sub(rest, MIN_OF(end + 1, rest.len), rest.len);
    verdicts_read(verdicts, &reply, &answer);
    CHECK(answer.verdict < VERDICT_COUNT);
    CHECK(answer.is_life_sign == (reply.status != 0));
    if (answer.verdict == VERDICT_DELIVERED) {
        CHECK(reply.status >= 200 && reply.status <= 299);
        CHECK(says_ok(reply.body));
    }
    CHECK(strncmp(answer.text, "HTTP ", 5) == 0 || strcmp(answer.text, "no answer: x") == 0);
    CHECK(strlen(answer.text) < 40 || is_about_oddity(answer.text, reply.body));
    return 0;
}
