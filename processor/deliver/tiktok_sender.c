/*
 * Happy path: a leg is taken into its lane; a turn finds a free connection and a lane
 * whose oldest leg has lingered (or that fills a batch); the batch's body is built and
 * posted; the answer says delivered; every leg is settled.
 *
 * It can go otherwise, in order: no item can be made of the event (dead letter); the
 * sender is paused (throttled, held) or out of tokens or connections (legs wait, batches
 * fill); no answer or a transient one (retry, then on in the chain); an answer that
 * condemns (dead letter of the culprit alone); one nobody knows (retry, halve, dead letter).
 */
#include "deliver/tiktok_sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/backoff.h"
#include "deliver/batch.h"
#include "deliver/limiter.h"
#include "deliver/view.h"
#include "http/address.h"

enum {
    LOOK_MS = 1000,         /* how often the secret's file is looked at */
    THROTTLE_MIN_MS = 1000, /* freeze without Retry-After: full jitter 1..8 s (reliability 1.5) */
    THROTTLE_MAX_MS = 8000,
    HOLD_FIRST_MS = 5000, /* between probes of a refused credential, doubling */
    HOLD_MAX_MS = 60000,
    HOLD_DIVERT_MS = 60000, /* auth_hold (reliability 1.6) */
    REQUEST_ENVELOPE_BYTES = 1024,
    TOKEN_LINE_BYTES = 8192,
};

struct tiktok_sender {
    struct deliverer *d;
    const struct pipeline_destination *to;
    const struct config_destination *config;
    size_t index; /* of the destination */
    struct http_target target;
    struct limiter limiter;
    struct lanes lanes;
    struct batch_list batches;
    size_t in_flight; /* requests */
    bool is_proven;   /* an answer that was neither hold nor throttled came since the credential was
                         read */
    uint64_t paused_until_ms;
    uint64_t throttled_since_ms; /* 0: not throttled */
    uint64_t held_since_ms;      /* 0: not held */
    uint64_t hold_wait_ms;
    uint64_t looked_at_ms; /* secret */
    uint64_t token_generation;
    char token_line[TOKEN_LINE_BYTES]; /* "Access-Token: ..." */
    struct span *ids;                  /* of a batch, for its answer */
    struct item_result *each;
    size_t ids_cap;
};

static void read_token(struct tiktok_sender *sender)
{
    struct buf token;

    buf_init(&token, TOKEN_LINE_BYTES);
    secret_read(sender->config->access_token, &token);
    (void)snprintf(sender->token_line, sizeof(sender->token_line), "Access-Token: %.*s",
                   (int)token.len, token.ptr == NULL ? "" : token.ptr);
    sender->token_generation = secret_generation(sender->config->access_token);
    if (token.ptr != NULL) {
        mem_wipe(token.ptr, token.len);
    }
    buf_fini(&token);
}

struct tiktok_sender *
tiktok_sender_new(struct deliverer *d, const struct pipeline_destination *destination, size_t index)
{
    struct tiktok_sender *sender = mem_new(struct tiktok_sender);
    const struct config_destination *config = destination->config;

    sender->d = d;
    sender->to = destination;
    sender->config = config;
    sender->index = index;
    sender->target = (struct http_target){
        .url = destination->url,
        .ca_file = config->ca_file.ptr,
        .is_private_allowed = config->is_private_allowed || url_names_address(config->url),
        .connect_ms = config->timeout.connect_ms,
        .first_byte_ms = config->timeout.first_byte_ms,
        .total_ms = config->timeout.total_ms,
        .connections_max = config->concurrency.max,
    };
    limiter_init(&sender->limiter, config->rate.requests / d->pipeline->config->workers,
                 config->rate.burst, d->now_ms);
    sender->hold_wait_ms = HOLD_FIRST_MS;
    read_token(sender);
    return sender;
}

