/* The status document, from health and metrics of a process, and the table people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/status_command.h"
#include "app/status_table.h"
#include "base/clock.h"
#include "base/columns.h"
#include "destinations/credential.h"
#include "destinations/http/options.h"
#include "destinations/table.h"
#include "destinations/tiktok/options.h"
#include "health_fixture.h"
#include "kafka/cluster.h"
#include "observe/status.h"

enum { TIKTOK, HOOK, UTM, DESTINATIONS };

static const int64_t wall_0 = 1773223000000; /* 2026-03-11T09:56:40Z */

struct scene {
    struct config config;
    struct tiktok_options tiktok; /* of one of the destinations */
    struct http_options http;     /* and of another */
    struct config_destination destinations[DESTINATIONS];
    struct metrics *metrics;
    struct health *health;
    struct status *status;
    struct buf text;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    if (scene == NULL) {
        return -1;
    }
    scene->tiktok.access_token = secret_from_text(SPAN("value-of-the-secret"));
    scene->destinations[TIKTOK] = (struct config_destination){.name = SPAN("tiktok"),
                                                              .type = &tiktok_driver.section,
                                                              .own = &scene->tiktok,
                                                              .health = {.window_ms = 30000,
                                                                         .minimum = 20,
                                                                         .failures = 0.5,
                                                                         .open_min_ms = 5000,
                                                                         .open_max_ms = 60000},
                                                              .timeout = {.total_ms = 10000}};
    scene->destinations[HOOK] = (struct config_destination){
        .name = SPAN("hook"), .type = &http_driver.section, .own = &scene->http};
    scene->destinations[UTM] =
        (struct config_destination){.name = SPAN("utm"), .type = &topic_driver.section};
    scene->config.destinations = scene->destinations;
    scene->config.destination_count = DESTINATIONS;
    scene->config.workers = 2;
    scene->metrics = metrics_new(&scene->config, 2, "1.2.3");
    scene->health = health_new(&scene->config, 7, 1000);
    scene->status = status_new(&(struct status_sources){&scene->config, scene->metrics,
                                                        scene->health, "host:42", NULL, NULL},
                               1000, wall_0);
    buf_init(&scene->text, 1 << 20);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    status_free(scene->status);
    metrics_free(scene->metrics);
    health_free(scene->health);
    secret_free(scene->tiktok.access_token);
    buf_fini(&scene->text);
    free(scene);
    return 0;
}

/* @now_ms on the monotonic clock, which stood at 1000 when the wall clock stood at wall_0. */
static json_t *look(struct scene *scene, uint64_t now_ms)
{
    json_t *document;
    json_t *instance;

    buf_clear(&scene->text);
    status_write(scene->status, now_ms, wall_0 + (int64_t)now_ms - 1000, &scene->text);
    document = json_loadb(scene->text.ptr, scene->text.len, 0, NULL);
    assert_non_null(document);
    assert_int_equal(json_array_size(document), 1);
    instance = json_incref(json_array_get(document, 0));
    json_decref(document);
    return instance;
}

static json_t *destination_of(const json_t *instance, size_t index)
{
    return json_array_get(json_object_get(instance, "destinations"), index);
}

static void check_text(const json_t *object, const char *key, const char *want)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || (want == NULL ? !json_is_null(value)
                                       : json_string_value(value) == NULL ||
                                             strcmp(json_string_value(value), want) != 0)) {
        char *got = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        fail_msg("%s: not %s but %s", key, want == NULL ? "null" : want, got == NULL ? "-" : got);
        free(got);
    }
}

static size_t break_type_with(struct scene *scene, const char *event, uint64_t from_ms,
                              const struct last_answer *last_answer)
{
    size_t cell = health_cell(scene->health, TIKTOK, span_of(event), from_ms);
    struct ticket ticket = health_ticket(scene->health, TIKTOK, cell);

    for (uint64_t i = 0; i < 20; i++) {
        struct health_call call = ended(from_ms + i * 100, CALL_APP, ticket);

        call.last_answer = last_answer == NULL ? call.last_answer : *last_answer;
        (void)told(scene->health, TIKTOK, cell, call);
    }
    return cell;
}

static size_t break_type(struct scene *scene, const char *event, uint64_t from_ms)
{
    return break_type_with(scene, event, from_ms, NULL);
}

