#include "recovery/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MOST = 6000000 };

/* Open addressing; 0 is an empty slot. At most four in five slots are used. */
struct distinct {
    uint64_t *slots; /* owned */
    size_t size;     /* a power of two */
    size_t most, used;
    unsigned pass, passes;
    bool is_overflowed;
};

struct distinct *distinct_new(size_t most)
{
    struct distinct *distinct = mem_new(struct distinct);

    distinct->most = most == 0 ? MOST : most;
    distinct->size = 8;
    while (distinct->size / 4 * 3 < distinct->most) {
        distinct->size *= 2;
    }
    distinct->slots = mem_array(distinct->size, uint64_t);
    distinct->passes = 1;
    return distinct;
}

void distinct_free(struct distinct *distinct)
{
    if (distinct != NULL) {
        free(distinct->slots);
        free(distinct);
    }
}

unsigned distinct_passes(const struct distinct *distinct, uint64_t records)
{
    uint64_t passes = (records + distinct->most - 1) / distinct->most;

    return (unsigned)MIN_OF(MAX_OF(passes, (uint64_t)1), (uint64_t)UINT32_MAX);
}

void distinct_begin(struct distinct *distinct, unsigned pass, unsigned passes)
{
    PRE(pass < passes);
    memset(distinct->slots, 0, distinct->size * sizeof(*distinct->slots));
    distinct->used = 0;
    distinct->pass = pass;
    distinct->passes = passes;
}

bool distinct_add(struct distinct *distinct, uint64_t hash)
{
    size_t at = hash & (distinct->size - 1);

    hash = hash == 0 ? 1 : hash;
    if ((hash >> 32) % distinct->passes != distinct->pass) {
        return false;
    }
    while (distinct->slots[at] != 0 && distinct->slots[at] != hash) {
        at = (at + 1) & (distinct->size - 1);
    }
    if (distinct->slots[at] == hash) {
        return false;
    }
    if (distinct->used == distinct->size / 5 * 4) {
        distinct->is_overflowed = true;
        return false;
    }
    distinct->slots[at] = hash;
    distinct->used++;
    return true;
}

enum err_code distinct_end(const struct distinct *distinct, struct err *err)
{
    return distinct->is_overflowed
               ? FAIL(err, ERR_LIMIT, "more different records than there is room for in one pass")
               : ERR_OK;
}
