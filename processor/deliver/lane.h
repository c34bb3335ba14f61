/**
 * lane - legs of one event type and source id, waiting in order for a place in a batch.
 *
 * Lanes are few (event types of a route, times pixels); empty ones are dropped when
 * there are more than LANES_MAX.
 */
#ifndef DELIVER_LANE_H
#define DELIVER_LANE_H

#include "deliver/event.h"

enum { LANES_MAX = 1024 };

struct lane {
    char *name;      /* our event type; owned */
    char *source_id; /* owned */
    struct leg *first, *last;
    size_t count, bytes; /* waiting */
    enum priority priority;
    /* a source id of its own that is refused while the credential is good: its lanes alone are held
     */
    uint64_t held_since_ms, held_until_ms, held_wait_ms; /* 0: not held */
    size_t in_flight;                                    /* requests */
    uint32_t faults_in_row;    /* answers that were faults, since the last that was not */
    uint32_t unknown_in_row;   /* answers nobody has a rule for, since the last good one */
    uint32_t rejects_in_row;   /* events refused, since the last good answer */
    uint32_t rejected_at_once; /* by the last answer that refused some */
    uint64_t sent_ms;          /* the last request */
    size_t batches;            /* batches of this lane, in flight or waiting */
    struct lane *next;         /* all lanes, in turn */
    uint64_t hash;
    size_t cell; /* its health */
};

struct lanes {
    struct lane *first, *last; /* first: whose turn it is */
    size_t count;
};

/** The lane for these, made when it is new. */
struct lane *lanes_get(struct lanes *lanes, struct span name, struct span source_id);
void lanes_fini(struct lanes *lanes);
/** To the end of the round. */
void lanes_rotate(struct lanes *lanes);
void lane_add(struct lane *lane, struct leg *leg);
void lane_remove(struct lane *lane, struct leg *leg);

#endif /* DELIVER_LANE_H */
