/* A type of destination that the product does not have goes all the way: its section is read and
 * checked, an event is rendered, a request is built, an answer is read. Nothing but its own table
 * and its rows is needed for that. The type writes lines "NAME=VALUE" and is answered in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/loader.h"
#include "destinations/credential.h"
#include "destinations/destination.h"
#include "destinations/table.h"
#include "readers_fixture.h"

/* the driver */

struct lines_options {
    struct span channel;
    struct secret *key; /* owned */
    uint32_t level;
};

#define AT(field) .offset = offsetof(struct config_destination, field)
#define OWN(field) .is_own = true, .offset = offsetof(struct lines_options, field)

static const struct config_option rows[] = {
    {"url", "Where lines go.", OPTION_TEXT, 0, true, AT(url)},
    {"channel", "Under which name.", OPTION_TEXT, 0, true, OWN(channel)},
    {"key", "Who sends them.", OPTION_SECRET, 0, true, OWN(key)},
    {"level", "How important they are.", OPTION_COUNT, 0, OWN(level), .fallback = "3", .max = 9},
};
static const struct config_option batch_rows[] = {
    {"events", "Lines of a request.", OPTION_COUNT, 0, AT(batch.events), .fallback = "7", .max = 9},
};
static const struct config_section lines_sections[] = {
    {"destinations.*", NULL, rows, COUNT_OF(rows)},
    {"destinations.*.batch", NULL, batch_rows, COUNT_OF(batch_rows)},
};

static const struct lines_options *options_of(const struct config_destination *config)
{
    return config->own;
}

static void check_section(struct loader *loader, struct config_destination *destination)
{
    if (options_of(destination)->level == 9) {
        diag_error(loader->diags, place_in(destination, NULL, "level"), "level 9 is for others");
    }
}

static void free_section(void *own)
{
    secret_free(((struct lines_options *)own)->key);
}

static bool compile(struct destination *to, struct diags *diags)
{
    (void)diags;
    to->url = strdup(to->config->url.ptr);
    to->own = calloc(1, 1);
    return to->url != NULL && to->own != NULL;
}

static void review(const struct destination *to, const struct review *with, struct field_list *out,
                   struct diags *diags)
{
    (void)to;
    (void)with;
    (void)diags;
    field_list_add(out, SPAN("line"), SPAN("the event's type"));
}

static enum err_code render(const struct destination *to, struct rendering *event, struct buf *out,
                            struct err *err)
{
    (void)to;
    if (event->view->facts.type.len > 8) {
        return FAIL(err, ERR_DATA, "the type is too long for a line");
    }
    buf_add_span(out, event->view->facts.type);
    buf_add_char(out, '=');
    buf_add_span(out, event->event_id);
    return ERR_OK;
}

static void begin(const struct destination *to, struct span group, struct buf *out)
{
    buf_add_span(out, options_of(to->config)->channel);
    buf_add_span(out, group);
    buf_add_char(out, '\n');
}

static void separate(const struct destination *to, struct buf *out)
{
    (void)to;
    buf_add_char(out, '\n');
}

static void end(const struct destination *to, struct buf *out)
{
    (void)to;
    buf_add_text(out, "\n.");
}

static void headers(const struct destination *to, struct span body, int64_t wall_ms,
                    struct buf *out)
{
    (void)wall_ms;
    buf_printf(out, "X-Bytes: %zu", body.len);
    buf_add_char(out, '\0');
    buf_add_text(out, "X-Key: ");
    secret_read(options_of(to->config)->key, out);
    buf_add_char(out, '\0');
}

static struct secret *secret(const struct config_destination *config, size_t index)
{
    return index == 0 ? options_of(config)->key : NULL;
}

static void read_answer(const struct destination *to, const struct http_reply *reply,
                        const struct answer_batch *batch, struct answer *out)
{
    (void)to;
    (void)batch;
    *out = (struct answer){.verdict =
                               span_is(reply->body, "thanks") ? VERDICT_DELIVERED : VERDICT_RETRY,
                           .code = INT32_MIN};
}

