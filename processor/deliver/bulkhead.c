#include "deliver/bulkhead.h"

size_t bulkhead_excess(const struct bulkhead *bulkhead, size_t waiting)
{
    uint64_t share = bulkhead->events / 2;

    return waiting >= share ? waiting - share + bulkhead->events / 8 : 0;
}

bool bulkhead_is_over(struct bulkhead *bulkhead, size_t waiting, uint64_t busy, uint64_t now_ms)
{
    bool is_full = busy >= bulkhead->events / 2;

    if (!bulkhead->has_neighbours || !is_full || bulkhead_excess(bulkhead, waiting) == 0) {
        bulkhead->since_ms = 0;
        return false;
    }
    if (bulkhead->since_ms == 0) {
        bulkhead->since_ms = MAX_OF(now_ms, (uint64_t)1);
    }
    INVARIANT(bulkhead->since_ms <= now_ms);
    return now_ms - bulkhead->since_ms >= BULKHEAD_MS;
}
