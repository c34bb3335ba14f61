/* The facts of an event: type, id, time, value and currency from whatever the schema offers. */
#include "readers_fixture.h"

#include "event/event_view.h"
#include "event/scalar.h"

enum { ARENA_BYTES = 1 << 20 };

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define EVENT FIELD("event", "\"string\"")
#define LOGICAL(base, logical) "{\"type\":\"" base "\",\"logicalType\":\"" logical "\"}"
#define DECIMAL "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,\"scale\":2}"

static const struct place written = {.file = "detour.yaml", .line = 7, .column = 3};

/* The defaults of the contract, as the configuration leaves them. */
static struct config config_of(void)
{
    static char path[] = "detour.yaml";
    struct config config = {.path = path};

    config.event.type = SPAN("event");
    config.event.id = SPAN("event_id");
    config.event.time = SPAN("timestamp");
    config.event.value = SPAN("properties.value");
    config.event.currency = SPAN("properties.currency");
    return config;
}

struct world {
    struct readers readers;
    struct event_paths paths;
    struct diags diags;
    struct arena arena;
    struct message_view message;
    struct value root;
    struct event_view view;
};

static void open_world(struct world *world, const struct config *config, const char *schema)
{
    *world = (struct world){0};
    world->readers = readers_of(&schema, 1);
    diags_init(&world->diags);
    arena_init(&world->arena, ARENA_BYTES);
    event_paths_compile(config, &world->readers, &world->paths, &world->diags);
    world->message = (struct message_view){.timestamp_ms = 1750000000000};
    world->view = (struct event_view){
        .message = &world->message, .root = &world->root, .now_ms = 1760000000000};
}

static void close_world(struct world *world)
{
    event_paths_fini(&world->paths);
    arena_fini(&world->arena);
    diags_fini(&world->diags);
    readers_done(&world->readers);
}

static enum err_code facts_of(struct world *world, const char *json)
{
    struct err err = {0};

    world->root = value_of(&world->readers, 0, json, &world->arena);
    return event_facts(&world->paths, &world->readers, &world->view, &world->arena, &err);
}

