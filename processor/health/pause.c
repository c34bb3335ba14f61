#include "health/pause.h"

void pause_init(struct pause *pause)
{
    *pause = (struct pause){0};
    (void)pthread_mutex_init(&pause->lock, NULL);
}

void pause_fini(struct pause *pause)
{
    (void)pthread_mutex_destroy(&pause->lock);
}

static void lock(struct pause *pause)
{
    (void)pthread_mutex_lock(&pause->lock);
}

static void unlock(struct pause *pause)
{
    const struct pause_state *state = &pause->state;
    bool is_limited = pause_is_limited(state);

    INVARIANT((state->throttled_since_ms == 0) == (state->throttle_wait_ms == 0));
    INVARIANT(state->throttle_wait_ms <= PAUSE_THROTTLE_MAX_MS);
    INVARIANT(state->hold_wait_ms <= PAUSE_HOLD_MAX_MS);
    INVARIANT(state->held_since_ms == 0 || state->hold_wait_ms != 0);
    if (atomic_load_explicit(&pause->is_limited, memory_order_relaxed) != is_limited) {
        atomic_store_explicit(&pause->is_limited, is_limited, memory_order_release);
    }
    (void)pthread_mutex_unlock(&pause->lock);
}

void pause_look(struct pause *pause, struct pause_state *out)
{
    if (!atomic_load_explicit(&pause->is_limited, memory_order_acquire)) {
        *out = (struct pause_state){.throttles = out->throttles};
        return;
    }
    lock(pause);
    *out = pause->state;
    unlock(pause);
}

static uint64_t next_throttle_wait_ms(uint64_t wait_ms)
{
    return wait_ms == 0 ? PAUSE_THROTTLE_MIN_MS
                        : MIN_OF(wait_ms * 2, (uint64_t)PAUSE_THROTTLE_MAX_MS);
}

enum pause_news pause_throttled(struct pause *pause, uint64_t now_ms, uint64_t wait_ms)
{
    struct pause_state *state = &pause->state;
    enum pause_news news = PAUSE_SAME;

    lock(pause);
    if (state->throttled_since_ms == 0 || now_ms >= state->paused_until_ms) {
        state->throttle_wait_ms = next_throttle_wait_ms(state->throttle_wait_ms);
    } /* else it was sent before the pause */
    wait_ms = MAX_OF(wait_ms, state->throttle_wait_ms);
    if (state->throttled_since_ms == 0) {
        state->throttled_since_ms = MAX_OF(now_ms, (uint64_t)1);
        news = PAUSE_NEW;
    } else if (now_ms >= state->throttled_since_ms + PAUSE_LONG_MS) {
        bool was_long = state->refused_ms >= state->throttled_since_ms + PAUSE_LONG_MS;

        wait_ms = MAX_OF(wait_ms, (uint64_t)PAUSE_LONG_WAIT_MS);
        news = was_long ? PAUSE_SAME : PAUSE_LONG;
    }
    state->throttles++;
    state->refused_ms = MAX_OF(state->refused_ms, now_ms);
    state->paused_until_ms = MAX_OF(state->paused_until_ms, now_ms + wait_ms);
    unlock(pause);
    return news;
}

uint64_t pause_next_wait_ms(uint64_t wait_ms)
{
    if (wait_ms == 0) {
        return PAUSE_SLIP_MS;
    }
    return wait_ms < PAUSE_HOLD_FIRST_MS ? PAUSE_HOLD_FIRST_MS
                                         : MIN_OF(wait_ms * 2, (uint64_t)PAUSE_HOLD_MAX_MS);
}

enum pause_news pause_refused(struct pause *pause, uint64_t now_ms, uint64_t sent_ms)
{
    struct pause_state *state = &pause->state;
    enum pause_news news = PAUSE_SAME;

    lock(pause);
    if (state->hold_wait_ms == 0 || sent_ms > state->refused_ms) {
        if (state->held_since_ms == 0 && state->hold_wait_ms != 0) {
            state->held_since_ms = MAX_OF(now_ms, (uint64_t)1);
            news = PAUSE_NEW;
        }
        state->hold_wait_ms = pause_next_wait_ms(state->hold_wait_ms);
        state->refused_ms = MAX_OF(state->refused_ms, now_ms);
        state->paused_until_ms = MAX_OF(state->paused_until_ms, now_ms + state->hold_wait_ms);
    }
    unlock(pause);
    return news;
}

bool pause_accepted(struct pause *pause, uint64_t sent_ms, struct pause_state *before)
{
    bool is_over;

    if (!atomic_load_explicit(&pause->is_limited, memory_order_acquire)) {
        return false;
    }
    lock(pause);
    *before = pause->state;
    is_over = pause_is_limited(before) && sent_ms > before->refused_ms;
    if (is_over) {
        pause->state = (struct pause_state){.throttles = before->throttles};
    }
    unlock(pause);
    return is_over;
}

void pause_secret_changed(struct pause *pause, uint64_t generation)
{
    lock(pause);
    if (pause->generation != generation && pause->state.hold_wait_ms != 0) {
        pause->state.paused_until_ms = 0;
        pause->state.hold_wait_ms = PAUSE_SLIP_MS; /* it is not open yet: one probe tells */
    }
    pause->generation = generation;
    unlock(pause);
}

bool pause_take_probe(struct pause *pause, unsigned worker)
{
    unsigned nobody = 0;

    return atomic_compare_exchange_strong(&pause->prober, &nobody, worker + 1) ||
           nobody == worker + 1;
}

void pause_give_probe(struct pause *pause, unsigned worker)
{
    unsigned own = worker + 1;

    (void)atomic_compare_exchange_strong(&pause->prober, &own, 0);
}
