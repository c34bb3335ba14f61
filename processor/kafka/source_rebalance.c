/*
 * Assigned: committed offsets (with metadata) are read -> placed -> assign at these offsets.
 * Revoked: the caller finishes what was sent -> commit, waited for -> unassign.
 *
 * What can happen otherwise, in this order:
 *    committed offsets unknown   waited for 10 s, then the rest is assigned without and asked
 *                                for again from the polls
 *    none committed              begin where source_start.c says, and commit that at once:
 *                                "latest" must not mean another place after a restart
 *    none, though there was one  the topic was recreated: the known marks are checked first
 *    the offset is gone          offsets/partition_gap.c
 *    partitions lost             no wait and no commit: other consumers have them
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

static void come(struct source *source)
{
    const rd_kafka_topic_partition_list_t *list = source->coming;

    PRE(source->state == SOURCE_COMING);
    PRE(list != NULL);
    PRE(source->assignment.held_count == 0);
    for (int i = 0; i < list->cnt; i++) {
        (void)assignment_add(&source->assignment, list->elems[i].topic, list->elems[i].partition);
    }
    rd_kafka_topic_partition_list_destroy(source->coming);
    source->coming = NULL;
    source->state = SOURCE_STEADY;
    place_all(source);
    source_fetch_all(source);
    LOG_INFO("source.assigned", "worker=%u partitions=%zu", source->worker_index,
             source->assignment.held_count);
    source->now_ms = clock_mono_ms();
    source->assignment.fence.awake_ms = source->now_ms; /* waited, did not sleep */
    assignment_tick(&source->assignment, source->now_ms);
    source_act(source);
}

/* going */

/* At the end of the process no longer than that has. */
static uint64_t until(const struct source *source, uint64_t most_ms)
{
    uint64_t until_ms = clock_mono_ms() + most_ms;

    return source->close_by_ms == 0 ? until_ms : MIN_OF(until_ms, source->close_by_ms);
}

static void go(struct source *source, bool is_lost)
{
    uint64_t wait_ms = MIN_OF((uint64_t)REVOKE_WAIT_MS, source->assignment.fence.session_ms / 4);

    if (source->kept != NULL) {
        rd_kafka_message_destroy(source->kept);
        source->kept = NULL;
    }
    INVARIANT(source->kept == NULL);
    assignment_go(&source->assignment);
    source->state = SOURCE_GOING;
    source->is_lost = is_lost;
    source->going_by_ms = is_lost ? 0 : until(source, wait_ms);
}

/* They are another's from here on. */
static void hand_over(struct source *source, bool is_committed)
{
    struct assignment *assignment = &source->assignment;

    LOG_INFO("source.revoked", "worker=%u partitions=%zu lost=%s committed=%s",
             source->worker_index, assignment->held_count, source->is_lost ? "true" : "false",
             is_committed ? "true" : "false");
    source->events.revoked(source->events.context, assignment->held, assignment->held_count);
    commit_forget(source);
    assignment_clear(assignment);
    POST(assignment->held_count == 0);
    source->is_committed_at_close &= is_committed;
    source->last = NULL;
    source->is_unplaced = false;
    source->state = SOURCE_STEADY;
}

/* The last commit is waited for; a group that refuses it will take none. */
static void commit_last(struct source *source)
{
    uint64_t now_ms = clock_mono_ms();
    bool is_committed;

    PRE(source->state == SOURCE_COMMITTING);
    is_committed = !source->is_lost && commit_finally(source, now_ms);
    if (is_committed || source->is_lost || source->is_fatal ||
        source->assignment.commits.is_refused || now_ms >= source->going_by_ms) {
        hand_over(source, is_committed);
        rd_kafka_assign(source->rk, NULL);
    }
}

bool source_is_going(const struct source *source, uint64_t *until_ms)
{
    *until_ms = source->going_by_ms;
    return source->state == SOURCE_GOING;
}

bool source_is_handing_over(const struct source *source)
{
    return source->state == SOURCE_GOING || source->state == SOURCE_COMMITTING;
}

void source_let_go(struct source *source)
{
    PRE(source->state == SOURCE_GOING);

    source->state = SOURCE_COMMITTING;
    source->going_by_ms = until(source, COMMIT_WAIT_MS);
    commit_last(source);
}

void rebalance_lose(struct source *source)
{
    if (source->coming != NULL) {
        rd_kafka_topic_partition_list_destroy(source->coming);
        source->coming = NULL;
    }
    if (source->assignment.held_count > 0) {
        go(source, true);
        hand_over(source, false);
    }
    source->state = SOURCE_STEADY;
}

/* what the group wants */

void rebalance_note(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                    rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct source *source = opaque;

    if (source->state != SOURCE_STEADY || error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rebalance_lose(source); /* the library waits for the one before; be safe */
    }
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        source->coming = rd_kafka_topic_partition_list_copy(partitions);
        source->state = SOURCE_COMING;
        return;
    }
    if (error != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        source_tell(source, error, "", "rebalance failed");
    }
    if (source->assignment.held_count > 0) {
        go(source, rd_kafka_assignment_lost(rk) != 0);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}

bool rebalance_step(struct source *source)
{
    PRE(source->state <= SOURCE_COMMITTING);
    switch (source->state) {
    case SOURCE_STEADY:
        break;
    case SOURCE_COMING:
        come(source);
        break;
    case SOURCE_GOING:
        break; /* the caller's turn */
    case SOURCE_COMMITTING:
        commit_last(source);
        break;
    }
    return source->state == SOURCE_STEADY;
}

void rebalance_chores(struct source *source, uint64_t now_ms)
{
    if (!source->is_unplaced || now_ms < source->place_at_ms) {
        return;
    }
    if (place_some(source, PLACE_SHORT_MS)) {
        source_fetch_all(source);
        assignment_tick(&source->assignment, now_ms);
        source_act(source);
    }
    source->place_at_ms = clock_mono_ms() + PLACE_AGAIN_MS;
}
