/* Reading a condition: the operator, the literals, and whether the schema allows them. */
#include "match/condition.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LITERALS_MAX = 100000, SHOWN_BYTES = 60 };

/* How a condition is written decides what its literal may be understood as. */
enum form { FORM_PLAIN, FORM_EQUAL, FORM_ORDER, FORM_PATTERN, FORM_PRESENCE };

struct condition_context {
    const struct subject *subject;
    const struct readers *readers;
    const struct yaml_node *node;
    struct diags *diags;
    enum form form;
};

/* Longer words first where one begins with another. */
static const struct {
    const char *word;
    enum operation op;
    enum form form;
} operators[] = {
    {">=", OP_AT_LEAST, FORM_ORDER},      {"<=", OP_AT_MOST, FORM_ORDER},
    {"!=", OP_NOT, FORM_EQUAL},           {"=~", OP_FIND, FORM_PATTERN},
    {"!~", OP_NOT_FIND, FORM_PATTERN},    {">", OP_MORE, FORM_ORDER},
    {"<", OP_LESS, FORM_ORDER},           {"=", OP_IN, FORM_EQUAL},
    {"between ", OP_BETWEEN, FORM_ORDER},
};

/* The operator at the start of @text, what follows it in *rest; false for a plain value. */
static bool read_operator(struct span text, enum operation *op, enum form *form, struct span *rest)
{
    *rest = SPAN_NONE;
    if (span_is(text, "exists") || span_is(text, "missing")) {
        *op = span_is(text, "exists") ? OP_EXISTS : OP_MISSING;
        *form = FORM_PRESENCE;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        struct span word = span_of(operators[i].word);

        if (span_starts(text, word)) {
            *op = operators[i].op;
            *form = operators[i].form;
            *rest = span_trim(span_sub(text, word.len, text.len));
            return true;
        }
    }
    return false;
}

bool condition_is_plain(const struct yaml_node *node)
{
    enum operation op;
    enum form form;
    struct span rest;

    return node->kind == YAML_SCALAR && !read_operator(node->text, &op, &form, &rest);
}

/* As much of @text as a message shows. */
static struct span shown(struct span text)
{
    return text.len > SHOWN_BYTES ? span_sub(text, 0, SHOWN_BYTES) : text;
}

static bool is_truth(struct span text)
{
    return span_is(text, "true") || span_is(text, "false");
}

/* An age: a duration, nothing else. Returns what the literal fits. */
static unsigned read_age(const struct condition_context *context, struct span text,
                         struct literal *out)
{
    uint64_t ms;

    if (context->form != FORM_ORDER || !value_duration(text, &ms) || ms > INT64_MAX) {
        return 0;
    }
    out->means = MEANS_NUMBER;
    out->number = numeric_of_i64((int64_t)ms);
    return HOLDS_AGE;
}

static unsigned read_time(struct span text, struct literal *out)
{
    int64_t ms;

    if (!clock_parse_iso(text.ptr, text.len, &ms)) {
        return 0;
    }
    out->means |= MEANS_TIME;
    out->time_us = ms * 1000;
    return HOLDS_TIME;
}

/* A value without an operator: unquoted numbers and truth values are what they look like. */
static unsigned read_plain(const struct condition_context *context, struct span text,
                           struct literal *out)
{
    enum subject_kind kind = context->subject->kind;
    bool is_name = kind == SUBJECT_EVENT || kind == SUBJECT_TOPIC;
    bool is_bare = !context->node->is_quoted;

    if (is_bare && is_truth(text)) {
        out->means = MEANS_BOOL;
        out->boolean = span_is(text, "true");
        return HOLDS_BOOL;
    }
    if (is_bare && scalar_is_json_number(text) && numeric_parse(text, &out->number)) {
        out->means = MEANS_NUMBER;
        return HOLDS_NUMBER | HOLDS_TIME | (is_name ? 0u : HOLDS_TEXT);
    }
    out->means = MEANS_TEXT;
    if (yaml_as_bool(context->node, &out->boolean)) { /* NO is a country, or off a switch */
        out->means |= MEANS_BOOL;
        return HOLDS_BOOL | HOLDS_TEXT | HOLDS_SYMBOL;
    }
    return HOLDS_TEXT | HOLDS_SYMBOL | read_time(text, out);
}

