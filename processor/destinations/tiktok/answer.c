#include "destinations/tiktok/answer.h"

#include <stdio.h>
#include <string.h>

#include "destinations/tiktok/codes.h"
#include "destinations/tiktok/message.h"
#include "destinations/tiktok/partial.h"
#include "destinations/tiktok/prefix.h"
#include "event/oddity.h"
#include "event/status_fault.h"

/* The Events API says by a code what it has against an event, and redirects nobody: a conflict is
 * nobody's, and a redirection comes from somebody before it. */
static enum status_fault fault_of(int status)
{
    if (status == 409) {
        return STATUS_NOBODYS;
    }
    return status >= 300 && status <= 399 ? STATUS_SERVICES : status_fault(status, false);
}

static enum verdict status_verdict(int status)
{
    switch (fault_of(status)) {
    case STATUS_EVENTS:
        return VERDICT_REJECTED;
    case STATUS_RATES:
        return VERDICT_THROTTLED;
    case STATUS_OPERATORS:
        return VERDICT_HOLD; /* credential, or not the Events API at this URL */
    case STATUS_NOBODYS:
        return VERDICT_UNKNOWN;
    case STATUS_FINE: /* a 2xx that does not say delivered */
    case STATUS_SERVICES:
        break;
    }
    return VERDICT_RETRY;
}

/* What the status alone means, where the body says nothing valid. */
static void judge_status(int status, struct span body, struct answer *out)
{
    out->verdict = status_verdict(status);
    out->scope = out->verdict == VERDICT_REJECTED || out->verdict == VERDICT_UNKNOWN ? SCOPE_SPLIT
                                                                                     : SCOPE_BATCH;
    if (status == 0) {
        (void)snprintf(out->text, sizeof(out->text), "no answer");
    } else {
        (void)snprintf(out->text, sizeof(out->text), "HTTP %d without a valid code in the body%s",
                       status, body_oddity(body));
    }
}

static void copy_request_id(const json_t *root, char out[64])
{
    const json_t *id = json_object_get(root, "request_id");
    size_t len = json_is_string(id) ? json_string_length(id) : 0;
    const char *text = json_string_value(id);

    if (len == 0 || len >= 64) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return; /* not an id: nothing of it goes into a header */
        }
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

/* An integer that fits, nothing else: not 0.0, not "0", not true. */
static bool read_code(const json_t *root, int32_t *out)
{
    const json_t *code = json_object_get(root, "code");
    json_int_t number = json_integer_value(code);

    if (!json_is_integer(code) || number <= INT32_MIN || number > INT32_MAX) {
        return false;
    }
    *out = (int32_t)number;
    return true;
}

static void judge_message(const struct tiktok_codes *codes, const json_t *root, size_t count,
                          const struct code_meaning *meaning, struct answer *out)
{
    const json_t *text = json_object_get(root, "message");
    struct message_hint hint = {0};

    if (json_is_string(text)) {
        message_read((struct span){json_string_value(text), json_string_length(text)}, count,
                     &hint);
    }
    (void)snprintf(out->text, sizeof(out->text), "code %d (%s)%s%s", (int)out->code, meaning->name,
                   hint.field[0] == '\0' ? "" : ", field ", hint.field);
    memcpy(out->field, hint.field, sizeof(out->field));
    if (hint.has_item) {
        out->scope = SCOPE_ITEM;
        out->item = hint.item;
    } else if (hint.is_source && tiktok_codes_is_source_from_event(codes)) {
        out->scope = SCOPE_BATCH; /* all of them carry that id: each is rejected for it */
    } else if (hint.is_request) {
        out->verdict = VERDICT_HOLD; /* our request, not an event, is wrong */
        out->scope = SCOPE_BATCH;
    }
}

static void judge_partial(const struct tiktok_codes *codes, const json_t *root,
                          const struct answer_batch *batch, struct answer *out)
{
    size_t untold;

    if (batch->count == 0 || batch->each == NULL) {
        out->verdict = VERDICT_RETRY;
        out->scope = SCOPE_BATCH;
        return;
    }
    untold = partial_read(codes, root, batch);
    if (untold == 0) {
        (void)snprintf(out->text, sizeof(out->text),
                       "code %d (PARTIAL_OK), each event by its own result", (int)out->code);
    } else {
        (void)snprintf(out->text, sizeof(out->text),
                       "code %d (PARTIAL_OK), the answer does not tell %zu of %zu events",
                       (int)out->code, untold, batch->count);
    }
}

static void judge_code(const struct tiktok_codes *codes, const json_t *root,
                       const struct answer_batch *batch, struct answer *out)
{
    struct code_meaning meaning = tiktok_code_meaning(codes, out->code);

    out->verdict = meaning.verdict;
    out->scope = meaning.scope;
    (void)snprintf(out->text, sizeof(out->text), "code %d (%s)", (int)out->code, meaning.name);
    if (meaning.scope == SCOPE_EACH) {
        judge_partial(codes, root, batch, out);
    } else if (meaning.names_event) {
        judge_message(codes, root, batch->count, &meaning, out);
    }
}

/* A second key of the same name would let two readers see two codes: such a body is refused. */
static json_t *parse_body(struct span body)
{
    json_error_t ignored;
    json_t *root;

    if (body.len == 0) {
        return NULL;
    }
    root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &ignored);
    if (root != NULL && !json_is_object(root)) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

void tiktok_answer_read(const struct tiktok_codes *codes, int status, struct span body,
                        const struct answer_batch *batch, struct answer *out)
{
    PRE(codes != NULL);
    PRE(batch != NULL);
    PRE(out != NULL);

    json_t *root = status == 0 ? NULL : parse_body(body);

    *out = (struct answer){.code = INT32_MIN};
    if (root != NULL) {
        copy_request_id(root, out->request_id);
        out->has_code = read_code(root, &out->code);
        out->is_life_sign = out->has_code; /* a proxy before it has no code to give */
    }
    if (out->has_code) {
        judge_code(codes, root, batch, out);
    } else {
        judge_status(status, body, out);
    }
    json_decref(root);
}

/* What was cut off may say more of single events, or contradict: a code is believed as far as all
 * wait for it, and no event is settled by it. */
void tiktok_answer_read_cut(const struct tiktok_codes *codes, int status, struct span beginning,
                            struct answer *out)
{
    PRE(codes != NULL);
    PRE(out != NULL);

    struct code_meaning meaning;

    *out = (struct answer){.code = INT32_MIN, .scope = SCOPE_BATCH, .verdict = VERDICT_RETRY};
    if (!prefix_read_code(beginning, &out->code)) {
        out->code = INT32_MIN;
        judge_status(status, beginning, out);
        return;
    }
    out->has_code = true;
    out->is_life_sign = true;
    meaning = tiktok_code_meaning(codes, out->code);
    if (meaning.verdict == VERDICT_THROTTLED || meaning.verdict == VERDICT_HOLD) {
        out->verdict = meaning.verdict;
        out->scope = meaning.scope;
    }
    (void)snprintf(out->text, sizeof(out->text),
                   "code %d (%s), and an answer longer than batch.answer_bytes", (int)out->code,
                   meaning.name);
}
