/*
 * A message's way: consumer_poll -> its slot -> tracker -> the caller.
 *
 * What else may come, in the order it is met:
 *    a callback             rebalance.c; no message then
 *    an error               an offset that is gone: source_gap.c; else source_errors.c
 *    not ours, or blocked   dropped: fetched again from `position` once it is wanted
 *    the log may be another dropped, and read again from a record that is known (source_check.c)
 *    before `position`      dropped: it was taken
 *    settled before         skipped: the last commit's metadata says so
 *    no room in the window  dropped and blocked until half of the window is free
 */
#include "kafka/source.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kafka/rebalance.h"

enum {
    SKIP_MAX = 1000,      /* messages skipped in one call */
    POLLS_PER_CHORE = 64, /* looking at the clock costs as much as a message */
    FENCE_AFTER_WAKE_MS = 1000,
    HIGH_EVERY_MS = 1000,
};

int source_fd(const struct source *source)
{
    return source->fd;
}

struct source_partition *const *source_partitions(const struct source *source, size_t *count)
{
    *count = source->assigned_count;
    return source->assigned;
}

struct source_counts source_counts(const struct source *source)
{
    struct source_counts sum = {0};

    for (size_t i = 0; i < source->slot_count; i++) {
        const struct source_counts *own = &source->slots[i]->own.counts;

        sum.gaps += own->gaps;
        sum.gap_messages += own->gap_messages;
        sum.skipped += own->skipped;
    }
    return sum;
}

struct slot *source_find(struct source *source, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < source->assigned_count; i++) {
        struct source_partition *own = source->assigned[i];

        if (own->partition == partition && strcmp(own->topic, topic) == 0) {
            return slot_of(own);
        }
    }
    return NULL;
}

/* errors */

static void take_error_message(struct source *source, const rd_kafka_message_t *message,
                               struct slot *slot)
{
    bool is_gone = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                   message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;

    if (is_gone && slot != NULL) {
        if (slot->check.state == CHECK_OFF && slot->is_placed) {
            check_begin(source, slot); /* what is there now may be another log */
        }
        slot->is_stopped = true;
        slot->lost_at_ms = MAX_OF(clock_mono_ms(), slot->looked_at_ms + LOOK_EVERY_MS);
    } else if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        source_fail(source);
    } else {
        error_take(source, slot, message);
    }
}

bool source_failed(const struct source *source, struct err *err)
{
    if (source->is_fatal && err != NULL) {
        *err = source->failure;
    }
    return source->is_fatal;
}

/* taking */

static void refresh_high(struct source *source, uint64_t now_ms)
{
    if (now_ms - source->high_at_ms < HIGH_EVERY_MS) {
        return;
    }
    source->high_at_ms = now_ms;
    for (size_t i = 0; i < source->assigned_count; i++) {
        struct source_partition *own = source->assigned[i];
        int64_t low;
        int64_t high;

        if (rd_kafka_get_watermark_offsets(source->rk, own->topic, own->partition, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high >= 0) {
            own->high = high;
        }
        check_idle(source, slot_of(own));
    }
}

/* A process that slept: the heartbeats that are overdue go out now, and a second tells. */
void source_awake(struct source *source, uint64_t now_ms)
{
    if (now_ms <= source->polled_at_ms) {
        return;
    }
    if (now_ms - source->polled_at_ms >= source->session_ms * 8 / 10) {
        source->fenced_until_ms = now_ms + FENCE_AFTER_WAKE_MS;
        LOG_WARN("source.slept", "worker=%u slept_ms=%" PRIu64 " session_ms=%" PRIu64,
                 source->worker_index, now_ms - source->polled_at_ms, source->session_ms);
    }
    source->polled_at_ms = now_ms;
}

bool source_is_fenced(const struct source *source, uint64_t now_ms)
{
    return now_ms < source->fenced_until_ms ||
           (now_ms > source->polled_at_ms &&
            now_ms - source->polled_at_ms >= source->session_ms * 8 / 10);
}

/* True when all that is read is read again, and compared. */
static bool look_at_hints(struct source *source)
{
    if (atomic_load_explicit(source->hints, memory_order_acquire) == source->hints_seen) {
        return false;
    }
    check_hints(source);
    return true;
}

static void do_chores(struct source *source)
{
    uint64_t now_ms = clock_mono_ms();

    source_awake(source, now_ms);
    if (now_ms == source->chores_at_ms || source->is_fatal) {
        return;
    }
    source->chores_at_ms = now_ms;
    commit_serve(source, 0);
    look_at_hints(source);
    block_windows(source);
    block_apply(source, now_ms);
    rebalance_chores(source, now_ms);
    error_chores(source, now_ms);
    refresh_high(source, now_ms);
}

/* NULL when nothing waits; then the descriptor is quiet until something does. */
static rd_kafka_message_t *poll_once(struct source *source)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(source->rk, 0);
    uint64_t events;

    if (message != NULL) {
        return message;
    }
    if (read(source->fd, &events, sizeof(events)) < 0) {
        return NULL; /* nothing was signalled since */
    }
    return rd_kafka_consumer_poll(source->rk, 0); /* signalled between the two */
}

