#include "kafka/watermarks.h"

#include "base/clock.h"

/* @place: RD_KAFKA_OFFSET_BEGINNING or _END, which the protocol takes in place of a time. */
static rd_kafka_resp_err_t ask(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t place,
                               int64_t *offset, uint64_t wait_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t error;

    at->offset = place;
    at->err = RD_KAFKA_RESP_ERR__NO_OFFSET; /* stays where no answer came */
    error = rd_kafka_offsets_for_times(rk, list, (int)wait_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = at->err == RD_KAFKA_RESP_ERR__NO_OFFSET ? RD_KAFKA_RESP_ERR__TIMED_OUT : at->err;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset < 0) {
        error = RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *offset = at->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

rd_kafka_resp_err_t watermarks_end(rd_kafka_t *rk, const char *topic, int32_t partition,
                                   int64_t *end, uint64_t wait_ms)
{
    return ask(rk, topic, partition, RD_KAFKA_OFFSET_END, end, wait_ms);
}

rd_kafka_resp_err_t watermarks_ask(rd_kafka_t *rk, const char *topic, int32_t partition,
                                   int64_t *low, int64_t *high, uint64_t wait_ms)
{
    uint64_t until_ms = clock_mono_ms() + wait_ms;
    uint64_t now_ms;
    rd_kafka_resp_err_t error = ask(rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, low, wait_ms);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error;
    }
    now_ms = clock_mono_ms();
    error = ask(rk, topic, partition, RD_KAFKA_OFFSET_END, high,
                until_ms > now_ms ? until_ms - now_ms : 1);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR && *high < *low
               ? RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
               : error;
}
