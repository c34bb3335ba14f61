/* producer on librdkafka's mock cluster: settled by report, whatever goes wrong before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <poll.h>

#include "base/clock.h"
#include "kafka/producer.h"
#include "mock_broker.h"

enum { REQUESTS_MAX = 400, PATIENCE_MS = 30000 };

/* What came back for one request. */
struct sent {
    struct produce_request request;
    int done;
    enum produce_result result;
    int stuck;   /* told so */
    int unstuck; /* told it is over */
    int is_stuck_at_done;
    struct producer *producer;     /* to send another from the callback */
    struct produce_request *after; /* that one */
};

static struct mock_config mock;
static struct sent records[REQUESTS_MAX];

static void on_done(struct produce_request *request, enum produce_result result)
{
    struct sent *sent = request->context;

    sent->done++;
    sent->result = result;
    sent->is_stuck_at_done = sent->stuck != sent->unstuck;
    if (sent->after != NULL) {
        producer_send(sent->producer, sent->after);
        sent->after = NULL;
    }
}

static void on_stuck(struct produce_request *request, bool is_stuck, const char *why)
{
    struct sent *sent = request->context;

    assert_true(!is_stuck || why != NULL);
    sent->stuck += is_stuck ? 1 : 0;
    sent->unstuck += is_stuck ? 0 : 1;
}

static struct produce_request *make_request(size_t index, const char *topic, struct span key,
                                            struct span value)
{
    struct sent *sent = &records[index];

    memset(sent, 0, sizeof(*sent));
    sent->request = (struct produce_request){.topic = topic,
                                             .key = key,
                                             .value = value,
                                             .timestamp_ms = 1773223200000 + (int64_t)index,
                                             .done = on_done,
                                             .stuck = on_stuck,
                                             .context = sent};
    return &sent->request;
}

static struct producer *open_producer(void)
{
    struct producer *producer = NULL;
    struct err err = {0};

