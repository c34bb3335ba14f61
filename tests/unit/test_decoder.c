#include "schema/decoder.h"

#include <math.h>

#include "base/embedded.h"
#include "readers_fixture.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024, TEXT_BYTES_MAX = 1024 * 1024 };

/* Shorter to read: schemas of the rows below. */
#define REC(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FLD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define DEF(name, type, value) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define ARR(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"
#define ENM(symbols) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"
#define LOG(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define DEC(precision, scale)                                                                      \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" precision ",\"scale\":" scale \
    "}"
#define FIX(logical) "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":" logical "}"
#define FIX_DEC(precision, scale) FIX("\"decimal\",\"precision\":" precision ",\"scale\":" scale)
#define LIST REC(FLD("next", "[\"null\",\"R\"]"))

struct outcome {
    enum err_code rc; /* of compiling, else of running */
    bool is_compiled;
    struct err err;
    char *json; /* owned */
};

static size_t unhex(const char *hex, unsigned char *out)
{
    size_t len = 0;

    for (; hex[0] != '\0'; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};

        out[len++] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return len;
}

/* The bytes are put at the end of a block of their own size, so that a read past them is seen. */
static struct outcome decode(const char *writer_json, const char *reader_json, struct span bytes,
                             size_t arena_bytes)
{
    struct schema *writer = schema_of(writer_json);
    struct schema *reader = schema_of(reader_json);
    struct outcome outcome = {.rc = ERR_OK};
    struct decoder *decoder = NULL;
    struct arena arena;
    struct value value;
    struct buf json;
    char *copy = mem_text(bytes);

    arena_init(&arena, arena_bytes);
    buf_init(&json, TEXT_BYTES_MAX);
    outcome.rc = decoder_compile(writer, reader, &decoder, &outcome.err);
    if (outcome.rc == ERR_OK) {
        outcome.is_compiled = true;
        outcome.rc =
            decoder_run(decoder, (struct span){copy, bytes.len}, &arena, &value, &outcome.err);
    }
    if (outcome.rc == ERR_OK) {
        value_to_json(&value, reader->root, &json);
        outcome.json = mem_text(buf_span(&json));
    }
    free(copy);
    buf_fini(&json);
    arena_fini(&arena);
    decoder_free(decoder);
    schema_free(writer);
    schema_free(reader);
    return outcome;
}

static struct outcome decode_hex(const char *writer, const char *reader, const char *hex)
{
    unsigned char bytes[256];
    size_t len = unhex(hex, bytes);

    return decode(writer, reader == NULL ? writer : reader, (struct span){(const char *)bytes, len},
                  ARENA_BYTES_MAX);
}

