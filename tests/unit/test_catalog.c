/* Which decoder reads a message: directories good and bad, framings, and a registry in all moods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "certificate.h"
#include "fake_registry.h"
#include "schema/catalog.h"

enum { FILES_MAX = 6, PATIENCE_MS = 20000, TIMEOUT_MS = 5000 };

#define ORDER                                                                                      \
    "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":[" FIELDS "]}"
#define FIELDS "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"total\",\"type\":\"double\"}"
/* What registries accept: a default that fits nothing, letters no name has, a key twice. */
#define ORDER_SLOPPY                                                                               \
    "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop-eu\",\"aliases\":7,\"doc\":"     \
    "\"a\",\"fields\":["                                                                           \
    "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"total\",\"type\":\"double\",\"default\":"   \
    "\"0\"},"                                                                                      \
    "{\"name\":\"x-y\",\"type\":\"int\",\"default\":\"null\"}]}"
#define ORDER_OLD                                                                                  \
    "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":["                  \
    "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"total\",\"type\":\"int\"}]}"
#define PURCHASE "{\"type\":\"record\",\"name\":\"Purchase\",\"fields\":[" FIELDS "]}"
#define REFUND                                                                                     \
    "{\"type\":\"record\",\"name\":\"shop.Refund\",\"fields\":["                                   \
    "{\"name\":\"order\",\"type\":\"string\"}]}"
#define HOLDER(name)                                                                               \
    "{\"type\":\"record\",\"name\":\"shop.Holder\",\"fields\":["                                   \
    "{\"name\":\"order\",\"type\":\"" name "\"}]}"
#define HOSTILE                                                                                    \
    "{\"type\":\"record\",\"name\":\"Order\",\"fields\":["                                         \
    "{\"name\":\"id\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":-2}}]}"

struct file {
    const char *name;
    const char *text;
};

/* A configuration in a directory of its own. */
struct scene {
    char directory[64];
    struct config config;
    struct span urls[2];
    char url_texts[2][64];
    struct schema_id ids[2];
    struct name_pair readers[3];
    struct fake_registry fake;
    struct catalog *catalog;
    int wake_fd;
};

