#include "schema/canonical.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "schema/hash.h"
#include "schema/memory.h"

/* A definition stands at its first place and is a name from then on. */
struct written {
    const struct type *type; /* the key */
    UT_hash_handle hh;
};

static void write_type(struct written **seen, const struct type *type, struct buf *out);

static void write_fields(struct written **seen, const struct type *type, struct buf *out)
{
    buf_add_text(out, ",\"fields\":[");
    for (size_t i = 0; i < type->field_count; i++) {
        buf_add_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        buf_add_json_string(out, type->fields[i].name);
        buf_add_text(out, ",\"type\":");
        write_type(seen, type->fields[i].type, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_named(struct written **seen, const struct type *type, struct buf *out)
{
    struct written *mark = NULL;

    HASH_FIND_PTR(*seen, &type, mark);
    if (mark != NULL) {
        buf_add_json_string(out, type->name);
        return;
    }
    mark = mem_new(struct written);
    mark->type = type;
    HASH_ADD_PTR(*seen, type, mark);
    buf_add_text(out, "{\"name\":");
    buf_add_json_string(out, type->name);
    buf_printf(out, ",\"type\":\"%s\"", type_word(type->kind));
    if (type->kind == TYPE_FIXED) {
        buf_printf(out, ",\"size\":%u", type->fixed_bytes);
    } else if (type->kind == TYPE_ENUM) {
        buf_add_text(out, ",\"symbols\":[");
        for (size_t i = 0; i < type->symbol_count; i++) {
            buf_add_text(out, i == 0 ? "" : ",");
            buf_add_json_string(out, type->symbols[i]);
        }
        buf_add_char(out, ']');
    } else {
        write_fields(seen, type, out);
    }
    buf_add_char(out, '}');
}

/* Recursion follows the schema's JSON, whose nesting is bounded: what is named a second time is not
 * entered. */
static void write_type(struct written **seen, const struct type *type, struct buf *out)
{
    if (type_is_named(type)) {
        write_named(seen, type, out);
    } else if (type->kind == TYPE_UNION) {
        buf_add_char(out, '[');
        for (size_t i = 0; i < type->branch_count; i++) {
            buf_add_text(out, i == 0 ? "" : ",");
            write_type(seen, type->branches[i], out);
        }
        buf_add_char(out, ']');
    } else if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        buf_printf(out, "{\"type\":\"%s\",\"%s\":", type_word(type->kind),
                   type->kind == TYPE_ARRAY ? "items" : "values");
        write_type(seen, type->items, out);
        buf_add_char(out, '}');
    } else {
        buf_add_json_string(out, type->name);
    }
}

void schema_canonical(const struct type *root, struct buf *out)
{
    struct written *seen = NULL;
    struct written *one;
    struct written *next;

    write_type(&seen, root, out);
    HASH_ITER(hh, seen, one, next)
    {
        HASH_DEL(seen, one);
        free(one);
    }
}

uint64_t crc64_avro(struct span bytes)
{
    static const uint64_t empty = 0xc15d213aa4d7a795u; /* the polynomial, and what "" gives */
    uint64_t crc = empty;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? empty : 0);
        }
    }
    return crc;
}
