/*
 * What must not wait any longer: a way that closed, a throttle or a credential that takes too long,
 * a request that hangs, a secret that changed.
 */
#include "deliver/sender_inside.h"

enum { HOLD_DIVERT_MS = 60000 }; /* auth_hold (reliability 1.6) */

/* waiting too long */

static bool is_overdue(const struct sender *sender, const struct leg *leg, uint64_t since_ms,
                       uint64_t wait_ms)
{
    return leg_has_alternate(leg) &&
           sender->d->now_ms - MAX_OF(leg->queued_ms, since_ms) >= wait_ms;
}

static void divert_overdue_lane(struct sender *sender, struct lane *lane, uint64_t since_ms,
                                uint64_t wait_ms, enum reason reason)
{
    struct leg *next;

    for (struct leg *leg = lane->first; leg != NULL; leg = next) {
        next = leg->next;
        if (is_overdue(sender, leg, since_ms, wait_ms)) {
            lane_remove(lane, leg);
            leg_advance(sender->d, leg, reason);
        }
    }
}

/* Of lane @only, or of all when it is NULL: what was refused and waits in its batch, and what
 * queues behind it. */
static void divert_overdue(struct sender *sender, struct lane *only, uint64_t since_ms,
                           uint64_t wait_ms, enum reason reason)
{
    struct batch *next_batch;

    if (sender->d->now_ms - since_ms < wait_ms) {
        return;
    }
    for (struct batch *batch = sender->batches.first; batch != NULL; batch = next_batch) {
        next_batch = batch->next;
        if (only != NULL && batch->lane != only) {
            continue;
        }
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
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (only == NULL || lane == only) {
            divert_overdue_lane(sender, lane, since_ms, wait_ms, reason);
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
 * legs. Past that, nobody waits any longer who has another way. */
static uint64_t patience_ms(const struct sender *sender, uint64_t wait_ms)
{
    size_t share = sender->d->pipeline->config->in_flight.events / 2;

    return count_waiting(sender) > share ? MIN_OF(wait_ms, (uint64_t)SENDER_LOOK_MS) : wait_ms;
}

void sender_divert_waiting(struct sender *sender)
{
    const struct config_destination *config = sender->config;

    if (sender->throttled_since_ms != 0 && config->throttle.then == THEN_DIVERT) {
        divert_overdue(sender, NULL, sender->throttled_since_ms,
                       patience_ms(sender, config->throttle.wait_ms), REASON_THROTTLED);
    }
    if (sender->held_since_ms != 0) {
        divert_overdue(sender, NULL, sender->held_since_ms, patience_ms(sender, HOLD_DIVERT_MS),
                       REASON_CREDENTIAL);
    }
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        if (lane->held_since_ms != 0) {
            divert_overdue(sender, lane, lane->held_since_ms, patience_ms(sender, HOLD_DIVERT_MS),
                           REASON_CREDENTIAL);
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
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
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
            batch->counted_ms =
                health_provisional(sender->d->health, sender->index, batch->lane->cell,
                                   sender->d->now_ms, &batch->ticket);
        }
    }
}

void sender_follow_health(struct sender *sender)
{
    uint64_t version;

    count_hanging(sender);
    version = health_version(sender->d->health, sender->index);
    if (version != sender->health_seen) {
        sender->health_seen = version;
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

/* A credential that changed is tried at once. */
void sender_look_at_secrets(struct sender *sender)
{
    struct secret *secret;
    struct err err;
    uint64_t generation;

    if (sender->d->now_ms - sender->looked_at_ms < SENDER_LOOK_MS) {
        return;
    }
    sender->looked_at_ms = sender->d->now_ms;
    for (size_t i = 0; (secret = sender->kind->secret(sender->to, i)) != NULL; i++) {
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
    if (sender->hold_wait_ms != 0) {
        sender->paused_until_ms = 0;
        sender->hold_wait_ms = 0;
    }
    for (struct lane *lane = sender_first_lane(sender); lane != NULL;
         lane = sender_next_lane(sender, lane)) {
        lane->held_until_ms = 0;
    }
    LOG_INFO("secret.changed", "destination=%s", LOG_S(sender->config->name));
}

/* Changes when any of the secrets does. */
uint64_t sender_secrets(const struct sender *sender)
{
    uint64_t sum = 0;
    struct secret *secret;

    for (size_t i = 0; (secret = sender->kind->secret(sender->to, i)) != NULL; i++) {
        sum += secret_generation(secret);
    }
    return sum;
}
