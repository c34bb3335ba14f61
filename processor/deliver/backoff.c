#include "deliver/backoff.h"

uint64_t backoff_ms(uint64_t min_ms, uint64_t max_ms, uint32_t attempt, struct rng *rng)
{
    uint64_t bound = min_ms;

    for (uint32_t i = 1; i < attempt && bound < max_ms; i++) {
        bound = bound > max_ms / 2 ? max_ms : bound * 2;
    }
    bound = MIN_OF(bound, max_ms);
    return rng_below(rng, bound + 1);
}
