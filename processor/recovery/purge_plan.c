#include "recovery/purge_plan.h"

#include <stdlib.h>

/* Keys come from outside: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#include "base/mem.h"

/* A key of a record of the event. Keys of two partitions are two: each has a log of its own. */
struct purge_key {
    char *text; /* owned; the partition, then the key */
    size_t len;
    bool is_superseded; /* its last record is another one's */
    int32_t first_partition;
    int64_t first_offset; /* of the event's records */
    UT_hash_handle hh;
};

enum { PARTITION_BYTES = sizeof(int32_t) };

static struct purge_key *find(const struct purge_plan *plan, int32_t partition, struct span key,
                              char **text)
{
    struct purge_key *found = NULL;

    *text = mem_array(PARTITION_BYTES + key.len + 1, char);
    memcpy(*text, &partition, PARTITION_BYTES);
    memcpy(*text + PARTITION_BYTES, key.ptr, key.len);
    HASH_FIND(hh, plan->keys, *text, PARTITION_BYTES + key.len, found);
    return found;
}

/* The key's entry, which only a match makes; NULL: it has none. */
static struct purge_key *see_key(struct purge_plan *plan, const struct purge_record *record)
{
    struct purge_key *key;
    char *text = NULL;

    if (record->key.ptr == NULL || (plan->keys == NULL && !record->is_match)) {
        return NULL;
    }
    key = find(plan, record->partition, record->key, &text);
    if (key == NULL && record->is_match) {
        key = mem_new(struct purge_key);
        key->text = text;
        key->len = PARTITION_BYTES + record->key.len;
        key->first_partition = record->partition;
        key->first_offset = record->offset;
        HASH_ADD_KEYPTR(hh, plan->keys, key->text, key->len, key);
        text = NULL;
    }
    free(text);
    if (key != NULL) {
        key->is_superseded = !record->is_match;
    }
    return key;
}

static void see_other(struct purge_plan *plan, const struct purge_record *record)
{
    if (plan->first_other[record->partition] == INT64_MAX) {
        plan->first_other[record->partition] = record->offset;
    }
}

void purge_plan_see(struct purge_plan *plan, const struct purge_record *record)
{
    const struct purge_key *key;

    PRE(record->partition >= 0);
    while (plan->partitions <= record->partition) {
        plan->first_other =
            mem_grow(plan->first_other, (size_t)plan->partitions + 1, sizeof(*plan->first_other));
        plan->first_other[plan->partitions++] = INT64_MAX;
    }
    if (record->is_match && plan->count == PURGE_MATCHES_MAX) {
        plan->forgotten++;
        see_other(plan, record); /* it is not in the plan, so nothing behind it is deleted */
        return;
    }
    key = see_key(plan, record);
    if (!record->is_match) {
        see_other(plan, record);
        return;
    }
    if ((plan->count & (plan->count - 1)) == 0) { /* it doubles */
        plan->matches =
            mem_grow(plan->matches, MAX_OF(2 * plan->count, (size_t)1), sizeof(*plan->matches));
    }
    plan->matches[plan->count++] = (struct purge_match){.partition = record->partition,
                                                        .offset = record->offset,
                                                        .timestamp_ms = record->timestamp_ms,
                                                        .key = key};
}

static enum purge_way way_of(const struct purge_plan *plan, const struct purge_match *match,
                             const struct purge_topic *topic)
{
    if (topic->is_compacted && match->key != NULL) {
        return match->key->is_superseded ? PURGE_SUPERSEDED : PURGE_TOMBSTONE;
    }
    if (!topic->is_compacted && match->offset < plan->first_other[match->partition]) {
        return PURGE_DELETE;
    }
    return topic->retention_ms >= 0 && match->timestamp_ms >= 0 ? PURGE_RETENTION : PURGE_NEVER;
}

void purge_plan_decide(struct purge_plan *plan, const struct purge_topic *topic)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct purge_match *match = &plan->matches[i];

        match->way = way_of(plan, match, topic);
        match->removed_ms =
            match->way == PURGE_RETENTION ? match->timestamp_ms + topic->retention_ms : -1;
    }
}

struct span purge_match_key(const struct purge_match *match)
{
    return match->key == NULL ? SPAN_NONE
                              : (struct span){match->key->text + PARTITION_BYTES,
                                              match->key->len - PARTITION_BYTES};
}

bool purge_match_is_first_of_key(const struct purge_match *match)
{

    return match->key != NULL && match->key->first_partition == match->partition &&
           match->key->first_offset == match->offset;
}

int64_t purge_plan_delete_before(const struct purge_plan *plan, int32_t partition)
{
    int64_t before = -1;

    for (size_t i = 0; i < plan->count; i++) {
        const struct purge_match *match = &plan->matches[i];

        if (match->way == PURGE_DELETE && match->partition == partition) {
            before = MAX_OF(before, match->offset + 1);
        }
    }
    return before;
}

void purge_plan_fini(struct purge_plan *plan)
{
    struct purge_key *key;
    struct purge_key *next;

    HASH_ITER(hh, plan->keys, key, next)
    {
        HASH_DEL(plan->keys, key);
        free(key->text);
        free(key);
    }
    free(plan->matches);
    free(plan->first_other);
    *plan = (struct purge_plan){0};
}
