/*
 * A partition's life, in order: assigned, placed at the group's offset, its log recognised, records
 * taken, settled in any order, committed up to the first that is not settled, released.
 *
 * What a record meets on its way in, in this order:
 *    not placed, blocked, to be looked at, or a seek is due: dropped, it is fetched again later
 *    the log may be another     dropped, and read again from a record that is known
 *    before `position`          dropped: it was taken
 *    settled before             skipped: the last commit's metadata says so
 *    no room in the window      dropped and blocked until half of the window is free
 */
#include "offsets/partition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "offsets/partition_inside.h"

enum { AGAIN_MS_MIN = 1000, AGAIN_MS_MAX = 30000, AGAIN_SHIFT_MAX = 5, METADATA_BYTES_LEAST = 64 };

void partition_check_invariants(const struct source_partition *partition)
{
    const struct log_check *check = &partition->check;
    bool is_read = partition->state == PARTITION_PLACED || partition->state == PARTITION_HALTED;

    INVARIANT(check->at <= check->count);
    INVARIANT(check->count <= COUNT_OF(check->marks));
    INVARIANT((partition->own_blocks | partition->worker_blocks) == partition->blocks);
    INVARIANT(!partition->is_bare || partition->is_dirty);
    INVARIANT(is_read || !partition->is_dirty);
    INVARIANT(is_read || !partition->is_committing);
    INVARIANT(partition->state != PARTITION_AWAY || partition->actions == 0);
    INVARIANT(!is_read || tracker_watermark(partition->tracker) <= partition->position);
}

/* life */

struct source_partition *partition_new(const char *topic, int32_t number, uint32_t window_max,
                                       bool has_tally)
{
    struct source_partition *partition = mem_new(struct source_partition);

    PRE(topic != NULL);
    *partition = (struct source_partition){.topic = mem_text(span_of(topic)),
                                           .partition = number,
                                           .tracker = tracker_new(window_max, has_tally),
                                           .window_max = window_max,
                                           .committed = -1,
                                           .position = -1,
                                           .high = -1,
                                           .low = -1};
    return partition;
}

void partition_free(struct source_partition *partition)
{
    if (partition != NULL) {
        tracker_free(partition->tracker);
        free(partition->topic);
        free(partition);
    }
}

void partition_assign(struct source_partition *partition, uint32_t worker_blocks)
{
    PRE(partition->state == PARTITION_AWAY);

    partition->state = PARTITION_UNPLACED;
    partition->epoch++;
    partition_block_worker(partition, worker_blocks);
    partition_check_invariants(partition);
}

/* What the ledger was not told of is not known: it is read again. */
static void remember(const struct source_partition *partition, struct memory *out)
{
    const struct tally *tally = tracker_tally(partition->tracker);

    if (tracker_trail(partition->tracker)->recent[0].hash == 0) {
        return;
    }
    *out = (struct memory){true,
                           *tracker_trail(partition->tracker),
                           {.offset = tracker_watermark(partition->tracker)}};
    if (tally != NULL) {
        out->start.offset = tally->from;
        trail_cut(&out->trail, tally->from);
    }
    if (tally != NULL && !tally->start.is_told) {
        out->start.is_first = tally->start.is_first;
        out->start.is_new_log = tally->start.is_new_log;
        out->start.missing = tally->start.missing;
    }
}

/* As new, but for the epoch, the counts of gaps and what is known of the log. */
void partition_release(struct source_partition *partition)
{
    struct source_partition fresh = {.topic = partition->topic,
                                     .partition = partition->partition,
                                     .epoch = partition->epoch + 1,
                                     .tracker = partition->tracker,
                                     .window_max = partition->window_max,
                                     .committed = -1,
                                     .position = -1,
                                     .high = -1,
                                     .low = -1,
                                     .counts = partition->counts,
                                     .memory = partition->memory};

    PRE(partition->state != PARTITION_AWAY);
    remember(partition, &fresh.memory);
    *partition = fresh;
    tracker_start(partition->tracker, 0);
    partition_check_invariants(partition);
}

void partition_set_newest(struct source_partition *partition, struct mark mark)
{
    partition->newest = mark;
    memset(partition->before, 0, sizeof(partition->before));
    partition->before_at = 0;
}

/* placing */

