/**
 * progress - how far a long command is: one line on stderr that is drawn again in place.
 *
 *     replaying [############            ]  50%  12,345 of 24,690  1,202/s  10s left
 *
 * It is drawn only where stderr is a terminal, at most five times a second; elsewhere nothing is
 * written. It has no colour. Rates are those since the beginning. Whoever prints another line
 * meanwhile takes this one away first (progress_clear()).
 *
 * One thread owns it. It holds no memory: nothing is to be freed.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "base/buf.h"

enum { PROGRESS_CELLS = 24 };

enum progress_unit { PROGRESS_COUNT, PROGRESS_MS };

struct progress {
    const char *label; /* static: "replaying" */
    enum progress_unit unit;
    uint64_t total; /* what is 100 %; 0: not known, then there is no bar */
    uint64_t began_ms;
    uint64_t drawn_ms; /* 0: no line stands */
    bool is_live;
};

/** @total of @unit: records, or milliseconds, which are written as durations and without a rate. */
void progress_begin(struct progress *progress, const char *label, enum progress_unit unit,
                    uint64_t total);
/** @done of the total now; @more is added to the line, NULL: nothing. Cheap: for each turn. */
void progress_turn(struct progress *progress, uint64_t done, const char *more);
/** Take the line away. The next progress_turn() draws it again. */
void progress_clear(struct progress *progress);

/** The line, without the cursor's movements. For tests. */
void progress_line(const struct progress *progress, uint64_t done, uint64_t elapsed_ms,
                   const char *more, struct buf *out);
/** "[######      ]": @share of @cells, from 0 to 1. */
void progress_bar(double share, unsigned cells, struct buf *out);

#endif /* BASE_PROGRESS_H */
