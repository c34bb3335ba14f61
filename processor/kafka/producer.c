#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/producer_inside.h"

/*
 * A request's way: producer_send() -> READY -> SENT -> report "acknowledged" -> FINISHED -> done().
 *
 * What goes wrong, in the order it is met:
 *    queue full             stays READY; producer_is_full() until the queue has drained
 *    refused or failed      DELAYED with backoff, then READY again; told as stuck
 *    no report for 10 s     stays SENT; told as stuck
 *    batch too large        the broker refuses a whole batch: SUSPECT, sent again by itself,
 *                           and only what is too large alone is finished so
 *    fatal producer error   all SENT ones back to READY, a new client, produced again
 *    cancelled              FINISHED from wherever it is
 *    recalled               out of READY, DELAYED or SUSPECT, without done()
 *
 * The library reads key and value until its report, so none is given back before.
 */
enum { SILENCE_MS = 10000, LOOK_MS = 1000, WAITING_MAX = 100000 };

static enum request_state state_of(const struct produce_request *request)
{
    return (enum request_state)(request->state & REQUEST_STATE_MASK);
}

static struct request_list *list_of(struct producer *producer, enum request_state state)
{
    switch (state) {
    case REQUEST_READY:
        return &producer->ready;
    case REQUEST_DELAYED:
        return &producer->delayed;
    case REQUEST_SENT:
        return &producer->sent;
    case REQUEST_SUSPECT:
        return &producer->suspects;
    case REQUEST_ACKNOWLEDGED:
    case REQUEST_TOO_LARGE:
    case REQUEST_CANCELLED:
        return &producer->finished;
    case REQUEST_NEW:
    case REQUEST_STATE_MASK:
    case REQUEST_IS_ALONE:
    case REQUEST_IS_STUCK:
        break;
    }
    return NULL;
}

/* Delayed ones are in the order they are due. */
void request_move(struct producer *producer, struct produce_request *request,
                  enum request_state state)
{
    struct request_list *from = list_of(producer, state_of(request));
    struct request_list *to = list_of(producer, state);
    struct produce_request *after;

    PRE(to != NULL);
    if (from != NULL) {
        request_list_remove(from, request);
    }
    if (state == REQUEST_READY || state == REQUEST_DELAYED) {
        request->state &= (uint8_t)~REQUEST_IS_ALONE;
    }
    after = to->last;
    while (state == REQUEST_DELAYED && after != NULL && after->retry_at_ms > request->retry_at_ms) {
        after = after->previous;
    }
    request_list_insert(to, after, request);
    request->state = (uint8_t)((request->state & ~REQUEST_STATE_MASK) | state);
}

static void tell_stuck(struct produce_request *request, bool is_stuck, const char *why)
{
    if (((request->state & REQUEST_IS_STUCK) != 0) == is_stuck) {
        return;
    }
    request->state ^= REQUEST_IS_STUCK;
    if (request->stuck != NULL) {
        request->stuck(request, is_stuck, why);
    }
}

/* A whole queue fails at once: one line a second says how many. */
static void note_failure(struct producer *producer, const struct produce_request *request,
                         rd_kafka_resp_err_t error)
{
    uint64_t now_ms = clock_mono_ms();

    producer->failures++;
    if (now_ms - producer->failure_logged_ms < LOOK_MS) {
        return;
    }
    LOG_WARN("producer.retry", "worker=%u topic=%s failures=%llu waiting=%zu error=%s",
             producer->worker_index, LOG_Q(request->topic), (unsigned long long)producer->failures,
             producer_waiting(producer), LOG_Q(rd_kafka_err2str(error)));
    producer->failure_logged_ms = now_ms;
    producer->failures = 0;
}

/* Not this time: again later, for ever. */
static void delay(struct producer *producer, struct produce_request *request,
                  rd_kafka_resp_err_t error)
{
    uint32_t doublings = MIN_OF(request->failures, 5u);
    uint64_t wait_ms = MIN_OF((uint64_t)BACKOFF_MS_MIN << doublings, (uint64_t)BACKOFF_MS_MAX);

    note_failure(producer, request, error);
    request->failures += request->failures < UINT32_MAX ? 1 : 0;
    request->retry_at_ms = clock_mono_ms() + wait_ms;
    request_move(producer, request, REQUEST_DELAYED);
    tell_stuck(request, true, rd_kafka_err2str(error));
}

static void refuse(struct producer *producer, struct produce_request *request,
                   rd_kafka_resp_err_t error)
{
    if (request->must_go) {
        delay(producer, request, error);
    } else {
        request_move(producer, request, REQUEST_TOO_LARGE);
    }
}

