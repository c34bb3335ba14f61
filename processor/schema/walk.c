#include "schema/walk.h"

void walk_init(struct walk *walk, const struct value *value, const struct type *type)
{
    walk->root = value;
    walk->root_type = type;
    walk->is_begun = false;
    walk->level_count = 0;
}

static bool is_container(const struct type *type)
{
    return type->kind == TYPE_ARRAY || type->kind == TYPE_MAP || type->kind == TYPE_RECORD;
}

static void enter(struct walk *walk, const struct type *declared, const struct value *value)
{
    const struct type *type = declared;

    if (declared->kind == TYPE_UNION) {
        INVARIANT(value->branch < declared->branch_count);
        type = declared->branches[value->branch];
    }
    walk->declared = declared;
    walk->type = type;
    walk->value = value;
    walk->event = is_container(type) ? WALK_OPEN : WALK_LEAF;
    if (walk->event == WALK_OPEN) {
        INVARIANT(walk->level_count < WALK_LEVELS_MAX);
        walk->levels[walk->level_count++] = (struct walk_level){.type = type, .value = value};
    }
}

static bool leave(struct walk *walk)
{
    struct walk_level *level = &walk->levels[--walk->level_count];

    walk->event = WALK_CLOSE;
    walk->type = level->type;
    walk->value = level->value;
    return true;
}

bool walk_next(struct walk *walk)
{
    struct walk_level *level;
    uint32_t at;

    walk->key = NULL;
    walk->field = NULL;
    walk->is_first = true;
    if (!walk->is_begun) {
        walk->is_begun = true;
        enter(walk, walk->root_type, walk->root);
        return true;
    }
    if (walk->level_count == 0) {
        return false;
    }
    level = &walk->levels[walk->level_count - 1];
    if (level->at == level->value->len) {
        return leave(walk);
    }
    at = level->at++;
    walk->is_first = at == 0;
    if (level->type->kind == TYPE_RECORD) {
        walk->field = &level->type->fields[at];
        enter(walk, walk->field->type, &level->value->items[at]);
    } else if (level->type->kind == TYPE_MAP) {
        walk->key = &level->value->items[2 * (size_t)at];
        enter(walk, level->type->items, &level->value->items[2 * (size_t)at + 1]);
    } else {
        enter(walk, level->type->items, &level->value->items[at]);
    }
    return true;
}