static void write_file(const struct scene *scene, const struct file *file)
{
    char *path = mem_format("%s/%s", scene->directory, file->name);
    FILE *out = fopen(path, "we");

    assert_non_null(out);
    assert_true(fputs(file->text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    free(path);
}

static void remove_file(const struct scene *scene, const char *name)
{
    char *path = mem_format("%s/%s", scene->directory, name);

    (void)unlink(path);
    free(path);
}

static int set_up(void **state)
{
    struct scene *scene = mem_new(struct scene);

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    (void)snprintf(scene->directory, sizeof(scene->directory), "/tmp/test-catalog-XXXXXX");
    if (mkdtemp(scene->directory) == NULL) {
        return -1;
    }
    scene->config.schemas.directory = span_of(scene->directory);
    scene->config.schemas.directory_place = (struct place){"detour.yaml", 9, 3};
    scene->config.schemas.bytes_max = SCHEMA_TEXT_BYTES_MAX;
    scene->config.schemas.reader_place = (struct place){"detour.yaml", 12, 3};
    scene->config.schemas.registry.timeout_ms = TIMEOUT_MS;
    scene->config.schemas.registry.give_up_ms = 600 * 1000;
    scene->config.schemas.ids = scene->ids;
    scene->config.schemas.readers = scene->readers;
    scene->config.schemas.registry.urls = scene->urls;
    fake_init(&scene->fake);
    scene->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    *state = scene;
    return scene->wake_fd < 0 ? -1 : 0;
}

static void remove_directory(struct scene *scene)
{
    static const char *const names[] = {"a.avsc",   "b.avsc",    "c.avsc",
                                        ".#a.avsc", "notes.txt", "ca.pem"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        remove_file(scene, names[i]);
    }
    assert_int_equal(rmdir(scene->directory), 0);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    fake_let_go(&scene->fake);
    catalog_free(scene->catalog);
    fake_fini(&scene->fake);
    remove_directory(scene);
    close(scene->wake_fd);
    secret_free(scene->config.schemas.registry.username);
    secret_free(scene->config.schemas.registry.password);
    for (size_t i = 0; i < COUNT_OF(scene->ids); i++) {
        free((char *)scene->ids[i].file.ptr);
    }
    free((char *)scene->config.schemas.registry.ca_file.ptr);
    free(scene);
    return 0;
}

/* Loading */

static const struct load_row {
    const char *name;
    struct file files[FILES_MAX];
    enum framing framing;
    const char *reader;
    const char *readers[3][2]; /* writer, reader */
    const char *ids[2];        /* files of ids 1 and 2 */
    const char *error;         /* NULL: it loads */
    size_t reader_count;
} load_rows[] = {
    {"the only schema is the reader", {{"a.avsc", ORDER}}, .reader_count = 1},
    {"two schemas, one chosen",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     .reader = "shop.Refund",
     .reader_count = 1},
    {"two schemas, none chosen",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     .error =
         "detour.yaml:9: schemas.reader is not set and schemas.directory does not hold just one "
         "record; set it to one of: shop.Order (a.avsc), shop.Refund (b.avsc)"},
    {"a reader that is not there",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     .reader = "shop.Oder",
     .error = "detour.yaml:12: no record 'shop.Oder' in schemas.directory; did you mean "
              "shop.Order?; there are: shop.Order (a.avsc), shop.Refund (b.avsc)"},
    {"two versions of one record",
     {{"a.avsc", ORDER}, {"b.avsc", ORDER_OLD}},
     .reader = "shop.Order",
     .error = "several files define 'shop.Order': shop.Order (a.avsc), shop.Order (b.avsc); name "
              "the file"},
    {"one of two versions",
     {{"a.avsc", ORDER}, {"b.avsc", ORDER_OLD}},
     .reader = "a.avsc",
     .reader_count = 1},
    {"a map",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     .readers = {{"x.One", "shop.Order"}, {"x.Two", "shop.Refund"}, {"x.Three", "shop.Order"}},
     .reader_count = 2},
    {"a map to nowhere",
     {{"a.avsc", ORDER}},
     .readers = {{"x.One", "shop.Nothing"}},
     .error = "detour.yaml:20: no record 'shop.Nothing'"},
    {"files that refer to each other",
     {{"a.avsc", HOLDER("shop.Order")}, {"b.avsc", ORDER}},
     .reader = "shop.Holder",
     .reader_count = 1},
    {"the other way round",
     {{"a.avsc", ORDER}, {"b.avsc", HOLDER("Order")}},
     .reader = "shop.Holder",
     .reader_count = 1},
    {"a name nobody defines", {{"a.avsc", HOLDER("shop.Nothing")}}, .error = "a.avsc:1: "},
    {"broken JSON names its file",
     {{"a.avsc", ORDER}, {"b.avsc", "{"}},
     .reader = "shop.Order",
     .error = "b.avsc:1: "},
    {"and the line",
     {{"a.avsc", "{\n \"type\": \"record\",\n \"name\" \"R\"}"}},
     .error = "a.avsc:3: the schema is not JSON"},
    {"a key that stands twice",
     {{"a.avsc", "{\"type\": \"record\",\n \"type\": 1}"}},
     .error = "a.avsc:2: the schema is not JSON: a key stands twice"},
    {"an empty file", {{"a.avsc", ""}}, .error = "a.avsc:1: "},
    {"a hostile schema", {{"a.avsc", HOSTILE}}, .error = "a.avsc:1: "},
    {"a broken file hides no other error",
     {{"a.avsc", "]"}, {"b.avsc", "{"}},
     .error = "b.avsc:1: "},
    {"no file", {{"notes.txt", "nothing here"}}, .error = "has 0 .avsc files"},
    {"hidden files are an editor's", {{"a.avsc", ORDER}, {".#a.avsc", "{"}}, .reader_count = 1},
    {"a schema that is no record",
     {{"a.avsc", "\"string\""}},
     .error = "none (no file defines a record)"},
    {"ids",
     {{"a.avsc", ORDER}, {"b.avsc", ORDER_OLD}},
     .reader = "a.avsc",
     .ids = {"a.avsc", "b.avsc"},
     .reader_count = 1},
    {"ids of a file that is not there",
     {{"a.avsc", ORDER}},
     .ids = {"b.avsc"},
     .error = "detour.yaml:31: the schema "},
    {"ids of a schema the reader cannot read",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     .reader = "shop.Order",
     .ids = {"b.avsc"},
     .error = "detour.yaml:31: schemas.ids: b.avsc cannot be read with the reader: "},
    {"ids of a record the map does not have",
     {{"a.avsc", ORDER}},
     .readers = {{"x.One", "shop.Order"}},
     .ids = {"a.avsc"},
     .error = "schemas.reader has no entry for the writer's record 'shop.Order'"},
    {"ids of a schema that only a writer may have",
     {{"a.avsc", ORDER}, {"b.avsc", ORDER_SLOPPY}},
     .reader = "shop.Order",
     .ids = {"b.avsc"},
     .reader_count = 1},
    {"a reader that only a writer may have",
     {{"a.avsc", ORDER}, {"b.avsc", ORDER_SLOPPY}},
     .reader = "b.avsc",
     .error = "b.avsc:1: a record has no valid name"},
    {"raw with two readers",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     FRAMING_RAW,
     .readers = {{"x.One", "shop.Order"}, {"x.Two", "shop.Refund"}},
     .error = "schemas.framing: raw says nothing about the schema"},
    {"raw with one", {{"a.avsc", ORDER}}, FRAMING_RAW, .reader_count = 1},
    {"single-object with schemas nobody reads",
     {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
     FRAMING_SINGLE_OBJECT,
     .reader = "shop.Order",
     .reader_count = 1},
};

static void configure(struct scene *scene, const struct load_row *row)
{
    struct config_schemas *schemas = &scene->config.schemas;

    for (size_t i = 0; i < FILES_MAX && row->files[i].name != NULL; i++) {
        write_file(scene, &row->files[i]);
    }
    schemas->framing = row->framing;
    schemas->reader = span_of(row->reader);
    for (size_t i = 0; i < 3 && row->readers[i][0] != NULL; i++) {
        scene->readers[i] = (struct name_pair){span_of(row->readers[i][0]),
                                               span_of(row->readers[i][1]),
                                               {"detour.yaml", (unsigned)(20 + i), 5}};
        schemas->reader_count++;
    }
    for (size_t i = 0; i < 2 && row->ids[i] != NULL; i++) {
        scene->ids[i] =
            (struct schema_id){(uint32_t)(i + 1),
                               span_of(mem_format("%s/%s", scene->directory, row->ids[i])),
                               {"detour.yaml", (unsigned)(31 + i), 5}};
        schemas->id_count++;
    }
}

/* Every error as "file:line: message", a line each. */
static void print_diags(const struct diags *diags, struct buf *out)
{
    for (size_t i = 0; i < diags->count; i++) {
        const char *file = diags->items[i].place.file;
        const char *slash = strrchr(file, '/');

        buf_printf(out, "%s:%u: %s\n", slash == NULL ? file : slash + 1, diags->items[i].place.line,
                   diags->items[i].message);
    }
}

static void check_load(const struct load_row *row, struct scene *scene)
{
    struct diags diags;
    struct buf text;

    diags_init(&diags);
    buf_init(&text, 1 << 16);
    scene->catalog = catalog_load(&scene->config, &diags);
    print_diags(&diags, &text);
    if (row->error != NULL) {
        if (scene->catalog != NULL || strstr(buf_text(&text), row->error) == NULL) {
            fail_msg("%s: no '%s' in: %s", row->name, row->error, buf_text(&text));
        }
    } else if (scene->catalog == NULL || diags.error_count > 0) {
        fail_msg("%s: %s", row->name, buf_text(&text));
    } else if (catalog_readers(scene->catalog)->count != row->reader_count) {
        fail_msg("%s: %zu readers", row->name, catalog_readers(scene->catalog)->count);
    }
    buf_fini(&text);
    diags_fini(&diags);
}

static void directories_load_or_say_why_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(load_rows); i++) {
        struct scene *scene = NULL;

        assert_int_equal(set_up((void **)&scene), 0);
        configure(scene, &load_rows[i]);
        check_load(&load_rows[i], scene);
        assert_int_equal(tear_down((void **)&scene), 0);
    }
}

/* For those who want all errors: what one file broke is told, and the rest is there. */
static void a_partial_catalog_has_the_readers_that_are_there(void **state)
{
    static const struct load_row row = {
        "a broken file, a reader that is not there, ids that are not there",
        {{"a.avsc", ORDER}, {"b.avsc", "{"}},
        .readers = {{"x.One", "shop.Order"}, {"x.Two", "shop.Nothing"}},
        .ids = {"a.avsc", "c.avsc"}};
    struct scene *scene = *state;
    struct diags diags;

    configure(scene, &row);
    diags_init(&diags);
    assert_null(catalog_load(&scene->config, &diags));
    assert_int_equal(diags.error_count, 2); /* nothing of ids 1, which is not wrong */
    scene->catalog = catalog_load_partial(&scene->config, &diags);
    assert_non_null(scene->catalog);
    assert_int_equal(catalog_readers(scene->catalog)->count, 1);
    assert_false(catalog_has_all_readers(scene->catalog));
    diags_fini(&diags);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    struct scene *scene = *state;
    static const struct load_row row = {
        "no directory", .error = "detour.yaml:9: schemas.directory: /nowhere cannot be read: "};

    scene->config.schemas.directory = SPAN("/nowhere");
    check_load(&row, scene);
}

/* Framings */

static void load(struct scene *scene, const struct load_row *row)
{
    configure(scene, row);
    check_load(row, scene);
}

static const struct {
    const char *name;
    enum framing framing;
    struct span value;
    const char *error; /* NULL: it is framed */
    uint64_t key;
    size_t payload_bytes;
} frame_rows[] = {
    {"confluent", FRAMING_CONFLUENT, {"\0\0\1\2\3xy", 7}, NULL, 0x010203, 2},
    {"confluent, the largest id",
     FRAMING_CONFLUENT,
     {"\0\xff\xff\xff\xff", 5},
     NULL,
     0xffffffff,
     0},
    {"confluent, cut", FRAMING_CONFLUENT, {"\0\0\0\1", 4}, "the value has 4 bytes", 0, 0},
    {"confluent, empty", FRAMING_CONFLUENT, {"", 0}, "the value has 0 bytes", 0, 0},
    {"confluent, JSON", FRAMING_CONFLUENT, {"{\"a\":1}", 7}, "begins with byte 0x7b", 0, 0},
    {"single-object",
     FRAMING_SINGLE_OBJECT,
     {"\xc3\1\1\2\3\4\5\6\7\x88z", 11},
     NULL,
     UINT64_C(0x8807060504030201),
     1},
    {"single-object, cut", FRAMING_SINGLE_OBJECT, {"\xc3\1\1\2\3\4\5\6\7", 9}, "has 9 bytes", 0, 0},
    {"single-object, another marker",
     FRAMING_SINGLE_OBJECT,
     {"\xc3\2\1\2\3\4\5\6\7\x88", 10},
     "begins with bytes 0xc3 0x02",
     0,
     0},
    {"raw", FRAMING_RAW, {"\0\0\0", 3}, NULL, 0, 3},
    {"raw, empty", FRAMING_RAW, {"", 0}, NULL, 0, 0},
};

static void framings_are_taken_off(void **state)
{
    struct scene *scene = *state;

    load(scene, &load_rows[0]);
    for (size_t i = 0; i < COUNT_OF(frame_rows); i++) {
        struct frame frame = {0};
        struct err err = {0};
        enum err_code rc;

        scene->config.schemas.framing = frame_rows[i].framing;
        rc = catalog_unframe(scene->catalog, frame_rows[i].value, &frame, &err);
        if (frame_rows[i].error != NULL) {
            if (rc != ERR_DATA || strstr(err.text, frame_rows[i].error) == NULL) {
                fail_msg("%s: %d %s", frame_rows[i].name, (int)rc, err.text);
            }
        } else if (rc != ERR_OK || frame.key != frame_rows[i].key ||
                   frame.payload.len != frame_rows[i].payload_bytes) {
            fail_msg("%s: %d %s, key %llx, payload %zu", frame_rows[i].name, (int)rc, err.text,
                     (unsigned long long)frame.key, frame.payload.len);
        }
    }
}

static const struct load_row *load_row(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(load_rows); i++) {
        if (strcmp(load_rows[i].name, name) == 0) {
            return &load_rows[i];
        }
    }
    fail_msg("no row '%s'", name);
    return NULL;
}

