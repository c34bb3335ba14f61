/* `detour check` and `detour topics` as people and scripts see them: text, JSON, exit codes. */
#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/check.h"
#include "app/topics_command.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "base/mem.h"
#include "mock_broker.h"

static char directory[] = "/tmp/detour-check-XXXXXX";
static char file[128];
static char schemas[512];
static char own_schemas[128];

/* What a row may change of the configuration below. */
struct world {
    const char *brokers;
    const char *tiktok;
    const char *extra; /* lines at the end */
    const char *map;   /* of the tiktok destination */
    const char *match;
    const char *token;
    bool is_with_broken_schema; /* in a directory of ours, beside a copy of the example's */
    bool is_other_reader;       /* one without any of the fields there are by default */
    const char *drop;           /* in place of the route's legs */
};

static void write_config(const struct world *world)
{
    FILE *out = fopen(file, "wb");

    assert_non_null(out);
    fprintf(out,
            "kafka: {brokers: \"%s\", group: g, topics: [conversions]}\n"
            "schemas: {directory: \"%s\", framing: raw, reader: %s}\n"
            "destinations:\n"
            "  tiktok:\n"
            "    type: tiktok\n"
            "    url: %s\n"
            "    event_source_id: C1\n"
            "    access_token: %s\n"
            "    map: %s\n"
            "  dead: {type: kafka, topic: conversions.dead}\n"
            "routes:\n"
            "  - name: all\n"
            "    match: %s\n"
            "    %s\n"
            "dead_letter: dead\n"
            "admin: off\n"
            "%s\n",
            world->brokers == NULL ? "127.0.0.1:1" : world->brokers,
            world->is_with_broken_schema ? own_schemas : schemas,
            world->is_other_reader ? "detour.UtmAttribution" : "com.example.ConversionEvent",
            world->tiktok == NULL ? "https://business-api.tiktok.com" : world->tiktok,
            world->token == NULL ? "{env: DETOUR_TEST_TOKEN}" : world->token,
            world->map == NULL ? "{}" : world->map, world->match == NULL ? "{}" : world->match,
            world->drop == NULL ? "legs: [[tiktok]]" : world->drop,
            world->extra == NULL ? "" : world->extra);
    assert_int_equal(fclose(out), 0);
}

/* Run a command with stdout caught in @out. */
static int run(const struct command *command, const char *const *words, size_t count,
               struct buf *out)
{
    char path[160];
    char *argv[8] = {0};
    char bytes[4096];
    FILE *caught;
    size_t got;
    int kept;
    int code;

    for (size_t i = 0; i < count; i++) {
        argv[i] = (char *)words[i];
    }
    (void)snprintf(path, sizeof(path), "%s/out", directory);
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    caught = fopen(path, "w+b");
    assert_non_null(caught);
    assert_int_not_equal(dup2(fileno(caught), STDOUT_FILENO), -1);
    code = command_perform(command, (int)count, argv);
    fflush(stdout);
    assert_int_not_equal(dup2(kept, STDOUT_FILENO), -1);
    close(kept);
    rewind(caught);
    buf_clear(out);
    while ((got = fread(bytes, 1, sizeof(bytes), caught)) > 0) {
        buf_add(out, bytes, got);
    }
    assert_int_equal(fclose(caught), 0);
    assert_int_equal(unlink(path), 0);
    return code;
}

