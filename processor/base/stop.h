/**
 * stop - what a signal that asks for the end means.
 *
 * Whoever signals a group of processes, or passes a signal on, sends it twice within milliseconds
 * (timeout, a shell, a supervisor): that is one wish. Only who asks again a second later does not
 * want to wait. No clock; safe in a signal handler when nobody else uses the object.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include "base/base.h"

enum { STOP_AGAIN_MS = 1000 };

enum stop_wish {
    STOP_BEGIN, /* the first one: finish and end */
    STOP_SAME,  /* belongs to the first one */
    STOP_AT_ONCE,
};

struct stop {
    uint64_t first_ms;
    bool is_asked;
};

/** A signal came at @now_ms (monotonic). */
enum stop_wish stop_asked(struct stop *stop, uint64_t now_ms);

#endif /* BASE_STOP_H */