/* Behind = or !=: whatever the field is. */
static unsigned read_equal(struct span text, struct literal *out)
{
    unsigned fits = HOLDS_TEXT | HOLDS_SYMBOL;

    out->means = MEANS_TEXT;
    if (is_truth(text)) {
        out->means |= MEANS_BOOL;
        out->boolean = span_is(text, "true");
        fits |= HOLDS_BOOL;
    }
    if (numeric_parse(text, &out->number)) {
        out->means |= MEANS_NUMBER;
        return fits | HOLDS_NUMBER | HOLDS_TIME;
    }
    return fits | read_time(text, out);
}

/* Behind >= and its like: a number if it reads as one, else a time or a text. */
static unsigned read_order(struct span text, struct literal *out)
{
    if (numeric_parse(text, &out->number)) {
        out->means = MEANS_NUMBER;
        return HOLDS_TEXT | HOLDS_NUMBER | HOLDS_TIME;
    }
    out->means = MEANS_TEXT;
    return HOLDS_TEXT | read_time(text, out);
}

/* What kinds of field the literal fits, a HOLDS_ set. */
static unsigned read_literal(const struct condition_context *context, struct span text,
                             struct literal *out)
{
    *out = (struct literal){.text = text};
    if (context->subject->kind == SUBJECT_AGE) {
        return read_age(context, text, out);
    }
    switch (context->form) {
    case FORM_PLAIN:
        return read_plain(context, text, out);
    case FORM_EQUAL:
        return read_equal(text, out);
    case FORM_ORDER:
        return read_order(text, out);
    case FORM_PATTERN:
    case FORM_PRESENCE:
        break;
    }
    return 0;
}

/* What the user could write instead, by what the field is. */
static const char *way_out(const struct condition_context *context, unsigned holds)
{
    if ((holds & HOLDS_AGE) != 0) {
        return "a duration is compared with it, for example \">= 6d\" or \"between 1h..2d\"";
    }
    if ((holds & HOLDS_TIME) != 0) {
        return "write a time as 2026-01-31T00:00:00Z or as the number it is stored as";
    }
    if ((holds & HOLDS_NUMBER) != 0) {
        return context->form == FORM_PATTERN
                   ? "regular expressions are for texts; use >=, <= or between A..B"
                   : "write a number, without quotes when no operator stands before it";
    }
    if ((holds & HOLDS_BOOL) != 0) {
        return "write true or false without quotes";
    }
    if ((holds & HOLDS_SYMBOL) != 0) {
        return "symbols have no order: write one, a list of them, or =~ with an expression";
    }
    if ((holds & HOLDS_TEXT) != 0) {
        return "put the value in quotes to compare it as text";
    }
    return "only exists and missing can be asked of it; name a field inside it";
}

static const char *kind_word(const struct subject *subject, size_t reader, unsigned holds)
{
    const struct type *type = subject->types[reader];

    if ((holds & HOLDS_AGE) != 0) {
        return "a duration";
    }
    if (type == NULL || subject->kind == SUBJECT_PARAMETER) {
        return "text";
    }
    return (holds & HOLDS_TIME) != 0 && (holds & ~HOLDS_TIME) == 0 ? "a time"
                                                                   : type_word(type->kind);
}

