/**
 * flow - what a destination asked of all who send to it: less, or another credential.
 *
 * Neither is failure, so no breaker knows of it. The workers of a process share it: one
 * refusal stops them all, and then one request at a time, whosever it is, asks whether the
 * way is open again. Two numbers tell old news: an answer to what was sent before the last
 * refusal neither opens the way nor counts as another refusal.
 *
 * While nothing is asked a look costs one atomic load; the lock is for the rest. Times are
 * monotonic ms; 0: not now.
 */
#ifndef HEALTH_FLOW_H
#define HEALTH_FLOW_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

enum {
    FLOW_SLIP_MS = 1000,       /* after the first refused credential: it may be a slip */
    FLOW_HOLD_FIRST_MS = 5000, /* between probes of a refused credential, doubling */
    FLOW_HOLD_MAX_MS = 60000,
    FLOW_THROTTLE_MIN_MS = 1000, /* a pause, whatever the answer names; doubles with each probe */
    FLOW_THROTTLE_MAX_MS = 8000, /* that is answered so again, up to this */
    FLOW_LONG_MS =
        10 * 60 * 1000,        /* throttled for longer: a quota is used up or the app restricted, */
    FLOW_LONG_WAIT_MS = 60000, /* so it is asked once a minute */
};

struct flow_state {
    uint64_t throttled_since_ms;
    uint64_t held_since_ms; /* from the second refusal on */
    uint64_t hold_wait_ms;  /* till the next probe; not 0 from the first refusal on */
    uint64_t paused_until_ms;
    uint64_t refused_ms;       /* the last answer that asked for less or refused the credential */
    uint64_t throttle_wait_ms; /* the least pause of the present throttle; 0: there is none */
    uint32_t throttles;        /* answers that asked for less, ever */
};

struct flow {
    pthread_mutex_t lock;
    _Atomic bool is_limited;
    _Atomic unsigned prober; /* worker + 1 whose probe is under way; 0: none is */
    struct flow_state state; /* under the lock */
    uint64_t generation;     /* of the secrets that were last taken up, under the lock */
};

/* What an answer made of it, for the log. */
enum flow_news { FLOW_SAME, FLOW_NEW, FLOW_LONG };

void flow_init(struct flow *flow);
void flow_fini(struct flow *flow);
/** As it is now. */
void flow_look(struct flow *flow, struct flow_state *out);
/** It asked for less and to wait for @wait_ms, which may be nothing: the pause has a floor that
 * grows, or a Retry-After of 0 would be a loop. NEW: for the first time; LONG: for ten minutes now.
 */
enum flow_news flow_throttled(struct flow *flow, uint64_t now_ms, uint64_t wait_ms);
/** It refused the credential of a request sent at @sent_ms. NEW: for the second time, so it is
 * held. */
enum flow_news flow_refused(struct flow *flow, uint64_t now_ms, uint64_t sent_ms);
/** It took a request sent at @sent_ms for what it is: all is over, unless that was before the last
 * refusal. True when anything was asked until now; @before: what. */
bool flow_open(struct flow *flow, uint64_t sent_ms, struct flow_state *before);
/** The secrets are of another @generation: to be tried at once. */
void flow_secret_changed(struct flow *flow, uint64_t generation);
/** While limited, may @worker send a request? True also when its probe is under way. */
bool flow_take_probe(struct flow *flow, unsigned worker);
void flow_give_probe(struct flow *flow, unsigned worker);

/** Till the next probe of a refused credential, after one of @wait_ms (0: the first). */
uint64_t flow_next_wait_ms(uint64_t wait_ms);

static inline bool flow_is_limited(const struct flow_state *state)
{
    return state->throttled_since_ms != 0 || state->hold_wait_ms != 0;
}

#endif /* HEALTH_FLOW_H */
