#include "route/route_tests.h"

#include <glob.h>

#include "base/clock.h"
#include "schema/decoder.h"

enum { SCRATCH_BYTES_MAX = 64 * 1024 * 1024, JSON_BYTES_MAX = 4 * 1024 * 1024 };

/* What all cases of a run share. */
struct test_run {
    const struct config *config;
    const struct route_table *table;
    const struct event_paths *paths;
    const struct readers *readers;
    struct diags *diags;
    struct arena arena; /* reset after each case */
    struct buf text;
};

static struct span find_header(const void *context, struct span name)
{
    const struct yaml_node *headers = context;

    for (size_t i = 0; headers != NULL && i < headers->count; i++) {
        if (span_eq(headers->pairs[i].key, name)) {
            return headers->pairs[i].value->text;
        }
    }
    return SPAN_NONE;
}

/* `reader:` names a record in full or short; left out, there must be only one. */
static bool find_reader(const struct test_run *run, const struct route_case *test, size_t *reader)
{
    if (test->reader.ptr == NULL && run->readers->count == 1) {
        *reader = 0;
        return true;
    }
    for (size_t i = 0; i < run->readers->count; i++) {
        struct span full = run->readers->schemas[i]->root->name;

        if (span_eq(test->reader, full) || span_eq(test->reader, event_short_name(full))) {
            *reader = i;
            return true;
        }
    }
    if (test->reader.ptr == NULL) {
        diag_error(run->diags, test->place,
                   "test '" SPAN_FMT "': there are %zu reader schemas; say whose record the event "
                   "is with reader: NAME",
                   SPAN_ARG(test->name), run->readers->count);
    } else {
        diag_error(run->diags, test->place,
                   "test '" SPAN_FMT "': there is no reader '" SPAN_FMT "'", SPAN_ARG(test->name),
                   SPAN_ARG(test->reader));
    }
    return false;
}

static bool build_event(struct test_run *run, const struct route_case *test,
                        struct event_view *view, struct value *root)
{
    const struct type *type = run->readers->schemas[view->reader]->root;
    struct err err = {0};

    buf_clear(&run->text);
    route_case_json(test->event, &run->text);
    if (run->text.is_overflowed) {
        diag_error(run->diags, test->event->place, "test '" SPAN_FMT "': the event is too large",
                   SPAN_ARG(test->name));
        return false;
    }
    if (value_from_handwriting(buf_span(&run->text), type, &run->arena, root, &err) != ERR_OK ||
        event_facts(run->paths, run->readers, view, &run->arena, &err) != ERR_OK) {
        diag_error(run->diags, test->event->place, "test '" SPAN_FMT "': %s", SPAN_ARG(test->name),
                   err.text);
        return false;
    }
    return true;
}

static void add_name(struct buf *out, bool is_first, struct span name)
{
    buf_add_text(out, is_first ? "" : ", ");
    buf_add_span(out, name);
}

/* [a, b] of the routes that took the event, or of the names that a test expects. */
static void write_routes(const struct test_run *run, const struct route_result *result,
                         struct buf *out)
{
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < result->count; i++) {
        add_name(out, i == 0, run->config->routes[result->routes[i]].name);
    }
    buf_add_char(out, ']');
}

static void write_names(const struct yaml_node *list, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        add_name(out, i == 0, list->items[i]->text);
    }
    buf_add_char(out, ']');
}

static void write_legs(const struct test_run *run, const struct route_result *result,
                       struct buf *out)
{
    bool is_first = true;

    buf_add_char(out, '[');
    for (uint32_t i = 0; i < result->count; i++) {
        const struct config_route *route = &run->config->routes[result->routes[i]];

        for (size_t j = 0; j < route->leg_count; j++) {
            buf_add_text(out, is_first ? "[" : ", [");
            is_first = false;
            for (size_t k = 0; k < route->legs[j].count; k++) {
                add_name(out, k == 0, route->legs[j].chain[k]->name);
            }
            buf_add_char(out, ']');
        }
    }
    buf_add_char(out, ']');
}

static void write_expected_legs(const struct yaml_node *legs, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < legs->count; i++) {
        buf_add_text(out, i == 0 ? "" : ", ");
        write_names(legs->items[i], out);
    }
    buf_add_char(out, ']');
}

/* The error when @expected and @got differ; @why may be empty. */
static void compare(struct test_run *run, const struct route_case *test, const char *what,
                    const struct buf *expected, const struct buf *got, struct span why)
{
    if (span_eq(buf_span(expected), buf_span(got))) {
        return;
    }
    diag_error(run->diags, test->expect_place,
               "test '" SPAN_FMT "': expected %s " SPAN_FMT ", got " SPAN_FMT "%s" SPAN_FMT,
               SPAN_ARG(test->name), what, SPAN_ARG(buf_span(expected)), SPAN_ARG(buf_span(got)),
               why.len > 0 ? "; " : "", SPAN_ARG(why));
}

/* Why the first expected route is not among those that took the event. */
static void explain_absent(struct test_run *run, const struct route_case *test,
                           const struct event_view *view, const struct route_result *result)
{
    for (size_t i = 0; test->routes != NULL && i < test->routes->count; i++) {
        struct span name = test->routes->items[i]->text;
        bool is_there = false;

        for (uint32_t j = 0; j < result->count; j++) {
            is_there = is_there || span_eq(run->config->routes[result->routes[j]].name, name);
        }
        for (uint32_t j = 0; !is_there && j < run->config->route_count; j++) {
            if (span_eq(run->config->routes[j].name, name)) {
                buf_add_span(&run->text, name);
                buf_add_text(&run->text, ": ");
                route_explain(run->table, j, view, &run->arena, &run->text);
                return;
            }
        }
    }
}

