#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "schema/decoder.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"com.example.R\",\"fields\":[" fields "]}"

static struct schema *parse(const char *name, struct span json)
{
    struct schema *schema = NULL;
    struct err err = {0};

    if (schema_parse(json, NULL, 0, &schema, &err) != ERR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    return schema;
}

/* Known from the specification and from two other implementations. */
static const struct {
    const char *name;
    const char *json;
    uint64_t want;
} fingerprint_cases[] = {
    {"int", "\"int\"", 0x7275d51a3f395c8fu},
    {"int as an object", "{\"type\": \"int\"}", 0x7275d51a3f395c8fu},
    {"string", "\"string\"", 0x8f014872634503c7u},
    {"null", "\"null\"", 0x63dd24e7cc258f8au},
    {"a logical type does not count", "{\"type\":\"int\",\"logicalType\":\"date\"}",
     0x7275d51a3f395c8fu},
};

static void fingerprints_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fingerprint_cases); i++) {
        struct schema *schema =
            parse(fingerprint_cases[i].name, span_of(fingerprint_cases[i].json));

        if (schema->fingerprint != fingerprint_cases[i].want) {
            fail_msg("%s: got %016llx", fingerprint_cases[i].name,
                     (unsigned long long)schema->fingerprint);
        }
        schema_free(schema);
    }
}

static const struct {
    const char *name;
    const char *json;
    const char *want; /* in the error */
} refused_cases[] = {
    {"empty", "", "schema is empty"},
    {"not JSON", "{\"type\":", "line 1"},
    {"a key twice", "{\"type\":\"int\",\"type\":\"long\"}", "a key stands twice"},
    {"unknown type", "\"strnig\"", "'strnig' is not a type of Avro's"},
    {"number", "7", "a type must be"},
    {"type in a type", "{\"type\":{\"type\":\"int\"}}", "without the text 'type'"},
    {"container as a word", "\"array\"", "needs an object"},
    {"negative fixed", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-2}", "from 0 to 1048576"},
    {"huge fixed", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1048577}", "from 0 to 1048576"},
    {"enum without symbols", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "no symbols"},
    {"symbol twice", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
     "'A' stands twice"},
    {"symbol is no name", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a-b\"]}",
     "not a name (number 1)"},
    {"enum default", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
     "none of its symbols"},
    {"empty union", "[]", "0 branches"},
    {"union in union", "[\"null\",[\"int\"]]", "directly inside a union"},
    {"same branch twice", "[\"int\",\"int\"]", "two branches of type 'int'"},
    {"two maps", "[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]",
     "two branches of type 'map'"},
    {"array without items", "{\"type\":\"array\"}", "array without 'items'"},
    {"map without values", "{\"type\":\"map\"}", "map without 'values'"},
    {"record without fields", "{\"type\":\"record\",\"name\":\"R\"}", "no list of fields"},
    {"record without name", "{\"type\":\"record\",\"fields\":[]}", "no valid name"},
    {"name of a primitive", "{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
     "a type of Avro's own"},
    {"field without type", RECORD("{\"name\":\"a\"}"), "com.example.R.a: the field has no type"},
    {"field twice", RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"),
     "field 'a' stands twice"},
    {"field name", RECORD("{\"name\":\"a.b\",\"type\":\"int\"}"), "no valid name"},
    {"defined twice",
     RECORD("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}}"),
     "'com.example.R' is defined twice"},
    {"holds itself", RECORD("{\"name\":\"a\",\"type\":\"R\"}"), "holds itself"},
    {"holds itself through another",
     RECORD("{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"S\",\"fields\":[{"
            "\"name\":\"b\",\"type\":\"R\"}]}]},{\"name\":\"c\",\"type\":\"S\"}"),
     "holds itself"},
    {"default of the wrong type", RECORD("{\"name\":\"a\",\"type\":\"int\",\"default\":\"0\"}"),
     "default of com.example.R.a: int cannot be read from text"},
    {"default out of range", RECORD("{\"name\":\"a\",\"type\":\"int\",\"default\":2147483648}"),
     "outside of 32 bits"},
    {"default that fits no branch",
     RECORD("{\"name\":\"a\",\"type\":[\"null\",\"int\",\"long\"],\"default\":true}"),
     "no branch fits"},
    {"default of bytes past U+00FF",
     RECORD("{\"name\":\"a\",\"type\":\"bytes\",\"default\":\"\\u0100\"}"), "past U+00FF"},
    {"default that needs itself",
     RECORD("{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"R\"},\"default\":[{}]}"),
     "needs itself"},
    {"alias that is no name",
     "{\"type\":\"record\",\"name\":\"R\",\"aliases\":[\"\"],\"fields\":[]}", "aliases"},
    {"alias that is no text", "{\"type\":\"record\",\"name\":\"R\",\"aliases\":[1],\"fields\":[]}",
     "aliases"},
    {"a dash in the namespace",
     "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a-b\",\"fields\":[]}", "no valid name"},
};

