#include "trial/topic_reader.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/headers.h"
#include "kafka/source.h"
#include "kafka/watermarks.h"

enum { TOPIC_MS = 10000, TURN_MESSAGES = 1000 };

/* One partition being read. */
struct read_partition {
    enum audit_topic topic;
    int32_t partition;
    int64_t next; /* the offset to come */
};

struct topic_reader {
    rd_kafka_t *rk; /* owned */
    struct audit *audit;
    char *names[2]; /* owned; by enum audit_topic */
    struct read_partition partitions[2 * AUDIT_PARTITIONS_MAX];
    size_t partition_count;
    struct topic_reader_reason reasons[TOPIC_READER_REASONS_MAX];
    size_t reason_count;
    uint64_t dropped; /* gaps */
};

static enum err_code open_client(struct topic_reader *reader, const struct config *config,
                                 struct err *err)
{
    static const struct {
        const char *name, *value;
    } settings[] = {{"group.id", "detour-sandbox-reader"},
                    {"fetch.wait.max.ms", "10"},
                    {"auto.offset.reset", "earliest"}};
    rd_kafka_conf_t *conf = NULL;
    char text[256];
    enum err_code rc = kafka_conf(config, true, &conf, err);

    for (size_t i = 0; i < COUNT_OF(settings) && rc == ERR_OK; i++) {
        if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            rc = FAIL(err, ERR_CONFIG, "%s", text);
        }
    }
    if (rc == ERR_OK) {
        reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
        rc = reader->rk == NULL ? FAIL(err, ERR_CONFIG, "no consumer: %s", text) : ERR_OK;
    }
    if (rc != ERR_OK) {
        if (conf != NULL) {
            rd_kafka_conf_destroy(conf);
        }
        return rc;
    }
    rd_kafka_poll_set_consumer(reader->rk);
    return ERR_OK;
}