static void a_healthy_process_says_so(void **state)
{
    static const char *const types[] = {"tiktok", "http", "kafka"};
    struct scene *scene = *state;
    json_t *instance;

    metrics_consumed(metrics_of(scene->metrics, 1), 12);
    metrics_in_flight(metrics_of(scene->metrics, 0), 3, 4096);
    metrics_lag(metrics_of(scene->metrics, 0), "t", 0, 40);
    instance = look(scene, 5000);
    check_text(instance, "instance", "host:42");
    check_text(instance, "version", DETOUR_VERSION);
    check_text(instance, "started", "2026-03-11T09:56:40.000Z");
    assert_int_equal(json_integer_value(json_object_get(instance, "workers")), 2);
    assert_int_equal(json_integer_value(json_object_get(instance, "lag")), 40);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(instance, "totals"), "consumed")), 12);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(instance, "in_flight"), "bytes")), 4096);
    assert_int_equal(json_array_size(json_object_get(instance, "blocked")), 0);
    for (size_t i = 0; i < DESTINATIONS; i++) {
        const json_t *destination = destination_of(instance, i);

        check_text(destination, "type", types[i]);
        check_text(destination, "state", "closed");
        check_text(destination, "scope", "none");
        check_text(destination, "cause", NULL);
        check_text(destination, "outage", NULL);
        check_text(destination, "override", NULL);
        check_text(destination, "next_probe_in_ms", NULL);
        check_text(destination, "held", NULL);
        check_text(destination, "since", "2026-03-11T09:56:40.000Z");
        assert_true(json_is_false(json_object_get(destination, "throttled")));
        assert_int_equal(json_array_size(json_object_get(destination, "cells")), 0);
    }
    json_decref(instance);
}

static void an_outage_is_told_with_its_id_and_times(void **state)
{
    struct scene *scene = *state;
    const json_t *destination;
    const json_t *cell;
    json_t *instance;

    (void)break_type(scene, "Purchase", 10000);
    (void)health_cell(scene->health, TIKTOK, SPAN("Lead"), 10000);
    instance = look(scene, 12900);
    destination = destination_of(instance, TIKTOK);
    check_text(destination, "state", "closed");
    check_text(destination, "scope", "partial");
    cell = json_array_get(json_object_get(destination, "cells"), 0);
    check_text(cell, "event", "Purchase");
    check_text(cell, "state", "open");
    check_text(cell, "since", "2026-03-11T09:56:49.900Z"); /* the tenth fault, at 10.9 s */
    assert_non_null(json_string_value(json_object_get(cell, "cause")));
    assert_true(json_string_length(json_object_get(cell, "outage")) > 16);
    assert_in_range(json_integer_value(json_object_get(cell, "next_probe_in_ms")), 500, 3000);
    assert_true(json_number_value(json_object_get(cell, "share")) == 0.0);
    cell = json_array_get(json_object_get(destination, "cells"), 1);
    check_text(cell, "event", "Lead");
    check_text(cell, "state", "closed");
    check_text(cell, "next_probe_in_ms", NULL);
    json_decref(instance);
}

/* Held from @now_ms on: the second refusal counts. */
static void refuse(struct scene *scene, size_t destination, uint64_t now_ms)
{
    (void)pause_refused(health_pause(scene->health, destination), now_ms - 1, now_ms - 1);
    (void)pause_refused(health_pause(scene->health, destination), now_ms, now_ms);
}

static void a_held_credential_is_named_and_not_shown(void **state)
{
    struct scene *scene = *state;
    const json_t *destination;
    json_t *instance;

    refuse(scene, TIKTOK, 4000);
    (void)pause_throttled(health_pause(scene->health, TIKTOK), 6000, 1000);
    refuse(scene, HOOK, 6000);
    instance = look(scene, 9000);
    destination = destination_of(instance, TIKTOK);
    assert_true(json_is_true(json_object_get(destination, "throttled")));
    check_text(json_object_get(destination, "held"), "since", "2026-03-11T09:56:43.000Z");
    assert_int_equal(json_integer_value(
                         json_object_get(json_object_get(destination, "held"), "next_probe_in_ms")),
                     0);
    check_text(json_object_get(destination, "throttle"), "since", "2026-03-11T09:56:45.000Z");
    check_text(json_object_get(destination, "throttle"), "last_answer", NULL);
    check_text(json_object_get(destination, "held"), "secret",
               secret_source(scene->tiktok.access_token));
    assert_null(strstr(buf_text(&scene->text), "value-of-the-secret"));
    check_text(json_object_get(destination_of(instance, HOOK), "held"), "secret", "none");
    json_decref(instance);
}

