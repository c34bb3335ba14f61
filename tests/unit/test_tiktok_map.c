/* From an event to an item: the default map on the shipped schema, maps of other schemas, every
 * kind of field, what is left out, and what is wrong with a map and where. */
#include "tiktok_world.h"

#include <math.h>

#include "base/embedded.h"

/* What the shipped schema asks for; @more is further members of the record. */
#define SHIPPED(user, page, properties)                                                            \
    "{\"event\": \"Order Completed\", \"timestamp\": 0, \"user\": {" user "}, \"page\": " page     \
    ", \"properties\": {" properties "}}"

static const struct {
    const char *name;
    enum event_source source;
    const char *map; /* NULL: the default alone */
    const char *record;
    const char *want; /* members behind event, event_time and event_id */
    uint32_t left_out;
} shipped_rows[] = {
    {"nothing but the event", SOURCE_WEB, NULL, SHIPPED("", "null", ""), "", 0},
    {"empty texts are missing, not left out", SOURCE_WEB, NULL,
     SHIPPED("\"email\": \"\", \"ttclid\": \"\"", "{\"url\": \"\"}", "\"order_id\": \"\""), "", 0},
    {"white space is missing as well", SOURCE_WEB, NULL,
     SHIPPED("\"email\": \" \", \"ttp\": \"  \"", "{\"url\": \"\\t\"}", "\"order_id\": \" \""), "",
     0},
    {"missing, written out", SOURCE_WEB, NULL,
     SHIPPED(
         "\"ttclid\": \"__CLICKID__\", \"ttp\": \"undefined\", \"ip\": \"null\", \"user_agent\": "
         "\"(null)\", \"locale\": \"None\", \"city\": \"{{city}}\", \"first_name\": \"N/A\"",
         "{\"url\": \"[object Object]\", \"referrer\": \"{{document.referrer}}\"}",
         "\"order_id\": \"NaN\", \"shop_id\": \"-\", \"currency\": \"nil\", \"description\": "
         "\"undefined\", \"search_string\": \"${q}\", \"products\": [{\"sku\": \"null\"}]"),
     "", 0},
    {"a placeholder does not hide the next source", SOURCE_WEB, NULL,
     SHIPPED("\"ttclid\": \"E.C.P.cookie\"",
             "{\"url\": \"https://a.example/?ttclid=%7B%7Bttclid%7D%7D\"}", ""),
     ", \"user\": {\"ttclid\": \"E.C.P.cookie\"}, \"page\": {\"url\": "
     "\"https://a.example/?ttclid=%7B%7Bttclid%7D%7D\"}",
     0},
    {"nor does what is there and no use", SOURCE_WEB, "user.ip: [user.city, user.state, user.ip]",
     SHIPPED("\"city\": \"10.0.0.7\", \"state\": \"198.51.100.7\", \"ip\": \"198.51.100.8\"",
             "null", ""),
     ", \"user\": {\"city\": \"10007\", \"state\": \"198511007\", \"ip\": \"198.51.100.7\"}", 0},
    {"free text keeps what may be meant", SOURCE_WEB, NULL,
     SHIPPED("", "null",
             "\"description\": \"none\", \"products\": [{\"sku\": \"s\", \"name\": \"None\", "
             "\"brand\": "
             "\"Nil\"}]"),
     ", \"properties\": {\"contents\": [{\"content_id\": \"s\", \"content_name\": \"None\", "
     "\"brand\": "
     "\"Nil\"}], \"content_type\": \"product\", \"description\": \"none\"}",
     0},
    {"null and undefined are nobody's address", SOURCE_WEB, NULL,
     SHIPPED("\"email\": \"null\", \"phone\": \"undefined\", \"external_id\": \"NULL\"", "null",
             ""),
     "", 0},
    {"all of the web", SOURCE_WEB, NULL,
     SHIPPED("\"email\": \"Nora.Field@Shop.example\", \"phone\": \"+49 151 12345678\", "
             "\"external_id\": \"cust-88213\", \"first_name\": \" Jane \", \"last_name\": "
             "\"O'Brien\", \"city\": \"San Jos\\u00e9\", \"state\": \"CA\", \"zip_code\": "
             "\"95110-1234\", \"country\": \"US\", \"ttclid\": \"E.C.P.1\", \"ttp\": \"2a\", "
             "\"ip\": \"2001:db8::1\", \"user_agent\": \"UA\", \"locale\": \"en-US\"",
             "{\"url\": \"https://shop.example/\", \"referrer\": \"https://a.example/\"}",
             "\"value\": 19.99, \"currency\": \"usd\", \"order_id\": \"o\", \"shop_id\": \"s\", "
             "\"search_string\": \"q\", \"description\": \"d\", \"num_items\": 2, \"products\": "
             "[{\"sku\": \"1\", \"name\": \"n\", \"category\": \"c\", \"brand\": \"b\", \"price\": "
             "9.5, \"quantity\": 2}]"),
     ", \"user\": {\"email\": "
     "\"033515410ca92e007b89cb5fc069f383e5f972b8181d6949ace4deb913d7702a\", \"phone\": "
     "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\", \"external_id\": "
     "\"6c47040eaf6a60515631a56d6bdc59ceca2260bbff65465caa3e1fd02531a338\", \"first_name\": "
     "\"81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2\", \"last_name\": "
     "\"b4cb6cb33fe4b865868de825023a1e2790dc12ac01ecc8d7c5afe8254071c8ba\", \"zip_code\": "
     "\"383f7fffd99f3b1c3066086bcf991eae7ad543589d12bd792ecb6dc8b5acebc1\", \"city\": "
     "\"sanjos\xc3\xa9\", \"state\": \"ca\", \"country\": \"us\", \"ttclid\": \"E.C.P.1\", "
     "\"ttp\": \"2a\", \"ip\": \"2001:db8::1\", \"user_agent\": \"UA\", \"locale\": \"en-US\"}, "
     "\"properties\": {\"contents\": [{\"content_id\": \"1\", \"content_name\": \"n\", "
     "\"content_category\": \"c\", \"brand\": \"b\", \"price\": 9.5, \"quantity\": 2}], "
     "\"content_type\": \"product\", \"value\": 19.99, \"currency\": \"USD\", \"num_items\": 2, "
     "\"order_id\": \"o\", \"shop_id\": \"s\", \"search_string\": \"q\", \"description\": \"d\"}, "
     "\"page\": {\"url\": \"https://shop.example/\", \"referrer\": \"https://a.example/\"}",
     0},
    {"offline takes what offline has", SOURCE_OFFLINE, NULL,
     SHIPPED("\"external_id\": \"x\", \"ttp\": \"2a\", \"ip\": \"198.51.100.1\"",
             "{\"url\": \"https://shop.example/?ttclid=E.C.P.1\"}", "\"value\": 1"),
     ", \"properties\": {\"value\": 1}", 0},
    {"what is asked for is sent all the same", SOURCE_OFFLINE, "user.ttp: user.ttp",
     SHIPPED("\"ttp\": \"2a\"", "null", ""), ", \"user\": {\"ttp\": \"2a\"}", 0},
    {"the click of the page outranks the cookie's", SOURCE_WEB, NULL,
     SHIPPED("\"ttclid\": \"cookie\"",
             "{\"url\": \"https://shop.example/?a=1&ttclid=E.C.P.%C3%A9%2B#x\"}", ""),
     ", \"user\": {\"ttclid\": \"E.C.P.\xc3\xa9+\"}, \"page\": {\"url\": "
     "\"https://shop.example/?a=1&ttclid=E.C.P.%C3%A9%2B#x\"}",
     0},
    {"a field is taken out", SOURCE_WEB, "user.email: null\npage.url: ~",
     SHIPPED("\"email\": \"a@shop.example\", \"ttp\": \"t\"", "{\"url\": \"https://a.example/\"}",
             ""),
     ", \"user\": {\"ttp\": \"t\"}", 0},
    {"contents taken out take content_type along", SOURCE_WEB, "properties.contents: null",
     SHIPPED("", "null", "\"products\": [{\"sku\": \"1\"}]"), "", 0},
    {"content_type alone when it is asked for", SOURCE_WEB,
     "properties.content_type: {value: product_group}", SHIPPED("", "null", ""),
     ", \"properties\": {\"content_type\": \"product_group\"}", 0},
    {"no contents, no content_type", SOURCE_WEB, NULL,
     SHIPPED("", "null", "\"value\": 2, \"products\": []"), ", \"properties\": {\"value\": 2}", 0},
    {"a product without anything usable is no content", SOURCE_WEB, NULL,
     SHIPPED("", "null", "\"products\": [{\"sku\": \" \", \"name\": \" \"}]"), "", 0},
    {"the other products stay", SOURCE_WEB, NULL,
     SHIPPED("", "null", "\"products\": [{\"sku\": \"\"}, {\"sku\": \"2\"}, {\"sku\": \" \"}]"),
     ", \"properties\": {\"contents\": [{\"content_id\": \"2\"}], \"content_type\": \"product\"}",
     0},
    {"a value without a usable currency stays", SOURCE_WEB, NULL,
     SHIPPED("", "null", "\"value\": 5.25, \"currency\": \"XAU\""),
     ", \"properties\": {\"value\": 5.25}", 1},
    {"a refund", SOURCE_WEB, NULL, SHIPPED("", "null", "\"value\": -5, \"currency\": \"EUR\""),
     ", \"properties\": {\"value\": -5, \"currency\": \"EUR\"}", 0},
    {"addresses inside a house", SOURCE_WEB, NULL, SHIPPED("\"ip\": \"10.0.0.1\"", "null", ""), "",
     1},
    {"an address with its port", SOURCE_WEB, NULL,
     SHIPPED("\"ip\": \"203.0.113.7:51234\"", "null", ""), ", \"user\": {\"ip\": \"203.0.113.7\"}",
     0},
    {"a list of proxies", SOURCE_WEB, NULL,
     SHIPPED("\"ip\": \"unknown, 10.0.0.1, 198.51.100.9, 203.0.113.7\"", "null", ""),
     ", \"user\": {\"ip\": \"198.51.100.9\"}", 0},
    {"quotation marks and controls", SOURCE_WEB, NULL,
     SHIPPED("", "null", "\"description\": \"a\\\"b\\\\c\\nd\\u0001\""),
     ", \"properties\": {\"description\": \"a\\\"b\\\\c\\nd\\u0001\"}", 0},
    {"a NUL inside", SOURCE_WEB, NULL, SHIPPED("", "null", "\"description\": \"a\\u0000b\""), "",
     1},
    {"a national number by the person's country", SOURCE_WEB, NULL,
     SHIPPED("\"phone\": \"0151 12345678\", \"country\": \"de\"", "null", ""),
     ", \"user\": {\"phone\": "
     "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\", \"country\": \"de\"}",
     0},
    {"also where the country is not sent", SOURCE_OFFLINE, NULL,
     SHIPPED("\"phone\": \"0151 12345678\", \"country\": \"de\"", "null", ""),
     ", \"user\": {\"phone\": "
     "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\"}",
     0},
    {"without any country it is left out", SOURCE_WEB, "user.country: null",
     SHIPPED("\"phone\": \"0151 12345678\", \"country\": \"de\"", "null", ""), "", 1},
    {"a constant, a boolean at the item", SOURCE_WEB, "limited_data_use: {value: true}",
     SHIPPED("", "null", ""), ", \"limited_data_use\": true", 0},
    {"a member of one's own", SOURCE_WEB,
     "properties.loyalty_tier: context.tier\nproperties.test_run: {value: 7}",
     "{\"event\": \"Order Completed\", \"timestamp\": 0, \"user\": {}, \"properties\": {}, "
     "\"context\": {\"tier\": \"gold\"}}",
     ", \"properties\": {\"loyalty_tier\": \"gold\", \"test_run\": 7}", 0},
    {"an object inside properties", SOURCE_WEB,
     "properties.mileage.value: properties.num_items\nproperties.mileage.unit: {value: KM}",
     SHIPPED("", "null", "\"num_items\": 7"),
     ", \"properties\": {\"num_items\": 7, \"mileage\": {\"value\": 7, \"unit\": \"KM\"}}", 0},
    {"that object alone, then a page", SOURCE_WEB, "properties.mileage.unit: {value: KM}",
     SHIPPED("", "{\"url\": \"https://a.example/\"}", ""),
     ", \"properties\": {\"mileage\": {\"unit\": \"KM\"}}, \"page\": {\"url\": "
     "\"https://a.example/\"}",
     0},
};

