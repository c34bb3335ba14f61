/**
 * field_list - what a destination is sent, for people: each field, and where it comes from.
 *
 * Made by `check` from what is compiled, so it says what is done and not what is written.
 *
 * The list owns its texts. One thread, of `check`. Nothing fails.
 */
#ifndef EVENT_FIELD_LIST_H
#define EVENT_FIELD_LIST_H

#include "base/buf.h"

struct field_use {
    char *field; /* owned */
    char *text;  /* owned; where it comes from, or why it is not sent */
};

struct field_list {
    struct field_use *sent; /* owned */
    size_t sent_count;
    struct field_use *missing; /* owned */
    size_t missing_count;
};

void field_list_add(struct field_list *list, struct span field, struct span from);
void field_list_miss(struct field_list *list, struct span field, struct span why);
void field_list_fini(struct field_list *list);

#endif /* EVENT_FIELD_LIST_H */