/* reader NULL: the writer's own schema. */
static const struct {
    const char *name;
    const char *writer;
    const char *reader;
    const char *hex;
    const char *want;
} accepted_cases[] = {
    {"null", "\"null\"", NULL, "", "null"},
    {"boolean", "\"boolean\"", NULL, "01", "true"},
    {"least int", "\"int\"", NULL, "ffffffff0f", "-2147483648"},
    {"greatest long", "\"long\"", NULL, "feffffffffffffffff01", "9223372036854775807"},
    {"least long", "\"long\"", NULL, "ffffffffffffffffff01", "-9223372036854775808"},
    {"a number longer than it need be", "\"int\"", NULL, "8200", "1"},
    {"float", "\"float\"", NULL, "cdcccc3d", "0.1"},
    {"double", "\"double\"", NULL, "3d0ad7a370fd3340", "19.99"},
    {"NaN", "\"double\"", NULL, "000000000000f87f", "null"},
    {"text", "\"string\"", NULL, "087ac3bc72", "\"z\xc3\xbcr\""},
    {"text with NUL", "\"string\"", NULL, "0200", "\"\\u0000\""},
    {"bytes", "\"bytes\"", NULL, "0600ff41", "\"\\u0000\\u00ffA\""},
    {"fixed", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", NULL, "ff22", "\"\\u00ff\\u0022\""},
    {"fixed of nothing", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", NULL, "", "\"\""},
    {"enum", ENM("\"A\",\"B\""), NULL, "02", "\"B\""},
    {"empty record", REC(""), NULL, "", "{}"},
    {"optional text, there", "[\"null\",\"string\"]", NULL, "020261", "\"a\""},
    {"optional text, not there", "[\"null\",\"string\"]", NULL, "00", "null"},
    {"null last", "[\"string\",\"null\"]", NULL, "02", "null"},
    {"a branch index longer than it need be", "[\"null\",\"string\"]", NULL, "82000261", "\"a\""},
    {"union of three", "[\"int\",\"string\",\"boolean\"]", NULL, "0401", "true"},
    {"empty array", ARR("\"int\""), NULL, "00", "[]"},
    {"array in two blocks", ARR("\"int\""), NULL,
     "0402040206"
     "00",
     "[1,2,3]"},
    {"array in a block with its size", ARR("\"int\""), NULL, "0304020400", "[1,2]"},
    {"array of nulls", ARR("\"null\""), NULL, "0600", "[null,null,null]"},
    {"array of records", ARR(REC(FLD("a", "\"int\"") "," FLD("b", "[\"null\",\"string\"]"))), NULL,
     "040200"
     "0402027800",
     "[{\"a\":1,\"b\":null},{\"a\":2,\"b\":\"x\"}]"},
    {"array of empty records", ARR(REC("")), NULL, "0400", "[{},{}]"},
    {"array of arrays", ARR(ARR("\"int\"")), NULL, "06020200000402040000", "[[1],[],[1,2]]"},
    {"map", MAP("\"int\""), NULL,
     "040261020262"
     "0400",
     "{\"a\":1,\"b\":2}"},
    {"a key twice stays", MAP("\"int\""), NULL,
     "040261020261"
     "0400",
     "{\"a\":1,\"a\":2}"},
    {"map of records", MAP(REC(FLD("a", "\"int\""))), NULL, "02026b0e00", "{\"k\":{\"a\":7}}"},
    {"list", LIST, NULL, "020200", "{\"next\":{\"next\":{\"next\":null}}}"},
    {"tree", REC(FLD("kids", ARR("\"R\""))), NULL, "040200000000",
     "{\"kids\":[{\"kids\":[{\"kids\":[]}]},{\"kids\":[]}]}"},
    {"the same record twice",
     REC(FLD("a", "{\"type\":\"record\",\"name\":\"S\",\"fields\":[" FLD(
                      "x", "\"int\"") "]}") "," FLD("b", "\"S\"")),
     NULL, "0204", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}"},

    {"int as long", "\"int\"", "\"long\"", "0c", "6"},
    {"int as float", "\"int\"", "\"float\"", "0c", "6"},
    {"int as double", "\"int\"", "\"double\"", "0b", "-6"},
    {"long as double", "\"long\"", "\"double\"", "0c", "6"},
    {"long as float is rounded", "\"long\"", "\"float\"", "82808010", "16777216"},
    {"float as double", "\"float\"", "\"double\"", "0000003f", "0.5"},
    {"text as bytes", "\"string\"", "\"bytes\"", "04c3bc", "\"\\u00c3\\u00bc\""},
    {"bytes as text", "\"bytes\"", "\"string\"", "04c3bc", "\"\xc3\xbc\""},
    {"array of promoted", ARR("\"int\""), ARR("\"double\""),
     "040204"
     "00",
     "[1,2]"},
    {"another order", REC(FLD("a", "\"int\"") "," FLD("b", "\"string\"")),
     REC(FLD("b", "\"string\"") "," FLD("a", "\"int\"")), "020278", "{\"b\":\"x\",\"a\":1}"},
    {"a field not wanted", REC(FLD("a", ARR(MAP("[\"null\",\"string\"]"))) "," FLD("b", "\"int\"")),
     REC(FLD("b", "\"int\"")), "0202026b02027800000e", "{\"b\":7}"},
    {"a recursive field not wanted",
     REC(FLD("l", "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FLD(
                      "n", "[\"null\",\"L\"]") "]}") "," FLD("b", "\"int\"")),
     REC(FLD("b", "\"int\"")), "0202000e", "{\"b\":7}"},
    {"fields missing", REC(""),
     REC(DEF("t", "\"string\"", "\"d\"") "," DEF("u", "[\"null\",\"int\"]",
                                                 "null") "," DEF("l", ARR("\"int\""), "[1,2]")),
     "", "{\"t\":\"d\",\"u\":null,\"l\":[1,2]}"},
    {"field by alias", REC(FLD("old", "\"int\"")),
     REC("{\"name\":\"new\",\"aliases\":[\"older\",\"old\"],\"type\":\"int\"}"), "02",
     "{\"new\":1}"},
    {"the name before the alias", REC(FLD("old", "\"int\"") "," FLD("new", "\"int\"")),
     REC("{\"name\":\"new\",\"aliases\":[\"old\"],\"type\":\"int\"}"), "0204", "{\"new\":2}"},
    {"record by alias", "[\"null\"," REC(FLD("a", "\"int\"")) "]",
     "[\"null\",{\"type\":\"record\",\"name\":\"x.New\",\"aliases\":[\"R\"],\"fields\":[" FLD(
         "a", "\"int\"") "]}]",
     "0202", "{\"a\":1}"},
    {"another namespace", "[\"null\",{\"type\":\"record\",\"name\":\"x.N\",\"fields\":[]}]",
     "[\"null\",{\"type\":\"record\",\"name\":\"y.N\",\"fields\":[]}]", "02", "{}"},
    {"root records of other names", REC(FLD("a", "\"int\"")),
     "{\"type\":\"record\",\"name\":\"Q\",\"fields\":[" FLD("a", "\"int\"") "]}", "02",
     "{\"a\":1}"},
    {"enum by name", ENM("\"A\",\"B\""), ENM("\"B\",\"C\",\"A\""), "00", "\"A\""},
    {"enum's default", ENM("\"A\",\"B\""),
     "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"X\"],\"default\":\"X\"}", "00",
     "\"X\""},
    {"made optional", "\"string\"", "[\"null\",\"string\"]", "0261", "\"a\""},
    {"optional no more", "[\"null\",\"string\"]", "\"string\"", "020261", "\"a\""},
    {"branches in another order", "[\"null\",\"int\"]", "[\"int\",\"null\"]", "020e", "7"},
    {"the same type before a promotion", "\"int\"", "[\"double\",\"int\"]", "0e", "7"},
    {"a promotion when there is no other", "\"int\"", "[\"string\",\"double\"]", "0e", "7"},
    {"a branch that cannot be read does not come", "[\"int\",\"string\"]", "\"int\"", "000e", "7"},
    {"the full name before the short one",
     "{\"type\":\"record\",\"name\":\"b.N\",\"fields\":[" FLD("a", "\"int\"") "]}",
     "[{\"type\":\"record\",\"name\":\"a.N\",\"fields\":[" DEF(
         "x", "\"int\"",
         "1") "]},"
              "{\"type\":\"record\",\"name\":\"b.N\",\"fields\":[" FLD("a", "\"int\"") "]}]",
     "0e", "{\"a\":7}"},
    {"milliseconds as microseconds", LOG("long", "timestamp-millis"),
     LOG("long", "timestamp-micros"), "0a", "5000"},
    {"microseconds as milliseconds", LOG("long", "timestamp-micros"),
     LOG("long", "timestamp-millis"), "de5d", "5"},
    {"microseconds before 1970", LOG("long", "timestamp-micros"), LOG("long", "timestamp-millis"),
     "01", "-1"},
    {"local times have the same units", LOG("long", "local-timestamp-millis"),
     LOG("long", "local-timestamp-micros"), "0a", "5000"},
    {"a local time as one of UTC", LOG("long", "local-timestamp-micros"),
     LOG("long", "timestamp-millis"), "de5d", "5"},
    {"milliseconds of a day as microseconds", LOG("int", "time-millis"), LOG("long", "time-micros"),
     "0a", "5000"},
    {"optional milliseconds", "[\"null\"," LOG("long", "timestamp-millis") "]",
     "[" LOG("long", "timestamp-micros") ",\"null\"]", "020a", "5000"},
    {"an array of milliseconds", ARR(LOG("long", "timestamp-millis")),
     ARR(LOG("long", "timestamp-micros")), "040a0b00", "[5000,-6000]"},
    {"the same unit", LOG("long", "timestamp-micros"), LOG("long", "timestamp-micros"), "0a", "5"},
    {"a long is what the reader says", "\"long\"", LOG("long", "timestamp-micros"), "0a", "5"},
    {"an int, too", "\"int\"", LOG("long", "timestamp-millis"), "0a", "5"},
    {"a time as a plain long", LOG("long", "timestamp-micros"), "\"long\"", "0a", "5"},
    {"a time as a double", LOG("long", "timestamp-micros"), "\"double\"", "0a", "5"},
    {"a date as a plain long", LOG("int", "date"), "\"long\"", "0a", "5"},
    {"a decimal of the same scale", DEC("9", "2"), DEC("9", "2"), "020a", "\"\\u000a\""},
    {"a decimal of more digits", DEC("9", "2"), DEC("12", "2"), "020a", "\"\\u000a\""},
    {"bytes are what the reader says", "\"bytes\"", DEC("9", "2"), "020a", "\"\\u000a\""},
    {"a decimal as bytes", DEC("9", "2"), "\"bytes\"", "020a", "\"\\u000a\""},
    {"a fixed decimal of more digits", FIX_DEC("9", "2"), FIX_DEC("12", "2"),
     "00000000000000000000000a",
     "\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u000a\""},
    {"an optional decimal that is not there", "[\"null\"," DEC("9", "3") "]",
     "[\"null\"," DEC("9", "2") "]", "00", "null"},
    {"a recursive default", REC(""), REC(DEF("n", "[\"null\",\"R\"]", "null")), "", "{\"n\":null}"},
};