static void wrong_schemas_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused_cases); i++) {
        struct schema *schema = NULL;
        struct err err = {0};
        enum err_code rc = schema_parse(span_of(refused_cases[i].json), NULL, 0, &schema, &err);

        if (rc != ERR_DATA || strstr(err.text, refused_cases[i].want) == NULL) {
            schema_free(schema);
            fail_msg("%s: rc %d, %s", refused_cases[i].name, (int)rc, err.text);
        }
    }
}

#define FIELD_F(type) "{\"name\":\"f\",\"type\":" type "}"
#define ENUM(symbols, more) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]" more "}"

/* What registries accept, and Java without validation or fastavro read; @bytes and what a reader
 * {"f": ...} makes of them. As a reader's schema each is refused. */
static const struct {
    const char *name;
    const char *writer;
    const char *reader;
    const char *bytes;
    size_t len;
    const char *want; /* as JSON */
} lenient_cases[] = {
    {"default of the wrong type", RECORD("{\"name\":\"f\",\"type\":\"int\",\"default\":\"0\"}"),
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"default null in quotes",
     RECORD("{\"name\":\"f\",\"type\":[\"null\",\"int\"],\"default\":\"null\"}"),
     RECORD(FIELD_F("[\"null\",\"int\"]")), "\x00", 1, "{\"f\":null}"},
    {"default of no branch",
     RECORD("{\"name\":\"f\",\"type\":[\"null\",\"int\"],\"default\":[{}]}"),
     RECORD(FIELD_F("[\"null\",\"int\"]")), "\x02\x0e", 2, "{\"f\":7}"},
    {"default that needs itself",
     RECORD("{\"name\":\"f\",\"type\":{\"type\":\"array\",\"items\":\"R\"},\"default\":[{}]}"),
     RECORD(FIELD_F("{\"type\":\"array\",\"items\":\"R\"}")), "\x00", 1, "{\"f\":[]}"},
    {"default past 64 bits",
     RECORD("{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"default\":"
            "99999999999999999999999}"),
     RECORD(FIELD_F("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}")), "a", 1, "{\"f\":\"a\"}"},
    {"enum default that is no symbol", RECORD(FIELD_F(ENUM("\"A\",\"B\"", ",\"default\":\"C\""))),
     RECORD(FIELD_F(ENUM("\"A\",\"B\"", ""))), "\x02", 1, "{\"f\":\"B\"}"},
    {"enum default of another kind", RECORD(FIELD_F(ENUM("\"A\",\"B\"", ",\"default\":7"))),
     RECORD(FIELD_F(ENUM("\"A\",\"B\"", ""))), "\x02", 1, "{\"f\":\"B\"}"},
    {"symbols that are no names", RECORD(FIELD_F(ENUM("\"A-1\",\"2\",\"B\"", ""))),
     RECORD(FIELD_F(ENUM("\"B\"", ""))), "\x04", 1, "{\"f\":\"B\"}"},
    {"a symbol twice", RECORD(FIELD_F(ENUM("\"A\",\"A\",\"B\"", ""))),
     RECORD(FIELD_F(ENUM("\"A\",\"B\"", ""))), "\x04", 1, "{\"f\":\"B\"}"},
    {"an enum without symbols", RECORD(FIELD_F("[\"int\"," ENUM("", "") "]")),
     RECORD(FIELD_F("\"int\"")), "\x00\x0e", 2, "{\"f\":7}"},
    {"a dash in name and namespace",
     "{\"type\":\"record\",\"name\":\"a-b.my event\",\"fields\":[" FIELD_F("\"int\"") "]}", NULL,
     "\x0e", 1, NULL},
    {"a dash in a namespace",
     "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"com.my-shop\",\"fields\":[" FIELD_F(
         "\"int\"") "]}",
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"a field that is no name, under an alias", RECORD("{\"name\":\"f-1\",\"type\":\"int\"}"),
     RECORD("{\"name\":\"f\",\"type\":\"int\",\"aliases\":[\"f-1\"]}"), "\x0e", 1, "{\"f\":7}"},
    {"a field that is no name, skipped",
     RECORD("{\"name\":\"1 2\",\"type\":\"string\"}," FIELD_F("\"int\"")),
     RECORD(FIELD_F("\"int\"")), "\x02x\x0e", 3, "{\"f\":7}"},
    {"aliases and docs of odd kinds",
     "{\"type\":\"record\",\"name\":\"R\",\"doc\":[1],\"aliases\":\"x\",\"order\":3,\"fields\":[{"
     "\"name\":"
     "\"f\",\"type\":\"int\",\"doc\":null,\"doc\":{},\"aliases\":[7],\"order\":\"up\"}]}",
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"Java's string", RECORD(FIELD_F("{\"type\":\"string\",\"avro.java.string\":\"String\"}")),
     RECORD(FIELD_F("\"string\"")), "\x02x", 2, "{\"f\":\"x\"}"},
    {"a type in a type",
     RECORD(FIELD_F("{\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"},\"x\":1}")),
     RECORD(FIELD_F("\"string\"")), "\x02x", 2, "{\"f\":\"x\"}"},
    {"a union in a type", RECORD(FIELD_F("{\"type\":[\"null\",\"int\"]}")),
     RECORD(FIELD_F("[\"null\",\"int\"]")), "\x02\x0e", 2, "{\"f\":7}"},
    {"logical types nobody knows or of wrong scale",
     RECORD("{\"name\":\"f\",\"type\":{\"type\":\"int\",\"logicalType\":\"uuid\"}},{\"name\":\"g\","
            "\"type\":{"
            "\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":-1,\"scale\":\"x\"}}"),
     RECORD(FIELD_F("\"int\"")), "\x0e\x00", 2, "{\"f\":7}"},
    {"a record that is thrown",
     "{\"type\":\"error\",\"name\":\"R\",\"fields\":[" FIELD_F("\"int\"") "]}",
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"an empty record inside",
     RECORD("{\"name\":\"e\",\"type\":{\"type\":\"record\",\"name\":\"X\",\"fields\":[]}}," FIELD_F(
         "\"int\"")),
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"names without namespace",
     "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"e\",\"type\":{\"type\":"
     "\"record\","
     "\"name\":\".X\",\"fields\":[]}},{\"name\":\"g\",\"type\":\"X\"}," FIELD_F("\"int\"") "]}",
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"a type called record",
     RECORD("{\"name\":\"e\",\"type\":{\"type\":\"record\",\"name\":\"record\",\"fields\":[]}},{"
            "\"name\":"
            "\"g\",\"type\":\"record\"}," FIELD_F("\"int\"")),
     RECORD(FIELD_F("\"int\"")), "\x0e", 1, "{\"f\":7}"},
    {"two branches of one type", RECORD(FIELD_F("[\"int\",\"int\"]")), RECORD(FIELD_F("\"int\"")),
     "\x02\x0e", 2, "{\"f\":7}"},
};

