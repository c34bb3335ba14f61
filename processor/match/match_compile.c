/* From the YAML of a match to its tree, and from the tree to flat code. */
#include "match/match.h"

#include <stdlib.h>

/* The table's own hash; uthash's falls through cases that clang wants marked. */
#define HASH_FUNCTION(key, len, out) ((out) = (unsigned)span_hash((struct span){(key), (len)}))
#include <uthash.h>

#include "base/mem.h"

struct subject_entry {
    struct subject *subject; /* owned */
    UT_hash_handle hh;
};

struct match_context {
    struct subjects *subjects;
    struct diags *diags;
};

void subjects_init(struct subjects *subjects, const struct config *config,
                   const struct readers *readers)
{
    *subjects = (struct subjects){.config = config, .readers = readers};
}

void subjects_fini(struct subjects *subjects)
{
    struct subject_entry *entry;
    struct subject_entry *next;

    HASH_ITER(hh, subjects->by_name, entry, next)
    {
        HASH_DEL(subjects->by_name, entry);
        subject_free(entry->subject);
        free(entry);
    }
}

/* A condition that no event can satisfy is legal, and nearly always a slip. */
static void warn_of_nothing(const struct match_context *context, const struct condition *condition)
{
    const struct config *config = context->subjects->config;
    const struct subject *subject = condition->subject;
    size_t count = 0;

    for (size_t i = 0; condition->op == OP_MISSING && i < subject->reader_count; i++) {
        count += subject_is_certain(subject, i);
    }
    if (count > 0 && count == subject->reader_count) {
        diag_warning(context->diags, condition->place,
                     "'" SPAN_FMT "' is never missing, so this never holds",
                     SPAN_ARG(subject->name));
        return;
    }
    for (size_t i = 0; subject->kind == SUBJECT_TOPIC && i < config->kafka.topic_count; i++) {
        struct seen seen = {.kind = SEEN_TEXT, .text = config->kafka.topics[i]};

        if (condition_holds(condition, &seen)) {
            return;
        }
    }
    if (subject->kind == SUBJECT_TOPIC && config->kafka.topic_count > 0) {
        diag_warning(context->diags, condition->place,
                     "no topic of kafka.topics is that, so this never holds");
    }
}

static const struct subject *find_subject(const struct match_context *context, struct span name,
                                          struct place place)
{
    struct subjects *subjects = context->subjects;
    struct subject_entry *entry = NULL;
    struct subject *subject;

    HASH_FIND(hh, subjects->by_name, name.ptr, name.len, entry);
    if (entry != NULL) {
        return entry->subject;
    }
    subject = subject_compile(name, place, subjects->config, subjects->readers, context->diags);
    if (subject == NULL) {
        return NULL;
    }
    entry = mem_new(struct subject_entry);
    entry->subject = subject;
    HASH_ADD_KEYPTR(hh, subjects->by_name, name.ptr, name.len, entry);
    return subject;
}

static void free_node(struct match_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        free_node(&node->nodes[i]);
    }
    free(node->nodes);
    condition_fini(&node->condition);
}

void match_fini(struct match *match)
{
    free_node(&match->root);
    free(match->steps);
    *match = (struct match){0};
}

/* Room for @count children, none of them read yet. */
static void open_node(struct match_node *node, enum node_kind kind, size_t count)
{
    *node = (struct match_node){.kind = kind};
    node->nodes = mem_array(count, struct match_node);
}

/* A list of values: the plain ones are one condition, each operator another; any may hold. */
static bool read_values(const struct match_context *context, const struct subject *subject,
                        const struct yaml_node *list, struct match_node *out)
{
    const struct readers *readers = context->subjects->readers;
    const struct yaml_node **plain = mem_array(list->count, const struct yaml_node *);
    size_t plain_count = 0;
    bool is_good = true;

    open_node(out, NODE_ANY, list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        struct match_node *node = &out->nodes[out->count];

        if (item->is_broken) { /* reported where it was read */
            is_good = false;
        } else if (item->kind != YAML_SCALAR) {
            diag_error(context->diags, item->place,
                       "a list in a match holds values; to nest conditions use any: or all:");
            is_good = false;
        } else if (condition_is_plain(item)) {
            plain[plain_count++] = item;
        } else if (condition_read(subject, item, readers, context->diags, &node->condition)) {
            node->kind = NODE_TEST;
            warn_of_nothing(context, &node->condition);
            out->count++;
        } else {
            is_good = false;
        }
    }
    if (plain_count > 0) {
        struct match_node *node = &out->nodes[out->count];

        if (condition_read_list(subject, plain, plain_count, readers, context->diags,
                                &node->condition)) {
            node->kind = NODE_TEST;
            warn_of_nothing(context, &node->condition);
            out->count++;
        } else {
            is_good = false;
        }
    }
    free(plain);
    return is_good;
}

/* One entry `subject: value` of a match. */
static bool read_entry(const struct match_context *context, const struct yaml_pair *pair,
                       struct match_node *out)
{
    const struct subject *subject = find_subject(context, pair->key, pair->place);

