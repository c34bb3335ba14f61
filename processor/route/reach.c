#include "route/reach.h"

#include <stdlib.h>

#include "base/mem.h"

/* What every event that a route takes satisfies: its conditions and `any:`s that are not inside an
 * `any:` themselves. */
struct demand {
    const struct condition **conditions; /* owned */
    size_t condition_count;
    const struct match_node **anys; /* owned */
    size_t any_count;
    uint64_t subjects; /* one bit by the subject's address: a quick no */
    bool is_dead;      /* can never match; reported */
};

struct reach {
    const struct route_table *table;
    struct demand *demands; /* owned; by route */
    struct diags *diags;
};

static uint64_t bit_of(const struct condition *condition)
{
    return UINT64_C(1) << (((uintptr_t)condition->subject >> 6) & 63);
}

static void demand_of(const struct match_node *node, struct demand *out)
{
    switch (node->kind) {
    case NODE_TEST:
        out->conditions =
            mem_grow(out->conditions, out->condition_count + 1, sizeof(out->conditions[0]));
        out->conditions[out->condition_count++] = &node->condition;
        out->subjects |= bit_of(&node->condition);
        return;
    case NODE_ANY:
        out->anys = mem_grow(out->anys, out->any_count + 1, sizeof(out->anys[0]));
        out->anys[out->any_count++] = node;
        return;
    case NODE_ALL:
        for (size_t i = 0; i < node->count; i++) {
            demand_of(&node->nodes[i], out);
        }
        return;
    }
}

static const struct config_route *written(const struct reach *reach, uint32_t route)
{
    return &reach->table->config->routes[route];
}

/* `event` and the path that holds the event type are the same text. */
static bool exclude_as_type(const struct config *config, const struct condition *event,
                            const struct condition *path)
{
    struct condition same = *event;

    if (event->subject->kind != SUBJECT_EVENT || path->subject->kind != SUBJECT_PATH ||
        config->event.is_type_record_name || !span_eq(path->subject->name, config->event.type)) {
        return false;
    }
    same.subject = path->subject;
    return conditions_exclude(&same, path);
}

static bool exclude(const struct reach *reach, const struct condition *a, const struct condition *b)
{
    const struct config *config = reach->table->config;

    return conditions_exclude(a, b) || exclude_as_type(config, a, b) ||
           exclude_as_type(config, b, a);
}

/* A condition of a route that no event satisfies. */
static void find_impossible(const struct reach *reach, uint32_t route)
{
    struct demand *demand = &reach->demands[route];
    const struct condition *condition =
        conditions_never_hold(&reach->table->subjects, demand->conditions, demand->condition_count);
    struct buf text;

    if (condition == NULL || demand->is_dead) {
        return;
    }
    buf_init(&text, 1024);
    condition_write(condition, &text);
    diag_warning(reach->diags, condition->place,
                 "route '" SPAN_FMT "' can never match: '%s' on " SPAN_FMT ": %s",
                 SPAN_ARG(written(reach, route)->name), buf_text(&text),
                 SPAN_ARG(condition->subject->name), never_reason(condition));
    buf_fini(&text);
    demand->is_dead = true;
}

/* Two conditions of one route that no event satisfies together. */
static void find_contradiction(const struct reach *reach, uint32_t route)
{
    struct demand *demand = &reach->demands[route];

    for (size_t i = 0; i < demand->condition_count; i++) {
        for (size_t j = i + 1; j < demand->condition_count; j++) {
            const struct condition *a = demand->conditions[i];
            const struct condition *b = demand->conditions[j];
            struct buf text;

            if (!exclude(reach, a, b)) {
                continue;
            }
            buf_init(&text, 1024);
            condition_write(a, &text);
            buf_add_text(&text, "' and '");
            condition_write(b, &text);
            diag_warning(
                reach->diags, b->place,
                "route '" SPAN_FMT "' can never match: '%s' on " SPAN_FMT " exclude each other",
                SPAN_ARG(written(reach, route)->name), buf_text(&text), SPAN_ARG(a->subject->name));
            buf_fini(&text);
            demand->is_dead = true;
            return;
        }
    }
}

/* Does every event of type @type (or any, when absent) that satisfies @demand satisfy @wanted? */
static bool implies_condition(const struct demand *demand, struct span type,
                              const struct condition *wanted)
{
    if (type.ptr != NULL && wanted->subject->kind == SUBJECT_EVENT) {
        struct seen seen = {.kind = SEEN_TEXT, .text = type};

        return condition_holds(wanted, &seen);
    }
    for (size_t i = 0; i < demand->condition_count; i++) {
        if (condition_implies(demand->conditions[i], wanted)) {
            return true;
        }
    }
    return false;
}