/* The answer spoke of a batch; which of its records is too large shows when each goes alone. */
static void suspect(struct producer *producer, struct produce_request *request)
{
    bool was_alone = (request->state & REQUEST_IS_ALONE) != 0 ||
                     request->value.len + request->key.len >= producer->batch_bytes;

    if (was_alone) {
        producer->is_culprit_found |= (request->state & REQUEST_IS_ALONE) != 0;
        refuse(producer, request, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        return;
    }
    request->state |= REQUEST_IS_ALONE;
    request_move(producer, request, REQUEST_SUSPECT);
}

/* All suspects were tried. When none was too large, the batch itself was: make smaller ones. */
static void end_search(struct producer *producer, const struct produce_request *request)
{
    if (!producer->is_culprit_found && producer->batch_bytes > BATCH_BYTES_MIN) {
        producer->batch_bytes = MAX_OF(producer->batch_bytes / 4, (uint64_t)BATCH_BYTES_MIN);
        producer->is_batch_smaller = true;
        LOG_INFO("producer.batch", "worker=%u topic=%s batch_bytes=%llu why=%s",
                 producer->worker_index, LOG_Q(request->topic),
                 (unsigned long long)producer->batch_bytes,
                 LOG_Q("the topic's max.message.bytes is below a batch; batches become smaller"));
    }
    producer->is_culprit_found = false;
}

void request_report(struct producer *producer, struct produce_request *request,
                    rd_kafka_resp_err_t error)
{
    bool was_alone = (request->state & REQUEST_IS_ALONE) != 0;

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->reopenings = 0;
        request_move(producer, request, REQUEST_ACKNOWLEDGED);
    } else if (producer->is_cancelling) {
        request_move(producer, request, REQUEST_CANCELLED);
    } else if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
               error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE) {
        suspect(producer, request);
    } else if (producer->is_fatal || error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
               error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        producer->has_gap |= error == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
        request_move(producer, request, REQUEST_READY); /* the client's fault, not the record's */
    } else {
        delay(producer, request, error);
    }
    if (was_alone && producer->suspects.count == 0) {
        end_search(producer, request);
    }
}

enum err_code producer_open(const struct config *config, unsigned worker_index,
                            struct producer **out, struct err *err)
{
    struct producer *producer = mem_new(struct producer);
    enum err_code rc;

    PRE(config != NULL);
    PRE(out != NULL);

    producer->config = config;
    producer->worker_index = worker_index;
    producer->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (producer->fd < 0) {
        free(producer);
        return FAIL(err, ERR_IO,
                    "no descriptor for the Kafka producer: raise the open files limit");
    }
    rc = client_open(producer, err);
    if (rc != ERR_OK) {
        close(producer->fd);
        free(producer);
        return rc;
    }
    *out = producer;
    return ERR_OK;
}

int producer_fd(const struct producer *producer)
{
    return producer->fd;
}

static void wake(const struct producer *producer)
{
    uint64_t one = 1;

    if (write(producer->fd, &one, sizeof(one)) < 0) {
        return; /* the counter is full: it is readable as it is */
    }
}

