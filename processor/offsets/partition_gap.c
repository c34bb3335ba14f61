/*
 * The offset wanted is not there, or means another record than before: what is gone, and where to
 * go on, as kafka.on_gap says.
 *
 *    removed     retention or somebody removed records before they were read: on from the first
 *    truncated   the log is the same up to some record and then another (an election that was
 *                unclean, a broker restored): on from the last record that is known to be the same
 *    replaced    nothing that was noted is in it (a topic deleted and made anew): all of it is new
 *    past_end    the position is behind the end, and nothing was noted: kafka.past_end says where
 *
 * Where nobody knows whether it is another log (CHECK_UNSURE) it is read again from the last record
 * known to be the same, as if it were, but it is no gap: duplicates, never loss.
 *
 * What was taken of the log before is finished, and counts for nothing in the one there is.
 */
#include <inttypes.h>

#include "base/log.h"
#include "offsets/partition_inside.h"

enum gap_cause { GAP_REMOVED, GAP_TRUNCATED, GAP_REPLACED, GAP_PAST_END };

struct gap {
    enum gap_cause cause;
    int64_t low;
    int64_t high;
    int64_t missing; /* records that are gone and were not read, as far as is known */
    int64_t from;    /* where reading goes on */
};

static const struct {
    const char *word;
    const char *way_out;
} causes[] = {
    [GAP_REMOVED] = {"removed", "this partition is not read. To go on from the first record there "
                                "is, restart with kafka.on_gap: skip, or reset the group's offset"},
    [GAP_TRUNCATED] =
        {"truncated", "this partition is not read. The cluster lost records that were read and has "
                      "others in their place. To go on from the last record that is the same, "
                      "restart with kafka.on_gap: skip, or reset the group's offset"},
    [GAP_REPLACED] = {"replaced",
                      "this partition is not read. Its topic was made anew. To read all of it, "
                      "restart with kafka.on_gap: skip, or reset the group's offset"},
    [GAP_PAST_END] =
        {"past_end",
         "this partition is not read. The group's offset is behind the end. To go on as "
         "kafka.past_end says, restart with kafka.on_gap: skip, or reset the offset"},
};

static void tell(const struct source_partition *partition, const struct gap *gap, bool is_halt)
{
    LOG_ERROR("source.gap",
              "topic=%s partition=%d cause=%s wanted=%" PRId64 " first=%" PRId64 " end=%" PRId64
              " missing=%" PRId64 " action=%s from=%" PRId64 " next=%s",
              LOG_Q(partition->topic), (int)partition->partition, causes[gap->cause].word,
              partition->position, gap->low, gap->high, gap->missing, is_halt ? "halt" : "skip",
              gap->from, LOG_Q(is_halt ? causes[gap->cause].way_out : "reading on there"));
}

/* What is known of the log as it was, kept for whoever decides after a restart. */
static struct trail what_was(const struct source_partition *partition)
{
    struct trail known = *tracker_trail(partition->tracker);

    if (partition->newest.hash != 0) {
        trail_cut(&known, partition->newest.offset);
        trail_add(&known, partition->newest);
    }
    return known;
}

/* What is in flight of the log before counts for nothing in the one there is. */
static void restart(struct source_partition *partition, int64_t from, const struct trail *known,
                    const struct tally_start *why)
{
    partition->epoch++;
    tracker_start(partition->tracker, from);
    tracker_know(partition->tracker, known);
    tracker_begin_tally(partition->tracker, why);
}

/* The offset to go on from is committed with the marks of the log as it was: a restart finds the
 * same gap, whatever became of the group's offset when the topic was deleted. */
static void halt(struct source_partition *partition, const struct gap *gap)
{
    tell(partition, gap, true);
    partition->state = PARTITION_HALTED;
    partition->actions = PARTITION_REFETCH; /* without it */
    partition_block(partition, BLOCK_GAP, true);
    if (gap->cause == GAP_TRUNCATED || gap->cause == GAP_REPLACED) {
        struct trail known = what_was(partition);

        restart(partition, gap->from, &known, &(struct tally_start){.offset = gap->from});
        partition->position = gap->from;
        partition->is_dirty = true;
    }
}

/* On from @from as if nothing had been read beyond it; what is known of the log up to @known
 * holds. */
static void go_back(struct source_partition *partition, int64_t known_to,
                    const struct tally_start *why)
{
    struct trail known = *tracker_trail(partition->tracker);

    PRE(known_to <= why->offset);
    trail_cut(&known, known_to);
    partition_set_newest(partition, (struct mark){0});
    partition->is_dirty = true;
    partition->position = why->offset;
    partition->committed = -1;
    partition->memory = (struct memory){0};
    restart(partition, why->offset, &known, why);
}

static void skip(struct source_partition *partition, const struct gap *gap)
{
    tell(partition, gap, false);
    if (gap->cause == GAP_REMOVED) {
        partition_set_newest(partition, (struct mark){0});
        partition->is_dirty = true;
        partition->position = gap->from;
        /* The gap is settled, so that it is not met and counted again after a restart. */
        if (tracker_take(partition->tracker, (struct mark){gap->from - 1, 0}) == TAKE_NEW) {
            (void)tracker_settle(partition->tracker, gap->from - 1,
                                 &(struct settled){NO_FATE, gap->missing});
        }
    } else {
        go_back(partition, gap->cause == GAP_TRUNCATED ? gap->from : 0,
                &(struct tally_start){.offset = gap->from,
                                      .is_new_log = gap->cause != GAP_PAST_END,
                                      .missing = gap->missing});
    }
}

