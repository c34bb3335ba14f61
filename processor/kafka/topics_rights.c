/*
 * Happy path: the rights are listed, then asked in order: the group over the admin API, the
 * sources over a consumer, IdempotentWrite over a producer as `run` has it, the written topics
 * over one that sends what a broker refuses.
 *
 * It can go wrong, in order: no client can be made (the error is the caller's), a broker does
 * not answer in time, it answers with an error that speaks of something else (both unknown),
 * it refuses.
 */
#include "kafka/topics_rights.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topics_inside.h"

enum { TURN_MS = 50, NO_PARTITION = INT32_MAX };

/* The probing clients say what they find through the rights, not in the log. */
static const struct conf_pair reader_pairs[] = {
    {"enable.partition.eof", "true"}, /* so that an empty topic answers, too */
    {"log_level", "0"},
};
static const struct conf_pair idempotent_pairs[] = {
    {"statistics.interval.ms", "100"}, /* nothing else tells that a producer's id has come */
    {"log_level", "0"},
};
static const struct conf_pair writer_pairs[] = {
    {"enable.idempotence", "false"},
    {"acks", "2"}, /* see the header */
    {"message.send.max.retries", "0"},
    {"log_level", "0"},
};

static bool is_refusal(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static void settle(struct topic_right *right, rd_kafka_resp_err_t error)
{
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        right->state = RIGHT_GRANTED;
        return;
    }
    right->state = is_refusal(error) ? RIGHT_REFUSED : RIGHT_UNKNOWN;
    (void)snprintf(right->why, sizeof(right->why), "%.150s", rd_kafka_err2str(error));
}

static bool is_settled(const struct topic_right *right)
{
    return right->state != RIGHT_UNKNOWN || right->why[0] != '\0';
}

static const char read_operation[] = "Read";

/* TOPIC_SOURCE: of what is read. An alternate that is backfilled from is read as well as written.
 */
static bool is_about(const struct topic_right *right, enum topic_role role)
{
    return right->resource == RIGHT_TOPIC &&
           (right->operation == read_operation) == (role == TOPIC_SOURCE);
}

/* Rights of one kind that have no answer yet. */
static size_t count_open(const struct topic_rights *rights, enum topic_role role)
{
    size_t count = 0;

    for (size_t i = 0; i < rights->count; i++) {
        count += is_about(&rights->items[i], role) && !is_settled(&rights->items[i]);
    }
    return count;
}

/* The group */

/* The commit's answer: about the group, or about the partition, which comes after the group. */
static rd_kafka_resp_err_t group_error(rd_kafka_event_t *event)
{
    const rd_kafka_AlterConsumerGroupOffsets_result_t *result =
        event == NULL ? NULL : rd_kafka_event_AlterConsumerGroupOffsets_result(event);
    const rd_kafka_topic_partition_list_t *partitions;
    const rd_kafka_group_result_t **groups;
    rd_kafka_resp_err_t error;
    size_t count = 0;

    if (result == NULL) {
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_event_error(event);
    }
    groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count);
    if (count == 0 || rd_kafka_group_result_error(groups[0]) != NULL) {
        return count == 0 ? RD_KAFKA_RESP_ERR__BAD_MSG
                          : rd_kafka_error_code(rd_kafka_group_result_error(groups[0]));
    }
    partitions = rd_kafka_group_result_partitions(groups[0]);
    error = partitions == NULL || partitions->cnt == 0 ? RD_KAFKA_RESP_ERR__BAD_MSG
                                                       : partitions->elems[0].err;
    return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                   error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
               ? RD_KAFKA_RESP_ERR_NO_ERROR
               : error;
}

static enum err_code ask_group(const struct config *config, struct topic_right *right,
                               uint64_t timeout_ms, struct err *err)
{
    rd_kafka_AlterConsumerGroupOffsets_t *alter;
    rd_kafka_topic_partition_list_t *nowhere;
    struct admin_call call;
    rd_kafka_event_t *event;
    rd_kafka_t *rk = NULL;
    enum err_code rc = topics_client(config, &rk, err);

    if (rc != ERR_OK) {
        return rc;
    }
    nowhere = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(nowhere, config->kafka.topics[0].ptr, NO_PARTITION)->offset =
        0;
    alter = rd_kafka_AlterConsumerGroupOffsets_new(right->name.ptr, nowhere);
    admin_call_begin(&call, rk, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout_ms);
    rd_kafka_AlterConsumerGroupOffsets(rk, &alter, 1, call.options, call.queue);
    event = admin_call_wait(&call);
    settle(right, group_error(event));
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    admin_call_end(&call);
    rd_kafka_AlterConsumerGroupOffsets_destroy(alter);
    rd_kafka_topic_partition_list_destroy(nowhere);
    topics_client_close(rk);
    return ERR_OK;
}

/* The sources */

/* A record or the end of the partition is a yes; errors that name no topic are of the group, which
 * has been asked already, or of a connection, which the library tries again. */
