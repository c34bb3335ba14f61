/* Any YAML as a list of matches: a table or errors, and a table that answers for an event; what the
 * tree says and what the flat code says agree. */
#include <stdlib.h>

#include "base/mem.h"
#include "route/route_table_inside.h"
#include "schema/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},"
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"text\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"count\",\"type\":\"int\"},"
    "{\"name\":\"rate\",\"type\":[\"null\",\"float\"]},"
    "{\"name\":\"ok\",\"type\":\"boolean\"},"
    "{\"name\":\"either\",\"type\":[\"null\",\"long\",\"string\"]},"
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"A\",\"B\"]}}]"
    "}";

static const char *const events[] = {
    "{\"event\":\"A\",\"at\":1767225600000,\"text\":\"https://a.example/?q=a%20b\",\"count\":5,"
    "\"rate\":0.1,\"ok\":true,\"either\":\"5\",\"kind\":\"A\"}",
    "{\"event\":\"B\",\"at\":0,\"text\":null,\"count\":-2147483648,\"rate\":null,\"ok\":false,"
    "\"either\":9223372036854775807,\"kind\":\"B\"}",
};

static const struct schema *schema(void)
{
    static struct schema *parsed; /* one for the process; the fuzzer never ends it in order */

    if (parsed == NULL) {
        INVARIANT(schema_parse(SPAN(schema_text), NULL, 0, &parsed, NULL) == ERR_OK);
    }
    return parsed;
}

static void match_event(const struct route_table *table, const struct readers *readers,
                        const struct config *config, const char *json)
{
    struct message_view message = {.topic = SPAN("orders"), .timestamp_ms = 1767225600000};
    struct value root = {0};
    struct event_view view = {.message = &message, .root = &root, .now_ms = 1767225600000};
    struct event_paths paths = {0};
    struct route_result result;
    struct diags diags;
    struct arena arena;
    struct buf text;
    uint64_t conditions = 0;

    diags_init(&diags);
    arena_init(&arena, 1 << 20);
    buf_init(&text, 1 << 16);
    event_paths_compile(config, readers, &paths, &diags);
    INVARIANT(value_from_json(span_of(json), schema()->root, &arena, &root, NULL) == ERR_OK);
    INVARIANT(event_facts(&paths, readers, &view, &arena, NULL) == ERR_OK);
    table_match(table, &view, &arena, &result, &conditions);
    for (uint32_t i = 0; i < table->count; i++) {
        bool by_code = match_run(&table->routes[i].match, false, &view, &arena, &conditions);

        buf_clear(&text);
        INVARIANT(match_explain(&table->routes[i].match, &view, &arena, &text) == by_code);
        buf_clear(&text);
        route_explain(table, i, &view, &arena, &text);
    }
    buf_fini(&text);
    arena_fini(&arena);
    event_paths_fini(&paths);
    diags_fini(&diags);
}

static void compile(const struct yaml_node *root, struct diags *diags)
{
    const struct schema *one = schema();
    const struct readers readers = {&one, 1};
    static char path[] = "fuzz.yaml";
    struct config config = {.path = path};
    struct route_table *table;

    config.event.type = SPAN("event");
    config.event.time = SPAN("at");
    config.route_count = root->kind == YAML_LIST ? root->count : 1;
    config.routes = mem_array(config.route_count, struct config_route);
    for (size_t i = 0; i < config.route_count; i++) {
        config.routes[i].name = SPAN("r");
        config.routes[i].match = root->kind == YAML_LIST ? root->items[i] : root;
        config.routes[i].is_continued = i % 2 == 0;
    }
    table = route_table_compile(&config, &readers, diags);
    INVARIANT((table == NULL) == (diags->error_count > 0));
    for (size_t i = 0; table != NULL && i < COUNT_OF(events); i++) {
        match_event(table, &readers, &config, events[i]);
    }
    route_table_free(table);
    free(config.routes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct diags diags;
    struct yaml_doc *doc;

    diags_init(&diags);
    doc = yaml_parse("fuzz.yaml", (struct span){(const char *)bytes, len}, true, &diags);
    if (doc != NULL && diags.error_count == 0) {
        compile(yaml_root(doc), &diags);
    }
    yaml_free(doc);
    diags_fini(&diags);
    return 0;
}
