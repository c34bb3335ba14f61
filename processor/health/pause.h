/**
 * pause - throttling and a refused credential of one destination, shared by all workers.
 *
 * Neither is a failure, so no breaker counts it. One throttled or refused answer pauses the
 * requests of all workers; then one probe at a time, of whichever worker, finds out whether
 * the pause is over. An answer to a request that was sent before the last refusal neither ends
 * the pause nor counts as another refusal.
 *
 * Any thread. While there is no pause, reading costs one atomic load; else a lock. Times are
 * monotonic ms; 0: not now.
 */
#ifndef HEALTH_PAUSE_H
#define HEALTH_PAUSE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

enum {
    PAUSE_SLIP_MS = 1000,       /* after the first refused credential: it may be a single mistake */
    PAUSE_HOLD_FIRST_MS = 5000, /* between probes of a refused credential, doubling */
    PAUSE_HOLD_MAX_MS = 60000,
    PAUSE_THROTTLE_MIN_MS = 1000, /* a pause, whatever the answer names; doubles with each probe */
    PAUSE_THROTTLE_MAX_MS = 8000, /* that is answered so again, up to this */
    PAUSE_LONG_MS =
        10 * 60 * 1000, /* throttled for longer: a quota is used up or the app restricted, */
    PAUSE_LONG_WAIT_MS = 60000, /* so it is asked once a minute */
};

struct pause_state {
    uint64_t throttled_since_ms;
    uint64_t held_since_ms; /* from the second refusal on */
    uint64_t hold_wait_ms;  /* till the next probe; not 0 from the first refusal on */
    uint64_t paused_until_ms;
    uint64_t refused_ms;       /* the last answer that throttled or refused the credential */
    uint64_t throttle_wait_ms; /* the least pause of the present throttle; 0: there is none */
    uint32_t throttles;        /* answers that throttled, ever */
};

struct pause {
    pthread_mutex_t lock;
    _Atomic bool is_limited;
    _Atomic unsigned prober;  /* worker + 1 whose probe is under way; 0: none is */
    struct pause_state state; /* under the lock */
    uint64_t generation;      /* of the secrets last used, under the lock */
};

/* What an answer changed, for the log. */
enum pause_news { PAUSE_SAME, PAUSE_NEW, PAUSE_LONG };

void pause_init(struct pause *pause);
void pause_fini(struct pause *pause);
/** The present state. */
void pause_look(struct pause *pause, struct pause_state *out);
/** An answer throttled, with @wait_ms (Retry-After) or 0. The pause has a minimum that grows with
 * each probe: with Retry-After: 0 requests would go in a loop. NEW: the first one; LONG: throttled
 * for ten minutes now. */
enum pause_news pause_throttled(struct pause *pause, uint64_t now_ms, uint64_t wait_ms);
/** An answer refused the credential of a request sent at @sent_ms. NEW: the second one, so the
 * destination is held. */
enum pause_news pause_refused(struct pause *pause, uint64_t now_ms, uint64_t sent_ms);
/** An answer accepted rate and credential of a request sent at @sent_ms: the pause ends, unless
 * that was before the last refusal. True when there was a pause; @before: its state. */
bool pause_accepted(struct pause *pause, uint64_t sent_ms, struct pause_state *before);
/** The secrets changed to @generation: a probe may go at once. */
void pause_secret_changed(struct pause *pause, uint64_t generation);
/** While there is a pause, may @worker send a probe? True also when its probe is under way. */
bool pause_take_probe(struct pause *pause, unsigned worker);
void pause_give_probe(struct pause *pause, unsigned worker);

/** Till the next probe of a refused credential, after one of @wait_ms (0: the first). */
uint64_t pause_next_wait_ms(uint64_t wait_ms);

static inline bool pause_is_limited(const struct pause_state *state)
{
    return state->throttled_since_ms != 0 || state->hold_wait_ms != 0;
}

#endif /* HEALTH_PAUSE_H */
