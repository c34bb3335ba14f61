#include "deliver/limiter.h"

#include <math.h>

void limiter_init(struct limiter *limiter, double per_second, double burst, uint64_t now_ms)
{
    PRE(per_second > 0);
    *limiter = (struct limiter){
        .per_ms = per_second / 1000, .burst = burst < 1 ? 1 : burst, .at_ms = now_ms};
    limiter->tokens = limiter->burst;
}

static double tokens_at(const struct limiter *limiter, uint64_t now_ms)
{
    double tokens = limiter->tokens;

    if (now_ms > limiter->at_ms) {
        tokens += (double)(now_ms - limiter->at_ms) * limiter->per_ms;
    }
    return tokens > limiter->burst ? limiter->burst : tokens;
}

bool limiter_take(struct limiter *limiter, uint64_t now_ms)
{
    double tokens = tokens_at(limiter, now_ms);

    if (tokens < 1) {
        return false;
    }
    limiter->tokens = tokens - 1;
    limiter->at_ms = now_ms > limiter->at_ms ? now_ms : limiter->at_ms;
    return true;
}

uint64_t limiter_wait_ms(const struct limiter *limiter, uint64_t now_ms)
{
    double missing = 1 - tokens_at(limiter, now_ms);

    return missing <= 0 ? 0 : (uint64_t)ceil(missing / limiter->per_ms);
}