void tiktok_sender_free(struct tiktok_sender *sender)
{
    if (sender == NULL) {
        return;
    }
    mem_wipe(sender->token_line, sizeof(sender->token_line));
    batch_list_fini(&sender->batches);
    lanes_fini(&sender->lanes);
    free(sender->ids);
    free(sender->each);
    free(sender);
}

/* taking legs */

static struct lane *find_lane(struct tiktok_sender *sender, const struct leg *leg,
                              const struct event_view *view)
{
    return lanes_get(&sender->lanes, tiktok_event_name(sender->to->map, leg->event->type),
                     tiktok_source_id(sender->to->map, view, &sender->d->scratch));
}

/* Write the item into memory of the leg's own: it was not this destination's turn when it was
 * taken. */
static enum err_code render_again(struct tiktok_sender *sender, struct leg *leg,
                                  const struct event_view *view, struct err *err)
{
    struct deliverer *d = sender->d;
    struct tiktok_item item;
    enum err_code rc;

    buf_clear(&d->render);
    rc = tiktok_item_write(sender->to->map, d->tiktok, view, leg->event->id, &d->scratch,
                           &d->render, &item, err);
    if (rc == ERR_OK) {
        free(leg->item_owned);
        leg->item_owned = mem_text(buf_span(&d->render));
        leg->item = (struct span){leg->item_owned, d->render.len};
    }
    return rc;
}

static enum err_code decode_again(struct tiktok_sender *sender, struct leg *leg,
                                  struct decoded *decoded, struct err *err)
{
    struct deliverer *d = sender->d;
    struct frame frame;
    enum reason reason;
    enum err_code rc;

    arena_reset(&d->scratch);
    message_view_of(leg->event->message, &decoded->message);
    rc = catalog_unframe(d->pipeline->catalog, decoded->message.value, &frame, err);
    if (rc == ERR_OK) {
        rc = view_decode(d->pipeline, leg->event->writer, frame.payload, d->wall_ms, &d->scratch,
                         decoded, &reason, err);
    }
    if (rc == ERR_OK) {
        rc = render_again(sender, leg, &decoded->view, err);
    }
    return rc;
}

void tiktok_sender_take(struct tiktok_sender *sender, struct leg *leg,
                        const struct event_view *view)
{
    struct decoded decoded;
    struct err err;
    struct lane *lane;
    enum err_code rc = ERR_OK;

    if (view == NULL) {
        rc = decode_again(sender, leg, &decoded, &err);
        view = &decoded.view;
    }
    if (rc == ERR_OK && leg->item.len + REQUEST_ENVELOPE_BYTES > sender->config->batch.bytes) {
        rc = FAIL(&err, ERR_LIMIT, "the item is larger than batch.bytes allows");
    }
    if (rc != ERR_OK) {
        (void)leg_trouble(leg, sender->config, err.text);
        leg_dead_letter(sender->d, leg, rc == ERR_LIMIT ? REASON_TOO_LARGE : REASON_CONTRACT);
        return;
    }
    lane = find_lane(sender, leg, view);
    leg_move(leg, LEG_QUEUED);
    leg->lane = lane;
    lane_add(lane, leg);
}

void tiktok_sender_drop(struct tiktok_sender *sender, struct leg *leg)
{
    struct batch *batch = leg->batch;

    if (leg->state == LEG_QUEUED) {
        lane_remove(leg->lane, leg);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->legs[i] == leg) {
            (void)batch_take(batch, i);
            break;
        }
    }
    if (batch->count == 0) {
        batch_unwait(&sender->batches, batch);
        batch_free(&sender->batches, batch);
    }
}

/* answers */

static void note_trouble(struct tiktok_sender *sender, struct leg *leg,
                         const struct http_reply *reply, const struct tiktok_answer *answer)
{
    struct trouble *trouble =
        leg_trouble(leg, sender->config, answer->text[0] != '\0' ? answer->text : reply->error);
    const char *request_id = answer->request_id[0] != '\0' ? answer->request_id : reply->request_id;

    trouble->http_status = reply->status;
    trouble->has_code = answer->has_code;
    trouble->code = answer->code;
    memcpy(trouble->request_id, request_id, sizeof(trouble->request_id));
}

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

