/**
 * io - everything a worker's delivery reaches beyond itself: time, HTTP, Kafka.
 *
 * A table of functions, so that the same code runs against the real world
 * (app/io_real.h) and on a virtual clock against a simulated one
 * (rehearse/world.h). Owned by one worker, called on its thread only; callbacks (a
 * request's answer, a record's report) come from answers(), reports() and stop() alone.
 *
 * Messages are rd_kafka_message_t by type, but only `payload`, `len`, `key`, `key_len`,
 * `partition` and `offset` may be read directly; whatever asks the library about one
 * goes through view(), headers() and release().
 */
#ifndef DELIVER_IO_H
#define DELIVER_IO_H

#include "event/event_view.h"
#include "http/client.h"
#include "kafka/producer.h"
#include "kafka/source.h"

struct io {
    void *context;

    /* time */
    uint64_t (*mono_ms)(void *context);
    int64_t (*wall_ms)(void *context);
    /** Wait for answers and reports, at most @ms: while sent work is finished. */
    void (*wait)(void *context, uint64_t ms);

    /* HTTP: as http_post() and http_turn() */
    enum err_code (*post)(void *context, const struct http_request *request, struct err *err);
    void (*answers)(void *context);

    /* records: as producer_send(), producer_turn(), producer_is_full(), producer_unsend() ... */
    void (*produce)(void *context, struct produce_request *request);
    uint64_t (*reports)(void *context, uint64_t now_ms);
    bool (*is_full)(void *context);
    void (*unsend)(void *context);
    bool (*is_unsent)(void *context, const struct produce_request *request);
    void (*recall)(void *context, struct produce_request *request);

    /* the source: as the functions of source.h */
    rd_kafka_message_t *(*poll)(void *context, struct source_partition **partition);
    void (*serve)(void *context);
    void (*settle)(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled);
    void (*block)(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_blocked);
    void (*commit)(void *context, uint64_t now_ms);
    bool (*is_fenced)(void *context, uint64_t now_ms);
    bool (*is_going)(void *context, uint64_t *until_ms);
    void (*let_go)(void *context);

    /* messages */
    void (*view)(const rd_kafka_message_t *message, struct message_view *out);
    /** The message's own headers; NULL when it has none. */
    const rd_kafka_headers_t *(*headers)(const rd_kafka_message_t *message);
    void (*release)(rd_kafka_message_t *message);

    /** For good: requests end without callbacks, records with CANCELLED. */
    void (*stop)(void *context);
};

#endif /* DELIVER_IO_H */
