#include "schema/decoder.h"

#include "base/json.h"
#include "base/number.h"
#include "schema/decimal.h"
#include "schema/walk.h"

/* One character for each byte, as Avro's JSON has it. */
static void add_bytes(struct buf *out, const struct value *value)
{
    static const char hex[] = "0123456789abcdef";

    buf_add_char(out, '"');
    for (uint32_t i = 0; i < value->len; i++) {
        unsigned char c = (unsigned char)value->p[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            buf_add_char(out, (char)c);
        } else {
            buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    buf_add_char(out, '"');
}

static void add_leaf(struct buf *out, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_BOOL:
        buf_add_text(out, value->i != 0 ? "true" : "false");
        return;
    case VALUE_INT:
    case VALUE_LONG:
        buf_add_i64(out, value->i);
        return;
    case VALUE_FLOAT:
        buf_add_float(out, (float)value->d);
        return;
    case VALUE_DOUBLE:
        buf_add_double(out, value->d);
        return;
    case VALUE_STRING:
    case VALUE_ENUM:
        buf_add_json_string(out, value_text(value));
        return;
    case VALUE_BYTES:
    case VALUE_FIXED:
        add_bytes(out, value);
        return;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        break;
    }
    buf_add_text(out, "null");
}

static void add_plain_leaf(struct buf *out, const struct value *value, const struct type *type)
{
    char text[DECIMAL_TEXT_BYTES];
    size_t len = 0;

    if (type->logical == LOGICAL_DECIMAL) {
        len = decimal_text(value_text(value), type->scale, text);
    }
    if (len > 0) {
        buf_add(out, text, len);
    } else {
        add_leaf(out, value);
    }
}

/* Names from the root to the value at hand. */
struct json_path {
    struct span names[WALK_LEVELS_MAX];
    size_t count;
};

static void add_key(struct buf *out, const struct walk *walk, struct span name,
                    const struct json_mask *mask, const struct json_path *path)
{
    if (mask == NULL || walk->key == NULL ||
        !mask->replace(mask->context, path->names, path->count, name, out)) {
        buf_add_json_string(out, name);
    }
    buf_add_char(out, ':');
}

/* Of texts and bytes what is in them; a decimal's bytes are a number. */
static struct span text_of(const struct walk *walk)
{
    bool is_text = walk->value->kind == VALUE_STRING || walk->value->kind == VALUE_BYTES ||
                   walk->value->kind == VALUE_FIXED;

    return is_text && walk->type->logical != LOGICAL_DECIMAL ? value_text(walk->value) : SPAN_NONE;
}

/* A null says that something is missing, which is no secret. */
static bool is_masked(const struct walk *walk, const struct json_mask *mask,
                      const struct json_path *path, struct buf *out)
{
    return mask != NULL && walk->value->kind != VALUE_NULL &&
           mask->replace(mask->context, path->names, path->count, text_of(walk), out);
}

static void write_json(const struct value *value, const struct type *type, bool is_plain,
                       const struct json_mask *mask, struct buf *out)
{
    struct json_path path = {.count = 0};
    struct walk walk;

    walk_init(&walk, value, type);
    while (walk_next(&walk)) {
        bool is_list = walk.type->kind == TYPE_ARRAY;
        struct span name = walk.field != NULL ? walk.field->name
                           : walk.key != NULL ? value_text(walk.key)
                                              : SPAN("");

        if (walk.event == WALK_CLOSE) {
            path.count--;
            buf_add_char(out, is_list ? ']' : '}');
            continue;
        }
        if (!walk.is_first) {
            buf_add_char(out, ',');
        }
        if (walk.field != NULL || walk.key != NULL) {
            add_key(out, &walk, name, mask, &path);
        }
        path.names[path.count++] = name;
        if (walk.event == WALK_OPEN) {
            buf_add_char(out, is_list ? '[' : '{');
            continue;
        }
        if (is_masked(&walk, mask, &path, out)) {
            /* what stands for it is there */
        } else if (is_plain) {
            add_plain_leaf(out, walk.value, walk.type);
        } else {
            add_leaf(out, walk.value);
        }
        path.count--;
    }
}

void value_to_json(const struct value *value, const struct type *type, struct buf *out)
{
    write_json(value, type, false, NULL, out);
}

void value_to_plain_json(const struct value *value, const struct type *type, struct buf *out)
{
    write_json(value, type, true, NULL, out);
}

void value_to_masked_json(const struct value *value, const struct type *type,
                          const struct json_mask *mask, struct buf *out)
{
    write_json(value, type, true, mask, out);
}
