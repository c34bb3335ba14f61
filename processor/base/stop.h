/**
 * stop - what a signal that asks the process to stop means.
 *
 * A sender that signals a process group, or passes a signal on, sends it twice within milliseconds
 * (timeout, a shell, a supervisor): these count as one. A signal a second later means: end at once.
 *
 * No clock, no allocation, nothing fails. One owner; safe in a signal handler when nobody else uses
 * the object.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include "base/base.h"

enum { STOP_AGAIN_MS = 1000 };

enum stop_request {
    STOP_BEGIN, /* the first one: finish and end */
    STOP_SAME,  /* belongs to the first one */
    STOP_AT_ONCE,
};

struct stop {
    uint64_t first_ms;
    bool is_asked;
};

/** A signal came at @now_ms (monotonic). */
enum stop_request stop_asked(struct stop *stop, uint64_t now_ms);

#endif /* BASE_STOP_H */
