/* Generated events: good ones decode, bad ones do not, whatever the schema; seeds repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "destinations/table.h"
#include "event/event_view.h"
#include "trial/generator.h"
#include "trial/session.h"

#define NOW_MS 1773223300000

/* A configuration in a folder of its own. */
struct scene {
    char folder[64];
    struct config *config;
    struct catalog *catalog;
};

static void write_file(const struct scene *scene, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", scene->folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    free(path);
}

static void remove_file(const struct scene *scene, const char *name)
{
    char *path = mem_format("%s/%s", scene->folder, name);

    (void)remove(path);
    free(path);
}

static const char *first_error(const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].level == DIAG_ERROR) {
            return diags->items[i].message;
        }
    }
    return "no catalog";
}

/* @more: of the configuration; NULL: one destination and one route for all. */
static void set_with(struct scene *scene, const char *name, const char *framing, const char *reader,
                     const char *event, const char *schema, const char *more)
{
    static const char *const least = "  other: {type: kafka, topic: other, format: original}\n"
                                     "routes: [{name: all, match: {}, legs: [[other]]}]\n";
    char *text = mem_format("kafka: {brokers: \"127.0.0.1:1\", group: g, topics: [t]}\n"
                            "schemas: {directory: schemas, framing: %s, reader: %s%s}\n"
                            "event: %s\n"
                            "destinations:\n"
                            "  dead: {type: kafka, topic: dead, format: original}\n"
                            "%s"
                            "dead_letter: dead\n"
                            "ledger: off\n",
                            framing, reader,
                            strcmp(framing, "confluent") == 0 ? ", ids: {7: event.avsc}" : "",
                            event, more == NULL ? least : more);
    struct diags diags;
    char *folder;

    memset(scene, 0, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/detour-generate-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    folder = mem_format("%s/schemas", scene->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    free(folder);
    write_file(scene, "schemas/event.avsc", schema);
    write_file(scene, "detour.yaml", text);
    write_file(scene, "token", "tok-of-the-tests\n");
    free(text);
    text = mem_format("%s/detour.yaml", scene->folder);
    diags_init(&diags);
    scene->config = config_load(text, driver_types(), &diags);
    scene->catalog = scene->config == NULL ? NULL : catalog_load(scene->config, &diags);
    if (scene->catalog == NULL) {
        fail_msg("%s: %s", name, first_error(&diags));
    }
    assert_int_equal(catalog_start(scene->catalog, NULL), ERR_OK);
    diags_fini(&diags);
    free(text);
}

static void set(struct scene *scene, const char *name, const char *framing, const char *reader,
                const char *event, const char *schema)
{
    set_with(scene, name, framing, reader, event, schema, NULL);
}

static void strike(struct scene *scene)
{
    catalog_free(scene->catalog);
    config_free(scene->config);
    remove_file(scene, "schemas/event.avsc");
    remove_file(scene, "schemas");
    remove_file(scene, "detour.yaml");
    remove_file(scene, "token");
    assert_int_equal(rmdir(scene->folder), 0);
}

static struct generator *generator_of(const char *name, const struct scene *scene,
                                      const struct generator_options *options)
{
    struct generator *generator = NULL;
    struct err err = {0};

    if (generator_open(scene->config, scene->catalog, options, &generator, &err) != ERR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    return generator;
}

/* Decode as the worker does; ERR_DATA and the like when it is bad. */
static enum err_code decode(const struct scene *scene, struct span value, struct arena *arena,
                            size_t *reader, struct value *root)
{
    const struct writer *writer;
    struct frame frame;

    if (value.ptr == NULL || catalog_unframe(scene->catalog, value, &frame, NULL) != ERR_OK) {
        return ERR_DATA;
    }
    writer = catalog_writer(scene->catalog, frame.key, -1);
    if (writer->state != WRITER_READY) {
        return ERR_ABSENT;
    }
    *reader = writer->reader;
    return decoder_run(writer->decoder, frame.payload, arena, root, NULL);
}

static const struct {
    const char *name;
    const char *framing;
    unsigned kinds; /* ways of being bad this framing has */
} framing_cases[] = {
    {"confluent", "confluent", BAD_KIND_COUNT - 1},
    {"single object", "single-object", BAD_KIND_COUNT - 1},
    {"raw: no magic byte and no id to spoil", "raw", BAD_KIND_COUNT - 3},
};

static void good_events_decode_and_bad_ones_do_not(void **state)
{
    const struct generator_options options = {
        .seed = 5, .bad = 0.3, .no_consent = 0.1, .huge_bytes = 20000, .topic = SPAN("t")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(framing_cases); i++) {
        const char *name = framing_cases[i].name;
        uint64_t by_kind[BAD_KIND_COUNT] = {0};
        unsigned kinds = 0;
        struct scene scene;
        struct generator *generator;
        struct arena arena;

        set(&scene, name, framing_cases[i].framing, "com.example.ConversionEvent", "{}",
            embedded_conversion_event_avsc);
        generator = generator_of(name, &scene, &options);
        arena_init(&arena, 1 << 20);
        for (int n = 0; n < 2000; n++) {
            struct generated event;
            struct value root;
            size_t reader;
            bool is_good;

            assert_int_equal(generator_next(generator, NOW_MS, &event, NULL), ERR_OK);
            is_good = decode(&scene, event.value, &arena, &reader, &root) == ERR_OK;
            arena_reset(&arena);
            if (is_good != (event.bad == BAD_NONE)) {
                fail_msg("%s: event %d is %s and %s", name, n, bad_word(event.bad),
                         is_good ? "decodes" : "does not decode");
            }
            by_kind[event.bad]++;
        }
        for (size_t kind = 1; kind < BAD_KIND_COUNT; kind++) {
            kinds += by_kind[kind] > 0 ? 1 : 0;
        }
        if (kinds != framing_cases[i].kinds) {
            fail_msg("%s: %u ways of being bad", name, kinds);
        }
        assert_in_range(2000 - by_kind[BAD_NONE], 500, 700);
        arena_fini(&arena);
        generator_close(generator);
        strike(&scene);
    }
}

static const struct {
    const char *name;
    const char *reader;
    const char *event; /* event: of the configuration */
    const char *schema;
} schema_cases[] = {
    {"the event type is an enum", "E", "{type: kind, id: uid, time: at}",
     "{\"type\":\"record\",\"name\":\"E\",\"fields\":["
     "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"K\",\"symbols\":[\"BUY\",\"LOOK\"]}"
     "},"
     "{\"name\":\"uid\",\"type\":\"long\"},{\"name\":\"at\",\"type\":\"long\"}]}"},
    {"the record's name is the event type", "shop.Sale", "{type: {record: name}, id: id, time: ts}",
     "{\"type\":\"record\",\"name\":\"Sale\",\"namespace\":\"shop\",\"fields\":["
     "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"ts\",\"type\":\"string\"}]}"},
    {"deep paths through unions", "E", "{type: head.what, id: head.id, time: head.when}",
     "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"head\",\"type\":[\"null\","
     "{\"type\":\"record\",\"name\":\"H\",\"fields\":["
     "{\"name\":\"what\",\"type\":[\"null\",\"string\"]},{\"name\":\"id\",\"type\":[\"null\","
     "\"int\"]},"
     "{\"name\":\"when\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":"
     "\"timestamp-micros\"}]}]}]}]}"},
    {"every type", "E", "{type: event, id: id, time: created_at}",
     "{\"type\":\"record\",\"name\":\"E\",\"fields\":["
     "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"id\",\"type\":\"string\"},"
     "{\"name\":\"created_at\",\"type\":\"double\"},{\"name\":\"n\",\"type\":\"null\"},"
     "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"
     "{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},"
     "{\"name\":\"by\",\"type\":\"bytes\"},"
     "{\"name\":\"fx\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
     "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
     "\"scale\":2}},{\"name\":\"total\",\"type\":{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,"
     "\"logicalType\":\"decimal\",\"precision\":20,\"scale\":4}},"
     "{\"name\":\"u\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}},"
     "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
     "{\"name\":\"tm\",\"type\":{\"type\":\"int\",\"logicalType\":\"time-millis\"}},"
     "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"int\",\"string\",\"null\"]}},"
     "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":"
     "\"long\"}}}]}"},
    {"a list that goes on for ever", "Node", "{type: event}",
     "{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"event\",\"type\":\"string\"},"
     "{\"name\":\"next\",\"type\":[\"null\",\"Node\"]},"
     "{\"name\":\"items\",\"type\":{\"type\":\"array\",\"items\":\"Node\"}}]}"},
    {"a union that would rather not end", "Node", "{type: event}",
     "{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"event\",\"type\":\"string\"},"
     "{\"name\":\"next\",\"type\":[\"Node\",\"int\"]}]}"},
};

static void any_schema_can_be_generated(void **state)
{
    static const char *const framings[] = {"raw", "single-object"};
    const struct generator_options options = {
        .seed = 9, .bad = 0.1, .huge_bytes = 20000, .topic = SPAN("t")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(schema_cases); i++) {
        const char *name = schema_cases[i].name;
        struct scene scene;
        struct generator *generator;
        struct event_paths paths = {0};
        struct diags diags;
        struct arena arena;

        set(&scene, name, framings[i % 2], schema_cases[i].reader, schema_cases[i].event,
            schema_cases[i].schema);
        diags_init(&diags);
        event_paths_compile(scene.config, catalog_readers(scene.catalog), &paths, &diags);
        assert_int_equal(diags.error_count, 0);
        generator = generator_of(name, &scene, &options);
        arena_init(&arena, 8 << 20);
        for (int n = 0; n < 300; n++) {
            struct generated event;
            struct value root;
            struct event_view view = {.root = &root, .now_ms = NOW_MS};
            struct message_view message = {.timestamp_ms = -1};
            struct err err = {0};
            enum err_code rc;

            rc = generator_next(generator, NOW_MS, &event, &err);
            if (rc != ERR_OK) {
                fail_msg("%s: event %d: %s", name, n, err.text);
            }
            rc = decode(&scene, event.value, &arena, &view.reader, &root);
            if ((rc == ERR_OK) != (event.bad == BAD_NONE)) {
                fail_msg("%s: event %d, %s: decoding gives %d", name, n, bad_word(event.bad), rc);
            }
            view.message = &message;
            if (rc == ERR_OK) {
                rc = event_facts(&paths, catalog_readers(scene.catalog), &view, &arena, &err);
                if (rc != ERR_OK || !span_eq(view.facts.type, event.event_type)) {
                    fail_msg("%s: event %d has type " SPAN_FMT " (%s)", name, n,
                             SPAN_ARG(view.facts.type), err.text);
                }
                if (paths.time != NULL && view.facts.time_ms / 1000 != NOW_MS / 1000) {
                    fail_msg("%s: event %d has time %lld", name, n, (long long)view.facts.time_ms);
                }
            }
            arena_reset(&arena);
        }
        arena_fini(&arena);
        generator_close(generator);
        event_paths_fini(&paths);
        diags_fini(&diags);
        strike(&scene);
    }
}

/* what the configuration says of fields */

/* Names that nobody could guess from, and a consent that is called something else. */
static const char odd_schema[] =
    "{\"type\":\"record\",\"name\":\"Odd\",\"fields\":["
    "{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"nr\",\"type\":\"string\"},"
    "{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"sum\",\"type\":\"double\"},"
    "{\"name\":\"who\",\"type\":{\"type\":\"record\",\"name\":\"Who\",\"fields\":["
    "{\"name\":\"box\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"may\",\"type\":[\"null\",\"boolean\"]},"
    "{\"name\":\"adsConsent\",\"type\":\"boolean\"}]}},"
    "{\"name\":\"land\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"rows\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"Row\",\"fields\":[{\"name\":\"art\",\"type\":\"string\"},"
    "{\"name\":\"each\",\"type\":\"double\"},{\"name\":\"n\",\"type\":\"int\"}]}}}]}";

#define ODD_DESTINATIONS(rule)                                                                     \
    "  tiktok:\n"                                                                                  \
    "    type: tiktok\n"                                                                           \
    "    event_source_id: CPIXEL123\n"                                                             \
    "    access_token: {file: token}\n"                                                            \
    "    events: {BUY: Purchase}\n"                                                                \
    "    map:\n"                                                                                   \
    "      user.email: who.box\n"                                                                  \
    "      user.ttclid: land?ttclid\n"                                                             \
    "      properties.contents: {each: rows, fields: {content_id: art, price: each, quantity: "    \
    "n}}\n"                                                                                        \
    "routes:\n"                                                                                    \
    "  - {name: no, match: {any: [" rule ", {kind: NOTHING}]}, drop: no}\n"                        \
    "  - {name: all, match: {}, legs: [[tiktok]]}\n"

static const struct value *field_of(const struct value *record, size_t index)
{
    assert_int_equal(record->kind, VALUE_RECORD);
    assert_true(index < record->len);
    return &record->items[index];
}

static struct span text_of_value(const struct value *value)
{
    return (struct span){value->p, value->kind == VALUE_STRING ? value->len : 0};
}

/* The sum of the rows is the value, mail goes to an address, the page is one. */
static unsigned check_odd(const struct generated *event)
{
    const struct value *who = field_of(event->root, 4);
    const struct value *rows = field_of(event->root, 6);
    struct span mail = text_of_value(field_of(who, 0));
    struct span page = text_of_value(field_of(event->root, 5));
    double total = 0;

    for (size_t i = 0; i < rows->len; i++) {
        assert_true(span_starts(text_of_value(field_of(&rows->items[i], 0)), SPAN("SKU-")) ||
                    text_of_value(field_of(&rows->items[i], 0)).len > 3);
        total += field_of(&rows->items[i], 1)->d * (double)field_of(&rows->items[i], 2)->i;
    }
    assert_true(rows->len == 0 || fabs(total - field_of(event->root, 3)->d) < 0.005);
    assert_true(mail.len == 0 || memchr(mail.ptr, '@', mail.len) != NULL);
    assert_true(page.len == 0 || span_starts(page, SPAN("https://")));
    assert_int_equal(field_of(who, 1)->kind, VALUE_BOOL); /* a route asks, so it is there */
    assert_int_equal(field_of(who, 1)->i, event->has_consent);
    assert_int_equal(field_of(who, 2)->i, event->has_consent);
    return (mail.len > 0 ? 1u : 0u) | (page.len > 0 ? 2u : 0u) | (rows->len > 0 ? 4u : 0u) |
           (event->has_consent ? 8u : 16u);
}

static void check_odd_configuration(const char *destinations)
{
    const struct generator_options options = {.seed = 5, .no_consent = 0.3, .topic = SPAN("t")};
    struct scene scene;
    struct generator *generator;
    unsigned seen = 0;

    set_with(&scene, "odd", "raw", "Odd",
             "{type: kind, id: nr, time: ts, value: sum, currency: kind}", odd_schema,
             destinations);
    generator = generator_of("odd", &scene, &options);
    for (int n = 0; n < 300; n++) {
        struct generated event;

        assert_int_equal(generator_next(generator, NOW_MS, &event, NULL), ERR_OK);
        seen |= check_odd(&event);
    }
    assert_int_equal(seen, 31);
    assert_true(generator_knows_consent(generator));
    generator_close(generator);
    strike(&scene);
}

static void the_configuration_says_what_fields_mean(void **state)
{
    (void)state;
    check_odd_configuration(ODD_DESTINATIONS("{who.may: [false, missing]}"));
    check_odd_configuration(ODD_DESTINATIONS("{who.may: \"!= true\"}"));
}

/* Where tiktok has no map its default map counts; a name says something only when it is one of
 * TikTok's own; all else is any text. */
static void the_default_map_and_plain_names_say_what_fields_mean(void **state)
{
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"Plain\",\"fields\":["
        "{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"user\",\"type\":"
        "{\"type\":\"record\",\"name\":\"User\",\"fields\":["
        "{\"name\":\"email\",\"type\":\"string\"}]}},"
        "{\"name\":\"Price\",\"type\":\"double\"},{\"name\":\"mail\",\"type\":\"string\"}]}";
    static const char destinations[] = "  tiktok:\n"
                                       "    type: tiktok\n"
                                       "    event_source_id: CPIXEL123\n"
                                       "    access_token: {file: token}\n"
                                       "    events: {BUY: Purchase}\n"
                                       "routes: [{name: all, match: {}, legs: [[tiktok]]}]\n";
    const struct generator_options options = {.seed = 5, .topic = SPAN("t")};
    struct scene scene;
    struct generator *generator;
    unsigned addresses = 0;

    (void)state;
    set_with(&scene, "plain", "raw", "Plain", "{type: kind, id: kind}", schema, destinations);
    generator = generator_of("plain", &scene, &options);
    for (int n = 0; n < 100; n++) {
        struct generated event;
        struct span email;
        struct span mail;

        assert_int_equal(generator_next(generator, NOW_MS, &event, NULL), ERR_OK);
        email = text_of_value(field_of(field_of(event.root, 1), 0));
        mail = text_of_value(field_of(event.root, 3));
        assert_true(email.len == 0 || memchr(email.ptr, '@', email.len) != NULL);
        assert_true(mail.len > 0 && memchr(mail.ptr, '@', mail.len) == NULL);
        assert_true(field_of(event.root, 2)->d > 4.0 && field_of(event.root, 2)->d < 350.0);
        addresses += email.len > 0 ? 1 : 0;
    }
    assert_in_range(addresses, 60, 99);
    generator_close(generator);
    strike(&scene);
}

static void without_such_a_field_nobody_refuses(void **state)
{
    const struct generator_options options = {.seed = 5, .no_consent = 1.0, .topic = SPAN("t")};
    struct generated event;
    struct scene scene;
    struct generator *generator;

    (void)state;
    set(&scene, "no field", "raw", "E", "{type: kind}",
        "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"kind\",\"type\":\"string\"},"
        "{\"name\":\"active\",\"type\":\"boolean\"}]}");
    generator = generator_of("no field", &scene, &options);
    assert_int_equal(generator_next(generator, NOW_MS, &event, NULL), ERR_OK);
    assert_true(event.has_consent);
    assert_false(generator_knows_consent(generator));
    generator_close(generator);
    strike(&scene);
}

static void a_schema_too_large_is_refused(void **state)
{
    const struct generator_options options = {.seed = 1, .topic = SPAN("t")};
    struct generated event;
    struct scene scene;
    struct generator *generator;
    struct err err = {0};
    struct buf schema;

    (void)state;
    buf_init(&schema, 1 << 16); /* 20 records, each holding the next one twice: 2^20 parts */
    for (int i = 0; i < 20; i++) {
        buf_printf(&schema,
                   "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[%s{\"name\":\"a\","
                   "\"type\":",
                   i, i == 0 ? "{\"name\":\"event\",\"type\":\"string\"}," : "");
    }
    buf_add_text(&schema, "\"int\"");
    for (int i = 19; i >= 0; i--) {
        buf_add_text(&schema, "},{\"name\":\"b\",\"type\":");
        if (i == 19) {
            buf_add_text(&schema, "\"int\"}]}");
        } else {
            buf_printf(&schema, "\"R%d\"}]}", i + 1);
        }
    }
    set(&scene, "too large", "raw", "R0", "{type: event}", buf_text(&schema));
    generator = generator_of("too large", &scene, &options);
    assert_int_equal(generator_next(generator, NOW_MS, &event, &err), ERR_LIMIT);
    assert_non_null(strstr(err.text, "parts"));
    generator_close(generator);
    buf_fini(&schema);
    strike(&scene);
}

static char *digest_of(const struct scene *scene, uint64_t seed, uint64_t from, int count)
{
    const struct generator_options options = {.seed = seed,
                                              .start_index = from,
                                              .bad = 0.0,
                                              .no_consent = 0.2,
                                              .huge_bytes = 20000,
                                              .topic = SPAN("t")};
    struct generator *generator = generator_of("seeds", scene, &options);
    uint64_t sum = 0;

    for (int n = 0; n < count; n++) {
        struct generated event;

        assert_int_equal(generator_next(generator, NOW_MS, &event, NULL), ERR_OK);
        sum = sum * 31 + span_hash(event.value);
    }
    generator_close(generator);
    return mem_format("%llx", (unsigned long long)sum);
}

static void a_seed_repeats_its_events(void **state)
{
    static const struct {
        const char *name;
        uint64_t seed, from;
        bool is_same;
    } rows[] = {
        {"the same seed", 3, 0, true},
        {"another seed", 4, 0, false},
        {"the same seed, later", 3, 10, false},
    };
    struct scene scene;
    char *want;

    (void)state;
    set(&scene, "seeds", "confluent", "com.example.ConversionEvent", "{}",
        embedded_conversion_event_avsc);
    want = digest_of(&scene, 3, 0, 100);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *got = digest_of(&scene, rows[i].seed, rows[i].from, 100);

        if ((strcmp(got, want) == 0) != rows[i].is_same) {
            fail_msg("%s: %s the same events", rows[i].name, rows[i].is_same ? "not" : "also");
        }
        free(got);
    }
    free(want);
    strike(&scene);
}

static void a_run_is_continued_where_it_ended(void **state)
{
    struct generator_options options = {.seed = 3, .topic = SPAN("t")};
    struct generator *whole;
    struct generator *rest;
    struct scene scene;

    (void)state;
    set(&scene, "continued", "confluent", "com.example.ConversionEvent", "{}",
        embedded_conversion_event_avsc);
    whole = generator_of("continued", &scene, &options);
    options.start_index = 40;
    rest = generator_of("continued", &scene, &options);
    for (uint64_t n = 0; n < 60; n++) {
        struct generated event;
        struct generated again;
        uint64_t index;

        assert_int_equal(generator_next(whole, NOW_MS, &event, NULL), ERR_OK);
        assert_int_equal(event.index, n);
        assert_true(generator_event_index(3, event.event_id, &index));
        assert_int_equal(index, n);
        assert_false(generator_event_index(4, event.event_id, &index));
        if (n >= 40) {
            assert_int_equal(generator_next(rest, NOW_MS, &again, NULL), ERR_OK);
            assert_true(span_eq(event.value, again.value));
        }
    }
    generator_close(whole);
    generator_close(rest);
    strike(&scene);
}

static void only_ids_of_ours_have_an_index(void **state)
{
    static const char *const foreign[] = {"",
                                          "evt-",
                                          "evt-00000003-",
                                          "ord-1",
                                          "evt-00000003-x",
                                          "evt-00000003--1",
                                          "evt-00000003-01",
                                          "evt-00000003-99999999999999999999"};
    uint64_t index;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        if (generator_event_index(3, span_of(foreign[i]), &index)) {
            fail_msg("%s was taken for ours", foreign[i]);
        }
    }
    assert_true(generator_event_index(3, SPAN("evt-00000003-7"), &index));
}

static void a_session_fits_together(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct span type = span_of(session_types[seed % session_type_count]);
        struct session session;
        struct span ttclid;
        struct span email;
        double total = 0.0;
        double items = 0.0;
        double number;

        session_draw(&session, (struct rng){.state = seed}, type);
        for (size_t i = 0; i < session.product_count; i++) {
            session.product = &session.products[i];
            assert_true(session_number(&session, HINT_PRICE, &number));
            total += number * session.products[i].quantity;
            assert_true(session_number(&session, HINT_QUANTITY, &number));
            items += number;
        }
        assert_true(session_number(&session, HINT_VALUE, &number) == (session.product_count > 0));
        assert_true(session.product_count == 0 || fabs(total - number) < 0.005);
        assert_true(session.product_count == 0 ||
                    (session_number(&session, HINT_NUM_ITEMS, &number) && number == items));
        assert_true(span_is(type, "Order Completed") ==
                    (session_text(&session, HINT_ORDER_ID).ptr != NULL));
        ttclid = session_text(&session, HINT_TTCLID);
        assert_true((ttclid.ptr != NULL) == (strstr(session.url, "ttclid=") != NULL));
        assert_true(ttclid.ptr == NULL || strstr(session.url, session.ttclid) != NULL);
        email = session_text(&session, HINT_EMAIL);
        assert_true(email.ptr == NULL || strstr(email.ptr, "example") != NULL);
        assert_true(session.phone[0] == '+');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_events_decode_and_bad_ones_do_not),
        cmocka_unit_test(any_schema_can_be_generated),
        cmocka_unit_test(the_configuration_says_what_fields_mean),
        cmocka_unit_test(the_default_map_and_plain_names_say_what_fields_mean),
        cmocka_unit_test(without_such_a_field_nobody_refuses),
        cmocka_unit_test(a_schema_too_large_is_refused),
        cmocka_unit_test(a_seed_repeats_its_events),
        cmocka_unit_test(a_run_is_continued_where_it_ended),
        cmocka_unit_test(only_ids_of_ours_have_an_index),
        cmocka_unit_test(a_session_fits_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
