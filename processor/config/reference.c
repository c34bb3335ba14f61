/* docs/configuration.md, written from the table of options. */
#include <string.h>

#include "config/loader.h"
#include "config/read_value.h"

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "Every option of the YAML file that `detour run -c FILE` reads. `make docs` writes this page "
    "from the\n"
    "tables that the program reads the file with: `processor/config/options*.c`, and\n"
    "`processor/destinations/*/options.c` for each type of destination. A commented example is\n"
    "[routes/detour.yaml](../routes/detour.yaml).\n"
    "\n"
    "- A relative path is relative to the folder of the file that contains it. The same is true of "
    "the\n"
    "  properties `ssl.ca.location`, `ssl.certificate.location`, `ssl.key.location`, "
    "`ssl.crl.location`\n"
    "  and `ssl.keystore.location`. Unknown keys are errors.\n"
    "- `${NAME}` and `${NAME:-default}` inside a text are replaced from the environment; `$${` is "
    "a\n"
    "  literal `${`. Inside `[]` and `{}` such a text needs quotes.\n"
    "- A secret is `{env: NAME}` or `{file: PATH}`; a file is read again when it changes. Plain "
    "text is\n"
    "  accepted with a warning.\n"
    "- The file has at most 16 MiB and 32 levels. Anchors, aliases, tags and merge keys are not "
    "supported.\n"
    "- Durations are written `200ms 30s 5m 2h 6d`, ranges of them `5s..5m`, sizes `64KiB 1MiB`,\n"
    "  percentages `20%`, rates `10/s 600/m`.\n"
    "- *Event times* (`event.time`) may be a timestamp of any unit (the logical types of Avro, "
    "Debezium and\n"
    "  Kafka Connect), ISO 8601 text (also with `[Etc/UTC]` after the offset, as Java writes it), "
    "or a number\n"
    "  or text in seconds, milliseconds, microseconds or nanoseconds; the size of the number tells "
    "the unit.\n"
    "- *later*: the option is read and checked, but has no effect in this version. `detour check` "
    "says so.\n"
    "\n"
    "`detour check -c FILE` reports every error as `file:line:column: message`.\n";

static const char *type_text(const struct config_option *option)
{
    switch (option->type) {
    case OPTION_TEXT:
        return "text";
    case OPTION_TEXTS:
        return "text, or list of texts";
    case OPTION_FILE:
        return "file";
    case OPTION_FILES:
        return "list of files";
    case OPTION_COUNT:
        return "number";
    case OPTION_DURATION:
        return "duration";
    case OPTION_RANGE:
        return "range of durations";
    case OPTION_SIZE:
        return "size";
    case OPTION_PERCENT:
        return "percentage";
    case OPTION_RATE:
        return "rate";
    case OPTION_BOOL:
        return "true, false";
    case OPTION_CHOICE:
    case OPTION_TYPE:
        return NULL; /* its words */
    case OPTION_SECRET:
        return "secret";
    case OPTION_PATH:
        return "path into the record";
    case OPTION_MAP:
    case OPTION_SECTION:
        return "map";
    case OPTION_LIST:
        return "list";
    case OPTION_SPECIAL:
        return option->form;
    }
    return NULL;
}

static void add_words(struct buf *out, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", words[i]);
    }
}

static void add_type_names(struct buf *out, const struct config_types *types)
{
    for (size_t i = 0; i < types->count; i++) {
        buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", types->items[i]->name);
    }
}

static bool has_row(const struct config_option *option, const struct config_type *type)
{
    return option->kinds == 0 ||
           (option->kinds & (type->is_topic ? FOR_TOPICS : FOR_REQUESTS)) != 0;
}

static void add_types(struct buf *out, const struct config_types *types,
                      const struct config_option *option)
{
    bool is_first = true;

    if (option->kinds == 0 || option->kinds == FOR_ALL) {
        buf_add_text(out, "all");
        return;
    }
    for (size_t i = 0; i < types->count; i++) {
        if (has_row(option, types->items[i])) {
            buf_printf(out, "%s%s", is_first ? "" : ", ", types->items[i]->name);
            is_first = false;
        }
    }
}

