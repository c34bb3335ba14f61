/* What a map sends of which events, and what is recommended and missing. */
#include "tiktok_world.h"

#include "base/embedded.h"
#include "base/mem.h"
#include "destinations/tiktok/review.h"

/* A shop's own names, none of them the example's. */
static const char shop_schema[] =
    "{\"type\": \"record\", \"name\": \"Sale\", \"fields\": ["
    "{\"name\": \"kind\", \"type\": \"string\"},"
    "{\"name\": \"total\", \"type\": \"double\"},"
    "{\"name\": \"money\", \"type\": \"string\"},"
    "{\"name\": \"mail\", \"type\": [\"null\", \"string\"]},"
    "{\"name\": \"land\", \"type\": \"string\"},"
    "{\"name\": \"page\", \"type\": \"string\"},"
    "{\"name\": \"user\", \"type\": {\"type\": \"record\", \"name\": \"U\", \"fields\": ["
    "{\"name\": \"email\", \"type\": {\"type\": \"array\", \"items\": \"int\"}},"
    "{\"name\": \"country\", \"type\": \"int\"}]}},"
    "{\"name\": \"rows\", \"type\": {\"type\": \"array\", \"items\": {\"type\": \"record\", "
    "\"name\": "
    "\"Row\", \"fields\": [{\"name\": \"art\", \"type\": \"string\"}, {\"name\": \"each\", "
    "\"type\": "
    "\"double\"}]}}}]}";

#define VALUE "the default of user.email is no use"
#define MATCHED "user.email: mail, user.country: null, "

static const struct {
    const char *name;
    const char *map;
    const char *events;        /* ours and theirs, comma after each; NULL: any */
    const char *const want[6]; /* parts of the warnings in order */
    enum event_source source;
} rows[] = {
    {"all there is",
     "{" MATCHED "page.url: land, properties.value: total, properties.currency: money, "
     "properties.contents: {each: rows, fields: {content_id: art}}, properties.search_string: "
     "kind}",
     NULL,
     {NULL},
     SOURCE_WEB},
    {"a purchase without its worth",
     "{" MATCHED "page.url: land, properties.contents: null}",
     "BUY",
     {"BUY is sent without properties.value: TikTok does not learn what it is worth; write "
      "'properties.value: PATH' into map: or 'value: PATH' under event:, or 'properties.value: "
      "null' when it is meant",
      "BUY is sent without properties.currency"},
     SOURCE_WEB},
    {"said to be meant",
     "{" MATCHED "page.url: land, properties.contents: null, properties.value: null, "
     "properties.currency: null}",
     "BUY",
     {NULL},
     SOURCE_WEB},
    {"no purchases, nothing missing", "{" MATCHED "page.url: land}", "SIGN", {NULL}, SOURCE_WEB},
    {"no products",
     "{" MATCHED "page.url: land, properties.value: total, properties.currency: money}",
     "BUY",
     {"BUY is sent without properties.contents: TikTok does not learn which products; write "
      "'properties.contents: {each: PATH, fields: {content_id: PATH, price: PATH, quantity: "
      "PATH}}' into map:"},
     SOURCE_WEB},
    {"products by their ids alone",
     "{" MATCHED "page.url: land, properties.value: total, properties.currency: money, "
     "properties.content_ids: kind}",
     "BUY",
     {NULL},
     SOURCE_WEB},
    {"products without ids",
     "{" MATCHED "page.url: land, properties.value: total, properties.currency: money, "
     "properties.contents: {each: rows, fields: {price: each}}}",
     "BUY",
     {"properties.contents is sent without content_id"},
     SOURCE_WEB},
    {"no page",
     "{" MATCHED "}",
     "SIGN",
     {"no event is sent with page.url: TikTok does not learn on which page; write 'page.url: PATH' "
      "into map:"},
     SOURCE_WEB},
    {"the web alone has pages", "{" MATCHED "}", "SIGN", {NULL}, SOURCE_OFFLINE},
    {"nobody known",
     "{user.email: null, user.country: null, page.url: null}",
     "SIGN",
     {NULL},
     SOURCE_WEB},
    {"nobody known, and not said",
     "{page.url: null, user.country: null}",
     "SIGN",
     {"no event is sent with any identifier",
      "the default of user.email is no use with this "
      "schema: user.email takes a text; 'user.email' is of type array of something else; write "
      "'user.email: PATH'"},
     SOURCE_WEB},
    {"an address without a browser is nobody",
     "{page.url: null, user.country: null, user.ip: land, user.external_id: null}",
     "SIGN",
     {"the default of user.email"},
     SOURCE_WEB},
    {"a search without its words",
     "{" MATCHED "page.url: land}",
     "FIND",
     {"FIND is sent without properties.search_string"},
     SOURCE_WEB},
    {"any event may be a purchase",
     "{" MATCHED "page.url: land, properties.contents: null}",
     NULL,
     {"Purchase is sent without properties.value", "Purchase is sent without properties.currency"},
     SOURCE_WEB},
};

