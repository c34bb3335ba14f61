/*
 * What must not wait any longer: a way that closed, a throttle or a credential that takes too long,
 * a crowd, a request that hangs, a secret that changed.
 */
#include "deliver/sender_inside.h"

#include <string.h>

enum {
    HOLD_DIVERT_MS = 60000, /* auth_hold (reliability 1.6) */
    IMPATIENT_MS = 100,     /* between looks at who has waited too long */
    CROWD_MS = 10000,       /* a worker full for so long, by what waits for one destination */
};

/* waiting too long */

/* Who has to go: since when it is @since_ms that they wait in vain, @wait_ms is enough. Those at
 * the end of their chain wait on, but for @excess of them. */
struct patience {
    uint64_t since_ms, wait_ms;
    size_t excess;
    enum reason reason;
};

static bool is_overdue(const struct sender *sender, const struct leg *leg,
                       struct patience *patience)
{
    uint64_t waited_ms = sender->d->now_ms - MAX_OF(leg->queued_ms, patience->since_ms);

    if (waited_ms < patience->wait_ms) {
        return false;
    }
    if (!leg_has_alternate(leg)) {
        if (patience->excess == 0) {
            return false;
        }
        patience->excess--;
    }
    return true;
}

static void divert_overdue_lane(struct sender *sender, struct lane *lane, struct patience *patience)
{
    struct leg *next;

    for (struct leg *leg = lane->first; leg != NULL; leg = next) {
        next = leg->next;
        if (is_overdue(sender, leg, patience)) {
            lane_remove(lane, leg);
            leg_advance(sender->d, leg, patience->reason);
        }
    }
}

static void divert_overdue_batch(struct sender *sender, struct batch *batch,
                                 struct patience *patience)
{
    for (size_t i = batch->count; i-- > 0;) {
        if (is_overdue(sender, batch->legs[i], patience)) {
            struct leg *leg = batch_take(batch, i);

            sender_cancel_canary(sender, leg);
            leg_advance(sender->d, leg, patience->reason);
        }
    }
    if (batch->count == 0) {
        batch_unwait(&sender->batches, batch);
        batch_free(&sender->batches, batch);
    }
}

/* Of lane @only, or of all when it is NULL: what was refused and waits in its batch, and what
 * queues behind it. */
static void divert_overdue(struct sender *sender, struct lane *only, struct patience *patience)
{
    struct batch *next;

    if (sender->d->now_ms - patience->since_ms < patience->wait_ms) {
        return;
    }
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (only == NULL || batch->lane == only) {
            divert_overdue_batch(sender, batch, patience);
        }
    }
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (only == NULL || lane == only) {
            divert_overdue_lane(sender, lane, patience);
        }
    }
}

static size_t count_waiting(const struct sender *sender)
{
    size_t count = 0;

    for (const struct batch *batch = sender->batches.first; batch != NULL; batch = batch->next) {
        count += batch->count;
    }
    for (const struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        count += lane->count;
    }
    return count;
}

/* Who waits for one destination may fill half of what may be in flight: the rest is for healthy
 * legs. How many are too many: an eighth more than that, or a worker that was full would never
 * come to the half at which it takes events again. */
static size_t crowd_of(const struct sender *sender)
{
    size_t events = sender->d->pipeline->config->in_flight.events;
    size_t waiting = count_waiting(sender);

    return waiting >= events / 2 ? waiting - events / 2 + events / 8 : 0;
}

/* In a crowd nobody waits any longer who has another way. Where other destinations would have to
 * wait too, what is too much and has none goes to the dead letters when the time is over. */
static struct patience patience_of(const struct sender *sender, uint64_t since_ms, uint64_t wait_ms,
                                   enum reason reason)
{
    size_t crowd = crowd_of(sender);
    bool is_over = sender->d->now_ms - since_ms >= wait_ms;

    return (struct patience){
        .since_ms = since_ms,
        .wait_ms = crowd > 0 ? MIN_OF(wait_ms, (uint64_t)SENDER_LOOK_MS) : wait_ms,
        .excess = is_over && sender->has_neighbours ? crowd : 0,
        .reason = reason,
    };
}

static void divert_while(struct sender *sender, struct lane *only, uint64_t since_ms,
                         uint64_t wait_ms, enum reason reason)
{
    struct patience patience;

    if (since_ms != 0) {
        patience = patience_of(sender, since_ms, wait_ms, reason);
        divert_overdue(sender, only, &patience);
    }
}

/* A destination that answers well, but slower than events come, fills the worker in the end. Then
 * what has waited long goes round, so that other destinations are not held to its speed. */
static void divert_crowd(struct sender *sender)
{
    const struct deliverer *d = sender->d;
    bool is_full = event_pool_busy(&d->events) >= d->pipeline->config->in_flight.events / 2;
    struct patience patience = {.wait_ms = CROWD_MS, .reason = REASON_THROTTLED};

    if (!sender->has_neighbours || !is_full || crowd_of(sender) == 0) {
        sender->crowded_since_ms = 0;
        return;
    }
    if (sender->crowded_since_ms == 0) {
        sender->crowded_since_ms = d->now_ms;
    }
    if (d->now_ms - sender->crowded_since_ms >= CROWD_MS) {
        divert_overdue(sender, NULL, &patience);
    }
}

