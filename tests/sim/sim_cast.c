/* The configurations and the made-up records of the simulated core: made once, used by every run.
 */
#include "sim_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "destinations/table.h"

static const char *const files[SIM_CONFIG_COUNT] = {
    [SIM_ONE] = "one.yaml",           [SIM_CHAIN] = "chain.yaml", [SIM_FAN] = "fan.yaml",
    [SIM_PRIORITY] = "priority.yaml", [SIM_WAIT] = "wait.yaml",
};

/* Legs of an ordinary event, by configuration. */
static const uint8_t legs[SIM_CONFIG_COUNT][SIM_SIGNUP + 1] = {
    [SIM_ONE] = {1, 1, 1},      [SIM_CHAIN] = {1, 1, 1}, [SIM_FAN] = {2, 1, 2},
    [SIM_PRIORITY] = {1, 1, 1}, [SIM_WAIT] = {2, 2, 1},
};

static void print_errors(const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].level == DIAG_ERROR) {
            fprintf(stderr, "%s:%u: %s\n", diags->items[i].place.file, diags->items[i].place.line,
                    diags->items[i].message);
        }
    }
}

static bool compile(struct cast_config *out, const char *directory, const char *file)
{
    char *path = mem_format("%s/%s", directory, file);
    struct diags diags;
    struct err err;
    bool is_good = false;

    diags_init(&diags);
    out->config = config_load(path, driver_types(), &diags);
    if (out->config != NULL) {
        out->pipeline = pipeline_compile(out->config, &diags);
    }
    if (out->pipeline != NULL) {
        is_good = pipeline_connect(out->pipeline, &err) == ERR_OK;
        out->metrics = metrics_new(out->config, out->config->workers, "sim");
    }
    if (!is_good) {
        print_errors(&diags);
    }
    diags_fini(&diags);
    free(path);
    return is_good;
}

/* Of an event without type nothing more is read. */
int64_t sim_micros(enum sim_event event)
{
    static const int64_t cents[SIM_EVENT_COUNT] = {
        [SIM_PURCHASE] = 1999, [SIM_VIEW] = 10,     [SIM_SIGNUP] = 2005,
        [SIM_DROPPED] = 733,   [SIM_NOBODYS] = 101, [SIM_OLD] = 499};

    return cents[event] * 10000;
}

static void encode(const struct pipeline *pipeline, const char *event, int64_t time_ms,
                   enum sim_event which, struct buf *out)
{
    long long cents = (long long)sim_micros(which) / 10000;
    const struct type *type = pipeline->readers->schemas[0]->root;
    char *json = mem_format("{\"event\": \"%s\", \"timestamp\": %lld, \"user\": {\"email\": "
                            "\"somebody@example.com\"}, \"properties\": {\"value\": %lld.%02lld, "
                            "\"currency\": \"EUR\"}}",
                            event, (long long)time_ms, cents / 100, cents % 100);
    struct arena arena;
    struct value value;
    struct err err;

    arena_init(&arena, 1 << 20);
    INVARIANT(catalog_frame_header(pipeline->catalog, 0, SPAN("conversions-value"), out, &err) ==
              ERR_OK);
    INVARIANT(value_from_json(span_of(json), type, &arena, &value, &err) == ERR_OK);
    value_encode(&value, type, out);
    arena_fini(&arena);
    free(json);
}

static void frame_other(struct buf *out, uint64_t fingerprint)
{
    buf_add(out, "\xc3\x01", 2);
    for (unsigned i = 0; i < 8; i++) {
        buf_add_char(out, (char)(fingerprint >> (8 * i)));
    }
    buf_add_text(out, "whatever it is");
}

static void make_records(struct sim_cast *cast)
{
    static const char *const names[] = {[SIM_PURCHASE] = "Purchase",
                                        [SIM_VIEW] = "View",
                                        [SIM_SIGNUP] = "Signup",
                                        [SIM_DROPPED] = "Dropped",
                                        [SIM_NOBODYS] = "Nobodys"};
    const struct pipeline *pipeline = cast->configs[0].pipeline;
    struct schema *utm = NULL;
    struct err err;

    for (size_t i = 0; i < SIM_EVENT_COUNT; i++) {
        buf_init(&cast->records[i], 4096);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        encode(pipeline, names[i], SIM_WALL_MS, (enum sim_event)i, &cast->records[i]);
    }
    encode(pipeline, "Purchase", SIM_WALL_MS - 10 * 86400000ll, SIM_OLD, &cast->records[SIM_OLD]);
    encode(pipeline, "", SIM_WALL_MS, SIM_UNTYPED, &cast->records[SIM_UNTYPED]);
    buf_add_text(&cast->records[SIM_GARBAGE], "not Avro at all");
    frame_other(&cast->records[SIM_STRANGE], 0x1234567890abcdefu);
    INVARIANT(schema_parse(span_of(embedded_utm_attribution_avsc), NULL, 0, &utm, &err) == ERR_OK);
    frame_other(&cast->records[SIM_INCOMPATIBLE], utm->fingerprint);
    schema_free(utm);
}

struct sim_cast *sim_cast_new(const char *directory)
{
    struct sim_cast *cast = mem_new(struct sim_cast);

    for (size_t i = 0; i < SIM_CONFIG_COUNT; i++) {
        if (!compile(&cast->configs[i], directory, files[i])) {
            sim_cast_free(cast);
            return NULL;
        }
    }
    make_records(cast);
    return cast;
}

void sim_cast_free(struct sim_cast *cast)
{
    for (size_t i = 0; i < SIM_CONFIG_COUNT; i++) {
        pipeline_free(cast->configs[i].pipeline);
        metrics_free(cast->configs[i].metrics);
        config_free(cast->configs[i].config);
    }
    for (size_t i = 0; i < SIM_EVENT_COUNT; i++) {
        buf_fini(&cast->records[i]);
    }
    free(cast);
}

size_t sim_destination(const struct sim_cast *cast, size_t config, const char *name)
{
    const struct config *loaded = cast->configs[config].config;
    size_t index = 0;

    while (!span_is(loaded->destinations[index].name, name)) {
        index++;
        INVARIANT(index < loaded->destination_count);
    }
    return index;
}

uint8_t sim_legs(size_t config, enum sim_event event)
{
    if (event <= SIM_SIGNUP) {
        return legs[config][event];
    }
    return event == SIM_OLD ? legs[config][SIM_PURCHASE] : 0;
}

bool sim_may_be_whole(size_t config, enum sim_event event)
{
    if (event == SIM_NOBODYS) {
        return config != SIM_WAIT; /* there, what nobody takes is dropped */
    }
    return event >= SIM_GARBAGE && event <= SIM_UNTYPED;
}