    if (producer_open(&mock.config, 3, &producer, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return producer;
}

/* Turn once, waiting as a worker does: for the descriptor or for what is due. */
static void turn(struct producer *producer)
{
    struct pollfd ready = {.fd = producer_fd(producer), .events = POLLIN};
    uint64_t wait_ms = producer_turn(producer, clock_mono_ms());

    poll(&ready, 1, (int)MIN_OF(wait_ms, (uint64_t)1000));
}

static void turn_until_done(struct producer *producer, size_t from, size_t to)
{
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;

    for (size_t i = from; i < to; i++) {
        while (records[i].done == 0) {
            if (clock_mono_ms() > until_ms) {
                fail_msg("request %zu is not done", i);
            }
            turn(producer);
        }
    }
}

static void check_results(size_t from, size_t to, enum produce_result want)
{
    for (size_t i = from; i < to; i++) {
        if (records[i].done != 1 || records[i].result != want || records[i].is_stuck_at_done) {
            fail_msg("request %zu: done %d times, result %d, stuck at the end %d", i,
                     records[i].done, (int)records[i].result, records[i].is_stuck_at_done);
        }
    }
}

/* Messages of one partition of "out", at most @max, from the beginning. */
static size_t read_back(int partition, rd_kafka_message_t **out, size_t max)
{
    rd_kafka_t *rk = mock_client(&mock, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    int64_t low;
    int64_t high = 0;
    size_t count = 0;

    rd_kafka_query_watermark_offsets(rk, "out", partition, &low, &high, 10000);
    rd_kafka_topic_partition_list_add(list, "out", partition)->offset = 0;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    while (count < max && (int64_t)count < high && clock_mono_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);

        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_t *headers = NULL;
            rd_kafka_message_t *copy = calloc(1, sizeof(*copy));

            *copy = *message;
            copy->payload =
                message->payload == NULL ? NULL : strndup(message->payload, message->len);
            copy->key = message->key == NULL ? NULL : strndup(message->key, message->key_len);
            copy->offset = rd_kafka_message_timestamp(message, NULL);
            copy->_private = rd_kafka_message_headers(message, &headers) == 0
                                 ? rd_kafka_headers_copy(headers)
                                 : NULL;
            out[count++] = copy;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return count;
}

static void free_copies(rd_kafka_message_t **messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(messages[i]->payload);
        free(messages[i]->key);
        if (messages[i]->_private != NULL) {
            rd_kafka_headers_destroy(messages[i]->_private);
        }
        free(messages[i]);
    }
}

static int open_mock(void **state)
{
    (void)state;
    mock_open(&mock, "out", 1);
    return 0;
}

static int close_mock(void **state)
{
    (void)state;
    mock_close();
    return 0;
}

static void a_record_arrives_as_it_was(void **state)
{
    struct producer *producer = open_producer();
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    rd_kafka_message_t *got[3];
    const void *value;
    size_t len;

    (void)state;
    rd_kafka_header_add(headers, "trace", -1, "t-1", -1);
    make_request(0, "out", SPAN("k"), SPAN("v"))->headers = headers;
    producer_send(producer, &records[0].request);
    producer_send(producer, make_request(1, "out", SPAN_NONE, SPAN("no key")));
    producer_send(producer, make_request(2, "out", SPAN("tombstone"), SPAN_NONE));
    assert_int_equal(producer_waiting(producer), 3);
    turn_until_done(producer, 0, 3);
    check_results(0, 3, PRODUCE_ACKNOWLEDGED);
    assert_int_equal(producer_waiting(producer), 0);
    producer_close(producer);

    assert_int_equal(read_back(0, got, 3), 3);
    assert_true(span_is((struct span){got[0]->payload, got[0]->len}, "v"));
    assert_true(span_is((struct span){got[0]->key, got[0]->key_len}, "k"));
    assert_int_equal(got[0]->offset, 1773223200000);
    assert_int_equal(rd_kafka_header_get_last(got[0]->_private, "trace", &value, &len), 0);
    assert_true(span_is((struct span){value, len}, "t-1"));
    assert_null(got[1]->key);
    assert_null(got[2]->payload);
    free_copies(got, 3);
    rd_kafka_headers_destroy(headers); /* still the request's, for producing again */
}

/* murmur2 as the Java client computes it. */
static const struct {
    const char *key;
    uint32_t hash;
} partition_cases[] = {
    {"21", (uint32_t)-973932308},
    {"foobar", (uint32_t)-790332482},
    {"a-little-bit-long-string", (uint32_t)-985981536},
    {"a-little-bit-longer-string", (uint32_t)-1486304829},
    {"abc", 479470107},
};

static void keys_land_where_java_puts_them(void **state)
{
    struct producer *producer;

    (void)state;
    mock_tell(MOCK_TOPIC, "spread", 7, 0, 0);
    producer = open_producer();
    for (size_t i = 0; i < COUNT_OF(partition_cases); i++) {
        struct span key = span_of(partition_cases[i].key);

        producer_send(producer, make_request(i, "spread", key, key));
    }
    turn_until_done(producer, 0, COUNT_OF(partition_cases));
    producer_close(producer);
    for (size_t i = 0; i < COUNT_OF(partition_cases); i++) {
        int want[7] = {0};
        rd_kafka_t *rk = mock_client(&mock, RD_KAFKA_CONSUMER);
        int64_t low;
        int64_t high = 0;
        int partition = (int)((partition_cases[i].hash & 0x7fffffff) % 7);

        for (size_t k = 0; k < COUNT_OF(partition_cases); k++) {
            want[(partition_cases[k].hash & 0x7fffffff) % 7]++;
        }
        rd_kafka_query_watermark_offsets(rk, "spread", partition, &low, &high, 10000);
        rd_kafka_destroy(rk);
        if (high != want[partition]) {
            fail_msg("%s: partition %d holds %lld records", partition_cases[i].key, partition,
                     (long long)high);
        }
    }
}

static void a_callback_may_send(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    make_request(1, "out", SPAN("b"), SPAN("2"));
    make_request(0, "out", SPAN("a"), SPAN("1"));
    records[0].producer = producer;
    records[0].after = &records[1].request;
    producer_send(producer, &records[0].request);
    turn_until_done(producer, 0, 2);
    check_results(0, 2, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void an_unknown_topic_is_retried_until_it_exists(void **state)
{
    struct producer *producer;
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;

    (void)state;
    mock_tell(MOCK_TOPIC, "later", 1, 0, 0);
    mock_tell(MOCK_TOPIC_ERROR, "later", 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
    producer = open_producer();
    producer_send(producer, make_request(0, "later", SPAN("a"), SPAN("1")));
    while (records[0].stuck == 0 && clock_mono_ms() < until_ms) {
        turn(producer);
    }
    assert_int_equal(records[0].stuck, 1);
    assert_int_equal(records[0].done, 0);
    mock_tell(MOCK_TOPIC_ERROR, "later", 0, RD_KAFKA_RESP_ERR_NO_ERROR, 0);
    turn_until_done(producer, 0, 1);
    check_results(0, 1, PRODUCE_ACKNOWLEDGED);
    assert_int_equal(records[0].unstuck, 1);
    producer_close(producer);
}

static const struct {
    const char *name;
    int error;
    int times;
    bool is_stuck; /* the library gives up on it and we go on */
} error_cases[] = {
    {"leader moved", RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, false},
    {"not enough replicas", RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2, false},
    {"connection lost", RD_KAFKA_RESP_ERR__TRANSPORT, 2, false},
    {"not allowed", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, true},
    {"a batch refused for some record", RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1, false},
};

static void errors_of_a_time_are_retried(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_cases); i++) {
        struct producer *producer = open_producer();

        mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, error_cases[i].error, error_cases[i].times);
        producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
        turn_until_done(producer, 0, 1);
        check_results(0, 1, PRODUCE_ACKNOWLEDGED);
        if ((records[0].stuck > 0) != error_cases[i].is_stuck) {
            fail_msg("%s: stuck %d times", error_cases[i].name, records[0].stuck);
        }
        producer_close(producer);
    }
}

static void one_record_is_too_large_for_the_broker(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
    turn_until_done(producer, 0, 1);
    check_results(0, 1, PRODUCE_TOO_LARGE);
    producer_close(producer);
}

static const struct {
    const char *name;
    int error;
    enum produce_result want;
} refusal_cases[] = {
    {"timestamp", RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, PRODUCE_REFUSED},
    {"no key on a compacted topic", RD_KAFKA_RESP_ERR_INVALID_RECORD, PRODUCE_REFUSED},
    {"a policy", RD_KAFKA_RESP_ERR_POLICY_VIOLATION, PRODUCE_REFUSED},
    {"larger than a segment", RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, PRODUCE_TOO_LARGE},
};

/* Refused in a batch it is tried alone; refused alone it is told, and why. */
static void a_refusal_of_the_record_itself_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusal_cases); i++) {
        struct producer *producer = open_producer();

        mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, refusal_cases[i].error, 2);
        producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
        turn_until_done(producer, 0, 1);
        check_results(0, 1, refusal_cases[i].want);
        assert_int_equal(records[0].request.error, refusal_cases[i].error);
        assert_int_equal(records[0].stuck, 0);
        mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, refusal_cases[i].error, 1);
        make_request(1, "out", SPAN("a"), SPAN("1"))->is_alone = true; /* no search first */
        producer_send(producer, &records[1].request);
        turn_until_done(producer, 1, 2);
        check_results(1, 2, refusal_cases[i].want);
        producer_close(producer);
    }
}

