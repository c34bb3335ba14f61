/* Every fixture of the reference, F01 to F27: what we would send for such an event is the
 * fixture's request, and what its answer means is the expected action of the sender. */
#include "tiktok_world.h"

#include "destinations/tiktok/answer.h"

enum { EVENTS_MAX = 1001 };

static const char *const folder = "tests/data/tiktok/";

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    if (file == NULL) {
        fail_msg("%s is not there: the tests run from the top folder", path);
    }
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static json_t *open_fixture(const char *name)
{
    char path[256];
    char *text;
    json_t *fixture;

    (void)snprintf(path, sizeof(path), "%s%s.json", folder, name);
    text = read_file(path);
    fixture = json_of(span_of(text));
    free(text);
    return fixture;
}

static struct span text_of(const json_t *json)
{
    return json_is_string(json) ? (struct span){json_string_value(json), json_string_length(json)}
                                : SPAN_NONE;
}

static enum event_source source_of(const char *word)
{
    static const char *const words[] = {"web", "app", "offline", "crm"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum event_source)i;
        }
    }
    fail_msg("no event source %s", word);
    return SOURCE_WEB;
}

static void fill_destination(struct world *world, const json_t *json)
{
    struct config_destination *destination = &world->destination;
    struct tiktok_options *options = &world->options;
    json_t *events = json_object_get(json, "events");
    const char *name;
    json_t *theirs;

    options->event_source = source_of(json_string_value(json_object_get(json, "event_source")));
    options->event_source_id = text_of(json_object_get(json, "event_source_id"));
    options->test_event_code = text_of(json_object_get(json, "test_event_code"));
    options->partner_name = text_of(json_object_get(json, "partner_name"));
    destination->events = calloc(json_object_size(events) + 1, sizeof(destination->events[0]));
    json_object_foreach(events, name, theirs)
    {
        destination->events[destination->event_count++] =
            (struct name_pair){.name = span_of(name), .value = text_of(theirs)};
    }
}

static void write_body(struct world *world, const json_t *events)
{
    tiktok_body_begin(world->map,
                      tiktok_source_id(world->map, &(struct event_view){0}, &world->arena),
                      &world->out);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        const char *id = json_string_value(json_object_get(event, "id"));
        char *record = json_dumps(json_object_get(event, "record"), 0);

        if (i > 0) {
            buf_add_char(&world->out, ',');
        }
        if (world_write(world, json_string_value(json_object_get(event, "type")), id,
                        json_integer_value(json_object_get(event, "time_ms")), record) != ERR_OK) {
            fail_msg("%s: %s", id, world->err.text);
        }
        assert_int_equal(world->item.fields_left_out, 0);
        free(record);
    }
    tiktok_body_end(&world->out);
}

/* The app fixture has no event_id; ours always has one, so that a resend is recognised. */
static void drop_unexpected_ids(json_t *got, const json_t *want)
{
    json_t *items = json_object_get(got, "data");

    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        const json_t *other = json_array_get(json_object_get(want, "data"), i);

        assert_true(json_is_string(json_object_get(item, "event_id")));
        if (other != NULL && json_object_get(other, "event_id") == NULL) {
            json_object_del(item, "event_id");
        }
    }
}

static void the_map_writes_the_requests_of_the_fixtures(void **state)
{
    static const char *const names[] = {"F01", "F02", "F03", "F04", "F05", "F06"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_t *fixture = open_fixture(names[i]);
        json_t *given = json_object_get(fixture, "given");
        char *schema = read_file(json_string_value(json_object_get(given, "schema")));
        const json_t *want = json_object_get(fixture, "request");
        struct world world;
        json_t *got;

        world_open(&world, schema);
        fill_destination(&world, json_object_get(given, "destination"));
        world_compile(&world, json_string_value(json_object_get(given, "map")));
        if (world.map == NULL) {
            fail_msg("%s: %s", names[i], world.diags.items[0].message);
        }
        write_body(&world, json_object_get(given, "events"));
        got = json_of(buf_span(&world.out));
        drop_unexpected_ids(got, want);
        if (!json_alike(got, want)) {
            fail_msg("%s:\n got %s\nwant %s", names[i], buf_text(&world.out),
                     json_dumps(want, JSON_COMPACT));
        }
        json_decref(got);
        free(world.destination.events);
        world_close(&world);
        json_decref(fixture);
        free(schema);
    }
}

static const char *scope_word(enum answer_scope scope)
{
    static const char *const words[] = {[SCOPE_BATCH] = "batch",
                                        [SCOPE_ITEM] = "item",
                                        [SCOPE_SPLIT] = "split",
                                        [SCOPE_EACH] = "each"};

    return words[scope];
}