static const struct driver lines_driver = {
    .section = {.name = "lines",
                .sections = lines_sections,
                .section_count = COUNT_OF(lines_sections),
                .own_bytes = sizeof(struct lines_options),
                .check = check_section,
                .free = free_section},
    .compile = compile,
    .free = free,
    .review = review,
    .render = render,
    .begin = begin,
    .separate = separate,
    .end = end,
    .headers = headers,
    .secret = secret,
    .read = read_answer,
};

/* a configuration with it */

static struct config *load(const char *section, struct diags *diags)
{
    const struct config_type *items[] = {&tiktok_driver.section, &topic_driver.section,
                                         &lines_driver.section};
    const struct config_types types = {items, COUNT_OF(items)};
    char file[] = "/tmp/detour-driver-XXXXXX";
    int fd = mkstemp(file);
    struct config *config;

    assert_true(fd >= 0);
    assert_true(dprintf(fd,
                        "kafka: {brokers: 'localhost:9092', group: g, topics: [t]}\n"
                        "schemas: {directory: schemas, reader: x.Y, framing: raw}\n"
                        "destinations:\n"
                        "  log: %s\n"
                        "  dead: {type: kafka, topic: dead}\n"
                        "routes: [{name: all, match: {}, legs: [[log]]}]\n"
                        "dead_letter: dead\n",
                        section) > 0);
    assert_int_equal(close(fd), 0);
    diags_init(diags);
    config = config_load(file, &types, diags);
    assert_int_equal(unlink(file), 0);
    return config;
}

static const char good[] = "{type: lines, url: 'https://lines.example/in', channel: orders, "
                           "key: {env: LINES_KEY}}";

static void a_section_of_a_new_type_is_read_by_its_own_rows(void **state)
{
    struct diags diags;
    struct config *config = load(good, &diags);
    const struct config_destination *log;

    (void)state;
    if (config == NULL) {
        fail_msg("%s", first_diag(&diags));
    }
    log = config_find(config, SPAN("log"));
    assert_ptr_equal(driver_of(log), &lines_driver);
    assert_true(span_is(options_of(log)->channel, "orders"));
    assert_int_equal(options_of(log)->level, 3);
    assert_int_equal(log->batch.events, 7);
    assert_int_equal(log->retry.attempts, 3); /* what all types share */
    config_free(config);
    diags_fini(&diags);
}

static const struct {
    const char *section;
    const char *error;
} error_rows[] = {
    {"{type: lines, url: 'https://a.example', key: {env: LINES_KEY}}", "channel is missing"},
    {"{type: lines, url: 'https://a.example', channel: o, key: {env: LINES_KEY}, level: 10}",
     "level"},
    {"{type: lines, url: 'https://a.example', channel: o, key: {env: LINES_KEY}, level: 9}",
     "level 9 is for others"},
    {"{type: lines, url: 'https://a.example', channel: o, key: {env: LINES_KEY}, chanel: p}",
     "did you mean channel?"},
    {"{type: lines, url: 'https://a.example', channel: o, key: {env: LINES_KEY}, event_source: "
     "web}",
     "belongs to destinations of type tiktok; this one is of type lines"},
    {"{type: line, url: 'https://a.example', channel: o, key: {env: LINES_KEY}}",
     "it can be tiktok, kafka, lines; did you mean lines?"},
};

static void what_is_wrong_with_it_is_told_as_of_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
        struct diags diags;
        bool is_told = false;

        assert_null(load(error_rows[i].section, &diags));
        for (size_t k = 0; k < diags.count; k++) {
            is_told = is_told || strstr(diags.items[k].message, error_rows[i].error) != NULL;
        }
        if (!is_told) {
            fail_msg("%s: %s", error_rows[i].error, first_diag(&diags));
        }
        diags_fini(&diags);
    }
}

