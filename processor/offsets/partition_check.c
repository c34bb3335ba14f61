/*
 * Is it still the log that was read?
 *
 * An offset is only a number. Where the log may have changed since a partition was last read (it
 * was assigned, resumed after a pause, or the client asked for the topic's metadata, which it does
 * after every error of a fetch and every connection lost), reading begins one record earlier than
 * wanted, at a record that was noted (offsets/trail.h), and what comes is compared. That costs no
 * request.
 *
 *    it is the same          reading goes on from there
 *    it is another record    the next older mark is looked at, and so on, until one is the same:
 *                            the log was truncated there; or none is: it was replaced
 *    it is not there         compaction, or a transaction's own record in another log: the next
 *                            older mark is looked at. If that is the same, the log is, where all
 *                            offsets between are looked at; else nobody knows, and what lies
 *                            behind it is read again (partition_gap.c). That is why the last
 *                            records are all noted: then there is little between
 *    nothing comes           the log ends before it: the bounds will say; or it is not there
 *    nothing is noted        then the record before the position is noted
 *
 * Until that is decided nothing of the partition is taken and nothing is committed for it. A hint
 * meanwhile does not begin it anew: each mark takes a fetch, which waits for the one before (half a
 * second at the log's end), and with a hint a second the last mark would never be reached. The
 * mark it is at is read again, and what was found of newer ones holds: a log that is another one
 * does not become the same again.
 */
#include <inttypes.h>

#include "base/log.h"
#include "offsets/partition_inside.h"

enum { REREAD_MAX = 64, UNDECIDED_MS = 5000 };

static void add_mark(struct log_check *check, struct mark mark)
{
    bool is_older = check->count == 0 || mark.offset < check->marks[check->count - 1].offset;

    if (mark.hash != 0 && is_older) {
        INVARIANT(check->count < COUNT_OF(check->marks));
        check->marks[check->count++] = mark;
    }
}

static void add_marks(struct source_partition *partition)
{
    struct log_check *check = &partition->check;
    struct mark marks[TRAIL_MARKS_MAX];
    size_t count = trail_list(tracker_trail(partition->tracker), marks);

    add_mark(check, partition->newest);
    for (uint32_t i = 1; i <= MARKS_BEFORE; i++) {
        add_mark(check, partition->before[(partition->before_at - i) % MARKS_BEFORE]);
    }
    check->near = check->count;
    for (size_t i = 0; i < count; i++) {
        add_mark(check, marks[i]);
    }
}

void check_begin(struct source_partition *partition, uint64_t now_ms)
{
    struct log_check *check = &partition->check;

    PRE(partition->state == PARTITION_PLACED);
    *check = (struct log_check){.state = CHECK_READING,
                                .match = -1,
                                .since_ms = now_ms,
                                .high = check->state == CHECK_OFF ? partition->high : check->high};
    add_marks(partition);
    if (check->count == 0 &&
        (partition->position <= 0 || partition->position - 1 < partition->low)) {
        check->state = CHECK_OFF; /* nothing was read, and nothing is before it */
    } else if (check->count > 0 && check->marks[0].offset < partition->low) {
        partition->look_at_ms = now_ms; /* removed: only the log's bounds can tell */
    }
}

void check_again(struct source_partition *partition, uint64_t now_ms)
{
    if (partition->check.state != CHECK_READING) {
        check_begin(partition, now_ms);
    }
}

/* Marks are not there, and behind the newest record that is the same, or settled beyond the
 * position, there may be records that were never read. */
static bool is_unsure(const struct source_partition *partition)
{
    const struct log_check *check = &partition->check;
    bool is_ahead = check->absent > 0 && check->marks[0].offset >= partition->position;
    int64_t between = partition->position - 1 - check->match;

    return is_ahead ||
           (check->absent > 0 && (check->match < 0 || between > (int64_t)check->absent));
}

/* All that can be known is known. */
static void decide(struct source_partition *partition, uint64_t now_ms)
{
    struct log_check *check = &partition->check;
    struct trail known;

    PRE(check->state == CHECK_READING);
    if (check->is_changed) {
        check->state = CHECK_CHANGED;
        partition->look_at_ms = now_ms; /* partition_gap.c says where to go on */
        return;
    }
    if (is_unsure(partition)) {
        check->state = CHECK_UNSURE;
        partition->look_at_ms = now_ms;
        return;
    }
    check->state = CHECK_OFF;
    if (partition->position < partition->low) {
        /* Only a record behind the position told that the log is the same: what is wanted is gone.
         * A seek to it would be refused, and that would begin the next check. */
        partition->look_at_ms = now_ms;
    }
    known = *tracker_trail(partition->tracker);
    trail_cut(&known, tracker_watermark(partition->tracker));
    tracker_know(partition->tracker, &known);
}