/* which secret is named */

static struct secret *from_env(const char *name)
{
    struct secret *secret = NULL;
    struct err err;

    assert_int_equal(setenv(name, "value", 1), 0);
    assert_int_equal(secret_from_env(name, &secret, &err), ERR_OK);
    return secret;
}

static void check_credential(const struct config_destination *destination, const char *want)
{
    struct buf text;

    buf_init(&text, 1024);
    credential_write(destination, &text);
    assert_string_equal(buf_text(&text), want);
    buf_fini(&text);
}

static void the_secret_that_is_named_is_one(void **state)
{
    struct secret *written = secret_from_text(SPAN("shop"));
    struct secret *token = from_env("STATUS_TOKEN");
    struct secret *user = from_env("STATUS_USER");
    struct http_header headers[] = {{.name = SPAN("X-Tenant"), .value = written},
                                    {.name = SPAN("Authorization"), .value = token},
                                    {.name = SPAN("X-Again"), .value = token}};
    struct http_options options = {0};
    struct config_destination hook = {.type = &http_driver.section, .own = &options};

    (void)state;
    check_credential(&hook, "none");
    options.headers = headers;
    options.header_count = 1;
    check_credential(&hook, "the configuration file");
    options.header_count = COUNT_OF(headers);
    check_credential(&hook, "env STATUS_TOKEN");
    options.auth.basic.username = user;
    options.auth.basic.password = written;
    check_credential(&hook, "env STATUS_USER, env STATUS_TOKEN");
    secret_free(written);
    secret_free(token);
    secret_free(user);
}

static void a_rate_is_of_the_last_ten_seconds(void **state)
{
    struct scene *scene = *state;
    struct metrics_worker *worker = metrics_of(scene->metrics, 0);
    json_t *instance;
    double rate;

    for (uint64_t now_ms = 1000; now_ms <= 61000; now_ms += 100) { /* 50/s, then 10/s */
        metrics_delivery(worker, TIKTOK, SPAN("Purchase"), VERDICT_DELIVERED,
                         now_ms <= 31000 ? 5 : 1);
        metrics_latency(worker, TIKTOK, 20, now_ms <= 31000 ? 5 : 1);
        metrics_delivery(worker, TIKTOK, SPAN("Purchase"), VERDICT_RETRY, 100);
        status_tick(scene->status, now_ms);
        if (now_ms == 31000 || now_ms == 61000) {
            instance = look(scene, now_ms);
            rate =
                json_number_value(json_object_get(destination_of(instance, TIKTOK), "rate_per_s"));
            if (rate < (now_ms == 31000 ? 49 : 9.8) || rate > (now_ms == 31000 ? 51 : 10.2)) {
                fail_msg("%f/s at %llu ms", rate, (unsigned long long)now_ms);
            }
            json_decref(instance);
        }
    }
    instance = look(scene, 61000);
    assert_int_equal(
        json_integer_value(json_object_get(
            json_object_get(destination_of(instance, TIKTOK), "verdicts"), "delivered")),
        301 * 5 + 300);
    json_decref(instance);
}

/* the table */

static const char *table_of(struct scene *scene, const json_t *document, bool is_colored)
{
    buf_clear(&scene->text);
    status_table(document, wall_0 + 11900, is_colored, &scene->text);
    assert_false(scene->text.is_overflowed);
    return buf_text(&scene->text);
}

static json_t *document_of(struct scene *scene, uint64_t now_ms)
{
    return json_pack("[o]", look(scene, now_ms));
}

static void check_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no '%s' in:\n%s", part, text);
    }
}

