/*
 * What the library says instead of a message, and what becomes of it.
 *
 *    the end of a partition   everything before it was handed over: nothing is left unread there
 *    records it cannot read   2.0.2 goes on behind some of them (a checksum that does not fit, an
 *                             unknown format), which would lose them: the partition is blocked by
 *                             name, and read again from `position` after 1 s, 2 s ... 30 s
 *    a right that is missing  likewise: told once by the library, so asked for again
 *    a topic that is gone     named until a record or the end of the partition comes
 *    what passes by itself    counted, told once a minute
 *
 * A block ends for the next try and the error stands until a record or the end comes, so that
 * what an operator sees does not flicker.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/rebalance.h"

enum { AGAIN_MS_MIN = 1000, AGAIN_MS_MAX = 30000, TELL_EVERY_MS = 60000 };

/* About the group, or about a topic. */
void source_tell(struct source *source, rd_kafka_resp_err_t error, const char *topic,
                 const char *text)
{
    bool is_group = client_error_of(error)->about == ABOUT_GROUP;
    char *group = mem_text(source->kafka->group);

    standing_note(&source->errors, error, is_group ? group : topic, text, clock_mono_ms());
    free(group);
}

static void tell_slot(struct slot *slot, const char *text, uint64_t now_ms)
{
    const struct client_error *error = client_error_of((rd_kafka_resp_err_t)slot->own.error);
    const char *past = client_error_past(error);
    struct buf advice;

    buf_init(&advice, CLIENT_ADVICE_BYTES);
    client_error_advise(error, slot->own.topic, false, &advice);
    LOG_ERROR("source.unreadable",
              "topic=%s partition=%d offset=%" PRId64 " reason=%s error=%s text=%s meaning=%s "
              "times=%" PRIu64 " since_ms=%" PRIu64 " next=%s else=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position,
              block_word(error->block), rd_kafka_err2name((rd_kafka_resp_err_t)slot->own.error),
              LOG_Q(text), LOG_Q(error->meaning), slot->errors_untold,
              now_ms - slot->own.error_since_ms, LOG_Q(buf_text(&advice)),
              LOG_Q(past == NULL ? "" : past));
    buf_fini(&advice);
    slot->error_told_ms = now_ms;
    slot->errors_untold = 0;
}

static void note_slot(struct slot *slot, rd_kafka_resp_err_t code, const char *text,
                      uint64_t now_ms)
{
    bool is_new = slot->own.error != (int)code;

    if (is_new) {
        slot->own.error = (int)code;
        slot->own.error_since_ms = now_ms;
        slot->errors_untold = 0;
    }
    slot->own.errors++;
    slot->errors_untold++;
    if (is_new || now_ms - slot->error_told_ms >= TELL_EVERY_MS) {
        tell_slot(slot, text, now_ms);
    }
}

/* Nothing of it is taken until it is read again from `position`. */
static void stop_reading(struct source *source, struct slot *slot, enum block_reason reason,
                         uint64_t now_ms)
{
    uint64_t wait_ms = (uint64_t)AGAIN_MS_MIN << MIN_OF(slot->read_failures, 5u);

    if (slot->read_again_ms != 0) {
        return; /* it was handed over before the pause */
    }
    slot->read_failures++;
    slot->read_again_ms = now_ms + MIN_OF(wait_ms, (uint64_t)AGAIN_MS_MAX);
    block_slot(source, slot, reason, true);
    block_apply(source, now_ms);
}

/* Everything before @offset was handed over: what lies between are markers of transactions, aborted
 * records, or what compaction removed. It counts as read, or its removal by retention would seem to
 * be a gap, and a partition that nothing is missing of would halt. */
static void read_to(struct slot *slot, int64_t offset)
{
    const struct mark last = {.offset = offset - 1}; /* no record: no hash */

    if (offset > slot->own.position && tracker_take(slot->own.tracker, last) != TAKE_FULL) {
        (void)tracker_settle(slot->own.tracker, last.offset);
        slot->own.position = offset;
        slot->is_dirty = true;
    }
}

/* The end may be told of what was dropped while nobody wanted it. */
static void take_end(struct slot *slot, int64_t offset)
{
    if (slot->own.blocks == 0 && !slot->is_paused && offset >= slot->own.position) {
        slot->own.end = offset;
        slot->own.end_epoch = slot->own.epoch;
        read_to(slot, offset);
        error_over(slot);
    }
}

void error_take(struct source *source, struct slot *slot, const rd_kafka_message_t *message)
{
    const struct client_error *error = client_error_of(message->err);
    const char *topic = message->rkt == NULL ? "" : rd_kafka_topic_name(message->rkt);
    const char *text = rd_kafka_message_errstr(message);
    uint64_t now_ms = clock_mono_ms();
    bool is_placed = slot != NULL && slot->is_placed;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (is_placed && slot->lost_at_ms == 0 && slot->check.state == CHECK_READING) {
            check_end(source, slot, message->offset);
        } else if (is_placed && slot->lost_at_ms == 0) {
            take_end(slot, message->offset);
        }
    } else if (!is_placed || error->passes || error->block == BLOCK_REASON_COUNT) {
        source_tell(source, message->err, topic, text);
    } else {
        note_slot(slot, message->err, text, now_ms);
        if (error->block != BLOCK_TOPIC) {
            stop_reading(source, slot, error->block, now_ms);
        }
    }
}

void error_over(struct slot *slot)
{
    if (slot->own.error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    LOG_INFO("source.readable",
             "topic=%s partition=%d offset=%" PRId64 " was=%s times=%" PRIu64 " lasted_ms=%" PRIu64,
             LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position,
             rd_kafka_err2name((rd_kafka_resp_err_t)slot->own.error), slot->own.errors,
             clock_mono_ms() - slot->own.error_since_ms);
    slot->own.error = RD_KAFKA_RESP_ERR_NO_ERROR;
    slot->own.errors = 0;
    slot->read_failures = 0;
}

void error_chores(struct source *source, uint64_t now_ms)
{
    bool is_changed = false;

    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if (slot->read_again_ms != 0 && now_ms >= slot->read_again_ms) {
            slot->read_again_ms = 0;
            block_slot(source, slot, BLOCK_UNREADABLE, false);
            block_slot(source, slot, BLOCK_AUTHORIZATION, false);
            block_slot(source, slot, BLOCK_CLIENT, false);
            is_changed = true;
        }
    }
    if (is_changed) {
        block_apply(source, now_ms);
    }
    standing_age(&source->errors, now_ms);
}

void error_joined(struct source *source)
{
    standing_over(&source->errors, NULL, clock_mono_ms());
}

uint32_t source_blocks(const struct source_partition *partition)
{
    enum block_reason reason = client_error_of((rd_kafka_resp_err_t)partition->error)->block;

    if (partition->error == RD_KAFKA_RESP_ERR_NO_ERROR || reason == BLOCK_REASON_COUNT) {
        return partition->blocks;
    }
    return partition->blocks | 1u << reason;
}

const struct standings *source_errors(const struct source *source)
{
    return &source->errors;
}
