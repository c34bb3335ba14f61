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
#include "deliver/sender.h"

#include "deliver/sender_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/view.h"
#include "http/address.h"

enum {
    LOOK_MS = 1000,         /* how often the secret's file is looked at */
    HOLD_DIVERT_MS = 60000, /* auth_hold (reliability 1.6) */
    REQUEST_ENVELOPE_BYTES = 1024,
    HEADER_BYTES_MAX = 256 * 1024,
    HANG_LOOK_MS = 250,
    CAUTIOUS_FAULTS = 2,
    CAUTIOUS_GAP_MS = 500,
};

/* Changes when any of the secrets does. */
static uint64_t secrets_generation(const struct sender *sender)
{
    uint64_t sum = 0;
    struct secret *secret;

    for (size_t i = 0; (secret = sender->kind->secret(sender->to, i)) != NULL; i++) {
        sum += secret_generation(secret);
    }
    return sum;
}

/* This worker's part of the configured rate: of the whole group's by partitions held, or of the
 * process's. */
static double rate_ceiling(const struct sender *sender)
{
    const struct config_destination *config = sender->config;
    double share = 1.0 / sender->d->pipeline->config->workers;

    if (config->rate.is_shared && sender->d->rate_share > 0) {
        share = sender->d->rate_share;
    }
    return config->rate.requests * share;
}

struct sender *sender_new(struct deliverer *d, const struct pipeline_destination *destination,
                          size_t index)
{
    struct sender *sender = mem_new(struct sender);
    const struct config_destination *config = destination->config;

    sender->d = d;
    sender->to = destination;
    sender->config = config;
    sender->kind = kind_of(config->type);
    buf_init(&sender->header_lines, HEADER_BYTES_MAX);
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
    if (sender->kind->aim != NULL) {
        sender->kind->aim(destination, &sender->target);
    }
    pace_init(&sender->pace, rate_ceiling(sender), config->rate.burst, d->now_ms);
    concurrency_init(&sender->concurrency, config->concurrency.initial, config->concurrency.max);
    budget_init(&sender->budget, config->retry.budget);
    sender->token_generation = secrets_generation(sender);
    return sender;
}

void sender_free(struct sender *sender)
{
    if (sender == NULL) {
        return;
    }
    buf_fini(&sender->header_lines);
    batch_list_fini(&sender->batches);
    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        lanes_fini(&sender->lanes[i]);
    }
    free(sender->ids);
    free(sender->each);
    free(sender);
}

/* All lanes, high priority first. */
static struct lane *first_lane_from(const struct sender *sender, size_t priority)
{
    while (priority < PRIORITY_COUNT) {
        if (sender->lanes[priority].first != NULL) {
            return sender->lanes[priority].first;
        }
        priority++;
    }
    return NULL;
}

static struct lane *first_lane(const struct sender *sender)
{
    return first_lane_from(sender, 0);
}

static struct lane *next_lane(const struct sender *sender, const struct lane *lane)
{
    return lane->next != NULL ? lane->next : first_lane_from(sender, (size_t)lane->priority + 1);
}

/* taking legs */

static struct lane *find_lane(struct sender *sender, const struct leg *leg,
                              const struct event_view *view)
{
    struct lane *lane = lanes_get(&sender->lanes[leg->route->priority], leg->event->type,
                                  sender->kind->group(sender->d, sender->to, view));

    lane->priority = leg->route->priority;
    lane->cell = deliver_cell(sender->d, sender->index, leg->event->type);
    return lane;
}

/* Write the item into memory of the leg's own: it was not this destination's turn when it was
 * taken. */
static enum err_code render_again(struct sender *sender, struct leg *leg,
                                  const struct event_view *view, struct err *err)
{
    struct deliverer *d = sender->d;
    uint32_t fields_left_out = 0;
    enum err_code rc;

    buf_clear(&d->render);
    rc = sender->kind->render(d, sender->to, view, leg->event->id, &d->render, &fields_left_out,
                              err);
    if (rc == ERR_OK) {
        free(leg->item_owned);
        leg->item_owned = mem_text(buf_span(&d->render));
        leg->item = (struct span){leg->item_owned, d->render.len};
    }
    return rc;
}

