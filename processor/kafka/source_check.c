/*
 * Is it still the log that was read?
 *
 * An offset is only a number. Where the log may have changed since a partition was last read (it
 * was assigned, resumed after a pause, or the library asked for the topic's metadata, which it does
 * after every error of a fetch and every connection lost), reading begins one record earlier than
 * wanted, at a record that was noted (offsets/trail.h), and what comes is compared. That costs
 * nobody a request.
 *
 *    it is the same          reading goes on from there
 *    it is another record    the next older mark is looked at, and so on, until one is the same:
 *                            the log was truncated there; or none is: it was replaced
 *    it is not there         compaction, or a transaction's own record in another log: the next
 *                            older mark decides
 *    nothing comes           the log ends before it: source_gap.c asks where; or it is not there
 *    nothing is noted        then the record before the position is noted
 *
 * Until that is decided nothing of the partition is taken and nothing is committed for it. A hint
 * meanwhile does not begin it anew: each mark takes a fetch, which waits for the one before (half a
 * second at the log's end), and with a hint a second the last mark would never be reached. The
 * mark it is at is read again, and what was found of newer ones holds: a log that is another one
 * does not become the same again.
 */
#include "kafka/rebalance.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { API_METADATA = 3, REREAD_MAX = 64, SEEK_WAIT_MS = 200, UNDECIDED_MS = 5000 };

/* hints: counted by the library's threads, looked at by ours */

static rd_kafka_resp_err_t on_request(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id,
                                      int16_t api, int16_t version, int32_t correlation_id,
                                      size_t size, void *opaque)
{
    _Atomic uint32_t *hints = opaque;

    (void)rk, (void)fd, (void)broker, (void)broker_id;
    (void)version, (void)correlation_id, (void)size;
    if (api == API_METADATA) {
        atomic_fetch_add_explicit(hints, 1, memory_order_release);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_client(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                     char *why, size_t why_size)
{
    (void)conf, (void)why, (void)why_size;
    return rd_kafka_interceptor_add_on_request_sent(rk, "detour", on_request, opaque);
}

enum err_code check_watch(struct source *source, rd_kafka_conf_t *conf, struct err *err)
{
    source->hints = mem_new(_Atomic uint32_t);
    if (rd_kafka_conf_interceptor_add_on_new(conf, "detour", on_client, source->hints) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_STATE, "librdkafka takes no interceptor");
    }
    return ERR_OK;
}

/* checking */

/* A message kept for later is read again, if it is of @slot. */
static void drop_kept(struct source *source, const struct slot *slot)
{
    rd_kafka_message_t *kept = source->kept;

    if (kept != NULL && kept->rkt != NULL &&
        source_find(source, rd_kafka_topic_name(kept->rkt), kept->partition) == slot) {
        rd_kafka_message_destroy(kept);
        source->kept = NULL;
    }
}

void check_begin(struct source *source, struct slot *slot)
{
    struct check *check = &slot->check;
    struct mark marks[TRAIL_MARKS_MAX];
    size_t count = trail_list(tracker_trail(slot->own.tracker), marks);

    drop_kept(source, slot);
    *check = (struct check){.state = CHECK_READING,
                            .match = -1,
                            .since_ms = clock_mono_ms(),
                            .high = check->state == CHECK_OFF ? slot->own.high : check->high};
    if (slot->newest.hash != 0) {
        check->marks[check->count++] = slot->newest;
    }
    for (size_t i = 0; i < count; i++) {
        if (check->count == 0 || marks[i].offset < check->marks[check->count - 1].offset) {
            check->marks[check->count++] = marks[i];
        }
    }
    if (check->count == 0 && (slot->own.position <= 0 || slot->own.position - 1 < slot->low)) {
        check->state = CHECK_OFF; /* nothing was read, and nothing is before it */
    } else if (check->count > 0 && check->marks[0].offset < slot->low) {
        slot->lost_at_ms = clock_mono_ms(); /* removed: only the log's bounds can tell */
    }
}

void check_again(struct source *source, struct slot *slot)
{
    if (slot->check.state == CHECK_READING) {
        drop_kept(source, slot);
    } else {
        check_begin(source, slot);
    }
}

int64_t check_offset(const struct slot *slot)
{
    const struct check *check = &slot->check;

    if (check->state != CHECK_READING) {
        return slot->own.position;
    }
    return check->count == 0 ? slot->own.position - 1 : check->marks[check->at].offset;
}

/* All that can be known is known. */
static void decide(struct slot *slot)
{
    struct check *check = &slot->check;
    struct trail known;

    if (check->is_changed) {
        check->state = CHECK_CHANGED;
        slot->lost_at_ms = clock_mono_ms(); /* source_gap.c says where to go on */
        return;
    }
    check->state = CHECK_OFF;
    known = *tracker_trail(slot->own.tracker);
    trail_cut(&known, tracker_watermark(slot->own.tracker));
    tracker_know(slot->own.tracker, &known);
}

void check_bounds(struct slot *slot, int64_t low, int64_t high)
{
    struct check *check = &slot->check;

    check->is_changed |= low < slot->low; /* records that were removed do not come back */
    while (check->at < check->count && check->marks[check->at].offset >= high) {
        check->is_changed = true; /* it ends before what was read */
        check->at++;
    }
    if (check->at < check->count && check->marks[check->at].offset < low) {
        check->at = check->count; /* removed, and so are all older ones */
    }
    if (check->at == check->count &&
        (check->count > 0 || slot->own.position - 1 < low || slot->own.position - 1 >= high)) {
        decide(slot);
    }
}

/* The library has stopped fetching where an offset was out of range. It refuses the seek then, and
 * forgets the error that it was about to tell: the partition is to be assigned anew. */
void check_seek_all(struct source *source, rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0) {
        return;
    }
    rd_kafka_error_destroy(rd_kafka_seek_partitions(source->rk, list, SEEK_WAIT_MS));
    for (int i = 0; i < list->cnt; i++) {
        struct slot *slot = source_find(source, list->elems[i].topic, list->elems[i].partition);

        if (slot != NULL && list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            slot->is_stopped = true;
            slot->lost_at_ms = clock_mono_ms();
        }
    }
}

