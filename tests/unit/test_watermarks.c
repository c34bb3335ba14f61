/* First and last offsets, of leaders that live, die and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/clock.h"
#include "kafka/watermarks.h"

enum { WAIT_MS = 500, LATE_MS = 3000, UP_MS = 20000 };

static rd_kafka_t *client(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    if (brokers != NULL) {
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
        rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "100", why, sizeof(why));
    }
    rk = rd_kafka_new(brokers == NULL ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why,
                      sizeof(why));
    assert_non_null(rk);
    return rk;
}

static void a_leader_that_died_is_waited_for_no_longer_than_asked(void **state)
{
    rd_kafka_t *host = client(NULL);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 2);
    rd_kafka_t *rk = client(rd_kafka_mock_cluster_bootstraps(cluster));
    int64_t low = -1;
    int64_t high = -1;
    uint64_t began_ms;

    (void)state;
    rd_kafka_mock_topic_create(cluster, "in", 1, 1);
    rd_kafka_mock_partition_set_leader(cluster, "in", 0, 2);
    assert_int_equal(watermarks_ask(rk, "in", 0, &low, &high, UP_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(low == 0 && high == 0);

    rd_kafka_mock_broker_set_down(cluster, 2);
    low = high = -7;
    for (int i = 0; i < 3; i++) {
        began_ms = clock_mono_ms();
        assert_int_not_equal(watermarks_ask(rk, "in", 0, &low, &high, WAIT_MS),
                             RD_KAFKA_RESP_ERR_NO_ERROR);
        assert_int_not_equal(watermarks_end(rk, "in", 0, &high, WAIT_MS),
                             RD_KAFKA_RESP_ERR_NO_ERROR);
        assert_true(clock_mono_ms() - began_ms < LATE_MS);
    }
    assert_true(low == -7 && high == -7);

    rd_kafka_mock_broker_set_up(cluster, 2);
    began_ms = clock_mono_ms();
    while (watermarks_end(rk, "in", 0, &high, WAIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        assert_true(clock_mono_ms() - began_ms < UP_MS);
    }
    assert_true(high == 0);
    assert_int_not_equal(watermarks_end(rk, "in", 7, &high, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_that_died_is_waited_for_no_longer_than_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