static void bytes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(accepted_cases); i++) {
        struct outcome outcome =
            decode_hex(accepted_cases[i].writer, accepted_cases[i].reader, accepted_cases[i].hex);

        if (outcome.rc != ERR_OK) {
            fail_msg("%s: %s", accepted_cases[i].name, outcome.err.text);
        }
        if (strcmp(outcome.json, accepted_cases[i].want) != 0) {
            fail_msg("%s: got %s", accepted_cases[i].name, outcome.json);
        }
        free(outcome.json);
    }
}

static const struct {
    const char *name;
    const char *writer;
    const char *reader;
    const char *hex;
    enum err_code rc;
    const char *want; /* in the error */
} refused_cases[] = {
    {"nothing", "\"int\"", NULL, "", ERR_DATA, "ends too early (byte 0)"},
    {"number cut", "\"long\"", NULL, "80", ERR_DATA, "ends too early (byte 1)"},
    {"number of eleven bytes", "\"long\"", NULL, "8080808080808080808000", ERR_DATA,
     "more than 64 bits"},
    {"tenth byte too large", "\"long\"", NULL, "ffffffffffffffffff02", ERR_DATA,
     "more than 64 bits"},
    {"int out of range", "\"int\"", NULL, "8080808010", ERR_DATA, "more than 32 bits"},
    {"int of six bytes", "\"int\"", NULL, "808080808000", ERR_DATA, "more than 32 bits"},
    {"int out of range as double", "\"int\"", "\"double\"", "8080808010", ERR_DATA,
     "more than 32 bits"},
    {"bytes left over", "\"int\"", NULL, "0200", ERR_DATA, "left over at the end (byte 1)"},
    {"boolean 2", "\"boolean\"", NULL, "02", ERR_DATA, "neither 0 nor 1"},
    {"no boolean", "\"boolean\"", NULL, "", ERR_DATA, "before a boolean"},
    {"float cut", "\"float\"", NULL, "000000", ERR_DATA, "in a float"},
    {"double cut", "\"double\"", NULL, "00000000000000", ERR_DATA, "in a double"},
    {"fixed cut", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", NULL, "00", ERR_DATA,
     "in a fixed"},
    {"text cut", "\"string\"", NULL, "0461", ERR_DATA, "past the end"},
    {"text of 1 GiB", "\"string\"", NULL, "8080808008", ERR_DATA, "past the end"},
    {"negative length", "\"string\"", NULL, "01", ERR_DATA, "negative"},
    {"least length", "\"bytes\"", NULL, "ffffffffffffffffff01", ERR_DATA, "negative"},
    {"greatest length", "\"bytes\"", NULL, "feffffffffffffffff01", ERR_DATA, "past the end"},
    {"not UTF-8", "\"string\"", NULL, "02ff", ERR_DATA, "not UTF-8 (byte 0)"},
    {"a surrogate", "\"string\"", NULL, "06eda080", ERR_DATA, "not UTF-8"},
    {"bytes that are no text", "\"bytes\"", "\"string\"", "02ff", ERR_DATA, "not UTF-8"},
    {"text that is none, as bytes", "\"string\"", "\"bytes\"", "02ff", ERR_DATA, "not UTF-8"},
    {"key is not UTF-8", MAP("\"int\""), NULL, "0202ff0200", ERR_DATA, "not UTF-8"},
    {"enum index", ENM("\"A\",\"B\""), NULL, "04", ERR_DATA, "no such symbol"},
    {"negative enum index", ENM("\"A\",\"B\""), NULL, "01", ERR_DATA, "no such symbol"},
    {"enum index past 32 bits", ENM("\"A\",\"B\""), NULL, "8080808020", ERR_DATA, "32 bits"},
    {"symbol the reader lacks", ENM("\"A\",\"B\""), ENM("\"A\""), "02", ERR_DATA,
     "lacks the writer's symbol"},
    {"union index", "[\"null\",\"int\"]", NULL, "04", ERR_DATA, "no such branch"},
    {"union index of three", "[\"null\",\"int\",\"string\"]", NULL, "06", ERR_DATA,
     "no such branch"},
    {"negative union index", "[\"null\",\"string\"]", NULL, "01", ERR_DATA, "no such branch"},
    {"union index past 32 bits", "[\"null\",\"string\"]", NULL, "8080808020", ERR_DATA,
     "no such branch"},
    {"least block count", ARR("\"null\""), NULL, "ffffffffffffffffff0100", ERR_DATA, "size"},
    {"block size past the end", ARR("\"int\""), NULL, "0308020400", ERR_DATA, "past the end"},
    {"block size too small", ARR("\"int\""), NULL, "0302020400", ERR_DATA, "not true"},
    {"negative block size", ARR("\"int\""), NULL, "0301020400", ERR_DATA, "past the end"},
    {"more items than bytes", ARR("\"int\""), NULL, "c0843d02", ERR_DATA, "has room for"},
    {"array without end", ARR("\"int\""), NULL, "0202", ERR_DATA, "ends too early"},
    {"100,001 nulls", ARR("\"null\""), NULL, "c29a0c00", ERR_LIMIT, "too many items"},
    {"2^62 nulls", ARR("\"null\""), NULL,
     "80808080808080808001"
     "00",
     ERR_LIMIT, "too many items"},
    {"100,001 empty records", ARR(REC("")), NULL, "c29a0c00", ERR_LIMIT, "too many items"},
    {"items are counted over all arrays", ARR(ARR("\"null\"")), NULL,
     "04"
     "c0da0600"
     "c0da0600"
     "00",
     ERR_LIMIT, "too many items"},
    {"skipped: not UTF-8", REC(FLD("a", "\"string\"")), REC(""), "02ff", ERR_DATA,
     "a: text is not UTF-8"},
    {"skipped: negative length", REC(FLD("a", "\"string\"")), REC(""), "01", ERR_DATA, "negative"},
    {"skipped: union index", REC(FLD("a", "[\"null\",\"int\"]")), REC(""), "8080808020", ERR_DATA,
     "no such branch"},
    {"skipped: enum index", REC(FLD("a", ENM("\"A\""))), REC(""), "02", ERR_DATA, "no such symbol"},
    {"skipped: least block count", REC(FLD("a", ARR("\"null\""))), REC(""),
     "ffffffffffffffffff0100", ERR_DATA, "size"},
    {"skipped: block size", REC(FLD("a", ARR("\"int\""))), REC(""), "0302020400", ERR_DATA,
     "not true"},
    {"skipped: 100,001 nulls", REC(FLD("a", ARR("\"null\""))), REC(""), "c29a0c00", ERR_LIMIT,
     "too many items"},
    {"a branch that cannot be read comes", "[\"int\",\"string\"]", "\"int\"", "020261", ERR_DATA,
     "string cannot be read as the reader's int"},
    {"null where there is none", "[\"null\",\"string\"]", "\"string\"", "00", ERR_DATA,
     "null cannot be read as the reader's string"},
    {"more microseconds than 64 bits", LOG("long", "timestamp-millis"),
     LOG("long", "timestamp-micros"), "feffffffffffffffff01", ERR_DATA,
     "has more microseconds than 64 bits"},
    {"an int past its range as microseconds", LOG("int", "time-millis"), LOG("long", "time-micros"),
     "8080808010", ERR_DATA, "more than 32 bits"},
    {"microseconds cut", LOG("long", "timestamp-millis"), LOG("long", "timestamp-micros"), "80",
     ERR_DATA, "ends too early"},
    {"an optional decimal of another scale", "[\"null\"," DEC("9", "3") "]",
     "[\"null\"," DEC("9", "2") "]", "02020a", ERR_DATA,
     "bytes (decimal, precision 9, scale 3) cannot be read as the reader's bytes (decimal, "
     "precision 9, scale 2)"},
    {"the error names the field",
     REC(FLD("user", "{\"type\":\"record\",\"name\":\"U\",\"fields\":[" FLD(
                         "mails", ARR("\"string\"")) "]}")),
     NULL, "0204", ERR_DATA, "user.mails[]: a length goes"},
};

