/* The event types that can come at all, where the schema says it. */
#include <stdlib.h>

#include "base/mem.h"
#include "event/event_view.h"

static void add(struct type_names *names, struct span name)
{
    names->items = mem_grow((void *)names->items, names->count + 1, sizeof(names->items[0]));
    names->items[names->count++] = mem_text(name);
}

/* False when any text can be the type. A path through a union of records may end in a union of
 * unions: recursion, two deep. */
static bool add_symbols(struct type_names *names, const struct type *type)
{
    bool is_listed = true;

    if (type->kind == TYPE_UNION) {
        for (size_t i = 0; i < type->branch_count; i++) {
            is_listed = add_symbols(names, type->branches[i]) && is_listed;
        }
        return is_listed;
    }
    for (size_t i = 0; type->kind == TYPE_ENUM && i < type->symbol_count; i++) {
        add(names, type->symbols[i]);
    }
    return type->kind == TYPE_ENUM || type->kind == TYPE_NULL;
}

static void add_records(struct type_names *names, const struct type *root)
{
    size_t count = root->kind == TYPE_UNION ? root->branch_count : 1;

    for (size_t i = 0; i < count; i++) {
        struct span name =
            event_record_name(root->kind == TYPE_UNION ? root->branches[i] : root, NULL);

        if (name.len > 0) {
            add(names, name);
        }
    }
}

bool type_names_list(const struct event_paths *paths, const struct readers *readers,
                     struct type_names *out)
{
    bool is_listed = paths->is_type_record_name || paths->type != NULL;

    *out = (struct type_names){0};
    for (size_t i = 0; i < readers->count && is_listed; i++) {
        if (paths->is_type_record_name) {
            add_records(out, readers->schemas[i]->root);
        } else if (path_type(paths->type, i) != NULL) {
            is_listed = add_symbols(out, path_type(paths->type, i));
        }
    }
    if (!is_listed) {
        type_names_fini(out);
    }
    return is_listed;
}

void type_names_fini(struct type_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free((char *)names->items[i]);
    }
    free((void *)names->items);
    *names = (struct type_names){0};
}