static void listed_ids_need_no_registry(void **state)
{
    struct scene *scene = *state;
    const struct writer *writer;

    load(scene, load_row("ids"));
    for (uint32_t id = 1; id <= 2; id++) {
        writer = catalog_writer(scene->catalog, id, -1);
        assert_int_equal(writer->state, WRITER_READY);
        assert_non_null(writer->decoder);
        assert_true(span_is(writer->record_name, "shop.Order"));
    }
    writer = catalog_writer(scene->catalog, 3, -1);
    assert_int_equal(writer->state, WRITER_UNKNOWN);
    assert_non_null(strstr(writer->text, "schemas.registry"));
}

static void single_objects_are_known_by_fingerprint(void **state)
{
    struct scene *scene = *state;
    const struct writer *writer;
    struct frame frame = {0};
    struct buf header;

    load(scene, load_row("single-object with schemas nobody reads"));
    buf_init(&header, 64);
    assert_int_equal(catalog_frame_header(scene->catalog, 0, SPAN("orders"), &header, NULL),
                     ERR_OK);
    assert_int_equal(header.len, 10);
    assert_int_equal(catalog_unframe(scene->catalog, buf_span(&header), &frame, NULL), ERR_OK);
    assert_int_equal(frame.key, catalog_readers(scene->catalog)->schemas[0]->fingerprint);
    writer = catalog_writer(scene->catalog, frame.key, -1);
    assert_int_equal(writer->state, WRITER_READY);
    writer = catalog_writer(scene->catalog, frame.key + 1, -1);
    assert_int_equal(writer->state, WRITER_UNKNOWN);
    assert_non_null(strstr(writer->text, "fingerprint"));
    buf_fini(&header);
}

static void raw_values_have_the_reader_for_writer(void **state)
{
    struct scene *scene = *state;
    struct buf header;

    load(scene, load_row("raw with one"));
    buf_init(&header, 64);
    assert_int_equal(catalog_frame_header(scene->catalog, 0, SPAN("orders"), &header, NULL),
                     ERR_OK);
    assert_int_equal(header.len, 0);
    assert_int_equal(catalog_writer(scene->catalog, 0, -1)->state, WRITER_READY);
    buf_fini(&header);
}

/* The registry */

