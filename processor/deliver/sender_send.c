/*
 * What goes next, and how: a free connection, a token, a batch that is due, its body and headers.
 */
#include "deliver/sender.h"
#include "deliver/sender_inside.h"

#include <string.h>

#include "base/mem.h"

enum {
    CAUTIOUS_FAULTS = 2,
    CAUTIOUS_GAP_MS = 333,
    CAUTIOUS_HANGING = 10,
    UNPROVEN_CONNECTIONS = 2
};
enum { ANSWER_BYTES_PER_EVENT = 1024, BUDGET_LOOK_MS = 50, STUCK_QUEUE_MS = 1000 };
enum { SUSPECT_FAULTS = 5, SUSPECT_GAP_MS = 50, REFUSED_GAP_MS = 1000 };

size_t sender_connections(const struct sender *sender)
{
    size_t limit = concurrency_limit(&sender->concurrency);

    if (flow_is_limited(&sender->asked)) {
        return 1; /* a probe */
    }
    /* Not many until one has answered well; not one alone, or a type that hangs would hold up the
     * others. */
    return sender->is_proven ? limit : MIN_OF(limit, (size_t)UNPROVEN_CONNECTIONS);
}

bool sender_is_paused(const struct sender *sender)
{
    return sender->d->now_ms < MAX_OF(sender->asked.paused_until_ms, sender->lacks_until_ms);
}

bool sender_may_send(const struct sender *sender)
{
    return !sender->d->is_silent && sender->in_flight < sender_connections(sender) &&
           !sender_is_paused(sender);
}

static void build_body(struct sender *sender, struct batch *batch)
{
    buf_clear(&batch->body);
    sender->to->driver->begin(sender->to, span_of(batch->lane->source_id), &batch->body);
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
                                       &sender->header_lines, headers);
    const struct io *io = sender->d->io;
    enum err_code rc;

    sender->target.answer_bytes = answer_bytes_of(sender, batch);
    rc = io->post(io->context, &sender->target, headers, count, buf_span(&batch->body),
                  sender_on_reply, batch, err);

    mem_wipe(sender->header_lines.ptr, sender->header_lines.len);
    return rc;
}

/* The one request that may ask while less is asked for is taken for all workers. */
static bool may_ask(struct sender *sender)
{
    return !flow_is_limited(&sender->asked) || flow_take_probe(sender->flow, sender->d->worker);
}

static void give_probe(struct sender *sender)
{
    if (flow_is_limited(&sender->asked)) {
        flow_give_probe(sender->flow, sender->d->worker);
    }
}

static bool is_stuck(const struct sender *sender, const struct lane *lane)
{
    return lane->first != NULL && sender->d->now_ms - lane->first->queued_ms >=
                                      sender->config->batch.linger_ms + STUCK_QUEUE_MS;
}

/* Have others waited for long behind what is under way? A queue, not only thin traffic. */
void sender_note_stuck(const struct sender *sender, struct batch *batch)
{
    const struct lane *lane = sender_first_lane(sender);

    while (lane != NULL && !is_stuck(sender, lane)) {
        lane = sender_next_lane(sender, lane);
    }
    batch->ticket.is_stuck = is_stuck(sender, batch->lane);
    batch->ticket.is_destination_stuck = lane != NULL;
}

/* How long its answer may take counts from here, not from when it was chosen. */
void sender_renew_lease(struct sender *sender, const struct batch *batch)
{
    health_canary_waits(sender->d->health, sender->index, batch->lane->cell, sender->d->now_ms,
                        &batch->ticket);
}

static bool send_batch(struct sender *sender, struct batch *batch)
{
    struct err err;

    build_body(sender, batch);
    for (size_t i = 0; i < batch->count; i++) {
        leg_move(batch->legs[i], LEG_SENDING);
    }
    if (post(sender, batch, &err) != ERR_OK) {
        LOG_ERROR("request.local", "destination=%s why=%s", LOG_S(sender->config->name),
                  LOG_Q(err.text)); /* our own shortage, never blamed on the destination */
        batch_wait(&sender->batches, batch, sender->d->now_ms + SENDER_LOOK_MS, true);
        return false;
    }
    if (batch->first_sent_ms == 0) {
        batch->first_sent_ms = sender->d->now_ms;
    }
    if (batch->is_canary) {
        sender_renew_lease(sender, batch);
    } else {
        batch->ticket = health_ticket(sender->d->health, sender->index, batch->lane->cell);
    }
    batch->is_probe = flow_is_limited(&sender->asked);
    batch->sent_ms = sender->d->now_ms;
    batch->is_looked_at = false;
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
    sender->sent_ms = sender->d->now_ms;
    return true;
}

/* A source id that was refused is asked again by one request at a time, of whatever type. */
static bool is_probed(const struct sender *sender, const struct lane *held)
{
    for (const struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (lane->in_flight > 0 && strcmp(lane->source_id, held->source_id) == 0) {
            return true;
        }
    }
    return false;
}