static void check_lenient(const char *name, const struct schema *writer, const char *reader_text,
                          struct span bytes, const char *want)
{
    struct schema *reader = parse(name, span_of(reader_text));
    struct decoder *decoder = NULL;
    struct err err = {0};
    struct arena arena;
    struct value value;
    struct buf json;

    arena_init(&arena, 1 << 20);
    buf_init(&json, 1 << 20);
    if (decoder_compile(writer, reader, &decoder, &err) != ERR_OK ||
        decoder_run(decoder, bytes, &arena, &value, &err) != ERR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    value_to_json(&value, reader->root, &json);
    if (strcmp(buf_text(&json), want) != 0) {
        fail_msg("%s: %s", name, buf_text(&json));
    }
    buf_fini(&json);
    arena_fini(&arena);
    decoder_free(decoder);
    schema_free(reader);
}

static const struct schema_rules writer_rules = {true, SCHEMA_TEXT_BYTES_MAX};

static void a_writers_schema_is_judged_by_what_its_bytes_need(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lenient_cases); i++) {
        struct schema *schema = NULL;
        struct err err = {0};

        if (schema_parse_as(&writer_rules, span_of(lenient_cases[i].writer), NULL, 0, &schema,
                            &err) != ERR_OK) {
            fail_msg("%s: %s", lenient_cases[i].name, err.text);
        }
        if (lenient_cases[i].reader != NULL) {
            check_lenient(lenient_cases[i].name, schema, lenient_cases[i].reader,
                          (struct span){lenient_cases[i].bytes, lenient_cases[i].len},
                          lenient_cases[i].want);
        }
        schema_free(schema);
    }
}