/* The tracker has begun at @offset. */
static void start(struct source_partition *partition, const struct tally_start *why,
                  bool is_committed, uint64_t now_ms)
{
    int64_t offset = why->offset;

    tracker_begin_tally(partition->tracker, why);
    partition->state = PARTITION_PLACED;
    partition->position = offset;
    partition->committed = is_committed ? offset : -1;
    partition->is_dirty = !is_committed;
    partition_set_newest(partition, tracker_ahead(partition->tracker));
    check_begin(partition, now_ms);
    LOG_DEBUG("source.start", "topic=%s partition=%d offset=%" PRId64 " committed=%s",
              LOG_Q(partition->topic), (int)partition->partition, offset,
              is_committed ? "true" : "false");
    partition_check_invariants(partition);
}

void partition_place(struct source_partition *partition, int64_t offset, struct span metadata,
                     uint64_t now_ms)
{
    struct metadata_place place = {span_of(partition->topic), partition->partition, offset};
    enum metadata_sort sort;

    PRE(partition->state == PARTITION_UNPLACED);
    PRE(offset >= 0);
    sort = tracker_resume(partition->tracker, &place, metadata);
    if (sort != METADATA_OURS && sort != METADATA_NONE) {
        LOG_WARN("source.metadata_ignored",
                 "topic=%s partition=%d offset=%" PRId64 " metadata=%s next=%s",
                 LOG_Q(partition->topic), (int)partition->partition, offset,
                 LOG_Q(metadata_sort_text(sort)),
                 LOG_Q("reading from the offset on; what was settled beyond it is sent again"));
    }
    start(partition, &(struct tally_start){.offset = offset}, true, now_ms);
}

bool partition_place_known(struct source_partition *partition, uint64_t now_ms)
{
    PRE(partition->state == PARTITION_UNPLACED);

    if (!partition->memory.is_there) {
        return false;
    }
    tracker_start(partition->tracker, partition->memory.start.offset);
    tracker_know(partition->tracker, &partition->memory.trail);
    start(partition, &partition->memory.start, false, now_ms);
    return true;
}

void partition_place_fresh(struct source_partition *partition, int64_t offset, int64_t low,
                           int64_t high, uint64_t now_ms)
{
    PRE(partition->state == PARTITION_UNPLACED);
    PRE(low <= offset);
    PRE(offset <= high);

    partition->high = high;
    partition->low = low;
    tracker_start(partition->tracker, offset);
    start(partition, &(struct tally_start){.offset = offset, .is_first = true}, false, now_ms);
}

/* reading */

bool partition_is_wanted(struct source_partition *partition, struct mark record, uint64_t now_ms)
{
    if (partition->state != PARTITION_PLACED || partition->blocks != 0 ||
        partition->look_at_ms != 0 || (partition->actions & PARTITION_SEEK) != 0 ||
        partition->is_going) {
        return false;
    }
    if (partition->check.state != CHECK_OFF && !check_take(partition, record, now_ms)) {
        return false;
    }
    return record.offset >= partition->position;
}

static void fill_window(struct source_partition *partition, uint64_t now_ms)
{
    partition_block(partition, BLOCK_WINDOW, true);
    partition_align(partition, now_ms);
    LOG_WARN("source.window_full", "topic=%s partition=%d waits_for_offset=%" PRId64 " window=%u",
             LOG_Q(partition->topic), (int)partition->partition,
             tracker_watermark(partition->tracker), tracker_window(partition->tracker));
}

bool partition_take(struct source_partition *partition, struct mark record, uint64_t now_ms)
{
    enum tracker_take take;

    if (!partition_is_wanted(partition, record, now_ms)) {
        return false;
    }
    take = tracker_take(partition->tracker, record);
    if (take == TAKE_FULL) {
        fill_window(partition, now_ms);
        return false;
    }
    partition->position = record.offset + 1;
    partition->before[partition->before_at++ % MARKS_BEFORE] = partition->newest;
    partition->newest = record;
    if (take == TAKE_DONE_BEFORE) {
        partition->is_dirty = true;
        partition->counts.skipped++;
    }
    return take == TAKE_NEW;
}

/* Everything before @end was handed over: what lies between are markers of transactions, aborted
 * records, or what compaction removed. It counts as read, or its removal by retention would seem to
 * be a gap, and a partition that nothing is missing of would halt. */