static void add_url(struct scene *scene, const char *scheme, unsigned short port, const char *path)
{
    struct config_registry *registry = &scene->config.schemas.registry;
    size_t i = registry->url_count++;

    (void)snprintf(scene->url_texts[i], sizeof(scene->url_texts[i]), "%s://127.0.0.1:%u%s", scheme,
                   (unsigned)port, path);
    scene->urls[i] = span_of(scene->url_texts[i]);
}

/* The only schema is shop.Order; the fake registry listens. */
static void start(struct scene *scene)
{
    struct err err;

    if (scene->fake.daemon == NULL) {
        assert_true(fake_up(&scene->fake));
    }
    fake_rule(&scene->fake, "/schemas/types", -1, 200, "[\"AVRO\"]");
    if (scene->config.schemas.registry.url_count == 0) {
        add_url(scene, "http", scene->fake.port, "");
    }
    if (scene->catalog == NULL) {
        load(scene, &load_rows[0]);
    }
    if (catalog_start(scene->catalog, &err) != ERR_OK) {
        fail_msg("not started: %s", err.text);
    }
}

/* {"schema": "...", more} */
static char *schema_answer(const char *schema, const char *more)
{
    struct buf body;
    char *text;

    buf_init(&body, 1 << 20);
    buf_add_text(&body, "{\"schema\":");
    buf_add_json_string(&body, span_of(schema));
    buf_add_text(&body, more);
    buf_add_char(&body, '}');
    text = mem_text(buf_span(&body));
    buf_fini(&body);
    return text;
}

static struct fake_rule *serve(struct scene *scene, const char *path, const char *schema,
                               const char *more)
{
    char *body = schema_answer(schema, more);
    struct fake_rule *rule = fake_rule(&scene->fake, path, -1, 200, body);

    free(body);
    return rule;
}

/* What an id is once it is no longer pending: sleeps on the eventfd as a worker does. */
static const struct writer *settled(struct scene *scene, uint64_t id)
{
    struct pollfd awake = {.fd = scene->wake_fd, .events = POLLIN};
    const struct writer *writer = catalog_writer(scene->catalog, id, scene->wake_fd);

    while (writer->state == WRITER_PENDING) {
        uint64_t count;

        if (poll(&awake, 1, PATIENCE_MS) != 1) {
            fail_msg("id %llu: nobody woke us", (unsigned long long)id);
        }
        (void)!read(scene->wake_fd, &count, sizeof(count));
        writer = catalog_writer(scene->catalog, id, scene->wake_fd);
    }
    return writer;
}

static const struct {
    const char *name;
    uint64_t id;
    enum writer_state want;
    const char *text; /* part of it */
} mood_rows[] = {
    {"the reader's own schema", 1, WRITER_READY, NULL},
    {"an older one", 2, WRITER_READY, NULL},
    {"another name for the top-level record", 3, WRITER_READY, NULL},
    {"says AVRO itself", 4, WRITER_READY, NULL},
    {"not there, in the registry's words", 5, WRITER_UNKNOWN,
     "schema id 5: the schema registry has no such schema"},
    {"an id no registry gives", 3000000000, WRITER_UNKNOWN, "larger"},
    {"hostile", 7, WRITER_INCOMPATIBLE, "schema id 7: "},
    {"of another kind", 8, WRITER_INCOMPATIBLE, "its type is PROTOBUF; only AVRO is read"},
    {"no field of the reader's", 9, WRITER_INCOMPATIBLE, "schema id 9: "},
    {"with a reference", 10, WRITER_READY, NULL},
    {"a reference to nowhere", 11, WRITER_INCOMPATIBLE,
     "refers to 'shop.Gone', which the schema registry does not have (subject gone, version 1)"},
    {"references in a circle", 12, WRITER_INCOMPATIBLE, "its references go in a circle"},
    {"references too deep", 13, WRITER_INCOMPATIBLE, "more than 16 deep"},
    {"too many references", 14, WRITER_INCOMPATIBLE, "more than 64 references"},
    {"one reference, twice", 15, WRITER_READY, NULL},
};

#define REFERENCE(name, subject) "{\"name\":\"" name "\",\"subject\":\"" subject "\",\"version\":1}"
#define MONEY "{\"type\":\"record\",\"name\":\"shop.Money\",\"fields\":[]}"
#define WITH_MONEY                                                                                 \
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":[" FIELDS                             \
    ",{\"name\":\"more\",\"type\":\"shop.Money\"},{\"name\":\"again\",\"type\":\"shop.Money\"}]}"

static void serve_references(struct scene *scene)
{
    struct buf many;

    /* the subject's name needs escaping in the path, which the server has undone */
    serve(scene, "/subjects/money/../x y/versions/1", MONEY, "");
    serve(scene, "/schemas/ids/10", WITH_MONEY,
          ",\"references\":[" REFERENCE("shop.Money", "money/../x y") "]");
    serve(scene, "/schemas/ids/11", ORDER, ",\"references\":[" REFERENCE("shop.Gone", "gone") "]");
    serve(scene, "/subjects/circle/versions/1", MONEY,
          ",\"references\":[" REFERENCE("shop.Circle", "circle") "]");
    serve(scene, "/schemas/ids/12", ORDER,
          ",\"references\":[" REFERENCE("shop.Circle", "circle") "]");
    serve(scene, "/schemas/ids/15", WITH_MONEY,
          ",\"references\":[" REFERENCE("shop.Money", "money/../x y") "," REFERENCE(
              "shop.Money", "money/../x y") "]");
    serve(scene, "/schemas/ids/13", ORDER, ",\"references\":[" REFERENCE("d", "deep-0") "]");
    buf_init(&many, 1 << 16);
    for (int i = 0; i < 70; i++) {
        char *path = mem_format("/subjects/deep-%d/versions/1", i);
        char *more = mem_format(",\"references\":[{\"name\":\"d\",\"subject\":\"deep-%d\","
                                "\"version\":1}]",
                                i + 1);
        char *flat = mem_format("/subjects/flat-%d/versions/1", i);

        serve(scene, path, MONEY, more);
        serve(scene, flat, MONEY, "");
        buf_printf(&many, "%s{\"name\":\"f\",\"subject\":\"flat-%d\",\"version\":1}",
                   i == 0 ? ","
                            "\"references\":["
                          : ",",
                   i);
        free(path);
        free(more);
        free(flat);
    }
    buf_add_char(&many, ']');
    serve(scene, "/schemas/ids/14", ORDER, buf_text(&many));
    buf_fini(&many);
}