static void the_table_tells_people_what_is_wrong(void **state)
{
    struct scene *scene = *state;
    json_t *document;
    const char *text;

    (void)break_type(scene, "Purchase", 10000);
    metrics_blocked(metrics_of(scene->metrics, 0), BLOCK_GAP, 2);
    metrics_in_flight(metrics_of(scene->metrics, 0), 3, 1536);
    refuse(scene, TIKTOK, 4000);
    (void)pause_throttled(health_pause(scene->health, TIKTOK), 4000, 1000);
    document = document_of(scene, 12900);
    text = table_of(scene, document, false);
    check_part(text, "host:42: detour " DETOUR_VERSION ", up 11s, workers 2\n");
    check_part(text, "  in flight 3 events, 1.5 KiB\n  lag 0, oldest unsettled 0s\n");
    check_part(text, "  not taken: 2 partitions, gap\n");
    check_part(text, "  tiktok                         closed        11s  100%       0.0\n");
    check_part(text, "      partial outage");
    check_part(text, "      throttled");
    check_part(text, "      held for 8s: it refuses the credential, ");
    check_part(text, "    Purchase                     open           2s    0%");
    check_part(text, "      outage 20");
    check_part(text, ", next probe in ");
    assert_null(strchr(text, '\033'));
    check_part(table_of(scene, document, true), "\033[31mopen     \033[0m");
    json_decref(document);
}

static const struct {
    const char *name;
    const char *document;
    const char *part;
} foreign_rows[] = {
    {"nothing in it", "[{}]", ": detour "},
    {"not what it should be", "[7, {\"destinations\": {\"a\": 1}, \"totals\": []}]", "lag 0"},
    {"control characters", "[{\"instance\": \"a\\u001b[31m\\u0007\\u009bb\"}]",
     "a?[31m??b: detour"},
    {"a name that is too long",
     "[{\"destinations\": [{\"name\": "
     "\"\xc3\xa9_123456789_123456789_123456789_123456789_123456789\"}]}]",
     "  \xc3\xa9_123456789_123456789_1234567\xe2\x80\xa6 "},
    {"a wide name",
     "[{\"destinations\": [{\"name\": "
     "\"\xe8\xb4\xad\xe4\xb9\xb0\"}]}]",
     "  \xe8\xb4\xad\xe4\xb9\xb0                           "},
    {"a time that is none", "[{\"started\": \"yesterday\"}]", "up ,"},
    {"a time to come", "[{\"started\": \"2099-01-01T00:00:00Z\"}]", "up 0s,"},
    {"days", "[{\"started\": \"2026-03-08T03:00:00Z\"}]", "up 3d06h,"},
    {"an override",
     "[{\"destinations\": [{\"name\": \"a\", \"state\": \"open\", \"override\": \"open\"}]}]",
     "override: open\n"},
};

/* @text with @name for each at sign. */
static char *fill(const char *text, const char *name)
{
    struct buf out;
    char *copy;

    buf_init(&out, 1 << 20);
    for (; *text != '\0'; text++) {
        buf_add_text(&out, *text == '@' ? name : (char[]){*text, '\0'});
    }
    copy = strdup(buf_text(&out));
    buf_fini(&out);
    return copy;
}

