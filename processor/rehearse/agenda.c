#include "rehearse/agenda.h"

#include <stdlib.h>

#include "base/mem.h"

void agenda_fini(struct agenda *agenda)
{
    free(agenda->items);
    *agenda = (struct agenda){0};
}

static bool is_before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct agenda_item *a, struct agenda_item *b)
{
    struct agenda_item kept = *a;

    *a = *b;
    *b = kept;
}

void agenda_add(struct agenda *agenda, uint64_t at_ms, agenda_fn *run, void *context, void *what)
{
    size_t at = agenda->count++;

    if (agenda->count > agenda->cap) {
        agenda->cap = MAX_OF(agenda->cap * 2, (size_t)64);
        agenda->items = mem_grow(agenda->items, agenda->cap, sizeof(struct agenda_item));
    }
    agenda->items[at] = (struct agenda_item){at_ms, agenda->added++, run, context, what};
    while (at > 0 && is_before(&agenda->items[at], &agenda->items[(at - 1) / 2])) {
        swap(&agenda->items[at], &agenda->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

uint64_t agenda_next_ms(const struct agenda *agenda)
{
    return agenda->count == 0 ? UINT64_MAX : agenda->items[0].at_ms;
}

bool agenda_take(struct agenda *agenda, uint64_t now_ms, struct agenda_item *out)
{
    size_t at = 0;

    if (agenda->count == 0 || agenda->items[0].at_ms > now_ms) {
        return false;
    }
    *out = agenda->items[0];
    agenda->items[0] = agenda->items[--agenda->count];
    for (;;) {
        size_t child = at * 2 + 1;

        if (child + 1 < agenda->count &&
            is_before(&agenda->items[child + 1], &agenda->items[child])) {
            child++;
        }
        if (child >= agenda->count || !is_before(&agenda->items[child], &agenda->items[at])) {
            return true;
        }
        swap(&agenda->items[at], &agenda->items[child]);
        at = child;
    }
}
