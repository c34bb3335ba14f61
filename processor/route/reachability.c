#include "route/reachability.h"

#include <stdlib.h>

#include "base/mem.h"
#include "match/constraint.h"

enum { STEPS_MAX = 100000 }; /* of comparing two matches; past them nothing is claimed */

struct reachability {
    struct route_table *table;
    struct diags *diags;
    struct span type; /* the event type that is asked about; ptr NULL: any */
    size_t steps;     /* of the comparison that runs */
};

static void report(const struct reachability *check, uint32_t route, struct place place,
                   const struct buf *why)
{
    diag_warning(check->diags, place, "route '" SPAN_FMT "' can never match: " SPAN_FMT,
                 SPAN_ARG(check->table->config->routes[route].name), SPAN_ARG(buf_span(why)));
    check->table->routes[route].is_unreachable = true;
}

/* Conditions that every event satisfies which the match takes: those in no `any:`. */
static size_t collect(const struct match_node *node, const struct condition **out, size_t count)
{
    if (node->kind == NODE_TEST) {
        out[count++] = &node->condition;
    }
    for (size_t i = 0; node->kind == NODE_ALL && i < node->count; i++) {
        count = collect(&node->nodes[i], out, count);
    }
    return count;
}

/* Two conditions of @route that no event satisfies together. */
static void check_alone(const struct reachability *check, uint32_t route, struct buf *why)
{
    const struct match *match = &check->table->routes[route].match;
    const struct condition **all = mem_array((size_t)match->step_count, const struct condition *);
    size_t count = collect(&match->root, all, 0);
    bool is_found = false;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && !is_found; j++) {
            is_found = conditions_exclude(all[i], all[j]);
            if (is_found) {
                buf_add_char(why, '\'');
                condition_write(all[i], why);
                buf_add_text(why, "' and '");
                condition_write(all[j], why);
                buf_printf(why, "' on " SPAN_FMT " exclude each other",
                           SPAN_ARG(all[i]->subject->name));
                report(check, route, all[j]->place, why);
            }
        }
    }
    free(all);
}

/* Does every event of the type that is asked about satisfy @wanted when it satisfies @given? One
 * level of recursion for each of the two matches, 64. */
static bool implies(struct reachability *check, const struct match_node *given,
                    const struct match_node *wanted)
{
    bool splits_wanted = wanted->kind == NODE_ALL;
    const struct match_node *split = splits_wanted ? wanted : given;

    if (check->steps++ == STEPS_MAX) {
        return false;
    }
    if (splits_wanted || given->kind == NODE_ANY) { /* each of them has to */
        for (size_t i = 0; i < split->count; i++) {
            if (!implies(check, splits_wanted ? given : &split->nodes[i],
                         splits_wanted ? &split->nodes[i] : wanted)) {
                return false;
            }
        }
        return true;
    }
    if (wanted->kind == NODE_TEST && check->type.ptr != NULL &&
        wanted->condition.subject->kind == SUBJECT_EVENT) {
        struct seen seen = {.kind = SEEN_TEXT, .text = check->type};

        return condition_holds(&wanted->condition, &seen);
    }
    if (wanted->kind == NODE_TEST && given->kind == NODE_TEST) {
        return condition_implies(&given->condition, &wanted->condition);
    }
    for (size_t i = 0; i < given->count; i++) { /* one of these is enough */
        if (implies(check, &given->nodes[i], wanted)) {
            return true;
        }
    }
    for (size_t i = 0; i < wanted->count; i++) {
        if (implies(check, given, &wanted->nodes[i])) {
            return true;
        }
    }
    return false;
}

/* Does the route @earlier take all events of @later, of the type that is asked about? */
static bool covers(struct reachability *check, uint32_t earlier, uint32_t later)
{
    const struct compiled_route *routes = check->table->routes;

    check->steps = 0;
    return !routes[earlier].is_continued &&
           implies(check, &routes[later].match.root, &routes[earlier].match.root);
}

/* The first route before @later that takes all its events of @type; UINT32_MAX when none does. */
static uint32_t find_cover(struct reachability *check, uint32_t later, struct span type)
{
    const struct route_table *table = check->table;
    const struct match *match = &table->routes[later].match;
    bool is_by_key = match->key != NULL && match->key->subject->kind != SUBJECT_EVENT;
    struct index_walk by_type = index_walk(&table->index, type);
    struct equality_walk by_key;
    uint32_t earlier;
    bool ignored;

    check->type = type;
    equality_walk_covers(&table->equalities, match, &by_key);
    while ((is_by_key ? equality_walk_next(&by_key, &earlier, &ignored)
                      : index_next(&by_type, &earlier, &ignored)) &&
           earlier < later) {
        if (covers(check, earlier, later)) {
            return earlier;
        }
    }
    return UINT32_MAX;
}

/* A route is covered when each of its event types is, perhaps by different routes. */
static void check_covered(struct reachability *check, uint32_t route, struct buf *why)
{
    const struct config_route *written = check->table->config->routes;
    const struct condition *types = check->table->routes[route].match.types;
    uint32_t first = find_cover(check, route, types == NULL ? SPAN_NONE : types->literals[0].text);
    uint32_t last = first;

    for (size_t i = 1; types != NULL && i < types->count && last != UINT32_MAX; i++) {
        last = find_cover(check, route, types->literals[i].text);
    }
    if (last == UINT32_MAX) {
        return;
    }
    if (first == last) {
        buf_printf(why, "route '" SPAN_FMT "' (line %u) takes %s before it",
                   SPAN_ARG(written[first].name), written[first].place.line,
                   check->table->routes[first].match.step_count == 0 ? "everything"
                                                                     : "all its events");
    } else {
        buf_printf(why,
                   "routes such as '" SPAN_FMT "' (line %u) and '" SPAN_FMT
                   "' (line %u) take all its events before it",
                   SPAN_ARG(written[first].name), written[first].place.line,
                   SPAN_ARG(written[last].name), written[last].place.line);
    }
    report(check, route, written[route].place, why);
}

void reachability_check(struct route_table *table, struct diags *diags)
{
    struct reachability check = {.table = table, .diags = diags};
    struct buf why;

    buf_init(&why, 2048);
    for (uint32_t i = 0; i < table->count; i++) {
        buf_clear(&why);
        if (!table->routes[i].is_broken) {
            check_alone(&check, i, &why);
        }
    }
    for (uint32_t i = 0; i < table->count; i++) {
        buf_clear(&why);
        if (!table->routes[i].is_broken && !table->routes[i].is_unreachable) {
            check_covered(&check, i, &why);
        }
    }
    buf_fini(&why);
}