static enum err_code decode_again(struct sender *sender, struct leg *leg, struct decoded *decoded,
                                  struct err *err)
{
    struct deliverer *d = sender->d;
    struct frame frame;
    enum reason reason;
    enum err_code rc;

    arena_reset(&d->scratch);
    d->outside->view(leg->event->message, &decoded->message);
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

static void cancel_canary(struct sender *sender, struct leg *leg)
{
    if (leg->is_canary) {
        leg->is_canary = false;
        health_cancel(sender->d->health, sender->index,
                      deliver_cell(sender->d, sender->index, leg->event->type), &leg->ticket);
    }
}

/* A probe goes alone and at once: its answer is waited for by all the others. */
static void queue_canary(struct sender *sender, struct lane *lane, struct leg *leg)
{
    struct batch *batch = batch_new(&sender->batches, sender, lane);

    batch->is_canary = true;
    batch->ticket = leg->ticket;
    batch_add(batch, leg);
    batch_wait(&sender->batches, batch, 0, true);
}

void sender_take(struct sender *sender, struct leg *leg, const struct event_view *view)
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
        cancel_canary(sender, leg);
        (void)leg_trouble(leg, sender->config, err.text);
        leg_dead_letter(sender->d, leg, rc == ERR_LIMIT ? REASON_TOO_LARGE : REASON_CONTRACT);
        return;
    }
    lane = find_lane(sender, leg, view);
    leg_move(leg, LEG_QUEUED);
    if (leg->is_canary) {
        queue_canary(sender, lane, leg);
        return;
    }
    leg->lane = lane;
    lane_add(lane, leg);
}

void sender_drop(struct sender *sender, struct leg *leg)
{
    struct batch *batch = leg->batch;

    cancel_canary(sender, leg);
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

/* sending */

static size_t connections_allowed(const struct sender *sender)
{
    bool is_probing = !sender->is_proven || sender->throttled_since_ms != 0;

    return is_probing ? 1 : concurrency_limit(&sender->concurrency);
}

static bool may_send(const struct sender *sender)
{
    return !sender->d->is_silent && sender->in_flight < connections_allowed(sender) &&
           sender->d->now_ms >= sender->paused_until_ms;
}

static void build_body(struct sender *sender, struct batch *batch)
{
    buf_clear(&batch->body);
    sender->kind->begin(sender->to, span_of(batch->lane->source_id), &batch->body);
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0) {
            sender->kind->separate(sender->to, &batch->body);
        }
        buf_add_span(&batch->body, batch->legs[i]->item);
    }
    sender->kind->end(sender->to, &batch->body);
    INVARIANT(!batch->body.is_overflowed);
}

static size_t list_headers(struct sender *sender, const struct batch *batch,
                           const char *headers[KIND_HEADERS_MAX])
{
    struct buf *lines = &sender->header_lines;
    size_t count = 0;

    buf_clear(lines);
    sender->kind->headers(sender->to, buf_span(&batch->body), sender->d->wall_ms, lines);
    headers[count++] = "User-Agent: detour/" DETOUR_VERSION;
    for (size_t at = 0; at < lines->len && count < KIND_HEADERS_MAX;) {
        headers[count++] = lines->ptr + at;
        at = span_find(buf_span(lines), '\0', at) + 1;
    }
    return count;
}

static enum err_code post(struct sender *sender, struct batch *batch, struct err *err)
{
    const char *headers[KIND_HEADERS_MAX];
    size_t count = list_headers(sender, batch, headers);
    const struct outside *outside = sender->d->outside;
    enum err_code rc = outside->post(outside->context, &sender->target, headers, count,
                                     buf_span(&batch->body), sender_on_reply, batch, err);

    mem_wipe(sender->header_lines.ptr, sender->header_lines.len);
    return rc;
}

