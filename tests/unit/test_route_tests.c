/* The `tests:` files of a configuration: cases that pass, cases that fail with what was expected
 * and got, and files that cannot be read as tests. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "destinations/table.h"
#include "readers_fixture.h"
#include "route/route_table.h"

static const char *const schema_text =
    "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},"
    "{\"name\":\"timestamp\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
    "\"default\":1767225600000},"
    "{\"name\":\"price\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"ads\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"cost\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":12,\"scale\":2}],\"default\":null},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

static const char *const config_text =
    "kafka: {brokers: 'localhost:9092', group: g, topics: [orders]}\n"
    "schemas: {directory: ., reader: shop.Order}\n"
    "destinations:\n"
    "  main: {type: kafka, topic: main}\n"
    "  other: {type: kafka, topic: other}\n"
    "  dead: {type: kafka, topic: dead}\n"
    "dead_letter: dead\n"
    "routes:\n"
    "  - {name: old, match: {age: '>= 6d'}, legs: [[other]]}\n"
    "  - {name: audit, match: {headers.audit: 'yes'}, continue: true, legs: [[other]]}\n"
    "  - {name: big, match: {event: Purchase, price: '>= 100'}, legs: [[main, other], [other]]}\n"
    "  - {name: no-consent, match: {ads: false}, drop: no_consent}\n"
    "  - {name: keyed, match: {key: k-1, topic: orders}, legs: [[main]]}\n"
    "  - {name: costly, match: {cost: 12.30}, drop: costs}\n"
    "tests: [tests/*.yaml]\n";

struct site {
    char directory[64];
    struct diags diags;
    struct config *config;
    struct readers readers;
    struct event_paths paths;
    struct route_table *table;
};

static void write_file(const char *directory, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", directory, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void open_site(struct site *site, const char *tests)
{
    char *path;

    *site = (struct site){.directory = "/tmp/route-tests-XXXXXX"};
    assert_non_null(mkdtemp(site->directory));
    path = mem_format("%s/tests", site->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    write_file(site->directory, "detour.yaml", config_text);
    if (tests != NULL) {
        write_file(site->directory, "tests/a.yaml", tests);
    }
    diags_init(&site->diags);
    path = mem_format("%s/detour.yaml", site->directory);
    site->config = config_load(path, driver_types(), &site->diags);
    free(path);
    if (site->config == NULL) {
        fail_msg("%s", first_diag(&site->diags));
    }
    site->readers = readers_of(&schema_text, 1);
    event_paths_compile(site->config, &site->readers, &site->paths, &site->diags);
    site->table = route_table_compile(site->config, &site->readers, &site->diags);
    if (site->table == NULL) {
        fail_msg("%s", first_diag(&site->diags));
    }
}

static void close_site(struct site *site)
{
    static const char *const names[] = {"tests/a.yaml", "detour.yaml", "tests", ""};

    route_table_free(site->table);
    event_paths_fini(&site->paths);
    readers_done(&site->readers);
    config_free(site->config);
    diags_fini(&site->diags);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = mem_format("%s/%s", site->directory, names[i]);

        (void)remove(path);
        free(path);
    }
}

static const struct {
    const char *name;
    const char *test; /* of one case, behind its name */
    size_t want_count;
    const char *want; /* part of the error; NULL: it passes */
    unsigned line;
} case_rows[] = {
    {"routes", "  event: {event: Purchase, price: 100}\n  expect: {routes: [big]}\n", 1, NULL, 0},
    {"legs",
     "  event: {event: Purchase, price: 100}\n"
     "  expect: {legs: [[main, other], [other]]}\n",
     1, NULL, 0},
    {"a drop", "  event: {event: X, ads: false}\n  expect: {drop: no_consent}\n", 1, NULL, 0},
    {"a drop and its route",
     "  event: {event: X, ads: false}\n"
     "  expect: {routes: [no-consent], drop: no_consent, legs: []}\n",
     1, NULL, 0},
    {"unmatched", "  event: {event: X}\n  expect: {unmatched: true}\n", 1, NULL, 0},
    {"matched", "  event: {event: X, ads: false}\n  expect: {unmatched: false}\n", 1, NULL, 0},
    {"a header and continue",
     "  event: {event: Purchase, price: 100.5}\n  headers: {audit: 'yes'}\n"
     "  expect: {routes: [audit, big], legs: [[other], [main, other], [other]]}\n",
     1, NULL, 0},
    {"a key on the first topic", "  event: {event: X}\n  key: k-1\n  expect: {routes: [keyed]}\n",
     1, NULL, 0},
    {"another topic", "  event: {event: X}\n  key: k-1\n  topic: x\n  expect: {unmatched: true}\n",
     1, NULL, 0},
    {"an age", "  event: {event: X}\n  age: 6d\n  expect: {routes: [old]}\n", 1, NULL, 0},
    {"a reader by its short name",
     "  reader: Order\n  event: {event: X}\n  expect: {unmatched: true}\n", 1, NULL, 0},
    {"a reader by its full name",
     "  reader: shop.Order\n  event: {event: X}\n  expect: {unmatched: true}\n", 1, NULL, 0},
    {"text with quotes and controls",
     "  event: {event: X, note: \"a\\\"b\\\\c\\n\\t\\x01\"}\n"
     "  expect: {unmatched: true}\n",
     1, NULL, 0},
    {"a decimal as a number", "  event: {event: X, cost: 12.3}\n  expect: {routes: [costly]}\n", 1,
     NULL, 0},
    {"a decimal as text", "  event: {event: X, cost: '12.30'}\n  expect: {routes: [costly]}\n", 1,
     NULL, 0},
    {"another decimal", "  event: {event: X, cost: 12.31}\n  expect: {unmatched: true}\n", 1, NULL,
     0},
    {"a time as text",
     "  event: {event: X, timestamp: 2026-01-01T00:00:00Z}\n  age: 6d\n  expect: {routes: [old]}\n",
     1, NULL, 0},
    {"no decimal", "  event: {event: X, cost: dear}\n  expect: {unmatched: true}\n", 1,
     "cost: bytes cannot be read from text that is no number", 2},
    {"the wrong route", "  event: {event: Purchase, price: 80}\n  expect: {routes: [big]}\n", 1,
     "test 'the wrong route': expected routes [big], got []; big: price is 80, wants >= 100", 3},
    {"the wrong legs", "  event: {event: Purchase, price: 100}\n  expect: {legs: [[main]]}\n", 1,
     "expected legs [[main]], got [[main, other], [other]]", 3},
    {"no drop", "  event: {event: X}\n  expect: {drop: no_consent}\n", 1,
     "expected drop no_consent, got no drop", 3},
    {"not unmatched", "  event: {event: X, ads: false}\n  expect: {unmatched: true}\n", 1,
     "expected routes [], got [no-consent]", 3},
    {"unmatched after all", "  event: {event: X}\n  expect: {unmatched: false}\n", 1,
     "expected routes at least one, got []", 3},
    {"an event that lacks a field", "  event: {price: 1}\n  expect: {unmatched: true}\n", 1,
     "event", 2},
    {"an event with an unknown field",
     "  event: {event: X, prize: 1}\n  expect: {unmatched: true}\n", 1, "prize", 2},
    {"a field of the wrong type", "  event: {event: X, price: dear}\n  expect: {unmatched: true}\n",
     1, "price", 2},
    {"an event with a type of blanks", "  event: {event: '   '}\n  expect: {unmatched: true}\n", 1,
     "no event type", 2},
    {"an event without a type", "  event: {event: ''}\n  expect: {unmatched: true}\n", 1,
     "no event type", 2},
    {"an unknown reader", "  reader: Ordr\n  event: {event: X}\n  expect: {unmatched: true}\n", 1,
     "there is no reader 'Ordr'", 1},
    {"an unknown key", "  evnt: {}\n  event: {event: X}\n  expect: {unmatched: true}\n", 0,
     "unknown key 'evnt'; did you mean event?", 2},
    {"an unknown expectation", "  event: {event: X}\n  expect: {route: [big]}\n", 0,
     "unknown key 'route'; did you mean routes?", 3},
    {"an unknown route", "  event: {event: X}\n  expect: {routes: [bog]}\n", 0, "no route 'bog'",
     3},
    {"an unknown destination", "  event: {event: X}\n  expect: {legs: [[man]]}\n", 0,
     "no destination 'man'", 3},
    {"an unknown rule", "  event: {event: X}\n  expect: {drop: nope}\n", 0, "no route has nope", 3},
    {"nothing expected", "  event: {event: X}\n", 0, "needs a name, an event", 1},
    {"an empty expectation", "  event: {event: X}\n  expect: {}\n", 0, "expect: write", 3},
    {"unmatched and more", "  event: {event: X}\n  expect: {unmatched: true, routes: []}\n", 0,
     "stands alone", 3},
    {"an age that is none", "  event: {event: X}\n  age: old\n  expect: {unmatched: true}\n", 0,
     "age: a duration", 3},
    {"headers that are none", "  event: {event: X}\n  headers: [a]\n  expect: {unmatched: true}\n",
     0, "headers: a mapping", 3},
    {"an event that is none", "  event: X\n  expect: {unmatched: true}\n", 0, "needs a name", 1},
};