#define ASSUMED INT64_C(1750000000000)
static const struct {
    const char *name;
    const char *type;  /* of the field timestamp */
    const char *value; /* its JSON */
    int64_t want_ms;   /* ASSUMED: the record's own time stands in */
} time_rows[] = {
    {"timestamp-millis", LOGICAL("long", "timestamp-millis"), "1767225600123", 1767225600123},
    {"timestamp-micros", LOGICAL("long", "timestamp-micros"), "1767225600123999", 1767225600123},
    {"local-timestamp-millis", LOGICAL("long", "local-timestamp-millis"), "1767225600123",
     1767225600123},
    {"date", LOGICAL("int", "date"), "20454", 1767225600000},
    {"millis by type are never seconds", LOGICAL("long", "timestamp-millis"), "1767225600",
     ASSUMED},
    {"seconds in a long", "\"long\"", "1767225600", 1767225600000},
    {"milliseconds in a long", "\"long\"", "1767225600123", 1767225600123},
    {"seconds in an int", "\"int\"", "1767225600", 1767225600000},
    {"fractional seconds in a double", "\"double\"", "1767225600.5", 1767225600500},
    {"milliseconds in a double", "\"double\"", "1767225600123.0", 1767225600123},
    {"ISO text in UTC", "\"string\"", "\"2026-01-01T00:00:00.123Z\"", 1767225600123},
    {"ISO text with an offset", "\"string\"", "\" 2026-01-01T02:00:00+02:00 \"", 1767225600000},
    {"ISO date", "\"string\"", "\"2026-01-01\"", 1767225600000},
    {"seconds as text", "\"string\"", "\"1767225600\"", 1767225600000},
    {"milliseconds as text", "\"string\"", "\"1767225600123\"", 1767225600123},
    {"fractional seconds as text", "\"string\"", "\"1767225600.25\"", 1767225600250},
    {"the first usable millisecond", "\"long\"", "946684800000", 946684800000},
    {"the last usable millisecond", "\"long\"", "4102444799999", 4102444799999},
    {"nanoseconds", "\"long\"", "1767225600123999999", 1767225600123},
    {"microseconds", "\"long\"", "1767225600123999", 1767225600123},
    {"microseconds as text", "\"string\"", "\"1767225600123999\"", 1767225600123},
    {"timestamp-nanos", LOGICAL("long", "timestamp-nanos"), "1767225600123999999", 1767225600123},
    {"local-timestamp-nanos", LOGICAL("long", "local-timestamp-nanos"), "1767225600123999999",
     1767225600123},
    {"Debezium's MicroTimestamp",
     "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTimestamp\"}", "1767225600123999",
     1767225600123},
    {"Debezium's NanoTimestamp",
     "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.NanoTimestamp\"}",
     "1767225600123999999", 1767225600123},
    {"Debezium's Timestamp, nullable",
     "[\"null\",{\"type\":\"long\",\"connect.name\":\"io.debezium.time.Timestamp\"}]",
     "1767225600123", 1767225600123},
    {"Debezium's Date", "{\"type\":\"int\",\"connect.name\":\"io.debezium.time.Date\"}", "20454",
     1767225600000},
    {"Debezium's ZonedTimestamp",
     "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}",
     "\"2026-01-01T00:00:00.123456Z\"", 1767225600123},
    {"micros beside the type", "\"long\",\"logicalType\":\"timestamp-micros\"", "1767225600123999",
     1767225600123},
    {"a date beside the type", "\"int\",\"logicalType\":\"date\"", "20454", 1767225600000},
    {"a date beside a union", "[\"null\",\"int\"],\"logicalType\":\"date\"", "20454",
     1767225600000},
    {"micros in what should be millis", LOGICAL("long", "timestamp-millis"), "1767225600123999",
     1767225600123},
    {"nanos in what should be micros", LOGICAL("long", "timestamp-micros"), "1767225600123999999",
     1767225600123},
    {"Java's zone", "\"string\"", "\"2026-01-01T00:00:00.123Z[Etc/UTC]\"", 1767225600123},
    {"Java's zone with an offset", "\"string\"",
     "\"2026-01-01T01:00:00.123456789+01:00[Europe/Berlin]\"", 1767225600123},
    {"a region without an offset", "\"string\"", "\"2026-01-01T00:00:00.123[Europe/Berlin]\"",
     ASSUMED},
    {"a region that does not end", "\"string\"", "\"2026-01-01T00:00:00.123Z[Etc/UTC\"", ASSUMED},
    {"one before the first", LOGICAL("long", "timestamp-millis"), "946684799999", ASSUMED},
    {"one behind the last", LOGICAL("long", "timestamp-millis"), "4102444800000", ASSUMED},
    {"the first usable second", "\"long\"", "946684800", 946684800000},
    {"the last usable second", "\"long\"", "4102444799", 4102444799000},
    {"micros without a type", "\"long\"", "1767225600123999", 1767225600123},
    {"zero", "\"long\"", "0", ASSUMED},
    {"negative", "\"long\"", "-1767225600123", ASSUMED},
    {"the largest long", "\"long\"", "9223372036854775807", ASSUMED},
    {"the smallest long as micros", LOGICAL("long", "timestamp-micros"), "-9223372036854775808",
     ASSUMED},
    {"the largest date", LOGICAL("int", "date"), "2147483647", ASSUMED},
    {"an ISO year too early", "\"string\"", "\"1999-12-31T23:59:59Z\"", ASSUMED},
    {"an ISO year too late", "\"string\"", "\"2100-01-01T00:00:00Z\"", ASSUMED},
    {"text that is no time", "\"string\"", "\"yesterday\"", ASSUMED},
    {"empty text", "\"string\"", "\"\"", ASSUMED},
    {"null", "[\"null\",\"long\"]", "null", ASSUMED},
    {"a union of two", "[\"null\",\"string\",\"long\"]", "1767225600", 1767225600000},
};