/* A retry whose deadline ends while it waits for the budget has had its time. */
static void divert_late_retries(struct sender *sender)
{
    struct batch *next;

    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next) {
        next = batch->next;
        if (!batch->wants_budget || batch->is_unknown || batch->is_canary ||
            sender->d->now_ms < sender_deadline_ms(sender, batch)) {
            continue;
        }
        batch_unwait(&sender->batches, batch);
        while (batch->count > 0) {
            leg_advance(sender->d, batch_take(batch, batch->count - 1), REASON_RETRIES_EXHAUSTED);
        }
        batch_free(&sender->batches, batch);
    }
}

void sender_divert_waiting(struct sender *sender)
{
    const struct config_destination *config = sender->config;
    uint64_t now_ms = sender->d->now_ms;
    bool is_throttle_over = config->throttle.then == THEN_DIVERT;

    if (now_ms - sender->impatient_ms < IMPATIENT_MS) {
        return; /* it looks through all that waits, and turns are many */
    }
    sender->impatient_ms = now_ms;
    divert_late_retries(sender);
    divert_while(sender, NULL, is_throttle_over ? sender->asked.throttled_since_ms : 0,
                 config->throttle.wait_ms, REASON_THROTTLED);
    divert_while(sender, NULL, sender->asked.held_since_ms, HOLD_DIVERT_MS, REASON_CREDENTIAL);
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        divert_while(sender, lane, lane->held_since_ms, HOLD_DIVERT_MS, REASON_CREDENTIAL);
    }
    if (!flow_is_limited(&sender->asked)) {
        divert_crowd(sender);
    }
}

/* health */

bool sender_is_clear(const struct sender *sender, const struct batch *batch)
{
    return health_is_clear(sender->d->health, sender->index, batch->lane->cell);
}

enum reason sender_outage_reason(struct sender *sender, const struct lane *lane, struct leg *leg)
{
    char outage[OUTAGE_ID_BYTES];
    enum reason reason = health_outage(sender->d->health, sender->index, lane->cell, outage);

    if (leg->reason == REASON_NONE) { /* else it left its first destination for another reason */
        memcpy(leg->outage, outage, sizeof(leg->outage));
    }
    return reason;
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
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (lane->first != NULL && !health_allows_waiting(health, sender->index, lane->cell)) {
            divert_lane(sender, lane);
        }
    }
}

/* Hanging is seen by what hangs, once the first has timed out: half way to the first byte's counts
 * as a fault until it answers. */
static void count_hanging(struct sender *sender)
{
    uint64_t patience_ms = sender->config->timeout.first_byte_ms / 2;

    for (struct batch *batch = sender->sent; batch != NULL; batch = batch->next) {
        if (!batch->is_looked_at && sender->d->now_ms - batch->sent_ms >= patience_ms) {
            batch->is_looked_at = true;
            sender_note_stuck(sender, batch);
            batch->is_counted =
                health_provisional(sender->d->health, sender->index, batch->lane->cell,
                                   sender->d->now_ms, &batch->ticket, &batch->counted_ms);
        }
    }
}

/* A cell became another type's: what waits, or is under way, asks for its own anew. */
static void follow_cells(struct sender *sender)
{
    struct deliverer *d = sender->d;
    uint32_t version = health_cells_version(d->health, sender->index);

    if (version == sender->cells_seen) {
        return;
    }
    sender->cells_seen = version;
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (lane->count > 0 || lane->batches > 0) {
            lane->cell = deliver_cell(d, sender->index, span_of(lane->name));
        }
    }
}

void sender_follow_health(struct sender *sender)
{
    uint64_t version;

    follow_cells(sender);
    count_hanging(sender);
    version = health_version(sender->d->health, sender->index);
    if (version != sender->health_seen) {
        sender->health_seen = version;
        if (!health_is_closed(sender->d->health, sender->index)) {
            concurrency_restart(&sender->concurrency); /* it comes back to few connections */
        }
        divert_closed(sender);
    }
}

void sender_watch_limit(struct sender *sender)
{
    if (sender->in_flight < concurrency_limit(&sender->concurrency)) {
        sender->full_since_ms = 0;
    } else if (sender->full_since_ms == 0) {
        sender->full_since_ms = sender->d->now_ms;
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
    if (generation == sender->token_generation) {
        return;
    }
    sender->token_generation = generation;
    sender->is_proven = false;
    flow_secret_changed(sender->flow, generation);
    sender_follow_flow(sender);
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        lane->held_until_ms = 0;
    }
    LOG_INFO("secret.changed", "destination=%s", LOG_S(sender->config->name));
}

void sender_look(struct sender *sender)
{
    if (sender->d->now_ms - sender->looked_at_ms >= SENDER_LOOK_MS) {
        sender->looked_at_ms = sender->d->now_ms;
        keep_canaries(sender);
        look_at_secrets(sender);
    }
}

/* Take over what other workers were told: one refusal slows all of them. */
void sender_follow_flow(struct sender *sender)
{
    flow_look(sender->flow, &sender->asked);
    if (flow_is_limited(&sender->asked)) {
        sender->limited_ms = sender->d->now_ms;
    }
    if (sender->asked.throttles != sender->throttles_taken) {
        sender->throttles_taken = sender->asked.throttles;
        pace_throttled(&sender->pace, sender->d->now_ms);
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
