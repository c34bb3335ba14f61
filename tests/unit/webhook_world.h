/* A destination of type http from a few lines of YAML, as config_load() would fill it, for the
 * tests of destinations/http. */
#ifndef TESTS_WEBHOOK_WORLD_H
#define TESTS_WEBHOOK_WORLD_H

#include "readers_fixture.h"

#include "destinations/destination.h"
#include "destinations/table.h"

static const char *const webhook_schema =
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

struct webhook_world {
    struct readers readers;
    struct diags diags;
    struct yaml_doc *doc;
    struct config_destination destination;
    struct config_verdict verdicts[32];
    struct arena arena;
    struct destination compiled;
    const struct destination *webhook; /* NULL when there are errors */
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

static inline void take_verdicts(struct webhook_world *world, const struct yaml_node *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct yaml_node *node = list->items[i];

        assert_true(i < COUNT_OF(world->verdicts));
        world->verdicts[i] = (struct config_verdict){
            .status = yaml_get(node, "status"),
            .header = yaml_get(node, "header"),
            .json = yaml_get(node, "json"),
            .is = verdict_index(yaml_get(node, "is")->text),
            .place = node->place,
        };
    }
    world->destination.verdicts = world->verdicts;
    world->destination.verdict_count = list == NULL ? 0 : list->count;
}

/* @yaml may have body: and verdicts:; the rest of the destination is as @base says. */
static inline void webhook_open_as(struct webhook_world *world, const char *yaml,
                                   const struct config_destination *base)
{
    *world = (struct webhook_world){.destination = *base};
    world->readers = readers_of(&webhook_schema, 1);
    diags_init(&world->diags);
    arena_init(&world->arena, 16 << 20);
    world->doc = yaml_parse("detour.yaml", span_of(yaml), true, &world->diags);
    if (world->doc == NULL) {
        fail_msg("the test's own YAML is wrong: %s: %s", yaml, first_diag(&world->diags));
    }
    world->destination.name = SPAN("hook");
    world->destination.type = &http_driver.section;
    world->destination.node = yaml_root(world->doc);
    world->destination.body = yaml_get(yaml_root(world->doc), "body");
    take_verdicts(world, yaml_get(yaml_root(world->doc), "verdicts"));
    if (destination_compile(&world->destination, &world->readers, &world->compiled,
                            &world->diags)) {
        world->webhook = &world->compiled;
    }
}

static inline void webhook_open(struct webhook_world *world, const char *yaml)
{
    const struct config_destination base = {0};

    webhook_open_as(world, yaml, &base);
}

static inline void webhook_close(struct webhook_world *world)
{
    destination_fini(&world->compiled);
    yaml_free(world->doc);
    arena_fini(&world->arena);
    diags_fini(&world->diags);
    readers_done(&world->readers);
}

/* What @reply means. */
static inline struct answer webhook_read(const struct webhook_world *world,
                                         const struct http_reply *reply)
{
    const struct answer_batch none = {0};
    struct answer answer;

    world->webhook->driver->read(world->webhook, reply, &none, &answer);
    return answer;
}

/* The item of @view. */
static inline enum err_code webhook_write_view(struct webhook_world *world,
                                               const struct event_view *view, struct buf *out,
                                               uint32_t *left_out, struct err *err)
{
    struct rendering event = {.view = view, .event_id = SPAN("e-1"), .arena = &world->arena};
    enum err_code rc = world->webhook->driver->render(world->webhook, &event, out, err);

    *left_out = event.fields_left_out;
    return rc;
}

/* The item of the event @json. */
static inline enum err_code webhook_write(struct webhook_world *world, const char *json,
                                          struct buf *out, uint32_t *left_out, struct err *err)
{
    struct value root = value_of(&world->readers, 0, json, &world->arena);
    struct event_view view = {.root = &root};

    return webhook_write_view(world, &view, out, left_out, err);
}

#endif /* TESTS_WEBHOOK_WORLD_H */