static struct slot *slot_for(struct source *source, const rd_kafka_message_t *message)
{
    struct slot *slot = source->last_slot;

    if (slot != NULL && slot->rkt == message->rkt && slot->own.partition == message->partition) {
        return slot;
    }
    if (message->rkt == NULL) {
        return NULL;
    }
    slot = source_find(source, rd_kafka_topic_name(message->rkt), message->partition);
    if (slot != NULL) {
        slot->rkt = message->rkt;
        source->last_slot = slot;
    }
    return slot;
}

struct mark source_mark(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;

    return (struct mark){
        .offset = message->offset,
        .hash = mark_hash(rd_kafka_message_timestamp(message, &type),
                          (struct span){message->key, message->key_len},
                          (struct span){message->payload, message->len}),
    };
}

static bool is_wanted(struct source *source, struct slot *slot, const rd_kafka_message_t *message)
{
    if (look_at_hints(source)) { /* after the message came: it may be of another log already */
        return false;
    }
    if (slot == NULL || !slot->is_placed || slot->own.blocks != 0 || slot->lost_at_ms != 0) {
        return false;
    }
    if (slot->check.state != CHECK_OFF && !check_take(source, slot, message)) {
        return false;
    }
    return message->offset >= slot->own.position;
}

/* True: new work for the caller. */
static bool take(struct source *source, struct slot *slot, const rd_kafka_message_t *message)
{
    struct mark record = source_mark(message);

    switch (tracker_take(slot->own.tracker, record)) {
    case TAKE_NEW:
        slot->own.position = message->offset + 1;
        slot->newest = record;
        return true;
    case TAKE_DONE_BEFORE:
        slot->own.position = message->offset + 1;
        slot->newest = record;
        slot->is_dirty = true;
        slot->own.counts.skipped++;
        return false;
    case TAKE_FULL:
        block_slot(source, slot, BLOCK_WINDOW, true);
        block_apply(source, clock_mono_ms());
        LOG_WARN("source.window_full",
                 "topic=%s partition=%d waits_for_offset=%" PRId64 " window=%u",
                 LOG_Q(slot->own.topic), (int)slot->own.partition,
                 tracker_watermark(slot->own.tracker), tracker_window(slot->own.tracker));
        return false;
    }
    return false;
}

static rd_kafka_message_t *next_message(struct source *source)
{
    rd_kafka_message_t *message = source->kept;

    source->kept = NULL;
    return message != NULL ? message : poll_once(source);
}

rd_kafka_message_t *source_poll(struct source *source, struct source_partition **partition)
{
    PRE(partition != NULL);

    if (source->is_rebalancing || source->is_fatal) {
        return NULL;
    }
    if (++source->polls % POLLS_PER_CHORE == 0) {
        do_chores(source);
    }
    for (int i = 0; i < SKIP_MAX; i++) {
        rd_kafka_message_t *message = next_message(source);
        struct slot *slot;

        if (message == NULL) {
            do_chores(source);
            return NULL;
        }
        slot = slot_for(source, message);
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_error_message(source, message, slot);
        } else if (is_wanted(source, slot, message) && take(source, slot, message)) {
            error_over(slot);
            *partition = &slot->own;
            return message;
        }
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

void source_serve(struct source *source)
{
    if (source->is_rebalancing || source->is_fatal) {
        return;
    }
    do_chores(source);
    if (source->kept != NULL) {
        rd_kafka_message_t *kept = source->kept;

        source->kept = NULL;
        if (is_wanted(source, slot_for(source, kept), kept)) {
            source->kept = kept;
        } else {
            rd_kafka_message_destroy(kept);
        }
    }
    while (source->kept == NULL) {
        rd_kafka_message_t *message = poll_once(source);
        struct slot *slot;

        if (message == NULL) {
            return;
        }
        slot = slot_for(source, message);
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_error_message(source, message, slot);
        } else if (is_wanted(source, slot, message)) {
            source->kept = message;
            return;
        }
        rd_kafka_message_destroy(message);
    }
}

void source_settle(struct source *source, struct source_partition *partition, uint64_t epoch,
                   int64_t offset)
{
    (void)source;
    if (partition->epoch == epoch && tracker_settle(partition->tracker, offset)) {
        slot_of(partition)->is_dirty = true;
    }
}
