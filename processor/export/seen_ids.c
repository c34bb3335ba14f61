#include "export/seen_ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/file_hash.h"

enum { MOST = 1 << 20 };

/* The beginning of the SHA-256: as good as the id itself. All zero: an empty slot. */
struct digest {
    uint64_t words[2];
};

/* Open addressing, half full at most. */
struct half {
    struct digest *slots; /* owned; 2 * most */
    size_t count;
};

struct seen_ids {
    struct half now, before; /* when now is full it becomes before, which is forgotten */
    size_t most;
    struct file_hash *hash; /* owned */
};

struct seen_ids *seen_ids_new(size_t most)
{
    struct seen_ids *seen = mem_new(struct seen_ids);

    seen->most = most == 0 ? MOST : most;
    seen->now.slots = mem_array(2 * seen->most, struct digest);
    seen->before.slots = mem_array(2 * seen->most, struct digest);
    seen->hash = file_hash_new();
    return seen;
}

void seen_ids_free(struct seen_ids *seen)
{
    if (seen != NULL) {
        free(seen->now.slots);
        free(seen->before.slots);
        file_hash_free(seen->hash);
        free(seen);
    }
}

/* Where it is, or where it would be. */
static struct digest *find(const struct seen_ids *seen, const struct half *half,
                           const struct digest *wanted)
{
    size_t mask = 2 * seen->most - 1;
    size_t at = (size_t)wanted->words[0] & mask;

    while ((half->slots[at].words[0] | half->slots[at].words[1]) != 0 &&
           memcmp(&half->slots[at], wanted, sizeof(*wanted)) != 0) {
        at = (at + 1) & mask;
    }
    return &half->slots[at];
}

static bool has(const struct seen_ids *seen, const struct half *half, const struct digest *wanted)
{
    const struct digest *at = find(seen, half, wanted);

    return memcmp(at, wanted, sizeof(*wanted)) == 0;
}

static void begin_half(struct seen_ids *seen)
{
    struct half old = seen->before;

    memset(old.slots, 0, 2 * seen->most * sizeof(*old.slots));
    seen->before = seen->now;
    seen->now = (struct half){.slots = old.slots};
}

static struct digest digest_of(struct seen_ids *seen, struct span id)
{
    struct digest digest;

    file_hash_begin(seen->hash);
    file_hash_add(seen->hash, id);
    file_hash_end_words(seen->hash, digest.words);
    digest.words[1] |= 1; /* never an empty slot's */
    return digest;
}

bool seen_ids_add(struct seen_ids *seen, struct span id)
{
    struct digest digest = digest_of(seen, id);

    if (has(seen, &seen->now, &digest) || has(seen, &seen->before, &digest)) {
        return false;
    }
    if (seen->now.count == seen->most) {
        begin_half(seen);
    }
    *find(seen, &seen->now, &digest) = digest;
    seen->now.count++;
    return true;
}