static void broken_bytes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused_cases); i++) {
        struct outcome outcome =
            decode_hex(refused_cases[i].writer, refused_cases[i].reader, refused_cases[i].hex);

        free(outcome.json);
        if (outcome.rc != refused_cases[i].rc || !outcome.is_compiled ||
            strstr(outcome.err.text, refused_cases[i].want) == NULL) {
            fail_msg("%s: rc %d, %s", refused_cases[i].name, (int)outcome.rc, outcome.err.text);
        }
    }
}

static const struct {
    const char *name;
    const char *writer;
    const char *reader;
    const char *want;
} apart_cases[] = {
    {"another type", REC(FLD("a", "\"string\"")), REC(FLD("a", "\"int\"")),
     "a: the writer's string cannot be read as the reader's int"},
    {"no way back from double", "\"double\"", "\"float\"", "double cannot be read"},
    {"no such branch", "\"string\"", "[\"null\",\"int\"]", "none of its branches"},
    {"missing without default", REC(""), REC(FLD("a", "\"int\"")),
     "a: the writer has no such field"},
    {"sizes", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}",
     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "their sizes differ"},
    {"names", REC(FLD("a", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}")),
     REC(FLD("a", "{\"type\":\"fixed\",\"name\":\"G\",\"size\":1}")),
     "fixed F cannot be read as the reader's fixed G"},
    {"items", ARR("\"string\""), ARR("\"int\""), "[]: the writer's string"},
    {"a decimal of a smaller scale", DEC("12", "3"), DEC("12", "2"),
     "the writer's bytes (decimal, precision 12, scale 3) cannot be read as the reader's bytes "
     "(decimal, precision 12, scale 2): a decimal keeps its scale"},
    {"a decimal of a larger scale", DEC("12", "2"), DEC("12", "3"), "a decimal keeps its scale"},
    {"a decimal of less digits", DEC("12", "2"), DEC("9", "2"), "its precision may only grow"},
    {"a fixed decimal of another scale", FIX_DEC("12", "3"), FIX_DEC("12", "2"),
     "fixed F (decimal, precision 12, scale 3)"},
    {"a duration as a decimal", FIX("\"duration\""), FIX_DEC("12", "2"),
     "fixed F (duration) cannot be read as the reader's fixed F (decimal, precision 12, scale 2)"},
    {"text as a decimal", "\"string\"", DEC("12", "2"), "string cannot be read"},
    {"a date as a time", LOG("int", "date"), LOG("long", "timestamp-millis"),
     "int (date) cannot be read as the reader's long (timestamp-millis)"},
    {"a time of day as a date", LOG("int", "time-millis"), LOG("int", "date"), "int (time-millis)"},
    {"a time of day as a point in time", LOG("long", "time-micros"),
     LOG("long", "timestamp-micros"), "long (time-micros) cannot be read"},
    {"in what is called again", REC(FLD("l", ARR("\"R\"")) "," FLD("a", "\"string\"")),
     REC(FLD("l", ARR("\"R\"")) "," FLD("a", "\"int\"")), "a: the writer's string"},
};

