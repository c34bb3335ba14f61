/*
 * Signs that a log may have changed: the library requests the metadata of a topic after every error
 * of a fetch and every lost connection. Its threads count these requests, and the worker compares
 * the count at each message. offsets/partition_check.c says what happens then.
 */
#include "base/mem.h"
#include "kafka/source_inside.h"

enum { API_METADATA = 3 };

static rd_kafka_resp_err_t on_request(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id,
                                      int16_t api, int16_t version, int32_t correlation_id,
                                      size_t size, void *opaque)
{
    _Atomic uint32_t *hints = opaque;

    (void)rk, (void)fd, (void)broker, (void)broker_id;
    (void)version, (void)correlation_id, (void)size;
    if (api == API_METADATA) {
        atomic_fetch_add_explicit(hints, 1, memory_order_release);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_client(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                     char *why, size_t why_size)
{
    (void)conf, (void)why, (void)why_size;
    return rd_kafka_interceptor_add_on_request_sent(rk, "detour", on_request, opaque);
}

enum err_code hints_watch(struct source *source, rd_kafka_conf_t *conf, struct err *err)
{
    source->hints = mem_new(_Atomic uint32_t);
    if (rd_kafka_conf_interceptor_add_on_new(conf, "detour", on_client, source->hints) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_STATE, "librdkafka takes no interceptor");
    }
    return ERR_OK;
}

bool hints_look(struct source *source)
{
    uint32_t hints = atomic_load_explicit(source->hints, memory_order_acquire);

    if (hints == source->hints_seen) {
        return false;
    }
    source->hints_seen = hints;
    assignment_suspect(&source->assignment, source->now_ms);
    source_act(source);
    return true;
}
