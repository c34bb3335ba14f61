#include "route/route_table_review.h"

#include "route/route_table_inside.h"

enum { LINE_BYTES_MAX = 512, LITERALS_SHOWN_MAX = 4 };

struct route_review {
    const struct route_table *table;
    struct diags *diags;
};

static const struct seen nothing = {.kind = SEEN_MISSING};

/* Does @test hold of a condition of @node? One level of recursion for each of the match, 32. */
static bool has(const struct match_node *node, const struct subject *subject,
                bool (*test)(const struct condition *, const struct subject *))
{
    if (node->kind == NODE_TEST) {
        return test(&node->condition, subject);
    }
    for (size_t i = 0; i < node->count; i++) {
        if (has(&node->nodes[i], subject, test)) {
            return true;
        }
    }
    return false;
}

/* Is @above the same field, or a record that @field stands in? */
static bool is_at_or_above(const struct subject *above, const struct subject *field)
{
    return above == field ||
           (above->kind == SUBJECT_PATH && field->kind == SUBJECT_PATH &&
            field->name.len > above->name.len && span_starts(field->name, above->name) &&
            field->name.ptr[above->name.len] == '.');
}

static bool asks_for_presence(const struct condition *condition, const struct subject *subject)
{
    return (condition->op == OP_MISSING || condition->op == OP_EXISTS) &&
           is_at_or_above(condition->subject, subject);
}

static bool takes_missing(const struct condition *condition, const struct subject *subject)
{
    return condition->subject == subject && condition_holds(condition, &nothing);
}

/* Is a missing @subject reason enough for this match to refuse? Conditions inside an any are not.
 */
static bool requires(const struct match_node *node, const struct subject *subject)
{
    if (node->kind == NODE_TEST) {
        return node->condition.subject == subject && !condition_holds(&node->condition, &nothing);
    }
    for (size_t i = 0; node->kind == NODE_ALL && i < node->count; i++) {
        if (requires(&node->nodes[i], subject)) {
            return true;
        }
    }
    return false;
}

/* Does some rule say what becomes of an event without @subject, or does none deliver it? */
static bool is_settled(const struct route_table *table, const struct subject *subject)
{
    bool is_delivered = false;

    for (uint32_t i = 0; i < table->count; i++) {
        const struct match_node *root = &table->routes[i].match.root;
        bool is_drop = table->config->routes[i].drop.ptr != NULL;

        if (has(root, subject, asks_for_presence) ||
            (is_drop && has(root, subject, takes_missing))) {
            return true;
        }
        is_delivered = is_delivered || (!is_drop && !requires(root, subject));
    }
    return !is_delivered;
}

static bool is_about_consent(const struct subject *subject)
{
    static const struct span word = {"consent", 7};

    for (size_t i = 0; i + word.len <= subject->name.len; i++) {
        if (span_eq_nocase(span_sub(subject->name, i, i + word.len), word)) {
            return true;
        }
    }
    return false;
}

/* Can it be missing where a record has such a field at all? */
static bool can_be_missing(const struct subject *subject)
{
    for (size_t i = 0; i < subject->reader_count; i++) {
        if (subject->holds[i] != 0 && !subject_is_certain(subject, i)) {
            return true;
        }
    }
    return false;
}

/* The literals as a list of YAML that takes missing as well: [denied, withdrawn, missing]. */
static void write_with_missing(const struct condition *condition, struct buf *out)
{
    struct buf one;

    buf_add_char(out, '[');
    if (condition->op == OP_IN) {
        for (size_t i = 0; i < condition->count && i < LITERALS_SHOWN_MAX; i++) {
            buf_add_span(out, condition->literals[i].text);
            buf_add_text(out, ", ");
        }
        buf_add_text(out, condition->count > LITERALS_SHOWN_MAX ? "..., " : "");
    } else {
        buf_init(&one, LINE_BYTES_MAX);
        condition_write(condition, &one);
        buf_printf(out, "\"%s\", ", buf_text(&one));
        buf_fini(&one);
    }
    buf_add_text(out, "missing]");
}

static bool is_boolean(const struct condition *condition)
{
    return subject_holds(condition->subject) == HOLDS_BOOL && condition->count == 1;
}