static void take_fetched(struct topic_rights *rights, const rd_kafka_message_t *message)
{
    bool is_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;

    if (message->rkt == NULL) {
        return;
    }
    for (size_t i = 0; i < rights->count; i++) {
        struct topic_right *right = &rights->items[i];

        if (is_about(right, TOPIC_SOURCE) && !is_settled(right) &&
            span_is(right->name, rd_kafka_topic_name(message->rkt))) {
            settle(right, is_end ? RD_KAFKA_RESP_ERR_NO_ERROR : message->err);
        }
    }
}

static enum err_code ask_sources(const struct config *config, struct topic_rights *rights,
                                 uint64_t timeout_ms, struct err *err)
{
    rd_kafka_topic_partition_list_t *firsts;
    uint64_t give_up_ms = clock_mono_ms() + timeout_ms;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    enum err_code rc = kafka_conf(config, true, &conf, err);

    if (rc == ERR_OK) {
        rc = conf_open(RD_KAFKA_CONSUMER, conf, reader_pairs, COUNT_OF(reader_pairs), &rk, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_poll_set_consumer(rk);
    firsts = rd_kafka_topic_partition_list_new((int)rights->count);
    for (size_t i = 0; i < rights->count; i++) {
        if (is_about(&rights->items[i], TOPIC_SOURCE)) {
            rd_kafka_topic_partition_list_add(firsts, rights->items[i].name.ptr, 0)->offset =
                RD_KAFKA_OFFSET_END;
        }
    }
    rd_kafka_assign(rk, firsts); /* by hand: no group is joined */
    while (count_open(rights, TOPIC_SOURCE) > 0 && clock_mono_ms() < give_up_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, TURN_MS);

        if (message != NULL) {
            take_fetched(rights, message);
            rd_kafka_message_destroy(message);
        }
    }
    rd_kafka_topic_partition_list_destroy(firsts);
    topics_client_close(rk);
    return ERR_OK;
}

/* IdempotentWrite */

static int take_statistics(rd_kafka_t *rk, char *text, size_t len, void *opaque)
{
    bool *is_assigned = opaque;
    json_t *json = json_loadb(text, len, 0, NULL);
    const char *state =
        json_string_value(json_object_get(json_object_get(json, "eos"), "idemp_state"));

    (void)rk;
    *is_assigned = *is_assigned || (state != NULL && strcmp(state, "Assigned") == 0);
    json_decref(json);
    return 0; /* the library frees the text */
}

static enum err_code ask_idempotence(const struct config *config, struct topic_right *right,
                                     uint64_t timeout_ms, struct err *err)
{
    uint64_t give_up_ms = clock_mono_ms() + timeout_ms;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool is_assigned = false;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc == ERR_OK) {
        rd_kafka_conf_set_stats_cb(conf, take_statistics);
        rd_kafka_conf_set_opaque(conf, &is_assigned);
        rc = conf_open(RD_KAFKA_PRODUCER, conf, idempotent_pairs, COUNT_OF(idempotent_pairs), &rk,
                       err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    while (!is_assigned && error == RD_KAFKA_RESP_ERR_NO_ERROR && clock_mono_ms() < give_up_ms) {
        rd_kafka_poll(rk, TURN_MS);
        error = rd_kafka_fatal_error(rk, NULL, 0);
    }
    if (is_assigned || error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        settle(right, error);
    }
    topics_client_close(rk);
    return ERR_OK;
}

/* What is written */

/* The refusal of the number comes after the right: it is the yes. */
static void take_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct topic_right *right = message->_private;

    (void)rk;
    (void)opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(right->why, sizeof(right->why),
                       "this broker takes records with acks=2, which Kafka refuses");
        return;
    }
    settle(right, message->err == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS
                      ? RD_KAFKA_RESP_ERR_NO_ERROR
                      : message->err);
}

/* librdkafka's mock cluster, on which the sandbox plays, takes any number of acks; it has no
 * rights to refuse either. Its name is all that tells it apart. */
static bool is_mock(rd_kafka_t *rk, uint64_t timeout_ms)
{
    char *id = rd_kafka_clusterid(rk, (int)timeout_ms);
    bool is = id != NULL && strncmp(id, "mockCluster", strlen("mockCluster")) == 0;

    if (id != NULL) {
        rd_kafka_mem_free(rk, id);
    }
    return is;
}

static void send_refusable(rd_kafka_t *rk, struct topic_rights *rights)
{
    for (size_t i = 0; i < rights->count; i++) {
        struct topic_right *right = &rights->items[i];
        rd_kafka_resp_err_t error;

        if (!is_about(right, TOPIC_DESTINATION)) {
            continue;
        }
        error = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(right->name.ptr), RD_KAFKA_V_VALUE(NULL, 0),
                                  RD_KAFKA_V_OPAQUE(right), RD_KAFKA_V_END);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            settle(right, error);
        }
    }
}