static void each_case_passes_or_says_what_it_got(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(case_rows); i++) {
        char *tests = mem_format("- name: %s\n%s", case_rows[i].name, case_rows[i].test);
        struct site site;
        size_t count = 99;

        open_site(&site, tests);
        route_tests_run(site.config, site.table, &site.paths, &site.readers, &site.diags, &count);
        if (count != case_rows[i].want_count ||
            !has_diag(&site.diags, DIAG_ERROR, case_rows[i].want) ||
            (case_rows[i].want != NULL &&
             (site.diags.error_count != 1 ||
              site.diags.items[site.diags.count - 1].place.line != case_rows[i].line ||
              strstr(site.diags.items[site.diags.count - 1].place.file, "tests/a.yaml") == NULL))) {
            fail_msg("%s: ran %zu, %zu errors: %s:%u", case_rows[i].name, count,
                     site.diags.error_count, first_diag(&site.diags),
                     site.diags.count == 0 ? 0 : site.diags.items[0].place.line);
        }
        close_site(&site);
        free(tests);
    }
}

static void every_case_of_a_file_runs(void **state)
{
    struct site site;
    size_t count = 0;

    (void)state;
    open_site(&site, "- {name: a, event: {event: X}, expect: {routes: [big]}}\n"
                     "- {name: b, event: {event: X}, expect: {unmatched: true}}\n"
                     "- {name: c, event: {event: X}, expect: {routes: [old]}}\n");
    route_tests_run(site.config, site.table, &site.paths, &site.readers, &site.diags, &count);
    assert_int_equal(count, 3);
    assert_int_equal(site.diags.error_count, 2);
    assert_true(has_diag(&site.diags, DIAG_ERROR, "test 'a'"));
    assert_true(has_diag(&site.diags, DIAG_ERROR, "old: age is 0s, wants >= 6d"));
    close_site(&site);
}

static const struct {
    const char *name;
    const char *tests; /* NULL: no file */
    const char *want;
} file_rows[] = {
    {"no file", NULL, "no file is found by"},
    {"not YAML", "- {name: [\n", ""},
    {"not a list", "name: a\n", "a file of route tests is a list"},
    {"not a mapping", "- text\n", "a test is a mapping"},
};

static void a_file_that_is_no_list_of_tests_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(file_rows); i++) {
        struct site site;
        size_t count = 99;

        open_site(&site, file_rows[i].tests);
        route_tests_run(site.config, site.table, &site.paths, &site.readers, &site.diags, &count);
        if (count != 0 || site.diags.error_count == 0 ||
            !has_diag(&site.diags, DIAG_ERROR, file_rows[i].want)) {
            fail_msg("%s: got %s", file_rows[i].name, first_diag(&site.diags));
        }
        close_site(&site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_passes_or_says_what_it_got),
        cmocka_unit_test(every_case_of_a_file_runs),
        cmocka_unit_test(a_file_that_is_no_list_of_tests_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
