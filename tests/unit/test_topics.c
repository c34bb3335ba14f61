/* The topics a configuration needs: the list, what the brokers say, what is advised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "destinations/table.h"
#include "kafka/topics_inside.h"
#include "kafka/topics_rights.h"
#include "mock_broker.h"

enum { TIMEOUT_MS = 5000 };

static struct config_destination destinations[] = {
    {.name = {"tiktok", 6}, .type = &tiktok_driver.section},
    {.name = {"utm", 3}, .type = &topic_driver.section, .topic = {"conversions.utm", 15}},
    {.name = {"copy", 4}, .type = &topic_driver.section, .topic = {"conversions.utm", 15}},
    {.name = {"late", 4}, .type = &topic_driver.section, .topic = {"conversions.dead", 16}},
    {.name = {"dead", 4}, .type = &topic_driver.section, .topic = {"conversions.dead", 16}},
};

static void add_destinations(struct config *config)
{
    config->workers = 2;
    config->destinations = destinations;
    config->destination_count = COUNT_OF(destinations);
    config->dead_letter = &destinations[4];
}

static void each_topic_is_listed_once_in_its_strictest_role(void **state)
{
    struct mock_config mock;
    struct topic_report report;
    struct err err;

    (void)state;
    mock_open(&mock, "conversions", 3);
    add_destinations(&mock.config);
    if (topics_look(&mock.config, TIMEOUT_MS, &report, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(report.count, 3 + config_has_ledger(&mock.config));
    assert_true(span_is(report.needs[0].name, "conversions"));
    assert_int_equal(report.needs[0].role, TOPIC_SOURCE);
    assert_true(report.needs[0].exists);
    assert_int_equal(report.needs[0].partitions, 3);
    /* a mock cluster has no settings to tell: that is said, not passed over */
    assert_non_null(strstr(report.needs[0].remark, "could not be asked"));
    assert_true(span_is(report.needs[1].name, "conversions.utm"));
    assert_int_equal(report.needs[1].role, TOPIC_DESTINATION);
    assert_true(span_is(report.needs[1].destination, "utm"));
    assert_false(report.needs[1].exists);
    assert_int_equal(report.needs[1].partitions, 0);
    assert_true(span_is(report.needs[2].name, "conversions.dead"));
    assert_int_equal(report.needs[2].role, TOPIC_DEAD_LETTER);
    assert_true(span_is(report.needs[2].destination, "dead"));
    assert_int_equal(report.missing, 2);
    topic_report_fini(&report);
    topic_report_fini(&report); /* and again does no harm */
    mock_close();
}

/* Looking must not bring topics into being, as asking for them by name does. */
static void looking_creates_nothing(void **state)
{
    struct mock_config mock;
    struct topic_report report;
    struct err err;

    (void)state;
    mock_open(&mock, "conversions", 1);
    add_destinations(&mock.config);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(topics_look(&mock.config, TIMEOUT_MS, &report, &err), ERR_OK);
        assert_int_equal(report.missing, 2);
        topic_report_fini(&report);
    }
    mock_close();
}

static void an_unreachable_broker_is_named(void **state)
{
    struct mock_config mock;
    struct topic_report report = {0};
    struct err err;

    (void)state;
    mock_open(&mock, "conversions", 1);
    mock.config.kafka.brokers = SPAN("127.0.0.1:1");
    assert_int_equal(topics_look(&mock.config, 500, &report, &err), ERR_NET);
    assert_non_null(strstr(err.text, "no broker of 127.0.0.1:1 answered"));
    assert_non_null(strstr(err.text, "check kafka.brokers"));
    assert_null(report.needs);
    mock_close();
}

static void brokers_that_cannot_create_are_an_error(void **state)
{
    struct mock_config mock;
    struct topic_report report;
    struct err err;

    (void)state;
    mock_open(&mock, "conversions", 1);
    add_destinations(&mock.config);
    assert_int_equal(topics_look(&mock.config, TIMEOUT_MS, &report, &err), ERR_OK);
    assert_int_not_equal(topics_create(&mock.config, &report, 1000, &err), ERR_OK);
    assert_int_not_equal(strlen(err.text), 0);
    assert_int_equal(report.missing, 2);
    topic_report_fini(&report);
    mock_close();
}