/* What would make reading unsafe, or means nothing, is refused of writers, too. */
static const struct {
    const char *name;
    const char *json;
    const char *want;
} hostile_cases[] = {
    {"negative fixed", RECORD(FIELD_F("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-2}")),
     "com.example.R.f: fixed 'com.example.F': size must be a number from 0 to 1048576"},
    {"fixed of half a byte", RECORD(FIELD_F("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0.5}")),
     "com.example.R.f: fixed"},
    {"huge fixed", RECORD(FIELD_F("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1e30}")),
     "com.example.R.f: fixed"},
    {"holds itself", RECORD("{\"name\":\"a\",\"type\":\"R\"}"), "'com.example.R' holds itself"},
    {"union in union", RECORD(FIELD_F("[\"null\",[\"int\"]]")),
     "com.example.R.f: a union directly inside a union"},
    {"union in a union's type", RECORD(FIELD_F("[\"null\",{\"type\":[\"int\"]}]")),
     "com.example.R.f: a union directly inside a union"},
    {"empty union", RECORD(FIELD_F("[]")), "0 branches"},
    {"defined twice", RECORD(FIELD_F("{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}")),
     "'com.example.R' is defined twice"},
    {"a name that breaks lines", "{\"type\":\"record\",\"name\":\"a\\nb\",\"fields\":[]}",
     "no valid name"},
    {"no name", "{\"type\":\"record\",\"fields\":[]}", "no valid name"},
    {"unknown type", RECORD(FIELD_F("\"strnig\"")), "com.example.R.f: 'com.example.strnig' is not"},
    {"symbols that are no texts", RECORD(FIELD_F(ENUM("1", ""))), "com.example.R.f: enum"},
    {"not JSON", "{\"type\":", "line 1"},
};

static void hostile_writers_are_refused_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hostile_cases); i++) {
        struct schema *schema = NULL;
        struct err err = {0};

        if (schema_parse_as(&writer_rules, span_of(hostile_cases[i].json), NULL, 0, &schema,
                            &err) == ERR_OK ||
            strstr(err.text, hostile_cases[i].want) == NULL) {
            schema_free(schema);
            fail_msg("%s: %s", hostile_cases[i].name, err.text);
        }
    }
}