/* Where the log is still the same, but no further than what is settled: the rest is read again. */
static int64_t same_until(const struct source_partition *partition, const struct gap *gap)
{
    int64_t until = MIN_OF(partition->check.match + 1, tracker_watermark(partition->tracker));

    return MIN_OF(MAX_OF(until, gap->low), gap->high);
}

/* It is another log; also where the bounds say so of one that may be. */
static bool is_changed(const struct source_partition *partition, const struct gap *bounds)
{
    bool is_inside = partition->position >= bounds->low && partition->position <= bounds->high;

    return partition->check.state == CHECK_CHANGED ||
           (partition->check.state == CHECK_UNSURE && !is_inside);
}

/* Nobody knows whether the log is the same behind the record that is. */
static void read_again(struct source_partition *partition, const struct gap *bounds)
{
    int64_t from = partition->check.match < 0 ? bounds->low : same_until(partition, bounds);

    LOG_WARN(
        "source.read_again", "topic=%s partition=%d offset=%" PRId64 " wanted=%" PRId64 " next=%s",
        LOG_Q(partition->topic), (int)partition->partition, from, partition->position,
        LOG_Q("records that were read last are not in the log; it may be another one, so it is "
              "read again from the last record that is known to be the same"));
    go_back(partition, from, &(struct tally_start){.offset = from});
}

/* False: the offset wanted is there. */
static bool find_gap(const struct source_partition *partition, enum past_end past_end,
                     struct gap *gap)
{
    const struct log_check *check = &partition->check;
    int64_t unread = check->high - partition->position; /* in the log as it was */

    gap->from = gap->low;
    gap->missing = MAX_OF(unread, (int64_t)0);
    if (is_changed(partition, gap) && check->match >= 0) {
        gap->cause = GAP_TRUNCATED;
        gap->from = same_until(partition, gap);
    } else if (is_changed(partition, gap)) {
        gap->cause = GAP_REPLACED;
    } else if (partition->position < gap->low) {
        gap->cause = GAP_REMOVED;
        gap->missing = gap->low - partition->position;
    } else if (partition->position > gap->high) {
        gap->cause = GAP_PAST_END;
        gap->from = past_end == PAST_END_END ? gap->high : gap->low;
    } else {
        return false;
    }
    return true;
}

static void judge(struct source_partition *partition, const struct config_kafka *kafka,
                  const struct gap *bounds, uint64_t now_ms)
{
    struct gap gap = *bounds;
    bool was_checked = partition->check.state != CHECK_OFF;

    if (partition->check.state == CHECK_READING) {
        check_bounds(partition, gap.low, gap.high, now_ms);
    }
    if (partition->check.state != CHECK_READING && find_gap(partition, kafka->past_end, &gap)) {
        partition->counts.gaps++;
        partition->counts.gap_messages += (uint64_t)gap.missing;
        if (kafka->on_gap == GAP_SKIP) {
            skip(partition, &gap);
        } else {
            halt(partition, &gap);
        }
        partition->check.state = CHECK_OFF;
    } else if (partition->check.state == CHECK_UNSURE) {
        read_again(partition, &gap);
        partition->check.state = CHECK_OFF;
    } else if (!was_checked && partition->is_refused) {
        LOG_WARN("source.no_gap", "topic=%s partition=%d offset=%" PRId64 " next=%s",
                 LOG_Q(partition->topic), (int)partition->partition, partition->position,
                 LOG_Q("the broker refused an offset it has; reading on there"));
    }
}

bool partition_is_look_due(const struct source_partition *partition, uint64_t now_ms)
{
    return partition->state == PARTITION_PLACED && partition->look_at_ms != 0 &&
           partition->look_at_ms <= now_ms;
}

void partition_bounds(struct source_partition *partition, const struct config_kafka *kafka,
                      int64_t low, int64_t high, uint64_t now_ms)
{
    PRE(partition->state == PARTITION_PLACED);
    PRE(partition->look_at_ms != 0);
    PRE(low >= 0);
    PRE(low <= high);

    judge(partition, kafka, &(struct gap){.low = low, .high = high}, now_ms);
    partition->low = low;
    partition->high = high;
    partition->looked_at_ms = now_ms;
    partition->look_at_ms = 0;
    partition->is_refused = false;
    if (partition->is_fetch_stopped) {
        partition->actions |= PARTITION_REFETCH;
    } else if (partition->state == PARTITION_PLACED && !partition->is_paused) {
        partition->actions |= PARTITION_SEEK; /* what came meanwhile was dropped */
    }
    partition_check_invariants(partition);
}

void partition_bounds_failed(struct source_partition *partition, uint64_t now_ms)
{
    PRE(partition->look_at_ms != 0);

    partition->looked_at_ms = now_ms;
    partition->look_at_ms = now_ms + LOOK_AGAIN_MS;
}
