/**
 * sources - source ids that a destination refuses while it takes others: for people.
 *
 * Each worker holds them for itself (deliver/queue.h) and tells here; what is seen is one line a
 * source id. Bounded: those past HELD_SOURCES_MAX are in the log alone. Times are monotonic ms. No
 * lock of its own.
 */
#ifndef HEALTH_SOURCES_H
#define HEALTH_SOURCES_H

#include "base/span.h"

enum { HELD_SOURCES_MAX = 64, SOURCE_ID_BYTES = 64 };

struct held_source {
    char id[SOURCE_ID_BYTES]; /* cut */
    unsigned worker;
    uint64_t since_ms, until_ms; /* until: when it is asked again */
};

struct held_sources {
    struct held_source all[HELD_SOURCES_MAX];
    size_t count;
};

/** @worker holds @id since then; @since_ms 0: no longer. */
void held_sources_set(struct held_sources *sources, unsigned worker, struct span id,
                      uint64_t since_ms, uint64_t until_ms);
/** Each id once: held since the first worker did, asked by the first that may. How many. */
size_t held_sources_merge(const struct held_sources *sources,
                          struct held_source out[HELD_SOURCES_MAX]);

#endif /* HEALTH_SOURCES_H */