static struct name_pair names[] = {{{"BUY", 3}, {"Purchase", 8}, {0}},
                                   {{"SIGN", 4}, {"CompleteRegistration", 20}, {0}},
                                   {{"FIND", 4}, {"Search", 6}, {0}}};

static void check_row(size_t row, const struct world *world)
{
    size_t want = 0;

    while (rows[row].want[want] != NULL) {
        if (want >= world->diags.count ||
            strstr(world->diags.items[want].message, rows[row].want[want]) == NULL) {
            fail_msg("%s: %s", rows[row].name,
                     want < world->diags.count ? world->diags.items[want].message : "no warning");
        }
        want++;
    }
    if (world->diags.count != want) {
        fail_msg("%s: also %s", rows[row].name, world->diags.items[want].message);
    }
}

static void what_is_missing_is_warned_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *event = rows[i].events;
        struct type_names types = {&event, 1};
        struct world world;

        world_open(&world, shop_schema);
        world.options.event_source = rows[i].source;
        if (event != NULL) {
            world.destination.events = names;
            world.destination.event_count = COUNT_OF(names);
        }
        world_compile(&world, rows[i].map);
        if (world.map == NULL) {
            fail_msg("%s: %s", rows[i].name, world.diags.items[0].message);
        }
        tiktok_map_review(world.map, &world.destination, event == NULL ? NULL : &types,
                          &world.diags);
        check_row(i, &world);
        world_close(&world);
    }
}

static void constants_that_are_placeholders_are_warned_of(void **state)
{
    const char *event = "SIGN";
    struct type_names types = {&event, 1};
    struct world world;

    (void)state;
    world_open(&world, shop_schema);
    world.options.event_source_id = SPAN("__PIXEL__");
    world.options.test_event_code = SPAN("null");
    world_compile(&world, "{" MATCHED "page.url: land}");
    assert_non_null(world.map);
    tiktok_map_review(world.map, &world.destination, &types, &world.diags);
    assert_int_equal(world.diags.count, 2);
    assert_string_equal(
        world.diags.items[0].message,
        "event_source_id is \"__PIXEL__\": a placeholder that nobody has filled in");
    assert_non_null(strstr(world.diags.items[1].message, "test_event_code is \"null\""));
    world_close(&world);
}

static const char *find(const struct field_use *items, size_t count, const char *field)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(items[i].field, field) == 0) {
            return items[i].text;
        }
    }
    return "";
}

static void each_field_is_listed_with_where_it_comes_from(void **state)
{
    const struct config_event event = {.type = SPAN("kind"), .id = SPAN("mail")};
    const struct event_paths paths = {.is_type_record_name = false};
    struct field_list list = {0};
    struct world world;

    (void)state;
    world_open(&world, shop_schema);
    world.destination.event = &event;
    world.destination.events = names;
    world.destination.event_count = 1;
    world_compile(&world, "{user.email: mail, user.ttclid: [land?ttclid, mail], page.url: land, "
                          "properties.content_type: {value: product_group}, "
                          "properties.contents: {each: rows, fields: {content_id: art}}}");
    tiktok_map_list(world.map, &world.destination, &paths, &list);
    assert_string_equal(find(list.sent, list.sent_count, "user.email"), "mail");
    assert_string_equal(find(list.sent, list.sent_count, "user.ttclid"), "[land?ttclid, mail]");
    assert_string_equal(find(list.sent, list.sent_count, "properties.contents"),
                        "{each: rows, fields: {content_id: art}}");
    assert_string_equal(find(list.sent, list.sent_count, "properties.content_type"),
                        "{value: product_group}");
    assert_string_equal(find(list.sent, list.sent_count, "event"), "kind; BUY as Purchase");
    assert_string_equal(find(list.sent, list.sent_count, "event_id"),
                        "topic, partition and offset");
    assert_string_equal(find(list.sent, list.sent_count, "event_source_id"),
                        "{value: CEXAMPLE0PIXEL00AB12}");
    assert_string_equal(find(list.missing, list.missing_count, "user.phone"),
                        "'user.phone' is not in the schema");
    assert_string_equal(find(list.missing, list.missing_count, "user.country"),
                        "user.country takes a text; 'user.country' is of type int");
    field_list_fini(&list);
    world_close(&world);
}

static void the_shipped_schema_lacks_nothing(void **state)
{
    struct field_list list = {0};
    const struct event_paths paths = {0};
    struct world world;

    (void)state;
    world_open(&world, embedded_conversion_event_avsc);
    world_compile(&world, NULL);
    tiktok_map_review(world.map, &world.destination, NULL, &world.diags);
    tiktok_map_list(world.map, &world.destination, &paths, &list);
    assert_int_equal(world.diags.count, 0);
    assert_int_equal(list.missing_count, 0);
    field_list_fini(&list);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_warned_of),
        cmocka_unit_test(constants_that_are_placeholders_are_warned_of),
        cmocka_unit_test(each_field_is_listed_with_where_it_comes_from),
        cmocka_unit_test(the_shipped_schema_lacks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