static void read_to(struct source_partition *partition, int64_t end)
{
    const struct mark last = {.offset = end - 1}; /* no record: no hash */

    if (end > partition->position && tracker_take(partition->tracker, last) != TAKE_FULL) {
        (void)tracker_settle(partition->tracker, last.offset, NULL);
        partition->position = end;
        partition->is_dirty = true;
        partition_check_invariants(partition);
    }
}

bool partition_end(struct source_partition *partition, int64_t end, uint64_t now_ms)
{
    if (partition->state != PARTITION_PLACED || partition->look_at_ms != 0 ||
        partition->blocks != 0 || partition->is_paused ||
        (partition->actions & PARTITION_SEEK) != 0) {
        return false; /* it may be told of what was dropped; it is read again when that ends */
    }
    if (partition->check.state == CHECK_READING) {
        check_end(partition, end, now_ms);
        return false;
    }
    if (end < partition->position) {
        return false;
    }
    partition->end = end;
    partition->end_epoch = partition->epoch;
    read_to(partition, end);
    return true;
}

void partition_look(struct source_partition *partition, uint64_t now_ms)
{
    partition->look_at_ms = MAX_OF(now_ms, partition->looked_at_ms + LOOK_EVERY_MS);
}

void partition_out_of_range(struct source_partition *partition, uint64_t now_ms)
{
    if (partition->check.state == CHECK_OFF && partition->state == PARTITION_PLACED) {
        check_begin(partition, now_ms); /* what is there now may be another log */
    }
    partition->is_fetch_stopped = true;
    partition->is_refused = true;
    partition_look(partition, now_ms);
    partition_check_invariants(partition);
}

void partition_suspect(struct source_partition *partition, uint64_t now_ms)
{
    if (partition->state == PARTITION_PLACED && !partition->is_paused &&
        partition->look_at_ms == 0) {
        check_again(partition, now_ms);
        partition->actions |= PARTITION_SEEK; /* what was fetched is dropped in any case */
    }
}

void partition_high_watermark(struct source_partition *partition, int64_t high, uint64_t now_ms)
{
    if (high >= 0) {
        partition->high = high;
    }
    check_idle(partition, now_ms);
}

void partition_unreadable(struct source_partition *partition, enum block_reason reason,
                          uint64_t now_ms)
{
    uint64_t wait_ms = (uint64_t)AGAIN_MS_MIN
                       << MIN_OF(partition->read_failures, (uint32_t)AGAIN_SHIFT_MAX);

    PRE(reason == BLOCK_UNREADABLE || reason == BLOCK_AUTHORIZATION || reason == BLOCK_CLIENT);
    if (partition->read_again_ms != 0) {
        return; /* it was handed over before the pause */
    }
    partition->read_failures++;
    partition->read_again_ms = now_ms + MIN_OF(wait_ms, (uint64_t)AGAIN_MS_MAX);
    partition_block(partition, reason, true);
    partition_align(partition, now_ms);
}

void partition_readable(struct source_partition *partition)
{
    partition->error = 0;
    partition->errors = 0;
    partition->read_failures = 0;
}

void partition_settle(struct source_partition *partition, uint64_t epoch, int64_t offset,
                      const struct settled *settled)
{
    if (partition->epoch == epoch && tracker_settle(partition->tracker, offset, settled)) {
        INVARIANT(partition->state == PARTITION_PLACED || partition->state == PARTITION_HALTED);
        INVARIANT(offset < partition->position);
        partition->is_dirty = true;
    }
}

/* what the client does */

int64_t partition_fetch_offset(const struct source_partition *partition)
{
    const struct log_check *check = &partition->check;

    if (check->state != CHECK_READING) {
        return partition->position;
    }
    INVARIANT(check->count == 0 || check->at < check->count);
    return check->count == 0 ? partition->position - 1 : check->marks[check->at].offset;
}

bool partition_fetch(struct source_partition *partition, int64_t *offset)
{
    partition->actions = 0;
    if (partition->state != PARTITION_PLACED) {
        return false;
    }
    if (partition->look_at_ms != 0) {
        partition->is_fetch_stopped = true;
        return false;
    }
    partition->is_fetch_stopped = false;
    partition->is_paused = false;
    *offset = partition_fetch_offset(partition);
    return true;
}

