#include "trial/guard.h"

#include "destinations/table.h"
#include "destinations/tiktok/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const struct config_type *type;
    const char *url;
    const char *test_event_code;
    const char *topic;
    const char *wants; /* part of the error; NULL: it may */
} guard_rows[] = {
    {"the service", &tiktok_driver.section, "https://business-api.tiktok.com", NULL, "conversions",
     "one (tiktok, business-api.tiktok.com)"},
    {"with a test code", &tiktok_driver.section, "https://business-api.tiktok.com", "TEST123",
     "conversions", NULL},
    {"with an empty test code", &tiktok_driver.section, "https://business-api.tiktok.com", " ",
     "conversions", "one (tiktok"},
    {"loopback", &tiktok_driver.section, "http://127.0.0.1:8090", NULL, "conversions", NULL},
    {"another address of it", &tiktok_driver.section, "http://127.8.9.1:8090", NULL, "conversions",
     NULL},
    {"IPv6 loopback", &http_driver.section, "http://[::1]:8090/events", NULL, "conversions", NULL},
    {"localhost", &http_driver.section, "http://LOCALHOST:8090/events", NULL, "conversions", NULL},
    {"a name that begins like it", &http_driver.section, "https://localhost.example/e", NULL,
     "conversions", "localhost.example"},
    {"a name that looks like an address", &http_driver.section, "https://127.0.0.1.example/e", NULL,
     "conversions", "127.0.0.1.example"},
    {"an address of the network", &http_driver.section, "http://10.0.0.7/e", NULL, "conversions",
     "one (http, 10.0.0.7)"},
    {"a test code says nothing of http", &http_driver.section,
     "https://collector.example/e?token=abc", "TEST123", "conversions",
     "one (http, collector.example)"},
    {"a topic that nobody here reads", &tiktok_driver.section, "https://business-api.tiktok.com",
     NULL, "trial", NULL},
    {"Kafka", &topic_driver.section, NULL, NULL, "conversions", NULL},
};

static void invented_events_stay_here(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(guard_rows); i++) {
        struct span topics[] = {SPAN("orders"), SPAN("conversions")};
        struct tiktok_options options = {.test_event_code = span_of(guard_rows[i].test_event_code)};
        struct tiktok_options safe = {.event_source = SOURCE_WEB};
        struct config_destination to[] = {
            {.name = SPAN("safe"),
             .type = &tiktok_driver.section,
             .url = SPAN("http://localhost:1"),
             .own = &safe},
            {.name = SPAN("one"),
             .type = guard_rows[i].type,
             .url = span_of(guard_rows[i].url),
             .own = &options},
        };
        struct config config = {.destinations = to, .destination_count = COUNT_OF(to)};
        struct err err = {0};
        enum err_code rc;

        config.kafka.topics = topics;
        config.kafka.topic_count = COUNT_OF(topics);
        rc = guard_generate(&config, span_of(guard_rows[i].topic), &err);
        if ((rc == ERR_OK) != (guard_rows[i].wants == NULL)) {
            fail_msg("%s: %s", guard_rows[i].name, rc == ERR_OK ? "let through" : err.text);
        }
        if (rc != ERR_OK &&
            (strstr(err.text, guard_rows[i].wants) == NULL || strstr(err.text, "--yes") == NULL ||
             strstr(err.text, "abc") != NULL || strstr(err.text, "safe") != NULL)) {
            fail_msg("%s: says %s", guard_rows[i].name, err.text);
        }
    }
}

static void many_destinations_leave_room_for_the_way_out(void **state)
{
    enum { MANY = 60 };
    struct config_destination to[MANY];
    struct span topics[] = {SPAN("conversions")};
    struct config config = {.destinations = to, .destination_count = MANY};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        to[i] = (struct config_destination){.name = SPAN("a-destination-with-a-long-name"),
                                            .type = &http_driver.section,
                                            .url = SPAN("https://collector.example/events")};
    }
    config.kafka.topics = topics;
    config.kafka.topic_count = 1;
    assert_int_equal(guard_generate(&config, topics[0], &err), ERR_USAGE);
    assert_non_null(strstr(err.text, " and others. "));
    assert_non_null(strstr(err.text, "--yes to send them all the same"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invented_events_stay_here),
        cmocka_unit_test(many_destinations_leave_room_for_the_way_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
