/**
 * producer - writes records to Kafka destinations and to the dead-letter topic.
 *
 * Each worker owns one idempotent producer (acks=all, message.timeout 300 s, bounded queue) and
 * calls it on its thread. A record is a request with a callback. The callback runs once, from
 * producer_turn(): after the delivery report of the broker, or when the record is refused for good.
 * Key, value and headers stay borrowed until then.
 *
 * Errors never end the worker:
 *    transient (queue full, unknown topic, leader moves, time-out)
 *            tried again for ever with a backoff of 250 ms to 5 s; the `stuck` callback tells it,
 *            so that the partition is blocked by name
 *    of a record (produce_errors.h)
 *            fails its whole batch: the batch is halved until the refused records are alone; all
 *            others are written unchanged
 *    fatal for the producer
 *            a new producer is opened; records without a delivery report are produced again
 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"
#include "event/verdict.h"
#include "kafka/active_errors.h"

struct producer;

enum produce_result {
    PRODUCE_ACKNOWLEDGED,
    PRODUCE_TOO_LARGE, /* the topic or the client refuses its size */
    PRODUCE_REFUSED,   /* the topic refuses something else about it: request->error */
    PRODUCE_CANCELLED, /* producer_cancel(): the outcome is unknown or it was never sent */
};

struct produce_request {
    const char *topic;           /* terminated, outlives the request */
    struct span key;             /* ptr NULL: none */
    struct span value;           /* ptr NULL: tombstone */
    int64_t timestamp_ms;        /* 0: the time when it is handed to the client library */
    rd_kafka_headers_t *headers; /* owned by the request; kept for re-producing */
    void (*done)(struct produce_request *request, enum produce_result result);
    /** First failure (or no acknowledgement for 10 s) and recovery: @is_stuck false comes once,
     * right before done, however it ends, so that the two balance. @why is borrowed.
     * May be NULL. */
    void (*stuck)(struct produce_request *request, bool is_stuck, const char *why);
    void *context;
    bool must_go;  /* refused it waits, stuck, and is tried again: never TOO_LARGE or REFUSED */
    bool is_alone; /* it was refused before: no other request shares its batch */
    rd_kafka_resp_err_t error; /* the last one, when it is stuck or refused; 0: only silence */

    /* the producer's own */
    struct produce_request *next, *previous;
    uint64_t retry_at_ms;
    uint32_t failures;
    uint16_t line;  /* its topic's */
    uint16_t share; /* at most so many were in its batch; 0: any number */
    uint8_t state;
};

NODISCARD enum err_code producer_open(const struct config *config, unsigned worker_index,
                                      struct producer **out, struct err *err);
int producer_fd(const struct producer *producer);
/** Take @request (it must stay where it is until done). Never fails: waits inside when the queue is
 * full. */
void producer_send(struct producer *producer, struct produce_request *request);
/** Serve reports, retry what is due. Returns when the next retry is due in ms, or UINT64_MAX. */
uint64_t producer_turn(struct producer *producer, uint64_t now_ms);
/** Errors that stand: of topics that do not take records, and of the client itself. */
const struct active_errors *producer_errors(const struct producer *producer);
size_t producer_waiting(const struct producer *producer); /* taken and not done */
bool producer_is_full(const struct producer *producer);   /* back-pressure: take no more events */
/** Have the library give back what it has not put on the wire. It waits here again: to be recalled,
 * or sent by a new client (a gap in the sequence numbers of the old one would be refused). */
void producer_unsend(struct producer *producer);
/** Is @request taken, and certainly not on its way? */
bool producer_is_unsent(const struct produce_request *request);
/** Take back @request, which is unsent: it is over without done (stuck is told its end). */
void producer_recall(struct producer *producer, struct produce_request *request);
/** Give up on everything not acknowledged (hard stop, lost partition); callbacks run with
 * CANCELLED. */
void producer_cancel(struct producer *producer);
void producer_close(struct producer *producer);

#endif /* KAFKA_PRODUCER_H */
