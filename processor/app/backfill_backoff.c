#include "app/backfill_backoff.h"

enum {
    FAILED_FIRST_MS = 1000,
    FAILED_MAX_MS = 60 * 1000,
    REFUSED_FIRST_MS = 60 * 1000,
    REFUSED_MAX_MS = 10 * 60 * 1000,
    OUTCOMES = 64,
    OUTCOMES_REFUSED = 58, /* nine in ten */
};

static uint64_t next_wait_ms(uint64_t wait_ms, uint64_t first_ms, uint64_t max_ms)
{
    return wait_ms == 0 ? first_ms : MIN_OF(wait_ms * 2, max_ms);
}

void backfill_backoff_failed(struct backfill_backoff *backoff, uint64_t now_ms)
{
    if (now_ms < backoff->until_ms) {
        return; /* of the same round */
    }
    backoff->wait_ms = next_wait_ms(backoff->wait_ms, FAILED_FIRST_MS, FAILED_MAX_MS);
    backoff->until_ms = now_ms + backoff->wait_ms;
}

static bool is_refusing(const struct backfill_backoff *backoff)
{
    return backoff->count == OUTCOMES &&
           __builtin_popcountll(backoff->outcomes) >= OUTCOMES_REFUSED;
}

void backfill_backoff_ended(struct backfill_backoff *backoff, bool is_rejected, uint64_t now_ms)
{
    backoff->outcomes = backoff->outcomes << 1 | (is_rejected ? 1 : 0);
    backoff->count = MIN_OF(backoff->count + 1, (unsigned)OUTCOMES);
    if (!is_rejected) {
        backoff->wait_ms = 0;
        backoff->count =
            backoff->refused_wait_ms != 0 ? 0 : backoff->count; /* they are taken again */
        backoff->refused_wait_ms = 0;
        return;
    }
    if (is_refusing(backoff) && now_ms >= backoff->until_ms) {
        backoff->refused_wait_ms =
            next_wait_ms(backoff->refused_wait_ms, REFUSED_FIRST_MS, REFUSED_MAX_MS);
        backoff->until_ms = now_ms + backoff->refused_wait_ms;
    }
}

bool backfill_backoff_allows(const struct backfill_backoff *backoff, uint64_t in_flight,
                             uint64_t now_ms)
{
    return now_ms >= backoff->until_ms && (backoff->refused_wait_ms == 0 || in_flight == 0);
}
