/**
 * series - counters by a label whose values come from outside: a bounded number of them, then
 * "other".
 *
 * A value takes a slot when it is first seen, while there are any. When all are taken, one that
 * has come SERIES_CLAIM times at one worker takes the slot of the value that came least of late,
 * unless that one came as often or is reserved: what comes once and never again cannot keep out
 * what has traffic. What was counted under the value that lost its slot goes on to "other", so that
 * sums over all values are right and no counter falls.
 *
 * Each writer's thread adds to rows of its own without a lock; the lock is for taking slots, for
 * moving a row to "other", and for looking.
 *
 * Vocabulary
 *    slot  - the place of one label value; the last is "other"
 *    row   - the numbers of one slot at one writer
 */
#ifndef OBSERVE_SERIES_H
#define OBSERVE_SERIES_H

#include <stdatomic.h>

#include "base/span.h"

enum {
    SERIES_CLAIM = 16,               /* uses that make a value worth another's slot */
    SERIES_LATE_MS = 10 * 60 * 1000, /* "of late" is this long to twice as long */
    SERIES_NAME_BYTES_MAX = 1024,    /* a longer value is "other" */
};

struct series;
struct series_writer;

/** @slots values beside "other", @width numbers each. */
struct series *series_new(size_t slots, size_t width, unsigned writers);
void series_free(struct series *series);
/** @value has a slot for good: its number, or the number of slots when none is left. Before any
 * writer begins. */
size_t series_reserve(struct series *series, struct span value);
/** Another clock than the kernel's: tests. */
void series_use_clock(struct series *series, uint64_t (*mono_ms)(void));
struct series_writer *series_writer_of(struct series *series, unsigned writer);

/** The numbers of @value at this writer, which is used for @count events. Its thread alone may call
 * this, and add to them until it calls this again. */
_Atomic uint64_t *series_row(struct series_writer *writer, struct span value, uint64_t count);

/* A consistent copy of all writers' sums. */
struct series_view {
    size_t count; /* slots with a name, in the order they were taken; then "other", last */
    size_t width;
    struct series_slot_view {
        struct span name;
        bool is_reserved;
        const uint64_t *sums; /* width of them; NULL: nothing was counted yet */
    } * slots;                /* owned, with all in it */
};

void series_look(struct series *series, struct series_view *out);
void series_view_fini(struct series_view *view);
/** The sum of number @index over all values. */
uint64_t series_total(struct series *series, size_t index);

#endif /* OBSERVE_SERIES_H */
