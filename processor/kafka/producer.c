#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/produce_errors.h"
#include "kafka/producer_inside.h"

/*
 * A request's way: producer_send() -> READY -> SENT -> report "acknowledged" -> FINISHED -> done().
 *
 * What goes wrong, in the order it is met:
 *    queue full             stays READY; producer_is_full() until the queue has drained
 *    refused or failed      DELAYED with backoff, then READY again; told as stuck
 *    no report for 10 s     stays SENT; told as stuck
 *    a record refused       the broker refuses the whole batch: all are SUSPECT, and only what
 *                           is refused alone is finished so (producer_search.c)
 *    fatal producer error   all SENT ones back to READY, a new client, produced again
 *    cancelled              FINISHED from wherever it is
 *    recalled               out of READY, DELAYED or SUSPECT, without done()
 *
 * The library reads key and value until its report, so none is given back before.
 */
enum { SILENCE_MS = 10000, LOOK_MS = 1000, WAITING_MAX = 100000 };

static struct request_list *list_of(struct producer *producer,
                                    const struct produce_request *request, enum request_state state)
{
    switch (state) {
    case REQUEST_READY:
        return &request_line(producer, request)->ready;
    case REQUEST_SUSPECT:
        return &request_line(producer, request)->suspects;
    case REQUEST_DELAYED:
        return &producer->delayed;
    case REQUEST_SENT:
        return &producer->sent;
    case REQUEST_ACKNOWLEDGED:
    case REQUEST_REFUSED:
    case REQUEST_CANCELLED:
        return &producer->finished;
    case REQUEST_NEW:
    case REQUEST_STATE_MASK:
    case REQUEST_IS_TRIAL:
    case REQUEST_IS_STUCK:
        break;
    }
    return NULL;
}

static bool is_unsent(enum request_state state)
{
    return state == REQUEST_READY || state == REQUEST_SUSPECT;
}

static void leave(struct producer *producer, struct produce_request *request)
{
    struct topic_line *line = request_line(producer, request);
    enum request_state state = request_state(request);
    struct request_list *list = list_of(producer, request, state);

    if (list != NULL) {
        request_list_remove(list, request);
    }
    INVARIANT(producer->unsent > 0 || !is_unsent(state));
    INVARIANT(line->sent > 0 || state != REQUEST_SENT);
    INVARIANT(line->trials <= line->sent);
    producer->unsent -= is_unsent(state);
    line->sent -= state == REQUEST_SENT;
    line->trials -= (request->state & REQUEST_IS_TRIAL) != 0;
    request->state &= (uint8_t)~REQUEST_IS_TRIAL;
}

/* Delayed ones are in the order they are due. */
void request_move(struct producer *producer, struct produce_request *request,
                  enum request_state state)
{
    struct request_list *to = list_of(producer, request, state);
    struct produce_request *after;

