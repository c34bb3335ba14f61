/* Typed values by the rows of options.h, one section at a time. Sections nest as deep as the
 * table says, never as deep as a file does. */
#include "config/read_value.h"

#include <stdio.h>
#include <string.h>

enum { UNKNOWN_KEYS_MAX = 20 }; /* reported one by one; the rest of a map as their number */

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

/* A section that is being read: into which struct, for destinations of which types. */
struct target {
    const char *section;
    char *base;
    unsigned kinds;
};

static void read_option(struct loader *loader, const struct target *target,
                        const struct config_option *option, const struct yaml_node *node,
                        struct place place)
{
    const char *section = target->section;
    char *base = target->base;
    unsigned kinds = target->kinds;
    bool is_there = node != NULL && !yaml_is_null(node);
    char name[96];

    if (!is_there && option->is_required &&
        (option->kinds == 0 || (option->kinds & kinds) == kinds)) {
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
        read_section(loader, option->section, is_there ? node : NULL, place, base, kinds);
    } else if (option->type == OPTION_SPECIAL) {
        option->read(loader, option, is_there ? node : NULL, place, base);
    } else if (!is_there || !read_value(loader, section, option, node, base)) {
        take_fallback(loader, section, option, base);
    } else if (option->check != NULL) {
        option->check(loader, node);
    }
}

static unsigned kinds_of(const struct config_option *option)
{
    return option->kinds == 0 ? FOR_ALL : option->kinds;
}

static void report_other_type(struct loader *loader, const struct yaml_pair *pair, unsigned has,
                              unsigned kinds)
{
    static const char *const words[] = {"tiktok", "http", "kafka"};
    char types[64] = "";

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((has & (1u << i)) != 0) {
            size_t used = strlen(types);

            (void)snprintf(types + used, sizeof(types) - used, "%s%s", used == 0 ? "" : " and ",
                           words[i]);
        }
    }
    diag_error(loader->diags, pair->place,
               "%s belongs to destinations of type %s; this one is of type %s", LOG_S(pair->key),
               types,
               words[(kinds & FOR_TIKTOK) != 0 ? 0
                     : (kinds & FOR_HTTP) != 0 ? 1
                                               : 2]);
}

/* False when no row has the key. */
static bool report_if_unknown(struct loader *loader, const struct config_section *section,
                              const struct yaml_pair *pair, unsigned kinds)
{
    const char *names[64];
    size_t count = 0;
    unsigned has = 0;

    INVARIANT(section->count <= COUNT_OF(names));
    for (size_t i = 0; i < section->count; i++) {
        const struct config_option *option = &section->options[i];

        if (span_is(pair->key, option->key)) {
            has |= kinds_of(option);
        }
        if ((kinds_of(option) & kinds) != 0) {
            names[count++] = option->key;
        }
    }
    if ((has & kinds) != 0) {
        return false;
    }
    if (has != 0) {
        report_other_type(loader, pair, has, kinds);
    } else {
        diag_error(loader->diags, pair->place, "unknown key %s%s%s%s", LOG_S(pair->key),
                   section->name[0] == '\0' ? "" : " in ", section->name,
                   did_you_mean(suggest(pair->key, names, count)).text);
    }
    return true;
}

static void check_keys(struct loader *loader, const struct config_section *section,
                       const struct yaml_node *map, unsigned kinds)
{
    size_t reported = 0;

    for (size_t i = 0; i < map->count; i++) {
        reported += report_if_unknown(loader, section, &map->pairs[i], kinds);
        if (reported == UNKNOWN_KEYS_MAX && i + 1 < map->count) {
            diag_error(loader->diags, map->pairs[i + 1].place,
                       "%d unknown keys in this map; those after it are not looked at",
                       UNKNOWN_KEYS_MAX);
            return;
        }
    }
}

void read_section(struct loader *loader, const char *name, const struct yaml_node *map,
                  struct place place, void *base, unsigned kinds)
{
    const struct config_section *section = section_find(name);
    const struct target target = {name, base, kinds};

    if (map != NULL && !is_map(loader, map, name[0] == '\0' ? "the file" : name)) {
        map = NULL;
    }
    for (size_t i = 0; i < section->count; i++) {
        const struct config_option *option = &section->options[i];
        const struct yaml_pair *pair = NULL;

        if ((kinds_of(option) & kinds) == 0) {
            continue;
        }
        for (size_t k = 0; map != NULL && k < map->count && pair == NULL; k++) {
            pair = span_is(map->pairs[k].key, option->key) ? &map->pairs[k] : NULL;
        }
        read_option(loader, &target, option, pair == NULL ? NULL : pair->value,
                    pair == NULL ? place : pair->place);
    }
    if (map != NULL) {
        check_keys(loader, section, map, kinds);
    }
}
