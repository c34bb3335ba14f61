/* Which values of an event are personal, by name, by what they look like, and by the map. */
#include "recovery/mask.h"

#include "readers_fixture.h"

static const struct {
    const char *name;
    bool is_personal;
} names[] = {
    {"email", true},
    {"EMAIL", true},
    {"user_email", true},
    {"userEmail", true},
    {"first_name", true},
    {"firstName", true},
    {"billing-address", true},
    {"ip", true},
    {"client_ip", true},
    {"user_agent", true},
    {"external_id", true},
    {"ttclid", true},
    {"dateOfBirth", true},
    {"zip_code", true},
    {"search_string", true},
    {"name", false},
    {"sku", false},
    {"price", false},
    {"shipped", false},
    {"description", false},
    {"ship", false},
    {"zipper", false},
    {"tip", false},
    {"order_id", false},
    {"", false},
    {"__", false},
};

static void a_name_speaks_of_a_person(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (mask_is_personal_name(span_of(names[i].name)) != names[i].is_personal) {
            fail_msg("%s", names[i].name);
        }
    }
}

static const struct {
    const char *text;
    bool is_personal;
} texts[] = {
    {"a@b.example", true},
    {"Ann <a@b.example>", true},
    {"+49 151 1234567", true},
    {"(030) 123-4567", true},
    {"203.0.113.7", true},
    {"2001:db8::1", true},
    {"@", false},
    {"a@", false},
    {"@b", false},
    {"12.50", false},
    {"SKU-1", false},
    {"blue shoe", false},
    {"1.2.3", false},
    {"10:30", false},
    {"", false},
    {"1234567", true}, /* an order's number looks the same */
};

static void a_text_looks_personal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (mask_is_personal_text(span_of(texts[i].text)) != texts[i].is_personal) {
            fail_msg("%s", texts[i].text);
        }
    }
    assert_false(mask_is_personal_text(SPAN_NONE));
}

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},"
    "{\"name\":\"user_id\",\"type\":\"string\"},"
    "{\"name\":\"total\",\"type\":\"double\"},"
    "{\"name\":\"url\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"raw\",\"type\":[\"null\",\"bytes\"],\"default\":null},"
    "{\"name\":\"user\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"U\",\"fields\":["
    "{\"name\":\"age\",\"type\":[\"null\",\"int\"]}]}]},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"string\"}}]}";

static const struct {
    const char *name, *event, *want;
} values[] = {
    {"what event: names is shown, whatever it looks like",
     "{\"event\":\"a@b.c\",\"user_id\":\"4915112345678\",\"total\":5,\"url\":null,\"user\":null,"
     "\"tags\":{},\"list\":[]}",
     "{\"event\":\"a@b.c\",\"user_id\":\"4915112345678\",\"total\":5,\"url\":null,\"raw\":null,"
     "\"user\":null,\"tags\":{},\"list\":[]}"},
    {"all below a record of a person is hidden, but not that it is missing",
     "{\"event\":\"x\",\"user_id\":\"u\",\"total\":5,\"url\":\"https://a.b/c?d=e#f\","
     "\"user\":{\"age\":7},\"tags\":{\"a@b.c\":\"v\",\"k\":\"1.2.3.4\"},\"list\":[\"a@b.c\",\"d\"]"
     "}",
     "{\"event\":\"x\",\"user_id\":\"u\",\"total\":5,\"url\":\"https://a.b/c?[hidden]\","
     "\"raw\":null,\"user\":{\"age\":\"[hidden]\"},"
     "\"tags\":{\"[hidden]\":\"v\",\"k\":\"[hidden]\"},\"list\":[\"[hidden]\",\"d\"]}"},
    {"bytes that are no text",
     "{\"event\":\"x\",\"user_id\":\"u\",\"total\":5,\"url\":\"#a\",\"raw\":\"\\u00ff\","
     "\"user\":{\"age\":null},\"tags\":{},\"list\":[\"/p?q\"]}",
     "{\"event\":\"x\",\"user_id\":\"u\",\"total\":5,\"url\":\"#a\",\"raw\":\"[hidden]\","
     "\"user\":{\"age\":null},\"tags\":{},\"list\":[\"/p?[hidden]\"]}"},
};

static void an_event_is_shown_without_them(void **state)
{
    const char *schemas[] = {schema};
    struct readers readers = readers_of(schemas, 1);
    const struct config config = {
        .event = {.type = SPAN("event"), .id = SPAN("user_id"), .value = SPAN("total")}};
    const struct pipeline pipeline = {.config = &config, .readers = &readers};
    struct mask *mask = mask_new(&pipeline);
    struct json_mask json = mask_json(mask);
    struct arena arena;
    struct buf out;

    (void)state;
    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct value value = value_of(&readers, 0, values[i].event, &arena);

        buf_clear(&out);
        value_to_masked_json(&value, readers.schemas[0]->root, &json, &out);
        if (strcmp(buf_text(&out), values[i].want) != 0) {
            fail_msg("%s: %s", values[i].name, buf_text(&out));
        }
    }
    buf_fini(&out);
    arena_fini(&arena);
    mask_free(mask);
    readers_done(&readers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_speaks_of_a_person),
        cmocka_unit_test(a_text_looks_personal),
        cmocka_unit_test(an_event_is_shown_without_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
