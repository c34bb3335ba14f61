#include "route/equality_index.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    VALUES_LEAST = 8, /* fewer are cheaper to test than to look up */
    CENSUS_MAX = 256, /* subjects that are compared by how many values they have */
};

/* The values that the table has of each subject. */
struct census {
    struct {
        const struct subject *subject;
        struct index values;
    } rows[CENSUS_MAX];
    size_t count;
};

static bool is_integer_path(const struct subject *subject)
{
    bool is_integer = subject->kind == SUBJECT_PATH && subject_holds(subject) == HOLDS_NUMBER;

    for (size_t i = 0; is_integer && i < subject->reader_count; i++) {
        const struct type *type = subject->types[i];

        is_integer = type == NULL || type->kind == TYPE_INT || type->kind == TYPE_LONG;
    }
    return is_integer;
}

static bool is_text(const struct subject *subject)
{
    switch (subject->kind) {
    case SUBJECT_EVENT:
    case SUBJECT_KEY:
    case SUBJECT_TOPIC:
    case SUBJECT_HEADER:
    case SUBJECT_PARAMETER:
        return true;
    case SUBJECT_PATH:
        return (subject_holds(subject) & ~(unsigned)(HOLDS_TEXT | HOLDS_SYMBOL)) == 0;
    case SUBJECT_AGE:
        break;
    }
    return false;
}

/* The bytes that @literal is filed under; SPAN_NONE when it may be equal in another form. */
static struct span key_of(const struct literal *literal, bool is_integer)
{
    if (is_integer) {
        return (literal->means & MEANS_NUMBER) != 0 && literal->number.is_integer
                   ? (struct span){(const char *)&literal->number.i, sizeof(literal->number.i)}
                   : SPAN_NONE;
    }
    return (literal->means & MEANS_TEXT) != 0 ? literal->text : SPAN_NONE;
}

static bool can_be_key(const struct condition *condition)
{
    bool is_integer = is_integer_path(condition->subject);

    if (condition->op != OP_IN || (!is_integer && !is_text(condition->subject))) {
        return false;
    }
    for (size_t i = 0; i < condition->count; i++) {
        if (key_of(&condition->literals[i], is_integer).ptr == NULL) {
            return false;
        }
    }
    return true;
}

static struct index *census_values(struct census *census, const struct subject *subject)
{
    for (size_t i = 0; i < census->count; i++) {
        if (census->rows[i].subject == subject) {
            return &census->rows[i].values;
        }
    }
    if (census->count == CENSUS_MAX) {
        return NULL;
    }
    census->rows[census->count].subject = subject;
    return &census->rows[census->count++].values;
}

/* Conditions that every event satisfies which the match takes: those that are in no `any:`. */
static void take_census(struct census *census, const struct match_node *node)
{
    const struct condition *condition = &node->condition;

    if (node->kind == NODE_TEST && can_be_key(condition)) {
        struct index *values = census_values(census, condition->subject);
        bool is_integer = is_integer_path(condition->subject);

        for (size_t i = 0; values != NULL && i < condition->count; i++) {
            index_add(values, key_of(&condition->literals[i], is_integer), 0);
        }
    }
    for (size_t i = 0; node->kind == NODE_ALL && i < node->count; i++) {
        take_census(census, &node->nodes[i]);
    }
}

static void census_free(struct census *census)
{
    for (size_t i = 0; i < census->count; i++) {
        index_fini(&census->rows[i].values);
    }
    free(census);
}

/* How many different values the table wants of @subject; 0: it is not to be indexed. */
static size_t weight(struct census *census, const struct subject *subject)
{
    const struct index *values = census_values(census, subject);
    size_t count = values == NULL ? 0 : values->count;

    return count < VALUES_LEAST && subject->kind != SUBJECT_EVENT ? 0 : count;
}

