/*
 * What a sender looks through once a turn: legs that have waited too long for a throttle, a
 * credential, the retry budget, or beyond the destination's share of in_flight; legs that wait for
 * an open breaker; requests that hang; secrets that changed; what other workers were told.
 */
#include "deliver/sender.h"
#include "deliver/sender_inside.h"

enum {
    HOLD_FAIL_OVER_MS = 60000, /* waiting for a refused credential */
    REVIEW_MS = 100,           /* between looks at who has waited too long */
    LIVE_PROBE_MS = 2 * PAUSE_LONG_WAIT_MS,
};

/* waiting too long */

/* Legs expire that have waited for @wait_ms since @since_ms. Those at the end of their chain wait
 * on, but for @excess of them. */
struct expiry {
    uint64_t since_ms, wait_ms;
    size_t excess;
    enum reason reason;
};

static bool is_expired(const struct sender *sender, const struct leg *leg, struct expiry *expiry)
{
    uint64_t waited_ms = sender->d->now_ms - MAX_OF(leg->queued_ms, expiry->since_ms);

    if (waited_ms < expiry->wait_ms) {
        return false;
    }
    if (!leg_has_alternate(leg)) {
        if (expiry->excess == 0) {
            return false;
        }
        expiry->excess--;
    }
    return true;
}

static void expire_queue(struct sender *sender, struct queue *queue, struct expiry *expiry)
{
    struct leg *next;

    for (struct leg *leg = queue->first; leg != NULL; leg = next) {
        next = leg->next;
        if (is_expired(sender, leg, expiry)) {
            queue_remove(queue, leg);
            sender_report(sender, leg, LEG_FAILED, expiry->reason);
        }
    }
}

static void expire_batch(struct sender *sender, struct batch *batch, struct expiry *expiry)
{
    for (size_t i = batch->count; i-- > 0;) {
        if (is_expired(sender, batch->legs[i], expiry)) {
            struct leg *leg = batch_take(batch, i);

            sender_cancel_canary(sender, leg);
            sender_report(sender, leg, LEG_FAILED, expiry->reason);
        }
    }
    if (batch->count == 0) {
        batch_unwait(&sender->batches, batch);
        batch_free(&sender->batches, batch);
    }
}

/* Of queue @only, or of all when it is NULL: what was refused and waits in its batch, and what
 * queues behind it. */
static void expire(struct sender *sender, struct queue *only, struct expiry *expiry)
{
    struct batch *next;

    if (sender->d->now_ms - expiry->since_ms < expiry->wait_ms) {
        return;
    }
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (only == NULL || batch->queue == only) {
            expire_batch(sender, batch, expiry);
        }
    }
    for (struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        if (only == NULL || queue == only) {
            expire_queue(sender, queue, expiry);
        }
    }
}

static size_t count_waiting(const struct sender *sender)
{
    size_t count = 0;

    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        count += batch->count;
    }
    for (const struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        count += queue->count;
    }
    return count;
}

/* Over its share of in_flight, no event waits any longer that has another destination. Where other
 * destinations would have to wait too, what is over the share and has none goes to the dead letters
 * when the time is over. */
static struct expiry expiry_of(const struct sender *sender, uint64_t since_ms, uint64_t wait_ms,
                               enum reason reason)
{
    size_t excess = bulkhead_excess(&sender->bulkhead, count_waiting(sender));
    bool is_over = sender->d->now_ms - since_ms >= wait_ms;

    return (struct expiry){
        .since_ms = since_ms,
        .wait_ms = excess > 0 ? MIN_OF(wait_ms, (uint64_t)SENDER_LOOK_MS) : wait_ms,
        .excess = is_over && sender->bulkhead.has_neighbours ? excess : 0,
        .reason = reason,
    };
}

static void expire_while(struct sender *sender, struct queue *only, uint64_t since_ms,
                         uint64_t wait_ms, enum reason reason)
{
    struct expiry expiry;

    if (since_ms != 0) {
        expiry = expiry_of(sender, since_ms, wait_ms, reason);
        expire(sender, only, &expiry);
    }
}

static void expire_excess(struct sender *sender)
{
    struct expiry expiry = {.wait_ms = BULKHEAD_MS, .reason = REASON_THROTTLED};

    if (bulkhead_is_over(&sender->bulkhead, count_waiting(sender),
                         event_pool_busy(&sender->d->events), sender->d->now_ms)) {
        expire(sender, NULL, &expiry);
    }
}

/* A retry whose deadline ends while it waits for the budget has had its time. */
static void expire_retries(struct sender *sender)
{
    struct batch *next;

    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (batch->is_canary || !retry_is_late(&sender->retry, &batch->retry, sender->d->now_ms)) {
            continue;
        }
        batch_unwait(&sender->batches, batch);
        sender_report_batch(sender, batch, LEG_FAILED, REASON_RETRIES_EXHAUSTED);
    }
}

