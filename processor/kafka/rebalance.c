/*
 * Partitions come: committed offsets (with metadata) -> trackers -> assign at these offsets.
 * Partitions go: the caller finishes what was sent -> commit, waited for -> unassign.
 *
 * It can go otherwise, in this order:
 *    committed offsets unknown   waited for 10 s, then the rest is assigned without and asked
 *                                for again from the polls
 *    none committed              begin where source_start.c says, and commit that at once:
 *                                "latest" must not mean another place after a restart
 *    none, though we had one     the topic was made anew: what we knew of it is checked first
 *    the offset is gone          source_gap.c
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

/* As new, but for the epoch, the counts of gaps and what is known of the log. */
static void reset_slot(struct slot *slot)
{
    struct trail memory = slot->memory;
    int64_t memory_position = slot->memory_position;
    struct source_partition fresh = {.topic = slot->own.topic,
                                     .partition = slot->own.partition,
                                     .epoch = slot->own.epoch + 1,
                                     .tracker = slot->own.tracker,
                                     .committed = -1,
                                     .position = -1,
                                     .high = -1,
                                     .counts = slot->own.counts};

    if (tracker_trail(slot->own.tracker)->recent[0].hash != 0) {
        memory = *tracker_trail(slot->own.tracker);
        memory_position = tracker_watermark(slot->own.tracker);
    }
    *slot = (struct slot){
        .own = fresh, .low = -1, .memory = memory, .memory_position = memory_position};
    tracker_start(slot->own.tracker, 0);
}

/* The tracker has begun at @offset. */
static void start_slot(struct source *source, struct slot *slot, int64_t offset, bool is_committed)
{
    slot->own.position = offset;
    slot->own.committed = is_committed ? offset : -1;
    slot->is_dirty = !is_committed;
    slot->is_placed = true;
    slot->newest = tracker_ahead(slot->own.tracker);
    check_begin(source, slot);
    LOG_DEBUG("source.start", "topic=%s partition=%d offset=%" PRId64 " committed=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, offset,
              is_committed ? "true" : "false");
}

/* placing */

/* A group without an offset for this partition. If we had one, the topic was deleted meanwhile, and
 * the group's offset with it. */
static rd_kafka_resp_err_t start_fresh(struct source *source, struct slot *slot, uint64_t wait_ms)
{
    int64_t offset = slot->memory_position;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool is_known = slot->memory.recent[0].hash != 0;

    if (!is_known) {
        error = start_offset(source, slot, wait_ms, &offset);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        tracker_start(slot->own.tracker, offset);
        tracker_know(slot->own.tracker, &slot->memory);
        start_slot(source, slot, offset, false);
    }
    return error;
}

static void start_committed(struct source *source, struct slot *slot,
                            const rd_kafka_topic_partition_t *entry)
{
    struct metadata_place place = {span_of(entry->topic), entry->partition, entry->offset};
    enum metadata_sort sort = tracker_resume(slot->own.tracker, &place,
                                             (struct span){entry->metadata, entry->metadata_size});

    if (sort != METADATA_OURS && sort != METADATA_NONE) {
        LOG_WARN("source.metadata_ignored",
                 "topic=%s partition=%d offset=%" PRId64 " metadata=%s next=%s",
                 LOG_Q(entry->topic), (int)entry->partition, entry->offset,
                 LOG_Q(metadata_sort_text(sort)),
                 LOG_Q("reading from the offset on; what was settled beyond it is sent again"));
    }
    start_slot(source, slot, entry->offset, true);
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
    start_committed(source, slot, entry);
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
                check_offset(slot);
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
    is_changed |= gap_look(source, now_ms);
    if (is_changed) {
        assign_placed(source);
        block_apply(source, now_ms);
    }
}