static const struct {
    const char *name;
    struct world world;
    int want;
    const char *part; /* of the output */
    const char *other;
} offline_cases[] = {
    {"all is right",
     {.map = NULL},
     0,
     ": ok, 1 route, 2 destinations, 0 route tests, 0 warnings\n",
     NULL},
    {"a misspelled key",
     {.extra = "worker: 3"},
     1,
     "/detour.yaml:17:1: unknown key \"worker\"; did you mean workers?\n",
     ": 1 error, 0 warnings\n"},
    {"two things of different kinds",
     {.extra = "worker: 3", .map = "{user.emial: user.email}"},
     1,
     ":17:1: unknown key",
     ":9:11: "},
    {"a path that is not there", {.map = "{user.email: user.mail}"}, 1, ":9:23: ", "1 error"},
    {"a match of the wrong type", {.match = "{properties.value: many}"}, 1, ":13:31: ", NULL},
    {"a broken schema hides nothing else",
     {.map = "{user.email: user.mail}", .is_with_broken_schema = true},
     1,
     "/broken.avsc:2:3: the schema is not JSON",
     ":9:23: "},
    {"and no route test",
     {.extra = "worker: 3\ntests: [test.yaml]", .is_with_broken_schema = true},
     1,
     ": test 'never': expected routes [], got [all]",
     "3 errors, 0 warnings"},
    {"a broken route's tests are not run",
     {.extra = "tests: [test.yaml]", .drop = "legs: [[tiktock]]"},
     1,
     "there is no destination \"tiktock\"",
     ": 1 error, "},
    {"a type nobody has named stands at the file's beginning",
     {.extra = "event: {id: event_id}", .is_other_reader = true},
     1,
     "/detour.yaml:1:1: event.type: no reader schema has the text field 'event'",
     NULL},
    {"a slip in event.type is one error",
     {.extra = "event: {type: {record: nam}}", .is_other_reader = true},
     1,
     ":17:15: event.type wants path, or {record: name}",
     ": 1 error, "},
    {"a type no event has",
     {.extra = "event: {type: {record: name}}",
      .map = "{}\n    events: {ConversionEvnt: Purchase}"},
     0,
     ":10:30: warning: events: no event is ever \"ConversionEvnt\"; did you mean ConversionEvent?",
     NULL},
    {"what is sent from what",
     {.map = "{page.url: page.referrer}"},
     0,
     "\ntiktok (tiktok) is sent:\n  event_source_id <- {value: C1}\n  event <- event\n",
     "  user.ttclid <- [page.referrer?ttclid, user.ttclid]\n"},
    {"what a default finds nothing for",
     {.extra = "event: {type: event_type}", .is_other_reader = true},
     0,
     "  not sent, since the schema has none: user.email, user.phone, ",
     ":4:3: warning: no event is sent with any identifier"},
    {"a misspelled event in a route",
     {.map = "{}\n    events: {Order Placed: Purchase}",
      .match = "{event: [Order Placd, Purchase]}"},
     0,
     ":14:21: warning: event \"Order Placd\" is named nowhere else; did you mean Order Placed?",
     ", 1 warning\n"},
    {"a misspelled name of TikTok's",
     {.match = "{event: Purchse}"},
     0,
     "warning: event \"Purchse\" is named nowhere else; did you mean Purchase?",
     NULL},
    {"a warning is no error",
     {.token = "plain"},
     0,
     ":8:19: warning: access_token stands in the file as plain text",
     "1 warning\n"},
};

static void check_tells_people(void **state)
{
    const char *const words[] = {"check", "-c", file};
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < COUNT_OF(offline_cases); i++) {
        int code;

        write_config(&offline_cases[i].world);
        code = run(&check_command, words, COUNT_OF(words), &out);
        if (code != offline_cases[i].want ||
            strstr(buf_text(&out), offline_cases[i].part) == NULL ||
            (offline_cases[i].other != NULL &&
             strstr(buf_text(&out), offline_cases[i].other) == NULL)) {
            fail_msg("%s: exit %d, %s", offline_cases[i].name, code, buf_text(&out));
        }
    }
    buf_fini(&out);
}

static void check_tells_machines(void **state)
{
    const char *const words[] = {"check", "--json", "-c", file};
    struct world world = {.extra = "worker: 3", .token = "plain"};
    json_t *document;
    const json_t *first;
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    write_config(&world);
    assert_int_equal(run(&check_command, words, COUNT_OF(words), &out), 1);
    document = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_true(json_is_false(json_object_get(document, "ok")));
    assert_int_equal(json_array_size(json_object_get(document, "errors")), 1);
    assert_int_equal(json_array_size(json_object_get(document, "warnings")), 1);
    first = json_array_get(json_object_get(document, "destinations"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "tiktok");
    assert_string_equal(json_string_value(json_object_get(first, "type")), "tiktok");
    first = json_array_get(json_object_get(first, "fields"), 4);
    assert_string_equal(json_string_value(json_object_get(first, "field")), "user.email");
    assert_string_equal(json_string_value(json_object_get(first, "from")), "user.email");
    first = json_array_get(json_object_get(document, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "file")), file);
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 17);
    assert_int_equal(json_integer_value(json_object_get(first, "column")), 1);
    assert_non_null(strstr(json_string_value(json_object_get(first, "message")), "worker"));
    json_decref(document);
    buf_fini(&out);
}

