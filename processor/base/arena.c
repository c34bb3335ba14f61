#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_BYTES = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes;
    _Alignas(16) char data[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_fini(struct arena *arena)
{
    struct arena_chunk *chunk = arena->first;

    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    *arena = (struct arena){.bytes_max = arena->bytes_max};
}

static void begin(struct arena *arena, struct arena_chunk *chunk)
{
    arena->current = chunk;
    arena->at = chunk->data;
    arena->end = chunk->data + chunk->bytes;
    arena->bytes_used += chunk->bytes;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk **link = &arena->first;

    while (*link != NULL) { /* a giant event must not leave its memory behind for ever */
        struct arena_chunk *chunk = *link;

        if (chunk->bytes > CHUNK_BYTES) {
            *link = chunk->next;
            free(chunk);
        } else {
            link = &chunk->next;
        }
    }
    arena->bytes_used = 0;
    arena->current = NULL;
    arena->at = NULL;
    arena->end = NULL;
    if (arena->first != NULL) {
        begin(arena, arena->first);
    }
}

void *arena_grow(struct arena *arena, size_t bytes)
{
    size_t rounded = (bytes + 7) & ~(size_t)7;
    struct arena_chunk *chunk;
    size_t want;
    void *out;

    if (rounded < bytes) {
        return NULL;
    }
    want = MAX_OF(rounded, (size_t)CHUNK_BYTES);
    if (want > arena->bytes_max || arena->bytes_used > arena->bytes_max - want) {
        return NULL;
    }
    chunk = arena->current == NULL ? arena->first : arena->current->next;
    if (chunk == NULL || chunk->bytes < rounded) {
        struct arena_chunk *fresh = malloc(sizeof(*fresh) + want);

        if (fresh == NULL) {
            return NULL;
        }
        fresh->bytes = want;
        fresh->next = chunk;
        if (arena->current == NULL) {
            arena->first = fresh;
        } else {
            arena->current->next = fresh;
        }
        chunk = fresh;
    }
    begin(arena, chunk);
    out = arena->at;
    arena->at += rounded;
    return out;
}

struct span arena_copy(struct arena *arena, struct span s)
{
    char *to = arena_alloc(arena, s.len == 0 ? 1 : s.len);

    if (to == NULL) {
        return SPAN_NONE;
    }
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return (struct span){to, s.len};
}
