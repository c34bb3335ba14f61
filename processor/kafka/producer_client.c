#include "kafka/producer_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum { PURGE_MS = 3000, CLOSE_MS = 5000 };

void client_fatal(struct producer *producer)
{
    char why[256];
    rd_kafka_resp_err_t cause;

    if (producer->is_fatal) {
        return;
    }
    producer->is_fatal = true;
    cause = rd_kafka_fatal_error(producer->rk, why, sizeof(why));
    active_error_add(&producer->errors, cause, "", why, clock_mono_ms());
}

static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        client_fatal(opaque);
    } else {
        client_report(rk, (rd_kafka_resp_err_t)error, reason);
    }
}

static void take_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    request_report(opaque, message->_private, message->err);
}

enum err_code client_open(struct producer *producer, struct err *err)
{
    char client_id[64];
    char batch_bytes[32];
    const struct conf_pair owned[] = {{"client.id", client_id}, {"batch.size", batch_bytes}};
    rd_kafka_conf_t *conf;
    enum err_code rc = kafka_conf(producer->config, false, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    if (producer->batch_bytes == 0) {
        producer->batch_bytes = (uint64_t)conf_number(conf, "batch.size", 1000000);
    }
    snprintf(client_id, sizeof(client_id), "detour-%u", producer->worker_index);
    snprintf(batch_bytes, sizeof(batch_bytes), "%llu", (unsigned long long)producer->batch_bytes);
    rd_kafka_conf_set_dr_msg_cb(conf, take_report);
    rd_kafka_conf_set_error_cb(conf, take_error);
    rd_kafka_conf_set_opaque(conf, producer);
    rc = conf_open(RD_KAFKA_PRODUCER, conf, owned, COUNT_OF(owned), &producer->rk, err);
    if (rc != ERR_OK) {
        return rc;
    }
    producer->queue = rd_kafka_queue_get_main(producer->rk);
    rd_kafka_queue_io_event_enable(producer->queue, producer->fd, &(uint64_t){1}, sizeof(uint64_t));
    producer->is_batch_smaller = false;
    producer->has_gap = false;
    return ERR_OK;
}

/* NULL when the library refuses the name (rd_kafka_last_error()). */
static rd_kafka_topic_t *topic_of(const struct producer *producer, struct topic_line *line)
{
    if (line->rkt == NULL) {
        line->rkt = rd_kafka_topic_new(producer->rk, line->name, NULL);
    }
    return line->rkt;
}

/* Its headers go in as a copy: the library takes them. */
rd_kafka_resp_err_t client_produce(const struct producer *producer, struct produce_request *request)
{
    rd_kafka_topic_t *rkt = topic_of(producer, request_line(producer, request));
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t error;

    if (rkt == NULL) {
        return rd_kafka_last_error();
    }
    headers = request->headers == NULL ? rd_kafka_headers_new(0)
                                       : rd_kafka_headers_copy(request->headers);
    error = rd_kafka_producev(
        producer->rk, RD_KAFKA_V_RKT(rkt), RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_KEY(request->key.ptr, request->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)request->value.ptr, request->value.len),
        RD_KAFKA_V_TIMESTAMP(MAX_OF(request->timestamp_ms, (int64_t)0)),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(request), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers);
    }
    return error;
}

bool client_purge(struct producer *producer)
{
    uint64_t until_ms = clock_mono_ms() + PURGE_MS;

    rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (producer->sent.count > 0 && clock_mono_ms() < until_ms) {
        rd_kafka_poll(producer->rk, 50);
    }
    return producer->sent.count == 0;
}

/* What the library still reads may be given back only when it is gone for certain. */
void client_close(struct producer *producer)
{
    bool is_clean;

    if (producer->rk == NULL) {
        return;
    }
    is_clean = client_purge(producer);
    for (size_t i = 0; i < producer->line_count; i++) {
        if (producer->lines[i].rkt != NULL) {
            rd_kafka_topic_destroy(producer->lines[i].rkt);
            producer->lines[i].rkt = NULL;
        }
    }
    rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(producer->queue);
    producer->queue = NULL;
    if (!is_clean) {
        rd_kafka_destroy(producer->rk);
    } else if (!client_destroy(producer->rk, clock_mono_ms() + CLOSE_MS)) {
        LOG_WARN("producer.close", "worker=%u text=%s", producer->worker_index,
                 LOG_Q("the client library does not end; left behind"));
    }
    producer->rk = NULL;
    while (producer->sent.count > 0) {
        request_move(producer, producer->sent.first,
                     producer->is_cancelling ? REQUEST_CANCELLED : REQUEST_READY);
    }
}

/* A new client after a fatal error; for smaller batches, or after a gap, once nothing is on the
 * way.
 */
void client_reopen(struct producer *producer, uint64_t now_ms)
{
    struct err err;
    bool is_wanted =
        producer->is_fatal || producer->rk == NULL ||
        ((producer->is_batch_smaller || producer->has_gap) && producer->sent.count == 0);

    if (!is_wanted || now_ms < producer->reopen_at_ms) {
        return;
    }
    client_close(producer);
    producer->is_fatal = false;
    producer->reopenings += producer->reopenings < UINT32_MAX ? 1 : 0;
    producer->reopen_at_ms =
        now_ms + MIN_OF((uint64_t)BACKOFF_MS_MIN << MIN_OF(producer->reopenings, 5u),
                        (uint64_t)BACKOFF_MS_MAX);
    if (client_open(producer, &err) != ERR_OK) {
        LOG_ERROR("producer.reopen", "worker=%u error=%s", producer->worker_index, LOG_Q(err.text));
    }
}