static void note_all(struct batch *batch, const struct http_reply *reply,
                     const struct tiktok_answer *answer)
{
    bool is_attempt = answer->verdict != VERDICT_THROTTLED && answer->verdict != VERDICT_HOLD;

    for (size_t i = 0; i < batch->count; i++) {
        struct leg *leg = batch->legs[i];

        leg->attempts += is_attempt;
        note_trouble(batch->sender, leg, reply, answer);
        note_outcome(leg, answer->verdict, reply);
    }
}

static void settle_delivered(struct tiktok_sender *sender, struct batch *batch)
{
    size_t count = batch->count;

    metrics_delivery(sender->d->metrics, sender->index, VERDICT_DELIVERED, count);
    batch->count = 0; /* the legs, and their events, are gone one by one from here */
    for (size_t i = 0; i < count; i++) {
        struct leg *leg = batch->legs[i];

        leg->batch = NULL;
        leg_delivered(sender->d, leg);
    }
    batch_free(&sender->batches, batch);
}

static void condemn(struct tiktok_sender *sender, struct leg *leg, enum reason reason)
{
    metrics_delivery(sender->d->metrics, sender->index,
                     reason == REASON_UNKNOWN_VERDICT ? VERDICT_UNKNOWN : VERDICT_REJECTED, 1);
    leg_dead_letter(sender->d, leg, reason);
}

static void advance_all(struct tiktok_sender *sender, struct batch *batch, enum reason reason)
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
static void halve(struct tiktok_sender *sender, struct batch *batch)
{
    struct batch *second = batch_new(&sender->batches, sender, batch->lane);
    size_t keep = batch->count / 2;

    for (size_t i = keep; i < batch->count; i++) {
        batch_add(second, batch->legs[i]);
    }
    batch->count = keep;
    second->attempts = batch->attempts;
    second->first_sent_ms = batch->first_sent_ms;
    batch_wait(&sender->batches, second, 0, true);
    batch_wait(&sender->batches, batch, 0, true);
}

static void handle_rejected(struct tiktok_sender *sender, struct batch *batch,
                            const struct http_reply *reply, const struct tiktok_answer *answer)
{
    enum reason reason = reply->status == 413 ? REASON_TOO_LARGE : REASON_REJECTED;

    if (batch->count == 1) {
        condemn(sender, batch_take(batch, 0), reason);
    } else if (answer->scope == SCOPE_ITEM && answer->item < batch->count) {
        condemn(sender, batch_take(batch, answer->item), reason);
    } else {
        halve(sender, batch);
        return;
    }
    if (batch->count == 0) {
        batch_free(&sender->batches, batch);
    } else {
        batch_wait(&sender->batches, batch, 0, true);
    }
}

static bool is_exhausted(const struct tiktok_sender *sender, const struct batch *batch,
                         uint64_t wait_ms)
{
    return batch->attempts >= sender->config->retry.attempts ||
           sender->d->now_ms + wait_ms > batch->first_sent_ms + sender->config->retry.deadline_ms;
}

