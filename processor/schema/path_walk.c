/* From a record to the value at a path. */
#include "schema/path_inside.h"

/* The last entry of that key: as most languages' maps have it. */
static const struct value *find_key(const struct value *map, struct span key)
{
    for (size_t i = map->len; i > 0; i--) {
        if (span_eq(value_text(&map->items[2 * (i - 1)]), key)) {
            return &map->items[2 * (i - 1) + 1];
        }
    }
    return NULL;
}

static const struct value *walk_nodes(const struct path *path, const struct path_node *node,
                                      const struct value *value)
{
    while (value != NULL && value->kind != VALUE_NULL) {
        switch (node->kind) {
        case NODE_END:
            return value;
        case NODE_FIELD:
            value = &value->items[node->at];
            break;
        case NODE_INDEX:
            value = node->at < value->len ? &value->items[node->at] : NULL;
            break;
        case NODE_KEY:
            value = find_key(value, path->steps[node->at]);
            break;
        case NODE_BRANCH:
            INVARIANT(value->branch < node->at);
            node = &path->nodes[node->next + value->branch];
            continue;
        case NODE_MISSING:
            return NULL;
        }
        node = &path->nodes[node->next];
    }
    return NULL;
}

const struct value *path_get(const struct path *path, size_t reader, const struct value *root)
{
    PRE(reader < path->reader_count);

    const struct reader_path *way = &path->readers[reader];
    const struct value *value = root;

    if (!way->is_fields || root == NULL) {
        return walk_nodes(path, &path->nodes[way->first], root);
    }
    for (uint8_t i = 0; i < way->field_count && value->kind != VALUE_NULL; i++) {
        value = &value->items[way->fields[i]];
    }
    return value->kind == VALUE_NULL ? NULL : value;
}
