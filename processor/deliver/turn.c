#include "deliver/turn.h"

#include "base/log.h"
#include "deliver/backlog.h"
#include "deliver/dispatch.h"
#include "deliver/drain.h"

enum {
    TAKE_MAX = 1000,       /* messages a turn: senders and commits get their turn too */
    PARKED_RETRY_MS = 500, /* besides the wake-up by the catalog */
    FULL_WAIT_MS = 250,    /* not polling is cheaper than pausing, which drops what was fetched */
    FULL_LOOK_MS = FULL_WAIT_MS / 2,
    DRAIN_WAIT_MS = 20,
    UNSEND_MS = 250, /* a record that is not acknowledged by then may wait for its topic */
    LATE_MS = 1000,  /* before the end what waits is diverted: acknowledged in time */
};

void turn_init(struct turn *turn, struct deliverer *d, struct intake *intake, unsigned worker)
{
    turn->d = d;
    turn->intake = intake;
    turn->io = d->io;
    turn->worker = worker;
    atomic_store(&turn->turned_ms, d->now_ms);
}

/* room */

/* What there is too much of, or BLOCK_REASON_COUNT when there is room. */
static enum block_reason full_reason_of(const struct turn *turn)
{
    const struct deliverer *d = turn->d;
    const struct config *config = d->pipeline->config;
    uint64_t part = turn->is_full_blocked ? 2 : 1; /* resume at half: hysteresis */

    if (event_pool_busy(&d->events) >= config->in_flight.events / part) {
        return BLOCK_IN_FLIGHT_EVENTS;
    }
    if (event_pool_busy_bytes(&d->events) >= config->in_flight.bytes / part) {
        return BLOCK_IN_FLIGHT_BYTES;
    }
    return turn->io->is_full(turn->io->context) ? BLOCK_ALTERNATE : BLOCK_REASON_COUNT;
}

/* Records wait for a topic that does not take them: soon their partitions stop, and no other. */
static bool waits_for_topic(struct turn *turn)
{
    uint64_t now_ms = turn->d->now_ms;

    if (!backlog_is_full(turn->d)) {
        return false;
    }
    if (turn->full_since_ms == 0) {
        turn->full_since_ms = now_ms;
    }
    if (now_ms - turn->full_since_ms < FULL_WAIT_MS) {
        return true;
    }
    turn->full_since_ms = 0;
    backlog_stop_partitions(turn->d);
    return false;
}

static void block_all(const struct turn *turn, enum block_reason reason, bool is_blocked)
{
    turn->io->block(turn->io->context, NULL, reason, is_blocked);
}

static bool has_room(struct turn *turn)
{
    const struct event_pool *events = &turn->d->events;
    uint64_t now_ms = turn->d->now_ms;
    enum block_reason reason;

    if (waits_for_topic(turn)) {
        return false;
    }
    reason = full_reason_of(turn);
    if (reason == BLOCK_REASON_COUNT) {
        if (turn->is_full_blocked) {
            turn->is_full_blocked = false;
            block_all(turn, turn->full_reason, false);
            LOG_INFO("worker.room", "worker=%u was=%s", turn->worker,
                     block_word(turn->full_reason));
        }
        turn->full_since_ms = 0;
        return true;
    }
    if (turn->full_since_ms == 0) {
        turn->full_since_ms = now_ms;
    } else if (!turn->is_full_blocked && now_ms - turn->full_since_ms >= FULL_WAIT_MS) {
        turn->is_full_blocked = true;
        turn->full_reason = reason;
        block_all(turn, reason, true);
        LOG_WARN("worker.full", "worker=%u reason=%s events=%llu bytes=%llu", turn->worker,
                 block_word(reason), (unsigned long long)events->events,
                 (unsigned long long)events->bytes);
    }
    return false;
}

/* turns */

static void take_messages(struct turn *turn)
{
    const struct io *io = turn->io;

    turn->has_more = false;
    for (int i = 0; i < TAKE_MAX; i++) {
        struct source_partition *partition = NULL;
        rd_kafka_message_t *message;

        if (!has_room(turn)) {
            io->serve(io->context);
            return;
        }
        message = io->poll(io->context, &partition);
        if (message == NULL) {
            return;
        }
        intake_take(turn->intake, message, partition);
    }
    turn->has_more = true;
}

