/* docs/configuration.md, written from the table of options. */
#include <string.h>

#include "config/loader.h"
#include "config/read_value.h"

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "Every option of the YAML file that `detour run -c FILE` reads. This page is written from the\n"
    "table in `processor/config/options*.c` that also parses the file; edit it there, then\n"
    "`make docs`. A commented example is [routes/detour.yaml](../routes/detour.yaml).\n"
    "\n"
    "- Paths of files are relative to the file they stand in. Unknown keys are errors.\n"
    "- `${NAME}` and `${NAME:-default}` inside any text come from the environment; `$${` is a\n"
    "  literal `${`. Inside `[]` and `{}` such a text needs quotes.\n"
    "- A secret is `{env: NAME}` or `{file: PATH}`; a file is read again when it changes. Plain "
    "text\n"
    "  works and gives a warning.\n"
    "- The file is at most 1 MiB and 32 levels deep; anchors, aliases, tags and merge keys are "
    "not\n"
    "  supported.\n"
    "- Durations are written `200ms 30s 5m 2h 6d`, ranges of them `5s..5m`, sizes `64KiB 1MiB`,\n"
    "  percentages `20%`, rates `10/s 600/m`.\n"
    "- *later*: read and checked, not in effect in this version; `detour check` says so.\n"
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

static void add_kinds(struct buf *out, unsigned kinds)
{
    static const char *const words[] = {"tiktok", "http", "kafka"};
    bool is_first = true;

    if (kinds == 0 || kinds == FOR_ALL) {
        buf_add_text(out, "all");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((kinds & (1u << i)) != 0) {
            buf_printf(out, "%s%s", is_first ? "" : ", ", words[i]);
            is_first = false;
        }
    }
}

static void add_row(struct buf *out, const struct config_section *section,
                    const struct config_option *option, bool has_kinds)
{
    char bounds[80];

    buf_printf(out, "| `%s` | ", option->key);
    if (has_kinds) {
        add_kinds(out, option->kinds);
        buf_add_text(out, " | ");
    }
    if (option->type == OPTION_CHOICE) {
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
               option_is_later(section->name, option->key) ? "*later.* " : "", option->doc);
    if (option->section != NULL) {
        buf_printf(out, " See `%s`.", option->section);
    }
    buf_add_text(out, " |\n");
}

static void add_section(struct buf *out, const struct config_section *section)
{
    bool has_kinds = false;

    for (size_t i = 0; i < section->count; i++) {
        unsigned kinds = section->options[i].kinds;

        has_kinds = has_kinds || (kinds != 0 && kinds != FOR_ALL && kinds != FOR_SENDERS);
    }
    if (section->name[0] == '\0') {
        buf_add_text(out, "\n## The file\n\n");
    } else {
        buf_printf(out, "\n## %s\n\n", section->name);
    }
    buf_printf(out, "| key | %stype | default | bounds | |\n", has_kinds ? "destinations | " : "");
    buf_printf(out, "| --- | %s--- | --- | --- | --- |\n", has_kinds ? "--- | " : "");
    for (size_t i = 0; i < section->count; i++) {
        add_row(out, section, &section->options[i], has_kinds);
    }
}

void config_document(struct buf *out)
{
    buf_add_text(out, introduction);
    for (size_t i = 0; section_at(i) != NULL; i++) {
        add_section(out, section_at(i));
    }
}
