/* What only the admin API can do: ask for a topic's settings, and create topics. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/topics_inside.h"

enum { REPLICATION_BY_BROKER = -1, SPREAD_MS = 5000, SPREAD_TURN_MS = 100 };

void admin_call_begin(struct admin_call *call, rd_kafka_t *rk, rd_kafka_admin_op_t operation,
                      uint64_t timeout_ms)
{
    char why[128];

    call->timeout_ms = (int)MIN_OF(timeout_ms, (uint64_t)60000);
    call->options = rd_kafka_AdminOptions_new(rk, operation);
    call->queue = rd_kafka_queue_new(rk);
    /* Only a value out of range is refused; ours is within, and the default does as well. */
    (void)rd_kafka_AdminOptions_set_request_timeout(call->options, call->timeout_ms, why,
                                                    sizeof(why));
}

rd_kafka_event_t *admin_call_wait(const struct admin_call *call)
{
    return rd_kafka_queue_poll(call->queue, call->timeout_ms + 1000);
}

void admin_call_end(struct admin_call *call)
{
    rd_kafka_AdminOptions_destroy(call->options);
    rd_kafka_queue_destroy(call->queue);
}

static struct topic_need *find_need(struct topic_report *report, const char *name)
{
    for (size_t i = 0; i < report->count; i++) {
        if (span_is(report->needs[i].name, name)) {
            return &report->needs[i];
        }
    }
    return NULL;
}

/* -1 and the largest number there is are no limit; a limit of 0 is as good as 1. */
static int64_t limit_of(int64_t number)
{
    return number < 0 || number == INT64_MAX ? 0 : MAX_OF(number, (int64_t)1);
}

static void take_number(struct topic_need *need, const char *name, int64_t number)
{
    if (strcmp(name, "max.message.bytes") == 0) {
        need->max_message_bytes = number;
    } else if (strcmp(name, "retention.ms") == 0) {
        need->retention_ms = number;
    } else if (strcmp(name, "retention.bytes") == 0) {
        need->retention_bytes = limit_of(number);
    } else if (strcmp(name, "segment.bytes") == 0) {
        need->segment_bytes = limit_of(number);
    } else if (strcmp(name, "message.timestamp.before.max.ms") == 0) {
        need->before_max_ms = limit_of(number);
    } else if (strcmp(name, "message.timestamp.after.max.ms") == 0) {
        need->after_max_ms = limit_of(number);
    } else if (strcmp(name, "message.timestamp.difference.max.ms") == 0) { /* before Kafka 3.6 */
        need->before_max_ms = need->before_max_ms > 0 ? need->before_max_ms : limit_of(number);
        need->after_max_ms = need->after_max_ms > 0 ? need->after_max_ms : limit_of(number);
    }
}

static void take_entry(struct topic_need *need, const rd_kafka_ConfigEntry_t *entry)
{
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);
    int64_t number;

    if (value == NULL) {
        return;
    }
    if (strcmp(name, "cleanup.policy") == 0) {
        free(need->cleanup_policy);
        need->cleanup_policy = mem_text(span_of(value));
    } else if (strcmp(name, "message.timestamp.type") == 0) {
        need->is_append_time = strcmp(value, "LogAppendTime") == 0;
    } else if (span_to_i64(span_of(value), &number)) {
        take_number(need, name, number);
    }
}

static void take_resource(struct topic_report *report, const rd_kafka_ConfigResource_t *resource)
{
    struct topic_need *need = find_need(report, rd_kafka_ConfigResource_name(resource));
    const rd_kafka_ConfigEntry_t **entries;
    size_t count = 0;

    if (need == NULL) {
        return;
    }
    need->settings_error = rd_kafka_ConfigResource_error(resource);
    if (need->settings_error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
        !need->exists) { /* it is not in the list, and we may not ask: it may well be there */
        need->is_authorised = false;
    }
    entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        take_entry(need, entries[i]);
    }
}