static void send_batch(struct sender *sender, struct batch *batch)
{
    struct err err;

    build_body(sender, batch);
    for (size_t i = 0; i < batch->count; i++) {
        leg_move(batch->legs[i], LEG_SENDING);
    }
    if (post(sender, batch, &err) != ERR_OK) {
        LOG_WARN("request.local", "destination=%s why=%s", LOG_S(sender->config->name),
                 LOG_Q(err.text)); /* our own shortage, never blamed on the destination */
        batch_wait(&sender->batches, batch, sender->d->now_ms + LOOK_MS, true);
        return;
    }
    if (batch->first_sent_ms == 0) {
        batch->first_sent_ms = sender->d->now_ms;
    }
    if (!batch->is_canary) {
        batch->ticket = health_ticket(sender->d->health, sender->index, batch->lane->cell);
    }
    batch->sent_ms = sender->d->now_ms;
    batch->is_counted = false;
    batch->is_sent = true;
    batch->previous = NULL;
    batch->next = sender->sent;
    if (sender->sent != NULL) {
        sender->sent->previous = batch;
    }
    sender->sent = batch;
    sender->in_flight++;
    concurrency_sent(&sender->concurrency, (uint32_t)sender->in_flight);
    budget_request(&sender->budget, sender->d->now_ms);
    batch->lane->in_flight++;
    batch->lane->sent_ms = sender->d->now_ms;
}

/* A type that only fails is asked one at a time and twice a second: the rest waits for its answer
 * or goes round. */
static uint64_t cautious_until_ms(const struct sender *sender, const struct lane *lane)
{
    if (lane->held_until_ms > sender->d->now_ms) {
        return lane->held_until_ms;
    }
    if (lane->faults_in_row < CAUTIOUS_FAULTS) {
        return 0;
    }
    return lane->in_flight > 0 ? UINT64_MAX : lane->sent_ms + CAUTIOUS_GAP_MS;
}

static struct batch *take_waiting(struct sender *sender)
{
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        bool may_go =
            batch->is_canary || cautious_until_ms(sender, batch->lane) <= sender->d->now_ms;

        if (may_go && batch->due_ms <= sender->d->now_ms) {
            batch_unwait(&sender->batches, batch);
            return batch;
        }
    }
    return NULL;
}

static bool is_lane_due(const struct sender *sender, const struct lane *lane)
{
    const struct config_destination *config = sender->config;

    return lane->count > 0 && cautious_until_ms(sender, lane) <= sender->d->now_ms &&
           (lane->count >= config->batch.events || lane->bytes >= config->batch.bytes ||
            sender->d->now_ms - lane->first->queued_ms >= config->batch.linger_ms);
}

static struct batch *fill_batch(struct sender *sender, struct lane *lane)
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

static struct batch *take_lane(struct sender *sender, struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = lanes->first;

        lanes_rotate(lanes);
        if (is_lane_due(sender, lane)) {
            return fill_batch(sender, lane);
        }
    }
    return NULL;
}

/* High before normal before low; every eighth turn normal first, every 32nd low first, so that none
 * starves. */
static struct batch *take_by_priority(struct sender *sender)
{
    static const enum priority orders[][PRIORITY_COUNT] = {
        {PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW},
        {PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_LOW},
        {PRIORITY_LOW, PRIORITY_HIGH, PRIORITY_NORMAL},
    };
    unsigned which = sender->turn % 32 == 31 ? 2 : sender->turn % 8 == 7 ? 1 : 0;

    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        struct batch *batch = take_lane(sender, &sender->lanes[orders[which][i]]);

        if (batch != NULL) {
            sender->turn++;
            return batch;
        }
    }
    return NULL;
}

/* waiting too long */

static bool is_overdue(const struct sender *sender, const struct leg *leg, uint64_t since_ms,
                       uint64_t wait_ms)
{
    return leg_has_alternate(leg) &&
           sender->d->now_ms - MAX_OF(leg->queued_ms, since_ms) >= wait_ms;
}

