#include "recovery/group_offsets.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum { ASK_MS = 10000, CLOSE_MS = 3000 };

struct group_client {
    rd_kafka_t *rk; /* owned */
};

enum err_code group_client_open(const struct config *config, struct span group,
                                struct group_client **out, struct err *err)
{
    char *name = mem_text(group);
    const struct conf_pair pairs[] = {
        {"group.id", name}, {"enable.auto.commit", "false"}, {"log_level", "0"}};
    struct group_client *client = mem_new(struct group_client);
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, true, &conf, err);

    if (rc == ERR_OK) {
        rc = conf_open(RD_KAFKA_CONSUMER, conf, pairs, COUNT_OF(pairs), &client->rk, err);
    }
    free(name);
    if (rc != ERR_OK) {
        group_client_close(client);
        return rc;
    }
    *out = client;
    return ERR_OK;
}

static void take(struct span topic, const rd_kafka_topic_partition_t *answer,
                 struct group_offset *out)
{
    struct span text = {answer->metadata, answer->metadata_size};
    struct metadata_place place = {topic, answer->partition, answer->offset};

    out->offset = answer->offset >= 0 ? answer->offset : -1;
    out->metadata = (struct metadata){0};
    out->sort = METADATA_NONE;
    if (out->offset >= 0 && text.len > 0) {
        out->sort = metadata_read(text, &place, &out->metadata);
    }
}

enum err_code group_offsets_ask(struct group_client *client, struct span topic,
                                struct group_offset *offsets, size_t count, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    char *name = mem_text(topic);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < count; i++) {
        (void)rd_kafka_topic_partition_list_add(list, name, offsets[i].partition);
    }
    error = rd_kafka_committed(client->rk, list, ASK_MS);
    for (size_t i = 0; i < count && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_find(list, name, offsets[i].partition);

        error = at->err;
        take(topic, at, &offsets[i]);
    }
    rd_kafka_topic_partition_list_destroy(list);
    free(name);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ERR_OK;
    }
    return error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                   error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
               ? FAIL(err, ERR_STATE, "the group's offsets must not be read: %s",
                      rd_kafka_err2str(error))
               : FAIL(err, ERR_NET, "the group's offsets are not told within %d s: %s",
                      ASK_MS / 1000, rd_kafka_err2str(error));
}

enum err_code group_client_partitions(struct group_client *client, struct span topic, size_t *out,
                                      struct err *err)
{
    const rd_kafka_metadata_t *metadata = NULL;
    char *name = mem_text(topic);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, name, NULL);
    rd_kafka_resp_err_t error = handle == NULL
                                    ? rd_kafka_last_error()
                                    : rd_kafka_metadata(client->rk, 0, handle, &metadata, ASK_MS);

    *out = 0;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        *out = (size_t)metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    if (handle != NULL) {
        rd_kafka_topic_destroy(handle);
    }
    free(name);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ERR_OK
               : FAIL(err, ERR_NET, "Kafka does not tell of topic " SPAN_FMT ": %s",
                      SPAN_ARG(topic), rd_kafka_err2str(error));
}

enum err_code group_client_bounds(struct group_client *client, struct span topic, int32_t partition,
                                  int64_t *first, int64_t *end, struct err *err)
{
    char *name = mem_text(topic);
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(client->rk, name, partition, first, end, ASK_MS);

    free(name);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ERR_OK
               : FAIL(err, ERR_NET, "Kafka does not tell the end of " SPAN_FMT " [%d]: %s",
                      SPAN_ARG(topic), partition, rd_kafka_err2str(error));
}

void group_offsets_fini(struct group_offset *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(offsets[i].metadata.runs);
        offsets[i].metadata.runs = NULL;
    }
}

void group_client_close(struct group_client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->rk != NULL) {
        (void)client_destroy(client->rk, clock_mono_ms() + CLOSE_MS);
    }
    free(client);
}