/* Ids of the events of a request, new or legacy; a number is written as the text we would send. */
static size_t read_ids(const json_t *fixture, struct span *ids, char (*texts)[24])
{
    json_t *request = json_object_get(fixture, "request");
    json_t *other = json_is_string(request) ? open_fixture(json_string_value(request)) : NULL;
    const json_t *body = other == NULL ? request : json_object_get(other, "request");
    const json_t *items = json_object_get(body, "data");
    size_t count = (size_t)json_integer_value(json_object_get(fixture, "event_count"));

    items = items == NULL ? json_object_get(body, "batch") : items;
    count = count == 0 ? json_array_size(items) : count;
    assert_in_range(count, 1, EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_object_get(json_array_get(items, i), "event_id");

        if (json_is_string(id)) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%s", json_string_value(id));
        } else {
            (void)snprintf(texts[i], sizeof(texts[i]), "%lld",
                           id == NULL ? (long long)i : (long long)json_integer_value(id));
        }
        ids[i] = span_of(texts[i]);
    }
    json_decref(other);
    return count;
}

/* The bytes of the answer as they came. */
static char *answer_text(const json_t *fixture)
{
    static const char *const keys[] = {"response_text", "received"};
    const json_t *response = json_object_get(fixture, "response");

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const json_t *text = json_object_get(fixture, keys[i]);

        if (json_is_string(text)) {
            return strdup(json_string_value(text));
        }
    }
    return response == NULL ? strdup("") : json_dumps(response, JSON_COMPACT);
}

static void check_each(const char *name, const json_t *expect, const struct item_result *each)
{
    const json_t *want = json_object_get(expect, "each");

    for (size_t i = 0; i < json_array_size(want); i++) {
        const char *word = json_string_value(json_array_get(want, i));

        if (strcmp(verdict_word(each[i].verdict), word) != 0) {
            fail_msg("%s: event %zu is %s, not %s", name, i, verdict_word(each[i].verdict), word);
        }
    }
}

static void check_answer(const char *name, const struct answer *answer, const json_t *fixture)
{
    const json_t *expect = json_object_get(fixture, "expect");
    const json_t *response = json_object_get(fixture, "response");
    const json_t *item = json_object_get(expect, "item");
    const json_t *id = json_object_get(response, "request_id");

    if (strcmp(verdict_word(answer->verdict),
               json_string_value(json_object_get(expect, "verdict"))) != 0 ||
        strcmp(scope_word(answer->scope), json_string_value(json_object_get(expect, "scope"))) !=
            0) {
        fail_msg("%s: %s, %s (%s)", name, verdict_word(answer->verdict), scope_word(answer->scope),
                 answer->text);
    }
    if (item != NULL) {
        assert_int_equal(answer->item, json_integer_value(item));
    }
    if (id != NULL) {
        assert_string_equal(answer->request_id, json_string_value(id));
        assert_int_equal(answer->code, json_integer_value(json_object_get(response, "code")));
    }
    assert_int_equal(answer->has_code, json_object_get(response, "code") != NULL);
    assert_true(strlen(answer->text) > 0);
}

static void every_answer_means_the_action_of_its_fixture(void **state)
{
    static struct tiktok_options options;
    static const struct config_destination plain = {.name = {"tiktok", 6}, .own = &options};
    struct span *ids = calloc(EVENTS_MAX, sizeof(ids[0]));
    char(*texts)[24] = calloc(EVENTS_MAX, sizeof(texts[0]));
    struct item_result *each = calloc(EVENTS_MAX, sizeof(each[0]));
    struct diags diags;
    struct tiktok_codes *codes;

    (void)state;
    diags_init(&diags);
    codes = tiktok_codes_compile(&plain, &diags);
    for (int i = 1; i <= 27; i++) {
        struct answer answer;
        struct answer_batch batch = {.event_ids = ids, .each = each};
        char name[8];
        char *body;
        json_t *fixture;

        (void)snprintf(name, sizeof(name), "F%02d", i);
        fixture = open_fixture(name);
        body = answer_text(fixture);
        batch.count = read_ids(fixture, ids, texts);
        tiktok_answer_read(codes, (int)json_integer_value(json_object_get(fixture, "status")),
                           span_of(body), &batch, &answer);
        check_answer(name, &answer, fixture);
        check_each(name, json_object_get(fixture, "expect"), each);
        free(body);
        json_decref(fixture);
    }
    tiktok_codes_free(codes);
    diags_fini(&diags);
    free(ids);
    free(texts);
    free(each);
}

/* F26 once more, as a server that closes properly after half of the body would leave it. */
static void half_an_answer_with_status_200_is_no_success(void **state)
{
    static struct tiktok_options options;
    static const struct config_destination plain = {.name = {"tiktok", 6}, .own = &options};
    static const char whole[] =
        "{\"code\":0,\"message\":\"OK\",\"request_id\":\"2026\",\"data\":{}}";
    struct diags diags;
    struct tiktok_codes *codes;

    (void)state;
    diags_init(&diags);
    codes = tiktok_codes_compile(&plain, &diags);
    for (size_t len = 0; len < sizeof(whole); len++) {
        const struct answer_batch batch = {.count = 1};
        struct answer answer;
        bool is_whole = len == sizeof(whole) - 1;

        tiktok_answer_read(codes, 200, (struct span){whole, len}, &batch, &answer);
        assert_int_equal(answer.verdict, is_whole ? VERDICT_DELIVERED : VERDICT_RETRY);
    }
    tiktok_codes_free(codes);
    diags_fini(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_writes_the_requests_of_the_fixtures),
        cmocka_unit_test(every_answer_means_the_action_of_its_fixture),
        cmocka_unit_test(half_an_answer_with_status_200_is_no_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
