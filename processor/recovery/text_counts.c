#include "recovery/text_counts.h"

#include <stdlib.h>

/* Texts come from outside: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#include "base/mem.h"

enum { TEXTS_MAX = 10000 };

struct text_entry {
    char *text; /* owned */
    size_t len;
    uint64_t count;
    UT_hash_handle hh;
};

void text_counts_add(struct text_counts *counts, struct span text)
{
    struct text_entry *bar = NULL;

    HASH_FIND(hh, counts->by_text, text.ptr, text.len, bar);
    if (bar == NULL && counts->texts == TEXTS_MAX) {
        counts->others++;
        return;
    }
    if (bar == NULL) {
        bar = mem_new(struct text_entry);
        bar->text = mem_text(text);
        bar->len = text.len;
        HASH_ADD_KEYPTR(hh, counts->by_text, bar->text, bar->len, bar);
        counts->texts++;
    }
    bar->count++;
}

static int compare(const void *a, const void *b)
{
    const struct text_count *one = a;
    const struct text_count *other = b;

    if (one->count != other->count) {
        return one->count > other->count ? -1 : 1;
    }
    return span_cmp(one->text, other->text);
}

struct text_count *text_counts_sorted(struct text_counts *counts, size_t *count)
{
    struct text_count *bars = mem_array(counts->texts + 1, struct text_count);
    struct text_entry *bar;
    struct text_entry *next;

    *count = 0;
    HASH_ITER(hh, counts->by_text, bar, next)
    {
        bars[(*count)++] = (struct text_count){{bar->text, bar->len}, bar->count};
    }
    qsort(bars, *count, sizeof(*bars), compare);
    return bars;
}

void text_counts_fini(struct text_counts *counts)
{
    struct text_entry *bar;
    struct text_entry *next;

    HASH_ITER(hh, counts->by_text, bar, next)
    {
        HASH_DEL(counts->by_text, bar);
        free(bar->text);
        free(bar);
    }
    *counts = (struct text_counts){0};
}
