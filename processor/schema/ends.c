#include "schema/ends.h"

#include <stdlib.h>

#include "base/mem.h"

static struct named_type *holder_of(struct named_type *names, const struct type *type)
{
    struct named_type *named = NULL;

    if (type->kind == TYPE_RECORD) {
        HASH_FIND(hh, names, type->name.ptr, type->name.len, named);
    }
    return named;
}

const struct type *find_endless(struct named_type *names)
{
    size_t count = HASH_COUNT(names);
    struct named_type **free_ones = mem_array(count + 1, struct named_type *);
    size_t taken = 0;
    size_t found = 0;
    struct named_type *one;
    struct named_type *next;

    HASH_ITER(hh, names, one, next)
    {
        for (size_t i = 0; i < one->type->field_count; i++) {
            struct named_type *held = holder_of(names, one->type->fields[i].type);

            if (held != NULL) {
                held->holders++;
            }
        }
    }
    HASH_ITER(hh, names, one, next)
    {
        if (one->holders == 0) {
            free_ones[found++] = one;
        }
    }
    while (taken < found) {
        const struct type *type = free_ones[taken++]->type;

        for (size_t i = 0; i < type->field_count; i++) {
            struct named_type *held = holder_of(names, type->fields[i].type);

            if (held != NULL && --held->holders == 0) {
                free_ones[found++] = held;
            }
        }
    }
    free(free_ones);
    HASH_ITER(hh, names, one, next)
    {
        if (one->holders > 0) {
            return one->type;
        }
    }
    return NULL;
}
