#include "base/log_limit.h"

#include <stdlib.h>

#include "base/mem.h"

/* Of the lines that are alike the last ones are remembered: SETS sets by hash, WAYS in each. */
enum { SETS = 128, WAYS = 4 };

/* A token bucket as the time at which it would be full again. */
struct bucket {
    uint64_t full_ms;
};

struct limit_slot {
    size_t event; /* only when is_used */
    uint64_t hash;
    uint64_t used_ms;
    uint64_t unsaid;
    uint64_t unsaid_since_ms;
    struct bucket bucket;
    bool is_used;
};

struct log_limit {
    struct limit_slot slots[SETS][WAYS];
    struct limit_slot events[LOG_EVENTS_MAX]; /* by row; .hash is not used */
};

struct log_limit *log_limit_new(void)
{
    return mem_new(struct log_limit);
}

void log_limit_free(struct log_limit *limit)
{
    free(limit);
}

static bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint64_t burst, uint64_t each_ms)
{
    uint64_t from_ms = MAX_OF(bucket->full_ms, now_ms);

    if (from_ms - now_ms > (burst - 1) * each_ms) {
        return false;
    }
    bucket->full_ms = from_ms + each_ms;
    return true;
}

static void leave_unsaid(struct limit_slot *slot, uint64_t now_ms)
{
    if (slot->unsaid++ == 0) {
        slot->unsaid_since_ms = now_ms;
    }
}

static uint64_t say(struct limit_slot *slot)
{
    uint64_t count = slot->unsaid;

    slot->unsaid = 0;
    return count;
}

/* Its own slot, a free one, or the one that was not used for longest. */
static struct limit_slot *find(struct log_limit *limit, size_t event, uint64_t hash,
                               struct log_unsaid *lost)
{
    struct limit_slot *set = limit->slots[(hash ^ event * 0x9e3779b97f4a7c15u) % SETS];
    struct limit_slot *oldest = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].is_used && set[i].event == event && set[i].hash == hash) {
            return &set[i];
        }
        if (!set[i].is_used || (oldest->is_used && set[i].used_ms < oldest->used_ms)) {
            oldest = &set[i];
        }
    }
    *lost = (struct log_unsaid){oldest->event, say(oldest), 0};
    *oldest = (struct limit_slot){.event = event, .hash = hash, .is_used = true};
    return oldest;
}

bool log_limit_take(struct log_limit *limit, size_t event, uint64_t hash, uint64_t now_ms,
                    struct log_unsaid *out, struct log_unsaid *lost)
{
    struct limit_slot *alike;
    struct limit_slot *whole;

    PRE(event < LOG_EVENTS_MAX);
    *out = *lost = (struct log_unsaid){.event = event};
    alike = find(limit, event, hash, lost);
    whole = &limit->events[event];
    whole->event = event;
    alike->used_ms = now_ms;
    if (!bucket_take(&alike->bucket, now_ms, LOG_ALIKE_BURST, LOG_ALIKE_EACH_MS)) {
        leave_unsaid(alike, now_ms);
        return false;
    }
    if (!bucket_take(&whole->bucket, now_ms, LOG_EVENT_BURST, LOG_EVENT_EACH_MS)) {
        leave_unsaid(whole, now_ms);
        return false;
    }
    out->alike = say(alike);
    out->other = say(whole);
    return true;
}

static bool is_due(const struct limit_slot *slot, uint64_t now_ms, bool is_end)
{
    return slot->unsaid > 0 && (is_end || now_ms - slot->unsaid_since_ms >= LOG_UNSAID_MS);
}

bool log_limit_due(struct log_limit *limit, uint64_t now_ms, bool is_end, struct log_unsaid *out)
{
    for (size_t i = 0; i < SETS * WAYS; i++) {
        struct limit_slot *slot = &limit->slots[i / WAYS][i % WAYS];

        if (is_due(slot, now_ms, is_end)) {
            *out = (struct log_unsaid){slot->event, say(slot), 0};
            return true;
        }
    }
    for (size_t i = 0; i < LOG_EVENTS_MAX; i++) {
        if (is_due(&limit->events[i], now_ms, is_end)) {
            *out = (struct log_unsaid){i, 0, say(&limit->events[i])};
            return true;
        }
    }
    return false;
}