static void schemas_that_never_fit_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(apart_cases); i++) {
        struct outcome outcome = decode_hex(apart_cases[i].writer, apart_cases[i].reader, "00");

        free(outcome.json);
        if (outcome.rc != ERR_DATA || outcome.is_compiled ||
            strstr(outcome.err.text, apart_cases[i].want) == NULL) {
            fail_msg("%s: rc %d, %s", apart_cases[i].name, (int)outcome.rc, outcome.err.text);
        }
    }
}

static const struct {
    const char *name;
    bool is_read;
    const char *type;
    const char *json;
    const char *want; /* as Avro's JSON, or part of the error */
} hand_cases[] = {
    {"a number", true, DEC("9", "2"), "12.30", "\"\\u0004\\u00ce\""},
    {"text", true, DEC("9", "2"), "\"12.30\"", "\"\\u0004\\u00ce\""},
    {"less decimals", true, DEC("9", "2"), "12.3", "\"\\u0004\\u00ce\""},
    {"a whole number", true, DEC("9", "2"), "12", "\"\\u0004\\u00b0\""},
    {"nothing", true, DEC("9", "2"), "0", "\"\\u0000\""},
    {"nothing in decimals", true, DEC("9", "2"), "0.000", "\"\\u0000\""},
    {"a negative number", true, DEC("9", "2"), "-1.28", "\"\\u0080\""},
    {"one that needs its sign", true, DEC("9", "2"), "1.28", "\"\\u0000\\u0080\""},
    {"an exponent", true, DEC("9", "2"), "1.23e1", "\"\\u0004\\u00ce\""},
    {"a fixed", true, FIX_DEC("9", "0"), "-2",
     "\"\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00fe\""},
    {"more digits than 64 bits", true, DEC("30", "2"), "\"12345678901234567890.12\"",
     "\"B\\u00ed\\u0012;\\u000b\\u00d8 :\\u0014\""},
    {"an optional one", true, "[\"null\"," DEC("9", "2") "]", "12.30", "\"\\u0004\\u00ce\""},
    {"a date", true, LOG("int", "date"), "\"2026-01-01\"", "20454"},
    {"its number", true, LOG("int", "date"), "20454", "20454"},
    {"a date before 1970", true, LOG("int", "date"), "\"1969-12-31\"", "-1"},
    {"a timestamp", true, LOG("long", "timestamp-millis"), "\"2026-01-01T00:00:00Z\"",
     "1767225600000"},
    {"in microseconds", true, LOG("long", "timestamp-micros"), "\"2026-01-01T01:00:00+01:00\"",
     "1767225600000000"},
    {"without a zone", true, LOG("long", "local-timestamp-millis"), "\"2026-01-01T00:00:00\"",
     "1767225600000"},
    {"too many decimals", false, DEC("9", "2"), "12.345", "with more decimals than its scale"},
    {"too many digits", false, DEC("4", "2"), "123.45", "with more digits than its precision"},
    {"too many zeros", false, DEC("4", "2"), "\"1e900\"", "with more digits than its precision"},
    {"more digits than a double", false, DEC("30", "2"), "12345678901234567.89",
     "write it in quotes"},
    {"no number", false, DEC("9", "2"), "\"dear\"", "that is no number"},
    {"raw bytes", false, DEC("9", "2"), "\"\\u0004\\u00ce\"", "that is no number"},
    {"two points", false, DEC("9", "2"), "\"1.2.3\"", "that is no number"},
    {"a point alone", false, DEC("9", "2"), "\".\"", "that is no number"},
    {"no date", false, LOG("int", "date"), "\"tomorrow\"", "that is no time"},
    {"a truth", false, DEC("9", "2"), "true", "bytes cannot be read from a boolean"},
};

