#include "app/backfill_kept.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/span.h"

#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

struct kept_event {
    struct kept_event *next;
    struct backfill_event event;
    uint64_t due_ms;
};

/* Of an event that failed. */
struct kept_failures {
    struct {
        int64_t offset;
        int32_t partition, zero;
    } place;
    unsigned count;     /* while others passed */
    uint64_t delivered; /* as of the last time */
    UT_hash_handle hh;
};

struct backfill_kept {
    void (*release)(rd_kafka_message_t *message);
    struct kept_event *first, *last; /* owned */
    size_t count;
    struct kept_failures *failures; /* owned */
};

struct backfill_kept *backfill_kept_new(void (*release)(rd_kafka_message_t *message))
{
    struct backfill_kept *kept = mem_new(struct backfill_kept);

    kept->release = release;
    return kept;
}

void backfill_kept_free(struct backfill_kept *kept)
{
    if (kept != NULL) {
        backfill_kept_drop(kept);
        free(kept);
    }
}

void backfill_kept_add(struct backfill_kept *kept, const struct backfill_event *event,
                       uint64_t due_ms)
{
    struct kept_event *entry = mem_new(struct kept_event);

    entry->event = *event;
    entry->due_ms = due_ms;
    if (kept->last == NULL) {
        kept->first = entry;
    } else {
        kept->last->next = entry;
    }
    kept->last = entry;
    kept->count++;
}

static struct backfill_event take_first(struct backfill_kept *kept)
{
    struct kept_event *entry = kept->first;
    struct backfill_event event = entry->event;

    kept->first = entry->next;
    kept->last = kept->first == NULL ? NULL : kept->last;
    kept->count--;
    free(entry);
    return event;
}

bool backfill_kept_take(struct backfill_kept *kept, uint64_t now_ms, struct backfill_event *out)
{
    while (kept->first != NULL && kept->first->due_ms <= now_ms) {
        *out = take_first(kept);
        if (out->epoch == out->partition->epoch) {
            return true;
        }
        kept->release(out->message);
    }
    return false;
}

size_t backfill_kept_count(const struct backfill_kept *kept)
{
    return kept->count;
}

static struct kept_failures *find_failures(struct backfill_kept *kept, int32_t partition,
                                           int64_t offset)
{
    struct kept_failures key = {.place = {offset, partition, 0}};
    struct kept_failures *found = NULL;

    HASH_FIND(hh, kept->failures, &key.place, sizeof(key.place), found);
    return found;
}

unsigned backfill_kept_failed(struct backfill_kept *kept, int32_t partition, int64_t offset,
                              uint64_t delivered)
{
    struct kept_failures *failures = find_failures(kept, partition, offset);

    if (failures == NULL) {
        failures = mem_new(struct kept_failures);
        failures->place.offset = offset;
        failures->place.partition = partition;
        failures->delivered = delivered;
        HASH_ADD(hh, kept->failures, place, sizeof(failures->place), failures);
    }
    if (failures->count == 0 || failures->delivered != delivered) {
        failures->count++;
    }
    failures->delivered = delivered;
    return failures->count;
}

void backfill_kept_forget(struct backfill_kept *kept, int32_t partition, int64_t offset)
{
    struct kept_failures *failures = find_failures(kept, partition, offset);

    if (failures != NULL) {
        HASH_DEL(kept->failures, failures);
        free(failures);
    }
}

void backfill_kept_drop(struct backfill_kept *kept)
{
    struct kept_failures *failures;
    struct kept_failures *next;

    while (kept->first != NULL) {
        struct backfill_event event = take_first(kept);

        kept->release(event.message);
    }
    HASH_ITER(hh, kept->failures, failures, next)
    {
        HASH_DEL(kept->failures, failures);
        free(failures);
    }
}