static void handle_retry(struct tiktok_sender *sender, struct batch *batch,
                         const struct http_reply *reply, const struct tiktok_answer *answer)
{
    const struct config_destination *config = sender->config;
    uint64_t wait_ms;

    batch->attempts++;
    wait_ms = backoff_ms(config->retry.backoff_min_ms, config->retry.backoff_max_ms,
                         batch->attempts, &sender->d->rng);
    if (reply->has_retry_after) {
        wait_ms = MAX_OF(wait_ms, reply->retry_after_ms);
    }
    metrics_delivery(sender->d->metrics, sender->index, answer->verdict, batch->count);
    if (!is_exhausted(sender, batch, wait_ms)) {
        batch_wait(&sender->batches, batch, sender->d->now_ms + wait_ms, false);
    } else if (answer->verdict != VERDICT_UNKNOWN) {
        advance_all(sender, batch, REASON_RETRIES_EXHAUSTED);
    } else if (batch->count >
               1) { /* one of them may be the culprit: the others must not share its fate */
        batch->attempts = sender->config->retry.attempts - 1;
        batch->first_sent_ms = sender->d->now_ms;
        halve(sender, batch);
    } else {
        leg_dead_letter(sender->d, batch_take(batch, 0), REASON_UNKNOWN_VERDICT);
        batch_free(&sender->batches, batch);
    }
}

/* 20001: each event by its own result; one that cannot be told is sent again alone. */
static void handle_each(struct tiktok_sender *sender, struct batch *batch,
                        const struct http_reply *reply, const struct tiktok_answer *answer)
{
    size_t count = batch->count;

    batch->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct leg *leg = batch->legs[i];
        struct item_result result = sender->each[i];

        leg->batch = NULL;
        if (result.verdict == VERDICT_DELIVERED) {
            metrics_delivery(sender->d->metrics, sender->index, VERDICT_DELIVERED, 1);
            leg_delivered(sender->d, leg);
            continue;
        }
        if (result.code != 0 && leg->trouble != NULL) {
            leg->trouble->has_code = true;
            leg->trouble->code = result.code;
        }
        if (result.verdict == VERDICT_REJECTED) {
            leg->outcome = leg->outcome == OUTCOME_AMBIGUOUS ? OUTCOME_AMBIGUOUS : OUTCOME_REJECTED;
            condemn(sender, leg, REASON_REJECTED);
        } else {
            struct batch *alone = batch_new(&sender->batches, sender, batch->lane);

            alone->attempts = batch->attempts;
            alone->first_sent_ms = batch->first_sent_ms;
            batch_add(alone, leg);
            handle_retry(sender, alone, reply,
                         &(struct tiktok_answer){.verdict = VERDICT_RETRY, .code = answer->code});
        }
    }
    batch_free(&sender->batches, batch);
}

static void handle_throttled(struct tiktok_sender *sender, struct batch *batch,
                             const struct http_reply *reply)
{
    struct deliverer *d = sender->d;
    uint64_t wait_ms =
        reply->has_retry_after
            ? reply->retry_after_ms
            : THROTTLE_MIN_MS + rng_below(&d->rng, THROTTLE_MAX_MS - THROTTLE_MIN_MS + 1);

    metrics_delivery(d->metrics, sender->index, VERDICT_THROTTLED, batch->count);
    if (sender->throttled_since_ms == 0) {
        sender->throttled_since_ms = d->now_ms;
        LOG_WARN("destination.throttled", "destination=%s wait_ms=%llu",
                 LOG_S(sender->config->name), (unsigned long long)wait_ms);
    }
    sender->paused_until_ms = MAX_OF(sender->paused_until_ms, d->now_ms + wait_ms);
    batch_wait(&sender->batches, batch, 0, true);
}

static void handle_hold(struct tiktok_sender *sender, struct batch *batch,
                        const struct http_reply *reply, const struct tiktok_answer *answer)
{
    struct deliverer *d = sender->d;

    metrics_delivery(d->metrics, sender->index, VERDICT_HOLD, batch->count);
    if (sender->held_since_ms == 0) {
        sender->held_since_ms = d->now_ms;
        sender->hold_wait_ms = HOLD_FIRST_MS;
        LOG_ERROR("destination.held",
                  "destination=%s code=%d status=%d why=%s secret=%s "
                  "way_out=\"mend the credential or the destination's settings; the secret file "
                  "is watched\"",
                  LOG_S(sender->config->name), answer->has_code ? answer->code : 0, reply->status,
                  LOG_Q(answer->text), LOG_Q(secret_source(sender->config->access_token)));
    } else if (d->now_ms >= sender->paused_until_ms) { /* a probe failed, not a late answer */
        sender->hold_wait_ms = MIN_OF(sender->hold_wait_ms * 2, (uint64_t)HOLD_MAX_MS);
    }
    sender->is_proven = false;
    sender->paused_until_ms = MAX_OF(sender->paused_until_ms, d->now_ms + sender->hold_wait_ms);
    batch_wait(&sender->batches, batch, 0, true);
}