/* What secrets there are in all of a configuration; none of them is there. */
static const char everything_secret[] =
    "kafka:\n"
    "  brokers: 127.0.0.1:1\n"
    "  group: g\n"
    "  topics: [conversions]\n"
    "  properties:\n"
    "    security.protocol: SASL_SSL\n"
    "    sasl.mechanism: PLAIN\n"
    "    sasl.username: {env: DETOUR_TEST_ABSENT}\n"
    "    sasl.password: {file: /nonexistent/kafka}\n"
    "    ssl.key.location: /nonexistent/kafka.key\n"
    "    ssl.certificate.location: /nonexistent/kafka.pem\n"
    "    ssl.key.password: {env: DETOUR_TEST_EMPTY}\n"
    "schemas:\n"
    "  directory: \"%s\"\n"
    "  registry: {url: \"https://registry\", username: {env: DETOUR_TEST_ABSENT}, password: {file: "
    "/nonexistent/sr}}\n"
    "  reader: com.example.ConversionEvent\n"
    "destinations:\n"
    "  tiktok: {type: tiktok, event_source_id: C1, access_token: {file: /nonexistent/token}}\n"
    "  web:\n"
    "    type: http\n"
    "    url: https://collector.example/\n"
    "    headers: {Authorization: {env: DETOUR_TEST_ABSENT}, X-Api-Key: {file: /nonexistent/key}}\n"
    "    auth: {hmac: {secret: {file: /nonexistent/hmac}, header: X-S, timestamp_header: X-T}}\n"
    "    tls: {certificate: /nonexistent/client.pem, key: /nonexistent/client.key}\n"
    "  basic:\n"
    "    type: http\n"
    "    url: https://collector.example/\n"
    "    auth: {basic: {username: {env: DETOUR_TEST_ABSENT}, password: {file: /nonexistent/p}}}\n"
    "  bearer:\n"
    "    type: http\n"
    "    url: https://collector.example/\n"
    "    auth: {bearer: {file: /nonexistent/b}}\n"
    "  dead: {type: kafka, topic: conversions.dead}\n"
    "routes:\n"
    "  - {name: all, match: {}, legs: [[tiktok], [web, basic, bearer]]}\n"
    "dead_letter: dead\n"
    "admin: {listen: 127.0.0.1:0, token: {file: /nonexistent/admin}}\n"
    "alerts:\n"
    "  - {webhook: {env: DETOUR_TEST_ABSENT}, on: [gap]}\n"
    "%s";

static const struct {
    const char *name;
    const char *extra;
    int want;
    const char *part;
} secretless_cases[] = {
    {"none is there", "", 0, ": ok, 1 route, 5 destinations"},
    {"a misspelled key is one all the same", "worker: 1\n", 1, "unknown key \"worker\""},
    {"a reference that is none", "ledger: off\nshutdown: {drain: {env: X}}\n", 1, "shutdown"},
};

static void secrets_need_not_be_there(void **state)
{
    const char *const words[] = {"check", "--no-secrets", "-c", file};
    const char *const plain[] = {"check", "-c", file};
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    setenv("DETOUR_TEST_EMPTY", "", 1);
    for (size_t i = 0; i < COUNT_OF(secretless_cases); i++) {
        FILE *to = fopen(file, "wb");
        int code;

        assert_non_null(to);
        fprintf(to, everything_secret, schemas, secretless_cases[i].extra);
        assert_int_equal(fclose(to), 0);
        code = run(&check_command, words, COUNT_OF(words), &out);
        if (code != secretless_cases[i].want ||
            strstr(buf_text(&out), secretless_cases[i].part) == NULL) {
            fail_msg("%s: exit %d, %s", secretless_cases[i].name, code, buf_text(&out));
        }
        assert_int_equal(run(&check_command, plain, COUNT_OF(plain), &out), 1);
        assert_non_null(strstr(buf_text(&out), "access_token: secret file /nonexistent/token"));
        assert_non_null(strstr(buf_text(&out), "/nonexistent/client.key cannot be read"));
    }
    buf_fini(&out);
}