void sender_expire_waiting(struct sender *sender)
{
    const struct config_destination *config = sender->config;
    uint64_t now_ms = sender->d->now_ms;
    bool is_throttle_over = config->throttle.then == THEN_DIVERT;

    if (now_ms - sender->reviewed_ms < REVIEW_MS) {
        return; /* it looks through all that waits, and turns are many */
    }
    sender->reviewed_ms = now_ms;
    expire_retries(sender);
    expire_while(sender, NULL, is_throttle_over ? sender->pause.seen.throttled_since_ms : 0,
                 config->throttle.wait_ms, REASON_THROTTLED);
    expire_while(sender, NULL, sender->pause.seen.held_since_ms, HOLD_FAIL_OVER_MS,
                 REASON_CREDENTIAL);
    for (struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        expire_while(sender, queue, queue->hold->since_ms, HOLD_FAIL_OVER_MS, REASON_CREDENTIAL);
    }
    if (!pause_is_limited(&sender->pause.seen)) {
        expire_excess(sender);
    }
}

/* health */

static void release_queue(struct sender *sender, struct queue *queue)
{
    while (queue->first != NULL) {
        struct leg *leg = queue->first;

        queue_remove(queue, leg);
        sender_report(sender, leg, LEG_UNAVAILABLE, REASON_NONE);
    }
}

void sender_release(struct sender *sender, bool is_broken)
{
    struct batch *next;

    if (is_broken) {
        concurrency_restart(&sender->concurrency); /* it comes back to few connections */
    }
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (batch->queue->is_open && !batch->is_canary) {
            batch_unwait(&sender->batches, batch);
            sender_report_batch(sender, batch, LEG_UNAVAILABLE, REASON_NONE);
        }
    }
    for (struct queue *queue = queues_first(&sender->queues); queue != NULL;
         queue = queues_next(&sender->queues, queue)) {
        if (queue->is_open) {
            release_queue(sender, queue);
        }
    }
}

/* Hanging is seen by what hangs, once the first has timed out: half way to the first byte's counts
 * as a fault until it answers. */
void sender_count_hanging(struct sender *sender)
{
    uint64_t hang_ms = sender->config->timeout.first_byte_ms / 2;

    sender->batches.overtaken = 0;
    for (struct batch *batch = sender->batches.sent; batch != NULL; batch = batch->next) {
        batch->is_overtaken = sender_is_overtaken(sender, batch);
        sender->batches.overtaken += batch->is_overtaken;
        if (!batch->is_looked_at && sender->d->now_ms - batch->sent_ms >= hang_ms) {
            batch->is_looked_at = true;
            sender_mark_blocking(sender, batch);
            batch->is_counted =
                health_provisional(sender->d->health, sender->index, batch->queue->cell,
                                   sender->d->now_ms, &batch->ticket, &batch->counted_ms);
        }
    }
}

/* A probe that cannot leave yet is no probe that got no answer. */
static void keep_canaries(struct sender *sender)
{
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        if (batch->is_canary) {
            sender_renew_lease(sender, batch);
        }
    }
}

/* A credential that changed is tried at once. */
static void look_at_secrets(struct sender *sender)
{
    struct secret *secret;
    struct err err;
    uint64_t generation;

    for (size_t i = 0; (secret = sender->to->driver->secret(sender->config, i)) != NULL; i++) {
        if (secret_refresh(secret, sender->d->now_ms, &err) != ERR_OK) {
            LOG_WARN("secret.unreadable", "destination=%s secret=%s why=%s",
                     LOG_S(sender->config->name), LOG_Q(secret_source(secret)), LOG_Q(err.text));
        }
    }
    generation = sender_secrets(sender);
    if (generation == sender->credential.generation) {
        return;
    }
    sender->credential.generation = generation;
    sender->credential.is_proven = false;
    pause_secret_changed(sender->pause.shared, generation);
    sender_follow_pause(sender);
    hold_retry_now(&sender->queues.holds);
    LOG_INFO("secret.changed", "destination=%s", LOG_S(sender->config->name));
}

void sender_look(struct sender *sender)
{
    if (sender->d->now_ms - sender->credential.looked_at_ms >= SENDER_LOOK_MS) {
        sender->credential.looked_at_ms = sender->d->now_ms;
        keep_canaries(sender);
        look_at_secrets(sender);
    }
}

/* While live events are asked to wait, nothing goes in the background. They probe at least once a
 * minute: where none has for two, there are none, and it finds out by itself. */
static void wait_for_live(struct sender *sender)
{
    uint64_t now_ms = sender->d->now_ms;
    struct pause_state live = {0};

    pause_look(sender->pause.live, &live);
    if (pause_is_limited(&live) && now_ms < live.refused_ms + LIVE_PROBE_MS) {
        sender->pause.seen.paused_until_ms =
            MAX_OF(sender->pause.seen.paused_until_ms, now_ms + SENDER_LOOK_MS);
    }
}

/* Take over what other workers were told: one refusal slows all of them. */
void sender_follow_pause(struct sender *sender)
{
    pause_look(sender->pause.shared, &sender->pause.seen);
    if (sender->pause.live != NULL) {
        wait_for_live(sender);
    }
    if (pause_is_limited(&sender->pause.seen)) {
        sender->retry.limited_ms = sender->d->now_ms;
    }
    if (sender->pause.seen.throttles != sender->pause.throttles_taken) {
        sender->pause.throttles_taken = sender->pause.seen.throttles;
        rate_limit_throttled(&sender->rate_limit, sender->d->now_ms);
    }
}

/* Changes when any of the secrets does. */
uint64_t sender_secrets(const struct sender *sender)
{
    uint64_t sum = 0;
    struct secret *secret;

    for (size_t i = 0; (secret = sender->to->driver->secret(sender->config, i)) != NULL; i++) {
        sum += secret_generation(secret);
    }
    return sum;
}