/* What people write in route tests. */
static void logical_types_are_read_as_people_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hand_cases); i++) {
        struct schema *schema = schema_of(hand_cases[i].type);
        struct err err = {0};
        struct arena arena;
        struct value value;
        struct buf json;
        const char *got = err.text;
        enum err_code rc;

        arena_init(&arena, ARENA_BYTES_MAX);
        buf_init(&json, TEXT_BYTES_MAX);
        rc =
            value_from_handwriting(span_of(hand_cases[i].json), schema->root, &arena, &value, &err);
        if (rc == ERR_OK) {
            value_to_json(&value, schema->root, &json);
            got = buf_text(&json);
        }
        if (hand_cases[i].is_read ? rc != ERR_OK || strcmp(got, hand_cases[i].want) != 0
                                  : rc != ERR_DATA || strstr(got, hand_cases[i].want) == NULL) {
            fail_msg("%s: got %s", hand_cases[i].name, got);
        }
        buf_fini(&json);
        arena_fini(&arena);
        schema_free(schema);
    }
}

/* @count times @byte, then 00. */
static struct outcome decode_repeated(const char *writer, const char *reader, char byte,
                                      size_t count)
{
    char *bytes = mem_array(count + 1, char);
    struct outcome outcome;

    memset(bytes, byte, count);
    outcome = decode(writer, reader, (struct span){bytes, count + 1}, ARENA_BYTES_MAX);
    free(bytes);
    return outcome;
}

/* A list of n further members is n + 1 records deep. */
static void depth_has_a_bound(void **state)
{
    static const char skipping[] = REC("");
    static const char wrapped[] = REC(FLD(
        "l", "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FLD("n", "[\"null\",\"L\"]") "]}"));
    struct outcome outcome = decode_repeated(LIST, LIST, 2, 63);

    (void)state;
    assert_int_equal(outcome.rc, ERR_OK);
    free(outcome.json);
    outcome = decode_repeated(LIST, LIST, 2, 64);
    assert_int_equal(outcome.rc, ERR_LIMIT);
    assert_non_null(strstr(outcome.err.text, "nested too deep"));
    outcome = decode_repeated(LIST, LIST, 2, 1000000);
    assert_int_equal(outcome.rc, ERR_LIMIT);

    outcome = decode_repeated(wrapped, skipping, 2, 62);
    assert_int_equal(outcome.rc, ERR_OK);
    free(outcome.json);
    outcome = decode_repeated(wrapped, skipping, 2, 63);
    assert_int_equal(outcome.rc, ERR_LIMIT);
}

/* Arrays of arrays by the record: two levels a byte. */
static void depth_counts_arrays(void **state)
{
    static const char tree[] = REC(FLD("kids", ARR("\"R\"")));
    char bytes[64] = {0};
    struct outcome outcome;

    (void)state;
    memset(bytes, 2, 31);
    outcome = decode(tree, tree, (struct span){bytes, 31 + 32}, ARENA_BYTES_MAX);
    assert_int_equal(outcome.rc, ERR_OK); /* 32 records and 32 arrays */
    free(outcome.json);
    memset(bytes, 2, 32);
    outcome = decode(tree, tree, (struct span){bytes, 64}, ARENA_BYTES_MAX);
    assert_int_equal(outcome.rc, ERR_LIMIT);
}