/* What is there is looked at as ever. */
static void a_secret_that_is_there_is_judged(void **state)
{
    const char *const words[] = {"check", "--no-secrets", "-c", file};
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    setenv("DETOUR_TEST_QUOTED", "\"hunter2secret\"", 1);
    write_config(&(struct world){.token = "{env: DETOUR_TEST_QUOTED}"});
    assert_int_equal(run(&check_command, words, COUNT_OF(words), &out), 1);
    assert_non_null(strstr(buf_text(&out),
                           ":8:19: access_token: the token in env DETOUR_TEST_QUOTED stands in "
                           "quotation marks: write the token alone"));
    assert_null(strstr(buf_text(&out), "hunter2secret"));
    buf_fini(&out);
}

static void strict_takes_warnings_for_errors(void **state)
{
    const char *const words[] = {"check", "--strict", "-c", file};
    const char *const json_words[] = {"check", "--strict", "--json", "-c", file};
    json_t *document;
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    write_config(&(struct world){.token = "plain"});
    assert_int_equal(run(&check_command, words, COUNT_OF(words), &out), 1);
    assert_non_null(strstr(buf_text(&out), ":8:19: access_token stands in the file as plain text"));
    assert_int_equal(run(&check_command, json_words, COUNT_OF(json_words), &out), 1);
    document = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_false(json_object_get(document, "ok")));
    assert_int_equal(json_array_size(json_object_get(document, "errors")), 1);
    json_decref(document);
    write_config(&(struct world){.map = NULL});
    assert_int_equal(run(&check_command, words, COUNT_OF(words), &out), 0);
    buf_fini(&out);
}

static const struct {
    const char *name;
    const char *words[5];
    int want;
} usage_cases[] = {
    {"help", {"check", "--help"}, 0},
    {"no file", {"check"}, 2},
    {"secrets to ask with and none", {"check", "-c", "x", "--online", "--no-secrets"}, 2},
    {"an unknown option", {"check", "-c", "x", "--onlin"}, 2},
    {"too many words", {"check", "-c", "x", "y"}, 2},
    {"a file that is not there", {"check", "-c", "/nonexistent/detour.yaml"}, 2},
    {"a folder", {"check", "-c", "/tmp"}, 2},
    {"the same for machines", {"check", "--json", "-c", "/nonexistent/detour.yaml"}, 2},
};

static void usage_has_its_exit_codes(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < COUNT_OF(usage_cases); i++) {
        size_t count = 0;
        int code;

        while (count < COUNT_OF(usage_cases[i].words) && usage_cases[i].words[count] != NULL) {
            count++;
        }
        for (unsigned k = 0; k < 2; k++) { /* topics has the same options but --online */
            code =
                run(k == 0 ? &check_command : &topics_command, usage_cases[i].words, count, &out);
            if (code != usage_cases[i].want) {
                fail_msg("%s (%u): exit %d", usage_cases[i].name, k, code);
            }
        }
    }
    buf_fini(&out);
}

/* An Events API that gives one answer to everything. */
struct fake {
    int listener;
    const char *answer;
    char url[64];
    char seen[4096]; /* of the last request */
    pthread_t thread;
};

static void *serve(void *context)
{
    struct fake *fake = context;
    int fd;

    while ((fd = accept(fake->listener, NULL, NULL)) >= 0) {
        size_t len = 0;
        ssize_t got;

        memset(fake->seen, 0, sizeof(fake->seen));
        while (strstr(fake->seen, "]}") == NULL && len + 1 < sizeof(fake->seen) &&
               (got = recv(fd, fake->seen + len, sizeof(fake->seen) - 1 - len, 0)) > 0) {
            len += (size_t)got;
        }
        (void)send(fd, fake->answer, strlen(fake->answer), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void fake_start(struct fake *fake, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);

    *fake = (struct fake){.answer = answer};
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fake->listener, 8), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &bytes), 0);
    (void)snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