static void choose_key(struct census *census, const struct match_node *node,
                       const struct condition **key)
{
    const struct condition *condition = &node->condition;

    if (node->kind == NODE_TEST && can_be_key(condition) &&
        weight(census, condition->subject) > 0 &&
        (*key == NULL || weight(census, condition->subject) > weight(census, (*key)->subject))) {
        *key = condition;
    }
    for (size_t i = 0; node->kind == NODE_ALL && i < node->count; i++) {
        choose_key(census, &node->nodes[i], key);
    }
}

static struct equality *find_equality(struct equality_index *index, const struct subject *subject)
{
    for (size_t i = 0; i < index->count; i++) {
        if (index->by[i].subject == subject) {
            return &index->by[i];
        }
    }
    if (index->count == EQUALITY_SUBJECTS_MAX) {
        return NULL;
    }
    index->by[index->count] =
        (struct equality){.subject = subject, .is_integer = is_integer_path(subject)};
    return &index->by[index->count++];
}

static void file_route(struct equality_index *index, struct match *match, uint32_t route)
{
    struct equality *equality =
        match->key == NULL ? NULL : find_equality(index, match->key->subject);

    if (equality == NULL) {
        match->key = NULL;
        index_list_add(&index->rest, route);
        return;
    }
    index_list_add(&equality->all, route);
    for (size_t i = 0; i < match->key->count; i++) {
        index_add(&equality->index, key_of(&match->key->literals[i], equality->is_integer), route);
    }
}

void equality_index_build(struct equality_index *index, struct match *const *matches,
                          uint32_t count)
{
    struct census *census = mem_new(struct census);

    *index = (struct equality_index){0};
    for (uint32_t i = 0; i < count; i++) {
        if (matches[i] != NULL) {
            take_census(census, &matches[i]->root);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (matches[i] != NULL) {
            matches[i]->key = NULL;
            choose_key(census, &matches[i]->root, &matches[i]->key);
            file_route(index, matches[i], i);
        }
    }
    census_free(census);
}

void equality_index_fini(struct equality_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        index_fini(&index->by[i].index);
        free(index->by[i].all.routes);
    }
    free(index->rest.routes);
    *index = (struct equality_index){0};
}

static struct span seen_key(const struct seen *seen, bool is_integer)
{
    if (is_integer) {
        return seen->kind == SEEN_NUMBER && seen->number.is_integer
                   ? (struct span){(const char *)&seen->number.i, sizeof(seen->number.i)}
                   : SPAN_NONE;
    }
    return seen->kind == SEEN_TEXT ? seen->text : SPAN_NONE;
}

static void begin_walk(const struct equality_index *index, struct equality_walk *out)
{
    *out = (struct equality_walk){.count = index->count + 1};
    out->lists[index->count] = &index->rest;
}

void equality_walk_covers(const struct equality_index *index, const struct match *match,
                          struct equality_walk *out)
{
    begin_walk(index, out);
    for (size_t i = 0; i < index->count; i++) {
        const struct equality *equality = &index->by[i];
        bool is_own = match->key != NULL && match->key->subject == equality->subject;

        out->lists[i] = is_own ? index_find(&equality->index,
                                            key_of(&match->key->literals[0], equality->is_integer))
                               : &equality->all;
    }
}

void equality_walk_open(const struct equality_index *index, const struct event_view *view,
                        struct arena *arena, struct equality_walk *out)
{
    begin_walk(index, out);
    for (size_t i = 0; i < index->count; i++) {
        const struct equality *equality = &index->by[i];
        struct seen seen;

        subject_see(equality->subject, view, arena, &seen);
        out->lists[i] = index_find(&equality->index, seen_key(&seen, equality->is_integer));
    }
}

bool equality_walk_next(struct equality_walk *walk, uint32_t *route, bool *is_key_known)
{
    size_t best = walk->count;

    for (size_t i = 0; i < walk->count; i++) {
        const struct index_list *list = walk->lists[i];

        if (walk->at[i] < list->count &&
            (best == walk->count || list->routes[walk->at[i]] < *route)) {
            best = i;
            *route = list->routes[walk->at[i]];
        }
    }
    if (best == walk->count) {
        return false;
    }
    walk->at[best]++;
    *is_key_known = best + 1 < walk->count;
    return true;
}