static enum err_code ask_writes(const struct config *config, struct topic_rights *rights,
                                uint64_t timeout_ms, struct err *err)
{
    uint64_t give_up_ms = clock_mono_ms() + timeout_ms;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc == ERR_OK) {
        rd_kafka_conf_set_dr_msg_cb(conf, take_report);
        rc = conf_open(RD_KAFKA_PRODUCER, conf, writer_pairs, COUNT_OF(writer_pairs), &rk, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    if (is_mock(rk, timeout_ms)) {
        for (size_t i = 0; i < rights->count; i++) {
            if (is_about(&rights->items[i], TOPIC_DESTINATION)) {
                settle(&rights->items[i], RD_KAFKA_RESP_ERR_NO_ERROR);
            }
        }
    } else {
        send_refusable(rk, rights);
    }
    while (count_open(rights, TOPIC_DESTINATION) > 0 && clock_mono_ms() < give_up_ms) {
        rd_kafka_poll(rk, TURN_MS);
    }
    topics_client_close(rk);
    return ERR_OK;
}

static void add_group(struct topic_rights *out, struct span name)
{
    out->items[out->count++] =
        (struct topic_right){.resource = RIGHT_GROUP, .name = name, .operation = read_operation};
}

static bool is_read(const struct topic_rights *rights, const struct topic_need *need)
{
    for (size_t i = 0; i < rights->count; i++) {
        if (is_about(&rights->items[i], TOPIC_SOURCE) && rights->items[i].need == need) {
            return true;
        }
    }
    return false;
}

/* A backfill has a group of its own, and reads the topic it writes. */
static void list_backfill(const struct config *config, const struct topic_report *report,
                          const struct config_destination *destination, struct topic_rights *out)
{
    const struct config_destination *from = config_find(config, destination->backfill.from);
    char *group = mem_format(SPAN_FMT ".backfill." SPAN_FMT, SPAN_ARG(config->kafka.group),
                             SPAN_ARG(destination->name));

    out->groups[out->group_count++] = group;
    add_group(out, span_of(group));
    for (size_t i = 0; i < report->count; i++) {
        const struct topic_need *need = &report->needs[i];

        if (need->exists && span_eq(need->name, from->topic) && !is_read(out, need)) {
            out->items[out->count++] = (struct topic_right){.resource = RIGHT_TOPIC,
                                                            .name = need->name,
                                                            .need = need,
                                                            .operation = read_operation};
            return;
        }
    }
}

static void list_rights(const struct config *config, const struct topic_report *report,
                        struct topic_rights *out)
{
    size_t backfills = config_backfills(config);

    out->items = mem_array(report->count + 2 + 2 * backfills, struct topic_right);
    out->groups = mem_array(backfills, char *);
    add_group(out, config->kafka.group);
    out->items[out->count++] =
        (struct topic_right){.resource = RIGHT_CLUSTER, .operation = "IdempotentWrite"};
    for (size_t i = 0; i < config->destination_count; i++) {
        if (config->destinations[i].backfill.from.ptr != NULL) {
            list_backfill(config, report, &config->destinations[i], out);
        }
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct topic_need *need = &report->needs[i];

        if (need->exists) {
            out->items[out->count++] = (struct topic_right){
                .resource = RIGHT_TOPIC,
                .name = need->name,
                .need = need,
                .operation = need->role == TOPIC_SOURCE ? read_operation : "Write",
            };
        }
    }
}

enum err_code topics_rights_ask(const struct config *config, const struct topic_report *report,
                                uint64_t timeout_ms, struct topic_rights *out, struct err *err)
{
    struct topic_rights rights = {0};
    enum err_code rc = ERR_OK;

    list_rights(config, report, &rights);
    for (size_t i = 0; i < rights.count && rc == ERR_OK; i++) {
        if (rights.items[i].resource == RIGHT_GROUP) {
            rc = ask_group(config, &rights.items[i], timeout_ms, err);
        }
    }
    if (rc == ERR_OK) {
        rc = ask_idempotence(config, &rights.items[1], timeout_ms, err);
    }
    if (rc == ERR_OK && count_open(&rights, TOPIC_SOURCE) > 0) {
        rc = ask_sources(config, &rights, timeout_ms, err);
    }
    if (rc == ERR_OK && count_open(&rights, TOPIC_DESTINATION) > 0) {
        rc = ask_writes(config, &rights, timeout_ms, err);
    }
    for (size_t i = 0; i < rights.count; i++) {
        if (!is_settled(&rights.items[i])) {
            settle(&rights.items[i], RD_KAFKA_RESP_ERR__TIMED_OUT);
        }
    }
    *out = rights;
    return rc;
}

void topic_rights_fini(struct topic_rights *rights)
{
    for (size_t i = 0; i < rights->group_count; i++) {
        free(rights->groups[i]);
    }
    free(rights->groups);
    free(rights->items);
    *rights = (struct topic_rights){0};
}
