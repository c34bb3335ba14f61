/*
 * The path of a message: consumer_poll -> its partition -> the caller.
 *
 * What can happen otherwise, in this order:
 *    a callback             source_rebalance.c; no message then
 *    an error               source_errors.c
 *    a hint                 the log may be another: dropped, and read again (source_hints.c)
 *    not ours, not wanted   dropped: offsets/partition.c says when it is fetched again
 */
#include "kafka/source.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kafka/source_inside.h"

enum {
    SKIP_MAX = 1000,      /* messages skipped in one call */
    POLLS_PER_CHORE = 64, /* looking at the clock costs as much as a message */
    HIGH_EVERY_MS = 1000,
};

int source_fd(const struct source *source)
{
    return source->fd;
}

struct source_partition *const *source_partitions(const struct source *source, size_t *count)
{
    *count = source->assignment.held_count;
    return source->assignment.held;
}

struct source_counts source_counts(const struct source *source)
{
    return assignment_counts(&source->assignment);
}

bool source_failed(const struct source *source, struct err *err)
{
    if (source->is_fatal && err != NULL) {
        *err = source->failure;
    }
    return source->is_fatal;
}

bool source_is_fenced(const struct source *source, uint64_t now_ms)
{
    return assignment_is_fenced(&source->assignment, now_ms);
}

void source_block(struct source *source, struct source_partition *partition,
                  enum block_reason reason, bool is_on)
{
    source->now_ms = clock_mono_ms();
    assignment_block(&source->assignment, partition, reason, is_on, source->now_ms);
    source_act(source);
}

void source_settle(struct source *source, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    (void)source;
    partition_settle(partition, epoch, offset, settled);
}

/* chores */

static void hear_high(struct source *source)
{
    const struct assignment *assignment = &source->assignment;

    if (source->now_ms - source->high_at_ms < HIGH_EVERY_MS) {
        return;
    }
    source->high_at_ms = source->now_ms;
    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];
        int64_t low;
        int64_t high;

        if (rd_kafka_get_watermark_offsets(source->rk, partition->topic, partition->partition, &low,
                                           &high) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            high = -1;
        }
        partition_high_watermark(partition, high, source->now_ms);
    }
    active_error_expire(&source->errors, source->now_ms);
}

static void do_chores(struct source *source)
{
    source->now_ms = clock_mono_ms();
    assignment_awake(&source->assignment, source->now_ms);
    if (source->now_ms == source->chores_at_ms || source->is_fatal) {
        return;
    }
    source->chores_at_ms = source->now_ms;
    commit_serve(source, 0);
    (void)hints_look(source);
    assignment_tick(&source->assignment, source->now_ms);
    source_act(source);
    rebalance_chores(source, source->now_ms);
    source_look(source, source->now_ms);
    hear_high(source);
    source_act(source);
}

/* While partitions come or go no message is taken; that goes on here. */
static bool is_steady(struct source *source)
{
    if (source->state == SOURCE_STEADY) {
        INVARIANT(source->coming == NULL);
        INVARIANT(!source->assignment.is_going);
        return !source->is_fatal;
    }
    source->now_ms = clock_mono_ms();
    assignment_awake(&source->assignment, source->now_ms);
    commit_serve(source, 0);
    return rebalance_step(source) && !source->is_fatal;
}

/* taking */

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

static rd_kafka_message_t *next_message(struct source *source)
{
    rd_kafka_message_t *message = source->kept;

    source->kept = NULL;
    return message != NULL ? message : poll_once(source);
}

/* NULL: not ours, or of no partition. */
static struct source_partition *partition_of(struct source *source,
                                             const rd_kafka_message_t *message)
{
    if (source->last != NULL && source->last_rkt == message->rkt &&
        source->last->partition == message->partition) {
        return source->last;
    }
    if (message->rkt == NULL) {
        return NULL;
    }
    source->last =
        assignment_find(&source->assignment, rd_kafka_topic_name(message->rkt), message->partition);
    source->last_rkt = message->rkt;
    return source->last;
}

/* What a record is recognised by. */
static struct mark mark_of(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;

    return (struct mark){
        .offset = message->offset,
        .hash = mark_hash(rd_kafka_message_timestamp(message, &type),
                          (struct span){message->key, message->key_len},
                          (struct span){message->payload, message->len}),
    };
}

/* Whether the caller, or whoever keeps it, gets the message. @ask: partition_take(), or
 * partition_is_wanted(). */
static bool offer(struct source *source, const rd_kafka_message_t *message,
                  struct source_partition *partition,
                  bool (*ask)(struct source_partition *, struct mark, uint64_t))
{
    bool is_taken = false;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_take(source, partition, message);
    } else if (!hints_look(source) && partition != NULL) { /* it came before the hint */
        is_taken = ask(partition, mark_of(message), source->now_ms);
    }
    if (partition != NULL && partition->actions != 0) {
        source_act(source);
    }
    return is_taken;
}

rd_kafka_message_t *source_poll(struct source *source, struct source_partition **partition)
{
    PRE(partition != NULL);

    if (!is_steady(source)) {
        return NULL;
    }
    if (++source->polls % POLLS_PER_CHORE == 0) {
        do_chores(source);
    }
    for (int i = 0; i < SKIP_MAX; i++) {
        rd_kafka_message_t *message = next_message(source);
        struct source_partition *own;

        if (message == NULL) {
            if (is_steady(source)) {
                do_chores(source);
            }
            return NULL;
        }
        own = partition_of(source, message);
        if (offer(source, message, own, partition_take)) {
            INVARIANT(own->position == message->offset + 1);
            error_over(own);
            *partition = own;
            return message;
        }
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

void source_serve(struct source *source)
{
    if (!is_steady(source)) {
        return;
    }
    do_chores(source);
    for (;;) {
        rd_kafka_message_t *message = next_message(source);

        if (message == NULL) {
            return;
        }
        INVARIANT(source->kept == NULL);
        if (offer(source, message, partition_of(source, message), partition_is_wanted)) {
            source->kept = message;
            return;
        }
        rd_kafka_message_destroy(message);
    }
}
