#include "kafka/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/metadata.h"

enum { RING_FIRST = 64 };

/*
 * A slot is one offset received and not yet below the watermark: offset << 1 | done.
 * Offsets grow along the ring, so one is found by search. Runs settled before the
 * restart stay in `done_before` until the partition was read past them: they are
 * told again in each commit until then.
 */
struct tracker {
    uint64_t *ring; /* owned */
    uint32_t cap;   /* a power of two, or 0 */
    uint32_t head;  /* index of the oldest */
    uint32_t count;
    uint32_t window_max;
    uint32_t in_flight;
    int64_t watermark;
    int64_t next;                   /* offsets below were received or skipped by Kafka */
    struct offset_run *done_before; /* owned */
    size_t done_count;
    size_t done_at; /* runs before this one are behind `next` */
};

struct tracker *tracker_new(uint32_t window_max)
{
    struct tracker *tracker = mem_new(struct tracker);

    PRE(window_max > 0);
    PRE(window_max <= UINT32_MAX / 4);
    tracker->window_max = window_max;
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    if (tracker != NULL) {
        free(tracker->ring);
        free(tracker->done_before);
        free(tracker);
    }
}

void tracker_start(struct tracker *tracker, int64_t offset, struct span metadata)
{
    PRE(offset >= 0);

    free(tracker->done_before);
    tracker->done_count = metadata_read(metadata, offset, &tracker->done_before);
    tracker->done_at = 0;
    tracker->head = 0;
    tracker->count = 0;
    tracker->in_flight = 0;
    tracker->watermark = offset;
    tracker->next = offset;
}

static uint64_t *slot_at(const struct tracker *tracker, uint32_t index)
{
    return &tracker->ring[(tracker->head + index) & (tracker->cap - 1)];
}

static int64_t offset_of(uint64_t slot)
{
    return (int64_t)(slot >> 1);
}

static void grow(struct tracker *tracker)
{
    uint32_t cap = tracker->cap == 0 ? RING_FIRST : tracker->cap * 2;
    uint64_t *ring = mem_array(cap, uint64_t);

    for (uint32_t i = 0; i < tracker->count; i++) {
        ring[i] = *slot_at(tracker, i);
    }
    free(tracker->ring);
    tracker->ring = ring;
    tracker->cap = cap;
    tracker->head = 0;
}

static void push(struct tracker *tracker, int64_t offset, bool is_done)
{
    if (tracker->count == tracker->cap) {
        grow(tracker);
    }
    *slot_at(tracker, tracker->count) = (uint64_t)offset << 1 | (is_done ? 1 : 0);
    tracker->count++;
}

static void advance(struct tracker *tracker)
{
    while (tracker->count > 0 && (*slot_at(tracker, 0) & 1) != 0) {
        tracker->watermark = offset_of(*slot_at(tracker, 0)) + 1;
        tracker->head = (tracker->head + 1) & (tracker->cap - 1);
        tracker->count--;
    }
}

static bool was_done_before(struct tracker *tracker, int64_t offset)
{
    while (tracker->done_at < tracker->done_count &&
           tracker->done_before[tracker->done_at].to <= offset) {
        tracker->done_at++;
    }
    return tracker->done_at < tracker->done_count &&
           tracker->done_before[tracker->done_at].from <= offset;
}

enum tracker_take tracker_take(struct tracker *tracker, int64_t offset)
{
    if (offset < tracker->next) {
        return TAKE_DONE_BEFORE; /* received twice: the first one counts */
    }
    if (tracker->count >= tracker->window_max) {
        return TAKE_FULL;
    }
    tracker->next = offset + 1;
    if (was_done_before(tracker, offset)) {
        push(tracker, offset, true);
        advance(tracker);
        return TAKE_DONE_BEFORE;
    }
    push(tracker, offset, false);
    tracker->in_flight++;
    return TAKE_NEW;
}

/* Where there are no gaps the slot is where it seems to be; else it lies before that. */
static uint64_t *find(const struct tracker *tracker, int64_t offset)
{
    uint32_t low = 0;
    uint32_t high = tracker->count;
    int64_t guess;

    if (tracker->count == 0 || offset < offset_of(*slot_at(tracker, 0))) {
        return NULL;
    }
    guess = offset - offset_of(*slot_at(tracker, 0));
    if (guess < tracker->count) {
        if (offset_of(*slot_at(tracker, (uint32_t)guess)) == offset) {
            return slot_at(tracker, (uint32_t)guess);
        }
        high = (uint32_t)guess;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (offset_of(*slot_at(tracker, middle)) < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == tracker->count || offset_of(*slot_at(tracker, low)) != offset) {
        return NULL;
    }
    return slot_at(tracker, low);
}

bool tracker_settle(struct tracker *tracker, int64_t offset)
{
    uint64_t *slot = find(tracker, offset);

    if (slot == NULL || (*slot & 1) != 0) {
        return false;
    }
    *slot |= 1;
    tracker->in_flight--;
    advance(tracker);
    return true;
}

int64_t tracker_watermark(const struct tracker *tracker)
{
    return tracker->watermark;
}

uint32_t tracker_in_flight(const struct tracker *tracker)
{
    return tracker->in_flight;
}

uint32_t tracker_window(const struct tracker *tracker)
{
    return tracker->count;
}

/* The done slots as runs of neighbouring offsets. False when the text is full. */
static bool add_ring(const struct tracker *tracker, struct metadata_writer *writer)
{
    struct offset_run run = {0, 0};

    for (uint32_t i = 0; i < tracker->count; i++) {
        uint64_t slot = *slot_at(tracker, i);
        int64_t offset = offset_of(slot);

        if ((slot & 1) == 0) {
            continue;
        }
        if (run.to == offset && run.to > run.from) {
            run.to++;
            continue;
        }
        if (run.to > run.from && !metadata_add(writer, run)) {
            return false;
        }
        run = (struct offset_run){offset, offset + 1};
    }
    return run.to == run.from || metadata_add(writer, run);
}

void tracker_metadata(const struct tracker *tracker, size_t bytes_max, struct buf *out)
{
    struct metadata_writer writer;
    bool has_room;

    metadata_begin(&writer, tracker->watermark, bytes_max);
    has_room = add_ring(tracker, &writer);
    for (size_t i = tracker->done_at; has_room && i < tracker->done_count; i++) {
        struct offset_run run = tracker->done_before[i];

        run.from = MAX_OF(run.from, tracker->next);
        if (run.from < run.to) {
            has_room = metadata_add(&writer, run);
        }
    }
    metadata_end(&writer, out);
}