static bool implies_node(const struct demand *demand, struct span type,
                         const struct match_node *node)
{
    bool is_any = node->kind == NODE_ANY;

    if (node->kind == NODE_TEST) {
        return implies_condition(demand, type, &node->condition);
    }
    for (size_t i = 0; i < node->count; i++) {
        if (implies_node(demand, type, &node->nodes[i]) == is_any) {
            return is_any;
        }
    }
    return !is_any;
}

static bool is_same_node(const struct match_node *a, const struct match_node *b)
{
    if (a->kind != b->kind || a->count != b->count) {
        return false;
    }
    if (a->kind == NODE_TEST) {
        return condition_implies(&a->condition, &b->condition) &&
               condition_implies(&b->condition, &a->condition);
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!is_same_node(&a->nodes[i], &b->nodes[i])) {
            return false;
        }
    }
    return true;
}

static bool implies_any(const struct demand *demand, struct span type, const struct match_node *any)
{
    for (size_t i = 0; i < demand->any_count; i++) {
        if (is_same_node(demand->anys[i], any)) {
            return true;
        }
    }
    return implies_node(demand, type, any);
}

/* Does route @earlier take every event of @type that @later would? */
static bool covers(const struct reach *reach, uint32_t earlier, uint32_t later, struct span type)
{
    const struct demand *wanted = &reach->demands[earlier];
    const struct demand *demand = &reach->demands[later];

    if (reach->table->routes[earlier].is_continued) {
        return false;
    }
    if (type.ptr == NULL && (wanted->subjects & ~demand->subjects) != 0) {
        return false;
    }
    for (size_t i = 0; i < wanted->condition_count; i++) {
        if (!implies_condition(demand, type, wanted->conditions[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < wanted->any_count; i++) {
        if (!implies_any(demand, type, wanted->anys[i])) {
            return false;
        }
    }
    return true;
}

/* The first route before @later that takes all its events of @type; UINT32_MAX when none does. */
static uint32_t find_cover(const struct reach *reach, uint32_t later, struct span type)
{
    struct index_walk walk = index_walk(&reach->table->index, type);
    uint32_t earlier;
    bool is_typed;

    while (index_next(&walk, &earlier, &is_typed) && earlier < later) {
        if (covers(reach, earlier, later, type)) {
            return earlier;
        }
    }
    return UINT32_MAX;
}

static void report_cover(const struct reach *reach, uint32_t later, uint32_t first, uint32_t last)
{
    const struct config_route *route = written(reach, later);
    const struct config_route *a = written(reach, first);
    const struct config_route *b = written(reach, last);
    bool takes_everything =
        reach->demands[first].condition_count + reach->demands[first].any_count == 0;

    if (first == last) {
        diag_warning(reach->diags, route->place,
                     "route '" SPAN_FMT "' can never match: route '" SPAN_FMT
                     "' (line %u) takes %s before it",
                     SPAN_ARG(route->name), SPAN_ARG(a->name), a->place.line,
                     takes_everything ? "everything" : "all its events");
        return;
    }
    diag_warning(reach->diags, route->place,
                 "route '" SPAN_FMT "' can never match: routes such as '" SPAN_FMT
                 "' (line %u) and '" SPAN_FMT "' (line %u) take all its events before it",
                 SPAN_ARG(route->name), SPAN_ARG(a->name), a->place.line, SPAN_ARG(b->name),
                 b->place.line);
}

/* A route is covered when each of its event types is, perhaps by different routes. */
static void check_covered(const struct reach *reach, uint32_t route)
{
    const struct condition *types = reach->table->routes[route].match.types;
    size_t count = types == NULL ? 1 : types->count;
    uint32_t first = UINT32_MAX;
    uint32_t last = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        last = find_cover(reach, route, types == NULL ? SPAN_NONE : types->literals[i].text);
        if (last == UINT32_MAX) {
            return;
        }
        first = i == 0 ? last : first;
    }
    report_cover(reach, route, first, last);
    reach->demands[route].is_dead = true;
}

static bool routes_exclude(const struct demand *a, const struct demand *b)
{
    if ((a->subjects & b->subjects) == 0) {
        return false;
    }
    for (size_t i = 0; i < a->condition_count; i++) {
        for (size_t j = 0; j < b->condition_count; j++) {
            if (conditions_exclude(a->conditions[i], b->conditions[j])) {
                return true;
            }
        }
    }
    return false;
}

/* Routes with `continue` sorted into groups whose members exclude each other: an event takes at
 * most one of each group, so the number of groups bounds how many it takes. */
struct groups {
    uint32_t *members[ROUTE_MATCHES_MAX]; /* owned */
    size_t counts[ROUTE_MATCHES_MAX];
    size_t count;
};

static bool join_group(const struct reach *reach, struct groups *groups, size_t group,
                       uint32_t route)
{
    for (size_t i = 0; i < groups->counts[group]; i++) {
        if (!routes_exclude(&reach->demands[groups->members[group][i]], &reach->demands[route])) {
            return false;
        }
    }
    groups->members[group] =
        mem_grow(groups->members[group], groups->counts[group] + 1, sizeof(uint32_t));
    groups->members[group][groups->counts[group]++] = route;
    return true;
}

static bool add_to_groups(const struct reach *reach, struct groups *groups, uint32_t route)
{
    for (size_t i = 0; i < groups->count; i++) {
        if (join_group(reach, groups, i, route)) {
            return true;
        }
    }
    if (groups->count == ROUTE_MATCHES_MAX) {
        return false;
    }
    (void)join_group(reach, groups, groups->count++, route); /* an empty group takes anything */
    return true;
}

static void report_fan_out(const struct reach *reach, uint32_t route, struct span type)
{
    diag_error(reach->diags, written(reach, route)->place,
               "route '" SPAN_FMT
               "': one event could take more than %d routes by continue%s" SPAN_FMT
               "; end some of them without continue, or let their matches exclude each other",
               SPAN_ARG(written(reach, route)->name), ROUTE_MATCHES_MAX,
               type.ptr == NULL ? "" : ", for example of type ", SPAN_ARG(type));
}

/* Could an event of @type take too many routes: those that continue, and the one that ends the
 * walk? True when it has been reported. */
static bool check_fan_out(const struct reach *reach, struct span type)
{
    struct index_walk walk = index_walk(&reach->table->index, type);
    struct groups groups = {0};
    uint32_t culprit = UINT32_MAX;
    uint32_t last_group = 0; /* the route that began it */
    bool has_end = false;
    bool is_typed;
    uint32_t route;

    while (culprit == UINT32_MAX && index_next(&walk, &route, &is_typed)) {
        size_t count = groups.count;

        if (reach->demands[route].is_dead) {
            continue;
        }
        if (!reach->table->routes[route].is_continued) {
            has_end = true;
        } else if (!add_to_groups(reach, &groups, route)) {
            culprit = route;
        }
        last_group = groups.count > count ? route : last_group;
    }
    if (groups.count == ROUTE_MATCHES_MAX && has_end && culprit == UINT32_MAX) {
        culprit = last_group;
    }
    for (size_t i = 0; i < groups.count; i++) {
        free(groups.members[i]);
    }
    if (culprit != UINT32_MAX) {
        report_fan_out(reach, culprit, type);
    }
    return culprit != UINT32_MAX;
}

static uint32_t count_continued(const struct route_table *table, const struct index_list *list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        count += table->routes[list->routes[i]].is_continued;
    }
    return count;
}

static void check_fan_outs(const struct reach *reach)
{
    const struct index *index = &reach->table->index;
    uint32_t untyped = count_continued(reach->table, &index->untyped);

    if (untyped >= ROUTE_MATCHES_MAX && check_fan_out(reach, SPAN_NONE)) {
        return;
    }
    for (size_t i = 0; i < index->slots; i++) {
        const struct index_entry *entry = &index->entries[i];
        uint32_t typed = count_continued(reach->table, &entry->list);

        if (typed > 0 && typed + untyped >= ROUTE_MATCHES_MAX &&
            check_fan_out(reach, entry->type)) {
            return; /* one report is enough to act on */
        }
    }
}

void reach_check(const struct route_table *table, struct diags *diags)
{
    struct reach reach = {.table = table, .diags = diags};

    reach.demands = mem_array(table->count, struct demand);
    for (uint32_t i = 0; i < table->count; i++) {
        if (!table->routes[i].is_broken) {
            demand_of(&table->routes[i].match.root, &reach.demands[i]);
            find_contradiction(&reach, i);
            find_impossible(&reach, i);
        }
    }
    for (uint32_t i = 0; i < table->count; i++) {
        if (!table->routes[i].is_broken && !reach.demands[i].is_dead) {
            check_covered(&reach, i);
        }
    }
    check_fan_outs(&reach);
    for (uint32_t i = 0; i < table->count; i++) {
        free(reach.demands[i].conditions);
        free(reach.demands[i].anys);
    }
    free(reach.demands);
}
