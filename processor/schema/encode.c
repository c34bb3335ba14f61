#include "schema/decoder.h"

#include <endian.h>
#include <string.h>

#include "schema/walk.h"

static void add_long(struct buf *out, int64_t number)
{
    uint64_t n = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    unsigned char bytes[10];
    size_t len = 0;

    while (n >= 0x80) {
        bytes[len++] = (unsigned char)(n | 0x80);
        n >>= 7;
    }
    bytes[len++] = (unsigned char)n;
    buf_add(out, bytes, len);
}

static void add_text(struct buf *out, const struct value *value)
{
    add_long(out, value->len);
    buf_add(out, value->p, value->len);
}

static void add_float(struct buf *out, double number)
{
    float narrow = (float)number;
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof(bits));
    bits = htole32(bits);
    buf_add(out, &bits, sizeof(bits));
}

static void add_double(struct buf *out, double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    bits = htole64(bits);
    buf_add(out, &bits, sizeof(bits));
}

static void add_leaf(struct buf *out, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_BOOL:
        buf_add_char(out, (char)value->i);
        break;
    case VALUE_INT:
    case VALUE_LONG:
        add_long(out, value->i);
        break;
    case VALUE_FLOAT:
        add_float(out, value->d);
        break;
    case VALUE_DOUBLE:
        add_double(out, value->d);
        break;
    case VALUE_STRING:
    case VALUE_BYTES:
        add_text(out, value);
        break;
    case VALUE_FIXED:
        buf_add(out, value->p, value->len);
        break;
    case VALUE_ENUM:
        add_long(out, value->aux);
        break;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        break;
    }
}

void value_encode(const struct value *value, const struct type *type, struct buf *out)
{
    struct walk walk;

    walk_init(&walk, value, type);
    while (walk_next(&walk)) {
        bool is_counted = walk.type->kind == TYPE_ARRAY || walk.type->kind == TYPE_MAP;

        if (walk.event == WALK_CLOSE) {
            if (is_counted && walk.value->len > 0) {
                add_long(out, 0);
            }
            continue;
        }
        if (walk.key != NULL) {
            add_text(out, walk.key);
        }
        if (walk.declared->kind == TYPE_UNION) {
            add_long(out, walk.value->branch);
        }
        if (walk.event == WALK_LEAF) {
            add_leaf(out, walk.value);
        } else if (is_counted) {
            add_long(out, walk.value->len); /* 0 ends it at once */
        }
    }
}
