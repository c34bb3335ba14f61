/*
 * Pausing: a partition is paused in the library while it has any reason to be. A pause purges
 * what was fetched, so it lasts a second at least, and going on seeks to where we are.
 */
#include "kafka/rebalance.h"

#include "base/clock.h"

/* The partitions whose pause is to change, and where reading goes on. */
static rd_kafka_topic_partition_list_t *list_changes(struct source *source, bool is_pause,
                                                     uint64_t now_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);
        bool is_due = is_pause || now_ms - slot->paused_at_ms >= PAUSE_MS_MIN;

        if (slot->is_placed && slot->is_paused != is_pause && (slot->own.blocks != 0) == is_pause &&
            is_due) {
            if (!is_pause) {
                check_again(source, slot); /* nobody looked at its log meanwhile */
            }
            rd_kafka_topic_partition_list_add(list, slot->own.topic, slot->own.partition)->offset =
                check_offset(slot);
            slot->is_paused = is_pause;
            slot->paused_at_ms = now_ms;
        }
    }
    return list;
}

void block_apply(struct source *source, uint64_t now_ms)
{
    rd_kafka_topic_partition_list_t *pauses;
    rd_kafka_topic_partition_list_t *resumes;

    if (source->is_rebalancing) {
        return; /* the partitions go anyway */
    }
    pauses = list_changes(source, true, now_ms);
    if (pauses->cnt > 0) {
        rd_kafka_pause_partitions(source->rk, pauses);
    }
    rd_kafka_topic_partition_list_destroy(pauses);
    resumes = list_changes(source, false, now_ms);
    if (resumes->cnt > 0) {
        /* Seek first: 2.0.2 resumes where its own idea of the position was. */
        check_seek_all(source, resumes);
        rd_kafka_resume_partitions(source->rk, resumes);
    }
    rd_kafka_topic_partition_list_destroy(resumes);
}

void block_slot(struct source *source, struct slot *slot, enum block_reason reason, bool is_on)
{
    uint32_t bit = 1u << reason;

    slot->own_blocks = is_on ? slot->own_blocks | bit : slot->own_blocks & ~bit;
    slot->own.blocks = slot->own_blocks | source->blocks;
}

void source_block(struct source *source, struct source_partition *partition,
                  enum block_reason reason, bool is_on)
{
    PRE(reason < BLOCK_REASON_COUNT);

    if (partition != NULL) {
        block_slot(source, slot_of(partition), reason, is_on);
    } else {
        uint32_t bit = 1u << reason;

        source->blocks = is_on ? source->blocks | bit : source->blocks & ~bit;
        for (size_t i = 0; i < source->assigned_count; i++) {
            struct slot *slot = slot_of(source->assigned[i]);

            slot->own.blocks = slot->own_blocks | source->blocks;
        }
    }
    block_apply(source, clock_mono_ms());
}

void block_windows(struct source *source)
{
    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if ((slot->own_blocks >> BLOCK_WINDOW & 1u) != 0 &&
            tracker_window(slot->own.tracker) <= source->window_max / 2) {
            block_slot(source, slot, BLOCK_WINDOW, false);
        }
    }
}
