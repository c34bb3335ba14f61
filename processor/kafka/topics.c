#include "kafka/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client_errors.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topics_inside.h"

enum { CLOSE_MS = 5000, ASK_ONE_MS = 5000 };

/* Why the clients of this thread reach nobody, in the library's words and with our way out. */
static _Thread_local struct {
    rd_kafka_resp_err_t code;
    char text[200];
} met;

static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && met.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* the reason came before */
    }
    met.code = (rd_kafka_resp_err_t)error;
    (void)snprintf(met.text, sizeof(met.text), "%s", reason == NULL ? "" : reason);
}

enum err_code topics_client(const struct config *config, rd_kafka_t **out, struct err *err)
{
    /* nothing is produced: no need to ask the coordinator for a producer's id */
    static const struct conf_pair owned[] = {{"enable.idempotence", "false"}};
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, take_error);
    return conf_open(RD_KAFKA_PRODUCER, conf, owned, COUNT_OF(owned), out, err);
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

/* @is_run: whoever runs makes the ledger's topic, also one that the file does not name. */
static void list_needs(const struct config *config, bool is_run, struct topic_report *report)
{
    size_t most = config->kafka.topic_count + config->destination_count + 1;

    report->needs = mem_array(most, struct topic_need);
    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        add_need(report, config->kafka.topics[i], TOPIC_SOURCE, SPAN_NONE);
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];

        if (destination->type->is_topic) {
            add_need(report, destination->topic,
                     destination == config->dead_letter ? TOPIC_DEAD_LETTER : TOPIC_DESTINATION,
                     destination->name);
        }
    }
    if (config_has_ledger(config) && (config->ledger.is_named || is_run)) {
        add_need(report, config->ledger.topic, TOPIC_LEDGER, SPAN_NONE);
    }
}

static enum err_code unreachable(const struct config *config, rd_kafka_t *rk,
                                 rd_kafka_resp_err_t error, uint64_t timeout_ms, struct err *err)
{
    met.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_poll(rk, 0); /* what its threads have met since comes here */
    if (met.code == RD_KAFKA_RESP_ERR_NO_ERROR || client_error_of(met.code)->passes) {
        return FAIL(err, ERR_NET,
                    "no broker of %.200s answered within %llu s (%s): check kafka.brokers, the "
                    "network, and TLS and SASL in kafka.properties",
                    config->kafka.brokers.ptr, (unsigned long long)(timeout_ms / 1000),
                    rd_kafka_err2str(error));
    }
    return FAIL(err, ERR_NET, "no broker of %.100s could be used: %s (%s: %.120s): %s",
                config->kafka.brokers.ptr, client_error_of(met.code)->meaning,
                rd_kafka_err2name(met.code), met.text, client_error_of(met.code)->way_out);
}

/* All topics are asked for: asking for one by name can bring it into being. */
static enum err_code look_for_topics(const struct config *config, rd_kafka_t *rk,
                                     uint64_t timeout_ms, struct topic_report *report,
                                     struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 1, NULL, &metadata, (int)timeout_ms);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return unreachable(config, rk, error, timeout_ms, err);
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

/* Without a principal of our own there is no right of ours that could be missing. Such brokers may
 * be old ones, or the embedded one, that make a topic by being asked for it. */
static bool has_principal(const struct config *config)
{
    for (size_t i = 0; i < config->kafka.property_count; i++) {
        if (span_is(config->kafka.properties[i].name, "security.protocol")) {
            return true;
        }
    }
    return false;
}

/* A topic that we may not see is not among all topics; asked for by name the broker says so. By a
 * consumer, which does not bring it into being. */
static void ask_by_name(rd_kafka_t *rk, struct topic_need *need)
{
    const struct rd_kafka_metadata *found = NULL;
    char *name = mem_text(need->name);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);

    if (topic != NULL &&
        rd_kafka_metadata(rk, 0, topic, &found, ASK_ONE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        need->is_authorised = found->topic_cnt != 1 ||
                              found->topics[0].err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        rd_kafka_metadata_destroy(found);
    }
    if (topic != NULL) {
        rd_kafka_topic_destroy(topic);
    }
    free(name);
}

/* Which of those that were not found are only not shown to us. */
static void look_for_rights(const struct config *config, struct topic_report *report)
{
    static const struct conf_pair owned[] = {{"group.id", ""},
                                             {"allow.auto.create.topics", "false"}};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;

    if (kafka_conf(config, true, &conf, NULL) != ERR_OK ||
        conf_open(RD_KAFKA_CONSUMER, conf, owned, COUNT_OF(owned), &rk, NULL) != ERR_OK) {
        return; /* the workers' own clients will say it */
    }
    for (size_t i = 0; i < report->count; i++) {
        if (!report->needs[i].exists) {
            ask_by_name(rk, &report->needs[i]);
        }
    }
    topics_client_close(rk);
}

static void look_for_missing(const struct config *config, struct topic_report *report)
{
    bool is_any_missing = false;

    for (size_t i = 0; i < report->count; i++) {
        is_any_missing |= !report->needs[i].exists;
    }
    if (is_any_missing && has_principal(config)) {
        look_for_rights(config, report);
    }
}

static enum err_code look(const struct config *config, bool is_run, uint64_t timeout_ms,
                          uint64_t settings_ms, struct topic_report *out, struct err *err)
{
    struct topic_report report = {0};
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    list_needs(config, is_run, &report);
    rc = look_for_topics(config, rk, timeout_ms, &report, err);
    if (rc != ERR_OK) {
        topic_report_fini(&report);
        goto out;
    }
    look_for_missing(config, &report);
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
    return look(config, false, timeout_ms, timeout_ms, out, err);
}

enum err_code topics_find(const struct config *config, uint64_t timeout_ms, uint64_t settings_ms,
                          struct topic_report *out, struct err *err)
{
    return look(config, true, timeout_ms, settings_ms, out, err);
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
    free(report->parked);
    *report = (struct topic_report){0};
}
