#include "offsets/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { RING_FIRST = 64 };

/*
 * A slot is one offset received and not yet below the watermark: offset << 1 | done.
 * Offsets grow along the ring, so one is found by search. Runs settled before the
 * restart stay in `done_before` until the partition was read past them: they are
 * told again in each commit until then.
 */
struct tracker {
    uint64_t *ring;          /* owned */
    uint32_t *hashes;        /* owned; of the records in it */
    struct settled *settled; /* owned; what became of them; NULL without a tally */
    struct tally *tally;     /* owned; NULL: nobody keeps books */
    uint32_t cap;            /* a power of two, or 0 */
    uint32_t head;           /* index of the oldest */
    uint32_t count;
    uint32_t window_max;
    uint32_t in_flight;
    int64_t watermark;
    int64_t next;                   /* offsets below were received or skipped by Kafka */
    struct offset_run *done_before; /* owned */
    size_t done_count;
    size_t done_at; /* runs before this one are behind `next` */
    struct mark ahead;
    struct trail trail;
};

static void check_invariants(const struct tracker *tracker)
{
    INVARIANT(tracker->in_flight <= tracker->count);
    INVARIANT(tracker->count <= tracker->window_max);
    INVARIANT(tracker->count <= tracker->cap);
    INVARIANT(tracker->watermark <= tracker->next);
    INVARIANT(tracker->done_at <= tracker->done_count);
}

struct tracker *tracker_new(uint32_t window_max, bool has_tally)
{
    struct tracker *tracker = mem_new(struct tracker);

    PRE(window_max > 0);
    PRE(window_max <= UINT32_MAX / 4);
    tracker->window_max = window_max;
    tracker->tally = has_tally ? mem_new(struct tally) : NULL;
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    if (tracker != NULL) {
        free(tracker->ring);
        free(tracker->hashes);
        free(tracker->settled);
        free(tracker->done_before);
        if (tracker->tally != NULL) {
            tally_fini(tracker->tally);
            free(tracker->tally);
        }
        free(tracker);
    }
}

void tracker_start(struct tracker *tracker, int64_t offset)
{
    PRE(offset >= 0);

    free(tracker->done_before);
    tracker->done_before = NULL;
    tracker->done_count = 0;
    tracker->done_at = 0;
    tracker->ahead = (struct mark){0};
    tracker->head = 0;
    tracker->count = 0;
    tracker->in_flight = 0;
    tracker->watermark = offset;
    tracker->next = offset;
    tracker->trail = (struct trail){0};
    check_invariants(tracker);
}

enum metadata_sort tracker_resume(struct tracker *tracker, const struct metadata_place *place,
                                  struct span text)
{
    struct metadata known;
    enum metadata_sort sort = metadata_read(text, place, &known);

    tracker_start(tracker, place->offset);
    tracker->done_before = known.runs;
    tracker->done_count = known.run_count;
    tracker->ahead = known.ahead;
    for (size_t i = known.mark_count; i > 0; i--) {
        trail_add(&tracker->trail, known.marks[i - 1]);
    }
    return sort;
}

const struct trail *tracker_trail(const struct tracker *tracker)
{
    return &tracker->trail;
}

struct mark tracker_ahead(const struct tracker *tracker)
{
    return tracker->ahead;
}

void tracker_know(struct tracker *tracker, const struct trail *trail)
{
    tracker->trail = *trail;
}

void tracker_learn(struct tracker *tracker, struct mark record)
{
    PRE(record.offset < tracker->watermark);
    trail_add(&tracker->trail, record);
}

static uint64_t *slot_at(const struct tracker *tracker, uint32_t index)
{
    return &tracker->ring[(tracker->head + index) & (tracker->cap - 1)];
}

static uint32_t *hash_at(const struct tracker *tracker, uint32_t index)
{
    return &tracker->hashes[(tracker->head + index) & (tracker->cap - 1)];
}

static struct settled *settled_at(const struct tracker *tracker, uint32_t index)
{
    PRE(tracker->tally != NULL);
    return &tracker->settled[(tracker->head + index) & (tracker->cap - 1)];
}

