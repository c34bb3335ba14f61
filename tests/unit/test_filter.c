/* The selection that `dlq` and `replay` share: what is typed, what it takes, and its name. */
#include "recovery/filter.h"

#include "readers_fixture.h"

enum { NOW_MS = 2000000000, TEXTS_MAX = 4 };

static struct config_destination destinations[] = {{.name = {"tiktok", 6}},
                                                   {.name = {"warehouse", 9}}};
static const struct config config = {.destinations = destinations, .destination_count = 2};
static const char schema[] =
    "{\"type\":\"record\",\"name\":\"Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"price\",\"type\":\"double\"}]}";

/* What one command line says. */
struct typed {
    const char *reasons[TEXTS_MAX], *events[TEXTS_MAX], *destinations[TEXTS_MAX];
    const char *routes[TEXTS_MAX], *outages[TEXTS_MAX], *keys[TEXTS_MAX];
    const char *since, *until, *where;
    uint64_t limit;
};

static void fill(struct command_texts *out, const char *const *texts)
{
    while (out->count < TEXTS_MAX && texts[out->count] != NULL) {
        out->items[out->count] = texts[out->count];
        out->count++;
    }
}

static struct filter_arguments arguments_of(const struct typed *typed)
{
    struct filter_arguments out = {
        .since = typed->since, .until = typed->until, .where = typed->where, .limit = typed->limit};

    fill(&out.reasons, typed->reasons);
    fill(&out.events, typed->events);
    fill(&out.destinations, typed->destinations);
    fill(&out.routes, typed->routes);
    fill(&out.outages, typed->outages);
    fill(&out.keys, typed->keys);
    return out;
}

static enum err_code compile(const struct typed *typed, const struct pipeline *pipeline,
                             struct filter *out, struct err *err)
{
    struct filter_arguments arguments = arguments_of(typed);

    *err = (struct err){0};
    return filter_compile(&arguments, &config, pipeline, NOW_MS, out, err);
}

static const struct {
    const char *name;
    struct typed typed;
    const char *want; /* the error; in it */
} refused[] = {
    {"a reason nobody has",
     {.reasons = {"regected"}},
     "--reason: no reason 'regected'; did you mean rejected?; there are schema_unknown, "},
    {"one of a list", {.reasons = {"rejected,nothing"}}, "no reason 'nothing'"},
    {"the word for none", {.reasons = {"none"}}, "no reason 'none'"},
    {"a destination nobody has",
     {.destinations = {"tictok"}},
     "--destination: no destination 'tictok'; did you mean tiktok?; there are tiktok, warehouse"},
    {"no time", {.since = "yesterday"}, "--since wants a time such as"},
    {"a date that is none", {.until = "2026-13-01"}, "--until wants a time such as"},
    {"the end before the beginning",
     {.since = "1h", .until = "2h"},
     "--since 1h is not before --until 2h"},
    {"no map", {.where = "price"}, "--where wants a map"},
    {"no YAML", {.where = "{price"}, "--where: "},
    {"nothing", {.where = ""}, "--where"},
    {"a field nobody has", {.where = "{prize: 3}"}, "prize"},
    {"a condition that is none", {.where = "{price: '>= much'}"}, "--where: "},
};

static void what_is_wrong_is_named(void **state)
{
    const char *texts[] = {schema};
    struct readers readers = readers_of(texts, 1);
    struct pipeline pipeline = {.readers = &readers};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct filter filter;
        struct err err;

        if (compile(&refused[i].typed, &pipeline, &filter, &err) != ERR_USAGE) {
            fail_msg("%s: taken", refused[i].name);
        }
        if (strstr(err.text, refused[i].want) == NULL) {
            fail_msg("%s: %s", refused[i].name, err.text);
        }
        filter_fini(&filter);
    }
    readers_done(&readers);
}

