/*
 * Where reading of a partition starts that has no committed offset.
 *
 * `latest` is about the first start of the group, not about a partition. A partition that was added
 * later starts at its first record; otherwise records from before detour knew of it are skipped.
 * Whether this is the first start is asked before joining: later another worker may already have
 * committed, and then all partitions would look like added ones, with their whole history.
 */
#include "kafka/source_inside.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/watermarks.h"

enum { FIRST_WAIT_MS = 3000 };

/* Every partition of @topic; NULL when that is not to be had. */
static rd_kafka_topic_partition_list_t *list_all(const struct source *source, const char *topic,
                                                 uint64_t wait_ms)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(source->rk, topic, NULL);
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_partition_list_t *list = NULL;

    if (rkt != NULL &&
        rd_kafka_metadata(source->rk, 0, rkt, &found, (int)wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        int count = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;

        list = count > 0 ? rd_kafka_topic_partition_list_new(count) : NULL;
        for (int i = 0; i < count; i++) {
            rd_kafka_topic_partition_list_add(list, topic, found->topics[0].partitions[i].id);
        }
        rd_kafka_metadata_destroy(found);
    }
    if (rkt != NULL) {
        rd_kafka_topic_destroy(rkt);
    }
    return list;
}

/* Has the group an offset of any partition of @topic? */
static rd_kafka_resp_err_t look_at_topic(const struct source *source, const char *topic,
                                         uint64_t wait_ms, bool *is_committed)
{
    rd_kafka_topic_partition_list_t *list = list_all(source, topic, wait_ms);
    rd_kafka_resp_err_t error;

    *is_committed = false;
    if (list == NULL) {
        return RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    }
    error = rd_kafka_committed(source->rk, list, (int)wait_ms);
    for (int i = 0; i < list->cnt; i++) {
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            error = list->elems[i].err;
        }
        *is_committed |= list->elems[i].offset >= 0;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

void start_look(struct source *source)
{
    uint64_t until_ms = clock_mono_ms() + FIRST_WAIT_MS;

    source->is_first = mem_array(source->kafka->topic_count, bool);
    source->is_begun = mem_array(source->kafka->topic_count, bool);
    if (source->kafka->start_from != START_LATEST) {
        return;
    }
    for (size_t i = 0; i < source->kafka->topic_count; i++) {
        char *topic = mem_text(source->kafka->topics[i]);
        uint64_t now_ms = clock_mono_ms();
        bool is_committed;

        source->is_first[i] =
            look_at_topic(source, topic, until_ms > now_ms ? until_ms - now_ms : 1,
                          &is_committed) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            !is_committed;
        free(topic);
    }
}

/* The first start is over for a topic that there is: what comes later, even a topic of that name
 * made anew, is read from its first record. */
void start_done(struct source *source)
{
    for (size_t i = 0; i < source->kafka->topic_count; i++) {
        source->is_first[i] = false;
        if (source->kafka->start_from == START_LATEST && !source->is_begun[i]) {
            char *topic = mem_text(source->kafka->topics[i]);
            rd_kafka_topic_partition_list_t *list = list_all(source, topic, PLACE_SHORT_MS);

            source->is_begun[i] = list != NULL;
            if (list != NULL) {
                rd_kafka_topic_partition_list_destroy(list);
            }
            free(topic);
        }
    }
}

/* Does @topic begin at its end? */
static rd_kafka_resp_err_t is_latest(const struct source *source, const char *topic,
                                     uint64_t wait_ms, bool *out)
{
    rd_kafka_resp_err_t error;
    bool is_begun = false;
    bool is_committed;

    *out = false;
    if (source->kafka->start_from != START_LATEST) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    for (size_t i = 0; i < source->kafka->topic_count; i++) {
        if (span_is(source->kafka->topics[i], topic)) {
            *out |= source->is_first[i];
            is_begun |= source->is_begun[i];
        }
    }
    if (*out || is_begun) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    error = look_at_topic(source, topic, wait_ms, &is_committed);
    *out = !is_committed;
    return error;
}

/* Nothing of the group or the cluster tells a topic that was deleted and made anew, while nobody
 * ran, from one that the group meets for the first time: the group's offsets went with the topic.
 * So whoever wants `latest` is told what that leaves out. */
static void tell_start(const struct source_partition *partition, int64_t offset, int64_t unread,
                       bool is_at_end)
{
    LOG_AT(unread > 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "source.fresh",
           "topic=%s partition=%d offset=%" PRId64 " from=%s unread=%" PRId64 " next=%s",
           LOG_Q(partition->topic), (int)partition->partition, offset,
           is_at_end ? "latest" : "earliest", unread,
           LOG_Q(unread > 0 ? "the records before that offset are not read, because of "
                              "kafka.start_from: latest. If the topic was made anew, stop detour "
                              "and set the group's offset to the first one"
                            : ""));
}

rd_kafka_resp_err_t start_fresh(struct source *source, struct source_partition *partition,
                                uint64_t wait_ms)
{
    int64_t low = -1;
    int64_t high = -1;
    bool is_at_end = false;
    rd_kafka_resp_err_t error =
        watermarks_ask(source->rk, partition->topic, partition->partition, &low, &high, wait_ms);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = is_latest(source, partition->topic, wait_ms, &is_at_end);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        int64_t offset = is_at_end ? high : low;

        tell_start(partition, offset, offset - low, is_at_end);
        partition_place_fresh(partition, offset, low, high, clock_mono_ms());
    }
    return error;
}
