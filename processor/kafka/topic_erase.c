#include "kafka/topic_erase.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum { WAIT_MS = 10000, CLOSE_MS = 3000 };

struct topic_eraser {
    rd_kafka_t *rk; /* owned */
    char *topic;    /* owned */
    bool is_reported;
    rd_kafka_resp_err_t report; /* of the tombstone that is on its way */
};

static void take_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct topic_eraser *eraser = opaque;

    (void)rk;
    eraser->is_reported = true;
    eraser->report = message->err;
}

enum err_code topic_eraser_open(const struct config *config, const char *topic,
                                struct topic_eraser **out, struct err *err)
{
    static const struct conf_pair pairs[] = {
        {"client.id", "detour-purge"}, {"message.timeout.ms", "10000"}, {"log_level", "0"}};
    struct topic_eraser *eraser = mem_new(struct topic_eraser);
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    eraser->topic = mem_text(span_of(topic));
    if (rc == ERR_OK) {
        rd_kafka_conf_set_dr_msg_cb(conf, take_report);
        rd_kafka_conf_set_opaque(conf, eraser);
        rc = conf_open(RD_KAFKA_PRODUCER, conf, pairs, COUNT_OF(pairs), &eraser->rk, err);
    }
    if (rc != ERR_OK) {
        topic_eraser_close(eraser);
        return rc;
    }
    *out = eraser;
    return ERR_OK;
}

void topic_eraser_close(struct topic_eraser *eraser)
{
    if (eraser == NULL) {
        return;
    }
    if (eraser->rk != NULL) {
        (void)client_destroy(eraser->rk, clock_mono_ms() + CLOSE_MS);
    }
    free(eraser->topic);
    free(eraser);
}

static enum err_code fail(rd_kafka_resp_err_t error, int32_t partition, struct err *err)
{
    bool is_away = error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
                   error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT;

    return FAIL(err, is_away ? ERR_NET : ERR_STATE, "partition %d: %s", partition,
                rd_kafka_err2str(error));
}

enum err_code topic_eraser_tombstone(struct topic_eraser *eraser, int32_t partition,
                                     struct span key, struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + WAIT_MS + CLOSE_MS;
    rd_kafka_resp_err_t error;

    eraser->is_reported = false;
    error = rd_kafka_producev(
        eraser->rk, RD_KAFKA_V_TOPIC(eraser->topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.ptr, key.len),
        RD_KAFKA_V_VALUE(NULL, 0), RD_KAFKA_V_END);
    while (error == RD_KAFKA_RESP_ERR_NO_ERROR && !eraser->is_reported &&
           clock_mono_ms() < until_ms) {
        (void)rd_kafka_poll(eraser->rk, 100);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = eraser->is_reported ? eraser->report : RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : fail(error, partition, err);
}

static rd_kafka_resp_err_t read_result(rd_kafka_event_t *event)
{
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    const rd_kafka_topic_partition_list_t *list;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_event_error(event);
    }
    list = result == NULL ? NULL : rd_kafka_DeleteRecords_result_offsets(result);
    return list != NULL && list->cnt == 1 ? list->elems[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
}

enum err_code topic_eraser_delete(struct topic_eraser *eraser, int32_t partition, int64_t offset,
                                  struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(eraser->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(eraser->rk, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_DeleteRecords_t *request;
    rd_kafka_event_t *event;
    char why[128];

    rd_kafka_topic_partition_list_add(list, eraser->topic, partition)->offset = offset;
    request = rd_kafka_DeleteRecords_new(list);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, WAIT_MS, why, sizeof(why));
    rd_kafka_DeleteRecords(eraser->rk, &request, 1, options, queue);
    event = rd_kafka_queue_poll(queue, WAIT_MS + CLOSE_MS);
    if (event != NULL) {
        error = read_result(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : fail(error, partition, err);
}