static void memory_has_a_bound(void **state)
{
    static const char nulls[] = ARR("\"null\"");
    unsigned char bytes[8];
    size_t len = unhex("c09a0c00", bytes); /* 100,000 of no bytes: 1.6 MB of values */
    struct span message = {(const char *)bytes, len};
    struct outcome outcome = decode(nulls, nulls, message, ARENA_BYTES_MAX);

    (void)state;
    assert_int_equal(outcome.rc, ERR_OK);
    free(outcome.json);
    outcome = decode(nulls, nulls, message, 1024 * 1024);
    assert_int_equal(outcome.rc, ERR_LIMIT);
    assert_non_null(strstr(outcome.err.text, "more memory"));
    outcome = decode(nulls, nulls, message, 1024);
    assert_int_equal(outcome.rc, ERR_LIMIT);
}

static void messages_have_a_bound(void **state)
{
    size_t len = 16 * 1024 * 1024 + 1;
    char *bytes = mem_array(len, char);
    struct outcome outcome =
        decode("\"bytes\"", "\"bytes\"", (struct span){bytes, len}, ARENA_BYTES_MAX);

    (void)state;
    assert_int_equal(outcome.rc, ERR_LIMIT);
    free(bytes);
}

/* 60,000 blocks of one item: items are moved as the array grows, and stay what they are. */
static void many_small_blocks_are_one_array(void **state)
{
    enum { BLOCKS = 60000 };
    struct schema *schema = schema_of(ARR(REC(FLD("a", "\"int\""))));
    struct decoder *decoder = NULL;
    char *bytes = mem_array((size_t)2 * BLOCKS + 1, char);
    struct arena arena;
    struct value value;

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        bytes[2 * i] = 2;
        bytes[2 * i + 1] = (char)(2 * (i % 50));
    }
    arena_init(&arena, ARENA_BYTES_MAX);
    assert_int_equal(decoder_compile(schema, schema, &decoder, NULL), ERR_OK);
    assert_int_equal(
        decoder_run(decoder, (struct span){bytes, (size_t)2 * BLOCKS + 1}, &arena, &value, NULL),
        ERR_OK);
    assert_int_equal(value.len, BLOCKS);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(value.items[i].items[0].i, i % 50);
    }
    decoder_free(decoder);
    schema_free(schema);
    arena_fini(&arena);
    free(bytes);
}

/* Each record holds the one before twice: 2^30 records if they were all laid out in place. */
static void shared_records_do_not_explode(void **state)
{
    struct decoder *decoder = NULL;
    struct schema *schema;
    struct buf text;

    (void)state;
    buf_init(&text, TEXT_BYTES_MAX);
    buf_add_text(&text, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}");
    for (int i = 1; i <= 30; i++) {
        buf_printf(&text,
                   ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[" FLD(
                       "a", "\"R%d\"") "," FLD("b", "\"R%d\"") "]}",
                   i, i - 1, i - 1);
    }
    buf_add_char(&text, ']');
    schema = schema_of(buf_text(&text));
    assert_int_equal(decoder_compile(schema, schema, &decoder, NULL), ERR_OK);
    decoder_free(decoder);
    schema_free(schema);
    buf_fini(&text);
}

static const char event_json[] =
    "{\"event\":\"Order Completed\",\"event_id\":\"e-1\",\"timestamp\":1700000000123,\"user\":{"
    "\"email\":\"ann@example.com\",\"city\":\"Z\xc3\xbcrich\"},\"page\":{\"url\":"
    "\"https://shop.example/?a=1\"},\"properties\":{\"value\":19.99,\"num_items\":2,\"products\":[{"
    "\"sku\":\"s-1\",\"price\":9.5,\"quantity\":1},{\"sku\":\"s-2\"}]},\"consent\":{\"ads\":true},"
    "\"context\":{\"pixel\":\"CPIXEL123\",\"k\":\"v\"}}";