static void check_item(const char *name, const struct world *world, const char *members)
{
    char *want = malloc(strlen(members) + 256);

    (void)sprintf(want,
                  "{\"event\": \"Purchase\", \"event_time\": 1773223200, \"event_id\": \"e-1\"%s}",
                  members);
    check_json(name, buf_span(&world->out), want);
    free(want);
}

static struct name_pair names[] = {{{"Order Completed", 15}, {"Purchase", 8}, {0}},
                                   {{"Added", 5}, {"AddToCart", 9}, {0}}};

static void open_shipped(struct world *world, enum event_source source, const char *map)
{
    world_open(world, embedded_conversion_event_avsc);
    world->options.event_source = source;
    world->destination.events = names;
    world->destination.event_count = COUNT_OF(names);
    world_compile(world, map);
}

static void the_shipped_schema_is_mapped_without_a_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shipped_rows); i++) {
        const char *name = shipped_rows[i].name;
        struct world world;

        open_shipped(&world, shipped_rows[i].source, shipped_rows[i].map);
        if (world_write(&world, "Order Completed", "e-1", 1773223200999, shipped_rows[i].record) !=
            ERR_OK) {
            fail_msg("%s: %s", name, world.err.text);
        }
        check_item(name, &world, shipped_rows[i].want);
        if (world.item.fields_left_out != shipped_rows[i].left_out) {
            fail_msg("%s: %u left out", name, world.item.fields_left_out);
        }
        assert_non_null(strstr(buf_text(&world.out), "{\"event\":\"Purchase\","));
        world_close(&world);
    }
}

