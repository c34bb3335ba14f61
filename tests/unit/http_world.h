/* A destination of type http from a few lines of YAML, as config_load() would fill it, for the
 * tests of destinations/http. */
#ifndef TESTS_HTTP_WORLD_H
#define TESTS_HTTP_WORLD_H

#include "readers_fixture.h"

#include "destinations/destination.h"
#include "destinations/http/options.h"
#include "destinations/table.h"

static const char *const http_schema =
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\",\"default\":\"Purchase\"},"
    "{\"name\":\"id\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"backup\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"url\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"count\",\"type\":[\"null\",\"int\"],\"default\":null},"
    "{\"name\":\"big\",\"type\":[\"null\",\"long\"],\"default\":null},"
    "{\"name\":\"price\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"rate\",\"type\":[\"null\",\"float\"],\"default\":null},"
    "{\"name\":\"money\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":9,\"scale\":2}],\"default\":null},"
    "{\"name\":\"ok\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"user\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"User\",\"fields\":["
    "{\"name\":\"name\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"age\",\"type\":[\"null\",\"int\"],\"default\":null}]}],\"default\":null},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},"
    "{\"name\":\"lines\",\"type\":{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"record\","
    "\"name\":\"Line\",\"fields\":["
    "{\"name\":\"sku\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"price\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"parts\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"Part\",\"fields\":[{\"name\":\"no\",\"type\":\"int\"}]}},\"default\":[]}]}]},"
    "\"default\":[]}]}";

struct http_world {
    struct readers readers;
    struct diags diags;
    struct yaml_doc *doc;
    struct config_destination destination;
    struct http_options options;
    struct http_verdict verdicts[32];
    struct arena arena;
    struct destination compiled;
    const struct destination *to; /* NULL when there are errors */
};

static inline int verdict_index(struct span word)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (span_is(word, verdict_word((enum verdict)i))) {
            return i;
        }
    }
    fail_msg("the test's own verdict is wrong: " SPAN_FMT, SPAN_ARG(word));
    return 0;
}

static inline void take_verdicts(struct http_world *world, const struct yaml_node *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct yaml_node *node = list->items[i];

        assert_true(i < COUNT_OF(world->verdicts));
        world->verdicts[i] = (struct http_verdict){
            .status = yaml_get(node, "status"),
            .header = yaml_get(node, "header"),
            .json = yaml_get(node, "json"),
            .is = verdict_index(yaml_get(node, "is")->text),
            .place = node->place,
        };
    }
    world->options.verdicts = world->verdicts;
    world->options.verdict_count = list == NULL ? 0 : list->count;
}

/* @yaml may have body: and verdicts:; all else that only this type has is as @base says. */
static inline void http_open_as(struct http_world *world, const char *yaml,
                                const struct http_options *base)
{
    *world = (struct http_world){.options = *base};
    world->readers = readers_of(&http_schema, 1);
    diags_init(&world->diags);
    arena_init(&world->arena, 16 << 20);
    world->doc = yaml_parse("detour.yaml", span_of(yaml), true, &world->diags);
    if (world->doc == NULL) {
        fail_msg("the test's own YAML is wrong: %s: %s", yaml, first_diag(&world->diags));
    }
    world->destination.name = SPAN("hook");
    world->destination.type = &http_driver.section;
    world->destination.node = yaml_root(world->doc);
    world->destination.own = &world->options;
    world->options.body = yaml_get(yaml_root(world->doc), "body");
    take_verdicts(world, yaml_get(yaml_root(world->doc), "verdicts"));
    if (destination_compile(&world->destination, &world->readers, &world->compiled,
                            &world->diags)) {
        world->to = &world->compiled;
    }
}

static inline void http_open(struct http_world *world, const char *yaml)
{
    const struct http_options base = {0};

    http_open_as(world, yaml, &base);
}

static inline void http_close(struct http_world *world)
{
    destination_fini(&world->compiled);
    yaml_free(world->doc);
    arena_fini(&world->arena);
    diags_fini(&world->diags);
    readers_done(&world->readers);
}

/* What @reply means. */
static inline struct answer http_read(const struct http_world *world,
                                      const struct http_reply *reply)
{
    const struct answer_batch none = {0};
    struct answer answer;

    world->to->driver->read(world->to, reply, &none, &answer);
    return answer;
}

/* The item of @view. */
static inline enum err_code http_write_view(struct http_world *world, const struct event_view *view,
                                            struct buf *out, uint32_t *left_out, struct err *err)
{
    struct rendering event = {.view = view, .event_id = SPAN("e-1"), .arena = &world->arena};
    enum err_code rc = world->to->driver->render(world->to, &event, out, err);

    *left_out = event.fields_left_out;
    return rc;
}

/* The item of the event @json. */
static inline enum err_code http_write(struct http_world *world, const char *json, struct buf *out,
                                       uint32_t *left_out, struct err *err)
{
    struct value root = value_of(&world->readers, 0, json, &world->arena);
    struct event_view view = {.root = &root};

    return http_write_view(world, &view, out, left_out, err);
}

#endif /* TESTS_HTTP_WORLD_H */