/* Does a literal that fits @fits suit the field in each reader that has it? */
static bool check_types(const struct condition_context *context, unsigned fits, struct span text)
{
    const struct subject *subject = context->subject;

    for (size_t i = 0; i < subject->reader_count; i++) {
        unsigned holds = subject->holds[i];
        bool is_one_of_many = subject->reader_count > 1 && subject->types[i] != NULL;
        struct span reader = context->readers->schemas[i]->root->name;

        if (holds == 0 || (holds & fits) != 0) {
            continue;
        }
        text = shown(text);
        diag_error(context->diags, context->node->place,
                   "'" SPAN_FMT "' is %s%s" SPAN_FMT " and cannot be compared with '" SPAN_FMT
                   "': %s",
                   SPAN_ARG(subject->name), kind_word(subject, i, holds),
                   is_one_of_many ? " in " : "", is_one_of_many ? (int)reader.len : 0, reader.ptr,
                   SPAN_ARG(text), way_out(context, holds));
        return false;
    }
    return true;
}

static bool is_name(const struct subject *subject, struct span text)
{
    for (size_t i = 0; i < subject->name_count; i++) {
        if (span_is(text, subject->names[i])) {
            return true;
        }
    }
    return false;
}

/* A symbol that the enum does not have would never match. A record's full name becomes its short
 * one, which is the event type. */
static bool check_symbol(const struct condition_context *context, struct literal *literal)
{
    const struct subject *subject = context->subject;
    const char *near;

    if (subject->names == NULL || subject_holds(subject) != HOLDS_SYMBOL) {
        return true;
    }
    if (is_name(subject, literal->text)) {
        if (subject->kind == SUBJECT_EVENT) {
            literal->text = event_short_name(literal->text);
        }
        return true;
    }
    near = suggest(literal->text, subject->names, subject->name_count);
    diag_error(context->diags, context->node->place, "'" SPAN_FMT "' is never '" SPAN_FMT "'%s",
               SPAN_ARG(subject->name), SPAN_ARG(shown(literal->text)),
               near == NULL ? ": the schema has no such symbol" : did_you_mean(near).text);
    return false;
}

static bool check_literal(const struct condition_context *context, struct span text,
                          struct literal *out)
{
    bool is_empty =
        context->form != FORM_PLAIN && span_is(text, "\"\""); /* there is nothing else */
    unsigned fits;

    text = is_empty ? span_sub(text, 1, 1) : text;
    fits = read_literal(context, text, out);
    if (text.len == 0 && context->form != FORM_PLAIN && !is_empty) {
        diag_error(context->diags, context->node->place,
                   "the operator has nothing behind it; an empty text is written \"\"");
        return false;
    }
    if (!check_types(context, fits, text)) {
        return false;
    }
    return context->form == FORM_ORDER || check_symbol(context, out);
}

static int compare_literals(const void *a, const void *b)
{
    const struct literal *x = a;
    const struct literal *y = b;

    return span_cmp(x->text, y->text);
}

static void sort_texts(struct condition *condition)
{
    for (size_t i = 0; i < condition->count; i++) {
        if (condition->literals[i].means != MEANS_TEXT) {
            return;
        }
    }
    qsort(condition->literals, condition->count, sizeof(condition->literals[0]), compare_literals);
    condition->is_sorted = true;
}

static void digest(struct condition *condition)
{
    uint64_t h = (uint64_t)condition->op + 1;

    for (size_t i = 0; i < condition->count; i++) {
        h = h * 0x9e3779b97f4a7c15u ^ span_hash(condition->literals[i].text) ^
            condition->literals[i].means;
    }
    condition->digest = h ^ span_hash(condition->pattern_text);
}

static bool read_between(const struct condition_context *context, struct span text,
                         struct condition *condition)
{
    size_t dots = 0;
    struct literal *ends = condition->literals;
    bool is_empty;

