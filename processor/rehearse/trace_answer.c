/* `answer:` of a rule: one word, or a map with one kind of answer and what goes with it. */
#include "rehearse/trace_inside.h"

#include <stdlib.h>

/* What each kind is called, and who can answer so. */
enum { BY_TIKTOK = 1, BY_HTTP = 2, BY_KAFKA = 4 };

static const struct {
    const char *word;
    enum fault_kind kind;
    unsigned by;
    bool is_plain; /* the word says it all */
} kinds[] = {
    {"status", FAULT_STATUS, BY_TIKTOK | BY_HTTP, false},
    {"code", FAULT_CODE, BY_TIKTOK, false},
    {"partial", FAULT_PARTIAL, BY_TIKTOK, true},
    {"throttle", FAULT_THROTTLE, BY_TIKTOK | BY_HTTP, true},
    {"credential", FAULT_CREDENTIAL, BY_TIKTOK | BY_HTTP, true},
    {"hang", FAULT_HANG, BY_TIKTOK | BY_HTTP, true},
    {"reset", FAULT_RESET, BY_TIKTOK | BY_HTTP, true},
    {"refused", FAULT_REFUSED, BY_TIKTOK | BY_HTTP, true},
    {"unwritable", FAULT_UNWRITABLE, BY_KAFKA, true},
};

static unsigned bit_of(enum destination_type type)
{
    switch (type) {
    case DESTINATION_TIKTOK:
        return BY_TIKTOK;
    case DESTINATION_HTTP:
        return BY_HTTP;
    case DESTINATION_KAFKA:
        break;
    }
    return BY_KAFKA;
}

static bool set_kind(struct trace_reader *reader, const struct yaml_node *node, size_t which,
                     struct fault *fault)
{
    const struct config_destination *destination =
        &reader->config->destinations[fault->destination];

    if ((kinds[which].by & bit_of(destination->type)) == 0) {
        diag_error(reader->diags, node->place,
                   "%s is nothing that a destination of type %s answers", kinds[which].word,
                   destination->type == DESTINATION_KAFKA  ? "kafka (unwritable is)"
                   : destination->type == DESTINATION_HTTP ? "http"
                                                           : "tiktok");
        return false;
    }
    fault->kind = kinds[which].kind;
    return true;
}

static bool read_word(struct trace_reader *reader, const struct yaml_node *node,
                      struct fault *fault)
{
    const char *words[COUNT_OF(kinds)];
    size_t count = 0;
    const char *near;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].is_plain && span_is(node->text, kinds[i].word)) {
            return set_kind(reader, node, i, fault);
        }
        if (kinds[i].is_plain) {
            words[count++] = kinds[i].word;
        }
    }
    near = suggest(node->text, words, count);
    diag_error(reader->diags, node->place,
               "no answer is called %s%s: hang, refused, reset, throttle, credential, partial, "
               "unwritable, or a map ({status: 503}, {code: 50000}, {latency: 3s})",
               log_quote(node->text), did_you_mean(near).text);
    return false;
}

static bool read_number(struct trace_reader *reader, const struct yaml_node *node, const char *what,
                        int64_t min, int64_t max, int64_t *out)
{
    if (node->kind != YAML_SCALAR || !span_to_i64(node->text, out) || *out < min || *out > max) {
        trace_complain(reader, node, what, what[0] == 's' ? "an HTTP status" : "a number");
        return false;
    }
    return true;
}

static bool read_retry_after(struct trace_reader *reader, const struct yaml_node *map,
                             struct fault *fault)
{
    fault->has_retry_after = yaml_get(map, "retry_after") != NULL;
    return trace_read_duration(reader, map, "retry_after", &fault->retry_after_ms);
}

/* The value behind the kind's word. */
static bool read_detail(struct trace_reader *reader, const struct yaml_node *node,
                        struct fault *fault)
{
    static const char *const keys[] = {"retry_after"};
    bool is_on = false;
    int64_t number = 0;

    switch (fault->kind) {
    case FAULT_STATUS:
        if (!read_number(reader, node, "status", 100, 599, &number)) {
            return false;
        }
        fault->status = (int)number;
        return true;
    case FAULT_CODE:
        if (!read_number(reader, node, "code", INT32_MIN + 1, INT32_MAX, &number)) {
            return false;
        }
        fault->code = (int32_t)number;
        return true;
    case FAULT_THROTTLE:
        if (node->kind == YAML_MAP) {
            return trace_check_keys(reader, node, "throttle", keys, COUNT_OF(keys)) &&
                   read_retry_after(reader, node, fault);
        }
        break;
    case FAULT_NONE:
    case FAULT_PARTIAL:
    case FAULT_CREDENTIAL:
    case FAULT_HANG:
    case FAULT_RESET:
    case FAULT_REFUSED:
    case FAULT_UNWRITABLE:
    case FAULT_KIND_COUNT:
        break;
    }
    if (node->kind != YAML_SCALAR || !yaml_as_bool(node, &is_on) || !is_on) {
        trace_complain(reader, node, fault_word(fault->kind), "true, or to be the answer itself");
        return false;
    }
    return true;
}

static bool read_kind(struct trace_reader *reader, const struct yaml_node *map, struct fault *fault)
{
    const char *found = NULL;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct yaml_node *node = yaml_get(map, kinds[i].word);

        if (node == NULL) {
            continue;
        }
        if (found != NULL) {
            diag_error(reader->diags, node->place, "an answer is one of %s and %s, not both", found,
                       kinds[i].word);
            return false;
        }
        found = kinds[i].word;
        if (!set_kind(reader, node, i, fault) || !read_detail(reader, node, fault)) {
            return false;
        }
    }
    if (found == NULL && !fault->has_latency) {
        trace_complain(reader, map, "an answer",
                       "one of status, code, latency, throttle, credential, partial, hang, reset, "
                       "refused, unwritable");
        return false;
    }
    return true;
}

static bool read_latency(struct trace_reader *reader, const struct yaml_node *map,
                         struct fault *fault)
{
    const struct yaml_node *node = yaml_get(map, "latency");

    fault->has_latency = node != NULL;
    if (node != NULL &&
        reader->config->destinations[fault->destination].type == DESTINATION_KAFKA) {
        trace_complain(reader, node, "latency", "a destination of type tiktok or http");
        return false;
    }
    return trace_read_duration(reader, map, "latency", &fault->latency_ms);
}

bool trace_read_answer(struct trace_reader *reader, const struct yaml_node *node,
                       struct fault *fault)
{
    static const char *const keys[] = {"status",      "code",  "partial", "throttle", "hang",
                                       "credential",  "reset", "refused", "latency",  "unwritable",
                                       "retry_after", "body",  "share"};
    const struct yaml_node *body;

    if (node->kind == YAML_SCALAR) {
        return read_word(reader, node, fault);
    }
    if (!trace_check_keys(reader, node, "an answer", keys, COUNT_OF(keys)) ||
        !trace_read_share(reader, node, &fault->share) || !read_latency(reader, node, fault) ||
        !read_kind(reader, node, fault)) {
        return false;
    }
    body = yaml_get(node, "body");
    if (body != NULL && (body->kind != YAML_SCALAR || fault->kind != FAULT_STATUS)) {
        trace_complain(reader, body, "body", "a text beside a status");
        return false;
    }
    fault->body = body == NULL ? SPAN_NONE : body->text;
    return yaml_get(node, "retry_after") == NULL || read_retry_after(reader, node, fault);
}
