/*
 * Answers that concern all events of a destination: it asks for less, it refuses the credential (of
 * all, of one source id, or of one event while others pass), it takes events again; and requests
 * that failed for want of a resource of this machine. None of these dead-letters an event or counts
 * as an attempt.
 */
#include "deliver/sender_inside.h"

#include "destinations/credential.h"

enum {
    THROTTLE_MIN_MS = 1000, /* freeze without Retry-After: full jitter 1..8 s (reliability 1.5) */
    THROTTLE_MAX_MS = 8000,
    OWN_REFUSALS = 3, /* of one event, while others passed, are its own doing */
};

/* Asked again, and still the same: when it is asked next. */
static void log_still(const struct sender *sender, const char *what, uint64_t paused_before_ms,
                      const struct http_reply *reply, const struct answer *answer)
{
    struct last_answer last_answer = sender_last_answer(sender, reply, answer);
    char code[LAST_ANSWER_CODE_BYTES];

    if (sender->pause.seen.paused_until_ms != paused_before_ms) {
        LOG_INFO(
            "destination.still",
            "destination=%s was=%s code=%s status=%d request_id=%s next_probe_in_ms=%llu",
            LOG_S(sender->config->name), what, last_answer_code(&last_answer, code),
            last_answer.status, LOG_Q(last_answer.request_id),
            (unsigned long long)(sender->pause.seen.paused_until_ms -
                                 MIN_OF(sender->d->now_ms, sender->pause.seen.paused_until_ms)));
    }
}

void sender_throttled(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                      const struct answer *answer)
{
    struct deliverer *d = sender->d;
    uint64_t wait_ms =
        reply->has_retry_after
            ? reply->retry_after_ms
            : THROTTLE_MIN_MS + rng_below(&d->rng, THROTTLE_MAX_MS - THROTTLE_MIN_MS + 1);
    uint64_t paused_before_ms = sender->pause.seen.paused_until_ms;
    enum pause_news news = pause_throttled(sender->pause.shared, d->now_ms, wait_ms);

    sender_count(sender, batch->legs[0], VERDICT_THROTTLED, batch->count);
    sender_follow_pause(sender);
    if (news == PAUSE_NEW) {
        LOG_WARN("destination.throttled", "destination=%s wait_ms=%llu",
                 LOG_S(sender->config->name),
                 (unsigned long long)(MAX_OF(sender->pause.seen.paused_until_ms, d->now_ms) -
                                      d->now_ms));
    } else if (news == PAUSE_LONG) {
        LOG_ERROR("destination.throttled_long",
                  "destination=%s for_ms=%d why=%s way_out=\"a quota may be used up or the app "
                  "restricted: it is asked once a minute\"",
                  LOG_S(sender->config->name), PAUSE_LONG_MS,
                  LOG_Q(batch->legs[0]->last_error->text));
    }
    if (news == PAUSE_SAME) {
        log_still(sender, "throttled", paused_before_ms, reply, answer);
    }
    batch_wait(&sender->batches, batch, 0, true);
}

/* Which secret an operator should look at: its name, never its value. */
static const char *secret_named(const struct sender *sender)
{
    struct buf text;
    const char *quoted;

    buf_init(&text, SECRET_BYTES_MAX);
    credential_write(sender->config, &text);
    quoted = log_quote(buf_span(&text)); /* a slot of the thread's, so it outlives the text */
    buf_fini(&text);
    return quoted;
}

static void log_held(const struct sender *sender, const struct batch *batch, uint64_t wait_ms,
                     const struct http_reply *reply, const struct answer *answer)
{
    struct last_answer last_answer = sender_last_answer(sender, reply, answer);

    LOG_ERROR("destination.held",
              "destination=%s source_id=%s code=%d status=%d request_id=%s why=%s secret=%s "
              "next_probe_in_ms=%llu "
              "way_out=\"correct the credential or the destination's settings; the secret file is "
              "watched\"",
              LOG_S(sender->config->name), LOG_Q(batch->queue->hold->source_id),
              answer->has_code ? answer->code : 0, reply->status, LOG_Q(last_answer.request_id),
              LOG_Q(answer->text), secret_named(sender), (unsigned long long)wait_ms);
}

