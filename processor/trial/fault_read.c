/* The dialect of fault rules. A rule is one map: when, for which events and how often, and
 * `answer:`, which is a word or a map of its own. */
#include "trial/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "trial/keys.h"

enum { ANSWERER_ANY_HTTP = ANSWERER_SIMULATOR | ANSWERER_CODES | ANSWERER_HTTP };
enum { WORDS_BYTES = 192 };

static const double items_of_simulator = 0.1;

/* What each kind is called, and who has it. */
static const struct {
    const char *word;
    unsigned answerers;
    bool is_plain; /* the word alone says it all */
} kinds[FAULT_KIND_COUNT] = {
    [FAULT_SLOW] = {"latency", ANSWERER_ANY_HTTP, false},
    [FAULT_STATUS] = {"status", ANSWERER_ANY_HTTP, false},
    [FAULT_CODE] = {"code", ANSWERER_SIMULATOR | ANSWERER_CODES, false},
    [FAULT_PARTIAL] = {"partial", ANSWERER_SIMULATOR | ANSWERER_CODES, true},
    [FAULT_THROTTLE] = {"throttle", ANSWERER_ANY_HTTP, true},
    [FAULT_CREDENTIAL] = {"credential", ANSWERER_ANY_HTTP, true},
    [FAULT_HANG] = {"hang", ANSWERER_ANY_HTTP, true},
    [FAULT_RESET] = {"reset", ANSWERER_ANY_HTTP, true},
    [FAULT_TRUNCATE] = {"truncate", ANSWERER_ANY_HTTP, true},
    [FAULT_GATEWAY] = {"gateway", ANSWERER_ANY_HTTP, true},
    [FAULT_REFUSED] = {"refused", ANSWERER_CODES | ANSWERER_HTTP, true},
    [FAULT_UNWRITABLE] = {"unwritable", ANSWERER_TOPIC, true},
};

const char *fault_word(enum fault_kind kind)
{
    return kinds[kind].word;
}

/* A rule while it is read: what is plain is in place, what is not is a node. */
struct draft {
    struct fault fault;
    bool has_record;
    const struct yaml_node *event, *answer;
    const struct yaml_node *kinds[FAULT_KIND_COUNT]; /* `hang: true` and the like */
};

enum { IN_RULE = 1, IN_ANSWER = 2, IN_THROTTLE = 4 };
#define AT(field) .offset = offsetof(struct draft, field)
#define MORE(field) .offset_more = offsetof(struct draft, field)
#define HAS(field) .offset_has = offsetof(struct draft, field)
#define FLAG(word, kind)                                                                           \
    {                                                                                              \
        word, KEY_NODE, IN_ANSWER, AT(kinds[kind])                                                 \
    }

static const struct key rows[] = {
    {"from", KEY_DURATION, IN_RULE, AT(fault.from_ms)},
    {"to", KEY_DURATION, IN_RULE, AT(fault.until_ms)},
    {"event", KEY_NODE, IN_RULE, AT(event)},
    {"share", KEY_SHARE, IN_RULE | IN_ANSWER, AT(fault.share),
     .wanted = "a percentage above 0%, up to 100%"},
    {"count", KEY_NUMBER, IN_RULE, AT(fault.count), .min = 1, .max = INT64_MAX,
     .wanted = "a whole number from 1 on"},
    {"record", KEY_BOOL, IN_RULE, AT(fault.is_recorded), HAS(has_record)},
    {"answer", KEY_NODE, IN_RULE, AT(answer)},
    {"status", KEY_NUMBER, IN_ANSWER, AT(fault.status), .min = 200, .max = 599,
     .wanted = "an HTTP status, 200 to 599"},
    {"code", KEY_NUMBER, IN_ANSWER, AT(fault.code), HAS(fault.has_code), .min = INT32_MIN + 1,
     .max = INT32_MAX},
    {"body", KEY_TEXT, IN_ANSWER, AT(fault.body)},
    {"retry_after", KEY_DURATION, IN_ANSWER | IN_THROTTLE, AT(fault.retry_after_ms),
     HAS(fault.has_retry_after)},
    {"latency", KEY_RANGE, IN_ANSWER, AT(fault.latency_min_ms), MORE(fault.latency_max_ms),
     HAS(fault.has_latency)},
    {"items", KEY_SHARE, IN_ANSWER, AT(fault.items), HAS(fault.has_items)},
    FLAG("partial", FAULT_PARTIAL),
    FLAG("throttle", FAULT_THROTTLE),
    FLAG("credential", FAULT_CREDENTIAL),
    FLAG("hang", FAULT_HANG),
    FLAG("reset", FAULT_RESET),
    FLAG("truncate", FAULT_TRUNCATE),
    FLAG("gateway", FAULT_GATEWAY),
    FLAG("refused", FAULT_REFUSED),
    FLAG("unwritable", FAULT_UNWRITABLE),
};
static const struct keys all_keys = {rows, COUNT_OF(rows)};

