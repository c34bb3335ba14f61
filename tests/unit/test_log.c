#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log_limit.h"
#include "base/mem.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

/* what was written to stderr meanwhile */

static int kept_fd = -1;
static char file_name[] = "/tmp/test_log.XXXXXX";

static void capture(void)
{
    char name[sizeof(file_name)];
    int fd;

    memcpy(name, file_name, sizeof(name));
    fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    kept_fd = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
}

static char *captured(void)
{
    char *text = mem_zero(TEXT_BYTES_MAX, 1);
    ssize_t got = pread(STDERR_FILENO, text, TEXT_BYTES_MAX - 1, 0);

    assert_true(dup2(kept_fd, STDERR_FILENO) == STDERR_FILENO);
    close(kept_fd);
    assert_true(got >= 0);
    return text;
}

static size_t count(const char *text, const char *what)
{
    size_t found = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

/* the table */

static void the_table_is_in_order_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < log_event_count; i++) {
        assert_int_equal(log_event_find(log_events[i].name), i);
        assert_true(i == 0 || strcmp(log_events[i - 1].name, log_events[i].name) < 0);
    }
    assert_int_equal(log_event_find("no.such"), LOG_EVENT_NONE);
}

/* the limit */

static bool take(struct log_limit *limit, const char *event, uint64_t hash, uint64_t now_ms,
                 struct log_unsaid *out)
{
    struct log_unsaid lost;

    return log_limit_take(limit, log_event_find(event), hash, now_ms, out, &lost);
}

static void alike_lines_are_counted(void **state)
{
    struct log_limit *limit = log_limit_new();
    struct log_unsaid unsaid;
    size_t written = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        written += take(limit, "source.gap", 1, 1000 + i, &unsaid);
    }
    assert_int_equal(written, LOG_ALIKE_BURST);
    assert_true(take(limit, "source.gap", 2, 2001, &unsaid)); /* another one is not held back */
    assert_int_equal(unsaid.alike, 0);
    assert_true(take(limit, "source.gap", 1, 1000 + LOG_ALIKE_EACH_MS, &unsaid));
    assert_int_equal(unsaid.alike, 1000 - LOG_ALIKE_BURST);
    assert_false(take(limit, "source.gap", 1, 1001 + LOG_ALIKE_EACH_MS, &unsaid));
    log_limit_free(limit);
}

static void lines_that_differ_are_bounded_and_counted(void **state)
{
    enum { LINES = 100000 };
    struct log_limit *limit = log_limit_new();
    struct log_unsaid unsaid;
    uint64_t written = 0;
    uint64_t told = 0;
    uint64_t now_ms = 1;

    (void)state;
    for (uint64_t i = 0; i < LINES; i++) {
        if (take(limit, "schema.unknown", i * 77, now_ms, &unsaid)) {
            written++;
            told += unsaid.alike + unsaid.other;
        }
        now_ms += i % 10 == 0 ? 1 : 0;
    }
    assert_in_range(written, LOG_EVENT_BURST, LOG_EVENT_BURST + 11);
    assert_true(take(limit, "source.gap", 1, now_ms, &unsaid)); /* other events go on */
    while (log_limit_due(limit, now_ms, true, &unsaid)) {
        told += unsaid.alike + unsaid.other;
    }
    assert_int_equal(written + told, LINES);
    log_limit_free(limit);
}

static void a_count_that_gives_way_is_told(void **state)
{
    enum { LINES = 20000, EACH = 6 };
    struct log_limit *limit = log_limit_new();
    uint64_t lost_count = 0;
    uint64_t written = 0;
    struct log_unsaid unsaid;
    struct log_unsaid lost;

    (void)state;
    for (uint64_t i = 0; i < LINES; i++) {
        written += log_limit_take(limit, 3, i / EACH, i * 1000, &unsaid, &lost);
        lost_count += lost.alike + unsaid.alike + unsaid.other;
    }
    while (log_limit_due(limit, 0, true, &unsaid)) {
        lost_count += unsaid.alike + unsaid.other;
    }
    assert_int_equal(written + lost_count, LINES);
    log_limit_free(limit);
}

static void a_count_is_told_when_no_line_comes(void **state)
{
    struct log_limit *limit = log_limit_new();
    struct log_unsaid unsaid;

    (void)state;
    for (uint64_t i = 0; i < 10; i++) {
        (void)take(limit, "source.gap", 1, 500, &unsaid);
    }
    assert_false(log_limit_due(limit, 499 + LOG_UNSAID_MS, false, &unsaid));
    assert_true(log_limit_due(limit, 500 + LOG_UNSAID_MS, false, &unsaid));
    assert_int_equal(unsaid.alike, 10 - LOG_ALIKE_BURST);
    assert_string_equal(log_events[unsaid.event].name, "source.gap");
    assert_false(log_limit_due(limit, 500 + LOG_UNSAID_MS, true, &unsaid));
    log_limit_free(limit);
}

