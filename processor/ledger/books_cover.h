/**
 * books_cover - which offsets of one partition the books have, with the counts of each stretch (the
 * books alone).
 *
 * Stretches in order, none over another. A new one takes the place of what it overlaps. Past the
 * maximum two neighbours become one, the smallest first and the newest last, so that memory is
 * bounded. A stretch of which only a part is replaced cannot say what became of the other part:
 * its events are `untold` from then on.
 */
#ifndef LEDGER_BOOKS_COVER_H
#define LEDGER_BOOKS_COVER_H

#include "ledger/books_counts.h"

struct books_stretch {
    struct record_run run;
    uint64_t untold; /* events of which only the number is known, at most */
    struct books_counts counts;
};

struct books_cover {
    struct books_stretch *items; /* owned */
    size_t count;
    size_t cap;
    uint64_t unplaced; /* offsets between stretches that had to be joined: a hole without a place */
};

/* Runs in order; grows. */
struct books_runs {
    struct record_run *items; /* owned */
    size_t count;
};

void books_cover_fini(struct books_cover *cover);
/** Takes the counts of @stretch. What lies within @exempt was settled before and is kept: its
 * counts are added to those of a stretch around it. */
void books_cover_put(struct books_cover *cover, struct books_stretch *stretch,
                     const struct books_runs *exempt);
/** No more than @count_max stretches. */
void books_cover_shrink(struct books_cover *cover, size_t count_max);
/** The offsets of @within that no stretch has, behind what is in @out. */
void books_cover_holes(const struct books_cover *cover, struct record_run within,
                       struct books_runs *out);
/** The stretch that has @offset; an empty run: none. */
struct record_run books_cover_around(const struct books_cover *cover, int64_t offset);
bool books_cover_has(const struct books_cover *cover, struct record_run run);

void books_runs_fini(struct books_runs *runs);
void books_runs_add(struct books_runs *runs, struct record_run run);
/** Take @run out of them. */
void books_runs_cut(struct books_runs *runs, struct record_run run);
void books_runs_copy(struct books_runs *out, const struct record_run *items, size_t count);

#endif /* LEDGER_BOOKS_COVER_H */
