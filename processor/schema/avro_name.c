#include "schema/avro_name.h"

#include <stdio.h>

#include "schema/memory.h"

static const char *const words[] = {
    [TYPE_NULL] = "null",     [TYPE_BOOL] = "boolean", [TYPE_INT] = "int",
    [TYPE_LONG] = "long",     [TYPE_FLOAT] = "float",  [TYPE_DOUBLE] = "double",
    [TYPE_STRING] = "string", [TYPE_BYTES] = "bytes",  [TYPE_FIXED] = "fixed",
    [TYPE_ENUM] = "enum",     [TYPE_ARRAY] = "array",  [TYPE_MAP] = "map",
    [TYPE_RECORD] = "record", [TYPE_UNION] = "union",
};

const char *type_word(enum type_kind kind)
{
    return words[kind];
}

void type_describe(const struct type *type, char out[TYPE_TEXT_BYTES])
{
    char logical[80] = "";

    if (type->logical == LOGICAL_DECIMAL) {
        (void)snprintf(logical, sizeof(logical), " (decimal, precision %u, scale %u)",
                       type->precision, type->scale);
    } else if (type->logical != LOGICAL_NONE) {
        (void)snprintf(logical, sizeof(logical), " (%s)", logical_word(type->logical));
    }
    (void)snprintf(out, TYPE_TEXT_BYTES, "%s%s%.100s%s", type_word(type->kind),
                   type_is_named(type) ? " " : "", type_is_named(type) ? type->name.ptr : "",
                   logical);
}

bool type_kind_of(struct span word, enum type_kind *out)
{
    for (size_t i = 0; i < TYPE_UNION; i++) {
        if (span_is(word, words[i])) {
            *out = (enum type_kind)i;
            return true;
        }
    }
    return false;
}

bool type_kind_is_primitive(enum type_kind kind)
{
    return kind <= TYPE_BYTES;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool name_is_valid(struct span name)
{
    if (name.ptr == NULL || name.len == 0 || name.len > NAME_BYTES_MAX || !is_letter(name.ptr[0])) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        if (!is_letter(name.ptr[i]) && !(name.ptr[i] >= '0' && name.ptr[i] <= '9')) {
            return false;
        }
    }
    return true;
}

bool name_is_harmless(struct span name)
{
    if (name.ptr == NULL || name.len == 0 || name.len > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

bool full_name_is_valid(struct span name)
{
    size_t from = 0;

    if (name.len > NAME_BYTES_MAX) {
        return false;
    }
    for (;;) {
        size_t dot = span_find(name, '.', from);

        if (!name_is_valid(span_sub(name, from, dot))) {
            return false;
        }
        if (dot == name.len) {
            return true;
        }
        from = dot + 1;
    }
}

struct span name_space_of(struct span full_name)
{
    for (size_t i = full_name.len; i > 0; i--) {
        if (full_name.ptr[i - 1] == '.') {
            return span_sub(full_name, 0, i - 1);
        }
    }
    return SPAN("");
}

struct span type_short_name(struct span full_name)
{
    struct span space = name_space_of(full_name);

    return space.len == 0 ? full_name : span_sub(full_name, space.len + 1, full_name.len);
}

struct span name_qualify(struct span space, struct span name, struct buf *out)
{
    buf_clear(out);
    if (name.len > 1 && name.ptr[0] == '.' && span_find(name, '.', 1) == name.len) {
        name = span_sub(name, 1, name.len); /* ".User": in no namespace */
        space = SPAN("");
    }
    if (space.len > 0 && span_find(name, '.', 0) == name.len) {
        buf_add_span(out, space);
        buf_add_char(out, '.');
    }
    buf_add_span(out, name);
    return buf_span(out);
}

struct span name_of_definition(const json_t *node, struct span space, struct buf *out)
{
    struct span name = schema_json_text(json_object_get(node, "name"));
    const json_t *own_space = json_object_get(node, "namespace");

    if (name.ptr == NULL) {
        return SPAN_NONE;
    }
    if (json_is_string(own_space)) {
        space = schema_json_text(own_space);
    }
    return name_qualify(space, name, out);
}
