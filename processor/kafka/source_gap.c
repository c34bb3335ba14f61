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
 * What was taken of the log before is finished, and counts for nothing in the one there is.
 */
#include "kafka/rebalance.h"

#include <inttypes.h>

#include "base/clock.h"
#include "kafka/watermarks.h"

enum gap_cause { GAP_REMOVED, GAP_TRUNCATED, GAP_REPLACED, GAP_PAST_END };

enum { LOOK_BUDGET_MS = 200 }; /* of one turn, for all partitions */

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

static void tell(const struct slot *slot, const struct gap *gap, bool is_halt)
{
    LOG_ERROR("source.gap",
              "topic=%s partition=%d cause=%s wanted=%" PRId64 " first=%" PRId64 " end=%" PRId64
              " missing=%" PRId64 " action=%s from=%" PRId64 " next=%s",
              LOG_Q(slot->own.topic), (int)slot->own.partition, causes[gap->cause].word,
              slot->own.position, gap->low, gap->high, gap->missing, is_halt ? "halt" : "skip",
              gap->from, LOG_Q(is_halt ? causes[gap->cause].way_out : "reading on there"));
}

/* What is known of the log as it was, kept for whoever decides after a restart. */
static struct trail what_was(const struct slot *slot)
{
    struct trail known = *tracker_trail(slot->own.tracker);

    trail_cut(&known, slot->newest.offset);
    trail_add(&known, slot->newest);
    return known;
}

/* The offset to go on from is committed with the marks of the log as it was: a restart finds the
 * same gap, whatever became of the group's offset when the topic was deleted. */
static void halt(struct source *source, struct slot *slot, const struct gap *gap)
{
    tell(slot, gap, true);
    slot->own.is_halted = true;
    block_slot(source, slot, BLOCK_GAP, true);
    if (gap->cause == GAP_TRUNCATED || gap->cause == GAP_REPLACED) {
        struct trail known = what_was(slot);

        slot->own.epoch++;
        tracker_start(slot->own.tracker, gap->from);
        tracker_know(slot->own.tracker, &known);
        slot->own.position = gap->from;
        slot->is_dirty = true;
    }
}

static void skip(struct slot *slot, const struct gap *gap)
{
    tell(slot, gap, false);
    slot->newest = (struct mark){0};
    slot->is_dirty = true;
    slot->own.position = gap->from;
    if (gap->cause == GAP_REMOVED) {
        /* The gap is settled, so that it is not met and counted again after a restart. */
        if (tracker_take(slot->own.tracker, (struct mark){gap->from - 1, 0}) == TAKE_NEW) {
            (void)tracker_settle(slot->own.tracker, gap->from - 1);
        }
    } else {
        struct trail known = *tracker_trail(slot->own.tracker);

        trail_cut(&known, gap->cause == GAP_TRUNCATED ? gap->from : 0);
        slot->own.epoch++;
        slot->own.committed = -1;
        slot->memory = (struct trail){0};
        tracker_start(slot->own.tracker, gap->from);
        tracker_know(slot->own.tracker, &known);
    }
}

/* Where the log is still the same, but no further than what is settled: the rest is read again. */
static int64_t same_until(const struct slot *slot, const struct gap *gap)
{
    int64_t until = MIN_OF(slot->check.match + 1, tracker_watermark(slot->own.tracker));

    return MIN_OF(MAX_OF(until, gap->low), gap->high);
}

/* False: the offset wanted is there. */
static bool find_gap(const struct source *source, const struct slot *slot, struct gap *gap)
{
    int64_t unread = slot->check.high - slot->own.position; /* in the log as it was */

    gap->from = gap->low;
    gap->missing = MAX_OF(unread, (int64_t)0);
    if (slot->check.state == CHECK_CHANGED && slot->check.match >= 0) {
        gap->cause = GAP_TRUNCATED;
        gap->from = same_until(slot, gap);
    } else if (slot->check.state == CHECK_CHANGED) {
        gap->cause = GAP_REPLACED;
    } else if (slot->own.position < gap->low) {
        gap->cause = GAP_REMOVED;
        gap->missing = gap->low - slot->own.position;
    } else if (slot->own.position > gap->high) {
        gap->cause = GAP_PAST_END;
        gap->from = source->kafka->past_end == PAST_END_END ? gap->high : gap->low;
    } else {
        return false;
    }
    return true;
}

static void judge(struct source *source, struct slot *slot, int64_t low, int64_t high)
{
    struct gap gap = {.low = low, .high = high};
    bool was_checked = slot->check.state != CHECK_OFF;

    if (slot->check.state == CHECK_READING) {
        check_bounds(slot, low, high);
    }
    if (slot->check.state != CHECK_READING && find_gap(source, slot, &gap)) {
        slot->own.counts.gaps++;
        slot->own.counts.gap_messages += (uint64_t)gap.missing;
        if (source->kafka->on_gap == GAP_SKIP) {
            skip(slot, &gap);
        } else {
            halt(source, slot, &gap);
        }
        slot->check.state = CHECK_OFF;
    } else if (!was_checked && slot->is_stopped) {
        LOG_WARN("source.no_gap", "topic=%s partition=%d offset=%" PRId64 " next=%s",
                 LOG_Q(slot->own.topic), (int)slot->own.partition, slot->own.position,
                 LOG_Q("the broker refused an offset it has; reading on there"));
    }
    slot->low = low;
    slot->own.high = high;
}

/* One question. True when the partition is to be assigned anew. */
static bool look_at(struct source *source, struct slot *slot)
{
    rd_kafka_resp_err_t error;
    int64_t low = -1;
    int64_t high = -1;
    bool was_stopped;

    error = watermarks_ask(source->rk, slot->own.topic, slot->own.partition, &low, &high,
                           PLACE_SHORT_MS);
    slot->looked_at_ms = clock_mono_ms();
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        source_tell(source, error, slot->own.topic, "no answer about an offset that is gone");
        slot->lost_at_ms = slot->looked_at_ms + PLACE_AGAIN_MS;
        source->look_again_ms = slot->looked_at_ms + PLACE_SHORT_MS; /* deliveries wait meanwhile */
        return false;
    }
    was_stopped = slot->is_stopped;
    judge(source, slot, low, high);
    slot->is_stopped = false;
    slot->lost_at_ms = 0;
    if (slot->own.is_halted) {
        return true; /* out of what is fetched */
    }
    if (!was_stopped && !slot->is_paused) {
        check_seek(source, slot); /* what came meanwhile was dropped */
    }
    return was_stopped;
}

bool gap_look(struct source *source, uint64_t now_ms)
{
    uint64_t until_ms = now_ms + LOOK_BUDGET_MS;
    bool is_changed = false;

    if (now_ms < source->look_again_ms) {
        return false;
    }
    for (size_t i = 0; i < source->assigned_count && clock_mono_ms() <= until_ms; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if (slot->is_placed && slot->lost_at_ms != 0 && slot->lost_at_ms <= now_ms &&
            !slot->own.is_halted) {
            is_changed |= look_at(source, slot);
        }
    }
    return is_changed;
}
