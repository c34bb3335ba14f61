/*
 * What an answer does to its batch, and what it says to people. Whatever happens, each leg ends in
 * exactly one place: settled, in a waiting batch, on in its chain, or at the dead letter.
 */
#include "deliver/sender_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* for people: in numbers, in the headers of records, in the status */

enum { ANSWER_CODE_BYTES = 16 };

/* The service's own id of the request, or else the one of whoever stands before it: 64 bytes. */
static const char *request_id_of(const struct http_reply *reply, const struct answer *answer)
{
    return answer->request_id[0] != '\0' ? answer->request_id : reply->request_id;
}

/* What was answered, or why nothing was. */
static void write_text(const struct http_reply *reply, const struct answer *answer, char *out,
                       size_t bytes)
{
    if (reply->status == 0 && reply->error[0] != '\0') {
        (void)snprintf(out, bytes, "no answer: %.140s", reply->error);
    } else {
        (void)snprintf(out, bytes, "%.159s", answer->text[0] != '\0' ? answer->text : reply->error);
    }
}

/* What was answered to @leg becomes what is known of its error. */
static void set_error(const struct sender *sender, struct leg *leg, const struct http_reply *reply,
                      const struct answer *answer)
{
    struct last_error *error = leg_set_error(leg, sender->config, "");

    write_text(reply, answer, error->text, sizeof(error->text));
    error->is_answer = true;
    error->verdict = answer->verdict;
    error->http_status = reply->status;
    error->has_code = answer->has_code;
    error->code = answer->code;
    memcpy(error->field, answer->field, sizeof(error->field));
    memcpy(error->request_id, request_id_of(reply, answer), sizeof(error->request_id));
}

/* And what it told of this one alone. */
static void set_result_error(struct leg *leg, const struct item_result *result)
{
    struct last_error *error = leg->last_error;
    bool has_field = result->field[0] != '\0';

    if (error == NULL) {
        return;
    }
    error->verdict = result->verdict;
    if (result->code == 0) {
        return;
    }
    (void)snprintf(error->text, sizeof(error->text), "code %d by its own result in %d%s%s",
                   (int)result->code, (int)error->code, has_field ? ", field " : "", result->field);
    memcpy(error->field, result->field, sizeof(error->field));
    error->code = result->code;
    error->has_code = true;
}

/* Answers by what they said, so that an operator sees it without a log. */
static void count_answer(struct sender *sender, const struct http_reply *reply,
                         const struct answer *answer)
{
    char code[ANSWER_CODE_BYTES];

    if (answer->has_code || reply->status != 0) {
        (void)snprintf(code, sizeof(code), "%d", answer->has_code ? answer->code : reply->status);
        metrics_answer(sender->d->metrics, sender->index, span_of(code));
    } else if (reply->is_timeout) {
        metrics_answer(sender->d->metrics, sender->index, SPAN("timeout"));
    } else {
        metrics_answer(sender->d->metrics, sender->index,
                       reply->is_sent ? SPAN("broken") : SPAN("unreachable"));
    }
}

/* @count events like that of @leg were answered so. */
void sender_count(struct sender *sender, const struct leg *leg, enum verdict verdict, size_t count)
{
    metrics_delivery(sender->d->metrics, sender->index, leg->event->type, verdict, count);
}

struct last_answer sender_last_answer(const struct sender *sender, const struct http_reply *reply,
                                      const struct answer *answer)
{
    struct last_answer last_answer = {
        .at_ms = sender->d->wall_ms,
        .verdict = answer->verdict,
        .status = reply->status,
        .has_code = answer->has_code,
        .code = answer->code,
    };

    memcpy(last_answer.request_id, request_id_of(reply, answer), sizeof(last_answer.request_id));
    if (answer->verdict != VERDICT_DELIVERED) {
        write_text(reply, answer, last_answer.text, sizeof(last_answer.text));
    }
    return last_answer;
}

void sender_last_answer_each(const struct sender *sender, size_t count,
                             struct last_answer *last_answer)
{
    const struct item_result *first = NULL;
    size_t bad = 0;

    for (size_t i = 0; i < count; i++) {
        const struct item_result *result = &sender->scratch.each[i];

        if (result->verdict != VERDICT_DELIVERED) {
            bad++;
            first = first == NULL ? result : first;
        }
    }
    if (first == NULL) {
        return;
    }
    (void)snprintf(last_answer->text, sizeof(last_answer->text),
                   "%zu of %zu events not taken, in code %d%s%s", bad, count,
                   (int)last_answer->code, first->field[0] == '\0' ? "" : ", field ", first->field);
    last_answer->verdict = first->verdict;
    last_answer->code = first->code != 0 ? first->code : last_answer->code;
}

/* what becomes of the batch */

/* One request's end. */
struct exchange {
    const struct http_reply *reply;
    struct answer answer;
    enum circuit circuit; /* what the breakers say after it */
};

/* Once an attempt may have been taken, it stays so through diversion and replay. */
static void set_outcome(struct leg *leg, enum verdict verdict, const struct http_reply *reply)
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