/* The longest there can be, of everything: no line is wider than a terminal. */
static void the_table_fits_eighty_columns(void **state)
{
    static const char wild[] =
        "[{\"instance\": \"@\", \"version\": \"@\", \"started\": \"1990-01-01T00:00:00Z\", "
        "\"workers\": 1024,"
        " \"lag\": 9223372036854775807, \"in_flight\": {\"events\": 9223372036854775807, "
        "\"bytes\": "
        "9223372036854775807}, \"totals\": {\"consumed\": 9223372036854775807, \"delivered\": "
        "9223372036854775807, \"diverted\": 9223372036854775807, \"dead_lettered\": "
        "9223372036854775807,"
        " \"dropped\": 9223372036854775807}, \"blocked\": [{\"partitions\": 9223372036854775807, "
        "\"reason\": "
        "\"@\"}], \"destinations\": [{\"name\": \"@\", \"state\": \"half_open\", \"since\": "
        "\"1990-01-01T00:00:00Z\", \"share\": 1, \"rate_per_s\": 123456789012.5, \"cause\": "
        "\"@\", \"scope\": "
        "\"partial\", \"throttled\": true, \"held\": {\"secret\": \"file /@\", \"since\": "
        "\"1990-01-01T00:00:00Z\", \"next_probe_in_ms\": 99999999999}, \"outage\": \"@\", "
        "\"began\": "
        "\"1990-01-01T00:00:00Z\", \"next_probe_in_ms\": 99999999999, \"flapping\": true, "
        "\"diverted\": "
        "9223372036854775807, \"dead_lettered\": 9223372036854775807, \"last_error\": {\"at\": "
        "\"1990-01-01T00:00:00Z\", \"verdict\": \"@\", \"code\": 9223372036854775807, "
        "\"status\": 999, "
        "\"text\": \"@\", \"request_id\": \"@\"}, \"cells\": [{\"event\": \"@\", "
        "\"state\": \"half_open\", "
        "\"since\": \"1990-01-01T00:00:00Z\", \"share\": 1, \"cause\": \"@\"}]}]}]";
    static const char *const names[] = {
        "a name with spaces in it that goes on and on and on and on and on and on and on and on "
        "and on",
        "aNameWithoutAnySpaceInItThatGoesOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnA"
        "ndOn",
        "\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4"
        "\xb9\xb0"
        "\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4"
        "\xb9\xb0"
        "\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4\xb9\xb0\xe8\xb4\xad\xe4"
        "\xb9\xb0",
    };

    (void)state;
    for (size_t row = 0; row < COUNT_OF(names) * 2; row++) {
        const char *name = names[row / 2];
        char *text = fill(wild, name);
        json_t *document;
        struct buf out;
        struct span table;

        document = json_loads(text, 0, NULL);
        assert_non_null(document);
        buf_init(&out, 1 << 20);
        status_table(document, wall_0, row % 2 == 1, &out);
        table = buf_span(&out);
        assert_true(table.len > 1000);
        for (size_t at = 0; at < table.len;) {
            size_t end = span_find(table, '\n', at);

            if (columns_of(span_sub(table, at, end)) > 80) {
                fail_msg("wider than 80: %.*s", (int)(end - at), table.ptr + at);
            }
            at = end + 1;
        }
        buf_fini(&out);
        json_decref(document);
        free(text);
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *want;
} fold_rows[] = {
    {"short lines stay", "a b\n\nc\n", "a b\n\nc\n"},
    {"at a space", "  aaaa bbbb cccc", "  aaaa\n  bbbb\n  cccc"},
    {"no space", "aaaaaaaaaaaaaa", "aaaaaaaaaa\n  aaaa"},
    {"exactly", "aaaa bbbbb", "aaaa bbbbb"},
    {"one more", "aaaa bbbbbb", "aaaa\n  bbbbbb"},
    {"colours take no room", "\033[31maaaa\033[0m bbbbb", "\033[31maaaa\033[0m bbbbb"},
    {"wide ones take two",
     "\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad",
     "\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\xe8\xb4\xad\n  \xe8\xb4\xad"},
};

static void lines_are_folded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fold_rows); i++) {
        struct buf out;

        buf_init(&out, 1024);
        columns_fold(&out, span_of(fold_rows[i].text), 10, 2);
        if (strcmp(buf_text(&out), fold_rows[i].want) != 0) {
            fail_msg("%s: %s", fold_rows[i].name, buf_text(&out));
        }
        buf_fini(&out);
    }
}

/* What is dark says what was answered, since when, what it cost and when it is asked again. */
static void the_table_tells_what_was_answered(void **state)
{
    static const char *const parts[] = {
        "      outage 2026",
        ", next probe in ",
        " ago; 1 diverted, 0 dead letters\n",
        " ago: retry, code 50000, HTTP 200\n",
        "        code 50000 (INTERNAL)\n        request r-1\n",
        "throttled: it asks for less, next probe in 1s\n",
        "      next probe in ",
    };
    struct scene *scene = *state;
    struct last_answer last_answer = {wall_0 + 9000, VERDICT_RETRY,          200, true, 50000,
                                      "r-1",         "code 50000 (INTERNAL)"};
    size_t cell = health_cell(scene->health, TIKTOK, SPAN("Purchase"), 9000);
    char id[OUTAGE_ID_BYTES];
    json_t *document;
    const char *text;

    (void)break_type_with(scene, "Purchase", 10000, &last_answer);
    (void)health_outage(scene->health, TIKTOK, cell, id);
    health_outage_settled(scene->health, TIKTOK, cell, id, false);
    (void)pause_throttled(health_pause(scene->health, TIKTOK), 12000, 1000);
    refuse(scene, HOOK, 12000);
    document = document_of(scene, 12900);
    text = table_of(scene, document, false);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        check_part(text, parts[i]);
    }
    json_decref(document);
}