    while (dots + 1 < text.len && !(text.ptr[dots] == '.' && text.ptr[dots + 1] == '.')) {
        dots++;
    }
    if (dots + 1 >= text.len) {
        diag_error(context->diags, context->node->place,
                   "write between A..B, both ends belong to it; a text that begins with this word "
                   "is written = between ...");
        return false;
    }
    if (!check_literal(context, span_trim(span_sub(text, 0, dots)), &ends[0]) ||
        !check_literal(context, span_trim(span_sub(text, dots + 2, text.len)), &ends[1])) {
        return false;
    }
    if (ends[0].means != ends[1].means) {
        diag_error(context->diags, context->node->place,
                   "the ends of between are of different kinds: two numbers, two times or two "
                   "texts are needed");
        return false;
    }
    is_empty = (ends[0].means & MEANS_NUMBER) != 0
                   ? numeric_cmp(&ends[0].number, &ends[1].number) > 0
               : (ends[0].means & MEANS_TIME) != 0 ? ends[0].time_us > ends[1].time_us
                                                   : span_cmp(ends[0].text, ends[1].text) > 0;
    if (is_empty) {
        diag_error(context->diags, context->node->place,
                   "nothing lies between " SPAN_FMT " and " SPAN_FMT ": the smaller comes first",
                   SPAN_ARG(shown(ends[0].text)), SPAN_ARG(shown(ends[1].text)));
        return false;
    }
    return true;
}

static bool read_pattern(const struct condition_context *context, struct span text,
                         struct condition *condition)
{
    struct err err = {0};

    if (!check_types(context, HOLDS_TEXT | HOLDS_SYMBOL, text)) {
        return false;
    }
    condition->pattern_text = text;
    if (pattern_compile(text, &condition->pattern, &err) != ERR_OK) {
        diag_error(context->diags, context->node->place, "not a usable regular expression: %s",
                   err.text);
        return false;
    }
    return true;
}

static bool read_operands(const struct condition_context *context, struct span rest,
                          struct condition *condition)
{
    if (context->form == FORM_PRESENCE) {
        return true;
    }
    if (context->form == FORM_PATTERN) {
        return read_pattern(context, rest, condition);
    }
    if (context->form == FORM_EQUAL && rest.len > 0 && rest.ptr[0] == '=') {
        diag_error(context->diags, context->node->place,
                   "'==' is not an operator: write the value alone, or = before a text that looks "
                   "like an operator");
        return false;
    }
    condition->count = condition->op == OP_BETWEEN ? 2 : 1;
    condition->literals = mem_array(condition->count, struct literal);
    return condition->op == OP_BETWEEN ? read_between(context, rest, condition)
                                       : check_literal(context, rest, &condition->literals[0]);
}

bool condition_read(const struct subject *subject, const struct yaml_node *node,
                    const struct readers *readers, struct diags *diags, struct condition *out)
{
    struct condition_context context = {subject, readers, node, diags, FORM_PLAIN};
    struct span rest;

    *out = (struct condition){.subject = subject, .place = node->place};
    if (condition_is_plain(node)) {
        return condition_read_list(subject, &node, 1, readers, diags, out);
    }
    (void)read_operator(node->text, &out->op, &context.form, &rest);
    if (!read_operands(&context, rest, out)) {
        condition_fini(out);
        return false;
    }
    digest(out);
    return true;
}

bool condition_read_list(const struct subject *subject, const struct yaml_node *const *nodes,
                         size_t count, const struct readers *readers, struct diags *diags,
                         struct condition *out)
{
    struct condition_context context = {subject, readers, NULL, diags, FORM_PLAIN};
    bool is_good = true;

    *out = (struct condition){.subject = subject, .op = OP_IN, .place = nodes[0]->place};
    if (count > LITERALS_MAX) {
        diag_error(diags, nodes[LITERALS_MAX]->place, "a list has at most %d values", LITERALS_MAX);
        return false;
    }
    out->literals = mem_array(count, struct literal);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        context.node = nodes[i];
        if (yaml_is_null(nodes[i])) {
            diag_error(diags, nodes[i]->place,
                       "null is not a value to compare with: write missing or exists");
            is_good = false;
        } else {
            is_good = check_literal(&context, nodes[i]->text, &out->literals[i]) && is_good;
        }
    }
    if (!is_good) {
        condition_fini(out);
        return false;
    }
    sort_texts(out);
    digest(out);
    return true;
}
