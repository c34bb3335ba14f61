#include "event/origin.h"

#include <stdlib.h>

#include "base/mem.h"
#include "event/scalar.h"

enum { SOURCES_MAX = 64 }; /* of one list; each is tried for each event */

/* One alternative of an origin. */
struct origin_source {
    struct path *path;     /* owned; NULL: a constant */
    struct span written;   /* the path, with its parameter; borrowed from the YAML document */
    struct span parameter; /* of the URL at path; absent: the value itself */
    bool is_scalar;        /* constant: a number or boolean, in value; else text */
    struct value value;    /* constant */
    const struct type *type;
    enum text_kind kind; /* of the texts it gives */
    struct span text;    /* constant; borrowed from the YAML document */
};

struct origin {
    struct origin_source *sources; /* owned */
    size_t count;
};

/* Where paths start: the readers, or the element types of an `each:`. */
struct base {
    const struct readers *readers; /* NULL: types */
    const struct type *const *types;
    size_t count;
    bool is_default;
    struct diags *diags;
};

static const struct type bool_type = {.kind = TYPE_BOOL, .name = {"boolean", 7}};
static const struct type long_type = {.kind = TYPE_LONG, .name = {"long", 4}};
static const struct type double_type = {.kind = TYPE_DOUBLE, .name = {"double", 6}};

bool origin_split(struct span text, struct span *path, struct span *parameter)
{
    bool is_in_quotes = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            is_in_quotes = !is_in_quotes;
        } else if (text.ptr[i] == '?' && !is_in_quotes) {
            *path = span_sub(text, 0, i);
            *parameter = span_sub(text, i + 1, text.len);
            return true;
        }
    }
    *path = text;
    *parameter = SPAN_NONE;
    return false;
}

/* The URL of a query parameter has to be text in each reader that has it. */
static bool check_url(const struct base *base, const struct path *path, struct span name,
                      struct place place)
{
    for (size_t i = 0; i < base->count; i++) {
        const struct type *type = path_type(path, i);

        if (type != NULL && type->kind != TYPE_STRING && type->kind != TYPE_UNION) {
            if (!base->is_default) {
                diag_error(base->diags, place,
                           "'" SPAN_FMT "' is of type %s; a query parameter is taken from a URL, "
                           "which is a string",
                           SPAN_ARG(name), type_word(type->kind));
            }
            return false;
        }
    }
    return true;
}

static bool compile_path(const struct base *base, const struct yaml_node *node,
                         struct origin_source *out)
{
    struct span name;
    struct err err = {0};
    enum err_code rc;

    if (origin_split(node->text, &name, &out->parameter) && out->parameter.len == 0) {
        diag_error(base->diags, node->place,
                   "a query parameter is missing behind the '?': write PATH?NAME");
        return false;
    }
    rc = base->readers != NULL
             ? path_compile(base->readers, name, &out->path, &err)
             : path_compile_from(base->types, base->count, name, &out->path, &err);
    out->written = node->text;
    if (rc != ERR_OK) {
        if (!base->is_default) {
            diag_error(base->diags, node->place, "%s", err.text);
        }
        return false;
    }
    out->kind = out->parameter.ptr == NULL ? TEXT_FREE : TEXT_CODE;
    if (out->parameter.ptr != NULL && !check_url(base, out->path, name, node->place)) {
        path_free(out->path);
        out->path = NULL;
        return false;
    }
    return true;
}

/* {value: X}. Only true and false are booleans here: {value: NO} is a country. */
static bool compile_constant(const struct base *base, const struct yaml_node *node,
                             struct origin_source *out)
{
    struct numeric number;

    if (node->is_broken) {
        return false;
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        diag_error(base->diags, node->place, "a constant is a text, a number, true or false");
        return false;
    }
    if (node->text.len == 0) {
        diag_error(base->diags, node->place, "an empty constant would never be sent: leave it out");
        return false;
    }
    out->text = node->text;
    if (node->is_quoted) {
        return true;
    }
    if (span_is(node->text, "true") || span_is(node->text, "false")) {
        out->is_scalar = true;
        out->type = &bool_type;
        out->value = (struct value){.kind = VALUE_BOOL, .i = span_is(node->text, "true")};
    } else if (scalar_is_json_number(node->text) && numeric_parse(node->text, &number)) {
        out->is_scalar = true;
        out->type = number.is_integer ? &long_type : &double_type;
        if (number.is_integer) {
            out->value = (struct value){.kind = VALUE_LONG, .i = number.i};
        } else {
            out->value = (struct value){.kind = VALUE_DOUBLE, .d = number.d};
        }
    }
    return true;
}

static bool compile_map(const struct base *base, const struct yaml_node *node,
                        struct origin_source *out)
{
    const struct yaml_node *value = yaml_get(node, "value");

    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];

        if (span_is(pair->key, "each") || span_is(pair->key, "fields")) {
            diag_error(base->diags, pair->place,
                       "'each' makes an array of objects; this place takes one value: a path, a "
                       "list of paths or {value: X}");
            return false;
        }
        if (!span_is(pair->key, "value")) {
            diag_error(base->diags, pair->place,
                       "unknown key '" SPAN_FMT "': a constant is written {value: X}",
                       SPAN_ARG(pair->key));
            return false;
        }
    }
    if (value == NULL) {
        diag_error(base->diags, node->place,
                   "an empty mapping: write a path, a list of paths or {value: X}");
        return false;
    }
    return compile_constant(base, value, out);
}