/* Two workers hold one id: it is one line, and asked by the first that may. */
static void source_ids_held_alone_are_told(void **state)
{
    struct scene *scene = *state;
    const json_t *sources;
    json_t *document;
    char id[80];

    health_hold_source(scene->health, TIKTOK, 0, SPAN("CLOSTPIXEL1234567890XYZ"), 9000, 20000);
    health_hold_source(scene->health, TIKTOK, 1, SPAN("CLOSTPIXEL1234567890XYZ"), 8000, 15000);
    health_hold_source(scene->health, TIKTOK, 1, SPAN("\xff\xfe"), 8000, 1000);
    health_hold_source(scene->health, TIKTOK, 1, SPAN("FREE"), 8000, 1000);
    health_hold_source(scene->health, TIKTOK, 1, SPAN("FREE"), 0, 0);
    document = document_of(scene, 12900);
    sources = json_object_get(destination_of(json_array_get(document, 0), TIKTOK), "held_sources");
    assert_int_equal(json_array_size(sources), 2);
    check_text(json_array_get(sources, 0), "source_id", "CLOSTPIXEL1234567890XYZ");
    check_text(json_array_get(sources, 0), "since", "2026-03-11T09:56:47.000Z");
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(sources, 0), "next_probe_in_ms")), 2100);
    check_text(json_array_get(sources, 1), "source_id", "unprintable");
    check_part(table_of(scene, document, false),
               "      source CLOSTPIXEL123456789\xe2\x80\xa6 held for 4s, next probe in 3s\n"
               "      source unprintable held for 4s, the next event is the probe\n");
    json_decref(document);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof(id), "%070d", i); /* longer than is kept, and more of them */
        health_hold_source(scene->health, TIKTOK, 0, span_of(id), 9000, 20000);
    }
    document = document_of(scene, 12900);
    sources = json_object_get(destination_of(json_array_get(document, 0), TIKTOK), "held_sources");
    assert_in_range(json_array_size(sources), 3, HELD_SOURCES_MAX);
    json_decref(document);
}

static void what_comes_from_elsewhere_is_shown_safely(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < COUNT_OF(foreign_rows); i++) {
        json_t *document = json_loads(foreign_rows[i].document, 0, NULL);
        const char *text;

        assert_non_null(document);
        text = table_of(scene, document, false);
        if (strstr(text, foreign_rows[i].part) == NULL || strchr(text, '\033') != NULL) {
            fail_msg("%s: no '%s' in:\n%s", foreign_rows[i].name, foreign_rows[i].part, text);
        }
        json_decref(document);
    }
}

static void a_long_secret_is_shown_whole(void **state)
{
    static const char path[] =
        "file /run/secrets/a-folder-with-a-name/and-another-one-in-it/and-yet-another-one-"
        "in-that/tiktok-access-token, env ANOTHER_ONE";
    struct scene *scene = *state;
    json_t *document = json_pack("[{s:[{s:s, s:{s:s, s:s}}]}]", "destinations", "name", "tiktok",
                                 "held", "since", "2026-03-11T09:56:40.000Z", "secret", path);
    const char *text = table_of(scene, document, false);
    const char *line = strstr(text, "refuses the credential,\n        file /run");
    size_t whole = 0;

    assert_non_null(line);
    for (const char *at = strchr(line, '\n') + 1; *at != '\0'; at++) {
        whole += *at == path[whole] ? 1 : 0; /* blanks and ends of lines stand between */
    }
    assert_int_equal(whole, sizeof(path) - 1);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        assert_in_range(columns_of((struct span){text, len}), 0, 80);
        text += len + (text[len] == '\n');
    }
    json_decref(document);
}

static void no_line_is_wider_than_a_terminal(void **state)
{
    struct scene *scene = *state;
    json_t *document;
    const char *text;
    size_t cell =
        break_type(scene, "An event type with a name that nobody would like to type", 10000);

    (void)cell;
    metrics_consumed(metrics_of(scene->metrics, 0), UINT64_MAX / 4);
    metrics_delivery(metrics_of(scene->metrics, 0), TIKTOK, SPAN("Purchase"), VERDICT_DELIVERED,
                     1u << 20);
    document = document_of(scene, 12900);
    text = table_of(scene, document, false);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (columns_of((struct span){text, len}) > 80) {
            fail_msg("%zu columns: %.*s", columns_of((struct span){text, len}), (int)len, text);
        }
        text += len + (text[len] == '\n');
    }
    json_decref(document);
}