static void time_is_told_by_type_text_or_size(void **state)
{
    struct config config = config_of();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(time_rows); i++) {
        char *schema = mem_format(RECORD(EVENT "," FIELD("timestamp", "%s")), time_rows[i].type);
        char *json = mem_format("{\"event\":\"x\",\"timestamp\":%s}", time_rows[i].value);
        struct world world;

        open_world(&world, &config, schema);
        assert_int_equal(facts_of(&world, json), ERR_OK);
        if (world.view.facts.time_ms != time_rows[i].want_ms ||
            world.view.facts.is_time_assumed != (time_rows[i].want_ms == ASSUMED)) {
            fail_msg("%s: got %lld%s", time_rows[i].name, (long long)world.view.facts.time_ms,
                     world.view.facts.is_time_assumed ? " (assumed)" : "");
        }
        close_world(&world);
        free(schema);
        free(json);
    }
}

static const struct {
    const char *writer, *reader; /* of the field timestamp */
    const char *value;           /* as the writer counts */
} unit_rows[] = {
    {LOGICAL("long", "timestamp-millis"), LOGICAL("long", "timestamp-micros"), "1767225600123"},
    {LOGICAL("long", "timestamp-micros"), LOGICAL("long", "timestamp-millis"), "1767225600123999"},
    {LOGICAL("long", "local-timestamp-micros"), LOGICAL("long", "timestamp-millis"),
     "1767225600123999"},
    {"\"long\"", LOGICAL("long", "timestamp-micros"), "1767225600123999"},
    {LOGICAL("long", "timestamp-millis"), "\"long\"", "1767225600123"},
};

/* Written by one schema, read by another: the time of the event is the same. */
static void time_survives_another_unit(void **state)
{
    struct config config = config_of();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unit_rows); i++) {
        char *writer_text =
            mem_format(RECORD(EVENT "," FIELD("timestamp", "%s")), unit_rows[i].writer);
        char *reader_text =
            mem_format(RECORD(EVENT "," FIELD("timestamp", "%s")), unit_rows[i].reader);
        char *json = mem_format("{\"event\":\"x\",\"timestamp\":%s}", unit_rows[i].value);
        struct schema *writer = schema_of(writer_text);
        struct decoder *decoder = NULL;
        struct world world;
        struct value written_value;
        struct buf bytes;
        struct err err;

        open_world(&world, &config, reader_text);
        buf_init(&bytes, ARENA_BYTES);
        assert_int_equal(
            value_from_json(span_of(json), writer->root, &world.arena, &written_value, &err),
            ERR_OK);
        value_encode(&written_value, writer->root, &bytes);
        assert_int_equal(decoder_compile(writer, world.readers.schemas[0], &decoder, &err), ERR_OK);
        assert_int_equal(decoder_run(decoder, buf_span(&bytes), &world.arena, &world.root, &err),
                         ERR_OK);
        assert_int_equal(event_facts(&world.paths, &world.readers, &world.view, &world.arena, &err),
                         ERR_OK);
        if (world.view.facts.time_ms != INT64_C(1767225600123) ||
            world.view.facts.is_time_assumed) {
            fail_msg("%s as %s: got %lld", unit_rows[i].writer, unit_rows[i].reader,
                     (long long)world.view.facts.time_ms);
        }
        decoder_free(decoder);
        buf_fini(&bytes);
        close_world(&world);
        schema_free(writer);
        free(writer_text);
        free(reader_text);
        free(json);
    }
}

static void without_a_record_timestamp_now_stands_in(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    open_world(&world, &config, RECORD(EVENT));
    world.message.timestamp_ms = -1;
    assert_int_equal(facts_of(&world, "{\"event\":\"x\"}"), ERR_OK);
    assert_true(world.view.facts.is_time_assumed);
    assert_int_equal(world.view.facts.time_ms, world.view.now_ms);
    assert_true(has_diag(&world.diags, DIAG_ERROR, NULL)); /* the other defaults are not needed */
    close_world(&world);
}