/* An answer that speaks of events and not of rate or credential: the way is open. */
static void note_open(struct tiktok_sender *sender)
{
    sender->is_proven = true;
    if (sender->throttled_since_ms != 0 || sender->held_since_ms != 0) {
        LOG_INFO("destination.open", "destination=%s was=%s", LOG_S(sender->config->name),
                 sender->held_since_ms != 0 ? "held" : "throttled");
        sender->throttled_since_ms = 0;
        sender->held_since_ms = 0;
        sender->paused_until_ms = 0;
    }
}

static void read_answer(struct tiktok_sender *sender, const struct batch *batch,
                        const struct http_reply *reply, struct tiktok_answer *answer)
{
    struct answer_batch described;

    if (sender->ids_cap < batch->count) {
        sender->ids_cap = batch->count;
        sender->ids = mem_grow(sender->ids, batch->count, sizeof(struct span));
        sender->each = mem_grow(sender->each, batch->count, sizeof(struct item_result));
    }
    for (size_t i = 0; i < batch->count; i++) {
        sender->ids[i] = batch->legs[i]->event->id;
        sender->each[i] = (struct item_result){VERDICT_RETRY, 0};
    }
    described = (struct answer_batch){sender->ids, batch->count, sender->each};
    tiktok_answer_read(sender->to->codes, reply->status, reply->body, &described, answer);
    if (reply->status == 503 && !answer->has_code && reply->has_retry_after) {
        answer->verdict = VERDICT_THROTTLED;
        answer->scope = SCOPE_BATCH;
    }
}

static void on_reply(void *context, const struct http_reply *reply)
{
    struct batch *batch = context;
    struct tiktok_sender *sender = batch->sender;
    struct tiktok_answer answer = {0};

    sender->in_flight--;
    batch->is_sent = false;
    metrics_request(sender->d->metrics, sender->index, reply->duration_us);
    read_answer(sender, batch, reply, &answer);
    if (answer.verdict == VERDICT_DELIVERED && answer.scope != SCOPE_EACH) {
        note_open(sender);
        settle_delivered(sender, batch);
        return;
    }
    note_all(batch, reply, &answer);
    LOG_DEBUG("request.answered", "destination=%s event=%s events=%zu verdict=%s status=%d code=%d",
              LOG_S(sender->config->name), LOG_Q(batch->lane->name), batch->count,
              verdict_word(answer.verdict), reply->status, answer.has_code ? answer.code : 0);
    if (answer.scope == SCOPE_EACH) {
        note_open(sender);
        handle_each(sender, batch, reply, &answer);
        return;
    }
    switch (answer.verdict) {
    case VERDICT_REJECTED:
        note_open(sender);
        handle_rejected(sender, batch, reply, &answer);
        return;
    case VERDICT_THROTTLED:
        handle_throttled(sender, batch, reply);
        return;
    case VERDICT_HOLD:
        handle_hold(sender, batch, reply, &answer);
        return;
    case VERDICT_RETRY:
    case VERDICT_UNKNOWN:
        handle_retry(sender, batch, reply, &answer);
        return;
    case VERDICT_DELIVERED:
    case VERDICT_COUNT:
        break;
    }
    INVARIANT(!"an answer has one of the verdicts above");
}

/* sending */

static size_t connections_allowed(const struct tiktok_sender *sender)
{
    bool is_probing = !sender->is_proven || sender->throttled_since_ms != 0;

    return is_probing ? 1 : sender->config->concurrency.initial;
}

