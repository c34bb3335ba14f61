#include "destinations/tiktok/fit.h"

#include "destinations/tiktok/member.h"
#include "event/scalar.h"

enum {
    TEXTS = 1 << TYPE_STRING | 1 << TYPE_ENUM,
    WHOLES = 1 << TYPE_INT | 1 << TYPE_LONG,
    NUMBERS = WHOLES | 1 << TYPE_FLOAT | 1 << TYPE_DOUBLE,
    BOOLS = 1 << TYPE_BOOL,
    ARRAYS = 1 << TYPE_ARRAY,
};

/* The Avro types a kind of field can be made from (decimals count as numbers). */
static const unsigned accepted[] = {
    [FIELD_TEXT] = TEXTS | NUMBERS | BOOLS,
    [FIELD_URL] = 1 << TYPE_STRING,
    [FIELD_ID] = TEXTS | NUMBERS,
    [FIELD_NUMBER] = 1 << TYPE_STRING | NUMBERS,
    [FIELD_INTEGER] = 1 << TYPE_STRING | NUMBERS,
    [FIELD_BOOLEAN] = TEXTS | WHOLES | BOOLS,
    [FIELD_WORD] = TEXTS,
    [FIELD_CURRENCY] = TEXTS,
    [FIELD_ADDRESS] = 1 << TYPE_STRING,
    [FIELD_IDENTIFIER] = TEXTS | NUMBERS,
    [FIELD_IDS] = TEXTS | NUMBERS | ARRAYS,
    [FIELD_NUMBERS] = ARRAYS,
    [FIELD_CONTENTS] = 0,
    [FIELD_FREE] = TEXTS | NUMBERS | BOOLS,
};

static bool is_accepted(unsigned kinds, const struct type *type)
{
    bool is_decimal = type->logical == LOGICAL_DECIMAL;

    if (is_decimal && (type->kind == TYPE_BYTES || type->kind == TYPE_FIXED)) {
        return (kinds & 1 << TYPE_DOUBLE) != 0;
    }
    return (kinds & 1u << type->kind) != 0;
}

static struct path *compile(const struct fit_base *base, struct span text)
{
    struct path *path = NULL;
    enum err_code rc = base->readers != NULL
                           ? path_compile(base->readers, text, &path, NULL)
                           : path_compile_from(base->types, base->count, text, &path, NULL);

    return rc == ERR_OK ? path : NULL;
}

/* Of some identifiers a number is never one. */
static unsigned kinds_of(const struct tiktok_field *field)
{
    if (field->kind == FIELD_IDENTIFIER) {
        switch (field->identifier) {
        case IDENTIFIER_EMAIL:
        case IDENTIFIER_NAME:
        case IDENTIFIER_PLACE:
        case IDENTIFIER_COUNTRY:
        case IDENTIFIER_IDFA:
        case IDENTIFIER_GAID:
            return TEXTS;
        case IDENTIFIER_PHONE:
        case IDENTIFIER_EXTERNAL_ID:
        case IDENTIFIER_ZIP:
            break;
        }
    }
    return accepted[field->kind];
}

/* What is to be made, of which types, and how people call that. */
struct wanted {
    const struct tiktok_field *field; /* NULL: an id */
    const char *name;
    const char *word;
    unsigned kinds;
};

/* Of an enum that names none of the field's words no symbol is ever sent. */
static bool has_word(const struct tiktok_field *field, const struct type *type)
{
    if (field == NULL || type->kind != TYPE_ENUM ||
        (field->kind != FIELD_WORD && field->kind != FIELD_CURRENCY &&
         field->kind != FIELD_BOOLEAN)) {
        return true;
    }
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (member_takes_text(field, type->symbols[i])) {
            return true;
        }
    }
    return false;
}

/* One type that is no union, or the elements of an array. */
static bool is_fit_one(const struct wanted *wanted, unsigned kinds, const struct type *type)
{
    return is_accepted(kinds, type) && has_word(wanted->field, type);
}

static bool is_fit_any(const struct wanted *wanted, unsigned kinds, const struct type *type)
{
    if (type->kind != TYPE_UNION) {
        return is_fit_one(wanted, kinds, type);
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (is_fit_one(wanted, kinds, type->branches[i])) {
            return true;
        }
    }
    return false;
}