/* Where a row is: a section of the document, and whose it is. */
struct row_of {
    const struct config_types *types;
    const struct config_section *section;
    const struct config_type *type; /* it alone has the row; NULL: it is shared */
    bool has_types;                 /* the section's rows are not all for the same types */
};

static void add_row(struct buf *out, const struct row_of *of, const struct config_option *option)
{
    char bounds[80];

    buf_printf(out, "| `%s` | ", option->key);
    if (of->has_types && of->type != NULL) {
        buf_printf(out, "%s | ", of->type->name);
    } else if (of->has_types) {
        add_types(out, of->types, option);
        buf_add_text(out, " | ");
    }
    if (option->type == OPTION_TYPE) {
        add_type_names(out, of->types);
    } else if (option->type == OPTION_CHOICE) {
        add_words(out, option->choices);
    } else {
        buf_add_text(out, type_text(option));
    }
    buf_add_text(out, " | ");
    if (option->fallback != NULL) {
        buf_printf(out, "`%s`", option->fallback);
    } else {
        buf_add_text(out, option->is_required ? "*required*" : "");
    }
    buf_printf(out, " | %s | %s%s", option_bounds(option, bounds),
               option_is_later(of->section->name, option->key) ? "*later.* " : "", option->doc);
    if (option->section != NULL) {
        buf_printf(out, " See `%s`.", option->section);
    }
    buf_add_text(out, " |\n");
}

static void add_rows(struct buf *out, const struct row_of *of)
{
    for (size_t i = 0; i < of->section->count; i++) {
        add_row(out, of, &of->section->options[i]);
    }
}

static void add_head(struct buf *out, const char *name, bool has_types)
{
    if (name[0] == '\0') {
        buf_add_text(out, "\n## The file\n\n");
    } else {
        buf_printf(out, "\n## %s\n\n", name);
    }
    buf_printf(out, "| key | %stype | default | bounds | |\n", has_types ? "destinations | " : "");
    buf_printf(out, "| --- | %s--- | --- | --- | --- |\n", has_types ? "--- | " : "");
}

/* The rows all types share, then those that one type alone has. */
static void add_section(struct buf *out, const struct config_types *types,
                        const struct config_section *section)
{
    struct row_of of = {.types = types, .section = section};

    for (size_t i = 0; i < section->count; i++) {
        unsigned kinds = section->options[i].kinds;

        of.has_types = of.has_types || kinds == FOR_TOPICS;
    }
    for (size_t i = 0; i < types->count; i++) {
        of.has_types = of.has_types || section_of_type(types->items[i], section->name) != NULL;
    }
    add_head(out, section->name, of.has_types);
    add_rows(out, &of);
    for (size_t i = 0; i < types->count; i++) {
        of.type = types->items[i];
        of.section = section_of_type(of.type, section->name);
        if (of.section != NULL) {
            add_rows(out, &of);
        }
    }
}

/* Sections that no other type has. */
static void add_own_sections(struct buf *out, const struct config_types *types)
{
    for (size_t i = 0; i < types->count; i++) {
        for (size_t k = 0; k < types->items[i]->section_count; k++) {
            const struct config_section *section = &types->items[i]->sections[k];

            if (section_find(section->name) == NULL) {
                add_head(out, section->name, false);
                add_rows(out, &(struct row_of){.types = types, .section = section});
            }
        }
    }
}

void config_document(const struct config_types *types, struct buf *out)
{
    static const char prefix[] = "destinations.";
    bool is_in_destinations = false;

    buf_add_text(out, introduction);
    for (size_t i = 0; section_at(i) != NULL; i++) {
        bool is_of_one = strncmp(section_at(i)->name, prefix, sizeof(prefix) - 1) == 0;

        if (is_in_destinations && !is_of_one) {
            add_own_sections(out, types);
        }
        is_in_destinations = is_of_one;
        add_section(out, types, section_at(i));
    }
}