/* Each topic's answer, or the one error that stands for all. */
static void take_description(struct topic_report *report, rd_kafka_event_t *event)
{
    const rd_kafka_DescribeConfigs_result_t *result =
        event == NULL ? NULL : rd_kafka_event_DescribeConfigs_result(event);
    rd_kafka_resp_err_t error =
        result == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    const rd_kafka_ConfigResource_t **answers;
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++) {
        report->needs[i].settings_error = error;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    answers = rd_kafka_DescribeConfigs_result_resources(result, &count);
    for (size_t i = 0; i < count; i++) {
        take_resource(report, answers[i]);
    }
}

void topics_describe(rd_kafka_t *rk, struct topic_report *report, uint64_t timeout_ms)
{
    rd_kafka_ConfigResource_t **resources = mem_array(report->count, rd_kafka_ConfigResource_t *);
    struct admin_call call;
    rd_kafka_event_t *event;

    admin_call_begin(&call, rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    for (size_t i = 0; i < report->count; i++) {
        resources[i] =
            rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, report->needs[i].name.ptr);
    }
    rd_kafka_DescribeConfigs(rk, resources, report->count, call.options, call.queue);
    event = admin_call_wait(&call);
    take_description(report, event);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy_array(resources, report->count);
    free(resources);
    admin_call_end(&call);
}

static int32_t partitions_like_source(const struct topic_report *report)
{
    int32_t most = 0;

    for (size_t i = 0; i < report->count; i++) {
        if (report->needs[i].role == TOPIC_SOURCE) {
            most = MAX_OF(most, report->needs[i].partitions);
        }
    }
    return most > 0 ? most : SOURCE_PARTITIONS;
}

static void set(rd_kafka_NewTopic_t *topic, const char *name, int64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    (void)rd_kafka_NewTopic_set_config(topic, name, text); /* copies */
}

/* As long as the configuration wants its records, at least the usual week, and not by size: the
 * brokers' defaults are made for other topics. */
static void set_keeping(rd_kafka_NewTopic_t *topic, const struct config *config,
                        const struct topic_report *report, const struct topic_need *need)
{
    int64_t floor_ms = topics_floor_ms(config, report, need);

    set(topic, "retention.ms", MAX_OF(floor_ms, RETENTION_MS));
    set(topic, "retention.bytes", -1);
    if (topics_keep_time(config, report, need)) {
        (void)rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "CreateTime");
        set(topic, "retention.ms", -1); /* or an old event would be deleted as soon as written */
    }
}

static rd_kafka_NewTopic_t *describe_new(const struct config *config,
                                         const struct topic_report *report,
                                         const struct topic_need *need, struct err *err)
{
    int32_t partitions = need->role == TOPIC_LEDGER   ? 1
                         : need->role == TOPIC_SOURCE ? SOURCE_PARTITIONS
                                                      : partitions_like_source(report);
    int64_t room_bytes = topics_room_bytes(report);
    char why[256] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(need->name.ptr, partitions, REPLICATION_BY_BROKER, why, sizeof(why));

    if (topic == NULL) {
        (void)FAIL(err, ERR_CONFIG, "topic %.200s cannot be made: %s", need->name.ptr, why);
        return NULL;
    }
    if (need->role != TOPIC_SOURCE) {
        (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    }
    if (need->role == TOPIC_DEAD_LETTER || need->role == TOPIC_DESTINATION) {
        set_keeping(topic, config, report, need);
        if (room_bytes > 0) {
            set(topic, "max.message.bytes", room_bytes);
        }
    } else if (need->role == TOPIC_LEDGER) {
        set_keeping(topic, config, report, need);
    }
    return topic;
}

/* The first failure is told; what was made counts as there. */
static enum err_code take_results(struct topic_report *report, rd_kafka_event_t *event,
                                  struct err *err)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    int32_t partitions = partitions_like_source(report);
    enum err_code rc = ERR_OK;
    const rd_kafka_topic_result_t **topics;
    size_t count = 0;

    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_NET, "the brokers did not create the topics: %s",
                    rd_kafka_event_error_string(event));
    }
    topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[i]);
        const char *name = rd_kafka_topic_result_name(topics[i]);
        const char *why = rd_kafka_topic_result_error_string(topics[i]);
        struct topic_need *need = find_need(report, name);

        if (error == RD_KAFKA_RESP_ERR_NO_ERROR ||
            error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            INVARIANT(need != NULL);
            report->missing -= !need->exists;
            need->exists = true;
            need->partitions = need->role == TOPIC_LEDGER   ? 1
                               : need->role == TOPIC_SOURCE ? SOURCE_PARTITIONS
                                                            : partitions;
        } else if (rc == ERR_OK) {
            rc = FAIL(err, ERR_STATE, "topic %.200s was not created: %s", name,
                      why == NULL ? rd_kafka_err2str(error) : why);
        }
    }
    return rc;
}

