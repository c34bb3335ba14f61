#include "deliver/local_error.h"

enum { WAIT_MS = 1000, LOG_MS = 10000 };

uint64_t local_error_count(struct local_error *error, uint64_t now_ms)
{
    uint64_t count = error->unlogged + 1;

    error->until_ms = now_ms + WAIT_MS;
    if (error->logged_ms != 0 && now_ms - error->logged_ms < LOG_MS) {
        error->unlogged = count;
        return 0;
    }
    error->logged_ms = MAX_OF(now_ms, (uint64_t)1);
    error->unlogged = 0;
    return count;
}