/* The batch, its group of 100 and the halves of it: all that the broker takes in the end is
 * written. */
static void one_refused_record_condemns_no_other(void **state)
{
    struct producer *producer = open_producer();
    rd_kafka_message_t *got[101];

    (void)state;
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, 4);
    for (size_t i = 0; i < 100; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    turn_until_done(producer, 0, 100);
    check_results(0, 100, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
    assert_int_equal(read_back(0, got, 101), 100);
    free_copies(got, 100);
}

/* What is searched for in one topic stops no other. */
static void a_search_holds_up_its_own_topic_only(void **state)
{
    struct producer *producer;

    (void)state;
    mock_tell(MOCK_TOPIC, "other", 1, 0, 0);
    mock_tell(MOCK_TOPIC, "dark", 1, 0, 0);
    mock_tell(MOCK_TOPIC_ERROR, "dark", 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
    producer = open_producer();
    producer_send(producer, make_request(0, "dark", SPAN("a"), SPAN("1")));
    turn(producer);
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, 2);
    for (size_t i = 1; i < 21; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    for (size_t i = 21; i < 31; i++) {
        producer_send(producer, make_request(i, "other", SPAN("a"), SPAN("1")));
    }
    turn_until_done(producer, 1, 31);
    check_results(1, 31, PRODUCE_ACKNOWLEDGED);
    assert_int_equal(records[0].done, 0);
    producer_close(producer);
}

static void what_must_go_waits_for_a_larger_limit(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 3);
    make_request(0, "out", SPAN("a"), SPAN("1"))->must_go = true;
    producer_send(producer, &records[0].request);
    turn_until_done(producer, 0, 1);
    check_results(0, 1, PRODUCE_ACKNOWLEDGED);
    assert_int_equal(records[0].stuck, 1);
    producer_close(producer);
}

static void a_batch_too_large_condemns_none_of_its_records(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    for (size_t i = 0; i < 20; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    turn_until_done(producer, 0, 20);
    check_results(0, 20, PRODUCE_ACKNOWLEDGED);
    producer_send(producer,
                  make_request(20, "out", SPAN("a"), SPAN("1"))); /* smaller batches now */
    turn_until_done(producer, 20, 21);
    check_results(20, 21, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void the_client_refuses_what_its_queue_cannot_hold(void **state)
{
    static char large[3000];
    struct producer *producer;

    (void)state;
    memset(large, 'x', sizeof(large));
    mock_property(&mock, "queue.buffering.max.kbytes", "2");
    producer = open_producer();
    producer_send(producer, make_request(0, "out", SPAN("a"), (struct span){large, 3000}));
    producer_send(producer, make_request(1, "out", SPAN("a"), SPAN("small")));
    turn_until_done(producer, 0, 2);
    check_results(0, 1, PRODUCE_TOO_LARGE);
    check_results(1, 2, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void the_client_refuses_what_is_past_its_own_limit(void **state)
{
    static char large[3000];
    struct producer *producer;

    (void)state;
    mock_property(&mock, "message.max.bytes", "2000");
    producer = open_producer();
    producer_send(producer, make_request(0, "out", SPAN("a"), (struct span){large, 3000}));
    turn_until_done(producer, 0, 1);
    check_results(0, 1, PRODUCE_TOO_LARGE);
    producer_close(producer);
}

/* A broker that is away: the library holds all of them, and none is on its way. */
static void what_was_never_sent_can_be_recalled(void **state)
{
    struct producer *producer = open_producer();
    rd_kafka_message_t *got[20];

    (void)state;
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("first")));
    turn_until_done(producer, 0, 1);
    assert_false(producer_is_unsent(&records[0].request));
    mock_tell(MOCK_DOWN, NULL, 0, 0, 0);
    for (size_t i = 1; i < 11; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("later")));
    }
    turn(producer);
    assert_false(producer_is_unsent(&records[1].request));
    producer_unsend(producer);
    for (size_t i = 1; i < 11; i++) {
        assert_true(producer_is_unsent(&records[i].request));
    }
    for (size_t i = 1; i < 6; i++) {
        producer_recall(producer, &records[i].request);
        assert_int_equal(records[i].stuck, records[i].unstuck);
    }
    assert_int_equal(producer_waiting(producer), 5);
    mock_tell(MOCK_UP, NULL, 0, 0, 0);
    turn_until_done(producer, 6, 11); /* by a new client */
    check_results(6, 11, PRODUCE_ACKNOWLEDGED);
    assert_int_equal(records[1].done + records[5].done, 0);
    producer_close(producer);
    assert_int_equal(read_back(0, got, 20), 6);
    free_copies(got, 6);
}

static void a_full_queue_is_back_pressure(void **state)
{
    struct producer *producer;
    bool was_full = false;

    (void)state;
    mock_property(&mock, "queue.buffering.max.messages", "10");
    producer = open_producer();
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    producer_turn(producer, clock_mono_ms());
    was_full = producer_is_full(producer);
    assert_true(was_full);
    turn_until_done(producer, 0, REQUESTS_MAX);
    check_results(0, REQUESTS_MAX, PRODUCE_ACKNOWLEDGED);
    producer_turn(producer, clock_mono_ms());
    assert_false(producer_is_full(producer));
    producer_close(producer);
}

static void a_fatal_error_makes_a_new_client(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    mock_tell(MOCK_FAIL, NULL, MOCK_INIT_PRODUCER_ID,
              RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1);
    for (size_t i = 0; i < 30; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    turn_until_done(producer, 0, 30);
    check_results(0, 30, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void a_fatal_error_on_the_way_produces_again(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
    turn_until_done(producer, 0, 1);
    mock_tell(MOCK_FAIL, NULL, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1);
    mock_tell(MOCK_FAIL, NULL, MOCK_INIT_PRODUCER_ID,
              RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1);
    for (size_t i = 1; i < 30; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    turn_until_done(producer, 1, 30);
    check_results(1, 30, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void a_silent_broker_is_told_and_survived(void **state)
{
    struct producer *producer = open_producer();
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;

    (void)state;
    mock_tell(MOCK_DOWN, NULL, 0, 0, 0);
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
    while (records[0].stuck == 0 && clock_mono_ms() < until_ms) {
        turn(producer);
    }
    assert_int_equal(records[0].stuck, 1);
    mock_tell(MOCK_UP, NULL, 0, 0, 0);
    turn_until_done(producer, 0, 1);
    check_results(0, 1, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void cancelling_gives_everything_back_once(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
    turn_until_done(producer, 0, 1);
    mock_tell(MOCK_DOWN, NULL, 0, 0, 0);
    for (size_t i = 1; i < 50; i++) {
        producer_send(producer, make_request(i, "out", SPAN("a"), SPAN("1")));
    }
    producer_turn(producer, clock_mono_ms());
    producer_send(producer, make_request(50, "out", SPAN("a"), SPAN("1"))); /* not even tried */
    producer_cancel(producer);
    check_results(1, 51, PRODUCE_CANCELLED);
    assert_int_equal(producer_waiting(producer), 0);
    mock_tell(MOCK_UP, NULL, 0, 0, 0);
    producer_send(producer, make_request(51, "out", SPAN("a"), SPAN("1"))); /* and it goes on */
    turn_until_done(producer, 51, 52);
    check_results(51, 52, PRODUCE_ACKNOWLEDGED);
    producer_close(producer);
}

static void closing_cancels_what_waits(void **state)
{
    struct producer *producer = open_producer();

    (void)state;
    producer_send(producer, make_request(0, "out", SPAN("a"), SPAN("1")));
    producer_close(producer);
    check_results(0, 1, PRODUCE_CANCELLED);
    producer_close(NULL);
}

static const struct {
    const char *name;
    const char *property;
    const char *value;
    const char *want;     /* in the error */
    const char *not_want; /* and this never */
} conf_cases[] = {
    {"unknown property", "sesion.timeout.ms", "6000", "test:1:1: librdkafka", "6000"},
    {"bad value", "linger.ms", "soon", "linger.ms", "soon"},
    {"a secret stays out", "security.protocol", "hunter2", "security.protocol", "hunter2"},
    {"against the promises", "max.in.flight", "100", "max.in.flight", "hunter2"},
};

static void bad_properties_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(conf_cases); i++) {
        struct mock_config bad = mock;
        struct producer *producer = NULL;
        struct err err = {0};

        bad.config.kafka.properties = bad.properties;
        mock_property(&bad, conf_cases[i].property, conf_cases[i].value);
        if (producer_open(&bad.config, 0, &producer, &err) != ERR_CONFIG) {
            fail_msg("%s: not refused", conf_cases[i].name);
        }
        if (strstr(err.text, conf_cases[i].want) == NULL ||
            strstr(err.text, conf_cases[i].not_want) != NULL) {
            fail_msg("%s: %s", conf_cases[i].name, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, open_mock, close_mock)
        ON_MOCK(a_record_arrives_as_it_was),
        ON_MOCK(keys_land_where_java_puts_them),
        ON_MOCK(a_callback_may_send),
        ON_MOCK(an_unknown_topic_is_retried_until_it_exists),
        ON_MOCK(errors_of_a_time_are_retried),
        ON_MOCK(one_record_is_too_large_for_the_broker),
        ON_MOCK(a_refusal_of_the_record_itself_is_told),
        ON_MOCK(one_refused_record_condemns_no_other),
        ON_MOCK(a_search_holds_up_its_own_topic_only),
        ON_MOCK(what_must_go_waits_for_a_larger_limit),
        ON_MOCK(a_batch_too_large_condemns_none_of_its_records),
        ON_MOCK(the_client_refuses_what_its_queue_cannot_hold),
        ON_MOCK(the_client_refuses_what_is_past_its_own_limit),
        ON_MOCK(what_was_never_sent_can_be_recalled),
        ON_MOCK(a_full_queue_is_back_pressure),
        ON_MOCK(a_fatal_error_makes_a_new_client),
        ON_MOCK(a_fatal_error_on_the_way_produces_again),
        ON_MOCK(a_silent_broker_is_told_and_survived),
        ON_MOCK(cancelling_gives_everything_back_once),
        ON_MOCK(closing_cancels_what_waits),
        ON_MOCK(bad_properties_are_named),
    };
    int failed;

    mock_start();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    mock_stop();
    return failed;
}