/* @open, repeated, then "int", then @close as often. */
static char *nested(const char *open, const char *close, size_t times)
{
    struct buf buf;
    char *text;

    buf_init(&buf, 1024 * 1024);
    for (size_t i = 0; i < times; i++) {
        buf_add_text(&buf, open);
    }
    buf_add_text(&buf, "\"int\"");
    for (size_t i = 0; i < times; i++) {
        buf_add_text(&buf, close);
    }
    text = mem_text(buf_span(&buf));
    buf_fini(&buf);
    return text;
}

static void limits_hold(void **state)
{
    struct schema *schema = NULL;
    struct err err;
    char *text = nested("{\"type\":\"array\",\"items\":", "}", 63);
    size_t large_bytes = (size_t)SCHEMA_TEXT_BYTES_MAX + 1;
    char *large = mem_array(large_bytes, char);

    (void)state;
    schema = parse("63 arrays", span_of(text));
    schema_free(schema);
    free(text);

    text = nested("{\"type\":\"array\",\"items\":", "}", 65);
    assert_int_equal(schema_parse(span_of(text), NULL, 0, &schema, &err), ERR_LIMIT);
    assert_non_null(strstr(err.text, "nested 65 levels"));
    free(text);

    text = nested("[", "]", 20000);
    assert_int_equal(schema_parse(span_of(text), NULL, 0, &schema, &err), ERR_LIMIT);
    free(text);

    memset(large, ' ', large_bytes);
    assert_int_equal(schema_parse((struct span){large, large_bytes}, NULL, 0, &schema, &err),
                     ERR_LIMIT);
    assert_non_null(strstr(err.text, "at most 1048576"));
    memcpy(large, "\"int\"", 5);
    assert_int_equal(schema_parse((struct span){large, large_bytes - 1}, NULL, 0, &schema, &err),
                     ERR_OK);
    schema_free(schema);
    free(large);
}

/* Defaults of defaults, each twice the one before: the graph shares them, and a long chain ends. */
static void defaults_do_not_explode(void **state)
{
    struct schema *schema = NULL;
    struct err err = {0};
    struct buf text;

    (void)state;
    buf_init(&text, 200 * 1024);
    buf_add_text(&text, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}");
    for (int i = 1; i <= 40; i++) {
        buf_printf(&text,
                   ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\",\"type\":"
                   "\"R%d\",\"default\":{}},{\"name\":\"b\",\"type\":\"R%d\",\"default\":{}}]}",
                   i, i - 1, i - 1);
    }
    buf_add_char(&text, ']');
    assert_int_equal(schema_parse(buf_span(&text), NULL, 0, &schema, &err), ERR_OK);
    schema_free(schema);
    buf_truncate(&text, text.len - 1);
    for (int i = 41; i <= 120; i++) {
        buf_printf(&text,
                   ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\",\"type\":"
                   "\"R%d\",\"default\":{}}]}",
                   i, i - 1);
    }
    buf_add_char(&text, ']');
    assert_int_equal(schema_parse(buf_span(&text), NULL, 0, &schema, &err), ERR_LIMIT);
    buf_fini(&text);
}