/* the lines */

static void repeated_lines_are_written_once_with_their_count(void **state)
{
    char *text;

    (void)state;
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    capture();
    for (int i = 0; i < 500; i++) {
        LOG_WARN("kafka.error", "worker=%u resource=%s times=%d error=%s", 1u, LOG_Q("a topic"), i,
                 LOG_Q("no leader"));
    }
    LOG_WARN("kafka.error", "worker=%u resource=%s times=1 error=%s", 1u, LOG_Q("another"),
             LOG_Q("no leader"));
    log_tick(false);
    log_tick(true);
    log_tick(true);
    text = captured();
    assert_int_equal(count(text, "resource=\"a topic\""), LOG_ALIKE_BURST);
    assert_int_equal(count(text, "resource=\"another\""), 1);
    assert_int_equal(count(text, "event=log.repeated of=kafka.error alike=495 other=0\n"), 1);
    assert_int_equal(count(text, "\n"), LOG_ALIKE_BURST + 2);
    free(text);
}

static void json_has_each_key_once(void **state)
{
    json_t *line;
    char *text;

    (void)state;
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    capture();
    LOG_INFO("health.transition", "destination=%s event=%s k=%d outage=%s", LOG_Q("tik\"tok"),
             LOG_Q("Order Completed"), 3, LOG_Q(""));
    text = captured();
    line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "health.transition");
    assert_string_equal(json_string_value(json_object_get(line, "event_type")), "Order Completed");
    assert_string_equal(json_string_value(json_object_get(line, "destination")), "tik\"tok");
    assert_int_equal(json_integer_value(json_object_get(line, "k")), 3);
    json_decref(line);
    free(text);
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
}

static void a_line_that_is_too_long_keeps_its_form(void **state)
{
    char big[2000];
    json_t *line;
    char *text;

    (void)state;
    memset(big, 1, sizeof(big) - 1); /* six bytes each when written */
    big[sizeof(big) - 1] = '\0';
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    capture();
    LOG_INFO("kafka.client", "client=%s facility=%s text=%s a=%s b=%s c=%s", LOG_Q(big), LOG_Q(big),
             LOG_Q(big), LOG_Q(big), LOG_Q(big), LOG_Q(big));
    text = captured();
    line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_true(json_is_true(json_object_get(line, "cut")));
    assert_non_null(json_object_get(line, "text"));
    assert_null(json_object_get(line, "c"));
    json_decref(line);
    free(text);
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
}

/* a stderr that takes nothing */

static void *write_many(void *context)
{
    (void)context;
    for (int i = 0; i < 500; i++) {
        LOG_INFO("no.such", "text=%s",
                 LOG_Q("a line that nobody reads, long enough to fill a pipe"));
    }
    return NULL;
}

/* A thread that blocks makes the test hang: alarm() ends it. */
static void a_full_pipe_blocks_nobody(void **state)
{
    uint64_t before = log_dropped();
    pthread_t threads[4];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    kept_fd = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    alarm(60);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, NULL), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    alarm(0);
    assert_true(dup2(kept_fd, STDERR_FILENO) == STDERR_FILENO);
    close(kept_fd);
    close(ends[0]);
    close(ends[1]);
    assert_true(log_dropped() > before);
}

static void a_full_disk_and_a_closed_stderr_are_counted(void **state)
{
    uint64_t before = log_dropped();
    int full = open("/dev/full", O_WRONLY);

    (void)state;
    kept_fd = dup(STDERR_FILENO);
    assert_true(full >= 0 && dup2(full, STDERR_FILENO) == STDERR_FILENO);
    LOG_INFO("no.such", "a=%d", 1);
    close(STDERR_FILENO);
    LOG_INFO("no.such", "a=%d", 2);
    assert_true(dup2(kept_fd, STDERR_FILENO) == STDERR_FILENO);
    close(kept_fd);
    close(full);
    assert_int_equal(log_dropped() - before, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_in_order_and_found),
        cmocka_unit_test(alike_lines_are_counted),
        cmocka_unit_test(lines_that_differ_are_bounded_and_counted),
        cmocka_unit_test(a_count_that_gives_way_is_told),
        cmocka_unit_test(a_count_is_told_when_no_line_comes),
        cmocka_unit_test(repeated_lines_are_written_once_with_their_count),
        cmocka_unit_test(json_has_each_key_once),
        cmocka_unit_test(a_line_that_is_too_long_keeps_its_form),
        cmocka_unit_test(a_full_pipe_blocks_nobody),
        cmocka_unit_test(a_full_disk_and_a_closed_stderr_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
