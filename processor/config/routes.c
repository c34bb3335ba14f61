/* routes: the list of rules, their legs, and the dead letter at the end of every chain. */
#include "config/loader.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { LEGS_MAX = 16, CHAIN_MAX = 8 };

const char *suggest_destination(const struct config *config, struct span word)
{
    const char **names = mem_array(config->destination_count, const char *);
    const char *near;

    for (size_t i = 0; i < config->destination_count; i++) {
        names[i] = config->destinations[i].name.ptr;
    }
    near = suggest(word, names, config->destination_count);
    free(names);
    return near;
}

static const struct config_destination *
find_destination(struct loader *loader, const struct yaml_node *node, const char *what)
{
    const struct config_destination *found;
    struct span name;

    if (!read_text(loader, node, what, "a destination's name", &name)) {
        return NULL;
    }
    found = config_find(loader->config, name);
    if (found == NULL) {
        diag_error(loader->diags, node->place, "there is no destination %s%s", LOG_S(name),
                   did_you_mean(suggest_destination(loader->config, name)).text);
    }
    return found;
}

static void read_leg(struct loader *loader, const struct yaml_node *node, struct config_leg *leg)
{
    leg->place = node->place;
    if (node->kind == YAML_SCALAR && !node->is_broken) {
        diag_error(loader->diags, node->place,
                   "a leg is a list of destinations, the primary first: write [%s]; one leg of two "
                   "destinations is [[a, b]], two legs are [[a], [b]]",
                   LOG_S(node->text));
        return;
    }
    if (!is_list(loader, node, "a leg")) {
        return;
    }
    if (node->count == 0 || node->count > CHAIN_MAX) {
        diag_error(loader->diags, node->place, "a leg names %zu destinations; it wants 1 to %d",
                   node->count, CHAIN_MAX);
        return;
    }
    leg->chain = loader_keep(loader, node->count, sizeof(struct config_destination *));
    for (size_t i = 0; i < node->count; i++) {
        const struct config_destination *found =
            find_destination(loader, node->items[i], "a leg's entry");
        bool is_twice = false;

        for (size_t k = 0; k < leg->count; k++) {
            is_twice = is_twice || leg->chain[k] == found;
        }
        if (found != NULL && is_twice) {
            diag_error(loader->diags, node->items[i]->place,
                       "destination %s stands in this leg twice; each alternate must be another",
                       LOG_S(found->name));
        } else if (found != NULL) {
            leg->chain[leg->count++] = found;
        }
    }
}

void read_legs(struct loader *loader, const struct config_option *option,
               const struct yaml_node *node, struct place place, void *base)
{
    struct config_route *route = base;

    (void)option;
    (void)place;
    if (node == NULL || !is_list(loader, node, "legs")) {
        return;
    }
    if (node->count == 0 || node->count > LEGS_MAX) {
        diag_error(loader->diags, node->place, "legs holds %zu legs; it wants 1 to %d", node->count,
                   LEGS_MAX);
        return;
    }
    route->legs = loader_keep(loader, node->count, sizeof(route->legs[0]));
    for (size_t i = 0; i < node->count; i++) {
        read_leg(loader, node->items[i], &route->legs[route->leg_count++]);
    }
}

/* By what is written, not by what could be read: a leg with a slip in it is still a leg. */
static void check_legs_or_drop(struct loader *loader, const struct yaml_node *node)
{
    bool has_legs = yaml_get(node, "legs") != NULL;
    bool has_drop = yaml_get(node, "drop") != NULL;

    if (node->kind == YAML_MAP && has_legs == has_drop) {
        diag_error(loader->diags, node->place,
                   has_legs ? "a route has either legs or drop, not both"
                            : "a route needs legs (where its events go) or drop (why they do not)");
    }
}

void read_routes(struct loader *loader, const struct config_option *option,
                 const struct yaml_node *node, struct place place, void *base)
{
    struct config *config = loader->config;
    size_t errors_before = loader->diags->error_count;

    (void)place;
    (void)base;
    if (node == NULL || !is_list(loader, node, "routes")) {
        return;
    }
    if (node->count == 0) {
        diag_error(loader->diags, node->place, "routes is empty: no event would go anywhere");
        return;
    }
    config->routes = loader_keep(loader, node->count, sizeof(config->routes[0]));
    for (size_t i = 0; i < node->count; i++) {
        struct config_route *route = &config->routes[config->route_count++];

        route->place = node->items[i]->place;
        read_section(loader, option->section, node->items[i], route->place, route);
        check_legs_or_drop(loader, node->items[i]);
    }
    config->has_broken_routes = loader->diags->error_count > errors_before;
}

void read_dead_letter(struct loader *loader, const struct config_option *option,
                      const struct yaml_node *node, struct place place, void *base)
{
    const struct config_destination *found;

    (void)option;
    (void)place;
    (void)base;
    found = node == NULL ? NULL : find_destination(loader, node, "dead_letter");
    if (found == NULL) {
        return;
    }
    loader->config->dead_letter = found;
    if (!found->type->is_topic) {
        diag_error(loader->diags, node->place,
                   "dead_letter must be a destination of type kafka; %s is not",
                   LOG_S(found->name));
    } else if (found->format != KAFKA_ORIGINAL) {
        diag_error(loader->diags, node->place,
                   "dead_letter keeps the original bytes: %s must have format: original",
                   LOG_S(found->name));
    }
}