/* events */

static bool is_known(const struct fault_reader *reader, const struct yaml_node *node)
{
    const char *names[FAULTS_MAX];
    size_t count = MIN_OF(reader->event_count, COUNT_OF(names));

    for (size_t i = 0; i < reader->event_count; i++) {
        if (span_eq(reader->events[i], node->text)) {
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = reader->events[i].ptr;
    }
    if (reader->events != NULL) {
        diag_error(reader->diags, node->place, "no event %s in traffic%s", log_quote(node->text),
                   did_you_mean(suggest(node->text, names, count)).text);
    }
    return reader->events == NULL;
}

static void read_events(const struct fault_reader *reader, const struct yaml_node *node,
                        struct fault *out)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    struct span *events;

    if (node->kind == YAML_MAP || count == 0 || count > FAULT_EVENTS_MAX) {
        keys_complain(reader->diags, node, "event", "an event type or a list of at most 64");
        return;
    }
    events = mem_array(count, struct span);
    out->events = events;
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = is_list ? node->items[i] : node;

        if (item->kind != YAML_SCALAR || item->text.len == 0) {
            keys_complain(reader->diags, item, "event", "an event type or a list of at most 64");
        } else if (is_known(reader, item)) {
            events[out->event_count++] = item->text;
        }
    }
}

/* answers */

/* "status, code, hang ...": what this one answers. */
static const char *list_words(const struct fault_reader *reader, char out[WORDS_BYTES])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 1; i <= FAULT_KIND_COUNT; i++) {
        size_t kind = i % FAULT_KIND_COUNT; /* the slow one last */

        if ((kinds[kind].answerers & reader->answerer) != 0 && used < WORDS_BYTES) {
            used += (size_t)snprintf(out + used, WORDS_BYTES - used, "%s%s", used == 0 ? "" : ", ",
                                     kinds[kind].word);
        }
    }
    return out;
}

static bool set_kind(const struct fault_reader *reader, const struct yaml_node *node, size_t kind,
                     struct fault *out)
{
    out->kind = (enum fault_kind)kind;
    if ((kinds[kind].answerers & reader->answerer) == 0) {
        diag_error(reader->diags, node->place, "%s is nothing that %s%s%s answers",
                   kinds[kind].word,
                   reader->type == NULL ? "the simulator" : "a destination of type ",
                   reader->type == NULL ? "" : reader->type,
                   reader->answerer == ANSWERER_TOPIC ? " (unwritable is)" : "");
        return false;
    }
    return true;
}

/* `answer: hang` */
static bool read_word(const struct fault_reader *reader, const struct yaml_node *node,
                      struct fault *out)
{
    const char *words[FAULT_KIND_COUNT];
    char all[WORDS_BYTES];
    size_t count = 0;

    for (size_t i = 0; i < FAULT_KIND_COUNT; i++) {
        if (!kinds[i].is_plain) {
            continue;
        }
        if (span_is(node->text, kinds[i].word)) {
            return set_kind(reader, node, i, out);
        }
        words[count++] = kinds[i].word;
    }
    diag_error(reader->diags, node->place,
               "no answer is called %s%s: it is one of %s; with a value as a map: {status: 503}",
               log_quote(node->text), did_you_mean(suggest(node->text, words, count)).text,
               list_words(reader, all));
    return false;
}

/* The value behind a kind's word: `true`, or what goes with it. */
static bool read_flag(const struct fault_reader *reader, size_t kind, struct draft *draft)
{
    const struct yaml_node *node = draft->kinds[kind];
    bool is_on = false;

    if (kind == FAULT_THROTTLE && node->kind == YAML_MAP) {
        return keys_read(&all_keys, IN_THROTTLE, node, "throttle", draft, reader->diags);
    }
    if (node->kind != YAML_SCALAR || !yaml_as_bool(node, &is_on) || !is_on) {
        keys_complain(reader->diags, node, kinds[kind].word, "true, or to be the answer itself");
        return false;
    }
    return true;
}

/* A status or a code beside another kind is that kind's own. */
static bool goes_with(size_t found, size_t kind)
{
    return (found == FAULT_STATUS && (kind == FAULT_CODE || kind == FAULT_GATEWAY)) ||
           (found == FAULT_CODE && (kind == FAULT_PARTIAL || kind == FAULT_CREDENTIAL));
}