static bool may_send(const struct tiktok_sender *sender)
{
    return !sender->d->is_silent && sender->in_flight < connections_allowed(sender) &&
           sender->d->now_ms >= sender->paused_until_ms;
}

static void build_body(struct tiktok_sender *sender, struct batch *batch)
{
    buf_clear(&batch->body);
    tiktok_body_begin(sender->to->map, span_of(batch->lane->source_id), &batch->body);
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0) {
            buf_add_char(&batch->body, ',');
        }
        buf_add_span(&batch->body, batch->legs[i]->item);
    }
    tiktok_body_end(&batch->body);
    INVARIANT(!batch->body.is_overflowed);
}

static void send_batch(struct tiktok_sender *sender, struct batch *batch)
{
    const char *headers[] = {"Content-Type: application/json", sender->token_line,
                             "User-Agent: detour/" DETOUR_VERSION};
    struct err err;

    build_body(sender, batch);
    for (size_t i = 0; i < batch->count; i++) {
        leg_move(batch->legs[i], LEG_SENDING);
    }
    if (http_post(sender->d->http, &sender->target, headers, COUNT_OF(headers),
                  buf_span(&batch->body), on_reply, batch, &err) != ERR_OK) {
        LOG_WARN("request.local", "destination=%s why=%s", LOG_S(sender->config->name),
                 LOG_Q(err.text)); /* our own shortage, never blamed on the destination */
        batch_wait(&sender->batches, batch, sender->d->now_ms + LOOK_MS, true);
        return;
    }
    if (batch->first_sent_ms == 0) {
        batch->first_sent_ms = sender->d->now_ms;
    }
    batch->is_sent = true;
    sender->in_flight++;
}

static struct batch *take_waiting(struct tiktok_sender *sender)
{
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        if (batch->due_ms <= sender->d->now_ms) {
            batch_unwait(&sender->batches, batch);
            return batch;
        }
    }
    return NULL;
}

static bool is_lane_due(const struct tiktok_sender *sender, const struct lane *lane)
{
    const struct config_destination *config = sender->config;

    return lane->count > 0 &&
           (lane->count >= config->batch.events || lane->bytes >= config->batch.bytes ||
            sender->d->now_ms - lane->first->queued_ms >= config->batch.linger_ms);
}

static struct batch *fill_batch(struct tiktok_sender *sender, struct lane *lane)
{
    const struct config_destination *config = sender->config;
    struct batch *batch = batch_new(&sender->batches, sender, lane);
    size_t bytes = REQUEST_ENVELOPE_BYTES;

    while (lane->first != NULL && batch->count < config->batch.events) {
        struct leg *leg = lane->first;

        if (batch->count > 0 && bytes + leg->item.len + 1 > config->batch.bytes) {
            break;
        }
        bytes += leg->item.len + 1;
        lane_remove(lane, leg);
        batch_add(batch, leg);
    }
    return batch;
}

static struct batch *take_lane(struct tiktok_sender *sender)
{
    for (size_t i = 0; i < sender->lanes.count; i++) {
        struct lane *lane = sender->lanes.first;

        lanes_rotate(&sender->lanes);
        if (is_lane_due(sender, lane)) {
            return fill_batch(sender, lane);
        }
    }
    return NULL;
}

/* waiting too long */

static bool is_overdue(const struct tiktok_sender *sender, const struct leg *leg, uint64_t since_ms,
                       uint64_t wait_ms)
{
    return leg_has_alternate(leg) &&
           sender->d->now_ms - MAX_OF(leg->queued_ms, since_ms) >= wait_ms;
}

static void divert_overdue(struct tiktok_sender *sender, uint64_t since_ms, uint64_t wait_ms,
                           enum reason reason)
{
    struct batch *next_batch;