/* @roles: a bit set of enum topic_role. */
static enum err_code create_missing(const struct config *config, rd_kafka_t *rk,
                                    struct topic_report *report, uint32_t roles,
                                    uint64_t timeout_ms, struct err *err)
{
    rd_kafka_NewTopic_t **topics = mem_array(report->count, rd_kafka_NewTopic_t *);
    enum err_code rc = ERR_OK;
    size_t count = 0;

    for (size_t i = 0; i < report->count && rc == ERR_OK; i++) {
        const struct topic_need *need = &report->needs[i];

        if (!need->exists && need->is_authorised && (roles >> need->role & 1u) != 0) {
            topics[count] = describe_new(config, report, need, err);
            rc = topics[count] == NULL ? ERR_CONFIG : ERR_OK;
            count += rc == ERR_OK;
        }
    }
    if (rc == ERR_OK && count > 0) {
        struct admin_call call;
        rd_kafka_event_t *event;

        admin_call_begin(&call, rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
        rd_kafka_CreateTopics(rk, topics, count, call.options, call.queue);
        event = admin_call_wait(&call);
        rc = event == NULL ? FAIL(err, ERR_NET, "no broker answered in time")
                           : take_results(report, event, err);
        if (event != NULL) {
            rd_kafka_event_destroy(event);
        }
        admin_call_end(&call);
    }
    rd_kafka_NewTopic_destroy_array(topics, count);
    free(topics);
    return rc;
}

static bool is_spreading(const struct topic_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->needs[i].exists &&
            report->needs[i].settings_error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            return true;
        }
    }
    return false;
}

/* A broker may not know yet of a topic that the controller has just made. */
static void describe_made(rd_kafka_t *rk, struct topic_report *report, uint64_t timeout_ms)
{
    uint64_t give_up_ms = clock_mono_ms() + SPREAD_MS;

    topics_describe(rk, report, timeout_ms);
    while (is_spreading(report) && clock_mono_ms() < give_up_ms) {
        (void)poll(NULL, 0, SPREAD_TURN_MS);
        topics_describe(rk, report, timeout_ms);
    }
}

enum err_code topics_create_ledger(const struct config *config, struct topic_report *report,
                                   uint64_t timeout_ms, struct err *err)
{
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc == ERR_OK) {
        rc = create_missing(config, rk, report, 1u << TOPIC_LEDGER, timeout_ms, err);
        topics_client_close(rk);
    }
    return rc;
}

enum err_code topics_create(const struct config *config, struct topic_report *report,
                            uint64_t timeout_ms, struct err *err)
{
    size_t missing = report->missing;
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    rc = create_missing(config, rk, report, 1u << TOPIC_SOURCE, timeout_ms, err);
    if (report->missing < missing) {
        describe_made(rk, report, timeout_ms);
        missing = report->missing;
    }
    if (rc != ERR_NET) { /* a source that may not be made does not keep the others away */
        enum err_code others = create_missing(config, rk, report, ~(1u << TOPIC_SOURCE), timeout_ms,
                                              rc == ERR_OK ? err : NULL);

        rc = rc == ERR_OK ? others : rc;
    }
    if (report->missing < missing) {
        describe_made(rk, report, timeout_ms);
    }
    topics_remark(config, report);
    topics_client_close(rk);
    return rc;
}
