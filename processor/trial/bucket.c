#include "trial/bucket.h"

#include <string.h>

void buckets_init(struct buckets *buckets, double rate)
{
    memset(buckets, 0, sizeof(*buckets));
    buckets->rate = rate;
}

static struct bucket *find(struct buckets *buckets, uint64_t token, uint64_t now_ms)
{
    struct bucket *bucket;

    for (size_t i = 0; i < buckets->count; i++) {
        if (buckets->items[i].token == token) {
            return &buckets->items[i];
        }
    }
    if (buckets->count == BUCKETS_MAX) {
        return &buckets->items[BUCKETS_MAX - 1];
    }
    bucket = &buckets->items[buckets->count++];
    *bucket = (struct bucket){token, MAX_OF(buckets->rate, 1.0), now_ms};
    return bucket;
}

bool buckets_take(struct buckets *buckets, struct span token, uint64_t now_ms)
{
    struct bucket *bucket;
    double full = MAX_OF(buckets->rate, 1.0);

    if (buckets->rate <= 0.0) {
        return true;
    }
    bucket = find(buckets, span_hash(token), now_ms);
    if (now_ms > bucket->at_ms) { /* another thread may have read the clock later */
        bucket->level += (double)(now_ms - bucket->at_ms) * buckets->rate / 1000.0;
        bucket->level = MIN_OF(bucket->level, full);
        bucket->at_ms = now_ms;
    }
    if (bucket->level < 1.0) {
        return false;
    }
    bucket->level -= 1.0;
    return true;
}