    if (subject == NULL || pair->value->is_broken) { /* a broken one is already reported */
        return false;
    }
    switch (pair->value->kind) {
    case YAML_SCALAR:
        out->kind = NODE_TEST;
        if (!condition_read(subject, pair->value, context->subjects->readers, context->diags,
                            &out->condition)) {
            return false;
        }
        warn_of_nothing(context, &out->condition);
        return true;
    case YAML_LIST:
        if (pair->value->count == 0) {
            diag_error(context->diags, pair->value->place, "an empty list matches nothing");
            return false;
        }
        if (!read_values(context, subject, pair->value, out)) {
            return false;
        }
        if (out->count == 1) { /* only plain values: no need for the level */
            struct match_node only = out->nodes[0];

            free(out->nodes);
            *out = only;
        }
        return true;
    case YAML_MAP:
        break;
    }
    diag_error(context->diags, pair->value->place,
               "a condition is a value, a list of values or an operator in quotes; a field inside "
               "'" SPAN_FMT "' is written with a dot: " SPAN_FMT ".NAME",
               SPAN_ARG(pair->key), SPAN_ARG(pair->key));
    return false;
}

static bool read_map(const struct match_context *context, const struct yaml_node *map,
                     struct match_node *out);

/* `any:` or `all:` and its list of matches. */
static bool read_group(const struct match_context *context, const struct yaml_pair *pair,
                       enum node_kind kind, struct match_node *out)
{
    const struct yaml_node *list = pair->value;
    bool is_good = true;

    if (list->is_broken) {
        return false;
    }
    if (list->kind != YAML_LIST || list->count == 0) {
        diag_error(context->diags, list->place,
                   "'" SPAN_FMT "' takes a list of matches: [{field: value}, {...}]",
                   SPAN_ARG(pair->key));
        return false;
    }
    open_node(out, kind, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];

        if (item->kind != YAML_MAP || item->count == 0) {
            diag_error(context->diags, item->place,
                       "an entry of '" SPAN_FMT "' is a match of its own: {field: value}",
                       SPAN_ARG(pair->key));
            is_good = false;
            continue;
        }
        is_good = read_map(context, item, &out->nodes[out->count++]) && is_good;
    }
    return is_good;
}

/* Recursion: as deep as the YAML document may be, 32. */
static bool read_map(const struct match_context *context, const struct yaml_node *map,
                     struct match_node *out)
{
    bool is_good = true;

    open_node(out, NODE_ALL, map->count);
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        struct match_node *node = &out->nodes[out->count++];

        if (span_is(pair->key, "any")) {
            is_good = read_group(context, pair, NODE_ANY, node) && is_good;
        } else if (span_is(pair->key, "all")) {
            is_good = read_group(context, pair, NODE_ALL, node) && is_good;
        } else {
            is_good = read_entry(context, pair, node) && is_good;
        }
    }
    return is_good;
}

static int32_t count_tests(const struct match_node *node)
{
    int32_t count = node->kind == NODE_TEST;

    for (size_t i = 0; i < node->count; i++) {
        count += count_tests(&node->nodes[i]);
    }
    return count;
}

/* The condition on the event type that every taken event satisfies: the one with the fewest types
 * of those that are not inside an any. */
static void find_types(const struct match_node *node, const struct condition **types)
{
    const struct condition *condition = &node->condition;

    if (node->kind == NODE_TEST && condition->op == OP_IN &&
        condition->subject->kind == SUBJECT_EVENT &&
        (*types == NULL || condition->count < (*types)->count)) {
        *types = condition;
    }
    for (size_t i = 0; node->kind == NODE_ALL && i < node->count; i++) {
        find_types(&node->nodes[i], types);
    }
}

/* Emit @node from its end to its start, so that where to go is known when a step is written.
 * Returns the step to begin with. */
static int32_t emit(struct match *match, const struct match_node *node, int32_t on_true,
                    int32_t on_false)
{
    int32_t entry;

    switch (node->kind) {
    case NODE_TEST:
        match->steps[match->step_count] = (struct match_step){&node->condition, on_true, on_false};
        return match->step_count++;
    case NODE_ALL:
        entry = on_true;
        for (size_t i = node->count; i > 0; i--) {
            entry = emit(match, &node->nodes[i - 1], entry, on_false);
        }
        return entry;
    case NODE_ANY:
        entry = on_false;
        for (size_t i = node->count; i > 0; i--) {
            entry = emit(match, &node->nodes[i - 1], on_true, entry);
        }
        return entry;
    }
    return on_false;
}

bool match_compile(const struct yaml_node *node, struct subjects *subjects, struct diags *diags,
                   struct match *out)
{
    const struct match_context context = {subjects, diags};

    *out = (struct match){.entry = STEP_TAKES};
    if (node == NULL || yaml_is_null(node)) {
        return true;
    }
    if (node->is_broken) {
        return false;
    }
    if (node->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "a match is a mapping of conditions, for example {event: Purchase}; {} takes "
                   "everything");
        return false;
    }
    if (!read_map(&context, node, &out->root)) {
        return false;
    }
    find_types(&out->root, &out->types);
    out->steps = mem_array((size_t)count_tests(&out->root), struct match_step);
    out->entry = emit(out, &out->root, STEP_TAKES, STEP_REFUSES);
    return true;
}
