#include "config/read_value.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(enum framing) == sizeof(int), "choices are stored as int");

const char *option_name(const char *section, const struct config_option *option, char out[96])
{
    const char *tail = strncmp(section, "destinations.*.", 15) == 0                   ? section + 15
                       : strchr(section, '*') != NULL || strchr(section, '[') != NULL ? ""
                                                                                      : section;

    (void)snprintf(out, 96, "%s%s%s", tail, tail[0] == '\0' ? "" : ".", option->key);
    return out;
}

/* Text of a bound in the option's own unit. */
static const char *bound_text(const struct config_option *option, uint64_t bound, char out[32])
{
    static const struct {
        const char *word;
        uint64_t factor;
    } times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}},
      sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};
    const char *word = option->type == OPTION_PERCENT ? "%"
                       : option->type == OPTION_RATE  ? "/s"
                                                      : "";

    if (option->type == OPTION_DURATION || option->type == OPTION_RANGE) {
        size_t i = 0;

        while (bound % times[i].factor != 0 || (bound == 0 && times[i].factor != 1000)) {
            i++;
        }
        bound /= times[i].factor;
        word = times[i].word;
    } else if (option->type == OPTION_SIZE) {
        size_t i = 0;

        while (bound % sizes[i].factor != 0 || (bound == 0 && sizes[i].factor != 1)) {
            i++;
        }
        bound /= sizes[i].factor;
        word = sizes[i].word;
    }
    (void)snprintf(out, 32, "%llu%s", (unsigned long long)bound, word);
    return out;
}

const char *option_bounds(const struct config_option *option, char out[80])
{
    char low[32];
    char high[32];

    out[0] = '\0';
    if (option->max != 0) {
        /* no rate is 0/s */
        (void)snprintf(out, 80, "%s%s..%s",
                       option->type == OPTION_RATE && option->min == 0 ? "more than " : "",
                       bound_text(option, option->min, low), bound_text(option, option->max, high));
    }
    return out;
}

static const char *wanted_text(enum option_type type)
{
    switch (type) {
    case OPTION_COUNT:
        return "a whole number";
    case OPTION_DURATION:
        return "a duration such as 200ms, 30s, 5m, 2h or 6d";
    case OPTION_RANGE:
        return "a range of durations such as 200ms..5s";
    case OPTION_SIZE:
        return "a size such as 64KiB or 1MiB";
    case OPTION_PERCENT:
        return "a percentage such as 20%";
    case OPTION_RATE:
        return "a rate such as 10/s or 600/m";
    case OPTION_BOOL:
        return "true or false";
    case OPTION_PATH:
        return "a path into the record such as properties.value";
    case OPTION_FILE:
    case OPTION_FILES:
        return "a file's path";
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_CHOICE:
    case OPTION_TYPE:
    case OPTION_SECRET:
    case OPTION_MAP:
    case OPTION_LIST:
    case OPTION_SECTION:
    case OPTION_SPECIAL:
        break;
    }
    return "a text";
}

struct parsed_number {
    uint64_t whole, whole_to; /* count, ms, bytes */
    double real;
};