    PRE(to != NULL);
    leave(producer, request);
    if (state == REQUEST_READY || state == REQUEST_DELAYED) {
        request->share = 0;
    }
    after = to->last;
    while (state == REQUEST_DELAYED && after != NULL && after->retry_at_ms > request->retry_at_ms) {
        after = after->previous;
    }
    request_list_insert(to, after, request);
    producer->unsent += is_unsent(state);
    request_line(producer, request)->sent += state == REQUEST_SENT;
    request->state = (uint8_t)((request->state & ~REQUEST_STATE_MASK) | state);
    POST(request_state(request) == state);
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

/* Not this time: again later, for ever. */
static void delay(struct producer *producer, struct produce_request *request,
                  rd_kafka_resp_err_t error)
{
    uint32_t doublings = MIN_OF(request->failures, 5u);
    uint64_t wait_ms = MIN_OF((uint64_t)BACKOFF_MS_MIN << doublings, (uint64_t)BACKOFF_MS_MAX);

    active_error_add(&producer->errors, error, request->topic, rd_kafka_err2str(error),
                     clock_mono_ms());
    request->error = error;
    request->failures += request->failures < UINT32_MAX ? 1 : 0;
    request->retry_at_ms = clock_mono_ms() + wait_ms;
    request_move(producer, request, REQUEST_DELAYED);
    tell_stuck(request, true, rd_kafka_err2str(error));
}

void request_refuse(struct producer *producer, struct produce_request *request)
{
    PRE(request->error != RD_KAFKA_RESP_ERR_NO_ERROR);
    if (request->must_go) {
        delay(producer, request, request->error);
    } else {
        request_move(producer, request, REQUEST_REFUSED);
    }
}

static void take_acknowledgement(struct producer *producer, struct produce_request *request)
{
    producer->reopenings = 0;
    if (producer->errors.count > 0) {
        active_error_clear(&producer->errors, request->topic, clock_mono_ms());
        active_error_clear(&producer->errors, "", clock_mono_ms()); /* the client's own */
    }
    request_move(producer, request, REQUEST_ACKNOWLEDGED);
}

void request_report(struct producer *producer, struct produce_request *request,
                    rd_kafka_resp_err_t error)
{
    bool was_trial = (request->state & REQUEST_IS_TRIAL) != 0;
    enum produce_fault fault = produce_fault_of(error);

    PRE(request_state(request) == REQUEST_SENT);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_acknowledgement(producer, request);
    } else if (producer->is_cancelling) {
        request_move(producer, request, REQUEST_CANCELLED);
    } else if (produce_fault_is_record(fault)) {
        search_suspect(producer, request, error);
    } else if (producer->is_fatal || fault == PRODUCE_FAULT_CLIENT) {
        producer->has_gap |= error == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
        request_move(producer, request, REQUEST_READY); /* the client's fault, not the record's */
    } else {
        delay(producer, request, error);
    }
    if (was_trial) {
        search_end(producer, request_line(producer, request));
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
    producer->errors = (struct active_errors){.owner = CLIENT_IS_PRODUCER, .worker = worker_index};
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

bool request_send(struct producer *producer, struct produce_request *request)
{
    rd_kafka_resp_err_t error = client_produce(producer, request);

    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        request->retry_at_ms = clock_mono_ms(); /* now when it was sent */
        request_move(producer, request, REQUEST_SENT);
        return true;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        if (producer->sent.count == 0) { /* larger than the empty queue */
            request->error = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
            request_refuse(producer, request);
            return true;
        }
        producer->is_queue_full = true;
        return false;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        request->error = error;
        request_refuse(producer, request);
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

/* Suspects go group by group, with nobody else of their topic on the way; then all that is ready.
 * False: no more can be sent just now. */
static bool send_line(struct producer *producer, struct topic_line *line)
{
    while (line->suspects.count > 0 && line->sent == 0) {
        if (!search_send(producer, line)) {
            return false;
        }
    }
    if (line->suspects.count + line->trials > 0) {
        return true;
    }
    while (line->ready.count > 0) {
        if (!request_send(producer, line->ready.first)) {
            return false;
        }
    }
    return true;
}

static void send_ready(struct producer *producer)
{
    size_t count = producer->line_count;

    if (!may_send(producer)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!send_line(producer, &producer->lines[(producer->line_next + i) % count])) {
            producer->line_next = (producer->line_next + 1) % count; /* a full queue is for all */
            return;
        }
    }
    producer->is_queue_full = false;
}

static size_t line_of(struct producer *producer, const char *topic)
{
    for (size_t i = 0; i < producer->line_count; i++) {
        if (strcmp(producer->lines[i].name, topic) == 0) {
            return i;
        }
    }
    PRE(producer->line_count < UINT16_MAX);
    producer->lines = mem_grow(producer->lines, producer->line_count + 1, sizeof(*producer->lines));
    producer->lines[producer->line_count] = (struct topic_line){.name = mem_text(span_of(topic))};
    return producer->line_count++;
}

void producer_send(struct producer *producer, struct produce_request *request)
{
    PRE(request->topic != NULL);
    PRE(request->done != NULL);
    PRE(!producer->is_cancelling);

    request->state = REQUEST_NEW;
    request->failures = 0;
    request->error = RD_KAFKA_RESP_ERR_NO_ERROR;
    request->line = (uint16_t)line_of(producer, request->topic);
    request->share = request->is_alone ? 1 : 0;
    request->retry_at_ms = clock_mono_ms();
    request_move(producer, request, request->is_alone ? REQUEST_SUSPECT : REQUEST_READY);
    wake(producer); /* sent in the next turn, together with what else comes in this one */
}

static enum produce_result result_of(const struct produce_request *request,
                                     enum request_state state)
{
    if (state == REQUEST_ACKNOWLEDGED) {
        return PRODUCE_ACKNOWLEDGED;
    }
    if (state == REQUEST_REFUSED) {
        return produce_fault_of(request->error) == PRODUCE_FAULT_SIZE ? PRODUCE_TOO_LARGE
                                                                      : PRODUCE_REFUSED;
    }
    return PRODUCE_CANCELLED;
}

static void finish(struct producer *producer)
{
    while (producer->finished.count > 0) {
        struct produce_request *request = producer->finished.first;
        enum request_state state = request_state(request);

        INVARIANT(state == REQUEST_ACKNOWLEDGED || state == REQUEST_REFUSED ||
                  state == REQUEST_CANCELLED);
        request_list_remove(&producer->finished, request);
        request->state = (uint8_t)(REQUEST_NEW | (request->state & REQUEST_IS_STUCK));
        tell_stuck(request, false, NULL);
        request->done(request, result_of(request, state));
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
    if (producer->unsent + producer->sent.count > 0) {
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

/* What was refused is tried by itself, or its batch would be refused with it. */
static void resume(struct producer *producer, struct produce_request *request)
{
    bool is_alone = request->must_go || request->is_alone;

    request_move(producer, request, is_alone ? REQUEST_SUSPECT : REQUEST_READY);
    request->share = is_alone ? 1 : 0;
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
        for (size_t i = 0; i < producer->line_count; i++) {
            tell_silence(&producer->lines[i].ready, now_ms);
        }
        active_error_expire(&producer->errors, now_ms);
    }
    return next_turn_ms(producer, now_ms);
}

const struct active_errors *producer_errors(const struct producer *producer)
{
    return &producer->errors;
}

size_t producer_waiting(const struct producer *producer)
{
    return producer->unsent + producer->delayed.count + producer->sent.count +
           producer->finished.count;
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
    enum request_state state = request_state(request);

    return is_unsent(state) || state == REQUEST_DELAYED;
}

void producer_recall(struct producer *producer, struct produce_request *request)
{
    PRE(producer_is_unsent(request));

    leave(producer, request);
    request->state = (uint8_t)(REQUEST_NEW | (request->state & REQUEST_IS_STUCK));
    tell_stuck(request, false, NULL);
}

static void cancel_list(struct producer *producer, const struct request_list *list)
{
    while (list->count > 0) {
        request_move(producer, list->first, REQUEST_CANCELLED);
    }
}

void producer_cancel(struct producer *producer)
{
    producer->is_cancelling = true;
    for (size_t i = 0; i < producer->line_count; i++) {
        cancel_list(producer, &producer->lines[i].ready);
        cancel_list(producer, &producer->lines[i].suspects);
    }
    cancel_list(producer, &producer->delayed);
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
    for (size_t i = 0; i < producer->line_count; i++) {
        free(producer->lines[i].name);
    }
    free(producer->lines);
    close(producer->fd);
    free(producer);
}
