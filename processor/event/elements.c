#include "event/elements.h"

#include <stdlib.h>

#include "base/mem.h"

/* The element type of an array, or of the array among a union's branches. */
static const struct type *element_type(const struct type *type)
{
    bool ignored;

    if (type != NULL && type->kind == TYPE_UNION) {
        for (size_t i = 0; i < type->branch_count; i++) {
            if (type->branches[i]->kind == TYPE_ARRAY) {
                return type_unwrap(type->branches[i]->items, &ignored);
            }
        }
        return NULL;
    }
    return type != NULL && type->kind == TYPE_ARRAY ? type_unwrap(type->items, &ignored) : NULL;
}

bool elements_compile(const struct yaml_node *node, const struct readers *readers,
                      const struct type *const *around, struct elements *out, struct diags *diags)
{
    struct err err = {0};
    const struct type *other = NULL;
    bool is_array = false;

    *out = (struct elements){0};
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        diag_error(diags, node->place, "each: takes the path of an array");
        return false;
    }
    if ((around == NULL
             ? path_compile(readers, node->text, &out->path, &err)
             : path_compile_from(around, readers->count, node->text, &out->path, &err)) != ERR_OK) {
        diag_error(diags, node->place, "%s", err.text);
        return false;
    }
    out->types = mem_array(readers->count + 1, const struct type *);
    for (size_t i = 0; i < readers->count; i++) {
        const struct type *type = path_type(out->path, i);

        out->types[i] = element_type(type);
        is_array = is_array || out->types[i] != NULL;
        other = type != NULL && out->types[i] == NULL ? type : other;
    }
    if (!is_array) {
        diag_error(diags, node->place,
                   "each: takes the path of an array; '" SPAN_FMT "' is of type %s",
                   SPAN_ARG(node->text), other == NULL ? "null" : type_word(other->kind));
    }
    return is_array;
}

void elements_fini(struct elements *elements)
{
    free(elements->types);
    path_free(elements->path);
    *elements = (struct elements){0};
}