static const struct {
    const char *name;
    const char *host;
    uint16_t port;
    bool is_on;
    const char *want; /* NULL: none */
} url_rows[] = {
    {"loopback", "127.0.0.1", 8080, true, "http://127.0.0.1:8080"},
    {"every address is this machine too", "0.0.0.0", 80, true, "http://127.0.0.1:80"},
    {"IPv6", "::1", 8080, true, "http://[::1]:8080"},
    {"IPv6 in brackets", "[fe80::1]", 8080, true, "http://[fe80::1]:8080"},
    {"every IPv6 address", "[::]", 8080, true, "http://[::1]:8080"},
    {"a name", "localhost", 1, true, "http://localhost:1"},
    {"any free port cannot be known", "127.0.0.1", 0, true, NULL},
    {"off", "127.0.0.1", 8080, false, NULL},
};

static void the_endpoint_comes_from_the_configuration(void **state)
{
    struct buf url;

    (void)state;
    buf_init(&url, 1024);
    for (size_t i = 0; i < COUNT_OF(url_rows); i++) {
        struct config config = {.admin = {.is_on = url_rows[i].is_on,
                                          .host = span_of(url_rows[i].host),
                                          .port = url_rows[i].port}};
        bool is_found = status_url(&config, &url);

        if (is_found != (url_rows[i].want != NULL) ||
            (is_found && strcmp(buf_text(&url), url_rows[i].want) != 0)) {
            fail_msg("%s: %s", url_rows[i].name, is_found ? buf_text(&url) : "none");
        }
    }
    buf_fini(&url);
}

/* Lag with its age, what cannot be read, and no figure where there is none. */
static void partitions_say_how_old_their_lag_is(void **state)
{
    struct scene *scene = *state;
    struct metrics_worker *worker = metrics_of(scene->metrics, 1);
    const json_t *partitions;
    json_t *document;

    metrics_partition(worker, "a", 0,
                      &(struct partition_numbers){.lag = 7, .asked_ms = 1000, .open_ms = 2000});
    metrics_partition(worker, "a", 1,
                      &(struct partition_numbers){.lag = LAG_UNKNOWN,
                                                  .blocks = 1u << BLOCK_UNREADABLE,
                                                  .error = RD_KAFKA_RESP_ERR__BAD_MSG,
                                                  .error_since_ms = 3000});
    metrics_partition(worker, "a", 2, &(struct partition_numbers){.lag = 5});
    metrics_lag(worker, "a", 2, LAG_GONE);
    metrics_oldest(worker, 4500);
    buf_clear(&scene->text);
    status_write(scene->status, 5000, wall_0 + 4000, &scene->text);
    document = json_loadb(scene->text.ptr, scene->text.len, 0, NULL);
    partitions = json_object_get(json_array_get(document, 0), "partitions");
    assert_int_equal(json_array_size(partitions), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(partitions, 0), "lag")), 7);
    assert_true(json_real_value(json_object_get(json_array_get(partitions, 0), "lag_age_s")) == 4);
    assert_true(
        json_real_value(json_object_get(json_array_get(partitions, 0), "open_transaction_s")) == 3);
    assert_true(json_is_null(json_object_get(json_array_get(partitions, 1), "lag")));
    assert_non_null(strstr(buf_text(&scene->text), "\"blocked\":[\"unreadable\"]"));
    assert_non_null(strstr(buf_text(&scene->text), "\"error\":\"_BAD_MSG\""));
    assert_non_null(strstr(buf_text(&scene->text), "\"lag\":7,"));
    assert_non_null(strstr(buf_text(&scene->text), "\"oldest_unsettled_s\":4.5"));
    assert_non_null(strstr(buf_text(&scene->text), "\"registry\":null"));
    json_decref(document);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_healthy_process_says_so),
        CASE(an_outage_is_told_with_its_id_and_times),
        CASE(a_held_credential_is_named_and_not_shown),
        CASE(the_secret_that_is_named_is_one),
        CASE(a_rate_is_of_the_last_ten_seconds),
        CASE(the_table_tells_people_what_is_wrong),
        cmocka_unit_test(the_table_fits_eighty_columns),
        cmocka_unit_test(lines_are_folded),
        CASE(the_table_tells_what_was_answered),
        CASE(source_ids_held_alone_are_told),
        CASE(what_comes_from_elsewhere_is_shown_safely),
        CASE(a_long_secret_is_shown_whole),
        CASE(no_line_is_wider_than_a_terminal),
        CASE(partitions_say_how_old_their_lag_is),
        cmocka_unit_test(the_endpoint_comes_from_the_configuration),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
