/*
 * What an answer does to its batch. Whatever happens, each leg ends in exactly one place:
 * settled, in a waiting batch, on in its chain, or at the dead letter.
 */
#include "deliver/sender_inside.h"

#include <string.h>

#include "base/mem.h"
#include "deliver/backoff.h"

/* Once an attempt may have been taken, it stays so through diversion and replay. */
static void note_outcome(struct leg *leg, enum verdict verdict, const struct http_reply *reply)
{
    bool is_ambiguous = (verdict == VERDICT_RETRY || verdict == VERDICT_UNKNOWN) && reply->is_sent;

    if (is_ambiguous) {
        leg->outcome = OUTCOME_AMBIGUOUS;
    } else if (verdict == VERDICT_REJECTED && leg->outcome != OUTCOME_AMBIGUOUS) {
        leg->outcome = OUTCOME_REJECTED;
    }
}

/* Refused for another's sake, or nobody knows for whose yet, is no attempt of its own. */
static bool is_attempt_of(const struct batch *batch, size_t i, const struct answer *answer)
{
    if (answer->verdict != VERDICT_REJECTED || batch->count == 1) {
        return answer->verdict != VERDICT_THROTTLED && answer->verdict != VERDICT_HOLD;
    }
    return answer->scope == SCOPE_ITEM ? i == answer->item : answer->scope != SCOPE_SPLIT;
}

static void note_all(struct batch *batch, const struct http_reply *reply,
                     const struct answer *answer)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct leg *leg = batch->legs[i];

        leg->attempts += is_attempt_of(batch, i, answer);
        sender_note_trouble(batch->sender, leg, reply, answer);
        note_outcome(leg, answer->verdict, reply);
    }
}

static void settle_delivered(struct sender *sender, struct batch *batch)
{
    size_t count = batch->count;

    sender_count(sender, batch->legs[0], VERDICT_DELIVERED, count);
    batch->count = 0; /* the legs, and their events, are gone one by one from here */
    for (size_t i = 0; i < count; i++) {
        struct leg *leg = batch->legs[i];

        leg->batch = NULL;
        leg_delivered(sender->d, leg);
    }
    batch_free(&sender->batches, batch);
}

static void condemn(struct sender *sender, struct leg *leg, enum reason reason)
{
    sender_count(sender, leg, reason == REASON_UNKNOWN_VERDICT ? VERDICT_UNKNOWN : VERDICT_REJECTED,
                 1);
    leg_dead_letter(sender->d, leg, reason);
}

static void condemn_all(struct sender *sender, struct batch *batch, enum reason reason)
{
    size_t count = batch->count;

    batch->count = 0;
    for (size_t i = 0; i < count; i++) {
        batch->legs[i]->batch = NULL;
        condemn(sender, batch->legs[i], reason);
    }
    batch_free(&sender->batches, batch);
}

static void advance_all(struct sender *sender, struct batch *batch, enum reason reason)
{
    size_t count = batch->count;

    batch->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct leg *leg = batch->legs[i];

        leg->batch = NULL;
        leg_advance(sender->d, leg, reason);
    }
    batch_free(&sender->batches, batch);
}

/* Two halves, sent again at once, before everything that waits. */
void sender_halve(struct sender *sender, struct batch *batch)
{
    struct batch *second = batch_new(&sender->batches, sender, batch->lane);
    size_t keep = batch->count / 2;

    for (size_t i = keep; i < batch->count; i++) {
        batch_add(second, batch->legs[i]);
    }
    batch->count = keep;
    second->attempts = batch->attempts;
    second->first_sent_ms = batch->first_sent_ms;
    second->refusals = batch->refusals;
    second->passed_at_refusal = batch->passed_at_refusal;
    second->is_name_doubted = batch->is_name_doubted;
    batch_wait(&sender->batches, second, 0, true);
    batch_wait(&sender->batches, batch, 0, true);
}

/* The probe that failed, or what came back late, takes the alternate way. */
static void divert_batch(struct sender *sender, struct batch *batch)
{
    size_t count = batch->count;

    batch->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct leg *leg = batch->legs[i];

        leg->batch = NULL;
        leg->is_canary = false;
        leg_advance(sender->d, leg, sender_outage_reason(sender, batch->lane, leg));
    }
    batch_free(&sender->batches, batch);
}

/* In a reject storm what is refused speaks of the storm, not of its event: probes, and what was
 * under way when it was seen. */
static bool is_in_storm(const struct sender *sender, const struct batch *batch)
{
    char outage[OUTAGE_ID_BYTES];

    return !sender_is_clear(sender, batch) &&
           health_outage(sender->d->health, sender->index, batch->lane->cell, outage) ==
               REASON_REJECT_STORM;
}

