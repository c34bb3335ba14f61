#include "recovery/offset_runs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

bool offset_runs_add(struct offset_runs *runs, int32_t partition, int64_t offset, size_t most)
{
    for (size_t i = runs->count; i-- > 0;) {
        struct offset_stretch *run = &runs->items[i];

        if (run->partition == partition) {
            if (run->to == offset) {
                run->to++;
                return true;
            }
            break;
        }
    }
    if (runs->count == most) {
        return false;
    }
    if ((runs->count & (runs->count - 1)) == 0) { /* it doubles */
        runs->items =
            mem_grow(runs->items, MAX_OF(2 * runs->count, (size_t)1), sizeof(*runs->items));
    }
    runs->items[runs->count++] = (struct offset_stretch){partition, offset, offset + 1};
    return true;
}

json_t *offset_runs_json(const struct offset_runs *runs, size_t from, size_t count)
{
    json_t *out = json_object();

    for (size_t i = from; i < from + count && i < runs->count; i++) {
        const struct offset_stretch *run = &runs->items[i];
        char partition[16];
        json_t *list;

        (void)snprintf(partition, sizeof(partition), "%d", run->partition);
        list = json_object_get(out, partition);
        if (list == NULL) {
            list = json_array();
            json_object_set_new(out, partition, list);
        }
        json_array_append_new(list,
                              json_pack("[I, I]", (json_int_t)run->from, (json_int_t)run->to));
    }
    return out;
}

void offset_runs_fini(struct offset_runs *runs)
{
    free(runs->items);
    *runs = (struct offset_runs){0};
}