/* Which kind the keys of @map say. */
static bool choose_kind(const struct fault_reader *reader, const struct yaml_node *map,
                        struct draft *draft)
{
    struct fault *fault = &draft->fault;
    size_t found = FAULT_SLOW;

    for (size_t kind = FAULT_STATUS; kind < FAULT_KIND_COUNT; kind++) {
        bool is_there = kind == FAULT_STATUS ? fault->status != 0
                        : kind == FAULT_CODE ? fault->has_code
                                             : draft->kinds[kind] != NULL;

        if (!is_there) {
            continue;
        }
        if (found != FAULT_SLOW && !goes_with(found, kind)) {
            diag_error(reader->diags, map->place, "an answer is one of %s and %s, not both",
                       kinds[found].word, kinds[kind].word);
            return false;
        }
        found = kind;
        if (draft->kinds[kind] != NULL && !read_flag(reader, kind, draft)) {
            return false;
        }
    }
    if (found == FAULT_SLOW && !fault->has_latency) {
        char all[WORDS_BYTES + 8] = "one of ";

        (void)list_words(reader, all + 7);
        keys_complain(reader->diags, map, "an answer", all);
        return false;
    }
    return set_kind(reader, map, found, fault);
}

static void read_answer(const struct fault_reader *reader, struct draft *draft)
{
    const struct yaml_node *node = draft->answer;

    if (node->kind == YAML_SCALAR) {
        (void)read_word(reader, node, &draft->fault);
        return;
    }
    if (!keys_read(&all_keys, IN_ANSWER, node, "an answer", draft, reader->diags) ||
        !choose_kind(reader, node, draft)) {
        return;
    }
    if (draft->fault.body.ptr != NULL && draft->fault.kind != FAULT_STATUS) {
        keys_complain(reader->diags, node, "body", "a text beside a status");
    }
    if (draft->fault.has_latency && reader->answerer == ANSWERER_TOPIC) {
        keys_complain(reader->diags, node, "latency", "a destination of type tiktok or http");
    }
}

/* rules */

void fault_check_stretch(const struct yaml_node *map, const char *what, uint64_t from_ms,
                         uint64_t until_ms, uint64_t end_ms, struct diags *diags)
{
    if (from_ms >= until_ms && until_ms != end_ms) {
        diag_error(diags, map->place, "%s end before they begin (from, to)", what);
    } else if (from_ms >= end_ms) {
        diag_error(diags, map->place, "%s begin when the trace is over (from, `for`)", what);
    }
}

static void read_rule(const struct fault_reader *reader, const struct yaml_node *map,
                      struct draft *draft)
{
    struct fault *fault = &draft->fault;

    (void)keys_read(&all_keys, IN_RULE, map, "a rule", draft, reader->diags);
    if (map->kind != YAML_MAP) {
        return;
    }
    if (draft->event != NULL) {
        read_events(reader, draft->event, fault);
    }
    fault_check_stretch(map, "this rule's answers", fault->from_ms, fault->until_ms, reader->end_ms,
                        reader->diags);
    if (draft->answer != NULL) {
        read_answer(reader, draft);
    } else {
        keys_complain(reader->diags, map, "a rule", "an answer: {status: 503}, hang, throttle ...");
    }
    if (fault->share == 0 && reader->answerer != ANSWERER_SIMULATOR) {
        keys_complain(reader->diags, map, "share", "a percentage above 0%, up to 100%");
    }
    if (!draft->has_record) { /* these two are healthy answers that come late, or not whole */
        fault->is_recorded = fault->kind == FAULT_SLOW || fault->kind == FAULT_TRUNCATE;
    }
}

void faults_read(const struct fault_reader *reader, const struct yaml_node *list,
                 struct faults *out)
{
    bool is_simulator = reader->answerer == ANSWERER_SIMULATOR;

    PRE(list->kind == YAML_LIST);
    if (out->count + list->count > FAULTS_MAX) {
        diag_error(reader->diags, list->place, "more than %d rules", FAULTS_MAX);
        return;
    }
    out->items =
        mem_grow(out->items, MAX_OF(out->count + list->count, (size_t)1), sizeof(struct fault));
    for (size_t i = 0; i < list->count; i++) {
        struct draft draft = {.fault = {.destination = reader->destination,
                                        .until_ms = reader->end_ms,
                                        .has_items = is_simulator,
                                        .items = items_of_simulator,
                                        .share = 1}};

        read_rule(reader, list->items[i], &draft);
        out->items[out->count++] = draft.fault;
    }
}

void faults_fini(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        free((void *)(uintptr_t)faults->items[i].events);
    }
    free(faults->items);
    *faults = (struct faults){0};
}