static void handle_rejected(struct sender *sender, struct batch *batch,
                            const struct http_reply *reply, const struct answer *answer)
{
    enum reason reason = reply->status == 413 ? REASON_TOO_LARGE : REASON_REJECTED;

    if (is_in_storm(sender, batch)) {
        sender_count(sender, batch->legs[0], VERDICT_REJECTED, batch->count);
        divert_batch(sender, batch);
        return;
    }
    if (answer->scope == SCOPE_BATCH) { /* what they share is at fault: their source id */
        condemn_all(sender, batch, reason);
        return;
    }
    if (batch->count == 1) {
        condemn(sender, batch_take(batch, 0), reason);
    } else if (answer->scope == SCOPE_ITEM && answer->item < batch->count) {
        condemn(sender, batch_take(batch, answer->item), reason);
    } else {
        sender_halve(sender, batch);
        return;
    }
    if (batch->count == 0) {
        batch_free(&sender->batches, batch);
    } else {
        batch_wait(&sender->batches, batch, 0, true);
    }
}

static bool is_exhausted(const struct sender *sender, const struct batch *batch, uint64_t wait_ms)
{
    return batch->attempts >= sender->config->retry.attempts ||
           sender->d->now_ms + wait_ms > sender_deadline_ms(sender, batch);
}

static void handle_retry(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                         const struct answer *answer)
{
    const struct config_destination *config = sender->config;
    uint64_t wait_ms;

    batch->attempts++;
    wait_ms = backoff_ms(config->retry.backoff_min_ms, config->retry.backoff_max_ms,
                         batch->attempts, &sender->d->rng);
    if (reply->has_retry_after) {
        wait_ms = MAX_OF(wait_ms, reply->retry_after_ms);
    }
    sender_count(sender, batch->legs[0], answer->verdict, batch->count);
    if (batch->is_canary || !sender_is_clear(sender, batch)) {
        divert_batch(sender, batch); /* no retries against what is known to be broken */
    } else if (!is_exhausted(sender, batch, wait_ms)) {
        batch->wants_budget = true;
        batch->is_unknown = answer->verdict == VERDICT_UNKNOWN;
        batch_wait(&sender->batches, batch, sender->d->now_ms + wait_ms, false);
    } else if (answer->verdict != VERDICT_UNKNOWN) {
        advance_all(sender, batch, REASON_RETRIES_EXHAUSTED);
    } else if (batch->count >
               1) { /* one of them may be the culprit: the others must not share its fate */
        batch->attempts = sender->config->retry.attempts - 1;
        batch->first_sent_ms = sender->d->now_ms;
        sender_halve(sender, batch);
    } else {
        leg_dead_letter(sender->d, batch_take(batch, 0), REASON_UNKNOWN_VERDICT);
        batch_free(&sender->batches, batch);
    }
}

/* A batch of its own for what is to be sent again of @batch; made when first needed. */
static void set_apart(struct sender *sender, const struct batch *batch, struct batch **apart,
                      struct leg *leg)
{
    if (*apart == NULL) {
        *apart = batch_new(&sender->batches, sender, batch->lane);
        (*apart)->attempts = batch->attempts;
        (*apart)->first_sent_ms = batch->first_sent_ms;
    }
    leg->outcome = OUTCOME_AMBIGUOUS; /* it was sent, and nobody said what became of it */
    batch_add(*apart, leg);
}

/* What one event was told of itself; what has to be sent again is set apart, by whether it was. */
static void take_result(struct sender *sender, struct batch *batch, struct leg *leg,
                        const struct item_result *result, struct batch **failed,
                        struct batch **untold)
{
    leg->batch = NULL;
    if (result->verdict == VERDICT_DELIVERED) {
        sender_count(sender, leg, VERDICT_DELIVERED, 1);
        leg_delivered(sender->d, leg);
        return;
    }
    sender_note_result(leg, result);
    if (result->verdict == VERDICT_REJECTED && is_in_storm(sender, batch)) {
        leg->is_canary = false;
        leg_advance(sender->d, leg, sender_outage_reason(sender, batch->lane, leg));
    } else if (result->verdict == VERDICT_REJECTED) {
        leg->outcome = leg->outcome == OUTCOME_AMBIGUOUS ? OUTCOME_AMBIGUOUS : OUTCOME_REJECTED;
        condemn(sender, leg, REASON_REJECTED);
    } else {
        set_apart(sender, batch, result->code != 0 ? failed : untold, leg);
    }
}

/* Smaller batches until each is told, or is alone and goes through its attempts. */
static void resend_untold(struct sender *sender, struct batch *untold, size_t before,
                          const struct http_reply *reply, const struct answer *answer)
{
    if (before == 1) {
        handle_retry(sender, untold, reply, answer);
    } else if (untold->count < before) {
        batch_wait(&sender->batches, untold, 0, true);
    } else {
        sender_halve(sender, untold);
    }
}

