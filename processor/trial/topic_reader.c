#include "trial/topic_reader.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/headers.h"
#include "kafka/source.h"
#include "kafka/watermarks.h"

enum { TOPIC_MS = 10000, TURN_MESSAGES = 1000 };

struct topic_reader {
    rd_kafka_t *rk; /* owned */
    struct audit *audit;
    struct read_topic {
        const char *name;
        int32_t partition_count;
        int64_t next[AUDIT_PARTITIONS_MAX]; /* the offset to come */
    } topics[2];                            /* by enum audit_topic */
    uint64_t dropped;                       /* gaps */
};

static enum err_code find_partitions(struct topic_reader *reader, struct read_topic *topic,
                                     rd_kafka_topic_partition_list_t *list, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->rk, topic->name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(reader->rk, 0, handle, &metadata, TOPIC_MS);
    int count =
        metadata != NULL && metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;

    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    if (count < 1 || count > AUDIT_PARTITIONS_MAX) {
        return FAIL(err, ERR_NET, "topic %s cannot be read: %s", topic->name,
                    rc != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(rc)
                    : count < 1                      ? "it does not exist"
                                                     : "it has more than 64 partitions");
    }
    topic->partition_count = count;
    for (int i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, topic->name, i)->offset = 0;
    }
    return ERR_OK;
}

static enum err_code assign_all(struct topic_reader *reader, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    enum err_code rc = find_partitions(reader, &reader->topics[AUDIT_DIVERTED], list, err);

    if (rc == ERR_OK) {
        rc = find_partitions(reader, &reader->topics[AUDIT_DEAD_LETTER], list, err);
    }
    if (rc == ERR_OK && rd_kafka_assign(reader->rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = FAIL(err, ERR_STATE, "the topics cannot be read: %s",
                  rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

enum err_code topic_reader_open(const struct config *config, const char *alternate,
                                const char *dead_letter, struct audit *audit,
                                struct topic_reader **out, struct err *err)
{
    static const struct conf_pair pairs[] = {{"group.id", "detour-sandbox-reader"},
                                             {"fetch.wait.max.ms", "10"},
                                             {"auto.offset.reset", "earliest"}};
    struct topic_reader *reader = mem_new(struct topic_reader);
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, true, &conf, err);

    reader->audit = audit;
    reader->topics[AUDIT_DIVERTED].name = alternate;
    reader->topics[AUDIT_DEAD_LETTER].name = dead_letter;
    if (rc == ERR_OK) {
        rc = conf_open(RD_KAFKA_CONSUMER, conf, pairs, COUNT_OF(pairs), &reader->rk, err);
    }
    if (rc == ERR_OK) {
        rd_kafka_poll_set_consumer(reader->rk);
        rc = assign_all(reader, err);
    }
    if (rc != ERR_OK) {
        topic_reader_close(reader);
        return rc;
    }
    *out = reader;
    return ERR_OK;
}

static void take_message(struct topic_reader *reader, const rd_kafka_message_t *message)
{
    bool is_diverted =
        strcmp(rd_kafka_topic_name(message->rkt), reader->topics[AUDIT_DIVERTED].name) == 0;
    enum audit_topic topic = is_diverted ? AUDIT_DIVERTED : AUDIT_DEAD_LETTER;
    int64_t *next = &reader->topics[topic].next[message->partition];
    rd_kafka_headers_t *headers = NULL;
    struct span reason = SPAN_NONE;
    int64_t partition = -1;
    int64_t offset = -1;
    int64_t replays = 0;

    if (message->offset < *next) {
        return;
    }
    reader->dropped += (uint64_t)(message->offset - *next);
    *next = message->offset + 1;
    (void)rd_kafka_message_headers(message, &headers); /* none: then the place is unknown */
    if (headers != NULL) {
        reason = header_get(headers, "detour.reason");
        if (!span_to_i64(header_get(headers, "detour.source.partition"), &partition) ||
            !span_to_i64(header_get(headers, "detour.source.offset"), &offset)) {
            partition = -1;
        }
        (void)span_to_i64(header_get(headers, "detour.replays"), &replays);
    }
    if (!is_diverted && replays > 0) { /* a dead letter that failed again: it is known already */
        return;
    }
    audit_record(reader->audit, topic,
                 partition >= 0 && partition < AUDIT_PARTITIONS_MAX ? (int32_t)partition : -1,
                 offset, reason);
}

void topic_reader_turn(struct topic_reader *reader)
{
    for (int i = 0; i < TURN_MESSAGES; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 0);

        if (message == NULL) {
            return;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_message(reader, message);
        }
        rd_kafka_message_destroy(message);
    }
}

/* Up to where the broker says that each partition ends now. */
static enum err_code finish_topic(struct topic_reader *reader, const struct read_topic *topic,
                                  uint64_t until_ms, struct err *err)
{
    for (int32_t i = 0; i < topic->partition_count;) {
        uint64_t now_ms = clock_mono_ms();
        int64_t end = INT64_MAX;

        topic_reader_turn(reader);
        if (now_ms >= until_ms) {
            return FAIL(err, ERR_NET, "%s could not be read to its end", topic->name);
        }
        if (watermarks_end(reader->rk, topic->name, i, &end,
                           MIN_OF(until_ms - now_ms, (uint64_t)TOPIC_MS)) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            topic->next[i] >= end) {
            i++;
        }
    }
    return ERR_OK;
}

enum err_code topic_reader_finish(struct topic_reader *reader, uint64_t timeout_ms, struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + timeout_ms;
    enum err_code rc = finish_topic(reader, &reader->topics[AUDIT_DIVERTED], until_ms, err);

    if (rc == ERR_OK) {
        rc = finish_topic(reader, &reader->topics[AUDIT_DEAD_LETTER], until_ms, err);
    }
    if (rc == ERR_OK && reader->dropped > 0) {
        rc = FAIL(err, ERR_DATA,
                  "the broker dropped %llu records before they were read (the embedded one keeps "
                  "5 MiB a partition)",
                  (unsigned long long)reader->dropped);
    }
    return rc;
}

void topic_reader_close(struct topic_reader *reader)
{
    if (reader != NULL && reader->rk != NULL) {
        rd_kafka_consumer_close(reader->rk);
        rd_kafka_destroy(reader->rk);
    }
    free(reader);
}
