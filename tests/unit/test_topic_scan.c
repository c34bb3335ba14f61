/* A topic read to the end it had: all of it, a stretch, one that is followed, and what is not
 * there.
 */
#include "kafka/topic_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mock_broker.h"

enum { WAIT_MS = 20000 };

static const struct {
    const char *name;
    struct scan_range range;
    uint64_t want, total;
    int64_t first; /* offset, where one partition is read; -1: not looked at */
} reads[] = {
    {"all partitions", {-1, -1, -1, -1, false}, 30, 30, -1},
    {"one partition", {-1, 0, -1, -1, false}, 20, 20, 0},
    {"one record", {-1, 0, 7, 8, false}, 1, 1, 7},
    {"from an offset on", {-1, 0, 15, -1, false}, 5, 5, 15},
    {"a stretch that begins before what is there", {-1, 1, 0, 4, false}, 4, 4, 0},
    {"beyond the end", {-1, 0, 20, 21, false}, 0, 0, -1},
    {"an empty partition", {-1, 2, -1, -1, false}, 0, 0, -1},
    {"by time, from a broker that does not search by time", {1, -1, -1, -1, false}, 30, 30, -1},
};

static uint64_t read_all(struct topic_scan *scan, int64_t *first)
{
    uint64_t until_ms = clock_mono_ms() + WAIT_MS;
    uint64_t count = 0;
    rd_kafka_message_t *message;
    struct err err;
    enum scan_step step;

    *first = -1;
    while ((step = topic_scan_next(scan, &message, &err)) != SCAN_END) {
        assert_true(step != SCAN_FAILED && clock_mono_ms() < until_ms);
        if (step == SCAN_RECORD) {
            *first = count == 0 ? message->offset : *first;
            count++;
            rd_kafka_message_destroy(message);
        }
    }
    return count;
}

static void a_stretch_is_read_to_its_end(void **state)
{
    struct mock_config mock;

    (void)state;
    mock_open(&mock, "dead", 3);
    mock_seed(&mock, "dead", 0, 0, 20, 100);
    mock_seed(&mock, "dead", 1, 20, 10, 100);
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        struct topic_scan *scan = NULL;
        struct err err = {0};
        int64_t first;
        uint64_t count;

        if (topic_scan_open(&mock.config, "dead", &reads[i].range, &scan, &err) != ERR_OK) {
            fail_msg("%s: %s", reads[i].name, err.text);
        }
        count = read_all(scan, &first);
        if (count != reads[i].want || topic_scan_total(scan) != reads[i].total ||
            topic_scan_done(scan) != reads[i].total ||
            (reads[i].first >= 0 && first != reads[i].first)) {
            fail_msg("%s: %llu records, %llu of %llu", reads[i].name, (unsigned long long)count,
                     (unsigned long long)topic_scan_done(scan),
                     (unsigned long long)topic_scan_total(scan));
        }
        topic_scan_close(scan);
    }
    mock_close();
}

static void what_comes_later_is_not_read(void **state)
{
    struct mock_config mock;
    struct topic_scan *scan = NULL;
    struct err err = {0};
    int64_t first;

    (void)state;
    mock_open(&mock, "dead", 1);
    mock_seed(&mock, "dead", 0, 0, 5, 100);
    assert_int_equal(topic_scan_open(&mock.config, "dead", &SCAN_ALL, &scan, &err), ERR_OK);
    mock_seed(&mock, "dead", 0, 5, 5, 100);
    assert_int_equal(read_all(scan, &first), 5);
    topic_scan_close(scan);
    mock_close();
}

static void a_topic_is_followed(void **state)
{
    struct mock_config mock;
    struct topic_scan *scan = NULL;
    struct scan_range range = SCAN_ALL;
    rd_kafka_message_t *message = NULL;
    uint64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct err err = {0};

    (void)state;
    range.is_following = true;
    mock_open(&mock, "dead", 1);
    mock_seed(&mock, "dead", 0, 0, 5, 100);
    assert_int_equal(topic_scan_open(&mock.config, "dead", &range, &scan, &err), ERR_OK);
    assert_int_equal(topic_scan_next(scan, &message, &err), SCAN_WAIT);
    mock_seed(&mock, "dead", 0, 5, 1, 100);
    while (topic_scan_next(scan, &message, &err) == SCAN_WAIT) {
        assert_true(clock_mono_ms() < until_ms);
    }
    assert_int_equal(message->offset, 5);
    rd_kafka_message_destroy(message);
    topic_scan_close(scan);
    mock_close();
}

static void bounds_are_told(void **state)
{
    struct mock_config mock;
    struct topic_scan *scan = NULL;
    struct err err = {0};
    int64_t from = -1;
    int64_t to = -1;

    (void)state;
    mock_open(&mock, "dead", 2);
    mock_seed(&mock, "dead", 1, 0, 5, 100);
    assert_int_equal(topic_scan_open(&mock.config, "dead", &SCAN_ALL, &scan, &err), ERR_OK);
    assert_true(topic_scan_bounds(scan, 1, &from, &to) && from == 0 && to == 5);
    assert_false(topic_scan_bounds(scan, 2, &from, &to));
    topic_scan_close(scan);
    mock_close();
}

static void what_is_not_there_is_named(void **state)
{
    struct mock_config mock;
    struct topic_scan *scan = NULL;
    struct scan_range range = SCAN_ALL;
    struct err err = {0};

    (void)state;
    mock_open(&mock, "dead", 2);
    range.partition = 2;
    assert_int_equal(topic_scan_open(&mock.config, "dead", &range, &scan, &err), ERR_ABSENT);
    assert_string_equal(err.text, "topic dead has no partition 2: it has 0 to 1");
    mock_tell(MOCK_TOPIC_ERROR, "gone", 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
    assert_int_equal(topic_scan_open(&mock.config, "gone", &SCAN_ALL, &scan, &err), ERR_ABSENT);
    assert_string_equal(err.text, "there is no topic gone");
    mock_tell(MOCK_TOPIC_ERROR, "dead", 0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    assert_int_equal(topic_scan_open(&mock.config, "dead", &SCAN_ALL, &scan, &err), ERR_STATE);
    assert_string_equal(err.text, "topic dead must not be read (the right to Read is missing)");
    mock_close();
}

static void a_broker_that_is_away_is_an_answer(void **state)
{
    struct mock_config mock;
    struct topic_scan *scan = NULL;
    struct err err = {0};

    (void)state;
    mock_open(&mock, "dead", 1);
    mock_tell(MOCK_DOWN, NULL, 0, 0, 0);
    assert_int_equal(topic_scan_open(&mock.config, "dead", &SCAN_ALL, &scan, &err), ERR_NET);
    assert_non_null(strstr(err.text, "Kafka does not answer within 10 s"));
    mock_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretch_is_read_to_its_end),
        cmocka_unit_test(what_comes_later_is_not_read),
        cmocka_unit_test(a_topic_is_followed),
        cmocka_unit_test(bounds_are_told),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(a_broker_that_is_away_is_an_answer),
    };
    int failed;

    mock_start();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    mock_stop();
    return failed;
}