/* A schema with every type under one name each. */
static const char kinds_schema[] =
    "{\"type\": \"record\", \"name\": \"Kinds\", \"namespace\": \"org.example\", \"fields\": ["
    "{\"name\": \"s\", \"type\": [\"null\", \"string\"], \"default\": null},"
    "{\"name\": \"i\", \"type\": [\"null\", \"int\"], \"default\": null},"
    "{\"name\": \"l\", \"type\": [\"null\", \"long\"], \"default\": null},"
    "{\"name\": \"f\", \"type\": [\"null\", \"float\"], \"default\": null},"
    "{\"name\": \"d\", \"type\": [\"null\", \"double\"], \"default\": null},"
    "{\"name\": \"b\", \"type\": [\"null\", \"boolean\"], \"default\": null},"
    "{\"name\": \"e\", \"type\": [\"null\", {\"type\": \"enum\", \"name\": \"E\", \"symbols\": "
    "[\"product\", \"EUR\", \"returning\"]}], \"default\": null},"
    "{\"name\": \"dec\", \"type\": [\"null\", {\"type\": \"bytes\", \"logicalType\": \"decimal\", "
    "\"precision\": 9, \"scale\": 2}], \"default\": null},"
    "{\"name\": \"raw\", \"type\": [\"null\", \"bytes\"], \"default\": null},"
    "{\"name\": \"any\", \"type\": [\"null\", \"string\", \"long\", \"boolean\"], \"default\": "
    "null},"
    "{\"name\": \"texts\", \"type\": {\"type\": \"array\", \"items\": [\"null\", \"string\"]}, "
    "\"default\": []},"
    "{\"name\": \"longs\", \"type\": {\"type\": \"array\", \"items\": \"long\"}, \"default\": []},"
    "{\"name\": \"m\", \"type\": {\"type\": \"map\", \"values\": \"string\"}, \"default\": {}},"
    "{\"name\": \"r\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"R\", \"fields\": "
    "[{\"name\": \"x\", \"type\": \"string\"}]}], \"default\": null},"
    "{\"name\": \"lines\", \"type\": [\"null\", {\"type\": \"array\", \"items\": [\"null\", "
    "{\"type\": \"record\", \"name\": \"Line\", \"fields\": ["
    "{\"name\": \"no\", \"type\": \"long\"},"
    "{\"name\": \"amount\", \"type\": [\"null\", \"double\", \"string\"], \"default\": null}"
    "]}]}], \"default\": null}"
    "]}";

