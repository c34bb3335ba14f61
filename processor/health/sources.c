#include "health/sources.h"

#include <string.h>

#include "base/utf8.h"

/* Ids come from events: cut, and what is no text has no name. */
static void name_source(struct span id, char out[SOURCE_ID_BYTES])
{
    size_t len = MIN_OF(id.len, (size_t)SOURCE_ID_BYTES - 1);

    while (len < id.len && len > 0 && ((unsigned char)id.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    if (!utf8_is_valid(id.ptr, len)) {
        id = SPAN("unprintable");
        len = id.len;
    }
    memcpy(out, id.ptr, len);
    out[len] = '\0';
}

static size_t find(const struct held_sources *sources, unsigned worker, const char *id)
{
    size_t i = 0;

    while (i < sources->count &&
           (sources->all[i].worker != worker || strcmp(sources->all[i].id, id) != 0)) {
        i++;
    }
    return i;
}

void held_sources_set(struct held_sources *sources, unsigned worker, struct span id,
                      uint64_t since_ms, uint64_t until_ms)
{
    struct held_source held = {.worker = worker, .since_ms = since_ms, .until_ms = until_ms};
    size_t at;

    name_source(id, held.id);
    at = find(sources, worker, held.id);
    if (since_ms == 0) {
        if (at < sources->count) {
            sources->all[at] = sources->all[--sources->count];
        }
        return;
    }
    if (at == sources->count && sources->count == HELD_SOURCES_MAX) {
        return;
    }
    INVARIANT(at < HELD_SOURCES_MAX);
    sources->count += at == sources->count;
    sources->all[at] = held;
}

size_t held_sources_merge(const struct held_sources *sources,
                          struct held_source out[HELD_SOURCES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < sources->count; i++) {
        const struct held_source *held = &sources->all[i];
        size_t k = 0;

        while (k < count && strcmp(out[k].id, held->id) != 0) {
            k++;
        }
        if (k == count) {
            out[count++] = *held;
        } else {
            out[k].since_ms = MIN_OF(out[k].since_ms, held->since_ms);
            out[k].until_ms = MIN_OF(out[k].until_ms, held->until_ms);
        }
    }
    return count;
}