static enum err_code find_partitions(struct topic_reader *reader, enum audit_topic topic,
                                     rd_kafka_topic_partition_list_t *list, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->rk, reader->names[topic], NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(reader->rk, 0, handle, &metadata, TOPIC_MS);
    int count =
        metadata != NULL && metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;

    for (int i = 0; i < count && i < AUDIT_PARTITIONS_MAX; i++) {
        rd_kafka_topic_partition_list_add(list, reader->names[topic], i)->offset = 0;
        reader->partitions[reader->partition_count++] = (struct read_partition){topic, i, 0};
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    if (count < 1 || count > AUDIT_PARTITIONS_MAX) {
        return FAIL(err, ERR_NET, "topic %s cannot be read: %s", reader->names[topic],
                    rc != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(rc)
                    : count < 1                      ? "it does not exist"
                                                     : "it has more than 64 partitions");
    }
    return ERR_OK;
}

enum err_code topic_reader_open(const struct config *config, const char *alternate,
                                const char *dead_letter, struct audit *audit,
                                struct topic_reader **out, struct err *err)
{
    struct topic_reader *reader = mem_new(struct topic_reader);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    enum err_code rc;

    reader->audit = audit;
    reader->names[AUDIT_DIVERTED] = mem_text(span_of(alternate));
    reader->names[AUDIT_DEAD_LETTER] = mem_text(span_of(dead_letter));
    rc = open_client(reader, config, err);
    if (rc == ERR_OK) {
        rc = find_partitions(reader, AUDIT_DIVERTED, list, err);
    }
    if (rc == ERR_OK) {
        rc = find_partitions(reader, AUDIT_DEAD_LETTER, list, err);
    }
    if (rc == ERR_OK && rd_kafka_assign(reader->rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = FAIL(err, ERR_STATE, "the topics cannot be read: %s",
                  rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (rc != ERR_OK) {
        topic_reader_close(reader);
        return rc;
    }
    *out = reader;
    return ERR_OK;
}

static void count_reason(struct topic_reader *reader, enum audit_topic topic, struct span reason)
{
    struct topic_reader_reason *slot = NULL;

    reason = reason.ptr == NULL ? SPAN("none") : span_sub(reason, 0, MIN_OF(reason.len, 31u));
    for (size_t i = 0; i < reader->reason_count && slot == NULL; i++) {
        struct topic_reader_reason *at = &reader->reasons[i];

        slot = at->topic == topic && span_is(reason, at->reason) ? at : NULL;
    }
    if (slot == NULL && reader->reason_count < TOPIC_READER_REASONS_MAX) {
        slot = &reader->reasons[reader->reason_count++];
        slot->topic = topic;
        snprintf(slot->reason, sizeof(slot->reason), SPAN_FMT, SPAN_ARG(reason));
    } else if (slot == NULL) {
        slot = &reader->reasons[TOPIC_READER_REASONS_MAX - 1];
    }
    slot->count++;
}

static struct read_partition *find_partition(struct topic_reader *reader,
                                             const rd_kafka_message_t *message)
{
    for (size_t i = 0; i < reader->partition_count; i++) {
        struct read_partition *at = &reader->partitions[i];

        if (at->partition == message->partition &&
            strcmp(rd_kafka_topic_name(message->rkt), reader->names[at->topic]) == 0) {
            return at;
        }
    }
    return NULL;
}

static void take_message(struct topic_reader *reader, const rd_kafka_message_t *message)
{
    struct read_partition *at = find_partition(reader, message);
    rd_kafka_headers_t *headers = NULL;
    int64_t partition = -1;
    int64_t offset = -1;

    if (at == NULL || message->offset < at->next) {
        return;
    }
    reader->dropped += (uint64_t)(message->offset - at->next);
    at->next = message->offset + 1;
    (void)rd_kafka_message_headers(message, &headers); /* none: then the place is unknown */
    if (headers == NULL ||
        !span_to_i64(header_get(headers, "detour.source.partition"), &partition) ||
        !span_to_i64(header_get(headers, "detour.source.offset"), &offset)) {
        partition = -1;
    }
    audit_record(reader->audit, at->topic,
                 partition >= 0 && partition < AUDIT_PARTITIONS_MAX ? (int32_t)partition : -1,
                 offset);
    count_reason(reader, at->topic,
                 headers == NULL ? SPAN_NONE : header_get(headers, "detour.reason"));
}

bool topic_reader_turn(struct topic_reader *reader)
{
    for (int i = 0; i < TURN_MESSAGES; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 0);

        if (message == NULL) {
            return false;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_message(reader, message);
        }
        rd_kafka_message_destroy(message);
    }
    return true;
}

/* False while @at has not reached the end as the broker tells it. */
static bool is_at_end(struct topic_reader *reader, const struct read_partition *at,
                      uint64_t timeout_ms)
{
    int64_t end = INT64_MAX;

    return watermarks_end(reader->rk, reader->names[at->topic], at->partition, &end,
                          MIN_OF(timeout_ms, (uint64_t)10000)) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           at->next >= end;
}

enum err_code topic_reader_finish(struct topic_reader *reader, uint64_t timeout_ms, struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + timeout_ms;

    for (size_t i = 0; i < reader->partition_count;) {
        uint64_t now_ms = clock_mono_ms();

        (void)topic_reader_turn(reader);
        if (now_ms >= until_ms) {
            return FAIL(err, ERR_NET, "%s could not be read to its end",
                        reader->names[reader->partitions[i].topic]);
        }
        if (is_at_end(reader, &reader->partitions[i], until_ms - now_ms)) {
            i++;
        }
    }
    if (reader->dropped > 0) {
        return FAIL(err, ERR_DATA,
                    "the broker dropped %llu records before they were read (the embedded one keeps "
                    "5 MiB a partition)",
                    (unsigned long long)reader->dropped);
    }
    return ERR_OK;
}

const struct topic_reader_reason *topic_reader_reasons(const struct topic_reader *reader,
                                                       size_t *count)
{
    *count = reader->reason_count;
    return reader->reasons;
}

void topic_reader_close(struct topic_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->rk != NULL) {
        rd_kafka_consumer_close(reader->rk);
        rd_kafka_destroy(reader->rk);
    }
    free(reader->names[0]);
    free(reader->names[1]);
    free(reader);
}
