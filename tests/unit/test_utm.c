/* The UtmAttribution record, read back by the decoder with the shipped schema. */
#include "readers_fixture.h"

#include <stdio.h>

#include "base/embedded.h"
#include "destinations/topic/utm.h"
#include "event/utm_original.h"

enum { ARENA_BYTES = 1 << 20, RECORD_BYTES = 1 << 20 };

/* As with a registry whose id is 7. */
#define FRAMING SPAN("\0\0\0\0\7")
#define ORIGINAL SPAN("\0\1ab")

/* The head and tail that are the same in all rows below. */
#define HEAD                                                                                       \
    "{\"event_id\":\"ord-1\",\"event_type\":\"Order Completed\",\"event_time\":1773223200123,"
#define TAIL "\"destination\":\"tiktok\",\"reason\":\"outage\",\"original\":\"\\u0000\\u0001ab\"}"
#define NO_VALUE "\"value\":null,\"currency\":null,"
#define NO_UTM                                                                                     \
    "\"utm_source\":null,\"utm_medium\":null,\"utm_campaign\":null,\"utm_term\":null,"             \
    "\"utm_content\":null,\"utm_id\":null,"

static const struct {
    const char *name;
    const char *utm;  /* YAML; NULL: nothing said */
    const char *page; /* JSON of the page */
    const char *ttclid;
    const char *want_utm;    /* the six fields */
    const char *want_pages;  /* landing_page, referrer */
    const char *want_clicks; /* the map's content */
} record_rows[] = {
    {"no page at all", NULL, "null", NULL, NO_UTM, "\"landing_page\":null,\"referrer\":null,", ""},
    {"all parameters", NULL,
     "{\"url\":\"https://a.example/?utm_source=tiktok&utm_medium=paid&utm_campaign=spring&utm_term="
     "t&utm_content=c&utm_id=7\",\"referrer\":\"https://b.example/\"}",
     NULL,
     "\"utm_source\":\"tiktok\",\"utm_medium\":\"paid\",\"utm_campaign\":\"spring\",\"utm_term\":"
     "\"t\",\"utm_content\":\"c\",\"utm_id\":\"7\",",
     "\"landing_page\":\"https://a.example/"
     "?utm_source=tiktok&utm_medium=paid&utm_campaign=spring&utm_term=t&utm_content=c&utm_id=7\","
     "\"referrer\":\"https://b.example/\",",
     ""},
    {"macros, empty ones and the fragment are missing", NULL,
     "{\"url\":\"https://a.example/?utm_source=__UTM_SOURCE__&utm_medium=&utm_campaign=__Not_one__"
     "#&utm_term=t\"}",
     NULL,
     "\"utm_source\":null,\"utm_medium\":null,\"utm_campaign\":\"__Not_one__\",\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"https://a.example/"
     "?utm_source=__UTM_SOURCE__&utm_medium=&utm_campaign=__Not_one__#&utm_term=t\","
     "\"referrer\":null,",
     ""},
    {"decoded once, macros in disguise too", NULL,
     "{\"url\":\"?utm_source=a%2Bb+c%2525&utm%5Fmedium=m&utm_term=%5F_AID_NAME__&utm_content=%FF&"
     "utm_id=%4\"}",
     NULL,
     "\"utm_source\":\"a+b c%25\",\"utm_medium\":\"m\",\"utm_campaign\":null,\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?utm_source=a%2Bb+c%2525&utm%5Fmedium=m&utm_term=%5F_AID_NAME__&utm_"
     "content=%FF&utm_id=%4\",\"referrer\":null,",
     ""},
    {"the first of equal names counts", NULL,
     "{\"url\":\"?utm_source=a&utm_source=b&&=x&utm_sourcex=c&utm_source\"}", NULL,
     "\"utm_source\":\"a\",\"utm_medium\":null,\"utm_campaign\":null,\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?utm_source=a&utm_source=b&&=x&utm_sourcex=c&utm_source\","
     "\"referrer\":null,",
     ""},
    {"click ids of every platform", NULL,
     "{\"url\":\"?ttclid=E.C.P.1&gclid=g&fbclid=f&msclkid=m&ScCid=s&li_fat_id=l&other=x\"}", NULL,
     NO_UTM,
     "\"landing_page\":\"?ttclid=E.C.P.1&gclid=g&fbclid=f&msclkid=m&ScCid=s&li_fat_id=l&other=x\","
     "\"referrer\":null,",
     "\"ttclid\":\"E.C.P.1\",\"gclid\":\"g\",\"fbclid\":\"f\",\"msclkid\":\"m\",\"li_fat_id\":"
     "\"l\",\"sccid\":\"s\""},
    {"Snap's id in both spellings is one", NULL, "{\"url\":\"?sccid=low&ScCid=high\"}", NULL,
     NO_UTM, "\"landing_page\":\"?sccid=low&ScCid=high\",\"referrer\":null,", "\"sccid\":\"high\""},
    {"the user's ttclid when the query has none", NULL, "null", "E.C.P.2", NO_UTM,
     "\"landing_page\":null,\"referrer\":null,", "\"ttclid\":\"E.C.P.2\""},
    {"the query's before the user's", NULL, "{\"url\":\"?ttclid=E.C.P.1\"}", "E.C.P.2", NO_UTM,
     "\"landing_page\":\"?ttclid=E.C.P.1\",\"referrer\":null,", "\"ttclid\":\"E.C.P.1\""},
    {"said otherwise: paths, constants, long names",
     "source: {value: tt}\nutm_medium: page.referrer?m\ncampaign: [user.locale, user.city]\n",
     "{\"url\":\"?utm_source=a&utm_medium=b&utm_term=t\",\"referrer\":\"https://b.example/?m=x\"}",
     NULL,
     "\"utm_source\":\"tt\",\"utm_medium\":\"x\",\"utm_campaign\":\"Ulm\",\"utm_term\":\"t\","
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?utm_source=a&utm_medium=b&utm_term=t\",\"referrer\":\"https://b.example/"
     "?m=x\",",
     ""},
    {"a macro, a blank or broken text gives way to the next of its list",
     "source: [page.url?src, {value: other}]\nmedium: [page.url?m, user.city]\n"
     "campaign: [page.url?bad, page.url?src]\nterm: page.url?m\n",
     "{\"url\":\"?src=__SRC__&m=+%09&bad=%FF\"}", NULL,
     "\"utm_source\":\"other\",\"utm_medium\":\"Ulm\",\"utm_campaign\":null,\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?src=__SRC__&m=+%09&bad=%FF\",\"referrer\":null,", ""},
    {"taken out", "landing_page: null\nreferrer: null\nttclid: null\n",
     "{\"url\":\"?utm_source=a&ttclid=x\",\"referrer\":\"r\"}", "E.C.P.2", NO_UTM,
     "\"landing_page\":null,\"referrer\":null,", ""},
    {"another landing page", "landing_page: page.referrer\nterm: null\n",
     "{\"url\":\"?utm_source=a\",\"referrer\":\"?utm_source=b&utm_term=t\"}", NULL,
     "\"utm_source\":\"b\",\"utm_medium\":null,\"utm_campaign\":null,\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?utm_source=b&utm_term=t\",\"referrer\":\"?utm_source=b&utm_term=t\",",
     ""},
    {"missing, written out, in every case and form", NULL,
     "{\"url\":\"?utm_source=undefined&utm_medium=(none)&utm_campaign=%7B%7Bcampaign.name%7D%7D&"
     "utm_term="
     "null&utm_content=N/"
     "A&utm_id=-&gclid=%24%7Bgclid%7D&ttclid=__CLICKID__\",\"referrer\":\"null\"}",
     "undefined", NO_UTM,
     "\"landing_page\":\"?utm_source=undefined&utm_medium=(none)&utm_campaign=%7B%7Bcampaign.name%"
     "7D%7D&"
     "utm_term=null&utm_content=N/"
     "A&utm_id=-&gclid=%24%7Bgclid%7D&ttclid=__CLICKID__\",\"referrer\":null,",
     ""},
    {"the next of equal names, another case, escaped ampersands, a router's query", NULL,
     "{\"url\":\"?utm_source=&utm_source=b&UTM_Medium=paid&amp;utm_campaign=c#/"
     "cart?utm_term=none&TTCLID="
     "E.C.P.3\"}",
     NULL,
     "\"utm_source\":\"b\",\"utm_medium\":\"paid\",\"utm_campaign\":\"c\",\"utm_term\":\"none\","
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"?utm_source=&utm_source=b&UTM_Medium=paid&amp;utm_campaign=c#/"
     "cart?utm_term=none&TTCLID=E.C.P.3\",\"referrer\":null,",
     "\"ttclid\":\"E.C.P.3\""},
    {"no line ends, no control characters", NULL,
     "{\"url\":\"https://a.example/\\r\\n?utm_source=a%0D%0Ab&utm_medium=%00&utm_campaign=%0A "
     "x%C2%85%E2%80%A8y "
     "%09&utm_term=%C2%85%C2%A0&gclid=g%001\",\"referrer\":\"https://b.example/\\u0000\"}",
     NULL,
     "\"utm_source\":\"a b\",\"utm_medium\":null,\"utm_campaign\":\"x y\",\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":\"https://a.example/?utm_source=a%0D%0Ab&utm_medium=%00&utm_campaign=%0A "
     "x%C2%85%E2%80%"
     "A8y %09&utm_term=%C2%85%C2%A0&gclid=g%001\",\"referrer\":\"https://b.example/\",",
     "\"gclid\":\"g1\""},
    {"a constant is what it says", "source: {value: none}\nmedium: {value: '-'}\n", "null", NULL,
     "\"utm_source\":\"none\",\"utm_medium\":\"-\",\"utm_campaign\":null,\"utm_term\":null,"
     "\"utm_content\":null,\"utm_id\":null,",
     "\"landing_page\":null,\"referrer\":null,", ""},
    {"ttclid from elsewhere goes before the query", "ttclid: user.city\n",
     "{\"url\":\"?ttclid=E.C.P.1\"}", "E.C.P.2", NO_UTM,
     "\"landing_page\":\"?ttclid=E.C.P.1\",\"referrer\":null,", "\"ttclid\":\"Ulm\""},
};