static const struct {
    const char *name;
    const char *json;
    enum logical_type want;
} logical_cases[] = {
    {"date", "{\"type\":\"int\",\"logicalType\":\"date\"}", LOGICAL_DATE},
    {"date on long", "{\"type\":\"long\",\"logicalType\":\"date\"}", LOGICAL_NONE},
    {"time in ms", "{\"type\":\"int\",\"logicalType\":\"time-millis\"}", LOGICAL_TIME_MILLIS},
    {"time in us", "{\"type\":\"long\",\"logicalType\":\"time-micros\"}", LOGICAL_TIME_MICROS},
    {"timestamp in ms", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
     LOGICAL_TIMESTAMP_MILLIS},
    {"timestamp in us", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
     LOGICAL_TIMESTAMP_MICROS},
    {"local timestamp", "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}",
     LOGICAL_LOCAL_TIMESTAMP_MILLIS},
    {"uuid", "{\"type\":\"string\",\"logicalType\":\"uuid\"}", LOGICAL_UUID},
    {"unknown", "{\"type\":\"string\",\"logicalType\":\"colour\"}", LOGICAL_NONE},
    {"not even text", "{\"type\":\"string\",\"logicalType\":7}", LOGICAL_NONE},
    {"decimal", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
     LOGICAL_DECIMAL},
    {"decimal without scale", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9}",
     LOGICAL_DECIMAL},
    {"decimal without precision", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"scale\":2}",
     LOGICAL_NONE},
    {"scale past precision",
     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}", LOGICAL_NONE},
    {"precision 0", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":0}",
     LOGICAL_NONE},
    {"decimal that fits four bytes",
     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":9}",
     LOGICAL_DECIMAL},
    {"decimal that does not",
     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":10}",
     LOGICAL_NONE},
    {"duration", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}",
     LOGICAL_DURATION},
    {"duration of 11 bytes",
     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":11,\"logicalType\":\"duration\"}", LOGICAL_NONE},
};

static void logical_types_are_known_or_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(logical_cases); i++) {
        struct schema *schema = parse(logical_cases[i].name, span_of(logical_cases[i].json));

        if (schema->root->logical != logical_cases[i].want) {
            fail_msg("%s: got %d", logical_cases[i].name, (int)schema->root->logical);
        }
        schema_free(schema);
    }
}

static void names_and_aliases_are_full(void **state)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a.b\",\"aliases\":[\"Old\",\"x."
        "Older\"],"
        "\"fields\":[{\"name\":\"e\",\"aliases\":[\"was_e\"],\"type\":{\"type\":\"enum\",\"name\":"
        "\"c.E\",\"symbols\":[\"A\",\"B\"],\"default\":\"B\"}},{\"name\":\"again\",\"type\":\"c."
        "E\"},"
        "{\"name\":\"self\",\"type\":[\"null\",\"R\"],\"default\":null}]}";
    struct schema *schema = parse("names", span_of(json));
    const struct type *root = schema->root;
    bool is_nullable = false;
    size_t index = 9;

    (void)state;
    assert_true(span_is(root->name, "a.b.R"));
    assert_int_equal(root->alias_count, 2);
    assert_true(span_is(root->aliases[0], "a.b.Old"));
    assert_true(span_is(root->aliases[1], "x.Older"));
    assert_true(span_is(root->fields[0].aliases[0], "was_e"));
    assert_true(span_is(root->fields[0].type->name, "c.E"));
    assert_int_equal(root->fields[0].type->symbol_fallback, 1);
    assert_ptr_equal(root->fields[1].type, root->fields[0].type);
    assert_non_null(type_field(root, SPAN("self"), &index));
    assert_int_equal(index, 2);
    assert_null(type_field(root, SPAN("selfish"), NULL));
    assert_ptr_equal(type_unwrap(root->fields[2].type, &is_nullable), root);
    assert_true(is_nullable);
    assert_int_equal(root->fields[2].fallback->kind, VALUE_NULL);
    schema_free(schema);
}

