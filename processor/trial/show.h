/**
 * show - what the sandbox lets people see: lines with a time stamp, or on a terminal a
 * block that is drawn again in place under the lines so far, with the state of the
 * destination and its cells. One thread.
 */
#ifndef TRIAL_SHOW_H
#define TRIAL_SHOW_H

#include <stdio.h>

#include "trial/watch.h"

/* What is counted; the first ones only grow. */
enum show_number {
    SHOW_PRODUCED,
    SHOW_DELIVERED,
    SHOW_DIVERTED,
    SHOW_DEAD_LETTERED,
    SHOW_DROPPED,
    SHOW_IN_FLIGHT,
    SHOW_NUMBERS,
};

/* A moment. */
struct show_now {
    const char *phase;
    uint64_t phase_elapsed_ms, phase_ms; /* phase_ms 0: open end */
    uint64_t numbers[SHOW_NUMBERS];
    const struct watch *watch;
};

struct show {
    FILE *out;
    bool is_live;   /* a terminal: the block is redrawn */
    bool is_colour; /* NO_COLOR respected */
    uint64_t began_ms;
    unsigned block_lines; /* of the block standing now */
    uint64_t drawn_ms;
    uint64_t drawn[SHOW_NUMBERS]; /* for rates */
};

void show_init(struct show *show, FILE *out);
/** A line of the scenario. */
void show_line(struct show *show, const char *format, ...) PRINTF_LIKE(2, 3);
/** Draw the block on a terminal a few times a second; elsewhere a line every five seconds. */
void show_turn(struct show *show, const struct show_now *now);
/** Take the block away, for what is printed next. */
void show_clear(struct show *show);

#endif /* TRIAL_SHOW_H */
