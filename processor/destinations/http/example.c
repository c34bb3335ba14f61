#include "destinations/http/example.h"

#include <jansson.h>
#include <stdlib.h>

#include "destinations/http/rule.h"
#include "destinations/http/verdicts.h"
#include "destinations/http/webhook.h"

enum { EXAMPLE_BYTES_MAX = 64 * 1024, STATUS_OK = 200 };

void example_init(struct example *example)
{
    *example = (struct example){0};
    buf_init(&example->headers, EXAMPLE_BYTES_MAX);
    buf_init(&example->body, EXAMPLE_BYTES_MAX);
}

void example_fini(struct example *example)
{
    buf_fini(&example->headers);
    buf_fini(&example->body);
}

/* values */

/* What a condition asks for, made up. */
enum made {
    MADE_VALUE,
    MADE_NOTHING, /* it is content when nothing is there */
    MADE_NOT,     /* nobody can say without guessing */
};

static json_t *number_json(const struct numeric *number, int64_t step)
{
    return number->is_integer ? json_integer((json_int_t)((uint64_t)number->i + (uint64_t)step))
                              : json_real(number->d + (double)step);
}

/* JSON is compared by type, so a number stays one. */
static json_t *literal_json(const struct literal *literal, int64_t step)
{
    if ((literal->means & MEANS_TEXT) == 0 && (literal->means & MEANS_BOOL) != 0) {
        return json_boolean(literal->boolean);
    }
    if ((literal->means & MEANS_TEXT) == 0 && (literal->means & MEANS_NUMBER) != 0) {
        return number_json(&literal->number, step);
    }
    return json_stringn(literal->text.ptr, literal->text.len);
}

static enum made make_value(const struct condition *condition, json_t **out)
{
    *out = NULL;
    switch (condition->op) {
    case OP_MISSING:
    case OP_NOT:
    case OP_NOT_FIND:
        return MADE_NOTHING;
    case OP_FIND:
        return MADE_NOT;
    case OP_EXISTS:
        *out = json_string("example");
        break;
    case OP_IN:
    case OP_AT_LEAST:
    case OP_AT_MOST:
    case OP_BETWEEN:
        *out = literal_json(&condition->literals[0], 0);
        break;
    case OP_MORE:
        *out = literal_json(&condition->literals[0], 1);
        break;
    case OP_LESS:
        *out = literal_json(&condition->literals[0], -1);
        break;
    }
    return *out == NULL ? MADE_NOT : MADE_VALUE;
}

/* Any of a test's conditions will do: the first that can be met. */
static enum made make_any(const struct test *test, json_t **out, struct place *place)
{
    enum made made = MADE_NOT;

    for (size_t i = 0; made == MADE_NOT && i < test->count; i++) {
        made = make_value(&test->any[i], out);
        if (made == MADE_NOT) {
            *place = test->any[i].place;
        }
    }
    return made;
}

/* the document */

/* Put @value (taken) where @pointer leads; what is in the way becomes an object. A number in a
 * pointer finds the member of that name as well, so no list is needed. */
static void put(json_t **root, const struct pointer *pointer, json_t *value)
{
    json_t *at = *root;

    if (pointer->count == 0) {
        json_decref(*root);
        *root = value;
        return;
    }
    if (!json_is_object(at)) { /* the whole document is asked to be a scalar as well */
        json_decref(value);
        return;
    }
    for (size_t i = 0; i + 1 < pointer->count; i++) {
        struct span part = pointer->parts[i];
        json_t *next = json_object_getn(at, part.ptr, part.len);

        if (!json_is_object(next)) {
            next = json_object();
            (void)json_object_setn_new(at, part.ptr, part.len, next);
        }
        at = next;
    }
    (void)json_object_setn_new(at, pointer->parts[pointer->count - 1].ptr,
                               pointer->parts[pointer->count - 1].len, value);
}

static bool write_body(const struct rule *rule, struct buf *out, struct place *place)
{
    json_t *root = json_object();
    bool is_made = true;
    char *text;

    for (size_t i = 0; is_made && i < rule->json_count; i++) {
        const struct test *test = &rule->json[i];
        json_t *value;
        enum made made = make_any(test, &value, place);
        bool is_there = pointer_get(&test->pointer, root) != NULL;

        is_made = made != MADE_NOT;
        if (made == MADE_VALUE && (test->any[0].op != OP_EXISTS || !is_there)) {
            put(&root, &test->pointer, value);
        } else {
            json_decref(value);
        }
    }
    text =
        is_made && rule->json_count > 0 ? json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    buf_add_text(out, text == NULL ? "" : text);
    free(text);
    json_decref(root);
    return is_made;
}

static bool write_headers(const struct rule *rule, struct buf *out, struct place *place)
{
    for (size_t i = 0; i < rule->header_count; i++) {
        json_t *value;
        enum made made = make_any(&rule->headers[i], &value, place);
        char *text = NULL;

        if (made == MADE_NOT) {
            return false;
        }
        if (made == MADE_VALUE) {
            text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
            buf_printf(out, SPAN_FMT ": %s\n", SPAN_ARG(rule->headers[i].subject.name),
                       text == NULL ? json_string_value(value) : text);
        }
        free(text);
        json_decref(value);
    }
    return true;
}

/* The first success it takes, which is 200 more often than not; else the first of all. */
static int pick_status(const struct status_set *set)
{
    for (int status = STATUS_OK; status <= 299; status++) {
        if (status_has(set, status)) {
            return status;
        }
    }
    for (int status = STATUS_MIN; status <= STATUS_MAX; status++) {
        if (status_has(set, status)) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool is_delivered(const struct webhook *webhook, const struct example *example)
{
    const struct http_reply reply = {.status = example->status,
                                     .headers = buf_span(&example->headers),
                                     .body = buf_span(&example->body),
                                     .is_sent = true};
    struct answer answer;

    webhook_answer_read(webhook, &reply, &answer);
    return answer.verdict == VERDICT_DELIVERED;
}

bool example_write(const struct webhook *webhook, struct example *out, struct place *place)
{
    const struct rule *rules = NULL;
    size_t count = 0;
    bool is_told = false; /* the first obstacle is the one to mend */

    out->status = STATUS_OK;
    if (is_delivered(webhook, out)) {
        return true;
    }
    rules = webhook_rules(webhook, &count);
    for (size_t i = 0; i < count; i++) {
        struct place obstacle = rules[i].place;

        if (rules[i].verdict != VERDICT_DELIVERED) {
            continue;
        }
        buf_clear(&out->headers);
        buf_clear(&out->body);
        out->status = pick_status(&rules[i].status);
        if (write_headers(&rules[i], &out->headers, &obstacle) &&
            write_body(&rules[i], &out->body, &obstacle) && is_delivered(webhook, out)) {
            return true;
        }
        *place = is_told ? *place : obstacle;
        is_told = true;
    }
    return false;
}
