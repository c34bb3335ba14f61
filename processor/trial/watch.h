/**
 * watch - a destination and its cells as GET /api/v1/status tells them, and in words what
 * changed since the look before.
 *
 * Pure: text in, states and sentences out. A state that comes and goes between two looks is
 * not told; who has to know whether a cell opened at all asks while its outage lasts, which
 * is far longer than the time between two looks.
 */
#ifndef TRIAL_WATCH_H
#define TRIAL_WATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "health/destination.h"

enum { WATCH_CELLS_MAX = DESTINATION_CELLS_MAX, WATCH_NAME_BYTES = 48, WATCH_WORD_BYTES = 16 };

/* The destination itself, or one of its cells. */
struct watch_part {
    char name[WATCH_NAME_BYTES]; /* of the destination, or of the event type */
    enum breaker_state state;
    char cause[WATCH_WORD_BYTES]; /* "" while closed */
    double share;                 /* of its events that may go */
};

struct watch {
    struct watch_part self;
    char scope[WATCH_WORD_BYTES]; /* none, partial, global */
    bool is_throttled;
    bool is_held;
    struct watch_part cells[WATCH_CELLS_MAX];
    size_t cell_count;
    uint64_t consumed, diverted, dropped, in_flight, lag; /* of the whole process */
};

/** Everything closed, nothing counted: what is assumed before the first look. */
void watch_init(struct watch *watch, const char *destination);
/** Read a status document. ERR_DATA, and @watch as it was, when it is none or does not know the
 * destination. */
NODISCARD enum err_code watch_read(struct watch *watch, struct span json, struct err *err);
/** One line for each state that is another @now than @before. */
void watch_compare(const struct watch *before, const struct watch *now, struct buf *out);
/** The destination and all its cells are closed. */
bool watch_is_closed(const struct watch *watch);
/** What is not closed, in one line: "Order Completed open (burst)"; "all closed" when all is. */
void watch_summary(const struct watch *watch, struct buf *out);

#endif /* TRIAL_WATCH_H */