static void defaults_are_decoded(void **state)
{
    static const char json[] = RECORD(
        "{\"name\":\"text\",\"type\":\"string\",\"default\":\"zürich\"},"
        "{\"name\":\"bytes\",\"type\":\"bytes\",\"default\":\"\\u0000\\u00ff\"},"
        "{\"name\":\"real\",\"type\":\"double\",\"default\":1},"
        "{\"name\":\"later\",\"type\":[\"null\",\"string\",\"long\"],\"default\":5},"
        "{\"name\":\"inner\",\"type\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":"
        "\"a\",\"type\":\"int\",\"default\":3},{\"name\":\"b\",\"type\":{\"type\":\"map\","
        "\"values\":\"long\"}}]},\"default\":{\"b\":{\"k\":9},\"unknown\":1}}");
    struct schema *schema = parse("defaults", span_of(json));
    const struct field *fields = schema->root->fields;
    const struct value *inner = fields[4].fallback;

    (void)state;
    assert_true(span_is(value_text(fields[0].fallback), "z\xc3\xbcrich"));
    assert_int_equal(fields[1].fallback->len, 2);
    assert_memory_equal(fields[1].fallback->p, "\0\xff", 2);
    assert_true(fields[2].fallback->d == 1.0);
    assert_int_equal(fields[3].fallback->branch, 2);
    assert_int_equal(fields[3].fallback->i, 5);
    assert_int_equal(inner->items[0].i, 3);
    assert_true(span_is(value_text(&inner->items[1].items[0]), "k"));
    assert_int_equal(inner->items[1].items[1].i, 9);
    schema_free(schema);
}

static const char user_json[] =
    "{\"type\":\"record\",\"name\":\"User\",\"namespace\":\"com.example\",\"fields\":[{\"name\":"
    "\"home\",\"type\":\"com.place.Address\"},{\"name\":\"work\",\"type\":\"com.place.Address\"}]}";

static const char address_json[] =
    "{\"type\":\"record\",\"name\":\"Address\",\"namespace\":\"com.place\",\"fields\":[{\"name\":"
    "\"city\",\"type\":\"string\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":"
    "\"Kind\","
    "\"symbols\":[\"HOME\"]}}]}";

static struct schema_reference reference(const char *json)
{
    return (struct schema_reference){.json = span_of(json)};
}

static void references_are_put_in(void **state)
{
    static const char json[] =
        RECORD("{\"name\":\"user\",\"type\":\"com.example.User\"},{\"name\":\"other\",\"type\":"
               "[\"null\",\"User\"]},{\"name\":\"kind\",\"type\":\"com.place.Kind\"}");
    struct schema_reference references[] = {reference(user_json), reference(address_json)};
    struct schema *schema = NULL;
    struct schema *again;
    struct err err = {0};
    struct buf text;

    (void)state;
    if (schema_parse(SPAN(json), references, 2, &schema, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(span_is(schema->root->fields[0].type->fields[1].type->name, "com.place.Address"));
    assert_ptr_equal(schema->root->fields[1].type->branches[1], schema->root->fields[0].type);
    assert_true(span_is(schema->root->fields[2].type->name, "com.place.Kind"));

    buf_init(&text, 64 * 1024);
    schema_to_json(schema, &text);
    again = parse("the text with references put in", buf_span(&text));
    assert_int_equal(again->fingerprint, schema->fingerprint);
    schema_free(again);
    schema_free(schema);
    buf_fini(&text);
}

static const struct {
    const char *name;
    const char *json;
    const char *references[2];
    const char *want;
} reference_cases[] = {
    {"nobody defines it",
     RECORD("{\"name\":\"a\",\"type\":\"com.example.Nobody\"}"),
     {"{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":1}", NULL},
     "'com.example.Nobody' is not a type"},
    {"two files need each other",
     RECORD("{\"name\":\"a\",\"type\":\"x.A\"}"),
     {"{\"type\":\"record\",\"name\":\"x.A\",\"fields\":[{\"name\":\"b\",\"type\":[\"null\","
      "\"x.B\"]}]}",
      "{\"type\":\"record\",\"name\":\"x.B\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\","
      "\"x.A\"]}]}"},
     "in a circle"},
    {"a reference needs the schema itself",
     RECORD("{\"name\":\"a\",\"type\":\"x.A\"}"),
     {"{\"type\":\"record\",\"name\":\"x.A\",\"fields\":[{\"name\":\"b\",\"type\":[\"null\","
      "\"com.example.R\"]}]}",
      NULL},
     "in a circle"},
    {"two files define it differently",
     RECORD("{\"name\":\"a\",\"type\":\"x.F\"}"),
     {"{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":1}",
      "{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":2}"},
     "defined differently"},
    {"a reference is not JSON", "\"int\"", {"{", NULL}, "reference ''"},
};

static void wrong_references_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reference_cases); i++) {
        struct schema_reference references[2];
        struct schema *schema = NULL;
        struct err err = {0};
        size_t count = 0;
        enum err_code rc;

        while (count < 2 && reference_cases[i].references[count] != NULL) {
            references[count] = reference(reference_cases[i].references[count]);
            count++;
        }
        rc = schema_parse(span_of(reference_cases[i].json), references, count, &schema, &err);
        if (rc != ERR_DATA || strstr(err.text, reference_cases[i].want) == NULL) {
            schema_free(schema);
            fail_msg("%s: rc %d, %s", reference_cases[i].name, (int)rc, err.text);
        }
    }
}