/* A record of a dead-letter topic. */
#define LETTER(...)                                                                                \
    {                                                                                              \
        .view = {.timestamp_ms = 1990000000, .key = {"k1", 2}}, .letter = {                        \
            .dialect = DIALECT_DETOUR,                                                             \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct record rejected =
    LETTER(.reason = TEXT("rejected"), .destination = TEXT("tiktok"), .route = TEXT("all"),
           .event_type = TEXT("Purchase"), .outage = TEXT("o-1"));
static const struct record of_connect = {
    .view = {.timestamp_ms = 1990000000},
    .letter = {.dialect = DIALECT_CONNECT, .reason = TEXT("org.x.DataException")}};
static const struct record forged = LETTER(.reason = TEXT("x.DataException"));
static const struct record timeless = {.view = {.timestamp_ms = -1}};

static const struct {
    const char *name;
    struct typed typed;
    const struct record *record;
    bool takes;
} asked[] = {
    {"nothing is asked", {.limit = 3}, &rejected, true},
    {"its reason", {.reasons = {"rejected"}}, &rejected, true},
    {"one of two reasons", {.reasons = {"contract", "rejected"}}, &rejected, true},
    {"one of a list", {.reasons = {"contract,rejected"}}, &rejected, true},
    {"another reason", {.reasons = {"contract"}}, &rejected, false},
    {"a class whole", {.reasons = {"org.x.DataException"}}, &of_connect, true},
    {"a class by its last name", {.reasons = {"DataException"}}, &of_connect, true},
    {"a part of a class", {.reasons = {"x.DataException"}}, &of_connect, false},
    {"detour's reasons have no last name", {.reasons = {"DataException"}}, &forged, false},
    {"no reason at all", {.reasons = {"rejected"}}, &timeless, false},
    {"its destination", {.destinations = {"tiktok"}}, &rejected, true},
    {"another destination", {.destinations = {"warehouse"}}, &rejected, false},
    {"its event type", {.events = {"Purchase"}}, &rejected, true},
    {"another event type", {.events = {"purchase"}}, &rejected, false},
    {"its route and outage", {.routes = {"all"}, .outages = {"o-1"}}, &rejected, true},
    {"its route and another outage", {.routes = {"all"}, .outages = {"o-2"}}, &rejected, false},
    {"its key", {.keys = {"k0", "k1"}}, &rejected, true},
    {"a key, where there is none", {.keys = {"k1"}}, &of_connect, false},
    {"since then", {.since = "10000s"}, &rejected, true},
    {"since a moment later", {.since = "9999s"}, &rejected, false},
    {"until then", {.until = "1970-01-24T00:46:40Z"}, &rejected, false},
    {"until a moment later", {.until = "1970-01-24T00:46:40.001Z"}, &rejected, true},
    {"since, where it has no time", {.since = "2h"}, &timeless, false},
    {"until, where it has no time", {.until = "2h"}, &timeless, false},
};

static void records_are_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        struct filter filter;
        struct err err;

        assert_int_equal(compile(&asked[i].typed, NULL, &filter, &err), ERR_OK);
        if ((filter_ask(&filter, asked[i].record, NULL, &err) == FILTER_TAKES) != asked[i].takes) {
            fail_msg("%s: %s", asked[i].name, asked[i].takes ? "left" : "taken");
        }
        filter_fini(&filter);
    }
}

static const struct {
    const char *name;
    struct typed a, b;
    bool is_same;
} names[] = {
    {"the same", {.reasons = {"rejected"}}, {.reasons = {"rejected"}}, true},
    {"another order",
     {.reasons = {"rejected", "contract"}},
     {.reasons = {"contract,rejected"}},
     true},
    {"twice the same", {.events = {"a", "a"}}, {.events = {"a"}}, true},
    {"another zone",
     {.since = "2026-03-11T10:00:00Z"},
     {.since = "2026-03-11T11:00:00+01:00"},
     true},
    {"another unit", {.since = "2h"}, {.since = "120m"}, true},
    {"another option", {.events = {"a"}}, {.routes = {"a"}}, false},
    {"two texts or one", {.keys = {"a", "b"}}, {.keys = {"a\nkey 1 b"}}, false},
    {"with a limit", {.events = {"a"}}, {.events = {"a"}, .limit = 1}, false},
    {"back or at", {.since = "2h"}, {.since = "1970-01-24T01:33:20Z"}, false},
    {"since or until", {.since = "2h"}, {.until = "2h"}, false},
};

static void a_selection_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct filter a;
        struct filter b;
        struct err err;
        char first[DIGEST_SHORT_BYTES];
        char second[DIGEST_SHORT_BYTES];

        assert_int_equal(compile(&names[i].a, NULL, &a, &err), ERR_OK);
        assert_int_equal(compile(&names[i].b, NULL, &b, &err), ERR_OK);
        filter_digest(&a, SPAN("dead"), first);
        filter_digest(&b, SPAN("dead"), second);
        if ((strcmp(first, second) == 0) != names[i].is_same) {
            fail_msg("%s: %s and %s", names[i].name, first, second);
        }
        filter_digest(&b, SPAN("other"), second);
        assert_string_not_equal(first, second);
        filter_fini(&a);
        filter_fini(&b);
    }
}

static void a_bound_is_seen(void **state)
{
    const struct filter_arguments none = {0};

    (void)state;
    assert_false(filter_is_bounded(&none));
    assert_false(filter_needs_events(&none));
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        struct filter_arguments arguments = arguments_of(&asked[i].typed);

        assert_true(filter_is_bounded(&arguments));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(records_are_chosen),
        cmocka_unit_test(a_selection_has_a_name),
        cmocka_unit_test(a_bound_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