static void set_errors(struct batch *batch, const struct http_reply *reply,
                       const struct answer *answer)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct leg *leg = batch->legs[i];

        leg->attempts += is_attempt_of(batch, i, answer);
        set_error(batch->sender, leg, reply, answer);
        set_outcome(leg, answer->verdict, reply);
    }
}

static void report_delivered(struct sender *sender, struct batch *batch)
{
    sender_count(sender, batch->legs[0], VERDICT_DELIVERED, batch->count);
    sender_report_batch(sender, batch, LEG_DELIVERED, REASON_NONE);
}

static void reject(struct sender *sender, struct leg *leg, enum reason reason)
{
    sender_count(sender, leg, VERDICT_REJECTED, 1);
    sender_report(sender, leg, LEG_REJECTED, reason);
}

static void handle_rejected(struct sender *sender, struct batch *batch,
                            const struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;
    enum reason reason = exchange->reply->status == 413 ? REASON_TOO_LARGE : REASON_REJECTED;

    if (exchange->circuit == CIRCUIT_REJECT_STORM) {
        sender_count(sender, batch->legs[0], VERDICT_REJECTED, batch->count);
        sender_report_batch(sender, batch, LEG_UNAVAILABLE, REASON_NONE);
        return;
    }
    if (answer->scope == SCOPE_BATCH) { /* what they share is at fault: their source id */
        sender_count(sender, batch->legs[0], VERDICT_REJECTED, batch->count);
        sender_report_batch(sender, batch, LEG_REJECTED, reason);
        return;
    }
    if (batch->count == 1) {
        reject(sender, batch_take(batch, 0), reason);
    } else if (answer->scope == SCOPE_ITEM && answer->item < batch->count) {
        reject(sender, batch_take(batch, answer->item), reason);
    } else {
        batch_halve(&sender->batches, batch);
        return;
    }
    if (batch->count == 0) {
        batch_free(&sender->batches, batch);
    } else {
        batch_wait(&sender->batches, batch, 0, true);
    }
}

/* What was answered as @verdict is to be sent again. */
static void handle_retry(struct sender *sender, struct batch *batch,
                         const struct exchange *exchange, enum verdict verdict)
{
    const struct http_reply *reply = exchange->reply;
    uint64_t least_ms = reply->has_retry_after ? reply->retry_after_ms : 0;
    uint64_t now_ms = sender->d->now_ms;
    uint64_t wait_ms;

    batch->retry.attempts++;
    wait_ms = retry_wait_ms(&sender->retry, batch->retry.attempts, least_ms, &sender->d->rng);
    sender_count(sender, batch->legs[0], verdict, batch->count);
    if (batch->is_canary || exchange->circuit != CIRCUIT_CLOSED) {
        /* no retries against what is known to be broken */
        sender_report_batch(sender, batch, LEG_UNAVAILABLE, REASON_NONE);
    } else if (!retry_is_exhausted(&sender->retry, &batch->retry, now_ms, wait_ms)) {
        batch->retry.wants_budget = true;
        batch->retry.is_unknown = verdict == VERDICT_UNKNOWN;
        batch_wait(&sender->batches, batch, now_ms + wait_ms, false);
    } else if (verdict != VERDICT_UNKNOWN) {
        sender_report_batch(sender, batch, LEG_FAILED, REASON_RETRIES_EXHAUSTED);
    } else if (batch->count >
               1) { /* one of them may be the culprit: the others must not share its fate */
        batch->retry.attempts = sender->config->retry.attempts - 1;
        batch->retry.first_sent_ms = now_ms;
        batch_halve(&sender->batches, batch);
    } else {
        sender_report_batch(sender, batch, LEG_REJECTED, REASON_UNKNOWN_VERDICT);
    }
}

/* A batch of its own for what is to be sent again of @batch; made when first needed. */
static void set_apart(struct sender *sender, const struct batch *batch, struct batch **apart,
                      struct leg *leg)
{
    if (*apart == NULL) {
        *apart = batch_new_like(&sender->batches, batch);
    }
    leg->outcome = OUTCOME_AMBIGUOUS; /* it was sent, and nobody said what became of it */
    batch_add(*apart, leg);
}

/* What is to be sent again of a batch that was answered by event. */
struct apart {
    struct batch *failed; /* whose own results say so */
    struct batch *untold; /* whom the answer says nothing of */
};

/* What one event was told of itself; what has to be sent again is set apart, by whether it was. */
static void take_result(struct sender *sender, const struct batch *batch, size_t i,
                        enum circuit circuit, struct apart *apart)
{
    const struct item_result *result = &sender->scratch.each[i];
    struct leg *leg = batch->legs[i];

    leg->batch = NULL;
    if (result->verdict == VERDICT_DELIVERED) {
        sender_count(sender, leg, VERDICT_DELIVERED, 1);
        sender_report(sender, leg, LEG_DELIVERED, REASON_NONE);
        return;
    }
    set_result_error(leg, result);
    if (result->verdict == VERDICT_REJECTED && circuit == CIRCUIT_REJECT_STORM) {
        sender_report(sender, leg, LEG_UNAVAILABLE, REASON_NONE);
    } else if (result->verdict == VERDICT_REJECTED) {
        leg->outcome = leg->outcome == OUTCOME_AMBIGUOUS ? OUTCOME_AMBIGUOUS : OUTCOME_REJECTED;
        reject(sender, leg, REASON_REJECTED);
    } else {
        set_apart(sender, batch, result->code != 0 ? &apart->failed : &apart->untold, leg);
    }
}