/* What is offered and not needed may even contradict the schema. */
static void unneeded_references_do_no_harm(void **state)
{
    struct schema_reference references[] = {
        reference("{\"type\":\"fixed\",\"name\":\"com.example.R\",\"size\":2}"),
        reference("{\"type\":\"record\",\"name\":\"a.Needs\",\"fields\":[{\"name\":\"a\",\"type\":"
                  "\"a.Nobody\"}]}"),
    };
    struct schema *schema = NULL;

    (void)state;
    assert_int_equal(schema_parse(SPAN(RECORD("")), references, 2, &schema, NULL), ERR_OK);
    assert_int_equal(schema->root->kind, TYPE_RECORD);
    schema_free(schema);
}

/* A definition without namespace keeps meaning what it did in its own file. */
static void a_reference_keeps_its_namespace(void **state)
{
    struct schema_reference references[] = {
        reference("{\"type\":\"record\",\"name\":\"Plain\",\"fields\":[{\"name\":\"f\",\"type\":{"
                  "\"type\":\"fixed\",\"name\":\"Inner\",\"size\":3}}]}")};
    struct schema *schema = NULL;
    struct err err = {0};

    (void)state;
    if (schema_parse(SPAN(RECORD("{\"name\":\"a\",\"type\":\"Plain\"}")), references, 1, &schema,
                     &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(span_is(schema->root->fields[0].type->name, "Plain"));
    assert_true(span_is(schema->root->fields[0].type->fields[0].type->name, "Inner"));
    schema_free(schema);
}

static void our_own_schemas_are_valid(void **state)
{
    struct schema *event = parse("conversion", span_of(embedded_conversion_event_avsc));
    struct schema *utm = parse("utm", span_of(embedded_utm_attribution_avsc));

    (void)state;
    assert_true(span_is(event->root->name, "com.example.ConversionEvent"));
    assert_true(span_is(utm->root->name, "detour.UtmAttribution"));
    assert_int_equal(event->root->fields[2].type->logical, LOGICAL_TIMESTAMP_MILLIS);
    schema_free(event);
    schema_free(utm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_known),
        cmocka_unit_test(wrong_schemas_are_refused),
        cmocka_unit_test(a_writers_schema_is_judged_by_what_its_bytes_need),
        cmocka_unit_test(hostile_writers_are_refused_with_the_place),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(defaults_do_not_explode),
        cmocka_unit_test(logical_types_are_known_or_ignored),
        cmocka_unit_test(names_and_aliases_are_full),
        cmocka_unit_test(defaults_are_decoded),
        cmocka_unit_test(references_are_put_in),
        cmocka_unit_test(wrong_references_are_refused),
        cmocka_unit_test(unneeded_references_do_no_harm),
        cmocka_unit_test(a_reference_keeps_its_namespace),
        cmocka_unit_test(our_own_schemas_are_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
