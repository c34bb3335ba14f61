/* Typed values by the rows of options.h, one section at a time. Sections nest as deep as the
 * table says, never as deep as a file does. */
#include "config/read_value.h"

#include <stdio.h>
#include <string.h>

enum {
    UNKNOWN_KEYS_MAX = 20, /* reported one by one; the rest of a map as their number */
    NAMES_MAX = 256,       /* of which one is suggested */
};

void *loader_keep(struct loader *loader, size_t count, size_t bytes_each)
{
    size_t bytes;
    void *out;

    INVARIANT(!__builtin_mul_overflow(count, bytes_each, &bytes));
    out = arena_alloc(&loader->config->memory, bytes == 0 ? 1 : bytes);
    INVARIANT(out != NULL); /* bounded by the bounds of the document */
    memset(out, 0, bytes);
    return out;
}

struct span loader_path(struct loader *loader, struct span text)
{
    struct span directory = span_of(loader->config->directory);
    bool is_absolute = text.len > 0 && text.ptr[0] == '/';
    size_t prefix = is_absolute ? 0 : directory.len + 1;
    char *path = loader_keep(loader, prefix + text.len + 1, 1);

    if (!is_absolute) {
        memcpy(path, directory.ptr, directory.len);
        path[directory.len] = '/';
    }
    memcpy(path + prefix, text.ptr, text.len);
    return (struct span){path, prefix + text.len};
}

bool is_written(const struct yaml_node *node)
{
    return node != NULL && !yaml_is_null(node);
}

static const char *kind_word(const struct yaml_node *node)
{
    return node->kind == YAML_MAP ? "a map" : node->kind == YAML_LIST ? "a list" : "a single value";
}

static bool is_kind(struct loader *loader, const struct yaml_node *node, enum yaml_kind kind,
                    const char *what, const char *wanted)
{
    if (node->kind == kind) {
        return true;
    }
    if (!node->is_broken) {
        diag_error(loader->diags, node->place, "%s wants %s, not %s", what, wanted,
                   kind_word(node));
    }
    return false;
}

bool is_map(struct loader *loader, const struct yaml_node *node, const char *what)
{
    return is_kind(loader, node, YAML_MAP, what, "a map of keys and values");
}

bool is_list(struct loader *loader, const struct yaml_node *node, const char *what)
{
    return is_kind(loader, node, YAML_LIST, what, "a list");
}

bool read_text(struct loader *loader, const struct yaml_node *node, const char *what,
               const char *wanted, struct span *out)
{
    if (!is_kind(loader, node, YAML_SCALAR, what, wanted) || node->is_broken) {
        return false;
    }
    if (node->text.len == 0 || yaml_is_null(node)) {
        diag_error(loader->diags, node->place, "%s is empty: it wants %s", what, wanted);
        return false;
    }
    *out = node->text;
    return true;
}

static void take_fallback(struct loader *loader, const char *section,
                          const struct config_option *option, char *base)
{
    struct yaml_node node = {.kind = YAML_SCALAR,
                             .place.file = yaml_root(loader->config->doc)->place.file,
                             .text = span_of(option->fallback)};
    bool is_good;

    if (option->fallback == NULL) {
        return;
    }
    is_good = read_value(loader, section, option, &node, base);
    INVARIANT(is_good); /* the unit test reads every default */
}

/* `ledger: off` asks for what this version does anyway. */
static bool is_off(const struct yaml_node *node)
{
    bool is_on = true;

    return node->kind == YAML_SCALAR && yaml_as_bool(node, &is_on) && !is_on;
}

/* Taken for absent, it would make a rule of every answer, or a route to nowhere. */
static void report_if_empty(struct loader *loader, const char *name,
                            const struct config_option *option, const struct yaml_node *node)
{
    if (option->is_null_refused && node != NULL && yaml_is_null(node) && !node->is_broken) {
        diag_error(loader->diags, node->place,
                   "%s is empty: write what belongs there, or take the key out", name);
    }
}

/* What is known of a type that nobody knows: what all types need, it needs as well. */
static bool is_required_here(const struct loader *loader, const struct config_option *option)
{
    bool is_for_all = !option->is_own && (option->kinds == 0 || option->kinds == FOR_ALL);

    return option->is_required && (loader->active_count <= 1 || is_for_all);
}

static void read_option(struct loader *loader, const char *section,
                        const struct config_option *option, const struct yaml_node *node,
                        struct place place, char *base)
{
    bool is_there = node != NULL && !yaml_is_null(node);
    char name[96];

    if (!is_there && is_required_here(loader, option)) {
        diag_error(loader->diags, node == NULL ? place : node->place, "%s is missing: %s",
                   option_name(section, option, name), option->doc);
        return;
    }
    report_if_empty(loader, option_name(section, option, name), option, node);
    if (is_there && option_is_later(section, option->key) && !is_off(node)) {
        diag_warning(loader->diags, place, "%s is not in effect in this version",
                     option_name(section, option, name));
    }
    if (option->type == OPTION_SECTION) {
        read_section(loader, option->section, is_there ? node : NULL, place, base);
    } else if (option->type == OPTION_SPECIAL) {
        option->read(loader, option, is_there ? node : NULL, place, base);
    } else if (!is_there || !read_value(loader, section, option, node, base)) {
        take_fallback(loader, section, option, base);
    } else if (option->check != NULL) {
        option->check(loader, node);
    }
}