static void fake_stop(struct fake *fake)
{
    shutdown(fake->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    close(fake->listener);
}

#define ANSWER(body)                                                                               \
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n" body

static const struct {
    const char *name;
    const char *answer;
    bool has_dead_letter; /* the topic is there */
    int want;
    const char *part;
} online_cases[] = {
    {"all is right",
     ANSWER("{\"code\": 40002, \"message\": \"data: Length must be between 1 and 1000.\"}"), true,
     0, "credential of tiktok: accepted"},
    {"what the principal may do is asked", ANSWER("{\"code\": 40002, \"message\": \"x\"}"), true, 0,
     "permission Read on group g: granted\npermission IdempotentWrite on cluster: granted\n"
     "permission Read on topic conversions: granted\n"},
    {"a token that is refused",
     ANSWER("{\"code\": 40105, \"message\": \"Access token is incorrect or has been revoked.\"}"),
     true, 1, "credential refused with code 40105"},
    {"not the Events API", ANSWER("<html>Hello</html>"), true, 1,
     "answered HTTP 200 without a code"},
    {"a missing topic", ANSWER("{\"code\": 40002, \"message\": \"x\"}"), false, 1,
     "topic conversions.dead does not exist: make it with detour topics --create"},
};

static void the_world_is_asked(void **state)
{
    const char *const words[] = {"check", "--online", "-c", file};
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < COUNT_OF(online_cases); i++) {
        struct mock_config mock;
        struct fake fake;
        int code;

        mock_open(&mock, "conversions", 2);
        if (online_cases[i].has_dead_letter) {
            mock_tell(MOCK_TOPIC, "conversions.dead", 2, 0, 0);
        }
        fake_start(&fake, online_cases[i].answer);
        write_config(&(struct world){.brokers = mock.brokers, .tiktok = fake.url});
        code = run(&check_command, words, COUNT_OF(words), &out);
        fake_stop(&fake);
        if (code != online_cases[i].want || strstr(buf_text(&out), online_cases[i].part) == NULL) {
            fail_msg("%s: exit %d, %s", online_cases[i].name, code, buf_text(&out));
        }
        assert_null(strstr(buf_text(&out), "hunter2secret"));
        assert_non_null(strstr(fake.seen, "Access-Token: hunter2secret\r\n"));
        assert_non_null(strstr(fake.seen, "POST /open_api/v1.3/event/track/ HTTP/1.1"));
        assert_non_null(strstr(fake.seen, "\"data\":[]}"));
        mock_close();
    }
    buf_fini(&out);
}

static void what_does_not_answer_is_exit_3(void **state)
{
    const char *const words[] = {"check", "--online", "--json", "-c", file};
    struct world world = {.tiktok = "http://127.0.0.1:1"};
    struct mock_config mock;
    json_t *document;
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    mock_open(&mock, "conversions", 2);
    mock_tell(MOCK_TOPIC, "conversions.dead", 2, 0, 0);
    world.brokers = mock.brokers;
    write_config(&world);
    assert_int_equal(run(&check_command, words, COUNT_OF(words), &out), 3);
    document = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_int_equal(json_array_size(json_object_get(document, "topics")), 2);
    assert_true(json_is_false(
        json_object_get(json_array_get(json_object_get(document, "credentials"), 0), "ok")));
    json_decref(document);
    mock_close();
    buf_fini(&out);
}