    if (sender->d->now_ms - since_ms < wait_ms) {
        return;
    }
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next_batch) {
        next_batch = batch->next;
        for (size_t i = batch->count; i-- > 0;) {
            if (is_overdue(sender, batch->legs[i], since_ms, wait_ms)) {
                leg_advance(sender->d, batch_take(batch, i), reason);
            }
        }
        if (batch->count == 0) {
            batch_unwait(&sender->batches, batch);
            batch_free(&sender->batches, batch);
        }
    }
    for (struct lane *lane = sender->lanes.first; lane != NULL; lane = lane->next) {
        struct leg *next;

        for (struct leg *leg = lane->first; leg != NULL; leg = next) {
            next = leg->next;
            if (is_overdue(sender, leg, since_ms, wait_ms)) {
                lane_remove(lane, leg);
                leg_advance(sender->d, leg, reason);
            }
        }
    }
}

static void divert_waiting(struct tiktok_sender *sender)
{
    if (sender->throttled_since_ms != 0 && sender->config->throttle.then == THEN_DIVERT) {
        divert_overdue(sender, sender->throttled_since_ms, sender->config->throttle.wait_ms,
                       REASON_THROTTLED);
    }
    if (sender->held_since_ms != 0) {
        divert_overdue(sender, sender->held_since_ms, HOLD_DIVERT_MS, REASON_CREDENTIAL);
    }
}

/* A credential that changed is tried at once. */
static void look_at_secret(struct tiktok_sender *sender)
{
    struct secret *secret = sender->config->access_token;
    struct err err;

    if (sender->d->now_ms - sender->looked_at_ms < LOOK_MS) {
        return;
    }
    sender->looked_at_ms = sender->d->now_ms;
    if (secret_refresh(secret, sender->d->now_ms, &err) != ERR_OK) {
        LOG_WARN("secret.unreadable", "destination=%s secret=%s why=%s",
                 LOG_S(sender->config->name), LOG_Q(secret_source(secret)), LOG_Q(err.text));
    }
    if (secret_generation(secret) != sender->token_generation) {
        read_token(sender);
        sender->is_proven = false;
        if (sender->held_since_ms != 0) {
            sender->paused_until_ms = 0;
            sender->hold_wait_ms = HOLD_FIRST_MS;
        }
        LOG_INFO("secret.changed", "destination=%s secret=%s", LOG_S(sender->config->name),
                 LOG_Q(secret_source(secret)));
    }
}

/* When there will be something to do, as far as time decides. */
static uint64_t next_due_ms(const struct tiktok_sender *sender)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t due_ms = now_ms + LOOK_MS;

    if (now_ms < sender->paused_until_ms) {
        return MIN_OF(due_ms, sender->paused_until_ms) - now_ms;
    }
    if (sender->in_flight >= connections_allowed(sender)) {
        return due_ms - now_ms; /* an answer wakes us */
    }
    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        due_ms = MIN_OF(due_ms, batch->due_ms);
    }
    for (const struct lane *lane = sender->lanes.first; lane != NULL; lane = lane->next) {
        if (lane->first != NULL) {
            due_ms = MIN_OF(due_ms, lane->first->queued_ms + sender->config->batch.linger_ms);
        }
    }
    due_ms = MAX_OF(due_ms, now_ms + limiter_wait_ms(&sender->limiter, now_ms));
    return due_ms > now_ms ? due_ms - now_ms : 1;
}

uint64_t tiktok_sender_turn(struct tiktok_sender *sender)
{
    look_at_secret(sender);
    divert_waiting(sender);
    while (may_send(sender) && limiter_wait_ms(&sender->limiter, sender->d->now_ms) == 0) {
        struct batch *batch = take_waiting(sender);

        if (batch == NULL) {
            batch = take_lane(sender);
        }
        if (batch == NULL) {
            break;
        }
        (void)limiter_take(&sender->limiter, sender->d->now_ms);
        send_batch(sender, batch);
    }
    return next_due_ms(sender);
}
