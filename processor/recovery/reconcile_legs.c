#include "recovery/reconcile_legs.h"

#include <stdlib.h>

#include "base/mem.h"

static int by_name(const void *a, const void *b)
{
    const struct reconcile_leg *one = a;
    const struct reconcile_leg *other = b;
    int order = span_cmp(one->route, other->route);

    return order != 0 ? order : span_cmp(one->leg, other->leg);
}

static struct reconcile_leg *find(struct reconcile_leg *legs, size_t count, struct span route,
                                  struct span leg)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq(legs[i].route, route) && span_eq(legs[i].leg, leg)) {
            return &legs[i];
        }
    }
    return NULL;
}

size_t reconcile_legs(const struct books *books, const struct books_counts *sum,
                      struct reconcile_leg **out)
{
    size_t count = 0;

    *out = NULL;
    for (size_t i = 0; i < sum->count; i++) {
        const struct books_line *line = &sum->lines[i];
        const struct books_key *key = books_key_get(&books->words, line->key);
        struct span route = books_name(books, key->route);
        struct span name = books_name(books, key->leg);
        struct reconcile_leg *leg;

        if (line->currency != 0) {
            continue;
        }
        leg = find(*out, count, route, name);
        if (leg == NULL) {
            *out = mem_grow(*out, count + 1, sizeof(**out));
            leg = &(*out)[count++];
            *leg = (struct reconcile_leg){.route = route, .leg = name};
        }
        leg->counts[key->fate] += line->count;
    }
    if (count > 1) {
        qsort(*out, count, sizeof(**out), by_name);
    }
    return count;
}