static const struct {
    const char *name;
    const char *type;
    const char *value;
    bool has_value;
    double want;
} value_rows[] = {
    {"a double", "\"double\"", "19.99", true, 19.99},
    {"an int", "\"int\"", "-3", true, -3},
    {"a long", "\"long\"", "123456789012", true, 123456789012},
    {"a float", "\"float\"", "0.5", true, 0.5},
    {"a decimal", DECIMAL, "\"\\u0007\\u00cf\"", true, 19.99},
    {"a negative decimal", DECIMAL, "\"\\u00f8\\u0031\"", true, -19.99},
    {"a decimal of ten bytes", DECIMAL,
     "\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0007\\u00cf\"", true, 19.99},
    {"a decimal without bytes", DECIMAL, "\"\"", false, 0},
    {"text", "\"string\"", "\" 19.99 \"", true, 19.99},
    {"text with a currency", "\"string\"", "\"19.99 EUR\"", false, 0},
    {"text in hexadecimal", "\"string\"", "\"0x10\"", false, 0},
    {"text that says nan", "\"string\"", "\"nan\"", false, 0},
    {"empty text", "\"string\"", "\"\"", false, 0},
    {"null", "[\"null\",\"double\"]", "null", false, 0},
    {"not null", "[\"null\",\"double\"]", "7.5", true, 7.5},
    {"a decimal in a union", "[\"null\"," DECIMAL "]", "\"\\u0064\"", true, 1},
};

static void value_is_any_number_decimal_or_numeric_text(void **state)
{
    struct config config = config_of();

    (void)state;
    config.event.value = SPAN("amount");
    config.event.value_place = written;
    for (size_t i = 0; i < COUNT_OF(value_rows); i++) {
        char *schema = mem_format(RECORD(EVENT "," FIELD("amount", "%s")), value_rows[i].type);
        char *json = mem_format("{\"event\":\"x\",\"amount\":%s}", value_rows[i].value);
        struct world world;

        open_world(&world, &config, schema);
        if (world.diags.error_count > 0) {
            fail_msg("%s: %s", value_rows[i].name, first_diag(&world.diags));
        }
        assert_int_equal(facts_of(&world, json), ERR_OK);
        if (world.view.facts.has_value != value_rows[i].has_value ||
            !(world.view.facts.value == value_rows[i].want)) {
            fail_msg("%s: got %d %.17g", value_rows[i].name, world.view.facts.has_value,
                     world.view.facts.value);
        }
        close_world(&world);
        free(schema);
        free(json);
    }
}

static const struct {
    const char *name;
    const char *value;
    const char *want; /* NULL: absent */
} currency_rows[] = {
    {"as it should be", "\"EUR\"", "EUR"},
    {"lower case", "\"eur\"", "EUR"},
    {"mixed, with spaces", "\" eUr\\t\"", "EUR"},
    {"two letters", "\"EU\"", NULL},
    {"four letters", "\"EURO\"", NULL},
    {"a sign", "\"\u20ac\"", NULL},
    {"digits", "\"978\"", NULL},
    {"letters beyond ASCII of three bytes", "\"\u00e9a\"", NULL},
    {"punctuation between the cases", "\"EU[\"", NULL},
    {"empty", "\"\"", NULL},
    {"null", "null", NULL},
    {"not a number", "\"NaN\"", NULL},
    {"nil", "\"nil\"", NULL},
};

static void currency_is_three_letters_or_absent(void **state)
{
    struct config config = config_of();

    (void)state;
    config.event.currency = SPAN("cur");
    config.event.currency_place = written;
    for (size_t i = 0; i < COUNT_OF(currency_rows); i++) {
        char *json = mem_format("{\"event\":\"x\",\"cur\":%s}", currency_rows[i].value);
        struct world world;
        struct span got;

        open_world(&world, &config, RECORD(EVENT "," FIELD("cur", "[\"null\",\"string\"]")));
        assert_int_equal(facts_of(&world, json), ERR_OK);
        got = world.view.facts.currency;
        if ((got.ptr == NULL) != (currency_rows[i].want == NULL) ||
            (got.ptr != NULL && !span_is(got, currency_rows[i].want))) {
            fail_msg("%s: got '" SPAN_FMT "'", currency_rows[i].name, SPAN_ARG(got));
        }
        close_world(&world);
        free(json);
    }
}

