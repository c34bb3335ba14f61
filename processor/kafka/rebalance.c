/*
 * Partitions come: committed offsets (with metadata) -> trackers -> assign at these offsets.
 * Partitions go: the caller finishes what was sent -> commit, waited for -> unassign.
 *
 * It can go otherwise, in this order:
 *    committed offsets unknown   waited for 10 s, then the rest is assigned without and asked
 *                                for again from the polls
 *    none committed              begin where source_start.c says, and commit that at once:
 *                                "latest" must not mean another place after a restart
 *    the offset is gone          on_gap: halt that partition, or skip to what is there; both told
 *    partitions lost             nobody waits and nothing is committed: others have them
 */
#include "kafka/rebalance.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* slots */

static struct slot *add_slot(struct source *source, const char *topic, int32_t partition)
{
    struct slot *slot = NULL;

    for (size_t i = 0; i < source->slot_count && slot == NULL; i++) {
        if (source->slots[i]->own.partition == partition &&
            strcmp(source->slots[i]->own.topic, topic) == 0) {
            slot = source->slots[i];
        }
    }
    if (slot == NULL) {
        slot = mem_new(struct slot);
        slot->own.topic = mem_text(span_of(topic));
        slot->own.partition = partition;
        slot->own.tracker = tracker_new(source->window_max);
        source->slots = mem_grow(source->slots, source->slot_count + 1, sizeof(struct slot *));
        source->slots[source->slot_count++] = slot;
    }
    return slot;
}

/* As new, but for the epoch and the counts of gaps. */
static void reset_slot(struct slot *slot)
{
    struct source_partition fresh = {.topic = slot->own.topic,
                                     .partition = slot->own.partition,
                                     .epoch = slot->own.epoch + 1,
                                     .tracker = slot->own.tracker,
                                     .committed = -1,
                                     .position = -1,
                                     .high = -1,
                                     .gaps = slot->own.gaps,
                                     .gap_messages = slot->own.gap_messages};

    *slot = (struct slot){.own = fresh};
    tracker_start(slot->own.tracker, 0, SPAN_NONE);
}

static void start_slot(struct slot *slot, int64_t offset, struct span metadata, bool is_committed)
{
    tracker_start(slot->own.tracker, offset, metadata);
    slot->own.position = offset;
    slot->own.committed = is_committed ? offset : -1;
    slot->is_dirty = !is_committed;
    slot->is_placed = true;
    LOG_DEBUG("source.start", "topic=%s partition=%d offset=%" PRId64 " committed=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, offset,
              is_committed ? "true" : "false");
}

/* placing */

/* A group without an offset for this partition. */
static rd_kafka_resp_err_t start_fresh(struct source *source, struct slot *slot, uint64_t wait_ms)
{
    int64_t offset = 0;
    rd_kafka_resp_err_t error = start_offset(source, slot, wait_ms, &offset);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        start_slot(slot, offset, SPAN_NONE, false);
    }
    return error;
}

static rd_kafka_resp_err_t start_from(struct source *source,
                                      const rd_kafka_topic_partition_t *entry, uint64_t wait_ms)
{
    struct slot *slot = source_find(source, entry->topic, entry->partition);

    if (slot == NULL || slot->is_placed || entry->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return entry->err;
    }
    if (entry->offset < 0) {
        return start_fresh(source, slot, wait_ms);
    }
    start_slot(slot, entry->offset, (struct span){entry->metadata, entry->metadata_size}, true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_topic_partition_list_t *list_unplaced(const struct source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->assigned_count);

    for (size_t i = 0; i < source->assigned_count; i++) {
        if (!slot_of(source->assigned[i])->is_placed) {
            rd_kafka_topic_partition_list_add(list, source->assigned[i]->topic,
                                              source->assigned[i]->partition);
        }
    }
    return list;
}

/* One try. True when some partition was placed. */
static bool place_some(struct source *source, uint64_t wait_ms)
{
    rd_kafka_topic_partition_list_t *list = list_unplaced(source);
    uint64_t until_ms = clock_mono_ms() + wait_ms;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    int left = list->cnt;
    int asked = list->cnt;

    if (asked > 0) {
        error = rd_kafka_committed(source->rk, list, (int)wait_ms);
    }
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        uint64_t now_ms = clock_mono_ms();
        rd_kafka_resp_err_t own_error =
            start_from(source, &list->elems[i],
                       MIN_OF(until_ms > now_ms ? until_ms - now_ms : 1, (uint64_t)QUERY_WAIT_MS));

        left -= own_error == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
        if (own_error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            source_tell(source, own_error, list->elems[i].topic, "no start offset");
        }
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        source_tell(source, error, "", "committed offsets are not to be had");
    }
    rd_kafka_topic_partition_list_destroy(list);
    source->is_unplaced = left > 0;
    if (left == 0) {
        start_done(source);
        error_joined(source);
    }
    return left < asked;
}