static uint64_t move_on(struct turn *turn)
{
    struct deliverer *d = turn->d;
    uint64_t due_ms = dispatch_receive(d);

    if (d->events.forgotten > 0) {
        drain_drop(d); /* what came back unsettled is another's to send */
    }
    due_ms = MIN_OF(due_ms, dispatch_send(d));
    atomic_store_explicit(&turn->turned_ms, turn->d->now_ms, memory_order_relaxed);
    return due_ms;
}

static void retry_parked(struct turn *turn, bool is_woken)
{
    uint64_t now_ms = turn->d->now_ms;

    if (is_woken || now_ms - turn->retried_ms >= PARKED_RETRY_MS) {
        turn->retried_ms = now_ms;
        intake_ask_again(turn->intake);
    }
    for (int i = 0; i < TAKE_MAX && full_reason_of(turn) == BLOCK_REASON_COUNT; i++) {
        if (!intake_take_ready(turn->intake)) {
            return;
        }
    }
}

/* leaving */

/* From now on nothing of what leaves is begun, and what has begun is finished until @until_ms. */
static void begin_leaving(struct turn *turn, uint64_t now_ms, uint64_t until_ms)
{
    uint64_t left_ms = until_ms < now_ms ? 0 : until_ms - now_ms;

    turn->d->is_leaving = true;
    turn->is_leaving = true;
    turn->leave_by_ms = until_ms;
    turn->unsend_ms = now_ms + UNSEND_MS;
    turn->late_ms = now_ms + left_ms - MIN_OF(left_ms / 3, (uint64_t)LATE_MS);
}

/* True when nothing is left to be finished, or no time. */
static bool leave(struct turn *turn, uint64_t now_ms)
{
    const struct io *io = turn->io;
    struct deliverer *d = turn->d;

    INVARIANT(turn->is_leaving);
    drain_drop(d);
    if (drain_open(d) == 0 || now_ms >= turn->leave_by_ms) {
        return true;
    }
    d->is_silent |= io->is_fenced(io->context, now_ms);
    if (now_ms >= turn->unsend_ms) {
        turn->unsend_ms = UINT64_MAX;
        io->unsend(io->context); /* dropped in the next round where nothing begun */
    }
    if (now_ms >= turn->late_ms) {
        drain_divert(d);
    }
    return false;
}

static void end_leaving(struct turn *turn)
{
    drain_forget(turn->d);
    turn->d->is_leaving = turn->d->is_ending;
    turn->is_leaving = false;
}

/* Partitions are taken back: their events leave over some turns, then the source lets them go. */
static void hand_over(struct turn *turn)
{
    const struct io *io = turn->io;
    uint64_t now_ms = io->mono_ms(io->context);
    uint64_t until_ms = 0;

    if (!io->is_going(io->context, &until_ms)) {
        return;
    }
    if (!turn->is_leaving) {
        begin_leaving(turn, now_ms, until_ms);
    }
    if (leave(turn, now_ms)) {
        end_leaving(turn);
        io->let_go(io->context);
    }
}

size_t turn_drain(struct turn *turn, uint64_t until_ms)
{
    const struct io *io = turn->io;
    uint64_t now_ms = io->mono_ms(io->context);
    size_t left;

    turn->d->is_ending = true;
    begin_leaving(turn, now_ms, until_ms);
    while (!leave(turn, now_ms)) {
        (void)move_on(turn);
        io->commit(io->context, now_ms);
        io->wait(io->context, DRAIN_WAIT_MS);
        now_ms = io->mono_ms(io->context);
    }
    left = drain_open(turn->d);
    end_leaving(turn);
    return left;
}

/* a turn */

uint64_t turn_run(struct turn *turn, bool is_woken)
{
    const struct io *io = turn->io;
    struct deliverer *d = turn->d;
    uint64_t due_ms;

    retry_parked(turn, is_woken);
    take_messages(turn);
    d->is_silent = io->is_fenced(io->context, d->now_ms);
    hand_over(turn);
    due_ms = move_on(turn);
    io->commit(io->context, d->now_ms);
    if (turn->has_more ||
        (d->events.waiting.ready.count > 0 && full_reason_of(turn) == BLOCK_REASON_COUNT)) {
        return 0;
    }
    if (turn->is_leaving) {
        return MIN_OF(due_ms, (uint64_t)DRAIN_WAIT_MS);
    }
    return turn->full_since_ms == 0 ? due_ms : MIN_OF(due_ms, (uint64_t)FULL_LOOK_MS);
}