static void divert_overdue(struct sender *sender, uint64_t since_ms, uint64_t wait_ms,
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
    for (struct lane *lane = first_lane(sender); lane != NULL; lane = next_lane(sender, lane)) {
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

static size_t count_waiting(const struct sender *sender)
{
    size_t count = 0;

    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        count += batch->count;
    }
    for (const struct lane *lane = first_lane(sender); lane != NULL;
         lane = next_lane(sender, lane)) {
        count += lane->count;
    }
    return count;
}

/* Who waits for one destination may fill half of what may be in flight: the rest is for healthy
 * legs. Past that, nobody waits any longer who has another way. */
static uint64_t patience_ms(const struct sender *sender, uint64_t wait_ms)
{
    size_t share = sender->d->pipeline->config->in_flight.events / 2;

    return count_waiting(sender) > share ? MIN_OF(wait_ms, (uint64_t)LOOK_MS) : wait_ms;
}

static void divert_held_lane(struct sender *sender, struct lane *lane)
{
    struct leg *next;

    for (struct leg *leg = lane->first; leg != NULL; leg = next) {
        next = leg->next;
        if (is_overdue(sender, leg, lane->held_since_ms, HOLD_DIVERT_MS)) {
            lane_remove(lane, leg);
            leg_advance(sender->d, leg, REASON_CREDENTIAL);
        }
    }
}

static void divert_waiting(struct sender *sender)
{
    const struct config_destination *config = sender->config;

    if (sender->throttled_since_ms != 0 && config->throttle.then == THEN_DIVERT) {
        divert_overdue(sender, sender->throttled_since_ms,
                       patience_ms(sender, config->throttle.wait_ms), REASON_THROTTLED);
    }
    if (sender->held_since_ms != 0) {
        divert_overdue(sender, sender->held_since_ms, patience_ms(sender, HOLD_DIVERT_MS),
                       REASON_CREDENTIAL);
    }
    for (struct lane *lane = first_lane(sender); lane != NULL; lane = next_lane(sender, lane)) {
        if (lane->held_since_ms != 0) {
            divert_held_lane(sender, lane);
        }
    }
}

/* health */

bool sender_is_clear(const struct sender *sender, const struct batch *batch)
{
    return health_is_clear(sender->d->health, sender->index, batch->lane->cell);
}

enum reason sender_outage_reason(struct sender *sender, const struct lane *lane, struct leg *leg)
{
    return health_outage(sender->d->health, sender->index, lane->cell, leg->outage);
}

static void divert_lane(struct sender *sender, struct lane *lane)
{
    while (lane->first != NULL) {
        struct leg *leg = lane->first;

        lane_remove(lane, leg);
        leg_advance(sender->d, leg, sender_outage_reason(sender, lane, leg));
    }
}

/* A way closed: what waits for it goes the alternate way now, not after its own attempts. */
static void divert_closed(struct sender *sender)
{
    struct health *health = sender->d->health;
    struct batch *next;

    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (batch->is_canary || health_allows_waiting(health, sender->index, batch->lane->cell)) {
            continue;
        }
        batch_unwait(&sender->batches, batch);
        while (batch->count > 0) {
            struct leg *leg = batch_take(batch, batch->count - 1);

            leg_advance(sender->d, leg, sender_outage_reason(sender, batch->lane, leg));
        }
        batch_free(&sender->batches, batch);
    }
    for (struct lane *lane = first_lane(sender); lane != NULL; lane = next_lane(sender, lane)) {
        if (lane->first != NULL && !health_allows_waiting(health, sender->index, lane->cell)) {
            divert_lane(sender, lane);
        }
    }
}

/* Hanging is seen before its time-outs: half way to the first byte's counts as a fault until it
 * answers. */
static void count_hanging(struct sender *sender)
{
    uint64_t patience_ms = sender->config->timeout.first_byte_ms / 2;

    for (struct batch *batch = sender->sent; batch != NULL; batch = batch->next) {
        if (!batch->is_counted && sender->d->now_ms - batch->sent_ms >= patience_ms) {
            batch->is_counted = true;
            batch->counted_ms = sender->d->now_ms;
            health_provisional(sender->d->health, sender->index, batch->lane->cell,
                               sender->d->now_ms, &batch->ticket);
        }
    }
}