/* What health shows of it. */
static void tell_hold(const struct sender *sender, const struct hold *hold)
{
    health_hold_source(sender->d->health, sender->index, sender->d->worker,
                       span_of(hold->source_id), hold->since_ms, hold->until_ms);
}

static void hold_source(struct sender *sender, const struct batch *batch,
                        const struct http_reply *reply, const struct answer *answer)
{
    struct hold *hold = batch->queue->hold;

    if (hold_refused(hold, sender->d->now_ms)) {
        log_held(sender, batch, hold->wait_ms, reply, answer);
    }
    tell_hold(sender, hold);
}

/* Others passed between one refusal and the next of the same batch: not the credential is wrong. */
static bool is_own_refusal(const struct sender *sender, struct batch *batch)
{
    bool is_own = batch->refusals > 0 && batch->passed_at_refusal != sender->credential.accepted;

    batch->refusals = is_own ? batch->refusals + 1 : MAX_OF(batch->refusals, 1u);
    batch->passed_at_refusal = sender->credential.accepted;
    return is_own;
}

/* A firewall in front of the destination may refuse one event for what is in it. That is its
 * alternate's or a person's, and must not stop the others; a refused credential dead-letters no
 * event. */
static void handle_own_refusal(struct sender *sender, struct batch *batch)
{
    if (batch->refusals < OWN_REFUSALS) {
        batch_wait(&sender->batches, batch, sender->d->now_ms + PAUSE_SLIP_MS, false);
    } else if (batch->count > 1) {
        batch_halve(&sender->batches, batch);
    } else {
        sender_report_batch(sender, batch, LEG_FAILED, REASON_CREDENTIAL);
    }
}

void sender_refused(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                    const struct answer *answer)
{
    struct deliverer *d = sender->d;

    sender_count(sender, batch->legs[0], VERDICT_HOLD, batch->count);
    if (answer->scope == SCOPE_GROUP) { /* the others of the destination go on */
        hold_source(sender, batch, reply, answer);
    } else if (is_own_refusal(sender, batch)) {
        handle_own_refusal(sender, batch);
        return;
    } else {
        uint64_t paused_before_ms = sender->pause.seen.paused_until_ms;
        enum pause_news news = pause_refused(sender->pause.shared, d->now_ms, batch->sent_ms);

        sender->credential.is_proven = false;
        sender_follow_pause(sender);
        if (news == PAUSE_NEW) {
            log_held(sender, batch, sender->pause.seen.hold_wait_ms, reply, answer);
        } else if (sender->pause.seen.held_since_ms != 0) {
            log_still(sender, "held", paused_before_ms, reply, answer);
        }
    }
    batch_wait(&sender->batches, batch, 0, true);
}

/* An answer that speaks of events and not of rate or credential ends a throttle and a hold, unless
 * its request was sent before the last refusal. */
void sender_accepted(struct sender *sender, const struct batch *batch)
{
    struct pause_state before;

    sender->credential.is_proven = true;
    sender->credential.accepted++;
    if (hold_accepted(batch->queue->hold, batch->sent_ms)) {
        tell_hold(sender, batch->queue->hold);
    }
    if (pause_accepted(sender->pause.shared, batch->sent_ms, &before)) {
        LOG_INFO("destination.recovered", "destination=%s was=%s", LOG_S(sender->config->name),
                 before.hold_wait_ms != 0 ? "held" : "throttled");
        sender_follow_pause(sender);
    }
}

/* A file that cannot be read, no descriptor, no memory: it is not the destination's fault, and its
 * events wait until it is corrected. */
void sender_local_error(struct sender *sender, struct batch *batch, const struct http_reply *reply)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t count = local_error_count(&sender->local_error, now_ms);

    if (count > 0) {
        LOG_ERROR("request.local", "destination=%s requests=%llu why=%s",
                  LOG_S(sender->config->name), (unsigned long long)count, LOG_Q(reply->error));
    }
    if (batch->is_counted) {
        health_take_back(sender->d->health, sender->index, batch->queue->cell, now_ms,
                         batch->counted_ms, &batch->ticket);
    }
    batch_wait(&sender->batches, batch, 0, true);
}
