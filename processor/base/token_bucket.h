/**
 * token_bucket - a rate limit: so many tokens a second, and a burst of so many at once.
 *
 * Pure: the caller brings the time, which may stand still or step back. No thread of its own and
 * no lock; the owner is whoever holds the struct.
 */
#ifndef BASE_TOKEN_BUCKET_H
#define BASE_TOKEN_BUCKET_H

#include "base/base.h"

struct token_bucket {
    double per_ms;
    double burst;
    double tokens;
    uint64_t at_ms; /* when tokens was right */
};

/** Full. @burst: at least one. */
void token_bucket_init(struct token_bucket *bucket, double per_second, double burst,
                       uint64_t now_ms);
/** Take one token; false when there is none. */
bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ms);
/** How long until a token is there; 0: now. */
uint64_t token_bucket_wait_ms(const struct token_bucket *bucket, uint64_t now_ms);

#endif /* BASE_TOKEN_BUCKET_H */