static struct readers readers;
static struct schema *record_schema;
static struct decoder *decoder;
static struct arena arena;

static int set_up(void **state)
{
    const char *const texts[] = {embedded_conversion_event_avsc};
    struct err err = {0};

    (void)state;
    readers = readers_of(texts, 1);
    record_schema = schema_of(embedded_utm_attribution_avsc);
    arena_init(&arena, ARENA_BYTES);
    return decoder_compile(record_schema, record_schema, &decoder, &err) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    decoder_free(decoder);
    arena_fini(&arena);
    schema_free(record_schema);
    readers_done(&readers);
    return 0;
}

static struct utm_map *compile(const char *yaml, struct diags *diags, struct yaml_doc **doc)
{
    struct config_destination destination = {.name = SPAN("utm")};

    *doc = NULL;
    if (yaml != NULL) {
        *doc = yaml_parse("detour.yaml", span_of(yaml), true, diags);
        assert_non_null(*doc);
        destination.utm = yaml_root(*doc);
    }
    return utm_map_compile(&destination, &readers, diags);
}

static struct value event_of(const char *page, const char *ttclid)
{
    struct buf json;
    struct value value;

    buf_init(&json, RECORD_BYTES);
    buf_printf(&json,
               "{\"event\":\"Order Completed\",\"timestamp\":0,\"user\":{\"city\":\"Ulm\"%s%s%s},"
               "\"page\":%s,\"properties\":{}}",
               ttclid == NULL ? "" : ",\"ttclid\":\"", ttclid == NULL ? "" : ttclid,
               ttclid == NULL ? "" : "\"", page);
    value = value_of(&readers, 0,
                     arena_copy(&arena, (struct span){buf_text(&json), json.len + 1}).ptr, &arena);
    buf_fini(&json);
    return value;
}

