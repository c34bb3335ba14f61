/*
 * Partitions come: committed offsets (with metadata) -> placed -> assign at these offsets.
 * Partitions go: the caller finishes what was sent -> commit, waited for -> unassign.
 *
 * It can go otherwise, in this order:
 *    committed offsets unknown   waited for 10 s, then the rest is assigned without and asked
 *                                for again from the polls
 *    none committed              begin where source_start.c says, and commit that at once:
 *                                "latest" must not mean another place after a restart
 *    none, though we had one     the topic was made anew: what we knew of it is checked first
 *    the offset is gone          offsets/partition_gap.c
 *    partitions lost             nobody waits and nothing is committed: others have them
 */
#include "base/clock.h"
#include "kafka/source_inside.h"

/* placing */

static rd_kafka_resp_err_t place(struct source *source, const rd_kafka_topic_partition_t *entry,
                                 uint64_t wait_ms)
{
    struct source_partition *partition =
        assignment_find(&source->assignment, entry->topic, entry->partition);
    uint64_t now_ms = clock_mono_ms();

    if (partition == NULL || partition->state != PARTITION_UNPLACED ||
        entry->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return entry->err;
    }
    if (entry->offset < 0) {
        return partition_place_known(partition, now_ms) ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                        : start_fresh(source, partition, wait_ms);
    }
    partition_place(partition, entry->offset, (struct span){entry->metadata, entry->metadata_size},
                    now_ms);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_topic_partition_list_t *list_unplaced(const struct source *source)
{
    const struct assignment *assignment = &source->assignment;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)assignment->held_count);

    for (size_t i = 0; i < assignment->held_count; i++) {
        if (assignment->held[i]->state == PARTITION_UNPLACED) {
            rd_kafka_topic_partition_list_add(list, assignment->held[i]->topic,
                                              assignment->held[i]->partition);
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
            place(source, &list->elems[i],
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

static void come(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        (void)assignment_add(&source->assignment, list->elems[i].topic, list->elems[i].partition);
    }
    place_all(source);
    source_fetch_all(source);
    LOG_INFO("source.assigned", "worker=%u partitions=%zu", source->worker_index,
             source->assignment.held_count);
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
    struct assignment *assignment = &source->assignment;
    uint64_t wait_ms = MIN_OF((uint64_t)REVOKE_WAIT_MS, assignment->fence.session_ms / 4);
    bool is_committed = true;

    source->is_rebalancing = true;
    if (source->kept != NULL) {
        rd_kafka_message_destroy(source->kept);
        source->kept = NULL;
    }
    if (assignment->held_count > 0) {
        wait_ms = is_lost ? 0 : left_until(source->close_by_ms, wait_ms);
        assignment_go(assignment);
        source->events.revoke(source->events.context, assignment->held, assignment->held_count,
                              wait_ms);
        is_committed =
            !is_lost && commit_finally(source, left_until(source->close_by_ms, COMMIT_WAIT_MS));
        LOG_INFO("source.revoked", "worker=%u partitions=%zu lost=%s committed=%s",
                 source->worker_index, assignment->held_count, is_lost ? "true" : "false",
                 is_committed ? "true" : "false");
    }
    assignment_clear(assignment);
    source->is_committed_at_close &= is_committed;
    source->last = NULL;
    source->is_unplaced = false;
    source->is_rebalancing = false;
}

void rebalance_take(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                    rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct source *source = opaque;

    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (source->assignment.held_count > 0) { /* eager groups take all back first; be safe */
            rebalance_drop(source, true);
        }
        source->is_rebalancing = true;
        come(source, partitions);
        source->is_rebalancing = false;
        source->now_ms = clock_mono_ms();
        source->assignment.fence.awake_ms = source->now_ms; /* waited, did not sleep */
        assignment_tick(&source->assignment, source->now_ms);
        source_act(source);
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
    if (source->is_rebalancing || !source->is_unplaced || now_ms < source->place_at_ms) {
        return;
    }
    if (place_some(source, PLACE_SHORT_MS)) {
        source_fetch_all(source);
        assignment_tick(&source->assignment, now_ms);
        source_act(source);
    }
    source->place_at_ms = clock_mono_ms() + PLACE_AGAIN_MS;
}