static const struct {
    const char *name;
    const char *map;
    const char *record;
    const char *want; /* without the three head members */
    uint32_t left_out;
} kind_rows[] = {
    /* ids are strings */
    {"id of an int", "properties.order_id: i", "{\"i\": 1077}",
     ", \"properties\": {\"order_id\": \"1077\"}", 0},
    {"id of a long beyond doubles", "properties.order_id: l", "{\"l\": 7398000000000001235}",
     ", \"properties\": {\"order_id\": \"7398000000000001235\"}", 0},
    {"id of a whole double", "properties.order_id: d", "{\"d\": 1820000000000001}",
     ", \"properties\": {\"order_id\": \"1820000000000001\"}", 0},
    {"id of a fraction", "properties.order_id: d", "{\"d\": 1.5}", "", 1},
    {"id of a double beyond integers", "properties.order_id: d", "{\"d\": 1e300}", "", 1},
    {"id of text keeps its zeros", "properties.order_id: s", "{\"s\": \" 0042 \"}",
     ", \"properties\": {\"order_id\": \"0042\"}", 0},
    {"id of a boolean branch", "properties.order_id: any", "{\"any\": true}", "", 1},
    {"id of a long branch", "properties.order_id: any", "{\"any\": 12}",
     ", \"properties\": {\"order_id\": \"12\"}", 0},
    {"id of a decimal", "properties.order_id: dec", "{\"dec\": \"\\u0011\\u00f8\"}",
     ", \"properties\": {\"order_id\": \"46\"}", 0},
    /* numbers are numbers */
    {"value of an int", "properties.value: i", "{\"i\": -3}", ", \"properties\": {\"value\": -3}",
     0},
    {"value of a float is short", "properties.value: f", "{\"f\": 19.99}",
     ", \"properties\": {\"value\": 19.99}", 0},
    {"value of a decimal", "properties.value: dec", "{\"dec\": \"\\u0011\\u00ee\"}",
     ", \"properties\": {\"value\": 45.9}", 0},
    {"value of text", "properties.value: s", "{\"s\": \" 12.50 \"}",
     ", \"properties\": {\"value\": 12.5}", 0},
    {"value with a currency sign", "properties.value: s", "{\"s\": \"12.50 EUR\"}", "", 1},
    {"value with thousands", "properties.value: s", "{\"s\": \"1,234.50\"}", "", 1},
    {"value that is not one", "properties.value: s", "{\"s\": \"NaN\"}", "", 0},
    {"value without end", "properties.value: s", "{\"s\": \"Infinity\"}", "", 1},
    {"value of a boolean branch", "properties.value: any", "{\"any\": true}", "", 1},
    {"value by a constant", "properties.value: {value: 9.90}", "{}",
     ", \"properties\": {\"value\": 9.9}", 0},
    {"whole number of a double", "properties.num_items: d", "{\"d\": 3.0}",
     ", \"properties\": {\"num_items\": 3}", 0},
    {"whole number of text", "properties.num_items: s", "{\"s\": \"3\"}",
     ", \"properties\": {\"num_items\": 3}", 0},
    {"half an item", "properties.num_items: d", "{\"d\": 2.5}", "", 1},
    {"half an item in text", "properties.num_items: s", "{\"s\": \"2.5\"}", "", 1},
    {"more items than there are", "properties.num_items: d", "{\"d\": 1e18}", "", 1},
    /* words and currencies */
    {"a word in another case", "properties.content_type: s", "{\"s\": \"Product_Group\"}",
     ", \"properties\": {\"content_type\": \"product_group\"}", 0},
    {"a word of no list", "properties.content_type: s", "{\"s\": \"service\"}", "", 1},
    {"a word of an enum", "properties.customer_type: e", "{\"e\": \"returning\"}",
     ", \"properties\": {\"customer_type\": \"returning\"}", 0},
    {"an enum that is another word", "properties.customer_type: e", "{\"e\": \"EUR\"}", "", 1},
    {"a currency of an enum", "properties.currency: e", "{\"e\": \"EUR\"}",
     ", \"properties\": {\"currency\": \"EUR\"}", 0},
    {"a currency by name", "properties.currency: s", "{\"s\": \"euro\"}", "", 1},
    {"a consent of text", "limited_data_use: s", "{\"s\": \"True\"}",
     ", \"limited_data_use\": true", 0},
    {"a consent of a number", "limited_data_use: i", "{\"i\": 0}", ", \"limited_data_use\": false",
     0},
    {"a consent that is unclear", "limited_data_use: s", "{\"s\": \"maybe\"}", "", 1},
    /* addresses */
    {"IPv6, compressed", "user.ip: s", "{\"s\": \"2a00:1450:4001::5\"}",
     ", \"user\": {\"ip\": \"2a00:1450:4001::5\"}", 0},
    {"loopback", "user.ip: s", "{\"s\": \"127.0.0.1\"}", "", 1},
    {"loopback of IPv6", "user.ip: s", "{\"s\": \"::1\"}", "", 1},
    {"nowhere", "user.ip: s", "{\"s\": \"::\"}", "", 1},
    {"link-local", "user.ip: s", "{\"s\": \"fe80::1\"}", "", 1},
    {"unique local", "user.ip: s", "{\"s\": \"fd12::1\"}", "", 1},
    {"private, mapped", "user.ip: s", "{\"s\": \"::ffff:192.168.1.1\"}", "", 1},
    {"carrier's own", "user.ip: s", "{\"s\": \"100.64.1.1\"}", "", 1},
    {"multicast", "user.ip: s", "{\"s\": \"224.0.0.1\"}", "", 1},
    {"with a port", "user.ip: s", "{\"s\": \"198.51.100.7:443\"}",
     ", \"user\": {\"ip\": \"198.51.100.7\"}", 0},
    {"a list of proxies", "user.ip: s", "{\"s\": \"198.51.100.7, 10.0.0.1\"}",
     ", \"user\": {\"ip\": \"198.51.100.7\"}", 0},
    {"a name", "user.ip: s", "{\"s\": \"localhost\"}", "", 1},
    {"three parts", "user.ip: s", "{\"s\": \"10.1.2\"}", "", 1},
    /* identifiers */
    {"one element stays an array", "user.external_id: texts", "{\"texts\": [\"cust-88213\"]}",
     ", \"user\": {\"external_id\": "
     "[\"6c47040eaf6a60515631a56d6bdc59ceca2260bbff65465caa3e1fd02531a338\"]}",
     0},
    {"twice the same address is one", "user.email: texts",
     "{\"texts\": [\"Nora.Field@shop.example\", null, \"\", \"n.field@mail.example\", "
     "\"nora.field@shop.example\", "
     "\"033515410CA92E007B89CB5FC069F383E5F972B8181D6949ACE4DEB913D7702A\"]}",
     ", \"user\": {\"email\": "
     "[\"033515410ca92e007b89cb5fc069f383e5f972b8181d6949ace4deb913d7702a\", "
     "\"47a8730637e874f1d0c2c21bac7a95e85adc2c336246ffdf882769281727291d\"]}",
     0},
    {"unusable elements are counted", "user.email: texts",
     "{\"texts\": [\"nobody\", \"n.field@mail.example\", \" \"]}",
     ", \"user\": {\"email\": "
     "[\"47a8730637e874f1d0c2c21bac7a95e85adc2c336246ffdf882769281727291d\"]}",
     1},
    {"missing elements are not", "user.email: texts",
     "{\"texts\": [\"undefined\", \"n.field@mail.example\", \"__EMAIL__\", null, \"\"]}",
     ", \"user\": {\"email\": "
     "[\"47a8730637e874f1d0c2c21bac7a95e85adc2c336246ffdf882769281727291d\"]}",
     0},
    {"none usable", "user.email: texts", "{\"texts\": [\"nobody\", null]}", "", 2},
    {"an empty array", "user.email: texts", "{\"texts\": []}", "", 1},
    {"numbers as ids", "user.external_id: longs", "{\"longs\": [123]}",
     ", \"user\": {\"external_id\": "
     "[\"a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3\"]}",
     0},
    {"a telephone number as a number", "user.phone: l", "{\"l\": 4915112345678}",
     ", \"user\": {\"phone\": "
     "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\"}",
     0},
    {"hashed before", "user.phone: s",
     "{\"s\": \"536AFD523E19DC83FCCBA822EF5E4CA646111314AAF0AA286667C5BEA18DD70B\"}",
     ", \"user\": {\"phone\": "
     "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\"}",
     0},
    {"hashed another way", "user.email: s", "{\"s\": \"0123456789abcdef0123456789abcdef\"}", "", 1},
    {"devices", "user.idfa: s\nuser.gaid: s", "{\"s\": \"EA7583CD-A667-48BC-B806-42ECB2B48606\"}",
     ", \"user\": {\"idfa\": "
     "\"70574fa9c8f498a7b2e5c8712b1126de7b1406fd02fdc591821c5bd33092fd1c\", \"gaid\": "
     "\"6cd6140c54b2741b81b0099b232a3ddaeed82df456f43563574877baec22b632\"}",
     0},
    /* arrays of plain things */
    {"content ids", "properties.content_ids: longs", "{\"longs\": [7, 8]}",
     ", \"properties\": {\"content_ids\": [\"7\", \"8\"]}", 0},
    {"one content id", "properties.content_ids: s", "{\"s\": \"7\"}",
     ", \"properties\": {\"content_ids\": [\"7\"]}", 0},
    {"content ids, some unusable", "properties.content_ids: texts",
     "{\"texts\": [null, \" \", \"8\", \"undefined\"]}",
     ", \"properties\": {\"content_ids\": [\"8\"]}", 0},
    {"a range", "properties.preferred_price_range: longs", "{\"longs\": [10, 20]}",
     ", \"properties\": {\"preferred_price_range\": [10, 20]}", 0},
    /* contents */
    {"elements that are null or partly usable",
     "properties.contents: {each: lines, fields: {content_id: no, price: amount, quantity: "
     "amount}}",
     "{\"lines\": [null, {\"no\": 1, \"amount\": 2.5}, {\"no\": 2, \"amount\": \"3\"}, {\"no\": "
     "3}]}",
     ", \"properties\": {\"contents\": [{\"content_id\": \"1\", \"price\": 2.5}, {\"content_id\": "
     "\"2\", \"price\": 3, \"quantity\": 3}, {\"content_id\": \"3\"}], \"content_type\": "
     "\"product\"}",
     1},
    {"constants in each",
     "properties.contents: {each: lines, fields: {content_id: no, brand: "
     "{value: Northpeg}, quantity: {value: 1}}}",
     "{\"lines\": [{\"no\": 1}]}",
     ", \"properties\": {\"contents\": [{\"content_id\": \"1\", \"brand\": \"Northpeg\", "
     "\"quantity\": 1}], \"content_type\": \"product\"}",
     0},
    {"an element of which only constants are left is no content",
     "properties.contents: {each: lines, fields: {price: amount, brand: {value: Northpeg}, "
     "quantity: [amount, {value: 1}]}}",
     "{\"lines\": [{\"no\": 1}, {\"no\": 2, \"amount\": 2}, {\"no\": 3, \"amount\": \"much\"}]}",
     ", \"properties\": {\"contents\": [{\"brand\": \"Northpeg\", \"price\": 2, \"quantity\": 2}], "
     "\"content_type\": \"product\"}",
     1},
    {"constants of nothing but constants",
     "properties.contents: {each: lines, fields: {brand: {value: Northpeg}}}",
     "{\"lines\": [{\"no\": 1}]}", "", 0},
    {"no lines", "properties.contents: {each: lines, fields: {content_id: no}}", "{}", "", 0},
    /* members of one's own keep their type */
    {"own text", "properties.own: s", "{\"s\": \"x\"}", ", \"properties\": {\"own\": \"x\"}", 0},
    {"own number", "properties.own: d", "{\"d\": 1.5}", ", \"properties\": {\"own\": 1.5}", 0},
    {"own boolean", "properties.own: b", "{\"b\": false}", ", \"properties\": {\"own\": false}", 0},
    {"own decimal", "properties.own: dec", "{\"dec\": \"\\u0001\"}",
     ", \"properties\": {\"own\": 0.01}", 0},
    {"own digits stay text", "properties.own: s", "{\"s\": \"007\"}",
     ", \"properties\": {\"own\": \"007\"}", 0},
    {"own name in quotes", "'properties.say \"hi\"': s", "{\"s\": \"x\"}",
     ", \"properties\": {\"say \\\"hi\\\"\": \"x\"}", 0},
    /* the first that is present */
    {"the second of a list", "properties.order_id: [s, i]", "{\"s\": \"\", \"i\": 5}",
     ", \"properties\": {\"order_id\": \"5\"}", 0},
    /* each object */
    {"app, ad, lead, device",
     "app.app_id: s\nad.attributed: b\nad.attribution_share: d\n"
     "lead.lead_id: i\ndevice.mobile: b\ndevice.model: s",
     "{\"s\": \"x\", \"b\": true, \"d\": 0.5, \"i\": 1}",
     ", \"app\": {\"app_id\": \"x\"}, \"ad\": {\"attributed\": true, \"attribution_share\": 0.5}, "
     "\"lead\": {\"lead_id\": \"1\"}, \"device\": {\"mobile\": true, \"model\": \"x\"}",
     0},
};