static void follow_health(struct sender *sender)
{
    uint64_t version;

    count_hanging(sender);
    version = health_version(sender->d->health, sender->index);
    if (version != sender->health_seen) {
        sender->health_seen = version;
        divert_closed(sender);
    }
}

static void watch_limit(struct sender *sender)
{
    if (sender->in_flight < concurrency_limit(&sender->concurrency)) {
        sender->full_since_ms = 0;
    } else if (sender->full_since_ms == 0) {
        sender->full_since_ms = sender->d->now_ms;
    }
}

/* A credential that changed is tried at once. */
static void look_at_secrets(struct sender *sender)
{
    struct secret *secret;
    struct err err;
    uint64_t generation;

    if (sender->d->now_ms - sender->looked_at_ms < LOOK_MS) {
        return;
    }
    sender->looked_at_ms = sender->d->now_ms;
    for (size_t i = 0; (secret = sender->kind->secret(sender->to, i)) != NULL; i++) {
        if (secret_refresh(secret, sender->d->now_ms, &err) != ERR_OK) {
            LOG_WARN("secret.unreadable", "destination=%s secret=%s why=%s",
                     LOG_S(sender->config->name), LOG_Q(secret_source(secret)), LOG_Q(err.text));
        }
    }
    generation = secrets_generation(sender);
    if (generation == sender->token_generation) {
        return;
    }
    sender->token_generation = generation;
    sender->is_proven = false;
    if (sender->hold_wait_ms != 0) {
        sender->paused_until_ms = 0;
        sender->hold_wait_ms = 0;
    }
    for (struct lane *lane = first_lane(sender); lane != NULL; lane = next_lane(sender, lane)) {
        lane->held_until_ms = 0;
    }
    LOG_INFO("secret.changed", "destination=%s", LOG_S(sender->config->name));
}

/* When there will be something to do, as far as time decides. */
static uint64_t next_due_ms(const struct sender *sender)
{
    uint64_t now_ms = sender->d->now_ms;
    uint64_t due_ms = now_ms + LOOK_MS;

    if (now_ms < sender->paused_until_ms) {
        return MIN_OF(due_ms, sender->paused_until_ms) - now_ms;
    }
    if (sender->in_flight >= connections_allowed(sender)) {
        return MIN_OF(due_ms - now_ms, (uint64_t)HANG_LOOK_MS); /* an answer wakes us */
    }
    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        due_ms = MIN_OF(due_ms, MAX_OF(batch->due_ms, cautious_until_ms(sender, batch->lane)));
    }
    for (const struct lane *lane = first_lane(sender); lane != NULL;
         lane = next_lane(sender, lane)) {
        if (lane->first != NULL) {
            due_ms = MIN_OF(due_ms, MAX_OF(lane->first->queued_ms + sender->config->batch.linger_ms,
                                           cautious_until_ms(sender, lane)));
        }
    }
    due_ms = MAX_OF(due_ms, now_ms + pace_wait_ms(&sender->pace, now_ms));
    return due_ms > now_ms ? due_ms - now_ms : 1;
}

uint64_t sender_turn(struct sender *sender)
{
    pace_set_ceiling(&sender->pace, rate_ceiling(sender), sender->d->now_ms);
    look_at_secrets(sender);
    follow_health(sender);
    divert_waiting(sender);
    while (may_send(sender) && pace_wait_ms(&sender->pace, sender->d->now_ms) == 0) {
        struct batch *batch = take_waiting(sender);

        if (batch == NULL) {
            batch = take_by_priority(sender);
        }
        if (batch == NULL) {
            break;
        }
        (void)pace_take(&sender->pace, sender->d->now_ms);
        send_batch(sender, batch);
    }
    watch_limit(sender);
    return next_due_ms(sender);
}