static bool compile_source(const struct base *base, const struct yaml_node *node,
                           struct origin_source *out)
{
    *out = (struct origin_source){0};
    if (node->is_broken) { /* reported where it was read */
        return false;
    }
    switch (node->kind) {
    case YAML_MAP:
        return compile_map(base, node, out);
    case YAML_LIST:
        diag_error(base->diags, node->place, "a list inside a list: write one list of paths");
        return false;
    case YAML_SCALAR:
        break;
    }
    if (yaml_is_null(node) || node->text.len == 0) {
        diag_error(base->diags, node->place, "a path is missing here, for example user.email");
        return false;
    }
    return compile_path(base, node, out);
}

static struct origin *compile(const struct base *base, const struct yaml_node *node)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    size_t errors_before = base->diags->error_count;
    struct origin *origin;

    if (count == 0 || count > SOURCES_MAX) {
        diag_error(base->diags, node->place, "a list of sources has 1 to %d entries", SOURCES_MAX);
        return NULL;
    }
    origin = mem_new(struct origin);
    origin->sources = mem_array(count, struct origin_source);
    for (size_t i = 0; i < count; i++) {
        if (compile_source(base, is_list ? node->items[i] : node,
                           &origin->sources[origin->count])) {
            origin->count++;
        }
    }
    if (origin->count == 0 || base->diags->error_count > errors_before) {
        origin_free(origin);
        return NULL;
    }
    return origin;
}

struct origin *origin_compile(const struct yaml_node *node, const struct readers *readers,
                              bool is_default, struct diags *diags)
{
    const struct base base = {
        .readers = readers, .count = readers->count, .is_default = is_default, .diags = diags};

    return compile(&base, node);
}

struct origin *origin_compile_from(const struct yaml_node *node, const struct type *const *types,
                                   size_t count, struct diags *diags)
{
    const struct base base = {.types = types, .count = count, .diags = diags};

    return compile(&base, node);
}

void origin_set_kind(struct origin *origin, enum text_kind kind)
{
    for (size_t i = 0; i < origin->count; i++) {
        origin->sources[i].kind = kind;
    }
}

void origin_free(struct origin *origin)
{
    if (origin == NULL) {
        return;
    }
    for (size_t i = 0; i < origin->count; i++) {
        path_free(origin->sources[i].path);
    }
    free(origin->sources);
    free(origin);
}

static bool get_parameter(const struct origin_source *source, const struct value *url,
                          struct arena *arena, struct origin_value *out)
{
    struct span text = SPAN_NONE;

    if (url->kind == VALUE_STRING) {
        text = url_query_get(value_text(url), source->parameter, arena);
    }
    *out = (struct origin_value){.text = text, .is_present = text.len > 0};
    return out->is_present;
}

static void get_constant(const struct origin_source *source, struct origin_value *out)
{
    *out = (struct origin_value){.is_present = true, .is_constant = true};
    if (source->is_scalar) {
        out->value = &source->value;
        out->type = source->type;
    } else {
        out->text = source->text;
    }
}

/* Is it there? @out is written only then. */
static bool get_source(const struct origin_source *source, size_t reader, const struct value *root,
                       struct arena *arena, struct origin_value *out)
{
    const struct value *value;

    if (source->path == NULL) {
        get_constant(source, out);
        return true;
    }
    value = path_get(source->path, reader, root);
    if (value == NULL) {
        return false;
    }
    if (source->parameter.ptr != NULL) {
        return get_parameter(source, value, arena, out);
    }
    if ((value->kind == VALUE_STRING || value->kind == VALUE_BYTES) && value->len == 0) {
        return false;
    }
    *out = (struct origin_value){.value = value,
                                 .type = scalar_type(path_type(source->path, reader), value),
                                 .is_present = true};
    return true;
}

bool origin_value_is_absent(const struct origin_value *value, enum text_kind kind)
{
    if (!value->is_present) {
        return true;
    }
    if (value->is_constant) {
        return false;
    }
    if (value->value == NULL) {
        return text_is_absent(value->text, kind);
    }
    switch ((enum value_kind)value->value->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_STRING:
        return text_is_absent(value_text(value->value), kind);
    case VALUE_ENUM: /* a symbol of the schema's; as an id NONE is none */
        return kind == TEXT_CODE && text_is_absent(value_text(value->value), kind);
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
    case VALUE_BYTES:
    case VALUE_FIXED:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        break;
    }
    return false;
}

bool origin_next(const struct origin *origin, size_t *index, size_t reader,
                 const struct value *root, struct arena *arena, struct origin_value *out)
{
    while (*index < origin->count) {
        const struct origin_source *source = &origin->sources[(*index)++];

        if (get_source(source, reader, root, arena, out) &&
            !origin_value_is_absent(out, source->kind)) {
            return true;
        }
    }
    return false;
}

struct origin_value origin_get(const struct origin *origin, size_t reader, const struct value *root,
                               struct arena *arena)
{
    struct origin_value got;
    size_t index = 0;

    return origin_next(origin, &index, reader, root, arena, &got) ? got : (struct origin_value){0};
}

void origin_describe(const struct origin *origin, struct buf *out)
{
    buf_add_text(out, origin->count > 1 ? "[" : "");
    for (size_t i = 0; i < origin->count; i++) {
        const struct origin_source *source = &origin->sources[i];

        buf_add_text(out, i > 0 ? ", " : "");
        if (source->path != NULL) {
            buf_add_span(out, source->written);
        } else {
            buf_printf(out, "{value: " SPAN_FMT "}", SPAN_ARG(source->text));
        }
    }
    buf_add_text(out, origin->count > 1 ? "]" : "");
}

struct span origin_text(const struct origin_value *value, struct arena *arena)
{
    if (!value->is_present) {
        return SPAN_NONE;
    }
    return value->value == NULL ? value->text : scalar_text(value->value, value->type, arena);
}
