#include "health/flow.h"

void flow_init(struct flow *flow)
{
    *flow = (struct flow){0};
    (void)pthread_mutex_init(&flow->lock, NULL);
}

void flow_fini(struct flow *flow)
{
    (void)pthread_mutex_destroy(&flow->lock);
}

static void lock(struct flow *flow)
{
    (void)pthread_mutex_lock(&flow->lock);
}

static void unlock(struct flow *flow)
{
    bool is_limited = flow_is_limited(&flow->state);

    if (atomic_load_explicit(&flow->is_limited, memory_order_relaxed) != is_limited) {
        atomic_store_explicit(&flow->is_limited, is_limited, memory_order_release);
    }
    (void)pthread_mutex_unlock(&flow->lock);
}

void flow_look(struct flow *flow, struct flow_state *out)
{
    if (!atomic_load_explicit(&flow->is_limited, memory_order_acquire)) {
        *out = (struct flow_state){.throttles = out->throttles};
        return;
    }
    lock(flow);
    *out = flow->state;
    unlock(flow);
}

static uint64_t next_throttle_wait_ms(uint64_t wait_ms)
{
    return wait_ms == 0 ? FLOW_THROTTLE_MIN_MS
                        : MIN_OF(wait_ms * 2, (uint64_t)FLOW_THROTTLE_MAX_MS);
}

enum flow_news flow_throttled(struct flow *flow, uint64_t now_ms, uint64_t wait_ms)
{
    struct flow_state *state = &flow->state;
    enum flow_news news = FLOW_SAME;

    lock(flow);
    if (state->throttled_since_ms == 0 || now_ms >= state->paused_until_ms) {
        state->throttle_wait_ms = next_throttle_wait_ms(state->throttle_wait_ms);
    } /* else it was sent before the pause */
    wait_ms = MAX_OF(wait_ms, state->throttle_wait_ms);
    if (state->throttled_since_ms == 0) {
        state->throttled_since_ms = MAX_OF(now_ms, (uint64_t)1);
        news = FLOW_NEW;
    } else if (now_ms >= state->throttled_since_ms + FLOW_LONG_MS) {
        bool was_long = state->refused_ms >= state->throttled_since_ms + FLOW_LONG_MS;

        wait_ms = MAX_OF(wait_ms, (uint64_t)FLOW_LONG_WAIT_MS);
        news = was_long ? FLOW_SAME : FLOW_LONG;
    }
    state->throttles++;
    state->refused_ms = MAX_OF(state->refused_ms, now_ms);
    state->paused_until_ms = MAX_OF(state->paused_until_ms, now_ms + wait_ms);
    unlock(flow);
    return news;
}

uint64_t flow_next_wait_ms(uint64_t wait_ms)
{
    if (wait_ms == 0) {
        return FLOW_SLIP_MS;
    }
    return wait_ms < FLOW_HOLD_FIRST_MS ? FLOW_HOLD_FIRST_MS
                                        : MIN_OF(wait_ms * 2, (uint64_t)FLOW_HOLD_MAX_MS);
}

enum flow_news flow_refused(struct flow *flow, uint64_t now_ms, uint64_t sent_ms)
{
    struct flow_state *state = &flow->state;
    enum flow_news news = FLOW_SAME;

    lock(flow);
    if (state->hold_wait_ms == 0 || sent_ms > state->refused_ms) {
        if (state->held_since_ms == 0 && state->hold_wait_ms != 0) {
            state->held_since_ms = MAX_OF(now_ms, (uint64_t)1);
            news = FLOW_NEW;
        }
        state->hold_wait_ms = flow_next_wait_ms(state->hold_wait_ms);
        state->refused_ms = MAX_OF(state->refused_ms, now_ms);
        state->paused_until_ms = MAX_OF(state->paused_until_ms, now_ms + state->hold_wait_ms);
    }
    unlock(flow);
    return news;
}

bool flow_open(struct flow *flow, uint64_t sent_ms, struct flow_state *before)
{
    bool is_over;

    if (!atomic_load_explicit(&flow->is_limited, memory_order_acquire)) {
        return false;
    }
    lock(flow);
    *before = flow->state;
    is_over = flow_is_limited(before) && sent_ms > before->refused_ms;
    if (is_over) {
        flow->state = (struct flow_state){.throttles = before->throttles};
    }
    unlock(flow);
    return is_over;
}

void flow_secret_changed(struct flow *flow, uint64_t generation)
{
    lock(flow);
    if (flow->generation != generation && flow->state.hold_wait_ms != 0) {
        flow->state.paused_until_ms = 0;
        flow->state.hold_wait_ms = FLOW_SLIP_MS; /* it is not open yet: one probe tells */
    }
    flow->generation = generation;
    unlock(flow);
}

bool flow_take_probe(struct flow *flow, unsigned worker)
{
    unsigned nobody = 0;

    return atomic_compare_exchange_strong(&flow->prober, &nobody, worker + 1) ||
           nobody == worker + 1;
}

void flow_give_probe(struct flow *flow, unsigned worker)
{
    unsigned own = worker + 1;

    (void)atomic_compare_exchange_strong(&flow->prober, &own, 0);
}