uint32_t partition_act(struct source_partition *partition, uint32_t mask)
{
    uint32_t due = partition->actions & mask;

    partition->actions &= ~mask;
    return due;
}

void partition_seek_failed(struct source_partition *partition, bool is_refused, uint64_t now_ms)
{
    partition->is_fetch_stopped = true;
    partition->is_refused |= is_refused;
    partition->look_at_ms = now_ms;
}

/* pausing and time */

static void unite_blocks(struct source_partition *partition)
{
    partition->blocks = partition->own_blocks | partition->worker_blocks;
}

void partition_block(struct source_partition *partition, enum block_reason reason, bool is_on)
{
    uint32_t bit = 1u << reason;

    PRE(reason < BLOCK_REASON_COUNT);
    partition->own_blocks = is_on ? partition->own_blocks | bit : partition->own_blocks & ~bit;
    unite_blocks(partition);
}

void partition_block_worker(struct source_partition *partition, uint32_t worker_blocks)
{
    partition->worker_blocks = worker_blocks;
    unite_blocks(partition);
}

void partition_align(struct source_partition *partition, uint64_t now_ms)
{
    bool is_pause = partition->blocks != 0;

    if (partition->state != PARTITION_PLACED || partition->is_paused == is_pause) {
        return;
    }
    if (is_pause) {
        partition->actions = (partition->actions & ~(uint32_t)PARTITION_RESUME) | PARTITION_PAUSE;
    } else if (now_ms >= partition->paused_at_ms + PAUSE_MS_MIN) {
        check_again(partition, now_ms); /* nobody looked at its log meanwhile */
        partition->actions =
            (partition->actions & ~(uint32_t)PARTITION_PAUSE) | PARTITION_SEEK | PARTITION_RESUME;
    } else {
        return;
    }
    partition->is_paused = is_pause;
    partition->paused_at_ms = now_ms;
    partition_check_invariants(partition);
}

void partition_tick(struct source_partition *partition, uint64_t now_ms)
{
    if ((partition->own_blocks >> BLOCK_WINDOW & 1u) != 0 &&
        tracker_window(partition->tracker) <= partition->window_max / 2) {
        partition_block(partition, BLOCK_WINDOW, false);
    }
    if (partition->read_again_ms != 0 && now_ms >= partition->read_again_ms) {
        partition->read_again_ms = 0;
        partition_block(partition, BLOCK_UNREADABLE, false);
        partition_block(partition, BLOCK_AUTHORIZATION, false);
        partition_block(partition, BLOCK_CLIENT, false);
    }
    partition_align(partition, now_ms);
}

/* committing */

bool partition_is_commit_due(const struct source_partition *partition, bool is_final)
{
    bool is_sure = partition->state == PARTITION_HALTED || partition->check.state == CHECK_OFF ||
                   (is_final && partition->check.state == CHECK_READING);

    return partition->is_dirty && is_sure;
}

int64_t partition_commit(struct source_partition *partition, size_t bytes_max, struct buf *metadata)
{
    int64_t told = 0;

    PRE(partition->is_dirty);
    PRE(!partition->is_committing);
    PRE(metadata->len == 0);

    if (!partition->is_bare && bytes_max >= METADATA_BYTES_LEAST) {
        told = tracker_metadata(partition->tracker, span_of(partition->topic), partition->partition,
                                bytes_max, metadata);
    }
    tracker_seal(partition->tracker, told);
    partition->is_committing = true;
    partition->sealed_epoch = partition->epoch;
    partition->is_dirty = false;
    partition->is_bare = false;
    partition_check_invariants(partition);
    return tracker_watermark(partition->tracker);
}

void partition_commit_done(struct source_partition *partition, int64_t offset)
{
    PRE(partition->is_committing);

    partition->is_committing = false;
    if (partition->sealed_epoch == partition->epoch) {
        partition->committed = offset;
        tracker_sealed_committed(partition->tracker);
    } else { /* it was of the log before: what the group knows now has to be put right */
        partition->is_dirty = true;
    }
    partition_check_invariants(partition);
}

void partition_commit_failed(struct source_partition *partition, bool is_too_large)
{
    PRE(partition->is_committing);

    partition->is_committing = false;
    partition->is_dirty = true;
    partition->is_bare = is_too_large;
    partition_check_invariants(partition);
}
