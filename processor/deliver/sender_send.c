/*
 * What goes next, and how: a free connection, a token, a batch that is due, its body and headers.
 */
#include "deliver/sender.h"
#include "deliver/sender_inside.h"

#include "base/mem.h"

enum { UNPROVEN_CONNECTIONS = 2, ANSWER_BYTES_PER_EVENT = 1024, LONG_WAIT_MS = 1000 };

/* Not many until one has answered well; not one alone, or a type that hangs would hold up the
 * others. */
static struct requests requests_of(const struct sender *sender)
{
    struct requests requests = {
        .in_flight = sender->batches.in_flight,
        .overtaken = sender->batches.overtaken,
        .most = sender->credential.is_proven ? SIZE_MAX : UNPROVEN_CONNECTIONS,
    };

    if (pause_is_limited(&sender->pause.seen)) {
        requests.most = 1; /* a probe */
    }
    return requests;
}

bool sender_is_overtaken(const struct sender *sender, const struct batch *batch)
{
    return batch->sent_ms < batch->queue->served_ms &&
           sender->d->now_ms - batch->sent_ms >= concurrency_hang_ms(&sender->concurrency);
}

bool sender_is_full(const struct sender *sender)
{
    const struct requests requests = requests_of(sender);

    return concurrency_is_full(&sender->concurrency, &requests);
}

bool sender_is_paused(const struct sender *sender)
{
    return sender->d->now_ms <
           MAX_OF(sender->pause.seen.paused_until_ms, sender->local_error.until_ms);
}

bool sender_may_send(const struct sender *sender)
{
    const struct requests requests = requests_of(sender);

    return !sender->d->is_silent && !sender_is_paused(sender) &&
           concurrency_allows(&sender->concurrency, &requests, sender->d->now_ms);
}

void sender_watch_limit(struct sender *sender)
{
    const struct requests requests = requests_of(sender);

    concurrency_watch(&sender->concurrency, &requests, sender->d->now_ms);
}

static void build_body(struct sender *sender, struct batch *batch)
{
    buf_clear(&batch->body);
    sender->to->driver->begin(sender->to, span_of(batch->queue->hold->source_id), &batch->body);
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0) {
            sender->to->driver->separate(sender->to, &batch->body);
        }
        buf_add_span(&batch->body, batch->legs[i]->item);
    }
    sender->to->driver->end(sender->to, &batch->body);
    INVARIANT(!batch->body.is_overflowed);
}

/* What an answer may be long: a result for each event, which may show the event again. In all, no
 * more than what is in flight and 64 KiB for each request. */
static size_t answer_bytes_of(const struct sender *sender, const struct batch *batch)
{
    size_t bytes = HTTP_ANSWER_BYTES + batch->count * ANSWER_BYTES_PER_EVENT;

    if (sender->config->batch.answer_bytes > 0) {
        return sender->config->batch.answer_bytes;
    }
    for (size_t i = 0; i < batch->count; i++) {
        bytes += batch->legs[i]->item.len;
    }
    return bytes;
}

static enum err_code post(struct sender *sender, struct batch *batch, struct err *err)
{
    const char *headers[DESTINATION_HEADERS_MAX];
    size_t count = destination_headers(sender->to, buf_span(&batch->body), sender->d->wall_ms,
                                       &sender->scratch.header_lines, headers);
    const struct http_request request = {&sender->target,        headers,         count,
                                         buf_span(&batch->body), sender_on_reply, batch};
    const struct io *io = sender->d->io;
    enum err_code rc;

    sender->target.answer_bytes = answer_bytes_of(sender, batch);
    rc = io->post(io->context, &request, err);

    mem_wipe(sender->scratch.header_lines.ptr, sender->scratch.header_lines.len);
    return rc;
}

/* The one request that may ask while less is asked for is taken for all workers. */
static bool may_ask(struct sender *sender)
{
    return !pause_is_limited(&sender->pause.seen) ||
           pause_take_probe(sender->pause.shared, sender->d->worker);
}

static void give_probe(struct sender *sender)
{
    if (pause_is_limited(&sender->pause.seen)) {
        pause_give_probe(sender->pause.shared, sender->d->worker);
    }
}

static bool has_waited_long(const struct sender *sender, const struct queue *queue)
{
    return queue->first != NULL && sender->d->now_ms - queue->first->queued_ms >=
                                       sender->config->batch.linger_ms + LONG_WAIT_MS;
}

/* Does @batch block others: have events waited for long behind it? A queue, not only thin traffic.
 */
void sender_mark_blocking(const struct sender *sender, struct batch *batch)
{
    const struct queue *queue = queues_first(&sender->queues);

    while (queue != NULL && !has_waited_long(sender, queue)) {
        queue = queues_next(&sender->queues, queue);
    }
    batch->ticket.is_blocking = has_waited_long(sender, batch->queue);
    batch->ticket.blocks_destination = queue != NULL;
}

/* How long its answer may take counts from here, not from when it was chosen. */
void sender_renew_lease(struct sender *sender, const struct batch *batch)
{
    health_canary_waits(sender->d->health, sender->index, batch->queue->cell, sender->d->now_ms,
                        &batch->ticket);
}