static void write_record(const struct utm_map *map, const struct value *root,
                         const struct facts *facts, struct span outage, struct buf *out)
{
    struct message_view message = {.value = ORIGINAL};
    struct event_view view = {.message = &message, .root = root, .facts = *facts};

    struct rendering event = {.view = &view,
                              .event_id = SPAN("ord-1"),
                              .first = SPAN("tiktok"),
                              .reason = SPAN("outage"),
                              .outage = outage,
                              .arena = &arena};

    utm_write(map, &event, FRAMING, out);
}

static void to_json(const struct buf *record, struct buf *json)
{
    struct span framed = buf_span(record);
    struct value value;
    struct err err = {0};

    assert_true(span_starts(framed, FRAMING));
    assert_true(span_eq(utm_original(framed), ORIGINAL));
    if (decoder_run(decoder, span_sub(framed, FRAMING.len, framed.len), &arena, &value, &err) !=
        ERR_OK) {
        fail_msg("the record is not what its schema says: %s", err.text);
    }
    value_to_json(&value, record_schema->root, json);
}

static const struct facts plain_facts = {.type = {"Order Completed", 15}, .time_ms = 1773223200123};

static void check_row(size_t row, struct buf *record, struct buf *json)
{
    struct diags diags;
    struct yaml_doc *doc;
    struct utm_map *map;
    struct value root;
    char want[4096];

    diags_init(&diags);
    map = compile(record_rows[row].utm, &diags, &doc);
    if (map == NULL || diags.count != 0) {
        fail_msg("%s: %s", record_rows[row].name, first_diag(&diags));
    }
    root = event_of(record_rows[row].page, record_rows[row].ttclid);
    write_record(map, &root, &plain_facts, SPAN_NONE, record);
    to_json(record, json);
    snprintf(want, sizeof(want), "%s%s%s%s\"outage_id\":null,\"click_ids\":{%s},%s", HEAD, NO_VALUE,
             record_rows[row].want_utm, record_rows[row].want_pages, record_rows[row].want_clicks,
             TAIL);
    if (strcmp(buf_text(json), want) != 0) {
        fail_msg("%s:\n got %s\nwant %s", record_rows[row].name, buf_text(json), want);
    }
    utm_map_free(map);
    yaml_free(doc);
    diags_fini(&diags);
}