void check_seek(struct source *source, const struct slot *slot)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, slot->own.topic, slot->own.partition)->offset =
        check_offset(slot);
    check_seek_all(source, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The first record from the place on at which reading began. True: it may be taken. */
bool check_take(struct source *source, struct slot *slot, const rd_kafka_message_t *message)
{
    struct check *check = &slot->check;
    struct mark found = source_mark(message);
    int64_t began = check_offset(slot);

    if (check->state != CHECK_READING || found.offset < began) {
        return false;
    }
    if (check->count == 0) {
        if (found.offset == began) {
            slot->newest = found;
            if (tracker_watermark(slot->own.tracker) == slot->own.position) {
                tracker_learn(slot->own.tracker, found);
                slot->is_dirty = true; /* to be noted with the group's offset */
            }
        }
        decide(slot);
        return true;
    }
    if (found.offset == began && found.hash == check->marks[check->at].hash) {
        check->is_changed &= check->at > 0;
        check->match = found.offset;
        check->at = check->count;
    } else {
        check->is_changed |= found.offset == began;
        check->at++;
    }
    if (check->at == check->count) {
        decide(slot);
    }
    if (check->state == CHECK_OFF && began < slot->own.position &&
        found.offset >= slot->own.position - REREAD_MAX) {
        return true; /* what is wanted comes next */
    }
    if (check->state != CHECK_CHANGED) {
        check_seek(source, slot);
    }
    return false;
}

void check_end(struct source *source, struct slot *slot, int64_t end)
{
    struct check *check = &slot->check;

    if (slot->own.blocks != 0 || slot->is_paused) {
        return; /* it is read again when that ends */
    }
    if (end <= check_offset(slot)) {
        slot->lost_at_ms = MAX_OF(clock_mono_ms(), slot->looked_at_ms + LOOK_EVERY_MS);
        return;
    }
    if (check->at < check->count) {
        check->at++; /* it is not there */
    }
    if (check->at == check->count) {
        decide(slot);
    }
    if (check->state != CHECK_CHANGED) {
        check_seek(source, slot);
    }
}

void check_hints(struct source *source)
{
    rd_kafka_topic_partition_list_t *list;

    source->hints_seen = atomic_load_explicit(source->hints, memory_order_acquire);
    list = rd_kafka_topic_partition_list_new((int)source->assigned_count);
    for (size_t i = 0; i < source->assigned_count; i++) {
        struct slot *slot = slot_of(source->assigned[i]);

        if (!slot->is_placed || slot->is_paused || slot->own.is_halted || slot->lost_at_ms != 0) {
            continue;
        }
        check_again(source, slot); /* what was fetched is dropped, whatever there is to compare */
        rd_kafka_topic_partition_list_add(list, slot->own.topic, slot->own.partition)->offset =
            check_offset(slot);
    }
    check_seek_all(source, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Nothing came of what is wanted: it is asked for again, and told once. */
static void ask_again(struct source *source, struct slot *slot, uint64_t now_ms)
{
    struct check *check = &slot->check;

    if (check->at != check->seen_at || slot->own.blocks != 0 || slot->is_paused) {
        check->seen_at = check->at;
        check->since_ms = now_ms;
    } else if (now_ms - check->since_ms >= UNDECIDED_MS) {
        check->since_ms = now_ms;
        if (!check->is_told) {
            LOG_WARN("source.undecided", "topic=%s partition=%d offset=%" PRId64 " next=%s",
                     LOG_Q(slot->own.topic), (int)slot->own.partition, check_offset(slot),
                     LOG_Q("the record that tells whether it is the same log does not come; asked "
                           "for again until it does"));
            check->is_told = true;
        }
        check_seek(source, slot);
    }
}

void check_idle(struct source *source, struct slot *slot)
{
    uint64_t now_ms = clock_mono_ms();

    if (slot->check.state != CHECK_READING || slot->lost_at_ms != 0 || !slot->is_placed) {
        return;
    }
    if (slot->own.blocks == 0 && slot->own.high >= 0 && slot->own.high <= check_offset(slot)) {
        slot->lost_at_ms = MAX_OF(now_ms, slot->looked_at_ms + LOOK_EVERY_MS);
    } else {
        ask_again(source, slot, now_ms);
    }
}
