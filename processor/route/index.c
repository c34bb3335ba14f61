#include "route/index.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS_MIN = 16 };

static struct index_entry *find_slot(struct index_entry *entries, size_t slots, struct span type)
{
    size_t at = (size_t)span_hash(type) & (slots - 1);

    while (entries[at].type.ptr != NULL && !span_eq(entries[at].type, type)) {
        at = (at + 1) & (slots - 1);
    }
    return &entries[at];
}

static void grow(struct index *index)
{
    size_t slots = index->slots == 0 ? SLOTS_MIN : index->slots * 2;
    struct index_entry *entries = mem_array(slots, struct index_entry);

    for (size_t i = 0; i < index->slots; i++) {
        if (index->entries[i].type.ptr != NULL) {
            *find_slot(entries, slots, index->entries[i].type) = index->entries[i];
        }
    }
    free(index->entries);
    index->entries = entries;
    index->slots = slots;
}

/* A route that names a type twice is in its list once. */
void index_list_add(struct index_list *list, uint32_t route)
{
    if (list->count > 0 && list->routes[list->count - 1] == route) {
        return;
    }
    INVARIANT(list->count == 0 || list->routes[list->count - 1] < route);
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 2 : list->cap * 2;
        list->routes = mem_grow(list->routes, list->cap, sizeof(list->routes[0]));
    }
    list->routes[list->count++] = route;
}

void index_add(struct index *index, struct span type, uint32_t route)
{
    struct index_entry *entry;

    PRE(type.ptr != NULL);
    if (index->count * 2 >= index->slots) {
        grow(index);
    }
    entry = find_slot(index->entries, index->slots, type);
    if (entry->type.ptr == NULL) {
        entry->type = type;
        index->count++;
    }
    index_list_add(&entry->list, route);
}

void index_add_untyped(struct index *index, uint32_t route)
{
    index_list_add(&index->untyped, route);
}

void index_fini(struct index *index)
{
    for (size_t i = 0; i < index->slots; i++) {
        free(index->entries[i].list.routes);
    }
    free(index->entries);
    free(index->untyped.routes);
    *index = (struct index){0};
}

const struct index_list *index_find(const struct index *index, struct span type)
{
    static const struct index_list none;

    if (index->slots == 0 || type.ptr == NULL) {
        return &none;
    }
    return &find_slot(index->entries, index->slots, type)->list;
}