void check_bounds(struct source_partition *partition, int64_t low, int64_t high, uint64_t now_ms)
{
    struct log_check *check = &partition->check;

    PRE(check->state == CHECK_READING);
    check->is_changed |= low < partition->low; /* records that were removed do not come back */
    while (check->at < check->count && check->marks[check->at].offset >= high) {
        check->is_changed = true; /* it ends before what was read */
        check->at++;
    }
    if (check->at < check->count && check->marks[check->at].offset < low) {
        check->at = check->count; /* removed, and so are all older ones */
    }
    if (check->at == check->count &&
        (check->count > 0 || partition->position - 1 < low || partition->position - 1 >= high)) {
        decide(partition, now_ms);
    }
}

/* Nothing was noted: the record before the position is, if this is it. */
static void learn(struct source_partition *partition, struct mark found)
{
    if (found.offset != partition->position - 1) {
        return;
    }
    partition_set_newest(partition, found);
    if (tracker_watermark(partition->tracker) == partition->position) {
        tracker_learn(partition->tracker, found);
        partition->is_dirty = true; /* to be noted with the group's offset */
    }
}

static void compare(struct source_partition *partition, struct mark found)
{
    struct log_check *check = &partition->check;
    const struct mark *mark = &check->marks[check->at];

    if (found.offset == mark->offset && found.hash == mark->hash) {
        check->is_changed &= check->at > 0;
        check->match = found.offset;
        check->at = check->count;
    } else if (found.offset == mark->offset) {
        check->is_changed = true; /* since when is told by marks further apart: fewer fetches */
        check->at = MAX_OF(check->at + 1, MIN_OF(check->near, check->count - 1));
    } else {
        check->absent++;
        check->at++;
    }
}

bool check_take(struct source_partition *partition, struct mark found, uint64_t now_ms)
{
    struct log_check *check = &partition->check;
    int64_t began = partition_fetch_offset(partition);

    if (check->state != CHECK_READING || found.offset < began) {
        return false;
    }
    if (check->count == 0) {
        learn(partition, found);
        decide(partition, now_ms);
        return true;
    }
    compare(partition, found);
    if (check->at == check->count) {
        decide(partition, now_ms);
    }
    if (check->state == CHECK_OFF && began < partition->position &&
        found.offset >= partition->position - REREAD_MAX) {
        return true; /* what is wanted comes next */
    }
    if (partition->look_at_ms == 0) {
        partition->actions |= PARTITION_SEEK;
    }
    partition_check_invariants(partition);
    return false;
}

void check_end(struct source_partition *partition, int64_t end, uint64_t now_ms)
{
    struct log_check *check = &partition->check;

    PRE(check->state == CHECK_READING);
    if (end <= partition_fetch_offset(partition)) {
        partition_look(partition, now_ms);
        return;
    }
    if (check->at < check->count) {
        check->absent++;
        check->at++; /* it is not there */
    }
    if (check->at == check->count) {
        decide(partition, now_ms);
    }
    if (partition->look_at_ms == 0) {
        partition->actions |= PARTITION_SEEK;
    }
    partition_check_invariants(partition);
}

/* Nothing came of what is wanted: it is asked for again, and told once. */
static void ask_again(struct source_partition *partition, uint64_t now_ms)
{
    struct log_check *check = &partition->check;

    if (check->at != check->seen_at || partition->blocks != 0 || partition->is_paused) {
        check->seen_at = check->at;
        check->since_ms = now_ms;
    } else if (now_ms >= check->since_ms + UNDECIDED_MS) {
        check->since_ms = now_ms;
        if (!check->is_told) {
            LOG_WARN("source.undecided", "topic=%s partition=%d offset=%" PRId64 " next=%s",
                     LOG_Q(partition->topic), (int)partition->partition,
                     partition_fetch_offset(partition),
                     LOG_Q("the record that tells whether it is the same log does not come; asked "
                           "for again until it does"));
            check->is_told = true;
        }
        partition->actions |= PARTITION_SEEK;
    }
}

void check_idle(struct source_partition *partition, uint64_t now_ms)
{
    if (partition->check.state != CHECK_READING || partition->look_at_ms != 0) {
        return;
    }
    INVARIANT(partition->state == PARTITION_PLACED);
    if (partition->blocks == 0 && partition->high >= 0 &&
        partition->high <= partition_fetch_offset(partition)) {
        partition_look(partition, now_ms);
    } else {
        ask_again(partition, now_ms);
    }
}
