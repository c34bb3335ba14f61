/** tiktok_world - a schema, a destination and an event, to see what becomes of it. */
#ifndef TIKTOK_WORLD_H
#define TIKTOK_WORLD_H

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "destinations/table.h"
#include "destinations/tiktok/map.h"
#include "destinations/tiktok/options.h"
#include "schema/decoder.h"

struct world {
    struct schema *schema;
    const struct schema *schemas[1];
    struct readers readers;
    struct yaml_doc *doc; /* of map: */
    struct config_destination destination;
    struct tiktok_options options; /* destination.own */
    struct diags diags;
    struct tiktok_map *map; /* NULL when there are errors */
    struct tiktok_scratch *scratch;
    struct arena arena;
    struct buf out;
    struct rendering item; /* as the last one was rendered */
    struct err err;
};

static inline void world_open(struct world *world, const char *schema_json)
{
    *world = (struct world){.destination = {.name = {"tiktok", 6}, .type = &tiktok_driver.section}};
    if (schema_parse(span_of(schema_json), NULL, 0, &world->schema, &world->err) != ERR_OK) {
        fail_msg("schema: %s", world->err.text);
    }
    world->schemas[0] = world->schema;
    world->readers = (struct readers){world->schemas, 1};
    world->destination.own = &world->options;
    world->options.event_source_id = SPAN("CEXAMPLE0PIXEL00AB12");
    world->destination.place = (struct place){"test.yaml", 1, 1};
    diags_init(&world->diags);
    world->scratch = tiktok_scratch_new();
    arena_init(&world->arena, 16 << 20);
    buf_init(&world->out, 1 << 20);
}

/** @map: YAML, or NULL for the default map alone. */
static inline void world_compile(struct world *world, const char *map)
{
    if (map != NULL) {
        world->doc = yaml_parse("map.yaml", span_of(map), true, &world->diags);
        assert_non_null(world->doc);
        world->options.map = yaml_root(world->doc);
    }
    world->map = tiktok_map_compile(&world->destination, &world->readers, &world->diags);
}

static inline void world_close(struct world *world)
{
    tiktok_map_free(world->map);
    tiktok_scratch_free(world->scratch);
    diags_fini(&world->diags);
    yaml_free(world->doc);
    schema_free(world->schema);
    arena_fini(&world->arena);
    buf_fini(&world->out);
}

static inline void world_value(struct world *world, const char *record_json, struct value *out)
{
    if (value_from_json(span_of(record_json), world->schema->root, &world->arena, out,
                        &world->err) != ERR_OK) {
        fail_msg("record %s: %s", record_json, world->err.text);
    }
}

/** Append the item of this record to world->out. */
static inline enum err_code world_write(struct world *world, const char *type, const char *id,
                                        int64_t time_ms, const char *record_json)
{
    struct value root;
    struct event_view view = {.root = &root};

    if (world->map == NULL) {
        fail_msg("map: %s", world->diags.count == 0 ? "no map" : world->diags.items[0].message);
    }
    world_value(world, record_json, &root);
    view.facts = (struct facts){.type = span_of(type), .id = span_of(id), .time_ms = time_ms};
    world->item = (struct rendering){
        .view = &view, .event_id = span_of(id), .arena = &world->arena, .scratch = world->scratch};
    return tiktok_item_write(world->map, &world->item, &world->out, &world->err);
}

/** JSON equality where 25 and 25.0 are one number. */
static inline bool json_alike(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b) &&
               (!json_is_integer(a) || !json_is_integer(b) ||
                json_integer_value(a) == json_integer_value(b));
    }
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b)) {
            return false;
        }
        for (i = 0; i < json_array_size(a); i++) {
            if (!json_alike(json_array_get(a, i), json_array_get(b, i))) {
                return false;
            }
        }
        return true;
    }
    if (!json_is_object(a)) {
        return json_equal(a, b) != 0;
    }
    if (json_object_size(a) != json_object_size(b)) {
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)a, key, value)
    {
        const json_t *other = json_object_get(b, key);

        if (other == NULL || !json_alike(value, other)) {
            return false;
        }
    }
    return true;
}

/** The text parsed; fails the test when it is not JSON or has a key twice. */
static inline json_t *json_of(struct span text)
{
    json_error_t error;
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);

    if (json == NULL) {
        fail_msg("%s: %.*s", error.text, (int)text.len, text.ptr);
    }
    return json;
}

static inline void check_json(const char *name, struct span got, const char *want)
{
    json_t *a = json_of(got);
    json_t *b = json_of(span_of(want));

    if (!json_alike(a, b)) {
        fail_msg("%s:\n got %.*s\nwant %s", name, (int)got.len, got.ptr, want);
    }
    json_decref(a);
    json_decref(b);
}

#endif /* TIKTOK_WORLD_H */