static void every_kind_of_field_is_written_as_it_has_to_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kind_rows); i++) {
        const char *name = kind_rows[i].name;
        struct world world;

        world_open(&world, kinds_schema);
        world_compile(&world, kind_rows[i].map);
        if (world.map == NULL) {
            fail_msg("%s: %s", name, world.diags.items[0].message);
        }
        assert_int_equal(world_write(&world, "Purchase", "e-1", 1773223200000, kind_rows[i].record),
                         ERR_OK);
        check_item(name, &world, kind_rows[i].want);
        if (world.item.fields_left_out != kind_rows[i].left_out) {
            fail_msg("%s: %u left out", name, world.item.fields_left_out);
        }
        world_close(&world);
    }
}

/* As text: a reader of JSON would not see the difference. */
static void numbers_have_fixed_decimals_and_no_letters(void **state)
{
    static const struct {
        const char *path;
        const char *number;
        const char *want; /* NULL: left out */
    } rows[] = {
        {"d", "19.99", "19.99"},
        {"d", "0", "0"},
        {"d", "-0.0", "0"},
        {"f", "-0.0", "0"},
        {"d", "0.00001", "0.00001"},
        {"d", "-0.000012345", "-0.000012345"},
        {"d", "1.5e-20", "0.000000000000000000015"},
        {"d", "1e-21", NULL},
        {"d", "1e15", "1000000000000000"},
        {"d", "1234567890123456.5", "1234567890123456.5"},
        {"d", "1e20", "100000000000000000000"},
        {"d", "1e21", NULL},
        {"d", "-1e300", NULL},
        {"f", "0.00001", "0.00001"},
        {"f", "1e20", "100000000000000000000"},
        {"s", "\"1e-5\"", "0.00001"},
        {"s", "\"1e400\"", NULL},
        {"l", "9223372036854775807", "9223372036854775807"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        char map[64];
        char record[64];
        char want[128] = "";

        (void)snprintf(map, sizeof(map), "properties.value: %s", rows[i].path);
        (void)snprintf(record, sizeof(record), "{\"%s\": %s}", rows[i].path, rows[i].number);
        if (rows[i].want != NULL) {
            (void)snprintf(want, sizeof(want), ",\"properties\":{\"value\":%s}", rows[i].want);
        }
        world_open(&world, kinds_schema);
        world_compile(&world, map);
        assert_int_equal(world_write(&world, "x", "e", 0, record), ERR_OK);
        buf_add_char(&world.out, '\0');
        if (strncmp(world.out.ptr + strlen("{\"event\":\"x\",\"event_time\":0,\"event_id\":\"e\""),
                    want, strlen(want)) != 0 ||
            world.item.fields_left_out != (rows[i].want == NULL)) {
            fail_msg("%s: %s", rows[i].number, world.out.ptr);
        }
        world_close(&world);
    }
}

static void what_is_no_number_is_left_out(void **state)
{
    static const double numbers[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    static const char *const maps[] = {"properties.value: d",       "properties.num_items: d",
                                       "properties.order_id: d",    "properties.own: d",
                                       "properties.description: d", "user.external_id: d",
                                       "properties.content_ids: d"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers) * COUNT_OF(maps); i++) {
        struct world world;
        struct value root;
        struct event_view view = {.root = &root, .facts = {.type = SPAN("x")}};

        world_open(&world, kinds_schema);
        world_compile(&world, maps[i / COUNT_OF(numbers)]);
        world_value(&world, "{\"d\": 1}", &root);
        for (size_t n = 0; n < root.len; n++) {
            if (root.items[n].kind == VALUE_DOUBLE) {
                root.items[n].d = numbers[i % COUNT_OF(numbers)];
            }
        }
        world.item = (struct rendering){
            .view = &view, .event_id = SPAN("e"), .arena = &world.arena, .scratch = world.scratch};
        assert_int_equal(tiktok_item_write(world.map, &world.item, &world.out, &world.err), ERR_OK);
        if (world.item.fields_left_out == 0 || strstr(buf_text(&world.out), "user") != NULL ||
            strstr(buf_text(&world.out), "properties") != NULL) {
            fail_msg("%s: %s", maps[i / COUNT_OF(numbers)], buf_text(&world.out));
        }
        world_close(&world);
    }
}

static const struct {
    const char *name;
    const char *map;
    unsigned line, column;
    const char *text;
} error_rows[] = {
    {"not a map", "[user.email]", 1, 1, "map: is a list"},
    {"a misspelled field", "user.emial: s", 1, 1, "did you mean user.email?"},
    {"without its object", "ttclid: s", 1, 1, "did you mean user.ttclid?"},
    {"nothing near", "user.zzzzzzzzzz: s", 1, 1, "TikTok has no field 'user.zzzzzzzzzz'"},
    {"nested", "user:\n  email: s", 1, 1, "write 'user.NAME: PATH'"},
    {"nested properties", "properties: {value: i}", 1, 1, "write 'properties.NAME: PATH'"},
    {"the event's own id", "event_id: s", 1, 1, "paths under event:"},
    {"the source", "event_source_id: s", 1, 1, "the destination's own options"},
    {"two levels of one's own", "properties.a.b: s", 1, 1, "one level"},
    {"a path nobody has", "user.email: s\nuser.ttp: nobody", 2, 11, "nobody"},
    {"a record as a number", "properties.value: r", 1, 19, "takes a number; 'r' is of type record"},
    {"an array as a text", "user.ttp: texts", 1, 11, "is of type array"},
    {"bytes as an id", "properties.order_id: raw", 1, 22, "is of type bytes"},
    {"a boolean as a value", "properties.value: b", 1, 19, "is of type boolean"},
    {"a number as an address", "user.ip: l", 1, 10, "takes an IP address"},
    {"a list with one misfit", "properties.value: [i, m]", 1, 23, "is of type map"},
    {"a constant that is no number", "properties.value: {value: much}", 1, 27,
     "'much' is not a value for properties.value"},
    {"a constant of no list", "properties.content_type: {value: service}", 1, 34,
     "'service' is not a value"},
    {"a currency nobody has", "properties.currency: {value: XAU}", 1, 30, "currency"},
    {"an empty constant", "user.ttp: {value: ''}", 1, 19, ""},
    {"contents by a path", "properties.contents: lines", 1, 22, "{each: PATH"},
    {"contents of no array", "properties.contents: {each: r, fields: {content_id: x}}", 1, 29,
     "takes the path of an array; 'r' is of type record"},
    {"contents of nobody's", "properties.contents: {each: nobody, fields: {content_id: x}}", 1, 29,
     "nobody"},
    {"contents without fields", "properties.contents: {each: lines}", 1, 22, "are written {each"},
    {"a misspelled key", "properties.contents: {each: lines, feilds: {content_id: no}}", 1, 36,
     "did you mean fields?"},
    {"a misspelled member",
     "properties.contents: {each: lines, fields: {content_id: no, pirce: amount}}", 1, 61,
     "did you mean price?"},
    {"a path no element has", "properties.contents: {each: lines, fields: {content_id: nobody}}", 1,
     57, "nobody"},
    {"a record as a price", "properties.contents: {each: lines, fields: {brand: {value: ' '}}}", 1,
     60, "brand"},
    {"each elsewhere", "user.email: {each: lines, fields: {content_id: no}}", 1, 14, "each"},
};

static void what_is_wrong_with_a_map_has_a_place_and_a_way_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
        struct world world;
        const struct diag *diag;

        world_open(&world, kinds_schema);
        world_compile(&world, error_rows[i].map);
        if (world.map != NULL || world.diags.error_count != 1) {
            fail_msg("%s: %zu errors: %s", error_rows[i].name, world.diags.error_count,
                     world.diags.count < 2 ? "" : world.diags.items[1].message);
        }
        diag = &world.diags.items[0];
        if (strcmp(diag->place.file, "map.yaml") != 0 || diag->place.line != error_rows[i].line ||
            diag->place.column != error_rows[i].column ||
            strstr(diag->message, error_rows[i].text) == NULL) {
            fail_msg("%s: %s:%u:%u: %s", error_rows[i].name, diag->place.file, diag->place.line,
                     diag->place.column, diag->message);
        }
        world_close(&world);
    }
}