/* Hand one request to the library. Its headers go in as a copy: the library takes them. */
static rd_kafka_resp_err_t produce(struct producer *producer, struct produce_request *request)
{
    rd_kafka_topic_t *rkt = client_topic(producer, request->topic);
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

/* False: no more can be sent just now. */
static bool send_one(struct producer *producer, struct produce_request *request)
{
    rd_kafka_resp_err_t error = produce(producer, request);

    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        request->retry_at_ms = clock_mono_ms(); /* now when it was sent */
        request_move(producer, request, REQUEST_SENT);
        return true;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        if (producer->sent.count == 0) { /* larger than the empty queue */
            refuse(producer, request, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
            return true;
        }
        producer->is_queue_full = true;
        return false;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        refuse(producer, request, error);
        return true;
    case RD_KAFKA_RESP_ERR__FATAL:
        client_fatal(producer);
        return false;
    default:
        delay(producer, request, error);
        return true;
    }
}

static bool may_send(const struct producer *producer)
{
    return producer->rk != NULL && !producer->is_fatal && !producer->is_batch_smaller &&
           !producer->has_gap;
}

/* Suspects go one at a time and with nobody else on the way; then all that is ready. */
static void send_ready(struct producer *producer)
{
    if (!may_send(producer)) {
        return;
    }
    while (producer->suspects.count > 0) {
        if (producer->sent.count > 0 || !send_one(producer, producer->suspects.first)) {
            return;
        }
    }
    while (producer->ready.count > 0) {
        if (!send_one(producer, producer->ready.first)) {
            return;
        }
    }
    producer->is_queue_full = false;
}

void producer_send(struct producer *producer, struct produce_request *request)
{
    PRE(request->topic != NULL);
    PRE(request->done != NULL);

    request->state = REQUEST_NEW;
    request->failures = 0;
    request->retry_at_ms = clock_mono_ms();
    request_move(producer, request, REQUEST_READY);
    wake(producer); /* sent in the next turn, together with what else comes in this one */
}

static void finish(struct producer *producer)
{
    while (producer->finished.count > 0) {
        struct produce_request *request = producer->finished.first;
        enum request_state state = state_of(request);

        request_list_remove(&producer->finished, request);
        request->state = (uint8_t)(REQUEST_NEW | (request->state & REQUEST_IS_STUCK));
        tell_stuck(request, false, NULL);
        request->done(request, state == REQUEST_ACKNOWLEDGED ? PRODUCE_ACKNOWLEDGED
                               : state == REQUEST_TOO_LARGE  ? PRODUCE_TOO_LARGE
                                                             : PRODUCE_CANCELLED);
    }
}

/* Nothing fails while a broker is silent, so that is looked for. Lists are oldest first. */
static void tell_silence(const struct request_list *list, uint64_t now_ms)
{
    for (struct produce_request *request = list->first;
         request != NULL && request->retry_at_ms + SILENCE_MS <= now_ms; request = request->next) {
        tell_stuck(request, true, "no acknowledgement from the broker for 10 s");
    }
}

static uint64_t next_turn_ms(const struct producer *producer, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;

    if (producer->delayed.count > 0) {
        due_ms = producer->delayed.first->retry_at_ms;
    }
    if (producer->ready.count + producer->sent.count + producer->suspects.count > 0) {
        due_ms = MIN_OF(due_ms, now_ms + LOOK_MS);
    }
    if (!may_send(producer)) {
        due_ms = MIN_OF(due_ms, MAX_OF(producer->reopen_at_ms, now_ms + BACKOFF_MS_MIN));
    }
    if (producer->finished.count > 0) {
        return 0; /* a callback sent what could not be sent */
    }
    if (due_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

/* What was refused for its size is tried by itself, or its batch would be refused with it. */
static void resume(struct producer *producer, struct produce_request *request)
{
    request_move(producer, request, request->must_go ? REQUEST_SUSPECT : REQUEST_READY);
    request->state |= request->must_go ? REQUEST_IS_ALONE : 0;
}

uint64_t producer_turn(struct producer *producer, uint64_t now_ms)
{
    uint64_t events;

    if (read(producer->fd, &events, sizeof(events)) < 0) {
        events = 0; /* nothing new; what is due is done all the same */
    }
    if (producer->rk != NULL) {
        rd_kafka_poll(producer->rk, 0);
    }
    client_reopen(producer, now_ms);
    while (producer->delayed.count > 0 && producer->delayed.first->retry_at_ms <= now_ms) {
        resume(producer, producer->delayed.first);
    }
    send_ready(producer);
    finish(producer);
    send_ready(producer); /* what the callbacks added */
    if (now_ms - producer->looked_at_ms >= LOOK_MS) {
        producer->looked_at_ms = now_ms;
        tell_silence(&producer->sent, now_ms);
        tell_silence(&producer->ready, now_ms);
    }
    return next_turn_ms(producer, now_ms);
}

size_t producer_waiting(const struct producer *producer)
{
    return producer->ready.count + producer->delayed.count + producer->sent.count +
           producer->suspects.count + producer->finished.count;
}

bool producer_is_full(const struct producer *producer)
{
    return producer->is_queue_full || producer_waiting(producer) >= WAITING_MAX;
}

void producer_unsend(struct producer *producer)
{
    if (producer->rk != NULL && producer->sent.count > 0) {
        rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE);
        rd_kafka_poll(producer->rk, 0);
    }
}

bool producer_is_unsent(const struct produce_request *request)
{
    enum request_state state = state_of(request);

    return state == REQUEST_READY || state == REQUEST_DELAYED || state == REQUEST_SUSPECT;
}

void producer_recall(struct producer *producer, struct produce_request *request)
{
    PRE(producer_is_unsent(request));

    request_list_remove(list_of(producer, state_of(request)), request);
    request->state = (uint8_t)(REQUEST_NEW | (request->state & REQUEST_IS_STUCK));
    tell_stuck(request, false, NULL);
    if (producer->suspects.count == 0) {
        producer->is_culprit_found = false;
    }
}

void producer_cancel(struct producer *producer)
{
    producer->is_cancelling = true;
    while (producer->ready.count > 0) {
        request_move(producer, producer->ready.first, REQUEST_CANCELLED);
    }
    while (producer->delayed.count > 0) {
        request_move(producer, producer->delayed.first, REQUEST_CANCELLED);
    }
    while (producer->suspects.count > 0) {
        request_move(producer, producer->suspects.first, REQUEST_CANCELLED);
    }
    if (producer->rk != NULL && producer->sent.count > 0 && !client_purge(producer)) {
        client_close(producer); /* the next turn opens another */
    }
    producer->is_cancelling = false;
    producer->is_queue_full = false;
    finish(producer);
}

void producer_close(struct producer *producer)
{
    if (producer == NULL) {
        return;
    }
    producer_cancel(producer);
    client_close(producer);
    close(producer->fd);
    free(producer);
}