static const struct {
    const char *name;
    const char *type;
    const char *value;
    const char *want; /* NULL: absent */
} id_rows[] = {
    {"text", "\"string\"", "\" e-1 \"", " e-1 "},
    {"empty text", "\"string\"", "\"\"", NULL},
    {"null", "[\"null\",\"string\"]", "null", NULL},
    {"a long", "\"long\"", "-9223372036854775808", "-9223372036854775808"},
    {"an int", "\"int\"", "42", "42"},
    {"a whole double", "\"double\"", "42.0", "42"},
    {"a double", "\"double\"", "0.1", "0.1"},
    {"a float", "\"float\"", "0.1", "0.1"},
    {"a uuid", LOGICAL("string", "uuid"), "\"00000000-0000-4000-8000-000000000001\"",
     "00000000-0000-4000-8000-000000000001"},
    {"a decimal", DECIMAL, "\"\\u0007\\u00d0\"", "20"},
    {"a decimal below one", DECIMAL, "\"\\u0005\"", "0.05"},
    {"a negative decimal", DECIMAL, "\"\\u00ff\"", "-0.01"},
    {"an enum", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", "B"},
    {"null, written out", "\"string\"", "\"null\"", NULL},
    {"undefined", "\"string\"", "\" undefined \"", NULL},
    {"a placeholder", "\"string\"", "\"{{event_id}}\"", NULL},
    {"blanks", "\"string\"", "\"  \"", NULL},
    {"a UUID that was never made", "\"string\"", "\"00000000-0000-0000-0000-000000000000\"", NULL},
    {"zero", "\"int\"", "0", "0"},
};

static void id_is_any_scalar_as_text(void **state)
{
    struct config config = config_of();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(id_rows); i++) {
        char *schema = mem_format(RECORD(EVENT "," FIELD("event_id", "%s")), id_rows[i].type);
        char *json = mem_format("{\"event\":\"x\",\"event_id\":%s}", id_rows[i].value);
        struct world world;
        struct span got;

        open_world(&world, &config, schema);
        assert_int_equal(facts_of(&world, json), ERR_OK);
        got = world.view.facts.id;
        if ((got.ptr == NULL) != (id_rows[i].want == NULL) ||
            (got.ptr != NULL && !span_is(got, id_rows[i].want))) {
            fail_msg("%s: got '" SPAN_FMT "'", id_rows[i].name, SPAN_ARG(got));
        }
        close_world(&world);
        free(schema);
        free(json);
    }
}

static const struct {
    const char *name;
    const char *type;
    const char *value;
    const char *want; /* NULL: ERR_DATA */
} type_rows[] = {
    {"text", "\"string\"", "\"Order Completed\"", "Order Completed"},
    {"empty text", "\"string\"", "\"\"", NULL},
    {"null", "[\"null\",\"string\"]", "null", NULL},
    {"an enum", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"BUY\"]}", "\"BUY\"", "BUY"},
    {"a union of text and number, text", "[\"string\",\"long\"]", "\"x\"", "x"},
    {"a union of text and number, number", "[\"string\",\"long\"]", "5", NULL},
    {"undefined", "\"string\"", "\"undefined\"", NULL},
    {"a placeholder", "\"string\"", "\"{{event}}\"", NULL},
    {"a name that looks odd", "\"string\"", "\"None\"", "None"},
    {"a symbol of that name", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"NULL\"]}",
     "\"NULL\"", "NULL"},
};

static void type_is_text_or_the_event_is_refused(void **state)
{
    struct config config = config_of();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(type_rows); i++) {
        char *schema = mem_format(RECORD(FIELD("event", "%s")), type_rows[i].type);
        char *json = mem_format("{\"event\":%s}", type_rows[i].value);
        struct world world;
        enum err_code rc;

        open_world(&world, &config, schema);
        rc = facts_of(&world, json);
        if (rc != (type_rows[i].want == NULL ? ERR_DATA : ERR_OK) ||
            (rc == ERR_OK && !span_is(world.view.facts.type, type_rows[i].want))) {
            fail_msg("%s: got %d '" SPAN_FMT "'", type_rows[i].name, (int)rc,
                     SPAN_ARG(world.view.facts.type));
        }
        close_world(&world);
        free(schema);
        free(json);
    }
}

static void a_type_of_more_than_a_kilobyte_is_refused(void **state)
{
    struct config config = config_of();
    char text[1026];

    (void)state;
    for (size_t len = 1024; len <= 1025; len++) {
        struct world world;
        char *json;

        memset(text, 'x', len);
        text[len] = '\0';
        json = mem_format("{\"event\":\"%s\"}", text);
        open_world(&world, &config, RECORD(EVENT));
        assert_int_equal(facts_of(&world, json), len == 1024 ? ERR_OK : ERR_DATA);
        close_world(&world);
        free(json);
    }
}