static void all_errors_are_told_at_once(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, kinds_schema);
    world.options.event_source = SOURCE_CRM;
    world_compile(&world, "user.emial: s\nuser.ttp: nobody\nproperties.value: r\nuser: {a: b}");
    assert_null(world.map);
    assert_int_equal(world.diags.error_count, 5);
    world_close(&world);
}

static void a_slip_in_a_property_is_a_warning(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, kinds_schema);
    world_compile(&world, "properties.curency: s\nproperties.loyalty: s");
    assert_non_null(world.map);
    assert_int_equal(world.diags.count, 1);
    assert_int_equal(world.diags.items[0].level, DIAG_WARNING);
    assert_int_equal(world.diags.items[0].place.line, 1);
    assert_non_null(strstr(world.diags.items[0].message, "did you mean properties.currency?"));
    world_close(&world);
}

static void the_default_map_takes_from_another_schema_only_what_fits(void **state)
{
    static const char schema[] =
        "{\"type\": \"record\", \"name\": \"Other\", \"fields\": ["
        "{\"name\": \"user\", \"type\": {\"type\": \"record\", \"name\": \"U\", \"fields\": ["
        "{\"name\": \"email\", \"type\": {\"type\": \"record\", \"name\": \"M\", \"fields\": "
        "[{\"name\": \"main\", \"type\": \"string\"}]}},"
        "{\"name\": \"phone\", \"type\": \"string\"}]}},"
        "{\"name\": \"properties\", \"type\": {\"type\": \"record\", \"name\": \"P\", \"fields\": ["
        "{\"name\": \"value\", \"type\": \"string\"},"
        "{\"name\": \"products\", \"type\": {\"type\": \"array\", \"items\": {\"type\": "
        "\"record\", \"name\": \"L\", \"fields\": [{\"name\": \"sku\", \"type\": \"int\"}, "
        "{\"name\": \"price\", \"type\": {\"type\": \"array\", \"items\": \"int\"}}]}}}]}}]}";
    struct world world;

    (void)state;
    world_open(&world, schema);
    world_compile(&world, NULL);
    assert_non_null(world.map);
    assert_int_equal(world.diags.count, 0);
    assert_int_equal(
        world_write(&world, "Purchase", "e-1", 1773223200000,
                    "{\"user\": {\"email\": {\"main\": \"x\"}, \"phone\": \"+4915112345678\"}, "
                    "\"properties\": {\"value\": \"3.5\", \"products\": [{\"sku\": 12, \"price\": "
                    "[1]}]}}"),
        ERR_OK);
    check_item("another schema", &world,
               ", \"user\": {\"phone\": "
               "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\"}, "
               "\"properties\": {\"contents\": [{\"content_id\": \"12\"}], \"content_type\": "
               "\"product\", \"value\": 3.5}");
    assert_int_equal(world.item.fields_left_out, 0);
    world_close(&world);
}

/* A shop's own names for what is worth how much, and where people landed. */
static const char shop_schema[] =
    "{\"type\": \"record\", \"name\": \"Sale\", \"fields\": ["
    "{\"name\": \"total\", \"type\": [\"null\", \"double\"], \"default\": null},"
    "{\"name\": \"money\", \"type\": \"string\"},"
    "{\"name\": \"side_door\", \"type\": \"string\", \"default\": \"\"},"
    "{\"name\": \"landing\", \"type\": \"string\", \"default\": \"\"},"
    "{\"name\": \"properties\", \"type\": {\"type\": \"record\", \"name\": \"P\", \"fields\": ["
    "{\"name\": \"value\", \"type\": \"double\"}]}, \"default\": {\"value\": 1}}]}";

#define SALE                                                                                       \
    "{\"total\": 59.5, \"money\": \"EUR\", \"landing\": \"https://a.example/?ttclid=E.C.P.1\"}"

static const struct {
    const char *name;
    struct config_event event;
    const char *map;
    const char *want;
} worth_rows[] = {
    {"event.value and event.currency are the defaults",
     {.value = {"total", 5}, .currency = {"money", 5}},
     "{}",
     ", \"properties\": {\"value\": 59.5, \"currency\": \"EUR\"}"},
    {"the map's own word wins",
     {.value = {"total", 5}, .currency = {"money", 5}},
     "{properties.value: properties.value, properties.currency: {value: SEK}}",
     ", \"properties\": {\"value\": 1, \"currency\": \"SEK\"}"},
    {"and so does null",
     {.value = {"total", 5}, .currency = {"money", 5}},
     "{properties.value: null}",
     ", \"properties\": {\"currency\": \"EUR\"}"},
    {"nothing said: the names of the example",
     {.value = {"properties.value", 16}, .currency = {"properties.currency", 19}},
     "{}",
     ", \"properties\": {\"value\": 1}"},
    {"a path that the text of a map could not hold",
     {.value = {"to\ntal", 6}, .currency = {"money", 5}},
     "{}",
     ", \"properties\": {\"value\": 1, \"currency\": \"EUR\"}"},
    {"the page's URL may be a list",
     {.value = {"total", 5}},
     "{page.url: [side_door, landing]}",
     ", \"user\": {\"ttclid\": \"E.C.P.1\"}, \"properties\": {\"value\": 59.5}, "
     "\"page\": {\"url\": \"https://a.example/?ttclid=E.C.P.1\"}"},
    {"the page's URL alone",
     {.value = {"total", 5}},
     "{page.url: landing}",
     ", \"user\": {\"ttclid\": \"E.C.P.1\"}, \"properties\": {\"value\": 59.5}, "
     "\"page\": {\"url\": \"https://a.example/?ttclid=E.C.P.1\"}"},
    {"no page, no click id",
     {.value = {"total", 5}},
     "{page.url: null}",
     ", \"properties\": {\"value\": 59.5}"},
};

static void defaults_follow_what_the_configuration_says_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(worth_rows); i++) {
        struct world world;

        world_open(&world, shop_schema);
        world.destination.event = &worth_rows[i].event;
        world_compile(&world, worth_rows[i].map);
        assert_int_equal(world_write(&world, "Purchase", "e-1", 1773223200000, SALE), ERR_OK);
        check_item(worth_rows[i].name, &world, worth_rows[i].want);
        world_close(&world);
    }
}