static int64_t offset_of(uint64_t slot)
{
    return (int64_t)(slot >> 1);
}

static void grow(struct tracker *tracker)
{
    uint32_t cap = tracker->cap == 0 ? RING_FIRST : tracker->cap * 2;
    uint64_t *ring = mem_array(cap, uint64_t);
    uint32_t *hashes = mem_array(cap, uint32_t);
    struct settled *settled = tracker->tally == NULL ? NULL : mem_array(cap, struct settled);

    for (uint32_t i = 0; i < tracker->count; i++) {
        ring[i] = *slot_at(tracker, i);
        hashes[i] = *hash_at(tracker, i);
        if (settled != NULL) {
            settled[i] = *settled_at(tracker, i);
        }
    }
    free(tracker->ring);
    free(tracker->hashes);
    free(tracker->settled);
    tracker->ring = ring;
    tracker->hashes = hashes;
    tracker->settled = settled;
    tracker->cap = cap;
    tracker->head = 0;
}

static void push(struct tracker *tracker, struct mark record, bool is_done)
{
    if (tracker->count == tracker->cap) {
        grow(tracker);
    }
    *slot_at(tracker, tracker->count) = (uint64_t)record.offset << 1 | (is_done ? 1 : 0);
    *hash_at(tracker, tracker->count) = record.hash;
    if (tracker->tally != NULL) {
        *settled_at(tracker, tracker->count) = (struct settled){NO_FATE, 0};
    }
    tracker->count++;
}