static void a_registry_is_believed_with_care(void **state)
{
    struct scene *scene = *state;

    serve(scene, "/schemas/ids/1", ORDER, "");
    serve(scene, "/schemas/ids/2", ORDER_OLD, "");
    serve(scene, "/schemas/ids/3", PURCHASE, "");
    serve(scene, "/schemas/ids/4", ORDER, ",\"schemaType\":\"AVRO\"");
    serve(scene, "/schemas/ids/7", HOSTILE, "");
    serve(scene, "/schemas/ids/8", "syntax = \"proto3\";", ",\"schemaType\":\"PROTOBUF\"");
    serve(scene, "/schemas/ids/9", REFUND, "");
    serve_references(scene);
    start(scene);
    for (size_t i = 0; i < COUNT_OF(mood_rows); i++) {
        const struct writer *writer = settled(scene, mood_rows[i].id);

        if (writer->state != mood_rows[i].want) {
            fail_msg("%s: state %d, %s", mood_rows[i].name, (int)writer->state,
                     writer->text == NULL ? "no text" : writer->text);
        }
        if (mood_rows[i].text != NULL && strstr(writer->text, mood_rows[i].text) == NULL) {
            fail_msg("%s: no '%s' in: %s", mood_rows[i].name, mood_rows[i].text, writer->text);
        }
    }
    assert_true(span_is(settled(scene, 3)->record_name, "Purchase"));
}

/* The text and the number are in the reader's order whatever the writer was called. */
static void check_decodes(const struct writer *writer, struct span bytes, double total)
{
    struct arena arena;
    struct value value;
    struct err err = {0};

    arena_init(&arena, 1 << 16);
    if (decoder_run(writer->decoder, bytes, &arena, &value, &err) != ERR_OK) {
        fail_msg("not decoded: %s", err.text);
    }
    assert_int_equal(value.kind, VALUE_RECORD);
    assert_true(span_is(value_text(&value.items[0]), "ab"));
    assert_true(value.items[1].d == total);
    arena_fini(&arena);
}

/* The writer's schema is gone by then: the decoder keeps what it needs. */
static void writers_decode_as_their_reader(void **state)
{
    struct scene *scene = *state;

    serve(scene, "/schemas/ids/1", ORDER, "");
    serve(scene, "/schemas/ids/2", ORDER_OLD, "");
    serve(scene, "/schemas/ids/3", PURCHASE, "");
    start(scene);
    check_decodes(settled(scene, 1), (struct span){"\4ab\0\0\0\0\0\0\x08\x40", 11}, 3);
    check_decodes(settled(scene, 2), (struct span){"\4ab\6", 4}, 3);
    check_decodes(settled(scene, 3), (struct span){"\4ab\0\0\0\0\0\0\x08\x40", 11}, 3);
}

static const struct {
    const char *name;
    unsigned status;
    const char *body;
} failure_rows[] = {
    {"an error of its own", 500, "{\"error_code\":50001}"},
    {"a gateway's page", 502, "<html>bad gateway</html>"},
    {"too many requests", 429, "{}"},
    {"a credential that is refused", 401, "{\"error_code\":401}"},
    {"a redirect", 302, ""},
    {"no JSON", 200, "<html>hello</html>"},
    {"JSON of something else", 200, "{\"subject\":\"x\"}"},
    {"an array", 200, "[]"},
    {"nothing", 200, ""},
    {"an empty schema", 200, "{\"schema\":\" \"}"},
    {"another id's schema", 200, "{\"schema\":\"\\\"int\\\"\",\"id\":77}"},
    {"a page that is not there", 404, "<html>not found</html>"},
    {"a path that is not there", 404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}"},
    {"an ingress without a service", 404, "default backend - 404"},
    {"it cannot be processed", 422, "{\"error_code\":42201}"},
    {"too deep", 200,
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
    {"a teapot", 418, "{}"},
    {"references of nonsense", 200, "{\"schema\":\"\\\"int\\\"\",\"references\":[7]}"},
};

/* Whatever is no definite answer is asked again, and the event waits meanwhile. */
static void failures_are_waited_out(void **state)
{
    struct scene *scene = *state;

    start(scene);
    for (size_t i = 0; i < COUNT_OF(failure_rows); i++) {
        char *path = mem_format("/schemas/ids/%zu", i + 1);

        serve(scene, path, ORDER, "");
        fake_rule(&scene->fake, path, 2, failure_rows[i].status, failure_rows[i].body);
        if (settled(scene, i + 1)->state != WRITER_READY) {
            fail_msg("%s: %s", failure_rows[i].name, settled(scene, i + 1)->text);
        }
        free(path);
    }
}

static void a_plain_404_of_a_stranger_proves_nothing(void **state)
{
    struct scene *scene = *state;
    size_t ids = 0;
    uint64_t down_ms = 0;

    fake_rule(&scene->fake, "/schemas/types", -1, 404, "no such page");
    fake_rule(&scene->fake, "/schemas/ids/1", -1, 404, "no such page");
    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", scene->fake.port, "");
    load(scene, &load_rows[0]);
    assert_int_equal(catalog_start(scene->catalog, NULL), ERR_OK);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    fake_await(&scene->fake, 4);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    catalog_waiting(scene->catalog, &ids, &down_ms);
    assert_int_equal(ids, 1);
    /* and once it has shown what it is, it is still a page of whatever stands before it */
    serve(scene, "/schemas/ids/2", ORDER, "");
    assert_int_equal(settled(scene, 2)->state, WRITER_READY);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    serve(scene, "/schemas/ids/1", ORDER, "");
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
}

static const char *const absent_bodies[] = {
    "{\"error_code\":40401,\"message\":\"Subject not found\"}",
    "{\"error_code\":40402,\"message\":\"Version not found\"}",
    "{\"error_code\":40403,\"message\":\"Schema 1 not found\"}",
};

static void only_the_registrys_own_404_is_a_no(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < COUNT_OF(absent_bodies); i++) {
        char *path = mem_format("/schemas/ids/%zu", i + 1);

        fake_rule(&scene->fake, path, -1, 404, absent_bodies[i]);
        free(path);
    }
    start(scene);
    for (size_t i = 0; i < COUNT_OF(absent_bodies); i++) {
        assert_int_equal(settled(scene, i + 1)->state, WRITER_UNKNOWN);
    }
}

