#include "config/duplicates.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const struct named_entry *left = a;
    const struct named_entry *right = b;
    int order = span_cmp(left->name, right->name);

    if (order != 0) {
        return order;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

void duplicates_find(struct named_entry *names, size_t count, duplicate_fn *found, void *context)
{
    size_t first = 0;

    if (count < 2) {
        return;
    }
    qsort(names, count, sizeof(names[0]), compare);
    for (size_t i = 1; i < count; i++) {
        if (span_eq(names[i].name, names[first].name)) {
            found(context, &names[first], &names[i]);
        } else {
            first = i;
        }
    }
}