static const struct {
    const char *name;
    enum topic_role role;
    bool exists, is_authorised;
    int32_t partitions;
    int64_t bytes, retention_ms;
    const char *policy;
    const char *want; /* part of the remark; NULL: none */
} remark_cases[] = {
    {"a good dead letter", TOPIC_DEAD_LETTER, true, true, 6, 1114112, 1209600000, "delete", NULL},
    {"kept for ever", TOPIC_DEAD_LETTER, true, true, 6, 1114112, -1, "delete", NULL},
    {"kept for a week", TOPIC_DEAD_LETTER, true, true, 6, 1114112, 604800000, "delete",
     "retention.ms should be at least 1209600000 (14 days)"},
    {"no room for headers", TOPIC_DEAD_LETTER, true, true, 6, 1114111, -1, "delete",
     "max.message.bytes should be at least 1114112"},
    {"a compacted dead letter", TOPIC_DEAD_LETTER, true, true, 6, 1114112, -1, "compact",
     "cleanup.policy must be delete"},
    {"compacted and deleted", TOPIC_DESTINATION, true, true, 6, 1, 1, "compact,delete",
     "cleanup.policy must be delete"},
    {"a destination may be short-lived", TOPIC_DESTINATION, true, true, 6, 1, 1, "delete", NULL},
    {"a compacted source", TOPIC_SOURCE, true, true, 6, 1048576, 1, "compact", NULL},
    {"nothing is known", TOPIC_DEAD_LETTER, true, true, 6, -1, INT64_MIN, NULL, NULL},
    {"missing", TOPIC_DEAD_LETTER, false, true, 0, -1, INT64_MIN, NULL, NULL},
    {"hidden", TOPIC_DEAD_LETTER, false, false, 0, -1, INT64_MIN, NULL,
     "no permission to see it: grant Describe, and Write"},
    {"more workers than partitions", TOPIC_SOURCE, true, true, 3, 1048576, 1, "delete",
     "3 partitions keep only 3 of 4 workers busy"},
};

static void advice_is_given(void **state)
{
    struct config config = {.workers = 4};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(remark_cases); i++) {
        struct topic_report report = {.needs = mem_array(2, struct topic_need), .count = 2};
        const char *got;

        report.needs[0] = (struct topic_need){.name = SPAN("source"),
                                              .role = TOPIC_SOURCE,
                                              .exists = true,
                                              .is_authorised = true,
                                              .partitions = 4,
                                              .max_message_bytes = 1048576};
        report.needs[1] = (struct topic_need){
            .name = SPAN("t"),
            .role = remark_cases[i].role,
            .exists = remark_cases[i].exists,
            .is_authorised = remark_cases[i].is_authorised,
            .partitions = remark_cases[i].partitions,
            .max_message_bytes = remark_cases[i].bytes,
            .retention_ms = remark_cases[i].retention_ms,
            .cleanup_policy =
                remark_cases[i].policy == NULL ? NULL : mem_text(span_of(remark_cases[i].policy)),
        };
        topics_remark(&config, &report);
        topics_remark(&config, &report); /* again takes the place of what was said */
        got = report.needs[1].remark;
        if ((got == NULL) != (remark_cases[i].want == NULL) ||
            (got != NULL && strstr(got, remark_cases[i].want) == NULL)) {
            fail_msg("%s: %s", remark_cases[i].name, got == NULL ? "no remark" : got);
        }
        topic_report_fini(&report);
    }
}

static void settings_that_were_not_told_are_said_to_be_so(void **state)
{
    const struct config config = {.workers = 1};
    struct topic_need need = {.role = TOPIC_DESTINATION,
                              .exists = true,
                              .is_authorised = true,
                              .max_message_bytes = -1,
                              .retention_ms = INT64_MIN};
    struct topic_report report = {.needs = &need, .count = 1};

    (void)state;
    need.settings_error = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    topics_remark(&config, &report);
    assert_non_null(strstr(need.remark, "could not be asked (Broker: Topic authorization failed): "
                                        "grant DescribeConfigs"));
    need.settings_error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    topics_remark(&config, &report);
    assert_non_null(strstr(need.remark, "could not be asked (Local: Timed out)"));
    need.settings_error = 0;
    topics_remark(&config, &report);
    assert_null(need.remark);
}

