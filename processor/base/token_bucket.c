#include "base/token_bucket.h"

#include <math.h>

void token_bucket_init(struct token_bucket *bucket, double per_second, double burst,
                       uint64_t now_ms)
{
    PRE(per_second > 0);
    *bucket = (struct token_bucket){
        .per_ms = per_second / 1000, .burst = burst < 1 ? 1 : burst, .at_ms = now_ms};
    bucket->tokens = bucket->burst;
}

static double tokens_at(const struct token_bucket *bucket, uint64_t now_ms)
{
    double tokens = bucket->tokens;

    if (now_ms > bucket->at_ms) {
        tokens += (double)(now_ms - bucket->at_ms) * bucket->per_ms;
    }
    return tokens > bucket->burst ? bucket->burst : tokens;
}

bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ms)
{
    double tokens = tokens_at(bucket, now_ms);

    if (tokens < 1) {
        return false;
    }
    bucket->tokens = tokens - 1;
    bucket->at_ms = now_ms > bucket->at_ms ? now_ms : bucket->at_ms;
    return true;
}

uint64_t token_bucket_wait_ms(const struct token_bucket *bucket, uint64_t now_ms)
{
    double missing = 1 - tokens_at(bucket, now_ms);

    return missing <= 0 ? 0 : (uint64_t)ceil(missing / bucket->per_ms);
}