/* A drop rule that a missing field does not satisfy. */
static void judge_drop(const struct route_review *review, const struct config_route *route,
                       const struct condition *condition)
{
    struct span field = condition->subject->name;
    struct buf line;

    buf_init(&line, LINE_BYTES_MAX);
    if (is_boolean(condition)) {
        buf_printf(&line, "\"!= %s\"", condition->literals[0].boolean ? "false" : "true");
    } else {
        write_with_missing(condition, &line);
    }
    diag_warning(review->diags, condition->place,
                 "route " SPAN_FMT " drops nothing where '" SPAN_FMT
                 "' is null or missing, which it can be: to drop those too write '" SPAN_FMT
                 ": %s'; if they shall pass, say so: all: [{" SPAN_FMT ": exists}, {...}]",
                 SPAN_ARG(route->name), SPAN_ARG(field), SPAN_ARG(field), buf_text(&line),
                 SPAN_ARG(field));
    buf_fini(&line);
}

/* A leg behind "not refused" takes those who never said anything. */
static void judge_legs(const struct route_review *review, const struct config_route *route,
                       const struct condition *condition)
{
    struct span field = condition->subject->name;
    struct buf line;

    buf_init(&line, LINE_BYTES_MAX);
    if (is_boolean(condition)) {
        buf_printf(&line, SPAN_FMT ": %s", SPAN_ARG(field),
                   condition->literals[0].boolean ? "false" : "true");
    } else {
        buf_printf(&line, "all: [{" SPAN_FMT ": exists}, {...}]", SPAN_ARG(field));
    }
    diag_warning(review->diags, condition->place,
                 "route " SPAN_FMT " delivers also where '" SPAN_FMT
                 "' is null or missing, which it can be: to deliver only where it is said write "
                 "'%s'; if all others shall go too, say so: any: [{" SPAN_FMT ": missing}, {...}]",
                 SPAN_ARG(route->name), SPAN_ARG(field), buf_text(&line), SPAN_ARG(field));
    buf_fini(&line);
}

static void judge(const struct route_review *review, const struct config_route *route,
                  const struct condition *condition)
{
    const struct subject *subject = condition->subject;
    bool is_drop = route->drop.ptr != NULL;
    bool is_negative = condition->op == OP_NOT || condition->op == OP_NOT_FIND;
    bool is_consent = is_about_consent(subject);

    if (condition->op == OP_EXISTS || condition->op == OP_MISSING ||
        is_negative == is_drop || /* a drop's != takes the missing, a leg's = does not */
        !can_be_missing(subject) || is_settled(review->table, subject)) {
        return;
    }
    /* Countries and headers that may be absent are every day's matter; a yes or no is consent. */
    if (is_drop && (subject->kind == SUBJECT_PATH || is_consent)) {
        judge_drop(review, route, condition);
    } else if (!is_drop && (is_consent || subject_holds(subject) == HOLDS_BOOL)) {
        judge_legs(review, route, condition);
    }
}

static void walk(const struct route_review *review, const struct config_route *route,
                 const struct match_node *node)
{
    if (node->kind == NODE_TEST) {
        judge(review, route, &node->condition);
    }
    for (size_t i = 0; i < node->count; i++) {
        walk(review, route, &node->nodes[i]);
    }
}

void route_table_review(const struct route_table *table, struct diags *diags)
{
    const struct route_review review = {table, diags};

    for (uint32_t i = 0; i < table->count; i++) {
        walk(&review, &table->config->routes[i], &table->routes[i].match.root);
    }
}

static void name_events(const struct match_node *node,
                        void (*each)(void *context, struct span name, struct place place),
                        void *context)
{
    const struct condition *condition = &node->condition;

    if (node->kind == NODE_TEST && condition->subject->kind == SUBJECT_EVENT &&
        (condition->op == OP_IN || condition->op == OP_NOT)) {
        for (size_t i = 0; i < condition->count; i++) {
            each(context, condition->literals[i].text, condition->place);
        }
    }
    for (size_t i = 0; i < node->count; i++) {
        name_events(&node->nodes[i], each, context);
    }
}

void route_table_event_names(const struct route_table *table,
                             void (*each)(void *context, struct span name, struct place place),
                             void *context)
{
    for (uint32_t i = 0; i < table->count; i++) {
        name_events(&table->routes[i].match.root, each, context);
    }
}