static void write_request(const struct destination *to, struct arena *arena, struct buf *body)
{
    struct message_view message = {.value = SPAN("v")};
    struct event_view view = {.message = &message, .facts = {.type = SPAN("Order")}};
    struct rendering event = {.view = &view, .event_id = SPAN("e-1"), .arena = arena};
    struct err err;

    to->driver->begin(to, destination_group(to, &view, arena), body);
    assert_int_equal(to->driver->render(to, &event, body, &err), ERR_OK);
    to->driver->separate(to, body);
    event.event_id = SPAN("e-2");
    assert_int_equal(to->driver->render(to, &event, body, &err), ERR_OK);
    to->driver->end(to, body);
    view.facts.type = SPAN("OrderCompleted");
    assert_int_equal(to->driver->render(to, &event, body, &err), ERR_DATA);
}

static void check_headers(const struct destination *to, const struct buf *body)
{
    const char *lines[DESTINATION_HEADERS_MAX];
    struct buf text;

    buf_init(&text, 64 * 1024);
    assert_int_equal(destination_headers(to, buf_span(body), 0, &text, lines), 3);
    assert_memory_equal(lines[0], "User-Agent: detour/", 19);
    assert_string_equal(lines[1], "X-Bytes: 28");
    assert_string_equal(lines[2], "X-Key: hush");
    buf_clear(&text);
    credential_write(to->config, &text);
    assert_string_equal(buf_text(&text), "env LINES_KEY");
    buf_fini(&text);
}

static void check_answers(const struct destination *to)
{
    const struct answer_batch none = {0};
    struct answer answer;

    to->driver->read(to, &(struct http_reply){.status = 200, .body = SPAN("thanks")}, &none,
                     &answer);
    assert_int_equal(answer.verdict, VERDICT_DELIVERED);
    to->driver->read(to, &(struct http_reply){.status = 200, .body = SPAN("what?")}, &none,
                     &answer);
    assert_int_equal(answer.verdict, VERDICT_RETRY);
}

static void an_event_goes_all_the_way(void **state)
{
    struct diags diags;
    struct config *config = load(good, &diags);
    const struct readers readers = {0};
    struct destination to;
    struct http_target target;
    struct arena arena;
    struct buf body;

    (void)state;
    assert_non_null(config);
    arena_init(&arena, 1 << 20);
    buf_init(&body, 4096);
    assert_true(destination_compile(config_find(config, SPAN("log")), &readers, &to, &diags));
    write_request(&to, &arena, &body);
    assert_string_equal(buf_text(&body), "orders\nOrder=e-1\nOrder=e-2\n.");
    check_headers(&to, &body);
    target = destination_target(&to);
    assert_string_equal(target.url, "https://lines.example/in");
    assert_int_equal(target.total_ms, 10000);
    check_answers(&to);
    destination_fini(&to);
    buf_fini(&body);
    arena_fini(&arena);
    config_free(config);
    diags_fini(&diags);
}

/* What the functions of the table above do not say for a driver, the tables of the product must. */
static void every_driver_is_whole(void **state)
{
    const struct config_types *types = driver_types();

    (void)state;
    for (size_t i = 0; i < types->count; i++) {
        const struct config_destination config = {.type = types->items[i]};
        const struct driver *driver = driver_of(&config);

        assert_non_null(driver->section.name);
        assert_true(driver->compile != NULL && driver->free != NULL && driver->review != NULL);
        assert_true(driver->render != NULL);
        assert_true((driver->scratch_new == NULL) == (driver->scratch_free == NULL));
        assert_true((driver->probe == NULL) == (driver->read_probe == NULL));
        if (!driver->section.is_topic) {
            assert_true(driver->begin != NULL && driver->separate != NULL && driver->end != NULL);
            assert_true(driver->headers != NULL && driver->secret != NULL && driver->read != NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_of_a_new_type_is_read_by_its_own_rows),
        cmocka_unit_test(what_is_wrong_with_it_is_told_as_of_every_type),
        cmocka_unit_test(an_event_goes_all_the_way),
        cmocka_unit_test(every_driver_is_whole),
    };

    assert_int_equal(setenv("LINES_KEY", "hush", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