static void records_read_back(void **state)
{
    struct buf record;
    struct buf json;

    (void)state;
    buf_init(&record, RECORD_BYTES);
    buf_init(&json, RECORD_BYTES);
    for (size_t i = 0; i < COUNT_OF(record_rows); i++) {
        buf_clear(&record);
        buf_clear(&json);
        arena_reset(&arena);
        check_row(i, &record, &json);
    }
    buf_fini(&record);
    buf_fini(&json);
}

static void value_currency_and_outage_are_kept(void **state)
{
    struct facts facts = plain_facts;
    struct value root;
    struct diags diags;
    struct yaml_doc *doc;
    struct utm_map *map;
    struct buf record;
    struct buf json;

    (void)state;
    arena_reset(&arena);
    facts.has_value = true;
    facts.value = -74.5;
    facts.currency = SPAN("EUR");
    root = event_of("null", NULL);
    buf_init(&record, RECORD_BYTES);
    buf_init(&json, RECORD_BYTES);
    diags_init(&diags);
    map = compile(NULL, &diags, &doc);
    write_record(map, &root, &facts, SPAN("o-9"), &record);
    to_json(&record, &json);
    assert_string_equal(buf_text(&json),
                        HEAD "\"value\":-74.5,\"currency\":\"EUR\"," NO_UTM
                             "\"landing_page\":null,\"referrer\":null,\"outage_id\":\"o-9\","
                             "\"click_ids\":{}," TAIL);
    utm_map_free(map);
    diags_fini(&diags);
    buf_fini(&record);
    buf_fini(&json);
}

/* A record with each field that may be absent, and click ids. */
static void write_full(struct span framing, struct buf *record)
{
    struct facts facts = plain_facts;
    struct value root;
    struct diags diags;
    struct yaml_doc *doc;
    struct utm_map *map;

    arena_reset(&arena);
    facts.has_value = true;
    facts.value = 3;
    facts.currency = SPAN("EUR");
    root = event_of("{\"url\":\"?utm_source=a&ttclid=E.C.P.1&gclid=g\"}", NULL);
    diags_init(&diags);
    map = compile(NULL, &diags, &doc);
    write_record(map, &root, &facts, SPAN("o-9"), record);
    assert_false(record->is_overflowed);
    if (framing.len > 0) {
        struct buf other;

        buf_init(&other, RECORD_BYTES);
        buf_add_span(&other, framing);
        buf_add_span(&other, span_sub(buf_span(record), FRAMING.len, record->len));
        buf_clear(record);
        buf_add_span(record, buf_span(&other));
        buf_fini(&other);
    }
    utm_map_free(map);
    diags_fini(&diags);
}

static void the_original_is_found_in_whole_records_alone(void **state)
{
    struct buf record;
    struct span whole;

    (void)state;
    buf_init(&record, RECORD_BYTES);
    write_full(SPAN("\xc3\1fingerpr"), &record);
    assert_true(span_eq(utm_original(buf_span(&record)), ORIGINAL));
    buf_clear(&record);
    write_full(SPAN_NONE, &record);
    whole = buf_span(&record);
    assert_true(span_eq(utm_original(whole), ORIGINAL));
    for (size_t len = 0; len < whole.len; len++) {
        assert_null(utm_original(span_sub(whole, 0, len)).ptr);
    }
    buf_add(&record, "x", 1);
    assert_null(utm_original(buf_span(&record)).ptr);
    assert_null(utm_original(SPAN_NONE).ptr);
    assert_null(utm_original(ORIGINAL).ptr);
    assert_null(utm_original(SPAN("{\"event\":\"Purchase\"}")).ptr);
    buf_fini(&record);
}