static void place_all(struct source *source)
{
    uint64_t until_ms = clock_mono_ms() + PLACE_WAIT_MS;
    uint64_t now_ms = until_ms - PLACE_WAIT_MS;

    source->is_unplaced = true;
    while (source->is_unplaced && now_ms < until_ms) {
        if (!place_some(source, MIN_OF(until_ms - now_ms, (uint64_t)QUERY_WAIT_MS))) {
            rd_kafka_queue_poll_callback(source->commits, 100); /* a breath between two tries */
        }
        now_ms = clock_mono_ms();
    }
    source->place_at_ms = now_ms + PLACE_AGAIN_MS;
}

/* Have the library fetch all that is placed, each from its position. What it held is dropped. */
static void assign_placed(struct source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->assigned_count);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if (slot->is_placed && !slot->own.is_halted && slot->lost_at_ms == 0) {
            rd_kafka_topic_partition_list_add(list, slot->own.topic, slot->own.partition)->offset =
                slot->own.position;
            slot->is_paused = false;
        }
    }
    error = rd_kafka_assign(source->rk, list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        source_tell(source, error, "", "assignment refused");
    } else {
        rd_kafka_resume_partitions(source->rk, list); /* 2.0.2 keeps a pause of an earlier time */
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void come(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
    source->assigned =
        mem_grow(source->assigned, (size_t)list->cnt, sizeof(struct source_partition *));
    source->assigned_count = 0;
    source->last_slot = NULL;
    for (int i = 0; i < list->cnt; i++) {
        struct slot *slot = add_slot(source, list->elems[i].topic, list->elems[i].partition);

        reset_slot(slot);
        slot->is_assigned = true;
        slot->own.blocks = source->blocks;
        source->assigned[source->assigned_count++] = &slot->own;
    }
    place_all(source);
    assign_placed(source);
    LOG_INFO("source.assigned", "worker=%u partitions=%zu", source->worker_index,
             source->assigned_count);
}

/* going */

static uint64_t left_until(uint64_t until_ms, uint64_t most_ms)
{
    uint64_t now_ms = clock_mono_ms();

    if (until_ms == 0) {
        return most_ms;
    }
    return until_ms > now_ms ? MIN_OF(until_ms - now_ms, most_ms) : 0;
}

void rebalance_drop(struct source *source, bool is_lost)
{
    uint64_t wait_ms = MIN_OF((uint64_t)REVOKE_WAIT_MS, source->session_ms / 4);
    bool is_committed = true;

    source->is_rebalancing = true;
    if (source->kept != NULL) {
        rd_kafka_message_destroy(source->kept);
        source->kept = NULL;
    }
    if (source->assigned_count > 0) {
        wait_ms = is_lost ? 0 : left_until(source->close_by_ms, wait_ms);
        source->events.revoke(source->events.context, source->assigned, source->assigned_count,
                              wait_ms);
        is_committed =
            !is_lost && commit_finally(source, left_until(source->close_by_ms, COMMIT_WAIT_MS));
        LOG_INFO("source.revoked", "worker=%u partitions=%zu lost=%s committed=%s",
                 source->worker_index, source->assigned_count, is_lost ? "true" : "false",
                 is_committed ? "true" : "false");
    }
    for (size_t i = 0; i < source->assigned_count; i++) {
        reset_slot(slot_of(source->assigned[i]));
    }
    source->is_committed_at_close &= is_committed;
    source->assigned_count = 0;
    source->last_slot = NULL;
    source->is_unplaced = false;
    source->is_commit_out = false;
    source->is_commit_wanted = false;
    source->is_rebalancing = false;
}

void rebalance_take(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                    rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct source *source = opaque;

    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (source->assigned_count > 0) { /* eager groups take all back first; be safe */
            rebalance_drop(source, true);
        }
        source->is_rebalancing = true;
        come(source, partitions);
        source->is_rebalancing = false;
        source->polled_at_ms = clock_mono_ms(); /* waited, did not sleep */
        block_apply(source, clock_mono_ms());
        return;
    }
    if (error != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        source_tell(source, error, "", "rebalance failed");
    }
    rebalance_drop(source, rd_kafka_assignment_lost(rk) != 0);
    rd_kafka_assign(rk, NULL);
}

