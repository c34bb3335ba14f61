/* client_errors and active_errors: every row says what it means and the way out; repeated errors
 * are counted and forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/active_errors.h"
#include "kafka/produce_errors.h"

static void every_row_is_whole_and_there_once(void **state)
{
    size_t count = 0;
    const struct client_error *rows = client_error_rows(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(client_error_of(rows[i].code), &rows[i]);
        assert_true(rows[i].meaning[0] != '\0' && rows[i].way_out[0] != '\0');
        assert_true(strlen(rows[i].meaning) < 300 && strlen(rows[i].way_out) < 300);
        assert_true(rows[i].block <= BLOCK_REASON_COUNT);
        /* what does not pass and is about records or a topic stands at a partition */
        if (!rows[i].passes && rows[i].about <= ABOUT_TOPIC) {
            assert_true(rows[i].block != BLOCK_REASON_COUNT);
        }
    }
}

static void a_client_that_is_ended_is_no_error(void **state)
{
    struct active_errors errors = {0};

    (void)state;
    active_error_add(&errors, RD_KAFKA_RESP_ERR__DESTROY, "orders",
                     "Local: Broker handle destroyed", 1000);
    assert_int_equal(errors.count, 0);
    assert_int_equal(produce_fault_of(RD_KAFKA_RESP_ERR__DESTROY), PRODUCE_FAULT_CLIENT);
}

static const struct {
    rd_kafka_resp_err_t code;
    const char *resource;
    bool is_writing;
    const char *says;
} advices[] = {
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "orders", false,
     "grant Read on topic orders to detour's principal (kafka-acls --add --operation Read --topic "
     "orders --allow-principal User:NAME); "},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "dead", true, "--operation Write --topic dead"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "g", false, "--operation Read --group g"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "g", true, "--operation Read --group g"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "", true,
     "--operation IdempotentWrite --cluster --allow-principal"},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, "orders", false, "receive.message.max.bytes"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, "g", false, "group.max.session.timeout.ms"},
    {RD_KAFKA_RESP_ERR__NOENT, "", false, "brokers' logs"}, /* without a row */
};

static void the_way_out_names_right_and_resource(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        struct buf text;

        buf_init(&text, CLIENT_ADVICE_BYTES);
        client_error_advise(client_error_of(advices[i].code), advices[i].resource,
                            advices[i].is_writing, &text);
        if (strstr(buf_text(&text), advices[i].says) == NULL) {
            fail_msg("row %zu says: %s", i, buf_text(&text));
        }
        buf_fini(&text);
    }
}

static void only_unreadable_records_can_be_given_up(void **state)
{
    (void)state;
    assert_non_null(client_error_past(client_error_of(RD_KAFKA_RESP_ERR__BAD_MSG)));
    assert_null(client_error_past(client_error_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)));
}

static void errors_are_counted_and_end(void **state)
{
    struct active_errors errors = {.owner = CLIENT_IS_CONSUMER};

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        active_error_add(&errors, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "g", "no",
                         1000 + i);
        active_error_add(&errors, RD_KAFKA_RESP_ERR__TRANSPORT, "", "cut", 1000 + i);
    }
    assert_int_equal(errors.count, 2);
    assert_int_equal(errors.items[0].count, 100);
    assert_int_equal(errors.items[0].untold, 99); /* one line, the first */
    assert_int_equal(active_error_worst(&errors)->code,
                     RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    active_error_expire(&errors,
                        1000 + 61 * 1000); /* what passes is forgotten, what does not stands */
    assert_int_equal(errors.count, 1);
    active_error_clear(&errors, "other", 70000);
    assert_int_equal(errors.count, 1);
    active_error_clear(&errors, "g", 70000);
    assert_int_equal(errors.count, 0);
    assert_null(active_error_worst(&errors));
}

/* A question to the cluster takes half a second, and the clock was read before it. */
static void an_error_of_after_the_look_at_the_clock_stands(void **state)
{
    struct active_errors errors = {.owner = CLIENT_IS_CONSUMER};

    (void)state;
    active_error_add(&errors, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "topic", "gone", 70500);
    active_error_expire(&errors, 70000);
    assert_int_equal(errors.count, 1);
    active_error_add(&errors, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "topic", "gone", 72500);
    assert_int_equal(errors.items[0].count, 2);
    assert_int_equal(errors.items[0].untold, 1); /* one line a minute */
}

static void there_is_room_for_a_few(void **state)
{
    struct active_errors errors = {.owner = CLIENT_IS_PRODUCER};
    char topic[] = "topic-a";

    (void)state;
    for (uint64_t i = 0; i < 26; i++) {
        topic[6] = (char)('a' + i);
        active_error_add(&errors, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, topic, "no", i);
    }
    assert_int_equal(errors.count, ACTIVE_ERRORS_MAX);
    active_error_clear(&errors, "topic-z", 100); /* the newest is there */
    assert_int_equal(errors.count, ACTIVE_ERRORS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_there_once),
        cmocka_unit_test(a_client_that_is_ended_is_no_error),
        cmocka_unit_test(the_way_out_names_right_and_resource),
        cmocka_unit_test(only_unreadable_records_can_be_given_up),
        cmocka_unit_test(errors_are_counted_and_end),
        cmocka_unit_test(an_error_of_after_the_look_at_the_clock_stands),
        cmocka_unit_test(there_is_room_for_a_few),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