static const struct {
    const char *name;
    struct span clicks; /* the bytes of the map */
    bool is_found;
} map_rows[] = {
    {"empty", {"\0", 1}, true},
    {"two blocks", {"\2\2a\2b\2\2c\2d\0", 11}, true},
    {"a block with its bytes", {"\1\10\2a\2b\0", 7}, true},
    {"more entries than bytes", {"\xfe\xff\xff\xff\x0f\2a\2b\0", 10}, false},
    {"a count of more than 64 bits", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, false},
    {"a length below zero", {"\2\1a\2b\0", 6}, false},
};

/* Nulls for all that may be null: then the map, and the rest. */
static void maps_of_other_writers_are_walked_over(void **state)
{
    struct buf record;

    (void)state;
    buf_init(&record, RECORD_BYTES);
    for (size_t i = 0; i < COUNT_OF(map_rows); i++) {
        bool is_found;

        buf_clear(&record);
        buf_add_span(&record, FRAMING);
        buf_add(&record, "\2i\2t\0\0\0\0\0\0\0\0\0\0\0\0", 16);
        buf_add_span(&record, map_rows[i].clicks);
        buf_add(&record, "\2d\2r\10\0\1ab", 9);
        is_found = span_eq(utm_original(buf_span(&record)), ORIGINAL);
        if (is_found != map_rows[i].is_found) {
            fail_msg("%s: %sfound", map_rows[i].name, is_found ? "" : "not ");
        }
    }
    buf_fini(&record);
}

static void a_record_without_room_overflows(void **state)
{
    struct value root;
    struct diags diags;
    struct yaml_doc *doc;
    struct utm_map *map;
    struct buf record;

    (void)state;
    arena_reset(&arena);
    root = event_of("null", NULL);
    buf_init(&record, 20);
    diags_init(&diags);
    map = compile(NULL, &diags, &doc);
    write_record(map, &root, &plain_facts, SPAN_NONE, &record);
    assert_true(record.is_overflowed);
    utm_map_free(map);
    diags_fini(&diags);
    buf_fini(&record);
}

static const struct {
    const char *name;
    const char *yaml;
    const char *want; /* in a message */
    unsigned line;
} error_rows[] = {
    {"a misspelled field", "landing_page: page.url\nsorce: page.url?s\n", "did you mean source", 2},
    {"nothing like it", "xyzzy: page.url\n", "not a field of utm", 1},
    {"an unknown path", "referrer: page.referer\n", "referer", 1},
    {"said twice", "source: page.url?a\nutm_source: page.url?b\n", "said twice", 2},
    {"not a map", "[a]\n", "map of field to path", 1},
};

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
        struct diags diags;
        struct yaml_doc *doc;
        struct utm_map *map;

        diags_init(&diags);
        map = compile(error_rows[i].yaml, &diags, &doc);
        if (map != NULL || diags.error_count != 1 ||
            strstr(first_diag(&diags), error_rows[i].want) == NULL ||
            diags.items[0].place.line != error_rows[i].line) {
            fail_msg("%s: %s", error_rows[i].name, first_diag(&diags));
        }
        yaml_free(doc);
        diags_fini(&diags);
    }
}

static void a_schema_without_pages_needs_no_map(void **state)
{
    const char *const texts[] = {"{\"type\":\"record\",\"name\":\"Bare\",\"fields\":[{\"name\":"
                                 "\"kind\",\"type\":\"string\"}]}"};
    struct readers own = readers_of(texts, 1);
    struct readers shipped = readers;
    struct diags diags;
    struct yaml_doc *doc;
    struct utm_map *map;

    (void)state;
    readers = own;
    diags_init(&diags);
    map = compile(NULL, &diags, &doc);
    assert_non_null(map);
    assert_int_equal(diags.count, 0);
    utm_map_free(map);
    utm_map_free(NULL);
    diags_fini(&diags);
    readers_done(&own);
    readers = shipped;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_read_back),
        cmocka_unit_test(value_currency_and_outage_are_kept),
        cmocka_unit_test(the_original_is_found_in_whole_records_alone),
        cmocka_unit_test(maps_of_other_writers_are_walked_over),
        cmocka_unit_test(a_record_without_room_overflows),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(a_schema_without_pages_needs_no_map),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