/* Every prefix of a real event is refused; every value comes back. */
static void an_event_goes_there_and_back(void **state)
{
    struct schema *schema = schema_of(embedded_conversion_event_avsc);
    struct decoder *decoder = NULL;
    struct arena arena;
    struct value value;
    struct value again;
    struct buf bytes;
    struct buf first;
    struct buf second;
    struct err err = {0};

    (void)state;
    arena_init(&arena, ARENA_BYTES_MAX);
    buf_init(&bytes, TEXT_BYTES_MAX);
    buf_init(&first, TEXT_BYTES_MAX);
    buf_init(&second, TEXT_BYTES_MAX);
    if (value_from_json(SPAN(event_json), schema->root, &arena, &value, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(decoder_compile(schema, schema, &decoder, &err), ERR_OK);
    value_encode(&value, schema->root, &bytes);
    assert_int_equal(decoder_run(decoder, buf_span(&bytes), &arena, &again, &err), ERR_OK);
    value_to_json(&value, schema->root, &first);
    value_to_json(&again, schema->root, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    assert_non_null(strstr(buf_text(&second), "\"value\":19.99,"));
    for (size_t len = 0; len < bytes.len; len++) {
        char *cut = mem_text((struct span){bytes.ptr, len});

        assert_int_equal(decoder_run(decoder, (struct span){cut, len}, &arena, &again, NULL),
                         ERR_DATA);
        free(cut);
    }
    buf_fini(&bytes);
    buf_fini(&first);
    buf_fini(&second);
    decoder_free(decoder);
    schema_free(schema);
    arena_fini(&arena);
}

static const struct {
    const char *name;
    const char *schema;
    const char *json;
    const char *want; /* in the error */
} json_cases[] = {
    {"not JSON", "\"int\"", "{", "not JSON"},
    {"text for int", REC(FLD("a", "\"int\"")), "{\"a\":\"1\"}", "a: int cannot be read from text"},
    {"missing", REC(FLD("a", "\"int\"")), "{}", "a: missing, and there is no default"},
    {"misspelt", REC(DEF("email", "\"string\"", "\"\"")), "{\"emial\":\"x\"}",
     "no field 'emial' in R; did you mean email?"},
    {"in an array", REC(FLD("a", ARR("[\"null\",\"int\"]"))), "{\"a\":[1,null,true]}",
     "a[2]: int cannot be read from a boolean"},
    {"out of range", "\"int\"", "2147483648", "outside of 32 bits"},
    {"too large for float", "\"float\"", "1e39", "outside of single precision"},
    {"symbol", ENM("\"A\""), "\"B\"", "none of its symbols"},
    {"fixed of another length", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"",
     "another length"},
    {"no branch", "[\"int\",\"boolean\"]", "\"x\"", "no branch fits"},
};

static void wrong_json_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(json_cases); i++) {
        struct schema *schema = schema_of(json_cases[i].schema);
        struct arena arena;
        struct value value;
        struct err err = {0};
        enum err_code rc;

        arena_init(&arena, ARENA_BYTES_MAX);
        rc = value_from_json(span_of(json_cases[i].json), schema->root, &arena, &value, &err);
        arena_fini(&arena);
        schema_free(schema);
        if (rc != ERR_DATA || strstr(err.text, json_cases[i].want) == NULL) {
            fail_msg("%s: rc %d, %s", json_cases[i].name, (int)rc, err.text);
        }
    }
}

/* Trying branches of branches: without a bound, 2^60 of them. */
static void trying_branches_has_a_bound(void **state)
{
    static const char json[] = "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FLD(
        "n",
        "[\"null\",\"A\",{\"type\":"
        "\"record\",\"name\":\"B\",\"fields\":[" FLD("n", "[\"null\",\"A\",\"B\"]") "]}]") "]}]";
    struct schema *schema = schema_of(json);
    struct arena arena;
    struct value value;
    struct buf text;

    (void)state;
    arena_init(&arena, ARENA_BYTES_MAX);
    buf_init(&text, TEXT_BYTES_MAX);
    for (int i = 0; i < 60; i++) {
        buf_add_text(&text, "{\"n\":");
    }
    buf_add_text(&text, "7");
    for (int i = 0; i < 60; i++) {
        buf_add_char(&text, '}');
    }
    assert_int_equal(value_from_json(buf_span(&text), schema->root, &arena, &value, NULL),
                     ERR_LIMIT);
    buf_fini(&text);
    arena_fini(&arena);
    schema_free(schema);
}

static const struct {
    const char *name;
    const char *schema;
    const char *bytes;
    size_t len;
    const char *want;
} plain_rows[] = {
    {"12.30", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
     "\4\x04\xce", 3, "12.3"},
    {"below zero", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
     "\2\xff", 2, "-0.01"},
    {"nothing", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
     "\0", 1, "\"\""},
    {"zero", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}", "\2\0",
     2, "0"},
    {"a fixed in a list in a union",
     "[\"null\",{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,"
     "\"logicalType\":"
     "\"decimal\",\"precision\":4,\"scale\":0}}]",
     "\2\2\x01\x00\0", 5, "[256]"},
    {"more than 128 bits",
     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":60,\"scale\":3}",
     "\x28\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21,
     "5708990770823839524233143877797980545530986.496"},
    {"bytes that are none", "\"bytes\"", "\2\x01", 2, "\"\\u0001\""},
};

/* For those who know no schema a decimal is a number. */
static void decimals_are_numbers_in_plain_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plain_rows); i++) {
        struct schema *schema = NULL;
        struct decoder *decoder = NULL;
        struct err err = {0};
        struct arena arena;
        struct value value;
        struct buf json;

        arena_init(&arena, 1 << 20);
        buf_init(&json, 1 << 20);
        if (schema_parse(span_of(plain_rows[i].schema), NULL, 0, &schema, &err) != ERR_OK ||
            decoder_compile(schema, schema, &decoder, &err) != ERR_OK ||
            decoder_run(decoder, (struct span){plain_rows[i].bytes, plain_rows[i].len}, &arena,
                        &value, &err) != ERR_OK) {
            fail_msg("%s: %s", plain_rows[i].name, err.text);
        }
        value_to_plain_json(&value, schema->root, &json);
        if (strcmp(buf_text(&json), plain_rows[i].want) != 0) {
            fail_msg("%s: %s", plain_rows[i].name, buf_text(&json));
        }
        buf_fini(&json);
        arena_fini(&arena);
        decoder_free(decoder);
        schema_free(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_numbers_in_plain_json),
        cmocka_unit_test(bytes_are_read),
        cmocka_unit_test(broken_bytes_are_refused),
        cmocka_unit_test(schemas_that_never_fit_are_refused),
        cmocka_unit_test(logical_types_are_read_as_people_write_them),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(depth_counts_arrays),
        cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(messages_have_a_bound),
        cmocka_unit_test(many_small_blocks_are_one_array),
        cmocka_unit_test(shared_records_do_not_explode),
        cmocka_unit_test(an_event_goes_there_and_back),
        cmocka_unit_test(wrong_json_says_where),
        cmocka_unit_test(trying_branches_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