/* 20001: each event by its own result. */
static void handle_each(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                        const struct answer *answer)
{
    struct answer again = {.verdict = VERDICT_RETRY, .code = answer->code};
    struct batch *failed = NULL;
    struct batch *untold = NULL;
    size_t count = batch->count;

    batch->count = 0; /* the legs, and their events, may be gone one by one from here */
    for (size_t i = 0; i < count; i++) {
        take_result(sender, batch, batch->legs[i], &sender->each[i], &failed, &untold);
    }
    batch_free(&sender->batches, batch);
    if (failed != NULL) {
        handle_retry(sender, failed, reply, &again);
    }
    if (untold != NULL) {
        resend_untold(sender, untold, count, reply, &again);
    }
}

static void read_answer(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                        struct answer *answer)
{
    struct answer_batch described;

    if (sender->ids_cap < batch->count) {
        sender->ids_cap = batch->count;
        sender->ids = mem_grow(sender->ids, batch->count, sizeof(struct span));
        sender->each = mem_grow(sender->each, batch->count, sizeof(struct item_result));
    }
    for (size_t i = 0; i < batch->count; i++) {
        sender->ids[i] = batch->legs[i]->event->id;
        sender->each[i] = (struct item_result){.verdict = VERDICT_RETRY};
    }
    described = (struct answer_batch){sender->ids, batch->count, sender->each};
    sender->to->driver->read(sender->to, reply, &described, answer);
    if (answer->scope == SCOPE_ITEM && batch->count > 1 && !batch_believes(batch, answer->item)) {
        answer->scope = SCOPE_SPLIT;
    }
}

static void unlink_sent(struct sender *sender, struct batch *batch)
{
    if (batch->previous != NULL) {
        batch->previous->next = batch->next;
    } else {
        sender->sent = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    }
    batch->next = NULL;
    batch->previous = NULL;
}

/* Whatever becomes of the events, somebody has to know that not all of the answer was read. */
static void log_oversized(const struct sender *sender, const struct batch *batch,
                          const struct http_reply *reply, const struct answer *answer)
{
    LOG_WARN("answer.oversized",
             "destination=%s status=%d events=%zu limit_bytes=%zu verdict=%s "
             "way_out=\"raise batch.answer_bytes, or send fewer events at a time (batch.events)\"",
             LOG_S(sender->config->name), reply->status, batch->count, reply->body.len,
             verdict_word(answer->verdict));
}

void sender_on_reply(void *context, const struct http_reply *reply)
{
    struct batch *batch = context;
    struct sender *sender = batch->sender;
    struct answer answer = {0};

    sender->in_flight--;
    batch->lane->in_flight--;
    batch->is_sent = false;
    if (batch->is_probe) {
        batch->is_probe = false;
        flow_give_probe(sender->flow, sender->d->worker);
    }
    unlink_sent(sender, batch);
    if (reply->is_local) {
        sender_lacks(sender, batch, reply);
        return;
    }
    metrics_request(sender->d->metrics, sender->index, reply->duration_us);
    read_answer(sender, batch, reply, &answer);
    sender_count_answer(sender, reply, &answer);
    if (reply->is_oversized) {
        log_oversized(sender, batch, reply, &answer);
    }
    sender_tell_health(sender, batch, reply, &answer);
    if (answer.verdict == VERDICT_DELIVERED && answer.scope != SCOPE_EACH) {
        sender_note_open(sender, batch);
        settle_delivered(sender, batch);
        return;
    }
    note_all(batch, reply, &answer);
    LOG_DEBUG("request.answered", "destination=%s event=%s events=%zu verdict=%s status=%d code=%d",
              LOG_S(sender->config->name), LOG_Q(batch->lane->name), batch->count,
              verdict_word(answer.verdict), reply->status, answer.has_code ? answer.code : 0);
    if (answer.scope == SCOPE_EACH) {
        sender_note_open(sender, batch);
        handle_each(sender, batch, reply, &answer);
        return;
    }
    switch (answer.verdict) {
    case VERDICT_REJECTED:
        sender_note_open(sender, batch);
        handle_rejected(sender, batch, reply, &answer);
        return;
    case VERDICT_THROTTLED:
        sender_throttled(sender, batch, reply, &answer);
        return;
    case VERDICT_HOLD:
        sender_refused(sender, batch, reply, &answer);
        return;
    case VERDICT_RETRY:
    case VERDICT_UNKNOWN:
        sender->is_proven = true; /* whatever is wrong with it, it is not the credential */
        handle_retry(sender, batch, reply, &answer);
        return;
    case VERDICT_DELIVERED:
    case VERDICT_COUNT:
        break;
    }
    INVARIANT(!"an answer has one of the verdicts above");
}