/* When nobody has been served for some calls, whatever the type and the worker, twenty requests a
 * second of all workers together are enough for the streak rule to see an outage in its second. */
static uint64_t suspicious_until_ms(const struct sender *sender)
{
    if (health_streak(sender->d->health, sender->index) < SUSPECT_FAULTS) {
        return 0;
    }
    return sender->sent_ms + (uint64_t)SUSPECT_GAP_MS * sender->d->pipeline->config->workers;
}

/* A type of which everything is refused: each answer may condemn what it was about, so that few are
 * asked until the storm rule has seen its row of them. */
static uint64_t refused_until_ms(const struct sender *sender, const struct lane *lane)
{
    uint64_t gap_ms = (uint64_t)SUSPECT_GAP_MS * lane->rejected_at_once;

    if (lane->rejects_in_row < SUSPECT_FAULTS) {
        return 0;
    }
    return lane->sent_ms +
           MIN_OF(gap_ms, (uint64_t)REFUSED_GAP_MS) * sender->d->pipeline->config->workers;
}

/* A type that only fails is asked three times a second: the rest waits for its answers or goes
 * round. Often enough for the burst rule, which wants ten calls in the four to five seconds its
 * window spans; and not one at a time, or ten that hang would take a minute to be seen. */
uint64_t sender_cautious_until_ms(const struct sender *sender, const struct lane *lane)
{
    if (lane->held_until_ms > sender->d->now_ms) {
        return lane->held_until_ms;
    }
    if (lane->held_wait_ms != 0 && is_probed(sender, lane)) {
        return UINT64_MAX;
    }
    if (lane->faults_in_row < CAUTIOUS_FAULTS) {
        return MAX_OF(suspicious_until_ms(sender), refused_until_ms(sender, lane));
    }
    return lane->in_flight >= CAUTIOUS_HANGING
               ? UINT64_MAX
               : MAX_OF(lane->sent_ms + CAUTIOUS_GAP_MS, suspicious_until_ms(sender));
}

/* The deadline is for attempts: what a throttle or a refused credential took of it is given back.
 */
uint64_t sender_deadline_ms(const struct sender *sender, const struct batch *batch)
{
    return MAX_OF(batch->first_sent_ms, sender->limited_ms) + sender->config->retry.deadline_ms;
}

/* When @batch may go, as far as time decides. */
uint64_t sender_due_ms(const struct sender *sender, const struct batch *batch)
{
    uint64_t due_ms = batch->due_ms;

    if (!batch->is_canary) {
        due_ms = MAX_OF(due_ms, sender_cautious_until_ms(sender, batch->lane));
    }
    if (batch->wants_budget && sender->budget_looked_ms != 0) {
        due_ms = MAX_OF(due_ms, sender->budget_looked_ms + BUDGET_LOOK_MS);
    }
    return due_ms;
}

/* A retry waits for the budget as long as its deadline is not over. What nobody knows is tried to
 * the end, to find out whose doing it is. */
static bool has_budget(struct sender *sender, const struct batch *batch)
{
    uint64_t now_ms = sender->d->now_ms;
    bool is_last = batch->is_unknown && now_ms >= sender_deadline_ms(sender, batch);

    if (!batch->wants_budget || is_last || budget_retry(&sender->budget, now_ms)) {
        sender->budget_looked_ms = batch->wants_budget ? 0 : sender->budget_looked_ms;
        return true;
    }
    sender->budget_looked_ms = MAX_OF(now_ms, (uint64_t)1);
    return false;
}

static struct batch *take_waiting(struct sender *sender)
{
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        if (sender_due_ms(sender, batch) <= sender->d->now_ms && has_budget(sender, batch)) {
            batch->wants_budget = false;
            batch_unwait(&sender->batches, batch);
            return batch;
        }
    }
    return NULL;
}

static bool is_lane_due(const struct sender *sender, const struct lane *lane)
{
    const struct config_destination *config = sender->config;

    return lane->count > 0 && sender_cautious_until_ms(sender, lane) <= sender->d->now_ms &&
           (sender->d->is_leaving || lane->count >= config->batch.events ||
            lane->bytes >= config->batch.bytes ||
            sender->d->now_ms - lane->first->queued_ms >= config->batch.linger_ms);
}

static struct batch *fill_batch(struct sender *sender, struct lane *lane)
{
    const struct config_destination *config = sender->config;
    struct batch *batch = batch_new(&sender->batches, sender, lane);
    size_t bytes = SENDER_ENVELOPE_BYTES;

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

/* What waits has waited longer. But a refused credential is asked about with another event, where
 * there is one: it may have been that event's own doing. */
static struct batch *next_batch(struct sender *sender)
{
    bool prefers_fresh = sender->asked.hold_wait_ms != 0;
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
    (void)pace_take(&sender->pace, sender->d->now_ms);
    if (!send_batch(sender, batch)) {
        give_probe(sender);
        return false;
    }
    return true;
}