static bool read_count(struct span text, uint64_t *out)
{
    int64_t number;

    if (text.len == 0 || text.ptr[0] == '+' || !span_to_i64(text, &number) || number < 0) {
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

/* A whole number that 64 bits do not hold is out of bounds, not out of shape. */
static bool is_huge_count(const struct config_option *option, struct span text)
{
    size_t i = 0;

    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
        i++;
    }
    return option->type == OPTION_COUNT && option->max != 0 && i == text.len;
}

static bool parse_number(enum option_type type, struct span text, struct parsed_number *out)
{
    switch (type) {
    case OPTION_COUNT:
        return read_count(text, &out->whole);
    case OPTION_DURATION:
        return value_duration(text, &out->whole);
    case OPTION_RANGE:
        return value_duration_range(text, &out->whole, &out->whole_to);
    case OPTION_SIZE:
        return value_size(text, &out->whole);
    case OPTION_PERCENT:
        return value_percent(text, &out->real);
    case OPTION_RATE:
        return value_rate(text, &out->real) && out->real > 0;
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_FILE:
    case OPTION_FILES:
    case OPTION_BOOL:
    case OPTION_CHOICE:
    case OPTION_TYPE:
    case OPTION_SECRET:
    case OPTION_PATH:
    case OPTION_MAP:
    case OPTION_LIST:
    case OPTION_SECTION:
    case OPTION_SPECIAL:
        break;
    }
    INVARIANT(!"only numbers come here");
    return false;
}

static bool is_within(const struct config_option *option, const struct parsed_number *number)
{
    double low = (double)option->min;
    double high = (double)option->max;

    if (option->max == 0) {
        return true;
    }
    if (option->type == OPTION_PERCENT) {
        return number->real * 100 >= low - 1e-9 && number->real * 100 <= high + 1e-9;
    }
    if (option->type == OPTION_RATE) {
        return number->real <= high;
    }
    return number->whole >= option->min && number->whole <= option->max &&
           (option->type != OPTION_RANGE ||
            (number->whole_to >= option->min && number->whole_to <= option->max));
}

static void store_number(const struct config_option *option, const struct parsed_number *number,
                         char *base)
{
    if (option->type == OPTION_PERCENT || option->type == OPTION_RATE) {
        memcpy(base + option->offset, &number->real, sizeof(number->real));
    } else if (option->type == OPTION_COUNT) {
        uint32_t count = (uint32_t)number->whole; /* every count has a bound below 2^32 */

        memcpy(base + option->offset, &count, sizeof(count));
    } else {
        memcpy(base + option->offset, &number->whole, sizeof(number->whole));
        if (option->type == OPTION_RANGE) {
            memcpy(base + option->offset_more, &number->whole_to, sizeof(number->whole_to));
        }
    }
}

static bool read_number(struct loader *loader, const struct config_option *option, const char *name,
                        const struct yaml_node *node, char *base)
{
    struct parsed_number number = {0};
    struct span text;
    char bounds[80];

    if (!read_text(loader, node, name, wanted_text(option->type), &text)) {
        return false;
    }
    if (!parse_number(option->type, text, &number) && !is_huge_count(option, text)) {
        diag_error(loader->diags, node->place, "%s wants %s, not %s", name,
                   wanted_text(option->type), LOG_S(text));
        return false;
    }
    if (is_huge_count(option, text) && !parse_number(option->type, text, &number)) {
        number.whole = UINT64_MAX;
    }
    if (!is_within(option, &number)) {
        diag_error(loader->diags, node->place, "%s must be within %s, not %s", name,
                   option_bounds(option, bounds), LOG_S(text));
        return false;
    }
    if (option->type == OPTION_RANGE && number.whole > number.whole_to) {
        diag_error(loader->diags, node->place,
                   "%s: the range runs backwards; write %.*s the other "
                   "way round",
                   name, SPAN_ARG(text));
        return false;
    }
    store_number(option, &number, base);
    return true;
}

static bool read_bool(struct loader *loader, const struct config_option *option, const char *name,
                      const struct yaml_node *node, char *base)
{
    bool value;
    struct span text;

    if (!read_text(loader, node, name, "true or false", &text)) {
        return false;
    }
    if (!yaml_as_bool(node, &value)) {
        diag_error(loader->diags, node->place, "%s wants true or false, not %s", name, LOG_S(text));
        return false;
    }
    memcpy(base + option->offset, &value, sizeof(value));
    return true;
}

static bool read_choice(struct loader *loader, const struct config_option *option, const char *name,
                        const struct yaml_node *node, char *base)
{
    struct span text;
    char wanted[128] = "";
    size_t count = 0;

    for (; option->choices[count] != NULL; count++) {
        size_t used = strlen(wanted);

        (void)snprintf(wanted + used, sizeof(wanted) - used, "%s%s", count == 0 ? "" : ", ",
                       option->choices[count]);
    }
    if (!read_text(loader, node, name, wanted, &text)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (span_is(text, option->choices[i])) {
            int value = (int)i;

            memcpy(base + option->offset, &value, sizeof(value));
            return true;
        }
    }
    diag_error(loader->diags, node->place, "%s is %s; it can be %s%s", name, LOG_S(text), wanted,
               did_you_mean(suggest(text, option->choices, count)).text);
    return false;
}

static bool read_type(struct loader *loader, const struct config_option *option, const char *name,
                      const struct yaml_node *node, char *base)
{
    const char *names[TYPES_MAX + 1] = {NULL};
    struct config_option choice = {.choices = names};
    int which = 0;

    for (size_t i = 0; i < loader->types->count; i++) {
        names[i] = loader->types->items[i]->name;
    }
    if (!read_choice(loader, &choice, name, node, (char *)&which)) {
        return false;
    }
    memcpy(base + option->offset, &loader->types->items[which], sizeof(struct config_type *));
    return true;
}

static bool read_texts(struct loader *loader, const struct config_option *option, const char *name,
                       const struct yaml_node *node, char *base)
{
    struct yaml_node *one = (struct yaml_node *)node;
    bool is_one = node->kind == YAML_SCALAR;
    size_t count = is_one ? 1 : node->count;
    struct yaml_node *const *items = is_one ? &one : node->items;
    struct span *texts;

    if (!is_one && !is_list(loader, node, name)) {
        return false;
    }
    texts = loader_keep(loader, count, sizeof(texts[0]));
    for (size_t i = 0; i < count; i++) {
        if (!read_text(loader, items[i], name, wanted_text(option->type), &texts[i])) {
            return false;
        }
        if (option->type == OPTION_FILES) {
            texts[i] = loader_path(loader, texts[i]);
        }
    }
    if (count == 0 && option->is_required) {
        diag_error(loader->diags, node->place, "%s is empty: list at least one", name);
        return false;
    }
    memcpy(base + option->offset, &texts, sizeof(texts));
    memcpy(base + option->offset_more, &count, sizeof(count));
    return true;
}

static bool read_one_text(struct loader *loader, const struct config_option *option,
                          const char *name, const struct yaml_node *node, char *base)
{
    struct span text;

    if (!read_text(loader, node, name, wanted_text(option->type), &text)) {
        return false;
    }
    if (option->type == OPTION_FILE) {
        text = loader_path(loader, text);
    }
    memcpy(base + option->offset, &text, sizeof(text));
    if (option->offset_more != 0) {
        memcpy(base + option->offset_more, &node->place, sizeof(node->place));
    }
    return true;
}

bool read_value(struct loader *loader, const char *section, const struct config_option *option,
                const struct yaml_node *node, char *base)
{
    char name[96];

    (void)option_name(section, option, name);
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_PATH:
        return read_one_text(loader, option, name, node, base);
    case OPTION_TEXTS:
    case OPTION_FILES:
        return read_texts(loader, option, name, node, base);
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_RANGE:
    case OPTION_SIZE:
    case OPTION_PERCENT:
    case OPTION_RATE:
        return read_number(loader, option, name, node, base);
    case OPTION_BOOL:
        return read_bool(loader, option, name, node, base);
    case OPTION_CHOICE:
        return read_choice(loader, option, name, node, base);
    case OPTION_TYPE:
        return read_type(loader, option, name, node, base);
    case OPTION_SECRET: {
        struct secret *secret = read_secret(loader, node, name);

        memcpy(base + option->offset, &secret, sizeof(struct secret *));
        return secret != NULL;
    }
    case OPTION_MAP:
    case OPTION_LIST:
        if (option->type == OPTION_MAP ? !is_map(loader, node, name)
                                       : !is_list(loader, node, name)) {
            return false;
        }
        memcpy(base + option->offset, &node, sizeof(struct yaml_node *));
        return true;
    case OPTION_SECTION:
    case OPTION_SPECIAL:
        break;
    }
    INVARIANT(!"sections and specials are read by read_option()");
    return false;
}