static void a_source_gets_what_it_cannot_do_without(void **state)
{
    static const struct {
        enum event_source source;
        const char *map;
        const char *missing;
    } rows[] = {
        {SOURCE_APP, "app.app_id: s", "app.app_id is missing"},
        {SOURCE_CRM, "lead.lead_id: s", "lead.lead_id is missing"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;

        world_open(&world, kinds_schema);
        world.options.event_source = rows[i].source;
        world_compile(&world, rows[i].map);
        buf_add_text(&world.out, "before");
        assert_int_equal(world_write(&world, "x", "e-1", 0, "{}"), ERR_DATA);
        assert_string_equal(world.err.text, rows[i].missing);
        assert_int_equal(world_write(&world, "x", "e-1", 0, "{\"s\": \" \"}"), ERR_DATA);
        assert_string_equal(buf_text(&world.out), "before");
        assert_int_equal(world_write(&world, "x", "e-1", 0, "{\"s\": \"com.example\"}"), ERR_OK);
        world_close(&world);

        world_open(&world, kinds_schema);
        world.options.event_source = rows[i].source;
        world_compile(&world, NULL);
        assert_null(world.map);
        assert_int_equal(world.diags.error_count, 1);
        assert_int_equal(world.diags.items[0].place.line, 1);
        assert_non_null(strstr(world.diags.items[0].message, "add '"));
        world_close(&world);
    }
}

static void texts_beyond_their_bound_are_left_out(void **state)
{
    static const struct {
        const char *map;
        size_t len;
        bool is_sent;
    } rows[] = {
        {"properties.description: s", 4096, true},
        {"properties.description: s", 4097, false},
        {"properties.order_id: s", 4096, true},
        {"properties.order_id: s", 4097, false},
        {"page.url: s", 8192, true},
        {"page.url: s", 8193, false},
        {"user.external_id: s", 1024, true},
        {"user.external_id: s", 1025, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        char *record = malloc(rows[i].len + 64);
        size_t at = (size_t)sprintf(record, "{\"s\": \"");

        memset(record + at, 'u', rows[i].len);
        (void)sprintf(record + at + rows[i].len, "\"}");
        world_open(&world, kinds_schema);
        world_compile(&world, rows[i].map);
        assert_int_equal(world_write(&world, "x", "e-1", 0, record), ERR_OK);
        if ((world.item.fields_left_out == 0) != rows[i].is_sent) {
            fail_msg("%s with %zu bytes", rows[i].map, rows[i].len);
        }
        world_close(&world);
        free(record);
    }
}

static void an_item_is_written_whole_or_not_at_all(void **state)
{
    static const char record[] =
        SHIPPED("\"email\": \"a@shop.example\", \"country\": \"de\"",
                "{\"url\": \"https://shop.example/\"}",
                "\"value\": 1.5, \"products\": [{\"sku\": \"1\", \"name\": \" \"}]");
    struct world world;
    size_t whole;

    (void)state;
    open_shipped(&world, SOURCE_WEB, NULL);
    assert_int_equal(world_write(&world, "Order Completed", "e-1", 0, record), ERR_OK);
    whole = world.out.len;
    for (size_t max = 10; max <= whole + 10; max++) {
        buf_fini(&world.out);
        buf_init(&world.out, max);
        buf_add_text(&world.out, "0123456789");
        if (max < whole + 10) {
            assert_int_equal(world_write(&world, "Order Completed", "e-1", 0, record), ERR_LIMIT);
            assert_string_equal(buf_text(&world.out), "0123456789");
            assert_false(world.out.is_overflowed);
        } else {
            assert_int_equal(world_write(&world, "Order Completed", "e-1", 0, record), ERR_OK);
            assert_int_equal(world.out.len, max);
        }
        arena_reset(&world.arena);
    }
    world_close(&world);
}

static void seconds_are_floored_and_ids_never_changed(void **state)
{
    static const struct {
        int64_t time_ms;
        const char *id;
        const char *want;
    } rows[] = {
        {1773223200000, "e", "{\"event\":\"x\",\"event_time\":1773223200,\"event_id\":\"e\"}"},
        {1773223200999, "e", "{\"event\":\"x\",\"event_time\":1773223200,\"event_id\":\"e\"}"},
        {-1, "e", "{\"event\":\"x\",\"event_time\":-1,\"event_id\":\"e\"}"},
        {-1000, "e", "{\"event\":\"x\",\"event_time\":-1,\"event_id\":\"e\"}"},
        {0, " 50021 ", "{\"event\":\"x\",\"event_time\":0,\"event_id\":\" 50021 \"}"},
        {0, "a\"b", "{\"event\":\"x\",\"event_time\":0,\"event_id\":\"a\\\"b\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;

        world_open(&world, kinds_schema);
        world_compile(&world, NULL);
        assert_int_equal(world_write(&world, "x", rows[i].id, rows[i].time_ms, "{}"), ERR_OK);
        assert_string_equal(buf_text(&world.out), rows[i].want);
        world_close(&world);
    }
}

static void names_are_theirs_or_unchanged(void **state)
{
    struct world world;

    (void)state;
    open_shipped(&world, SOURCE_WEB, NULL);
    assert_true(span_is(tiktok_event_name(world.map, SPAN("Added")), "AddToCart"));
    assert_true(span_is(tiktok_event_name(world.map, SPAN("Order Completed")), "Purchase"));
    assert_true(span_is(tiktok_event_name(world.map, SPAN("order completed")), "order completed"));
    assert_true(span_is(tiktok_event_name(world.map, SPAN("Zzz")), "Zzz"));
    world_close(&world);
}

static void a_name_that_is_likely_a_slip_is_a_warning(void **state)
{
    static const struct {
        const char *name;
        enum event_source source;
        const char *want; /* NULL: no warning */
    } rows[] = {
        {"Purchase", SOURCE_WEB, NULL},
        {"CompletePayment", SOURCE_WEB, NULL},
        {"Purchse", SOURCE_WEB, "sent as a custom one; did you mean Purchase?"},
        {"purchase", SOURCE_WEB, "did you mean Purchase?"},
        {"LoyaltyCardIssued", SOURCE_WEB, NULL},
        {"QualifiedLead", SOURCE_CRM, NULL},
        {"LaunchAPP", SOURCE_APP, NULL},
        {"LaunchApp", SOURCE_APP, "did you mean LaunchAPP?"},
        {"InstallApp", SOURCE_WEB, NULL},
        {"Purchase", SOURCE_OFFLINE, NULL},
        {"Purchse", SOURCE_OFFLINE, "takes no other; did you mean Purchase?"},
        {"LoyaltyCardIssued", SOURCE_OFFLINE, "event_source offline takes no other"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct name_pair pair = {SPAN("ours"), span_of(rows[i].name), {"c.yaml", 7, 9}};
        struct world world;
        const struct diag *diag;

        world_open(&world, kinds_schema);
        world.options.event_source = rows[i].source;
        world.destination.events = &pair;
        world.destination.event_count = 1;
        world_compile(&world, "app.app_id: s\nlead.lead_id: s");
        diag = world.diags.count == 0 ? NULL : &world.diags.items[0];
        if (world.map == NULL || (diag == NULL) != (rows[i].want == NULL) ||
            (diag != NULL &&
             (diag->place.line != 7 || strstr(diag->message, rows[i].want) == NULL))) {
            fail_msg("%s: %s", rows[i].name, diag == NULL ? "nothing" : diag->message);
        }
        world_close(&world);
    }
}

static void a_name_of_nothing_is_an_error(void **state)
{
    static struct name_pair empty[] = {{{"Added", 5}, {" ", 1}, {"c.yaml", 7, 9}}};
    struct world world;

    (void)state;
    world_open(&world, kinds_schema);
    world.destination.events = empty;
    world.destination.event_count = 1;
    world_compile(&world, NULL);
    assert_null(world.map);
    assert_int_equal(world.diags.items[0].place.line, 7);
    world_close(&world);
}

#define LETTERS_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void the_source_id_is_text_whatever_the_event_has(void **state)
{
    static const struct {
        const char *path;
        const char *record;
        const char *want; /* NULL: none */
    } rows[] = {
        {"l", "{\"l\": 7301122334455667788}", "7301122334455667788"},
        {"s", "{\"s\": \" CPIXEL \"}", "CPIXEL"},
        {"e", "{\"e\": \"EUR\"}", "EUR"},
        {"any", "{\"any\": 12}", "12"},
        {"any", "{\"any\": true}", NULL},
        {"s", "{\"s\": \"\"}", NULL},
        {"s", "{\"s\": \" \"}", NULL},
        {"s", "{\"s\": \"C\\u0000PIXEL\"}", NULL},
        {"s", "{\"s\": \"C\\nPIXEL\"}", NULL},
        {"s", "{\"s\": \"" LETTERS_64 LETTERS_64 "\"}", LETTERS_64 LETTERS_64},
        {"s", "{\"s\": \"" LETTERS_64 LETTERS_64 "x\"}", NULL},
        {"s", "{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        struct value root;
        struct event_view view = {.root = &root};
        struct span id;

        world_open(&world, kinds_schema);
        world.options.event_source_id = SPAN_NONE;
        world.options.event_source_path = span_of(rows[i].path);
        world_compile(&world, NULL);
        assert_non_null(world.map);
        world_value(&world, rows[i].record, &root);
        id = tiktok_source_id(world.map, &view, &world.arena);
        assert_true(rows[i].want == NULL ? id.ptr == NULL : span_is(id, rows[i].want));
        buf_add_text(&world.out, "before");
        assert_int_equal(world_write(&world, "x", "e-1", 0, rows[i].record),
                         rows[i].want == NULL ? ERR_DATA : ERR_OK);
        if (rows[i].want == NULL) { /* nothing is invented: such an event cannot be sent */
            assert_string_equal(world.err.text, "event_source_id is missing in the event");
            assert_string_equal(buf_text(&world.out), "before");
        }
        world_close(&world);
    }
}

static void a_source_id_nobody_has_is_an_error(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, kinds_schema);
    world.options.event_source_path = SPAN("context.pixel");
    world.options.event_source_place = (struct place){"c.yaml", 12, 30};
    world_compile(&world, NULL);
    assert_null(world.map);
    assert_int_equal(world.diags.error_count, 1);
    assert_int_equal(world.diags.items[0].place.line, 12);
    world_close(&world);
}

static void a_source_id_of_a_type_that_is_none_is_an_error(void **state)
{
    static const struct {
        const char *path;
        const char *want; /* NULL: can be an id */
    } rows[] = {
        {"texts", "event_source_id takes an id (text or whole number); 'texts' is of type array"},
        {"m", "'m' is of type map"},
        {"r", "is of type "},
        {"b", "is of type "},
        {"d", "is of type "},
        {"f", "is of type "},
        {"dec", "is of type "},
        {"raw", "is of type "},
        {"s", NULL},
        {"e", NULL},
        {"i", NULL},
        {"l", NULL},
        {"any", NULL},
        {"m.pixel", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;

        world_open(&world, kinds_schema);
        world.options.event_source_path = span_of(rows[i].path);
        world.options.event_source_place = (struct place){"c.yaml", 12, 30};
        world_compile(&world, NULL);
        if (rows[i].want == NULL ? world.map == NULL
                                 : world.map != NULL || world.diags.error_count != 1 ||
                                       world.diags.items[0].place.column != 30 ||
                                       strstr(world.diags.items[0].message, rows[i].want) == NULL) {
            fail_msg("%s: %s", rows[i].path,
                     world.diags.count == 0 ? "no error" : world.diags.items[0].message);
        }
        world_close(&world);
    }
}

static void the_body_goes_around_the_items(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, kinds_schema);
    world.options.event_source = SOURCE_OFFLINE;
    world.options.test_event_code = SPAN("TEST\"1");
    world.options.partner_name = SPAN("ExampleRelay");
    world_compile(&world, NULL);
    tiktok_body_begin(world.map, SPAN("7301122334455667788"), &world.out);
    tiktok_body_end(&world.out);
    assert_string_equal(buf_text(&world.out),
                        "{\"event_source\":\"offline\",\"event_source_id\":\"7301122334455667788\","
                        "\"test_event_code\":\"TEST\\\"1\",\"partner_name\":\"ExampleRelay\","
                        "\"data\":[]}");
    world_close(&world);

    world_open(&world, kinds_schema);
    world_compile(&world, NULL);
    tiktok_body_begin(world.map, SPAN("C\\"), &world.out);
    tiktok_body_end(&world.out);
    assert_string_equal(buf_text(&world.out), "{\"event_source\":\"web\",\"event_source_id\":"
                                              "\"C\\\\\",\"data\":[]}");
    world_close(&world);
}

static void the_default_country_serves_whom_has_none(void **state)
{
    struct world world;

    (void)state;
    open_shipped(&world, SOURCE_WEB, NULL);
    world_close(&world);
    world_open(&world, embedded_conversion_event_avsc);
    world.options.default_country = SPAN("DE");
    world_compile(&world, NULL);
    assert_int_equal(world_write(&world, "Purchase", "e-1", 1773223200000,
                                 SHIPPED("\"phone\": \"0151 12345678\"", "null", "")),
                     ERR_OK);
    check_item("default country", &world,
               ", \"user\": {\"phone\": "
               "\"536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b\"}");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_schema_is_mapped_without_a_word),
        cmocka_unit_test(every_kind_of_field_is_written_as_it_has_to_be),
        cmocka_unit_test(numbers_have_fixed_decimals_and_no_letters),
        cmocka_unit_test(what_is_no_number_is_left_out),
        cmocka_unit_test(what_is_wrong_with_a_map_has_a_place_and_a_way_out),
        cmocka_unit_test(all_errors_are_told_at_once),
        cmocka_unit_test(a_slip_in_a_property_is_a_warning),
        cmocka_unit_test(the_default_map_takes_from_another_schema_only_what_fits),
        cmocka_unit_test(defaults_follow_what_the_configuration_says_elsewhere),
        cmocka_unit_test(a_source_gets_what_it_cannot_do_without),
        cmocka_unit_test(texts_beyond_their_bound_are_left_out),
        cmocka_unit_test(an_item_is_written_whole_or_not_at_all),
        cmocka_unit_test(seconds_are_floored_and_ids_never_changed),
        cmocka_unit_test(names_are_theirs_or_unchanged),
        cmocka_unit_test(a_name_that_is_likely_a_slip_is_a_warning),
        cmocka_unit_test(a_name_of_nothing_is_an_error),
        cmocka_unit_test(the_source_id_is_text_whatever_the_event_has),
        cmocka_unit_test(a_source_id_nobody_has_is_an_error),
        cmocka_unit_test(a_source_id_of_a_type_that_is_none_is_an_error),
        cmocka_unit_test(the_body_goes_around_the_items),
        cmocka_unit_test(the_default_country_serves_whom_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