/* Trouble with some ids for ever, one that is never answered, and a flood of unknown ones: a good
 * id is answered all the same. */
static void a_good_id_is_answered_beside_bad_ones(void **state)
{
    struct scene *scene = *state;

    scene->config.schemas.registry.requests = 4;
    start(scene);
    for (size_t i = 0; i < COUNT_OF(failure_rows); i++) {
        char *path = mem_format("/schemas/ids/%zu", i + 1);

        fake_rule(&scene->fake, path, -1,
                  failure_rows[i].status == 429 ? 500 : failure_rows[i].status,
                  failure_rows[i].body);
        assert_int_equal(catalog_writer(scene->catalog, i + 1, -1)->state, WRITER_PENDING);
        free(path);
    }
    serve(scene, "/schemas/ids/98", ORDER, "")->is_held = true;
    assert_int_equal(catalog_writer(scene->catalog, 98, -1)->state, WRITER_PENDING);
    fake_await(&scene->fake, 60); /* all of them, again and again */
    for (uint64_t id = 1000; id < 3000; id++) {
        (void)catalog_writer(scene->catalog, id, -1);
    }
    serve(scene, "/schemas/ids/99", ORDER, "");
    assert_int_equal(settled(scene, 99)->state, WRITER_READY);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    assert_int_equal(settled(scene, 2999)->state, WRITER_UNKNOWN);
}

/* What is refused for ever while others are answered is given up, by its own words. */
static void an_id_that_is_only_refused_is_given_up(void **state)
{
    struct scene *scene = *state;
    const struct writer *writer;

    scene->config.schemas.registry.give_up_ms = 1000;
    serve(scene, "/schemas/ids/1", ORDER, "");
    fake_rule(&scene->fake, "/schemas/ids/2", -1, 422, "{\"error_code\":42201}");
    fake_rule(&scene->fake, "/schemas/ids/3", -1, 500, "{\"error_code\":50001}");
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    writer = settled(scene, 2);
    assert_int_equal(writer->state, WRITER_UNKNOWN);
    assert_non_null(strstr(writer->text, "schema id 2 was given up after"));
    assert_non_null(strstr(writer->text, "answered 422"));
    writer = settled(scene, 3);
    assert_int_equal(writer->state, WRITER_UNKNOWN);
    assert_non_null(strstr(writer->text, "answered 500"));
}

/* A registry that answers nothing but errors has not said no to any id. */
static void nothing_is_given_up_while_nothing_is_answered(void **state)
{
    struct scene *scene = *state;

    scene->config.schemas.registry.give_up_ms = 1000;
    fake_rule(&scene->fake, "/schemas/ids/1", -1, 500, "{\"error_code\":50001}");
    fake_rule(&scene->fake, "/schemas/ids/2", -1, 401, "{\"error_code\":401}");
    start(scene);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    assert_int_equal(catalog_writer(scene->catalog, 2, -1)->state, WRITER_PENDING);
    fake_await(&scene->fake, 16); /* more than five answers each, over more than a second */
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_PENDING);
    assert_int_equal(catalog_writer(scene->catalog, 2, -1)->state, WRITER_PENDING);
}

static void an_answer_too_large_is_none(void **state)
{
    struct scene *scene = *state;
    size_t bytes = 3 * (size_t)SCHEMA_TEXT_BYTES_MAX;
    char *body = mem_zero(bytes + 1, 1);

    memset(body, ' ', bytes);
    memcpy(body, "{\"schema\":\"\\\"int\\\"\"}", 20);
    serve(scene, "/schemas/ids/1", ORDER, "");
    fake_rule(&scene->fake, "/schemas/ids/1", 1, 200, body);
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    assert_int_equal(fake_requests(&scene->fake), 3);
    free(body);
}

static void a_registry_that_goes_and_comes_back(void **state)
{
    struct scene *scene = *state;
    size_t ids = 0;
    uint64_t down_ms = 0;
    struct registry_state registry;

    serve(scene, "/schemas/ids/1", ORDER, "");
    serve(scene, "/schemas/ids/2", ORDER_OLD, "");
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    catalog_registry_state(scene->catalog, &registry);
    assert_true(registry.is_configured && registry.is_up && registry.since_ms > 0);
    assert_string_equal(registry.error, "");
    fake_down(&scene->fake);
    assert_int_equal(catalog_writer(scene->catalog, 2, -1)->state, WRITER_PENDING);
    while (down_ms == 0) {
        catalog_waiting(scene->catalog, &ids, &down_ms);
        (void)poll(NULL, 0, 5);
    }
    assert_int_equal(ids, 1);
    assert_int_equal(catalog_writer(scene->catalog, 2, -1)->state, WRITER_PENDING);
    assert_int_equal(catalog_writer(scene->catalog, 1, -1)->state, WRITER_READY);
    catalog_registry_state(scene->catalog, &registry);
    assert_false(registry.is_up);
    assert_int_equal(registry.waiting, 1);
    assert_non_null(strstr(registry.error, "no usable answer from the schema registry: http://"));
    assert_true(fake_up(&scene->fake));
    assert_int_equal(settled(scene, 2)->state, WRITER_READY);
    catalog_registry_state(scene->catalog, &registry);
    assert_true(registry.is_up);
    catalog_waiting(scene->catalog, &ids, &down_ms);
    assert_int_equal(ids, 0);
    assert_int_equal(down_ms, 0);
}

static void one_id_is_one_question(void **state)
{
    struct scene *scene = *state;

    serve(scene, "/schemas/ids/1", ORDER, "")->is_held = true;
    start(scene);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(catalog_writer(scene->catalog, 1, scene->wake_fd)->state, WRITER_PENDING);
    }
    fake_let_go(&scene->fake);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    assert_int_equal(fake_requests(&scene->fake), 2); /* with the one at the start */
}

/* The registry sits on an answer: nobody waits for it, not even the end of the catalog. */
static void a_slow_answer_holds_up_nobody(void **state)
{
    struct scene *scene = *state;

    scene->config.schemas.registry.timeout_ms = 600 * 1000;
    serve(scene, "/schemas/ids/1", ORDER, "")->is_held = true;
    start(scene);
    assert_int_equal(catalog_writer(scene->catalog, 1, scene->wake_fd)->state, WRITER_PENDING);
    fake_await(&scene->fake, 2);
    assert_int_equal(catalog_writer(scene->catalog, 1, scene->wake_fd)->state, WRITER_PENDING);
    (void)alarm(60); /* a wait for the answer would be for ever */
    catalog_free(scene->catalog);
    (void)alarm(0);
    scene->catalog = NULL;
    assert_int_equal(fake_held(&scene->fake), 1);
}

