/**
 * arena - bump memory that is freed all at once.
 *
 * One per worker as scratch for decoding (reset after each event). Bounded: past
 * the maximum arena_alloc() gives NULL and the caller reports ERR_LIMIT.
 *
 * One thread owns an arena.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first; /* owned; kept over a reset */
    struct arena_chunk *current;
    char *at;
    char *end;
    size_t bytes_used; /* chunks begun, for the bound */
    size_t bytes_max;
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_fini(struct arena *arena);
/** Forget everything; keep the first chunk and any of ordinary size. */
void arena_reset(struct arena *arena);
void *arena_grow(struct arena *arena, size_t bytes); /* slow path of arena_alloc */

/** @bytes aligned to 8, not zeroed, or NULL past the maximum. */
static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t rounded = (bytes + 7) & ~(size_t)7;

    if (LIKELY(rounded >= bytes && (size_t)(arena->end - arena->at) >= rounded &&
               arena->at != NULL)) {
        void *out = arena->at;

        arena->at += rounded;
        return out;
    }
    return arena_grow(arena, bytes);
}

/** A copy of @s in the arena; ptr NULL when there is no room. */
struct span arena_copy(struct arena *arena, struct span s);

#endif /* BASE_ARENA_H */
