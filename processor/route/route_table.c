#include "route/route_table_inside.h"

#include <stdlib.h>

#include "base/mem.h"
#include "route/fan_out.h"
#include "route/reachability.h"

static void add_to_index(struct route_table *table, uint32_t route)
{
    const struct condition *types = table->routes[route].match.types;

    if (types == NULL) {
        index_add_untyped(&table->index, route);
        return;
    }
    for (size_t i = 0; i < types->count; i++) {
        index_add(&table->index, types->literals[i].text, route);
    }
}

static void index_equalities(struct route_table *table)
{
    struct match **matches = mem_array(table->count, struct match *);

    for (uint32_t i = 0; i < table->count; i++) {
        matches[i] = table->routes[i].is_broken ? NULL : &table->routes[i].match;
    }
    equality_index_build(&table->equalities, matches, table->count);
    free((void *)matches);
}

struct route_table *route_table_compile(const struct config *config, const struct readers *readers,
                                        struct diags *diags)
{
    size_t errors_before = diags->error_count;
    struct route_table *table = mem_new(struct route_table);

    table->config = config;
    table->routes = mem_array(config->route_count, struct compiled_route);
    table->count = (uint32_t)config->route_count;
    subjects_init(&table->subjects, config, readers);
    for (uint32_t i = 0; i < table->count; i++) {
        struct compiled_route *route = &table->routes[i];

        route->is_continued = config->routes[i].is_continued;
        route->is_broken =
            !match_compile(config->routes[i].match, &table->subjects, diags, &route->match);
        if (!route->is_broken) {
            add_to_index(table, i);
        }
    }
    index_equalities(table);
    reachability_check(table, diags);
    fan_out_check(table, diags);
    if (diags->error_count > errors_before) {
        route_table_free(table);
        return NULL;
    }
    return table;
}

void route_table_free(struct route_table *table)
{
    if (table == NULL) {
        return;
    }
    index_fini(&table->index);
    equality_index_fini(&table->equalities);
    for (uint32_t i = 0; i < table->count; i++) {
        match_fini(&table->routes[i].match);
    }
    free(table->routes);
    subjects_fini(&table->subjects);
    free(table);
}

void table_match(const struct route_table *table, const struct event_view *view,
                 struct arena *arena, struct route_result *out, uint64_t *conditions)
{
    struct equality_walk walk;
    bool is_key_known;
    uint32_t i;

    out->count = 0;
    equality_walk_open(&table->equalities, view, arena, &walk);
    while (equality_walk_next(&walk, &i, &is_key_known)) {
        const struct compiled_route *route = &table->routes[i];

        if (!match_run(&route->match, is_key_known, view, arena, conditions)) {
            continue;
        }
        INVARIANT(out->count < ROUTE_MATCHES_MAX); /* fan_out_check() has refused such tables */
        out->routes[out->count++] = i;
        if (!route->is_continued) {
            return;
        }
    }
}

void route_match(const struct route_table *table, const struct event_view *view,
                 struct arena *arena, struct route_result *out)
{
    uint64_t conditions = 0;

    table_match(table, view, arena, out, &conditions);
}

void route_table_types(const struct route_table *table,
                       void (*each)(void *context, struct span type), void *context)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct condition *types = table->routes[i].match.types;

        for (size_t k = 0;
             types != NULL && table->config->routes[i].leg_count > 0 && k < types->count; k++) {
            each(context, types->literals[k].text);
        }
    }
}

void route_explain(const struct route_table *table, uint32_t index, const struct event_view *view,
                   struct arena *arena, struct buf *out)
{
    struct route_result result;
    size_t start = out->len;

    PRE(index < table->count);
    if (!match_explain(&table->routes[index].match, view, arena, out)) {
        return;
    }
    buf_truncate(out, start);
    route_match(table, view, arena, &result);
    for (uint32_t i = 0; i < result.count; i++) {
        if (result.routes[i] == index) {
            buf_add_text(out, "takes it");
            return;
        }
    }
    INVARIANT(result.count > 0); /* it would match, so an earlier one has taken the event */
    buf_printf(out, "would match, but route '" SPAN_FMT "' before it takes the event",
               SPAN_ARG(table->config->routes[result.routes[result.count - 1]].name));
}