/* Smaller batches until each is told, or is alone and goes through its attempts. */
static void resend_untold(struct sender *sender, struct batch *untold, size_t before,
                          const struct exchange *exchange)
{
    if (before == 1) {
        handle_retry(sender, untold, exchange, VERDICT_RETRY);
    } else if (untold->count < before) {
        batch_wait(&sender->batches, untold, 0, true);
    } else {
        batch_halve(&sender->batches, untold);
    }
}

/* 20001: each event by its own result. */
static void handle_each(struct sender *sender, struct batch *batch, const struct exchange *exchange)
{
    struct apart apart = {0};
    size_t count = batch->count;

    batch->count = 0; /* the legs, and their events, may be gone one by one from here */
    for (size_t i = 0; i < count; i++) {
        take_result(sender, batch, i, exchange->circuit, &apart);
    }
    batch_free(&sender->batches, batch);
    if (apart.failed != NULL) {
        handle_retry(sender, apart.failed, exchange, VERDICT_RETRY);
    }
    if (apart.untold != NULL) {
        resend_untold(sender, apart.untold, count, exchange);
    }
}

static void read_answer(struct sender *sender, struct batch *batch, const struct http_reply *reply,
                        struct answer *answer)
{
    struct answer_batch described;

    if (sender->scratch.cap < batch->count) {
        sender->scratch.cap = batch->count;
        sender->scratch.ids = mem_grow(sender->scratch.ids, batch->count, sizeof(struct span));
        sender->scratch.each =
            mem_grow(sender->scratch.each, batch->count, sizeof(struct item_result));
    }
    for (size_t i = 0; i < batch->count; i++) {
        sender->scratch.ids[i] = batch->legs[i]->event->id;
        sender->scratch.each[i] = (struct item_result){.verdict = VERDICT_RETRY};
    }
    described = (struct answer_batch){sender->scratch.ids, batch->count, sender->scratch.each};
    sender->to->driver->read(sender->to, reply, &described, answer);
    if (answer->scope == SCOPE_ITEM && batch->count > 1 && !batch_believes(batch, answer->item)) {
        answer->scope = SCOPE_SPLIT;
    }
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

/* Not delivered, or not every event of it. */
static void handle_failure(struct sender *sender, struct batch *batch,
                           const struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;

    set_errors(batch, exchange->reply, answer);
    LOG_DEBUG("request.answered", "destination=%s event=%s events=%zu verdict=%s status=%d code=%d",
              LOG_S(sender->config->name), LOG_Q(batch->queue->name), batch->count,
              verdict_word(answer->verdict), exchange->reply->status,
              answer->has_code ? answer->code : 0);
    if (answer->scope == SCOPE_EACH) {
        sender_accepted(sender, batch);
        handle_each(sender, batch, exchange);
        return;
    }
    switch (answer->verdict) {
    case VERDICT_REJECTED:
        sender_accepted(sender, batch);
        handle_rejected(sender, batch, exchange);
        return;
    case VERDICT_THROTTLED:
        sender_throttled(sender, batch, exchange->reply, answer);
        return;
    case VERDICT_HOLD:
        sender_refused(sender, batch, exchange->reply, answer);
        return;
    case VERDICT_RETRY:
    case VERDICT_UNKNOWN:
        sender->credential.is_proven =
            true; /* whatever is wrong with it, it is not the credential */
        handle_retry(sender, batch, exchange, answer->verdict);
        return;
    case VERDICT_DELIVERED:
    case VERDICT_COUNT:
        break;
    }
    INVARIANT(!"an answer has one of the verdicts above");
}

void sender_on_reply(void *context, const struct http_reply *reply)
{
    struct batch *batch = context;
    struct sender *sender = batch->sender;
    struct exchange exchange = {.reply = reply};

    batch_answered(&sender->batches, batch);
    if (reply->status != 0) {
        concurrency_heard(&sender->concurrency, sender->d->now_ms);
    }
    if (batch->is_probe) {
        batch->is_probe = false;
        pause_give_probe(sender->pause.shared, sender->d->worker);
    }
    if (reply->is_local) {
        sender_local_error(sender, batch, reply);
        return;
    }
    metrics_request(sender->d->metrics, sender->index, reply->duration_us);
    read_answer(sender, batch, reply, &exchange.answer);
    count_answer(sender, reply, &exchange.answer);
    if (reply->is_oversized) {
        log_oversized(sender, batch, reply, &exchange.answer);
    }
    exchange.circuit = sender_tell_health(sender, batch, reply, &exchange.answer);
    if (exchange.answer.verdict == VERDICT_DELIVERED && exchange.answer.scope != SCOPE_EACH) {
        sender_accepted(sender, batch);
        report_delivered(sender, batch);
        return;
    }
    handle_failure(sender, batch, &exchange);
}
