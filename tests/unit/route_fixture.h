/* A routing table from a few lines of YAML, for tests and benchmarks of routing.
 *
 *     - {name: a, match: {event: Purchase}, continue: true}
 */
#ifndef TESTS_ROUTE_FIXTURE_H
#define TESTS_ROUTE_FIXTURE_H

#include "readers_fixture.h"

#include "route/route_table_inside.h"

static const char *const order_schema =
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\",\"default\":\"Purchase\"},"
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
    "\"default\":1767225600000},"
    "{\"name\":\"micros\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"},"
    "\"default\":1767225600000000},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},\"default\":20454},"
    "{\"name\":\"text\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"url\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"count\",\"type\":[\"null\",\"int\"],\"default\":null},"
    "{\"name\":\"big\",\"type\":[\"null\",\"long\"],\"default\":null},"
    "{\"name\":\"price\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"rate\",\"type\":[\"null\",\"float\"],\"default\":null},"
    "{\"name\":\"money\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":9,\"scale\":2}],\"default\":null},"
    "{\"name\":\"ok\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"kind\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":"
    "[\"RETAIL\",\"WHOLESALE\"]}],\"default\":null},"
    "{\"name\":\"raw\",\"type\":[\"null\",\"bytes\"],\"default\":null},"
    "{\"name\":\"either\",\"type\":[\"null\",\"long\",\"string\"],\"default\":null},"
    "{\"name\":\"user\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"User\",\"fields\":["
    "{\"name\":\"country\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"age\",\"type\":[\"null\",\"int\"],\"default\":null}]}],\"default\":null},"
    "{\"name\":\"key\",\"type\":\"string\",\"default\":\"own\"},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"},\"default\":{}},"
    "{\"name\":\"items\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]}]}";

struct routing {
    struct readers readers;
    struct diags diags;
    struct yaml_doc *doc;
    struct config config;
    struct event_paths paths;
    struct route_table *table; /* NULL when there are errors */
    struct arena arena;
};

static inline struct span text_at(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);

    return node == NULL ? SPAN_NONE : node->text;
}

static inline void read_routes(struct routing *routing)
{
    const struct yaml_node *list = yaml_root(routing->doc);

    routing->config.route_count = list->count;
    routing->config.routes = mem_array(list->count, struct config_route);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *node = list->items[i];
        struct config_route *route = &routing->config.routes[i];
        const struct yaml_node *is_continued = yaml_get(node, "continue");

        route->name = text_at(node, "name");
        route->place = node->place;
        route->match = yaml_get(node, "match");
        route->drop = text_at(node, "drop");
        if (is_continued != NULL && !yaml_as_bool(is_continued, &route->is_continued)) {
            fail_msg("continue is not a boolean");
        }
    }
}

/* Route texts over @count reader schemas. */
static inline void routing_open_for(struct routing *routing, const char *yaml,
                                    const char *const *schemas, size_t count,
                                    bool is_type_record_name)
{
    static char path[] = "detour.yaml";
    static struct span topic = {"orders", 6};

    struct diags of_paths;

    *routing = (struct routing){.config = {.path = path}};
    routing->readers = readers_of(schemas, count);
    diags_init(&routing->diags);
    arena_init(&routing->arena, 16 << 20);
    routing->doc = yaml_parse("detour.yaml", span_of(yaml), true, &routing->diags);
    if (routing->doc == NULL || yaml_root(routing->doc) == NULL) {
        fail_msg("the test's own YAML is wrong: %s: %s", yaml, first_diag(&routing->diags));
    }
    routing->config.kafka.topics = &topic;
    routing->config.kafka.topic_count = 1;
    routing->config.event.type = SPAN("event");
    routing->config.event.time = SPAN("at");
    routing->config.event.is_type_record_name = is_type_record_name;
    read_routes(routing);
    diags_init(&of_paths);
    event_paths_compile(&routing->config, &routing->readers, &routing->paths, &of_paths);
    diags_fini(&of_paths); /* schemas of routing tests need no time */
    routing->table = route_table_compile(&routing->config, &routing->readers, &routing->diags);
}

static inline void routing_open(struct routing *routing, const char *yaml)
{
    routing_open_for(routing, yaml, &order_schema, 1, false);
}

static inline void routing_close(struct routing *routing)
{
    route_table_free(routing->table);
    event_paths_fini(&routing->paths);
    free(routing->config.routes);
    yaml_free(routing->doc);
    arena_fini(&routing->arena);
    diags_fini(&routing->diags);
    readers_done(&routing->readers);
}

/* Facts of @json into @view, whose message and root the caller brings. */
static inline void routing_see(struct routing *routing, const char *json, struct value *root,
                               struct event_view *view)
{
    struct err err = {0};

    *root = value_of(&routing->readers, view->reader, json, &routing->arena);
    view->root = root;
    if (event_facts(&routing->paths, &routing->readers, view, &routing->arena, &err) != ERR_OK) {
        fail_msg("the test's own event is wrong: %s: %s", json, err.text);
    }
}

#endif /* TESTS_ROUTE_FIXTURE_H */
