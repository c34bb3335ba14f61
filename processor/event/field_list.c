#include "event/field_list.h"

#include <stdlib.h>

#include "base/mem.h"

static void add(struct field_use **items, size_t *count, struct span field, struct span text)
{
    *items = mem_grow(*items, *count + 1, sizeof(**items));
    (*items)[(*count)++] = (struct field_use){mem_text(field), mem_text(text)};
}

void field_list_add(struct field_list *list, struct span field, struct span from)
{
    add(&list->sent, &list->sent_count, field, from);
}

void field_list_miss(struct field_list *list, struct span field, struct span why)
{
    add(&list->missing, &list->missing_count, field, why);
}

static void free_items(struct field_use *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].field);
        free(items[i].text);
    }
    free(items);
}

void field_list_fini(struct field_list *list)
{
    free_items(list->sent, list->sent_count);
    free_items(list->missing, list->missing_count);
    *list = (struct field_list){0};
}
