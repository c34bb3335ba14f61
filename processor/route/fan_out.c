#include "route/fan_out.h"

#include <stdlib.h>

#include "base/mem.h"
#include "match/constraint.h"

/* Routes with `continue` in groups: an event takes at most one of each, so the number of groups
 * bounds how many it takes. */
struct grouped {
    uint32_t route;
    uint32_t group;
};

/* Can no event satisfy both? Asked of what is in no `any:`. One level of recursion for each of the
 * two matches, 64. */
static bool excludes(const struct match_node *a, const struct match_node *b)
{
    const struct match_node *split = a->kind == NODE_ALL ? a : b;

    if (a->kind == NODE_TEST && b->kind == NODE_TEST) {
        return conditions_exclude(&a->condition, &b->condition);
    }
    for (size_t i = 0; split->kind == NODE_ALL && i < split->count; i++) {
        if (excludes(&split->nodes[i], split == a ? b : a)) {
            return true;
        }
    }
    return false;
}

/* The first group whose members all exclude @route. */
static uint32_t find_group(const struct route_table *table, const struct grouped *grouped,
                           size_t count, uint32_t route)
{
    const struct match_node *root = &table->routes[route].match.root;
    uint64_t meets = 0; /* one bit a group */
    uint32_t group = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t bit = UINT64_C(1) << grouped[i].group;

        if ((meets & bit) == 0 && !excludes(&table->routes[grouped[i].route].match.root, root)) {
            meets |= bit;
        }
    }
    while ((meets >> group & 1) != 0) {
        group++;
    }
    return group;
}

/* The route by which an event of @type could take too many: those that continue, and one that ends
 * the walk. UINT32_MAX when none is too many. */
static uint32_t find_route_too_many(const struct route_table *table, struct span type)
{
    struct index_walk walk = index_walk(&table->index, type);
    struct grouped *grouped = mem_array(table->count, struct grouped);
    size_t count = 0;
    uint32_t group_count = 0;
    uint32_t last_opened = UINT32_MAX; /* the route that began the last group */
    bool has_end = false;
    bool is_typed;
    uint32_t route;

    while (group_count <= ROUTE_MATCHES_MAX && index_next(&walk, &route, &is_typed)) {
        if (table->routes[route].is_unreachable) {
            continue;
        }
        if (!table->routes[route].is_continued) {
            has_end = true;
            continue;
        }
        grouped[count] = (struct grouped){route, find_group(table, grouped, count, route)};
        if (grouped[count].group == group_count) {
            group_count++;
            last_opened = route;
        }
        count++;
    }
    free(grouped);
    return group_count + has_end > ROUTE_MATCHES_MAX ? last_opened : UINT32_MAX;
}

static uint32_t count_continued(const struct route_table *table, const struct index_list *list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        count += table->routes[list->routes[i]].is_continued;
    }
    return count;
}

/* True when it has been reported. */
static bool check_type(const struct route_table *table, struct span type, struct diags *diags)
{
    uint32_t route = find_route_too_many(table, type);

    if (route == UINT32_MAX) {
        return false;
    }
    diag_error(diags, table->config->routes[route].place,
               "route '" SPAN_FMT
               "': one event could take more than %d routes by continue%s" SPAN_FMT
               "; end some of them without continue, or let their matches exclude each other",
               SPAN_ARG(table->config->routes[route].name), ROUTE_MATCHES_MAX,
               type.ptr == NULL ? "" : ", for example of type ", SPAN_ARG(type));
    return true;
}

void fan_out_check(const struct route_table *table, struct diags *diags)
{
    const struct index *index = &table->index;
    uint32_t untyped = count_continued(table, &index->untyped);

    if (untyped >= ROUTE_MATCHES_MAX && check_type(table, SPAN_NONE, diags)) {
        return;
    }
    for (size_t i = 0; i < index->slots; i++) {
        const struct index_entry *entry = &index->entries[i];
        uint32_t typed = count_continued(table, &entry->list);

        if (typed > 0 && typed + untyped >= ROUTE_MATCHES_MAX &&
            check_type(table, entry->type, diags)) {
            return; /* one report is enough to act on */
        }
    }
}