/* gaps */

static void halt(struct source *source, struct slot *slot, int64_t low, int64_t high)
{
    slot->own.is_halted = true;
    block_slot(source, slot, BLOCK_GAP, true);
    LOG_ERROR("source.gap",
              "topic=%s partition=%d wanted=%" PRId64 " first=%" PRId64 " end=%" PRId64
              " missing=%" PRId64 " action=halt next=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position, low, high,
              low > slot->own.position ? low - slot->own.position : 0,
              LOG_Q("this partition is not read. To go on from the first record there is, restart "
                    "with kafka.on_gap: skip, or reset the group's offset"));
}

/* On with what there is. Behind the end means another log under the same name: all of it is new. */
static void skip(struct slot *slot, int64_t low, int64_t high)
{
    LOG_ERROR("source.gap",
              "topic=%s partition=%d wanted=%" PRId64 " first=%" PRId64 " end=%" PRId64
              " missing=%" PRId64 " action=skip next=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position, low, high,
              low > slot->own.position ? low - slot->own.position : 0,
              LOG_Q("reading on from the first record there is"));
    if (low <= slot->own.position) {
        slot->own.epoch++;
        start_slot(slot, low, SPAN_NONE, false);
        return;
    }
    /* The gap is settled, so that it is not met and counted again after a restart. */
    if (tracker_take(slot->own.tracker, low - 1) == TAKE_NEW) {
        (void)tracker_settle(slot->own.tracker, low - 1);
    }
    slot->own.position = low;
    slot->is_dirty = true;
}

static void judge_gap(struct source *source, struct slot *slot, int64_t low, int64_t high)
{
    slot->own.high = high;
    if (slot->own.position >= low && slot->own.position <= high) {
        LOG_WARN("source.no_gap", "topic=%s partition=%d offset=%" PRId64 " next=%s",
                 LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position,
                 LOG_Q("the broker refused an offset it has; reading on there"));
        return;
    }
    slot->own.gaps++;
    slot->own.gap_messages += low > slot->own.position ? (uint64_t)(low - slot->own.position) : 0;
    if (source->kafka->on_gap == GAP_SKIP) {
        skip(slot, low, high);
    } else {
        halt(source, slot, low, high);
    }
}

/* True when a partition is to be fetched again. One question a turn: each may take a while. */
static bool look_at_gap(struct source *source, uint64_t now_ms)
{
    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);
        rd_kafka_resp_err_t error;
        int64_t low = -1;
        int64_t high = -1;

        if (slot->lost_at_ms == 0 || slot->lost_at_ms > now_ms || slot->own.is_halted) {
            continue;
        }
        error = rd_kafka_query_watermark_offsets(source->rk, slot->own.topic, slot->own.partition,
                                                 &low, &high, PLACE_SHORT_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR || low < 0 || high < low) {
            source_tell(source, error, slot->own.topic, "no answer about an offset that is gone");
            slot->lost_at_ms = clock_mono_ms() + PLACE_AGAIN_MS;
            return false;
        }
        slot->looked_at_ms = clock_mono_ms();
        judge_gap(source, slot, low, high);
        slot->lost_at_ms = slot->own.is_halted ? slot->lost_at_ms : 0;
        return !slot->own.is_halted;
    }
    return false;
}

void rebalance_chores(struct source *source, uint64_t now_ms)
{
    bool is_changed = false;

    if (source->is_rebalancing || source->is_fatal) {
        return;
    }
    if (source->is_unplaced && now_ms >= source->place_at_ms) {
        is_changed = place_some(source, PLACE_SHORT_MS);
        source->place_at_ms = clock_mono_ms() + PLACE_AGAIN_MS;
    }
    is_changed |= look_at_gap(source, now_ms);
    if (is_changed) {
        assign_placed(source);
        block_apply(source, now_ms);
    }
}