static void the_record_s_name_can_be_the_type(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    config.event.is_type_record_name = true;
    open_world(&world, &config, RECORD(FIELD("id", "\"long\"")));
    assert_true(has_diag(&world.diags, DIAG_ERROR, NULL));
    assert_int_equal(facts_of(&world, "{\"id\":1}"), ERR_OK);
    assert_true(span_is(world.view.facts.type, "Order"));
    close_world(&world);
}

static void a_union_at_the_root_names_its_branch(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    config.event.is_type_record_name = true;
    open_world(&world, &config,
               "[\"null\",{\"type\":\"record\",\"name\":\"a.Placed\",\"fields\":["
               "{\"name\":\"p\",\"type\":\"int\"}]},"
               "{\"type\":\"record\",\"name\":\"b.Paid\",\"fields\":["
               "{\"name\":\"q\",\"type\":\"int\"}]}]");
    assert_int_equal(facts_of(&world, "{\"q\":1}"), ERR_OK);
    assert_true(span_is(world.view.facts.type, "Paid"));
    assert_int_equal(facts_of(&world, "null"), ERR_DATA);
    close_world(&world);
}

static const struct {
    const char *name;
    const char *schema;
    const char *key; /* which fact is configured */
    const char *path;
    const char *want_error;
} path_rows[] = {
    {"an unknown path is an error where it stands", RECORD(EVENT), "id", "event_idd", "event.id: "},
    {"a value that is a boolean", RECORD(EVENT "," FIELD("v", "\"boolean\"")), "value", "v",
     "event.value: v is of type boolean in shop.Order, it must be a number"},
    {"a value that is plain bytes", RECORD(EVENT "," FIELD("v", "\"bytes\"")), "value", "v",
     "event.value: v is of type bytes"},
    {"a currency that is a number", RECORD(EVENT "," FIELD("c", "\"int\"")), "currency", "c",
     "event.currency: c is of type int"},
    {"a type that is a number", RECORD(EVENT "," FIELD("n", "\"int\"")), "type", "n",
     "event.type: n is of type int"},
    {"an unknown type", RECORD(EVENT), "type", "evnt", "event.type: "},
};

static void set_path(struct config *config, const char *key, const char *path)
{
    const struct {
        const char *key;
        struct span *text;
        struct place *place;
    } slots[] = {
        {"type", &config->event.type, &config->event.type_place},
        {"id", &config->event.id, &config->event.id_place},
        {"time", &config->event.time, &config->event.time_place},
        {"value", &config->event.value, &config->event.value_place},
        {"currency", &config->event.currency, &config->event.currency_place},
    };

    for (size_t i = 0; i < COUNT_OF(slots); i++) {
        if (strcmp(slots[i].key, key) == 0) {
            *slots[i].text = span_of(path);
            *slots[i].place = written;
        }
    }
}

static void a_written_path_that_does_not_fit_is_an_error_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(path_rows); i++) {
        struct config config = config_of();
        struct world world;

        set_path(&config, path_rows[i].key, path_rows[i].path);
        open_world(&world, &config, path_rows[i].schema);
        if (!has_diag(&world.diags, DIAG_ERROR, path_rows[i].want_error) ||
            world.diags.items[0].place.line != written.line) {
            fail_msg("%s: got %s", path_rows[i].name, first_diag(&world.diags));
        }
        close_world(&world);
    }
}

static void a_default_that_does_not_fit_is_left_out(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    open_world(
        &world, &config,
        RECORD(EVENT "," FIELD("event_id", "{\"type\":\"array\",\"items\":\"int\"}") "," FIELD(
            "timestamp", "\"boolean\"")));
    assert_int_equal(world.diags.count, 1); /* of these only the time is replaced by another */
    assert_true(has_diag(&world.diags, DIAG_WARNING,
                         "event.time: shop.Order has no usable field timestamp: the time of its "
                         "events is that of their Kafka records"));
    assert_null(world.paths.id);
    assert_null(world.paths.time);
    assert_null(world.paths.value);
    close_world(&world);
}