static void a_huge_source_leaves_room_within_an_int(void **state)
{
    struct topic_need source = {.role = TOPIC_SOURCE, .max_message_bytes = -1};
    struct topic_report report = {.needs = &source, .count = 1};

    (void)state;
    assert_int_equal(topics_room_bytes(&report), -1);
    source.max_message_bytes = 1048588;
    assert_int_equal(topics_room_bytes(&report), 1048588 + 65536);
    source.max_message_bytes = INT32_MAX;
    assert_int_equal(topics_room_bytes(&report), INT32_MAX);
}

static const struct {
    const char *name;
    int request; /* which answers with */
    int error;
    int right; /* of the rights: group, idempotence, source, utm, dead letters */
    enum right_state want;
} right_cases[] = {
    {"no group", MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 0,
     RIGHT_REFUSED},
    {"no Describe on the group", MOCK_FIND_COORDINATOR,
     RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 0, RIGHT_REFUSED},
    {"the topic is refused, the group is not", MOCK_OFFSET_COMMIT,
     RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0, RIGHT_GRANTED},
    {"a commit that goes wrong", MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN, 0, RIGHT_UNKNOWN},
    {"no idempotent writing", MOCK_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
     1, RIGHT_REFUSED},
};

static struct topic_rights ask(const struct mock_config *mock, struct topic_report *report)
{
    struct topic_rights rights;
    struct err err;

    if (topics_find(&mock->config, TIMEOUT_MS, 0, report, &err) != ERR_OK ||
        topics_rights_ask(&mock->config, report, TIMEOUT_MS, &rights, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return rights;
}

static void rights_are_granted_where_nobody_refuses(void **state)
{
    struct mock_config mock;
    struct topic_report report;
    struct topic_rights rights;

    (void)state;
    mock_open(&mock, "conversions", 1);
    mock_tell(MOCK_TOPIC, "conversions.utm", 1, 0, 0);
    mock_tell(MOCK_TOPIC, "conversions.dead", 1, 0, 0);
    add_destinations(&mock.config);
    rights = ask(&mock, &report);
    assert_int_equal(rights.count, 5);
    for (size_t i = 0; i < rights.count; i++) {
        if (rights.items[i].state != RIGHT_GRANTED) {
            fail_msg("%s: %s", rights.items[i].operation, rights.items[i].why);
        }
    }
    topic_rights_fini(&rights);
    topic_report_fini(&report);
    mock_close();
}

static void what_is_refused_is_told_from_what_is_not_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(right_cases); i++) {
        struct mock_config mock;
        struct topic_report report;
        struct topic_rights rights;
        const struct topic_right *right;

        mock_open(&mock, "conversions", 1);
        mock_tell(MOCK_FAIL, NULL, right_cases[i].request, right_cases[i].error, 100);
        rights = ask(&mock, &report);
        right = &rights.items[right_cases[i].right];
        if (right->state != right_cases[i].want ||
            (right->state == RIGHT_GRANTED) != (right->why[0] == '\0')) {
            fail_msg("%s: %d, %s", right_cases[i].name, (int)right->state, right->why);
        }
        topic_rights_fini(&rights);
        topic_report_fini(&report);
        mock_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_topic_is_listed_once_in_its_strictest_role),
        cmocka_unit_test(looking_creates_nothing),
        cmocka_unit_test(an_unreachable_broker_is_named),
        cmocka_unit_test(brokers_that_cannot_create_are_an_error),
        cmocka_unit_test(advice_is_given),
        cmocka_unit_test(settings_that_were_not_told_are_said_to_be_so),
        cmocka_unit_test(a_huge_source_leaves_room_within_an_int),
        cmocka_unit_test(rights_are_granted_where_nobody_refuses),
        cmocka_unit_test(what_is_refused_is_told_from_what_is_not_known),
    };
    int code;

    mock_start();
    code = cmocka_run_group_tests(tests, NULL, NULL);
    mock_stop();
    return code;
}
