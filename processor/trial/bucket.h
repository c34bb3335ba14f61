/**
 * bucket - the service's rate limit: a token bucket for each access token, holding a
 * second's worth. Tokens are known by hash alone; past BUCKETS_MAX they share the last.
 */
#ifndef TRIAL_BUCKET_H
#define TRIAL_BUCKET_H

#include "base/span.h"

enum { BUCKETS_MAX = 256 };

struct bucket {
    uint64_t token; /* hash */
    double level;
    uint64_t at_ms;
};

struct buckets {
    double rate; /* requests a second; 0: no limit */
    struct bucket items[BUCKETS_MAX];
    size_t count;
};

void buckets_init(struct buckets *buckets, double rate);
/** One request with @token; false when it is one too many. */
bool buckets_take(struct buckets *buckets, struct span token, uint64_t now_ms);

#endif /* TRIAL_BUCKET_H */