static void a_time_of_day_is_warned_of(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    open_world(
        &world, &config,
        RECORD(EVENT "," FIELD("timestamp", "[\"null\"," LOGICAL("long", "time-micros") "]")));
    assert_true(has_diag(&world.diags, DIAG_WARNING,
                         "event.time: shop.Order has no point in time in timestamp"));
    close_world(&world);
    open_world(&world, &config,
               RECORD(EVENT "," FIELD("timestamp", LOGICAL("long", "timestamp-nanos"))));
    assert_int_equal(world.diags.count, 0);
    close_world(&world);
}

static void no_field_for_the_type_is_an_error_even_by_default(void **state)
{
    struct config config = config_of();
    struct world world;

    (void)state;
    open_world(&world, &config, RECORD(FIELD("kind", "\"string\"")));
    assert_true(has_diag(&world.diags, DIAG_ERROR, "{record: name}"));
    assert_string_equal(world.diags.items[0].place.file, "detour.yaml");
    close_world(&world);
}

static void a_reader_without_the_type_is_warned_of(void **state)
{
    static const char *const texts[] = {RECORD(EVENT),
                                        "{\"type\":\"record\",\"name\":\"shop.Refund\",\"fields\":["
                                        "{\"name\":\"kind\",\"type\":\"string\"}]}"};
    struct config config = config_of();
    struct readers readers = readers_of(texts, 2);
    struct event_paths paths;
    struct diags diags;

    (void)state;
    diags_init(&diags);
    event_paths_compile(&config, &readers, &paths, &diags);
    assert_int_equal(diags.error_count, 0);
    assert_true(has_diag(&diags, DIAG_WARNING, "shop.Refund has no field event"));
    event_paths_fini(&paths);
    diags_fini(&diags);
    readers_done(&readers);
}

static const struct {
    const char *name;
    const char *a, *b;
    int want;
} order_rows[] = {
    {"integers beyond a double", "9007199254740993", "9007199254740992", 1},
    {"an integer and a double beyond it", "9007199254740993", "9007199254740992.0", 1},
    {"equal in two forms", "100", "1e2", 0},
    {"the ends of 64 bits", "-9223372036854775808", "9223372036854775807", -1},
    {"past 64 bits", "9223372036854775807", "9223372036854775808", -1},
    {"fractions", "0.1", "0.2", -1},
};

/* One path through a union of two records whose fields differ. */
#define TWO_RECORDS(a, b)                                                                          \
    RECORD(EVENT "," FIELD(                                                                        \
        "p", "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD("a", "\"int\"") "," FIELD(  \
                 "x", a) "]},{\"type\":\"record\",\"name\":\"B\",\"fields\":"                      \
                         "[" FIELD("b", "\"int\"") "," FIELD("x", b) "]}]"))
static const struct {
    const char *name;
    const char *schema;
    const char *event;
    bool has_value;
    double want;
} through_rows[] = {
    {"a text, where the first record has a decimal", TWO_RECORDS(DECIMAL, "\"string\""),
     "{\"event\":\"e\",\"p\":{\"b\":1,\"x\":\"1.5\"}}", true, 1.5},
    {"a decimal, where the first record has a text", TWO_RECORDS("\"string\"", DECIMAL),
     "{\"event\":\"e\",\"p\":{\"b\":1,\"x\":\"\\u0064\"}}", true, 1},
    {"a nullable decimal behind a nullable number",
     TWO_RECORDS("[\"null\",\"int\",\"string\"]", "[\"null\"," DECIMAL "]"),
     "{\"event\":\"e\",\"p\":{\"b\":1,\"x\":\"\\u0064\"}}", true, 1},
};

static void a_value_through_several_records_has_its_own_type(void **state)
{
    struct config config = config_of();

    (void)state;
    config.event.value = SPAN("p.x");
    config.event.value_place = written;
    for (size_t i = 0; i < COUNT_OF(through_rows); i++) {
        struct world world;

        open_world(&world, &config, through_rows[i].schema);
        if (world.diags.error_count > 0) {
            fail_msg("%s: %s", through_rows[i].name, first_diag(&world.diags));
        }
        assert_int_equal(facts_of(&world, through_rows[i].event), ERR_OK);
        if (world.view.facts.has_value != through_rows[i].has_value ||
            !(world.view.facts.value == through_rows[i].want)) {
            fail_msg("%s: got %d %.17g", through_rows[i].name, world.view.facts.has_value,
                     world.view.facts.value);
        }
        close_world(&world);
    }
}

