/*
 * What an answer says of the health of its cell, and of what its queue is throttled by.
 */
#include "deliver/sender_inside.h"

enum { STORM_BAD_TO_GOOD = 9 }; /* health counts a storm from 90 % rejected */

/* A request refused for one bad item of a thousand is no rejecting destination: a storm is when
 * hardly any item gets by. Items are looked at in order, so those before the named one were good.
 */
static enum call call_of_rejection(struct batch *batch, const struct answer *answer)
{
    if (batch->count == 1) {
        return CALL_REJECT;
    }
    if (answer->scope != SCOPE_ITEM) {
        return CALL_NEUTRAL; /* halving will tell */
    }
    batch->rejected++;
    return batch->rejected >= STORM_BAD_TO_GOOD * answer->item ? CALL_REJECT : CALL_NEUTRAL;
}

/* Told of each by itself, nearly all were refused: as many rejections, and not one good answer. */
static size_t refused_each(const struct sender *sender, const struct batch *batch)
{
    size_t refused = 0;

    for (size_t i = 0; i < batch->count; i++) {
        refused += sender->scratch.each[i].verdict == VERDICT_REJECTED;
    }
    return refused >= STORM_BAD_TO_GOOD * (batch->count - refused) ? refused : 0;
}

static enum call call_of(const struct sender *sender, struct batch *batch,
                         const struct http_reply *reply, const struct answer *answer)
{
    if (answer->scope == SCOPE_EACH) {
        return refused_each(sender, batch) > 0 ? CALL_REJECT : CALL_OK;
    }
    switch (answer->verdict) {
    case VERDICT_DELIVERED:
        batch->queue->throttle.unknown_in_row = 0;
        return reply->duration_us / 1000 > sender->config->health.slow_ms ? CALL_SLOW : CALL_OK;
    case VERDICT_REJECTED:
        return call_of_rejection(batch, answer);
    case VERDICT_THROTTLED:
    case VERDICT_HOLD:
        return CALL_NEUTRAL;
    case VERDICT_UNKNOWN:
        return throttle_unknown(&batch->queue->throttle, batch->count);
    case VERDICT_RETRY:
        if (reply->status != 0) {
            return CALL_APP;
        }
        return reply->is_sent ? CALL_TRANSPORT : CALL_CONNECT;
    case VERDICT_COUNT:
        break;
    }
    return CALL_NEUTRAL;
}

/* What the queue is throttled by, and the budget of retries. */
static void count_rows(struct sender *sender, struct batch *batch, enum call call,
                       const struct answer *answer)
{
    size_t rejected = 0;

    if (call == CALL_REJECT) {
        rejected = answer->scope == SCOPE_EACH ? refused_each(sender, batch) : 1;
    }
    if (!call_is_fault(call) || !sender_is_overtaken(sender, batch)) {
        throttle_count(&batch->queue->throttle, call, (uint32_t)rejected);
    }
    if (call_is_fault(call)) {
        retry_fault(&sender->retry, sender->d->now_ms);
    }
}

/* One that hangs while later ones are served is no congestion. */
static void tell_concurrency(struct sender *sender, const struct batch *batch, bool is_fault)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t took_ms = now_ms - batch->sent_ms;

    if (sender_is_overtaken(sender, batch)) {
        return;
    }
    if (!is_fault && took_ms < concurrency_hang_ms(&sender->concurrency)) {
        batch->queue->served_ms = MAX_OF(batch->queue->served_ms, batch->sent_ms);
    }
    concurrency_answered(&sender->concurrency, now_ms, took_ms, is_fault);
}

/* As how many calls it counts: refused by event, it is as many refusals. */
static uint32_t count_calls(const struct sender *sender, const struct batch *batch, enum call call,
                            const struct answer *answer)
{
    if (call != CALL_REJECT || answer->scope != SCOPE_EACH) {
        return 1;
    }
    return (uint32_t)MIN_OF(refused_each(sender, batch), (size_t)STORM_ROW);
}

enum circuit sender_tell_health(struct sender *sender, struct batch *batch,
                                const struct http_reply *reply, const struct answer *answer)
{
    uint64_t now_ms = sender->d->now_ms;
    enum call call = call_of(sender, batch, reply, answer);
    bool is_fault = call_is_fault(call);
    struct health_call told = {
        .end = {.now_ms = now_ms,
                .call = call,
                .is_life_sign = answer->is_life_sign,
                .full_ms = concurrency_full_ms(&sender->concurrency, now_ms),
                .least_ms = is_fault && reply->has_retry_after ? reply->retry_after_ms : 0},
        .last_answer = sender_last_answer(sender, reply, answer),
        .calls = count_calls(sender, batch, call, answer),
        .is_counted = batch->is_counted,
        .counted_ms = batch->counted_ms,
    };

    if (answer->scope == SCOPE_EACH) {
        sender_last_answer_each(sender, batch->count, &told.last_answer);
    }
    if (is_fault) { /* looks through all queues */
        sender_mark_blocking(sender, batch);
    }
    count_rows(sender, batch, call, answer);
    if (call != CALL_NEUTRAL) {
        tell_concurrency(sender, batch, is_fault);
        rate_limit_accepted(&sender->rate_limit, now_ms);
    }
    told.ticket = batch->ticket;
    return health_ended(sender->d->health, sender->index, batch->queue->cell, &told);
}
