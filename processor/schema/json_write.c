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

static void write_json(const struct value *value, const struct type *type, bool is_plain,
                       struct buf *out)
{
    struct walk walk;

    walk_init(&walk, value, type);
    while (walk_next(&walk)) {
        bool is_list = walk.type->kind == TYPE_ARRAY;

        if (walk.event == WALK_CLOSE) {
            buf_add_char(out, is_list ? ']' : '}');
            continue;
        }
        if (!walk.is_first) {
            buf_add_char(out, ',');
        }
        if (walk.field != NULL || walk.key != NULL) {
            buf_add_json_string(out, walk.field != NULL ? walk.field->name : value_text(walk.key));
            buf_add_char(out, ':');
        }
        if (walk.event == WALK_OPEN) {
            buf_add_char(out, is_list ? '[' : '{');
        } else if (is_plain) {
            add_plain_leaf(out, walk.value, walk.type);
        } else {
            add_leaf(out, walk.value);
        }
    }
}

void value_to_json(const struct value *value, const struct type *type, struct buf *out)
{
    write_json(value, type, false, out);
}

void value_to_plain_json(const struct value *value, const struct type *type, struct buf *out)
{
    write_json(value, type, true, out);
}