/* The rule by which the event is dropped: that of the route it ends at. */
static void write_drop(const struct test_run *run, const struct route_result *result,
                       struct buf *out)
{
    struct span rule = result->count == 0
                           ? SPAN_NONE
                           : run->config->routes[result->routes[result->count - 1]].drop;

    buf_add_span(out, rule.ptr == NULL ? SPAN("no drop") : rule);
}

static void check_unmatched(struct test_run *run, const struct route_case *test,
                            const struct route_result *result, struct buf *expected,
                            struct buf *got)
{
    bool wants_unmatched = false;

    (void)yaml_as_bool(test->unmatched, &wants_unmatched); /* checked when it was read */
    buf_add_text(expected, wants_unmatched ? "[]" : "at least one");
    if (!wants_unmatched && result->count > 0) {
        return;
    }
    write_routes(run, result, got);
    compare(run, test, "routes", expected, got, SPAN_NONE);
}

static void check_result(struct test_run *run, const struct route_case *test,
                         const struct event_view *view, const struct route_result *result)
{
    const struct yaml_node *const wishes[] = {test->routes, test->legs, test->drop,
                                              test->unmatched};
    struct buf expected, got;

    buf_init(&expected, JSON_BYTES_MAX);
    buf_init(&got, JSON_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        buf_clear(&expected);
        buf_clear(&got);
        buf_clear(&run->text);
        if (wishes[i] == NULL) {
            continue;
        }
        if (wishes[i] == test->routes) {
            write_names(test->routes, &expected);
            write_routes(run, result, &got);
            explain_absent(run, test, view, result);
            compare(run, test, "routes", &expected, &got, buf_span(&run->text));
        } else if (wishes[i] == test->legs) {
            write_expected_legs(test->legs, &expected);
            write_legs(run, result, &got);
            compare(run, test, "legs", &expected, &got, SPAN_NONE);
        } else if (wishes[i] == test->drop) {
            buf_add_span(&expected, test->drop->text);
            write_drop(run, result, &got);
            compare(run, test, "drop", &expected, &got, SPAN_NONE);
        } else {
            check_unmatched(run, test, result, &expected, &got);
        }
    }
    buf_fini(&expected);
    buf_fini(&got);
}

static void run_case(struct test_run *run, const struct route_case *test)
{
    struct value root = {0};
    struct route_result result;
    struct message_view message = {
        .topic = test->topic,
        .key = test->key,
        .timestamp_ms = clock_wall_ms(), /* for events without a time of their own */
        .header = find_header,
        .header_context = test->headers,
    };
    struct event_view view = {.message = &message, .root = &root, .now_ms = message.timestamp_ms};

    if (message.topic.ptr == NULL && run->config->kafka.topic_count > 0) {
        message.topic = run->config->kafka.topics[0];
    }
    arena_reset(&run->arena);
    if (!find_reader(run, test, &view.reader) || !build_event(run, test, &view, &root)) {
        return;
    }
    view.now_ms = view.facts.time_ms + (int64_t)test->age_ms;
    route_match(run->table, &view, &run->arena, &result);
    check_result(run, test, &view, &result);
}

static void run_file(struct test_run *run, const char *path, size_t *count)
{
    struct yaml_doc *doc = yaml_open(path, run->diags);
    const struct yaml_node *root = doc == NULL ? NULL : yaml_root(doc);

    if (root != NULL && root->kind != YAML_LIST) {
        diag_error(run->diags, root->place,
                   "a file of route tests is a list: - name: ..., event: ..., expect: ...");
        root = NULL;
    }
    for (size_t i = 0; root != NULL && i < root->count; i++) {
        struct route_case test;

        if (route_case_read(root->items[i], run->config, run->diags, &test)) {
            run_case(run, &test);
            ++*count;
        }
    }
    yaml_free(doc);
}

/* Where pattern @i of `tests:` stands in the configuration. */
static struct place pattern_place(const struct config *config, size_t i)
{
    const struct yaml_node *root = config->doc == NULL ? NULL : yaml_root(config->doc);
    const struct yaml_node *tests = root == NULL ? NULL : yaml_get(root, "tests");

    if (tests == NULL) {
        return (struct place){.file = config->path};
    }
    return tests->kind == YAML_LIST && i < tests->count ? tests->items[i]->place : tests->place;
}

void route_tests_run(const struct config *config, const struct route_table *table,
                     const struct event_paths *paths, const struct readers *readers,
                     struct diags *diags, size_t *count)
{
    struct test_run run = {
        .config = config, .table = table, .paths = paths, .readers = readers, .diags = diags};

    arena_init(&run.arena, SCRATCH_BYTES_MAX);
    buf_init(&run.text, JSON_BYTES_MAX);
    *count = 0;
    for (size_t i = 0; i < config->test_count; i++) {
        glob_t found = {0};

        if (glob(config->tests[i].ptr, GLOB_ERR, NULL, &found) != 0) {
            diag_error(diags, pattern_place(config, i), "tests: no file is found by " SPAN_FMT,
                       SPAN_ARG(config->tests[i]));
        } else {
            for (size_t j = 0; j < found.gl_pathc; j++) {
                run_file(&run, found.gl_pathv[j], count);
            }
        }
        globfree(&found);
    }
    buf_fini(&run.text);
    arena_fini(&run.arena);
}