static void a_scale_that_is_not_known_is_not_guessed(void **state)
{
    const struct type two = {.kind = TYPE_BYTES, .logical = LOGICAL_DECIMAL, .scale = 2};
    const struct type four = {.kind = TYPE_BYTES, .logical = LOGICAL_DECIMAL, .scale = 4};
    const struct type *branches[] = {&two, &four};
    const struct type either = {.kind = TYPE_UNION, .branches = branches, .branch_count = 2};
    const struct value value = {.kind = VALUE_BYTES, .len = 1, .p = "d"};
    struct numeric number;

    (void)state;
    assert_true(scalar_number(&value, &two, &number));
    assert_true(number.d == 1);
    assert_false(scalar_number(&value, &either, &number));
    assert_null(scalar_type(&either, &value));
}

static void numbers_compare_exactly_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(order_rows); i++) {
        struct numeric a, b;

        assert_true(numeric_parse(span_of(order_rows[i].a), &a));
        assert_true(numeric_parse(span_of(order_rows[i].b), &b));
        if (numeric_cmp(&a, &b) != order_rows[i].want ||
            numeric_cmp(&b, &a) != -order_rows[i].want) {
            fail_msg("%s: got %d", order_rows[i].name, numeric_cmp(&a, &b));
        }
    }
}

static void json_numbers_are_told_from_texts_of_digits(void **state)
{
    static const char *const numbers[] = {"0", "-0", "10", "1.5", "-1e5", "1E+5", "0.1e-9"};
    static const char *const texts[] = {"",    "-",   "007", "+1", "1.",  ".5", "1e",
                                        "1e+", "0x1", "1 ",  "1a", "--1", "nan"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (!scalar_is_json_number(span_of(numbers[i]))) {
            fail_msg("%s is a number", numbers[i]);
        }
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (scalar_is_json_number(span_of(texts[i]))) {
            fail_msg("'%s' is a text", texts[i]);
        }
    }
}

static void no_memory_for_the_currency_is_said(void **state)
{
    struct config config = config_of();
    struct arena empty;
    struct world world;
    struct err err = {0};

    (void)state;
    config.event.currency = SPAN("cur");
    open_world(&world, &config, RECORD(EVENT "," FIELD("cur", "\"string\"")));
    world.root = value_of(&world.readers, 0, "{\"event\":\"x\",\"cur\":\"eur\"}", &world.arena);
    arena_init(&empty, 0);
    assert_int_equal(event_facts(&world.paths, &world.readers, &world.view, &empty, &err),
                     ERR_LIMIT);
    arena_fini(&empty);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_told_by_type_text_or_size),
        cmocka_unit_test(time_survives_another_unit),
        cmocka_unit_test(without_a_record_timestamp_now_stands_in),
        cmocka_unit_test(value_is_any_number_decimal_or_numeric_text),
        cmocka_unit_test(currency_is_three_letters_or_absent),
        cmocka_unit_test(id_is_any_scalar_as_text),
        cmocka_unit_test(type_is_text_or_the_event_is_refused),
        cmocka_unit_test(a_type_of_more_than_a_kilobyte_is_refused),
        cmocka_unit_test(the_record_s_name_can_be_the_type),
        cmocka_unit_test(a_union_at_the_root_names_its_branch),
        cmocka_unit_test(a_written_path_that_does_not_fit_is_an_error_with_its_place),
        cmocka_unit_test(a_default_that_does_not_fit_is_left_out),
        cmocka_unit_test(a_time_of_day_is_warned_of),
        cmocka_unit_test(no_field_for_the_type_is_an_error_even_by_default),
        cmocka_unit_test(a_reader_without_the_type_is_warned_of),
        cmocka_unit_test(a_value_through_several_records_has_its_own_type),
        cmocka_unit_test(a_scale_that_is_not_known_is_not_guessed),
        cmocka_unit_test(numbers_compare_exactly_in_every_form),
        cmocka_unit_test(json_numbers_are_told_from_texts_of_digits),
        cmocka_unit_test(no_memory_for_the_currency_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