static void an_answer_that_takes_too_long_is_asked_for_again(void **state)
{
    struct scene *scene = *state;

    scene->config.schemas.registry.timeout_ms = 300;
    serve(scene, "/schemas/ids/1", ORDER, "")->is_held = true;
    start(scene);
    assert_int_equal(catalog_writer(scene->catalog, 1, scene->wake_fd)->state, WRITER_PENDING);
    fake_await(&scene->fake, 3);
    fake_let_go(&scene->fake);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
}

/* A closed eventfd's number may belong to somebody else by the time of the answer. */
static void a_worker_that_has_gone_is_not_written_to(void **state)
{
    struct scene *scene = *state;
    int gone = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int pipe_fds[2];
    char byte;

    serve(scene, "/schemas/ids/1", ORDER, "")->is_held = true;
    start(scene);
    assert_int_equal(catalog_writer(scene->catalog, 1, gone)->state, WRITER_PENDING);
    fake_await(&scene->fake, 2);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(dup2(pipe_fds[1], gone), gone);
    fake_let_go(&scene->fake);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    assert_int_equal(read(pipe_fds[0], &byte, 1), -1);
    close(gone);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void the_next_url_is_asked_when_the_first_is_dead(void **state)
{
    struct scene *scene = *state;

    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", 1, ""); /* nobody listens there */
    add_url(scene, "http", scene->fake.port, "/");
    serve(scene, "/schemas/ids/1", ORDER, "");
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    assert_int_equal(settled(scene, 2)->state, WRITER_UNKNOWN);
}

static void a_credential_is_sent(void **state)
{
    struct scene *scene = *state;

    scene->fake.username = "shop";
    scene->fake.password = "pass:word";
    scene->config.schemas.registry.username = secret_from_text(SPAN("shop"));
    scene->config.schemas.registry.password = secret_from_text(SPAN("pass:word"));
    serve(scene, "/schemas/ids/1", ORDER, "");
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
}

static void a_wrong_credential_is_told_at_the_start(void **state)
{
    struct scene *scene = *state;
    struct err err;

    scene->fake.username = "shop";
    scene->fake.password = "right";
    assert_int_equal(setenv("TEST_CATALOG_PASSWORD", "wrong-and-secret", 1), 0);
    scene->config.schemas.registry.username = secret_from_text(SPAN("shop"));
    assert_int_equal(
        secret_from_env("TEST_CATALOG_PASSWORD", &scene->config.schemas.registry.password, &err),
        ERR_OK);
    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", scene->fake.port, "");
    load(scene, &load_rows[0]);
    assert_int_equal(catalog_start(scene->catalog, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "registry.password (env TEST_CATALOG_PASSWORD)"));
    assert_null(strstr(err.text, "wrong-and-secret"));
}

static void nobody_there_is_told_at_the_start(void **state)
{
    struct scene *scene = *state;
    struct err err;

    load(scene, &load_rows[0]);
    catalog_free(scene->catalog);
    scene->urls[0] = SPAN("http://user:hush@127.0.0.1:1/registry?key=hush");
    scene->config.schemas.registry.url_count = 1;
    add_url(scene, "http", 2, "");
    check_load(&load_rows[0], scene);
    assert_int_equal(catalog_start(scene->catalog, &err), ERR_NET);
    assert_non_null(strstr(err.text, "http://127.0.0.1:1/registry: "));
    assert_non_null(strstr(err.text, "http://127.0.0.1:2: "));
    assert_null(strstr(err.text, "hush"));
}

static void a_registry_that_fails_is_still_there(void **state)
{
    struct scene *scene = *state;

    fake_rule(&scene->fake, "/schemas/types", -1, 503, "later");
    serve(scene, "/schemas/ids/1", ORDER, "");
    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", scene->fake.port, "");
    load(scene, &load_rows[0]);
    assert_int_equal(catalog_start(scene->catalog, NULL), ERR_OK);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
}

static const struct {
    const char *name;
    unsigned status;
    const char *body;
    enum err_code want;
    const char *text; /* part of what is said; NULL: nothing */
} probe_rows[] = {
    {"a registry", 200, "[\"AVRO\"]", ERR_OK, NULL},
    {"one without a type", 200, "[]", ERR_OK, NULL},
    {"a web page", 200, "<html>SECRET</html>", ERR_BUSY, "answered 200 (application/"},
    {"nothing", 200, "", ERR_BUSY, "no list of the schema types"},
    {"JSON of something else", 200, "{\"status\":\"SECRET\"}", ERR_BUSY,
     "no list of the schema types"},
    {"another path", 404, "{\"error_code\":404}", ERR_BUSY, "/apis/ccompat/v7"},
    {"a page that is not there", 404, "SECRET", ERR_BUSY, "Confluent-compatible API"},
    {"a redirect", 302, "", ERR_BUSY, "answered 302; redirects are not followed"},
    {"an error", 500, "SECRET", ERR_BUSY, "answered 500 (application/"},
    {"a gateway", 503, "SECRET", ERR_BUSY, "answered 503"},
    {"a refusal", 401, "SECRET", ERR_CONFIG, "refuses the credential (401)"},
    {"a prohibition", 403, "SECRET", ERR_CONFIG, "refuses the credential (403)"},
};

static void a_probe_tells_a_registry_from_what_is_none(void **state)
{
    struct scene *scene = *state;

    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", scene->fake.port, "");
    load(scene, &load_rows[0]);
    for (size_t i = 0; i < COUNT_OF(probe_rows); i++) {
        struct err err = {0};
        enum err_code got;

        fake_rule(&scene->fake, "/schemas/types", -1, probe_rows[i].status, probe_rows[i].body);
        catalog_free(scene->catalog); /* each time one that has not met a registry yet */
        check_load(&load_rows[0], scene);
        got = catalog_probe(scene->catalog, &err);
        if (got != probe_rows[i].want || strstr(err.text, "SECRET") != NULL ||
            (probe_rows[i].text != NULL && strstr(err.text, probe_rows[i].text) == NULL)) {
            fail_msg("%s: %d, %s", probe_rows[i].name, (int)got, err.text);
        }
    }
}

static void writers_go_to_their_readers(void **state)
{
    struct scene *scene = *state;
    static const struct load_row row = {
        "a map",
        {{"a.avsc", ORDER}, {"b.avsc", REFUND}},
        .readers = {{"Purchase", "shop.Order"}, {"shop.Refund", "shop.Refund"}},
        .reader_count = 2};
    const struct writer *writer;

    serve(scene, "/schemas/ids/1", PURCHASE, "");
    serve(scene, "/schemas/ids/2", REFUND, "");
    serve(scene, "/schemas/ids/3", ORDER, "");
    serve(scene, "/schemas/ids/4", "[\"null\"," REFUND "]", "");
    assert_true(fake_up(&scene->fake));
    add_url(scene, "http", scene->fake.port, "");
    load(scene, &row);
    start(scene);
    assert_int_equal(settled(scene, 1)->reader, 0);
    assert_int_equal(settled(scene, 2)->reader, 1);
    writer = settled(scene, 3);
    assert_int_equal(writer->state, WRITER_INCOMPATIBLE);
    assert_non_null(strstr(writer->text, "no entry for the writer's record 'shop.Order'"));
    writer = settled(scene, 4);
    assert_int_equal(writer->state, WRITER_INCOMPATIBLE);
    assert_non_null(strstr(writer->text, "union"));
}

static void a_schema_is_registered(void **state)
{
    struct scene *scene = *state;
    struct buf header;
    struct err err;
    uint32_t id = 0;

    start(scene);
    fake_rule(&scene->fake, "/subjects/orders-value/versions", -1, 200, "{\"id\":66051}");
    buf_init(&header, 64);
    assert_int_equal(catalog_frame_header(scene->catalog, 0, SPAN("orders-value"), &header, &err),
                     ERR_OK);
    assert_int_equal(header.len, 5);
    assert_memory_equal(header.ptr, "\0\0\1\2\3", 5);
    assert_true(fake_was_sent(&scene->fake, "{\"schema\":\"{\\\""));
    assert_true(fake_was_sent(&scene->fake, "Order"));
    fake_rule(&scene->fake, "/subjects/orders-value/versions", -1, 409,
              "{\"error_code\":409,\"message\":\"Schema being registered is incompatible\"}");
    assert_int_equal(catalog_register(scene->catalog, SPAN("orders-value"), SPAN(ORDER), &id, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "409 Schema being registered is incompatible"));
    fake_rule(&scene->fake, "/subjects/orders-value/versions", -1, 200, "{\"id\":0}");
    assert_int_equal(catalog_register(scene->catalog, SPAN("orders-value"), SPAN(ORDER), &id, &err),
                     ERR_BUSY);
    fake_down(&scene->fake);
    assert_int_equal(catalog_register(scene->catalog, SPAN("orders-value"), SPAN(ORDER), &id, &err),
                     ERR_NET);
    buf_fini(&header);
}

static void an_id_of_the_list_frames_without_a_registry(void **state)
{
    struct scene *scene = *state;
    struct buf header;
    struct err err;

    load(scene, load_row("ids"));
    buf_init(&header, 64);
    assert_int_equal(catalog_frame_header(scene->catalog, 0, SPAN("orders"), &header, &err),
                     ERR_OK);
    assert_memory_equal(header.ptr, "\0\0\0\0\1", 5);
    buf_clear(&header);
    scene->config.schemas.id_count = 0;
    assert_int_equal(catalog_frame_header(scene->catalog, 0, SPAN("orders"), &header, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "schemas.ids"));
    buf_fini(&header);
}

/* TLS */

static void tls_is_verified(void **state)
{
    struct scene *scene = *state;
    char *key = NULL;
    char *certificate = NULL;
    struct err err;

    assert_true(certificate_make(&key, &certificate));
    scene->fake.key = key;
    scene->fake.certificate = certificate;
    assert_true(fake_up(&scene->fake));
    add_url(scene, "https", scene->fake.port, "");
    serve(scene, "/schemas/ids/1", ORDER, "");
    load(scene, &load_rows[0]);
    assert_int_equal(catalog_start(scene->catalog, &err), ERR_NET);
    assert_non_null(strstr(err.text, "certificate"));
    catalog_free(scene->catalog);
    write_file(scene, &(struct file){"ca.pem", certificate});
    scene->config.schemas.registry.ca_file = span_of(mem_format("%s/ca.pem", scene->directory));
    check_load(&load_rows[0], scene);
    start(scene);
    assert_int_equal(settled(scene, 1)->state, WRITER_READY);
    fake_down(&scene->fake);
    scene->fake.key = NULL;
    free(key);
    free(certificate);
}

static int stop_broken_pipes(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    return 0;
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_load_or_say_why_not),
        CASE(a_partial_catalog_has_the_readers_that_are_there),
        CASE(a_directory_that_is_not_there_is_named),
        CASE(framings_are_taken_off),
        CASE(listed_ids_need_no_registry),
        CASE(single_objects_are_known_by_fingerprint),
        CASE(raw_values_have_the_reader_for_writer),
        CASE(a_registry_is_believed_with_care),
        CASE(writers_decode_as_their_reader),
        CASE(failures_are_waited_out),
        CASE(a_plain_404_of_a_stranger_proves_nothing),
        CASE(only_the_registrys_own_404_is_a_no),
        CASE(a_good_id_is_answered_beside_bad_ones),
        CASE(an_id_that_is_only_refused_is_given_up),
        CASE(nothing_is_given_up_while_nothing_is_answered),
        CASE(an_answer_too_large_is_none),
        CASE(a_registry_that_goes_and_comes_back),
        CASE(one_id_is_one_question),
        CASE(a_slow_answer_holds_up_nobody),
        CASE(an_answer_that_takes_too_long_is_asked_for_again),
        CASE(a_worker_that_has_gone_is_not_written_to),
        CASE(the_next_url_is_asked_when_the_first_is_dead),
        CASE(a_credential_is_sent),
        CASE(a_wrong_credential_is_told_at_the_start),
        CASE(nobody_there_is_told_at_the_start),
        CASE(a_registry_that_fails_is_still_there),
        CASE(a_probe_tells_a_registry_from_what_is_none),
        CASE(writers_go_to_their_readers),
        CASE(a_schema_is_registered),
        CASE(an_id_of_the_list_frames_without_a_registry),
        CASE(tls_is_verified),
    };
#undef CASE

    return cmocka_run_group_tests(tests, stop_broken_pipes, NULL);
}
