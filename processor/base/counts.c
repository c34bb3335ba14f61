#include "base/counts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void counts_init(struct counts *counts, size_t max)
{
    PRE(max > 0);
    *counts = (struct counts){.max = max};
}

void counts_fini(struct counts *counts)
{
    free(counts->items);
    *counts = (struct counts){0};
}

static struct count *find(struct counts *counts, struct span name)
{
    for (size_t i = 0; i < counts->count; i++) {
        if (span_is(name, counts->items[i].name)) {
            return &counts->items[i];
        }
    }
    if (counts->count == counts->max) {
        return &counts->items[counts->max - 1];
    }
    if ((counts->count & (counts->count - 1)) == 0) { /* a power of two: full */
        counts->items = mem_grow(counts->items, counts->count == 0 ? 1 : 2 * counts->count,
                                 sizeof(counts->items[0]));
    }
    counts->items[counts->count] = (struct count){0};
    (void)snprintf(counts->items[counts->count].name, COUNTS_NAME_BYTES, SPAN_FMT,
                   SPAN_ARG(counts->count + 1 == counts->max ? SPAN("other") : name));
    return &counts->items[counts->count++];
}

void counts_add(struct counts *counts, struct span name)
{
    find(counts, span_sub(name, 0, MIN_OF(name.len, (size_t)COUNTS_NAME_BYTES - 1)))->count++;
}