static void advance(struct tracker *tracker)
{
    while (tracker->count > 0 && (*slot_at(tracker, 0) & 1) != 0) {
        struct mark mark = {offset_of(*slot_at(tracker, 0)), *hash_at(tracker, 0)};

        INVARIANT(mark.offset >= tracker->watermark);
        trail_add(&tracker->trail, mark);
        if (tracker->tally != NULL) {
            tally_pass(tracker->tally, mark.offset, settled_at(tracker, 0));
        }
        tracker->watermark = mark.offset + 1;
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

enum tracker_take tracker_take(struct tracker *tracker, struct mark record)
{
    if (record.offset < tracker->next) {
        return TAKE_DONE_BEFORE; /* received twice: the first one counts */
    }
    if (tracker->count >= tracker->window_max) {
        return TAKE_FULL;
    }
    INVARIANT(record.offset >= tracker->watermark);
    tracker->next = record.offset + 1;
    if (was_done_before(tracker, record.offset)) {
        push(tracker, record, true);
        advance(tracker);
        return TAKE_DONE_BEFORE;
    }
    push(tracker, record, false);
    tracker->in_flight++;
    check_invariants(tracker);
    return TAKE_NEW;
}

/* Where there are no gaps the slot is where it seems to be; else it lies before that. */
static bool find(const struct tracker *tracker, int64_t offset, uint32_t *index)
{
    uint32_t low = 0;
    uint32_t high = tracker->count;
    int64_t guess;

    if (tracker->count == 0 || offset < offset_of(*slot_at(tracker, 0))) {
        return false;
    }
    guess = offset - offset_of(*slot_at(tracker, 0));
    if (guess < tracker->count) {
        if (offset_of(*slot_at(tracker, (uint32_t)guess)) == offset) {
            *index = (uint32_t)guess;
            return true;
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
    *index = low;
    return low < tracker->count && offset_of(*slot_at(tracker, low)) == offset;
}

bool tracker_settle(struct tracker *tracker, int64_t offset, const struct settled *settled)
{
    uint32_t index;

    if (!find(tracker, offset, &index) || (*slot_at(tracker, index) & 1) != 0) {
        return false;
    }
    INVARIANT(tracker->in_flight > 0);
    *slot_at(tracker, index) |= 1;
    if (tracker->tally != NULL && settled != NULL) {
        *settled_at(tracker, index) = *settled;
    }
    tracker->in_flight--;
    advance(tracker);
    check_invariants(tracker);
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

/* A gap, named when its last offset passes the watermark. Until then a commit does not tell that it
 * is settled: whoever is next meets it again and names it to the ledger. */
static bool is_gap(const struct tracker *tracker, uint32_t index)
{
    const struct settled *settled = tracker->tally == NULL ? NULL : settled_at(tracker, index);

    return settled != NULL && settled->fate == NO_FATE && settled->micros > 0;
}

/* The done slots as runs of neighbouring offsets, and the last record of them whose run was told.
 * False when the text is full. */
static bool add_ring(const struct tracker *tracker, struct metadata_writer *writer)
{
    struct offset_run run = {0, 0};
    struct mark last = {0};

    for (uint32_t i = 0; i < tracker->count; i++) {
        uint64_t slot = *slot_at(tracker, i);
        int64_t offset = offset_of(slot);

        if ((slot & 1) == 0 || is_gap(tracker, i)) {
            continue;
        }
        if (run.to > run.from && run.to == offset) {
            run.to++;
        } else {
            if (run.to > run.from && !metadata_add(writer, run)) {
                return false;
            }
            writer->ahead = run.to > run.from ? last : writer->ahead;
            run = (struct offset_run){offset, offset + 1};
        }
        last = (struct mark){offset, *hash_at(tracker, i)};
    }
    if (run.to > run.from && !metadata_add(writer, run)) {
        return false;
    }
    writer->ahead = run.to > run.from ? last : writer->ahead;
    return true;
}

int64_t tracker_metadata(const struct tracker *tracker, struct span topic, int32_t partition,
                         size_t bytes_max, struct buf *out)
{
    struct metadata_place place = {topic, partition, tracker->watermark};
    struct metadata_writer writer;
    struct mark marks[TRAIL_MARKS_MAX];
    size_t count = trail_list(&tracker->trail, marks);
    bool has_room;

    metadata_begin(&writer, &place, marks, count, bytes_max);
    has_room = add_ring(tracker, &writer);
    for (size_t i = tracker->done_at; has_room && i < tracker->done_count; i++) {
        struct offset_run run = tracker->done_before[i];

        run.from = MAX_OF(run.from, tracker->next);
        if (run.from < run.to) {
            has_room = metadata_add(&writer, run);
        }
    }
    if (tracker->ahead.offset >= tracker->next && tracker->ahead.hash != 0) {
        writer.ahead = tracker->ahead;
    }
    metadata_end(&writer, out);
    return writer.at;
}

/* the tally */

const struct tally *tracker_tally(const struct tracker *tracker)
{
    return tracker->tally;
}

void tracker_begin_tally(struct tracker *tracker, const struct tally_start *why)
{
    struct tally_start start = *why;

    PRE(start.offset == tracker->watermark);
    if (tracker->tally == NULL) {
        return;
    }
    start.run_count = tracker->done_count;
    start.runs = mem_array(MAX_OF(start.run_count, (size_t)1), struct offset_run);
    for (size_t i = 0; i < start.run_count; i++) {
        start.runs[i] = tracker->done_before[i];
    }
    tally_begin(tracker->tally, &start);
}

void tracker_seal(struct tracker *tracker, int64_t told)
{
    if (tracker->tally == NULL) {
        return;
    }
    tally_seal(tracker->tally, tracker->watermark);
    for (uint32_t i = 0; i < tracker->count && offset_of(*slot_at(tracker, i)) < told; i++) {
        const struct settled *settled = settled_at(tracker, i);

        if ((*slot_at(tracker, i) & 1) != 0 && settled->fate != NO_FATE) {
            tally_ahead(tracker->tally, offset_of(*slot_at(tracker, i)), settled);
        }
    }
    tally_ahead_end(tracker->tally);
}

void tracker_sealed_committed(struct tracker *tracker)
{
    if (tracker->tally != NULL) {
        tally_committed(tracker->tally);
    }
}

void tracker_mark_fates(const struct tracker *tracker, bool *used, size_t count)
{
    PRE(tracker->tally != NULL);
    for (uint32_t i = 0; i < tracker->count; i++) {
        INVARIANT(settled_at(tracker, i)->fate < count);
        used[settled_at(tracker, i)->fate] = true;
    }
    tally_mark(tracker->tally, used, count);
}
