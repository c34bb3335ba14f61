#include "recovery/part_sets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Headers come from outside: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"

enum { BYTES_MAX = 64 * 1024 * 1024, KEY_BYTES_MAX = 16 * 1024 };

struct part_set {
    char *key; /* owned */
    size_t bytes;
    uint32_t count, have;
    struct part_place first;
    unsigned char *seen; /* owned; a bit for each part */
    UT_hash_handle hh;
};

bool part_sets_are_one(const struct dead_letter *a, const struct dead_letter *b)
{
    return a->part_count > 0 && a->part_count == b->part_count &&
           a->source_offset == b->source_offset && a->source_partition == b->source_partition &&
           a->replays == b->replays && span_eq(a->source_topic, b->source_topic) &&
           span_eq(a->route, b->route) && span_eq(a->leg, b->leg);
}

static void write_key(const struct dead_letter *letter, struct buf *out)
{
    const struct span texts[] = {letter->source_topic, letter->route, letter->leg};

    buf_printf(out, "%" PRId32 " %" PRId64 " %" PRId64 " %" PRIu32, letter->source_partition,
               letter->source_offset, letter->replays, letter->part_count);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_printf(out, " %zu ", texts[i].len);
        buf_add_span(out, texts[i]);
    }
}

static struct part_set *find(struct part_sets *sets, const struct record *record)
{
    size_t bits = (record->letter.part_count + 7) / 8;
    struct part_set *set = NULL;
    struct buf key;

    buf_init(&key, KEY_BYTES_MAX);
    write_key(&record->letter, &key);
    HASH_FIND(hh, sets->by_key, key.ptr, key.len, set);
    if (set == NULL && sets->bytes + bits + key.len + sizeof(*set) <= BYTES_MAX) {
        set = mem_new(struct part_set);
        set->key = mem_text(buf_span(&key));
        set->bytes = bits + key.len + sizeof(*set);
        set->count = record->letter.part_count;
        set->first = (struct part_place){record->view.partition, record->view.offset};
        set->seen = mem_array(bits, unsigned char);
        HASH_ADD_KEYPTR(hh, sets->by_key, set->key, key.len, set);
        sets->bytes += set->bytes;
        sets->count++;
    }
    buf_fini(&key);
    return set;
}

static void forget(struct part_sets *sets, struct part_set *set)
{
    HASH_DEL(sets->by_key, set);
    sets->bytes -= set->bytes;
    sets->count--;
    free(set->seen);
    free(set->key);
    free(set);
}

bool part_sets_add(struct part_sets *sets, const struct record *record, struct part_place *out)
{
    uint32_t index = record->letter.part - 1;
    struct part_set *set;
    bool is_new;

    PRE(record->letter.part > 0 && record->letter.part <= record->letter.part_count);
    set = find(sets, record);
    if (set == NULL) {
        sets->forgotten++;
        return false;
    }
    if (index == 0) {
        set->first = (struct part_place){record->view.partition, record->view.offset};
    }
    is_new = (set->seen[index / 8] >> index % 8 & 1) == 0;
    set->seen[index / 8] |= (unsigned char)(1u << index % 8);
    set->have += is_new;
    if (set->have < set->count) {
        return false;
    }
    *out = set->first;
    forget(sets, set);
    return true;
}

void part_sets_fini(struct part_sets *sets)
{
    struct part_set *set;
    struct part_set *next;

    HASH_ITER(hh, sets->by_key, set, next)
    {
        forget(sets, set);
    }
}
