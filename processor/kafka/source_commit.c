/*
 * Commits: explicit, asynchronous, one request out at a time for all partitions with news.
 *
 *    answer without error   committed moves
 *    metadata too large     the limit is halved and that partition committed bare, at once
 *    any other error        committed again with the next; the group tells when it is not ours,
 *                           and while it does, partitions that go do not wait any longer
 *    no answer              partitions that go wait for it 3 s, then forget it
 */
#include "kafka/rebalance.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "offsets/metadata.h"

enum { METADATA_BYTES_LEAST = 64, FAILURE_LOG_MS = 30000 };

static void add_offset(struct source *source, struct slot *slot,
                       rd_kafka_topic_partition_list_t *list)
{
    struct source_partition *own = &slot->own;
    rd_kafka_topic_partition_t *entry =
        rd_kafka_topic_partition_list_add(list, own->topic, own->partition);
    struct buf text;

    entry->offset = tracker_watermark(own->tracker);
    if (!slot->is_bare && source->metadata_bytes_max >= METADATA_BYTES_LEAST) {
        buf_init(&text, METADATA_BYTES_MAX);
        tracker_metadata(own->tracker, span_of(own->topic), own->partition,
                         source->metadata_bytes_max, &text);
        if (text.len > 0) {
            entry->metadata = mem_text(buf_span(&text)); /* the list frees it */
            entry->metadata_size = text.len;
        }
        buf_fini(&text);
    }
    slot->is_committing = true;
    slot->is_dirty = false;
    slot->is_bare = false;
}

static void note_failure(struct source *source, rd_kafka_resp_err_t error)
{
    uint64_t now_ms = clock_mono_ms();

    source->commit_failures++;
    if (!client_error_of(error)->passes) {
        source_tell(source, error, "", "offsets are not committed");
    }
    if (now_ms - source->commit_logged_ms >= FAILURE_LOG_MS) {
        source->commit_logged_ms = now_ms;
        LOG_WARN("source.commit_failed", "worker=%u failures=%" PRIu64 " error=%s next=%s",
                 source->worker_index, source->commit_failures, LOG_Q(rd_kafka_err2str(error)),
                 LOG_Q("tried again; until then a restart sends settled events again"));
    }
}

/* Nothing changes that before we have joined again. */
static bool is_hopeless(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

static void take_answer(struct source *source, rd_kafka_resp_err_t error,
                        const rd_kafka_topic_partition_t *entry)
{
    struct slot *slot = source_find(source, entry->topic, entry->partition);
    rd_kafka_resp_err_t own_error = entry->err != RD_KAFKA_RESP_ERR_NO_ERROR ? entry->err : error;

    if (slot == NULL || !slot->is_committing) {
        return;
    }
    slot->is_committing = false;
    if (own_error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        slot->own.committed = entry->offset;
        if (source->commit_failures > 0) {
            error_joined(source);
        }
        source->commit_failures = 0;
        return;
    }
    slot->is_dirty = true;
    if (own_error == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE ||
        own_error == RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE) {
        slot->is_bare = true;
        source->is_commit_wanted = true;
        source->metadata_bytes_max /= 2;
        LOG_WARN("source.metadata_too_large", "worker=%u bytes_max=%zu next=%s",
                 source->worker_index, source->metadata_bytes_max,
                 LOG_Q("less is kept in commits, so a restart may send more events again; raise "
                       "the brokers' offset.metadata.max.bytes to 4096"));
        return;
    }
    source->is_commit_hopeless = is_hopeless(own_error);
    note_failure(source, own_error);
}

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct source *source = rd_kafka_opaque(rk);

    if ((uintptr_t)opaque != source->commit_sequence || !source->is_commit_out) {
        return; /* of an assignment that is over */
    }
    source->is_commit_out = false;
    for (int i = 0; offsets != NULL && i < offsets->cnt; i++) {
        take_answer(source, error, &offsets->elems[i]);
    }
    for (size_t i = 0; i < source->assigned_count; i++) { /* told nothing of: not committed */
        struct slot *slot = slot_of(source->assigned[i]);

        if (slot->is_committing) {
            slot->is_committing = false;
            slot->is_dirty = true;
            note_failure(source, error);
        }
    }
}

void commit_serve(struct source *source, uint64_t wait_ms)
{
    if (source->is_commit_out) {
        rd_kafka_queue_poll_callback(source->commits, (int)wait_ms);
    }
}

/* While the log may be another one nothing is committed for it, but at the end: whoever reads that
 * next checks it by the marks that stand beside it. */
static bool is_due(const struct slot *slot, bool is_final)
{
    return slot->is_placed && slot->is_dirty &&
           (slot->check.state == CHECK_OFF || slot->own.is_halted ||
            (is_final && slot->check.state == CHECK_READING));
}

static bool is_anything_due(const struct source *source, bool is_final)
{
    for (size_t i = 0; i < source->assigned_count; i++) {
        if (is_due(slot_of(source->assigned[i]), is_final)) {
            return true;
        }
    }
    return false;
}

static void send_commit(struct source *source, uint64_t now_ms, bool is_final)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->assigned_count);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if (is_due(slot, is_final)) {
            add_offset(source, slot, list);
        }
    }
    source->committed_at_ms = now_ms;
    source->is_commit_wanted = false;
    source->is_commit_out = true;
    source->commit_sequence++;
    error = rd_kafka_commit_queue(source->rk, list, source->commits, on_answer,
                                  (void *)source->commit_sequence);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_answer(source->rk, error, list, (void *)source->commit_sequence);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void source_commit(struct source *source, uint64_t now_ms, bool is_now)
{
    source_awake(source, now_ms); /* who drains does not poll */
    commit_serve(source, 0);
    source->is_commit_wanted |= is_now;
    if (source->is_fatal || source->is_commit_out ||
        (!source->is_commit_wanted && now_ms - source->committed_at_ms < COMMIT_EVERY_MS)) {
        return;
    }
    if (is_anything_due(source, false)) {
        send_commit(source, now_ms, false);
    } else {
        source->is_commit_wanted = false;
    }
}

bool commit_finally(struct source *source, uint64_t wait_ms)
{
    uint64_t until_ms = clock_mono_ms() + wait_ms;
    uint64_t now_ms = until_ms - wait_ms;

    source->is_commit_hopeless = false;
    while (!source->is_fatal && !source->is_commit_hopeless &&
           (source->is_commit_out || is_anything_due(source, true)) && now_ms < until_ms) {
        if (!source->is_commit_out &&
            (now_ms - source->committed_at_ms >= 50 || source->commit_failures == 0)) {
            send_commit(source, now_ms, true);
        }
        rd_kafka_queue_poll_callback(source->commits, 20);
        now_ms = clock_mono_ms();
    }
    return !source->is_commit_out && !is_anything_due(source, true);
}
