/**
 * timeline - what happened when: rules of the trace, transitions of health, throttling,
 * refused credentials, and from when to when events of a type went another way.
 */
#ifndef REHEARSE_TIMELINE_H
#define REHEARSE_TIMELINE_H

#include "deliver/deliverer.h"
#include "rehearse/trace.h"
#include "rehearse/world.h"

enum timeline_what {
    TIMELINE_FAULT,    /* a rule begins or ends */
    TIMELINE_HEALTH,   /* a breaker moved */
    TIMELINE_FLOW,     /* throttled, held, and open again */
    TIMELINE_DIVERTED, /* the first event that goes another way */
    TIMELINE_RETURNED, /* the last that did, and how many there were */
    TIMELINE_DEAD,     /* the first that becomes a dead letter; and the last, with their number */
};

struct timeline_row {
    uint64_t at_ms;
    enum timeline_what what;
    size_t destination;
    struct span event; /* absent: the whole destination */
    char state[24];    /* begins, ends, open, half_open, ramp, closed, throttled, held ... */
    char cause[40];
    enum scope scope; /* of health rows; NONE otherwise */
    size_t alternate; /* DIVERTED, RETURNED, DEAD: where they are */
    uint64_t events;  /* at the end of a stretch; 0 at its start */
};

struct timeline;

/** Keeps @trace and @config. Rules of the trace stand in it from the start. */
struct timeline *timeline_new(const struct config *config, const struct trace *trace);
void timeline_free(struct timeline *timeline);
/** Look at the health that @d sees. */
void timeline_look(struct timeline *timeline, const struct deliverer *d, uint64_t at_ms);
/** A leg went elsewhere than it first meant to. */
void timeline_diverted(struct timeline *timeline, const struct world_leg *leg, struct span event,
                       uint64_t at_ms);
/** All of it, by time; valid until the timeline is freed. */
const struct timeline_row *timeline_rows(struct timeline *timeline, size_t *count);
const char *timeline_word(enum timeline_what what);

#endif /* REHEARSE_TIMELINE_H */