static bool send_batch(struct sender *sender, struct batch *batch)
{
    struct requests requests;
    struct err err;

    build_body(sender, batch);
    for (size_t i = 0; i < batch->count; i++) {
        leg_move(batch->legs[i], LEG_SENDING);
    }
    if (post(sender, batch, &err) != ERR_OK) {
        LOG_ERROR("request.local", "destination=%s why=%s", LOG_S(sender->config->name),
                  LOG_Q(err.text)); /* a local error never counts against the destination */
        batch_wait(&sender->batches, batch, sender->d->now_ms + SENDER_LOOK_MS, true);
        return false;
    }
    if (batch->is_canary) {
        sender_renew_lease(sender, batch);
    } else {
        batch->ticket = health_ticket(sender->d->health, sender->index, batch->queue->cell);
        batch->ticket.is_background = deliverer_is_background(sender->d);
    }
    batch->is_probe = pause_is_limited(&sender->pause.seen);
    batch_sent(&sender->batches, batch, sender->d->now_ms);
    batch->ticket.sent_ms = batch->sent_ms;
    requests = requests_of(sender);
    concurrency_sent(&sender->concurrency, &requests, sender->d->now_ms);
    retry_sent(&sender->retry, sender->d->now_ms);
    return true;
}

uint64_t sender_queue_until_ms(const struct sender *sender, const struct queue *queue)
{
    uint64_t held_until_ms;
    struct throttle_load load;

    if (queue->hold->wait_ms == 0 && sender->streak == 0 && throttle_is_off(&queue->throttle)) {
        return 0; /* asked for every queue in every turn */
    }
    held_until_ms = hold_until_ms(queue->hold, sender->d->now_ms);
    if (held_until_ms != 0) {
        return held_until_ms;
    }
    load = (struct throttle_load){
        .sent_ms = queue->sent_ms,
        .in_flight = queue->in_flight,
        .all_sent_ms = sender->concurrency.sent_ms,
        .all_in_row = sender->streak,
        .workers = sender->d->pipeline->config->workers,
    };
    return throttle_until_ms(&queue->throttle, &load);
}

/* When @batch may go, as far as time decides. */
uint64_t sender_due_ms(const struct sender *sender, const struct batch *batch)
{
    uint64_t due_ms = MAX_OF(batch->due_ms, retry_due_ms(&sender->retry, &batch->retry));

    return batch->is_canary ? due_ms : MAX_OF(due_ms, sender_queue_until_ms(sender, batch->queue));
}

static struct batch *take_waiting(struct sender *sender)
{
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        if (sender_due_ms(sender, batch) <= sender->d->now_ms &&
            retry_take(&sender->retry, &batch->retry, sender->d->now_ms)) {
            batch->retry.wants_budget = false;
            batch_unwait(&sender->batches, batch);
            return batch;
        }
    }
    return NULL;
}

static bool is_queue_due(const struct sender *sender, const struct queue *queue)
{
    const struct config_destination *config = sender->config;

    return queue->count > 0 && sender_queue_until_ms(sender, queue) <= sender->d->now_ms &&
           (sender->d->is_leaving || queue->count >= config->batch.events ||
            queue->bytes >= config->batch.bytes ||
            sender->d->now_ms - queue->first->queued_ms >= config->batch.linger_ms);
}

static struct batch *fill_batch(struct sender *sender, struct queue *queue)
{
    const struct config_destination *config = sender->config;
    struct batch *batch = batch_new(&sender->batches, sender, queue);
    size_t bytes = SENDER_ENVELOPE_BYTES;
    size_t events = sender_is_full(sender) ? 1 : config->batch.events; /* a sample risks one */

    while (queue->first != NULL && batch->count < events) {
        struct leg *leg = queue->first;

        if (batch->count > 0 && bytes + leg->item.len + 1 > config->batch.bytes) {
            break;
        }
        bytes += leg->item.len + 1;
        queue_remove(queue, leg);
        batch_add(batch, leg);
    }
    return batch;
}

static struct batch *take_queue(struct sender *sender, struct queue_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct queue *queue = queue_set_turn(set);

        if (is_queue_due(sender, queue)) {
            return fill_batch(sender, queue);
        }
    }
    return NULL;
}

static struct batch *take_by_priority(struct sender *sender)
{
    const enum priority *order = queues_order(&sender->queues);

    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        struct batch *batch = take_queue(sender, &sender->queues.sets[order[i]]);

        if (batch != NULL) {
            sender->queues.turn++;
            return batch;
        }
    }
    return NULL;
}

/* What waits has waited longer. But a refused credential is asked about with another event, where
 * there is one: it may have been that event's own doing. */
static struct batch *next_batch(struct sender *sender)
{
    bool prefers_fresh = sender->pause.seen.hold_wait_ms != 0;
    struct batch *batch = prefers_fresh ? take_by_priority(sender) : take_waiting(sender);

    if (batch != NULL) {
        return batch;
    }
    return prefers_fresh ? take_waiting(sender) : take_by_priority(sender);
}

bool sender_send_next(struct sender *sender)
{
    struct batch *batch = may_ask(sender) ? next_batch(sender) : NULL;

    if (batch == NULL) {
        give_probe(sender);
        return false;
    }
    (void)rate_limit_take(&sender->rate_limit, sender->d->now_ms);
    if (!send_batch(sender, batch)) {
        give_probe(sender);
        return false;
    }
    return true;
}
