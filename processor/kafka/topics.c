#include "kafka/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topics_inside.h"

enum { CLOSE_MS = 5000 };

enum err_code topics_client(const struct config *config, rd_kafka_t **out, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    char why[256];
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    /* nothing is produced: no need to ask the coordinator for a producer's id */
    if (rd_kafka_conf_set(conf, "enable.idempotence", "false", why, sizeof(why)) !=
        RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return FAIL(err, ERR_CONFIG, "no Kafka client: %s", why);
    }
    *out = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (*out == NULL) {
        rd_kafka_conf_destroy(conf);
        return FAIL(err, ERR_CONFIG, "no Kafka client with these kafka.properties: %s", why);
    }
    return ERR_OK;
}

void topics_client_close(rd_kafka_t *rk)
{
    (void)client_destroy(rk, clock_mono_ms() + CLOSE_MS);
}

/* One entry a topic: two destinations may share one, and then the stricter role counts. */
static void add_need(struct topic_report *report, struct span name, enum topic_role role,
                     struct span destination)
{
    for (size_t i = 0; i < report->count; i++) {
        struct topic_need *known = &report->needs[i];

        if (span_eq(known->name, name)) {
            if (role == TOPIC_DEAD_LETTER) {
                known->role = role;
                known->destination = destination;
            }
            return;
        }
    }
    report->needs[report->count++] = (struct topic_need){
        .name = name,
        .role = role,
        .destination = destination,
        .is_authorised = true,
        .max_message_bytes = -1,
        .retention_ms = INT64_MIN,
    };
}

static void list_needs(const struct config *config, struct topic_report *report)
{
    size_t most = config->kafka.topic_count + config->destination_count + 1;

    report->needs = mem_array(most, struct topic_need);
    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        add_need(report, config->kafka.topics[i], TOPIC_SOURCE, SPAN_NONE);
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];

        if (destination->type == DESTINATION_KAFKA) {
            add_need(report, destination->topic,
                     destination == config->dead_letter ? TOPIC_DEAD_LETTER : TOPIC_DESTINATION,
                     destination->name);
        }
    }
    if (config_has_ledger(config)) {
        add_need(report, config->ledger.topic, TOPIC_LEDGER, SPAN_NONE);
    }
}

/* All topics are asked for: asking for one by name can bring it into being. */
static enum err_code look_for_topics(const struct config *config, rd_kafka_t *rk,
                                     uint64_t timeout_ms, struct topic_report *report,
                                     struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 1, NULL, &metadata, (int)timeout_ms);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_NET,
                    "no broker of %.200s answered within %llu s (%s): check kafka.brokers, the "
                    "network, and TLS and SASL in kafka.properties",
                    config->kafka.brokers.ptr, (unsigned long long)(timeout_ms / 1000),
                    rd_kafka_err2str(error));
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];

        for (size_t k = 0; k < report->count; k++) {
            struct topic_need *wanted = &report->needs[k];

            if (span_is(wanted->name, topic->topic)) {
                wanted->exists = topic->partition_cnt > 0;
                wanted->partitions = topic->partition_cnt;
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
}

static enum err_code look(const struct config *config, uint64_t timeout_ms, uint64_t settings_ms,
                          struct topic_report *out, struct err *err)
{
    struct topic_report report = {0};
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    list_needs(config, &report);
    rc = look_for_topics(config, rk, timeout_ms, &report, err);
    if (rc != ERR_OK) {
        topic_report_fini(&report);
        goto out;
    }
    if (settings_ms > 0) {
        topics_describe(rk, &report, settings_ms);
        topics_remark(config, &report);
    }
    for (size_t i = 0; i < report.count; i++) {
        report.missing += !report.needs[i].exists;
    }
    *out = report;

out:
    topics_client_close(rk);
    return rc;
}

enum err_code topics_look(const struct config *config, uint64_t timeout_ms,
                          struct topic_report *out, struct err *err)
{
    return look(config, timeout_ms, timeout_ms, out, err);
}

enum err_code topics_find(const struct config *config, uint64_t timeout_ms, uint64_t settings_ms,
                          struct topic_report *out, struct err *err)
{
    return look(config, timeout_ms, settings_ms, out, err);
}

static struct place place_of_source(const struct config *config, struct span name)
{
    const struct yaml_node *root = yaml_root(config->doc);
    const struct yaml_node *topics = yaml_get(yaml_get(root, "kafka"), "topics");

    for (size_t i = 0; topics != NULL && i < topics->count && topics->kind == YAML_LIST; i++) {
        if (span_eq(topics->items[i]->text, name)) {
            return topics->items[i]->place;
        }
    }
    return topics == NULL ? root->place : topics->place;
}

struct place topics_place(const struct config *config, const struct topic_need *need)
{
    const struct yaml_node *root = yaml_root(config->doc);
    const struct config_destination *destination =
        need->destination.ptr == NULL ? NULL : config_find(config, need->destination);
    const struct yaml_node *node =
        destination == NULL ? yaml_get(root, "ledger") : yaml_get(destination->node, "topic");

    if (need->role == TOPIC_SOURCE) {
        return place_of_source(config, need->name);
    }
    return node == NULL ? root->place : node->place;
}

void topic_report_fini(struct topic_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->needs[i].cleanup_policy);
        free(report->needs[i].remark);
    }
    free(report->needs);
    *report = (struct topic_report){0};
}