/* Whether @type has the row, which stands in a shared section. */
static bool is_for(const struct config_option *option, const struct config_type *type)
{
    return option->kinds == 0 ||
           (option->kinds & (type->is_topic ? FOR_TOPICS : FOR_REQUESTS)) != 0;
}

static bool has_key(const struct config_section *section, struct span key,
                    const struct config_type *shared_for)
{
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        const struct config_option *option = &section->options[i];

        if (span_is(key, option->key) && (shared_for == NULL || is_for(option, shared_for))) {
            return true;
        }
    }
    return false;
}

static bool type_has_key(const struct config_type *type, const char *section, struct span key)
{
    return has_key(section_find(section), key, type) ||
           has_key(section_of_type(type, section), key, NULL);
}

/* Whether a row that counts has the key. */
static bool is_known_key(const struct loader *loader, const char *section, struct span key)
{
    for (size_t i = 0; i < loader->active_count; i++) {
        if (type_has_key(loader->active[i], section, key)) {
            return true;
        }
    }
    return loader->active_count == 0 && has_key(section_find(section), key, NULL);
}

/* False when no type has it. */
static bool report_other_type(struct loader *loader, const char *section,
                              const struct yaml_pair *pair)
{
    char types[128] = "";

    for (size_t i = 0; loader->active_count == 1 && i < loader->types->count; i++) {
        const struct config_type *type = loader->types->items[i];
        size_t used = strlen(types);

        if (type_has_key(type, section, pair->key)) {
            (void)snprintf(types + used, sizeof(types) - used, "%s%s", used == 0 ? "" : " and ",
                           type->name);
        }
    }
    if (types[0] == '\0') {
        return false;
    }
    diag_error(loader->diags, pair->place,
               "%s belongs to destinations of type %s; this one is of type %s", LOG_S(pair->key),
               types, loader->active[0]->name);
    return true;
}

struct names {
    const char *items[NAMES_MAX];
    size_t count;
};

static void add_names(struct names *names, const struct config_section *section,
                      const struct config_type *shared_for)
{
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        const struct config_option *option = &section->options[i];

        if (names->count < NAMES_MAX && (shared_for == NULL || is_for(option, shared_for))) {
            names->items[names->count++] = option->key;
        }
    }
}

static void report_unknown(struct loader *loader, const char *section, const struct yaml_pair *pair)
{
    struct names names = {.count = 0};

    if (report_other_type(loader, section, pair)) {
        return;
    }
    for (size_t i = 0; i < loader->active_count; i++) {
        add_names(&names, section_find(section), loader->active[i]);
        add_names(&names, section_of_type(loader->active[i], section), NULL);
    }
    if (loader->active_count == 0) {
        add_names(&names, section_find(section), NULL);
    }
    diag_error(loader->diags, pair->place, "unknown key %s%s%s%s", LOG_S(pair->key),
               section[0] == '\0' ? "" : " in ", section,
               did_you_mean(suggest(pair->key, names.items, names.count)).text);
}

static void check_keys(struct loader *loader, const char *section, const struct yaml_node *map)
{
    size_t reported = 0;

    for (size_t i = 0; i < map->count; i++) {
        if (is_known_key(loader, section, map->pairs[i].key)) {
            continue;
        }
        report_unknown(loader, section, &map->pairs[i]);
        reported++;
        if (reported == UNKNOWN_KEYS_MAX && i + 1 < map->count) {
            diag_error(loader->diags, map->pairs[i + 1].place,
                       "%d unknown keys in this map; those after it are not looked at",
                       UNKNOWN_KEYS_MAX);
            return;
        }
    }
}

/* Where the rows of a section are, and what they fill in. */
struct rows {
    const struct config_section *section; /* NULL: none */
    const struct yaml_node *map;          /* NULL: all defaults */
    struct place place;
    char *base;
    char *own; /* NULL: the section is shared */
};

static bool is_active(const struct loader *loader, const struct config_option *option)
{
    for (size_t i = 0; i < loader->active_count; i++) {
        if (is_for(option, loader->active[i])) {
            return true;
        }
    }
    return loader->active_count == 0;
}

static void read_rows(struct loader *loader, const struct rows *rows)
{
    const struct yaml_node *map = rows->map;

    for (size_t i = 0; rows->section != NULL && i < rows->section->count; i++) {
        const struct config_option *option = &rows->section->options[i];
        const struct yaml_pair *pair = NULL;

        if (!is_active(loader, option)) {
            continue;
        }
        for (size_t k = 0; map != NULL && k < map->count && pair == NULL; k++) {
            pair = span_is(map->pairs[k].key, option->key) ? &map->pairs[k] : NULL;
        }
        read_option(loader, rows->section->name, option, pair == NULL ? NULL : pair->value,
                    pair == NULL ? rows->place : pair->place,
                    option->is_own ? rows->own : rows->base);
    }
}

void read_section(struct loader *loader, const char *name, const struct yaml_node *map,
                  struct place place, void *base)
{
    struct rows rows = {.section = section_find(name), .place = place, .base = base};

    if (map != NULL && is_map(loader, map, name[0] == '\0' ? "the file" : name)) {
        rows.map = map;
    }
    read_rows(loader, &rows);
    for (size_t i = 0; i < loader->active_count; i++) {
        rows.section = section_of_type(loader->active[i], name);
        rows.own = loader->own[i];
        read_rows(loader, &rows);
    }
    if (rows.map != NULL) {
        check_keys(loader, name, rows.map);
    }
}
