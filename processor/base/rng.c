#include "base/rng.h"

#include <sys/random.h>

#include "base/clock.h"

uint64_t rng_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed = clock_mono_us();
    }
    return seed;
}
