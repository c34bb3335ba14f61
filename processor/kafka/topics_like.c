/* A topic that a job needs beside those of the configuration: whether it is there, and making it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/topics_inside.h"

enum { BY_BROKER = -1 };

/* All topics are asked for: asking for one by name can bring it into being. 0: it is not there. */
static enum err_code ask_partitions(rd_kafka_t *rk, struct span name, uint64_t timeout_ms,
                                    int32_t *out, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 1, NULL, &metadata, (int)timeout_ms);

    *out = 0;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_NET, "the brokers do not say which topics there are: %s",
                    rd_kafka_err2str(error));
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (span_is(name, metadata->topics[i].topic)) {
            *out = metadata->topics[i].partition_cnt;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
}

static void set(rd_kafka_NewTopic_t *topic, const char *name, int64_t value, int64_t unknown)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    if (value != unknown) {
        (void)rd_kafka_NewTopic_set_config(topic, name, text); /* copies */
    }
}

static rd_kafka_NewTopic_t *describe(const char *name, const struct topic_need *like)
{
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, like->partitions, BY_BROKER, NULL, 0);

    if (topic != NULL) {
        set(topic, "max.message.bytes", like->max_message_bytes, -1);
        set(topic, "retention.ms", like->retention_ms, INT64_MIN);
        set(topic, "retention.bytes", like->retention_bytes, 0);
        if (like->cleanup_policy != NULL) {
            (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", like->cleanup_policy);
        }
    }
    return topic;
}

static enum err_code take_answer(rd_kafka_event_t *event, const char *name, struct err *err)
{
    const rd_kafka_CreateTopics_result_t *result =
        event == NULL ? NULL : rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics;
    rd_kafka_resp_err_t error;
    size_t count = 0;

    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_NET, "the brokers did not create the topic %s: %s", name,
                    event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    }
    topics = rd_kafka_CreateTopics_result_topics(result, &count);
    error = count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    return error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
               ? ERR_OK
               : FAIL(err, ERR_STATE, "there is no topic %s, and it was not created: %s", name,
                      rd_kafka_err2str(error));
}

static enum err_code create(rd_kafka_t *rk, const char *name, const struct topic_need *like,
                            uint64_t timeout_ms, struct err *err)
{
    rd_kafka_NewTopic_t *topic = describe(name, like);
    rd_kafka_event_t *event;
    struct admin_call call;
    enum err_code rc;

    if (topic == NULL) {
        return FAIL(err, ERR_CONFIG, "topic %s cannot be made: its name is no topic's", name);
    }
    admin_call_begin(&call, rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(rk, &topic, 1, call.options, call.queue);
    event = admin_call_wait(&call);
    rc = take_answer(event, name, err);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    admin_call_end(&call);
    rd_kafka_NewTopic_destroy(topic);
    return rc;
}

enum err_code topics_exists(const struct config *config, const char *name, uint64_t timeout_ms,
                            bool *exists, struct err *err)
{
    rd_kafka_t *rk = NULL;
    int32_t partitions = 0;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc == ERR_OK) {
        rc = ask_partitions(rk, span_of(name), timeout_ms, &partitions, err);
        topics_client_close(rk);
    }
    *exists = partitions > 0;
    return rc;
}

enum err_code topics_add_parked(const struct config *config, struct topic_report *report,
                                uint64_t timeout_ms, struct err *err)
{
    struct topic_need need = {.role = TOPIC_PARKED,
                              .destination = config->dead_letter->name,
                              .exists = true,
                              .is_authorised = true,
                              .max_message_bytes = -1,
                              .retention_ms = INT64_MIN};
    struct topic_report one = {.needs = &need, .count = 1};
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    report->parked = mem_format(SPAN_FMT ".parked", SPAN_ARG(config->dead_letter->topic));
    need.name = span_of(report->parked);
    rc = ask_partitions(rk, need.name, timeout_ms, &need.partitions, err);
    if (rc == ERR_OK && need.partitions > 0) {
        topics_describe(rk, &one, timeout_ms);
        report->needs = mem_grow(report->needs, report->count + 1, sizeof(*report->needs));
        report->needs[report->count++] = need;
    }
    topics_client_close(rk);
    return rc;
}

enum err_code topics_create_like(const struct config *config, const char *name, const char *like,
                                 uint64_t timeout_ms, struct err *err)
{
    struct topic_need model = {
        .name = span_of(like), .max_message_bytes = -1, .retention_ms = INT64_MIN};
    struct topic_report report = {.needs = &model, .count = 1};
    int32_t partitions = 0;
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    rc = ask_partitions(rk, span_of(name), timeout_ms, &partitions, err);
    if (rc == ERR_OK && partitions == 0) {
        rc = ask_partitions(rk, span_of(like), timeout_ms, &model.partitions, err);
        model.partitions = MAX_OF(model.partitions, 1);
        if (rc == ERR_OK) {
            topics_describe(rk, &report, timeout_ms);
            rc = create(rk, name, &model, timeout_ms, err);
        }
    }
    free(model.cleanup_policy);
    topics_client_close(rk);
    return rc;
}
