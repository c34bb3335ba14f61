#include "replay/replay_audit.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topic_scan.h"

enum { ASK_MS = 10000, CLOSE_MS = 3000 };

/* what was begun */

/* True: @message is a record of the job; then *is_begun and @ends are as it says. */
static void take_job(const rd_kafka_message_t *message, const char *key, int64_t *ends,
                     size_t partitions, bool *is_begun)
{
    json_t *record;
    const char *state;

    if (message->key_len != strlen(key) || memcmp(message->key, key, message->key_len) != 0) {
        return;
    }
    record = json_loadb(message->payload, message->len, 0, NULL);
    state = json_string_value(json_object_get(record, "state"));
    *is_begun = state != NULL && strcmp(state, "ended") != 0 && strcmp(state, "cancelled") != 0;
    for (size_t i = 0; i < partitions; i++) {
        char number[24];
        const json_t *end;

        (void)snprintf(number, sizeof(number), "%zu", i);
        end = json_object_get(json_object_get(record, "ends"), number);
        ends[i] = json_is_integer(end) ? json_integer_value(end) : 0;
    }
    json_decref(record);
}

bool audit_unfinished(const struct config *config, const struct audit_job *job, int64_t *ends,
                      enum err_code *rc, struct err *err)
{
    const struct scan_range range = SCAN_ALL;
    char *topic = mem_text(config->ledger.topic);
    char *key = mem_format("job/" SPAN_FMT "/%s", SPAN_ARG(job->group), job->name);
    int64_t *found = mem_array(job->partitions, int64_t);
    struct topic_scan *scan = NULL;
    rd_kafka_message_t *message = NULL;
    enum scan_step step = SCAN_WAIT;
    bool is_begun = false;

    *rc = topic_scan_open(config, topic, &range, &scan, err);
    while (*rc == ERR_OK && step != SCAN_END) {
        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            take_job(message, key, found, job->partitions, &is_begun);
            rd_kafka_message_destroy(message);
        }
        *rc = step == SCAN_FAILED ? err->code : ERR_OK;
    }
    if (*rc == ERR_OK && is_begun) {
        memcpy(ends, found, job->partitions * sizeof(*ends));
    }
    *rc = *rc == ERR_ABSENT ? ERR_OK : *rc; /* there is no ledger yet, and so no job */
    topic_scan_close(scan);
    free(found);
    free(key);
    free(topic);
    return is_begun && *rc == ERR_OK;
}

/* members */

static void add_members(const rd_kafka_DescribeConsumerGroups_result_t *result, struct buf *who)
{
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(result, &count);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rd_kafka_ConsumerGroupDescription_member_count(groups[i]); k++) {
            const rd_kafka_MemberDescription_t *member =
                rd_kafka_ConsumerGroupDescription_member(groups[i], k);

            buf_printf(who, "%s%s on %s", who->len == 0 ? "" : ", ",
                       rd_kafka_MemberDescription_client_id(member),
                       rd_kafka_MemberDescription_host(member));
        }
    }
}

static enum err_code ask(rd_kafka_t *rk, const char *group, struct buf *who, struct err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    const char *groups[] = {group};
    const rd_kafka_DescribeConsumerGroups_result_t *result = NULL;
    rd_kafka_event_t *event;
    enum err_code rc = ERR_OK;

    rd_kafka_DescribeConsumerGroups(rk, groups, 1, options, queue);
    event = rd_kafka_queue_poll(queue, ASK_MS);
    result = event == NULL ? NULL : rd_kafka_event_DescribeConsumerGroups_result(event);
    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = FAIL(err, ERR_NET, "the brokers do not say who is in group %s: %s", group,
                  event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    } else {
        add_members(result, who);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return rc;
}

enum err_code audit_members(const struct config *config, struct span group, struct buf *who,
                            struct err *err)
{
    static const struct conf_pair owned[] = {{"enable.idempotence", "false"}};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    char *name;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc == ERR_OK) {
        rc = conf_open(RD_KAFKA_PRODUCER, conf, owned, COUNT_OF(owned), &rk, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    name = mem_text(group);
    rc = ask(rk, name, who, err);
    free(name);
    (void)client_destroy(rk, clock_mono_ms() + CLOSE_MS);
    return rc;
}