static bool has_fit_elements(const struct wanted *wanted, const struct type *type)
{
    unsigned kinds = wanted->kinds & ~(unsigned)ARRAYS;

    return type->kind == TYPE_ARRAY && (wanted->kinds & ARRAYS) != 0 &&
           is_fit_any(wanted, kinds != 0 ? kinds : NUMBERS | 1u << TYPE_STRING, type->items);
}

static bool is_fit(const struct wanted *wanted, const struct type *type)
{
    if (is_fit_any(wanted, wanted->kinds & ~(unsigned)ARRAYS, type) ||
        has_fit_elements(wanted, type)) {
        return true;
    }
    for (size_t i = 0; type->kind == TYPE_UNION && i < type->branch_count; i++) {
        if (has_fit_elements(wanted, type->branches[i])) {
            return true;
        }
    }
    return false;
}

static bool check_types(const struct wanted *wanted, const struct fit_base *base, struct span name,
                        struct place place, struct diags *diags)
{
    struct path *path = compile(base, name);
    const struct type *misfit = NULL;
    bool is_any_fit = false;

    if (path == NULL) {
        return true;
    }
    for (size_t i = 0; i < base->count; i++) {
        const struct type *type = path_type(path, i);

        if (type != NULL && is_fit(wanted, type)) {
            is_any_fit = true;
        } else if (type != NULL) {
            misfit = type;
        }
    }
    path_free(path);
    if (misfit == NULL || is_any_fit) {
        return true;
    }
    diag_error(diags, place, "%s takes %s; '" SPAN_FMT "' is of type %s%s", wanted->name,
               wanted->word, SPAN_ARG(name), type_word(misfit->kind),
               misfit->kind == TYPE_ENUM && (wanted->kinds & 1u << TYPE_ENUM) != 0
                   ? ", and none of its symbols is one"
               : misfit->kind == TYPE_ARRAY && (wanted->kinds & ARRAYS) != 0 ? " of something else"
                                                                             : "");
    return false;
}

static bool check_path(const struct tiktok_field *field, const struct yaml_node *node,
                       const struct fit_base *base, struct diags *diags)
{
    const struct wanted wanted = {field, field->name, field_kind_word(field->kind),
                                  kinds_of(field) | (field->is_list ? (unsigned)ARRAYS : 0)};
    struct span name;
    struct span parameter;

    if (origin_split(node->text, &name, &parameter)) {
        return true; /* text, whatever it holds */
    }
    return check_types(&wanted, base, name, node->place, diags);
}

static bool check_constant(const struct tiktok_field *field, const struct yaml_node *node,
                           struct diags *diags)
{
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        return true; /* origin_compile() says what is wrong */
    }
    if (member_takes_text(field, node->text)) {
        return true;
    }
    diag_error(diags, node->place, "'" SPAN_FMT "' is not a value for %s, which takes %s",
               SPAN_ARG(node->text), field->name, field_kind_word(field->kind));
    return false;
}

static bool check_one(const struct tiktok_field *field, const struct yaml_node *node,
                      const struct fit_base *base, struct diags *diags)
{
    const struct yaml_node *constant = yaml_get(node, "value");

    if (node->kind == YAML_SCALAR) {
        return yaml_is_null(node) || check_path(field, node, base, diags);
    }
    return constant == NULL || check_constant(field, constant, diags);
}

bool fit_check(const struct tiktok_field *field, const struct yaml_node *node,
               const struct fit_base *base, struct diags *diags)
{
    bool is_good = true;

    if (node->kind != YAML_LIST) {
        return check_one(field, node, base, diags);
    }
    for (size_t i = 0; i < node->count; i++) {
        is_good = check_one(field, node->items[i], base, diags) && is_good;
    }
    return is_good;
}

bool fit_check_source_id(struct span path, const struct readers *readers, struct place place,
                         struct diags *diags)
{
    const struct wanted wanted = {NULL, "event_source_id", field_kind_word(FIELD_ID),
                                  TEXTS | WHOLES};
    const struct fit_base base = {.readers = readers, .count = readers->count};

    return check_types(&wanted, &base, path, place, diags);
}