static void topics_are_told(void **state)
{
    const char *const words[] = {"topics", "-c", file};
    const char *const json_words[] = {"topics", "--json", "-c", file};
    struct world world = {0};
    struct mock_config mock;
    json_t *document;
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    mock_open(&mock, "conversions", 2);
    world.brokers = mock.brokers;
    write_config(&world);
    assert_int_equal(run(&topics_command, words, COUNT_OF(words), &out), 1);
    assert_non_null(
        strstr(buf_text(&out), "conversions       source                2           ?          ?"));
    assert_non_null(strstr(buf_text(&out), "conversions.dead  dead letter     missing"));
    assert_non_null(strstr(buf_text(&out), "1 missing; make it with: detour topics -c "));
    assert_int_equal(run(&topics_command, json_words, COUNT_OF(json_words), &out), 1);
    document = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_true(json_is_false(json_object_get(document, "ok")));
    assert_int_equal(json_array_size(json_object_get(document, "topics")), 2);
    json_decref(document);

    mock_tell(MOCK_TOPIC, "conversions.dead", 2, 0, 0);
    assert_int_equal(run(&topics_command, words, COUNT_OF(words), &out), 0);
    write_config(&(struct world){.brokers = mock.brokers, .extra = "worker: 1"});
    assert_int_equal(run(&topics_command, words, COUNT_OF(words), &out), 2);
    mock_close();
    buf_fini(&out);
}

static void the_table_fits_80_columns(void **state)
{
    char remark[] = "max.message.bytes should be at least 1114112 (the source's and 64 KiB for "
                    "headers); retention.ms should be at least 1209600000 (14 days)";
    struct topic_need needs[] = {
        {.name = SPAN("a-topic-with-a-name-of-forty-six-characters-00"),
         .role = TOPIC_DEAD_LETTER,
         .exists = true,
         .is_authorised = true,
         .partitions = 100000,
         .max_message_bytes = INT32_MAX,
         .retention_ms = INT64_MAX,
         .remark = remark},
        {.name = SPAN("b"), .role = TOPIC_DESTINATION},
        {.name = SPAN("a-name-of-thirty-two-characters0"),
         .role = TOPIC_DEAD_LETTER,
         .exists = true,
         .partitions = 100000,
         .max_message_bytes = INT32_MAX,
         .retention_ms = 14 * 24 * 3600 * 1000ll},
    };
    struct topic_report report = {.needs = needs, .count = 3};
    char line[256];
    FILE *out = tmpfile();
    unsigned lines = 0;

    (void)state;
    assert_non_null(out);
    topics_print(out, &report);
    rewind(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        if (strcspn(line, "\n") > 80) {
            fail_msg("too long: %s", line);
        }
        lines++;
    }
    assert_int_equal(lines, 7);
    assert_int_equal(fclose(out), 0);
}

static void write_text(const char *name, const char *text)
{
    char *path = mem_format("%s/%s", directory, name);
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    free(path);
}

static void write_own_schemas(void)
{
    (void)snprintf(own_schemas, sizeof(own_schemas), "%s/own", directory);
    assert_int_equal(mkdir(own_schemas, 0700), 0);
    write_text("own/conversion_event.avsc", embedded_conversion_event_avsc);
    write_text("own/broken.avsc", "{\n  ]");
    write_text("test.yaml",
               "- name: never\n"
               "  event: {event: Purchase, timestamp: 1767225600000, user: {}, properties: {}}\n"
               "  expect: {routes: []}\n");
}

static int set_up(void **state)
{
    char working[400];

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_non_null(getcwd(working, sizeof(working)));
    (void)snprintf(schemas, sizeof(schemas), "%s/schemas", working);
    (void)snprintf(file, sizeof(file), "%s/detour.yaml", directory);
    write_own_schemas();
    setenv("DETOUR_TEST_TOKEN", "hunter2secret", 1);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"own/conversion_event.avsc", "own/broken.avsc", "test.yaml",
                                        "detour.yaml"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = mem_format("%s/%s", directory, names[i]);

        (void)unlink(path);
        free(path);
    }
    (void)rmdir(own_schemas);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_tells_people),
        cmocka_unit_test(check_tells_machines),
        cmocka_unit_test(secrets_need_not_be_there),
        cmocka_unit_test(a_secret_that_is_there_is_judged),
        cmocka_unit_test(strict_takes_warnings_for_errors),
        cmocka_unit_test(usage_has_its_exit_codes),
        cmocka_unit_test(the_world_is_asked),
        cmocka_unit_test(what_does_not_answer_is_exit_3),
        cmocka_unit_test(topics_are_told),
        cmocka_unit_test(the_table_fits_80_columns),
    };
    int code;

    mock_start();
    code = cmocka_run_group_tests(tests, set_up, tear_down);
    mock_stop();
    return code;
}
