#include "tiktok/answer.h"

#include <stdio.h>
#include <string.h>

#include "tiktok/codes.h"
#include "tiktok/message.h"
#include "tiktok/partial.h"

enum { BODY_BYTES_MAX = 64 * 1024 };

/* What the status alone means, where the body says nothing valid. */
static void judge_status(int status, struct answer *out)
{
    out->scope = SCOPE_BATCH;
    if (status == 429) {
        out->verdict = VERDICT_THROTTLED;
    } else if (status == 408 || status == 425) {
        out->verdict = VERDICT_RETRY;
    } else if (status == 401 || status == 403 || status == 404 || status == 405) {
        out->verdict = VERDICT_HOLD; /* credential, or not the Events API at this URL */
    } else if (status == 400 || status == 413 || status == 422) {
        out->verdict = VERDICT_REJECTED;
        out->scope = SCOPE_SPLIT;
    } else if (status >= 400 && status < 500) {
        out->verdict = VERDICT_UNKNOWN;
        out->scope = SCOPE_SPLIT;
    } else {
        out->verdict = VERDICT_RETRY; /* 5xx, and a 2xx or 3xx that does not say delivered */
    }
    if (status == 0) {
        (void)snprintf(out->text, sizeof(out->text), "no answer");
    } else {
        (void)snprintf(out->text, sizeof(out->text), "HTTP %d without a valid code in the body",
                       status);
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

    if (body.len == 0 || body.len > BODY_BYTES_MAX) {
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
        judge_status(status, out);
    }
    json_decref(root);
}
