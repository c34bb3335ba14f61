#include "schema/json_read.h"

#include <float.h>
#include <math.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "schema/json_logical.h"
#include "schema/vet.h"

enum {
    JSON_BYTES_MAX = 16 * 1024 * 1024,
    PATH_BYTES_MAX = 4096,
};

static enum err_code read_value(struct json_reader *r, const json_t *node, const struct type *type,
                                size_t depth, struct value *out);

static const char *json_word(const json_t *node)
{
    switch (json_typeof(node)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

/* "user.email: " before the text; nothing at the root. */
static enum err_code refuse(struct json_reader *r, enum err_code rc, const char *text)
{
    if (r->is_quiet) {
        return rc;
    }
    if (r->path.len == 0) {
        return FAIL(r->err, rc, "%s", text);
    }
    return FAIL(r->err, rc, "%.300s: %s", buf_text(&r->path), text);
}

static enum err_code misfit(struct json_reader *r, const json_t *node, const struct type *type,
                            const char *why)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "%s cannot be read from %s%s", type_word(type->kind),
                   json_word(node), why);
    return refuse(r, ERR_DATA, text);
}

static enum err_code no_room(struct json_reader *r)
{
    return refuse(r, ERR_LIMIT, "the value needs more memory than one may");
}

static void *take(struct json_reader *r, size_t count)
{
    return arena_alloc(r->arena, MAX_OF(count, (size_t)1) * sizeof(struct value));
}

static enum err_code read_whole(struct json_reader *r, const json_t *node, const struct type *type,
                                struct value *out)
{
    json_int_t number = json_integer_value(node);

    if (!json_is_integer(node)) {
        return misfit(r, node, type, "");
    }
    if (type->kind == TYPE_INT && (number < INT32_MIN || number > INT32_MAX)) {
        return misfit(r, node, type, " outside of 32 bits");
    }
    *out = (struct value){.kind = type->kind == TYPE_INT ? VALUE_INT : VALUE_LONG, .i = number};
    return ERR_OK;
}

static enum err_code read_real(struct json_reader *r, const json_t *node, const struct type *type,
                               struct value *out)
{
    double number = json_number_value(node);

    if (!json_is_number(node)) {
        return misfit(r, node, type, "");
    }
    if (type->kind == TYPE_FLOAT) {
        if (fabs(number) > (double)FLT_MAX) {
            return misfit(r, node, type, " outside of single precision");
        }
        *out = (struct value){.kind = VALUE_FLOAT, .d = (double)(float)number};
    } else {
        *out = (struct value){.kind = VALUE_DOUBLE, .d = number};
    }
    return ERR_OK;
}

static enum err_code read_text(struct json_reader *r, const json_t *node, const struct type *type,
                               struct value *out)
{
    struct span text;

    if (!json_is_string(node)) {
        return misfit(r, node, type, "");
    }
    text = arena_copy(r->arena, schema_json_text(node));
    if (text.ptr == NULL) {
        return no_room(r);
    }
    *out = (struct value){.kind = VALUE_STRING, .len = (uint32_t)text.len, .p = text.ptr};
    return ERR_OK;
}

/* Bytes and fixed are text whose characters U+0000 to U+00FF stand for one byte each. */
static enum err_code read_bytes(struct json_reader *r, const json_t *node, const struct type *type,
                                struct value *out)
{
    struct span text = schema_json_text(node);
    size_t len = 0;
    char *to;

    if (!json_is_string(node)) {
        return misfit(r, node, type, "");
    }
    to = arena_alloc(r->arena, text.len + 1);
    if (to == NULL) {
        return no_room(r);
    }
    for (size_t i = 0; i < text.len; len++) {
        uint32_t c;
        size_t step = utf8_decode(span_sub(text, i, text.len), &c);

        if (step == 0 || c > 0xff) {
            return misfit(r, node, type, " with characters past U+00FF");
        }
        to[len] = (char)c;
        i += step;
    }
    if (type->kind == TYPE_FIXED && len != type->fixed_bytes) {
        return misfit(r, node, type, " of another length");
    }
    *out = (struct value){.kind = type->kind == TYPE_FIXED ? VALUE_FIXED : VALUE_BYTES,
                          .len = (uint32_t)len,
                          .p = to};
    return ERR_OK;
}

static enum err_code read_symbol(struct json_reader *r, const json_t *node, const struct type *type,
                                 struct value *out)
{
    struct span text = schema_json_text(node);

    for (size_t i = 0; i < type->symbol_count && text.ptr != NULL; i++) {
        if (span_eq(type->symbols[i], text)) {
            *out = (struct value){.kind = VALUE_ENUM,
                                  .aux = (uint16_t)i,
                                  .len = (uint32_t)text.len,
                                  .p = type->symbols[i].ptr};
            return ERR_OK;
        }
    }
    return misfit(r, node, type, text.ptr == NULL ? "" : " that is none of its symbols");
}

static enum err_code read_array(struct json_reader *r, const json_t *node, const struct type *type,
                                size_t depth, struct value *out)
{
    size_t count = json_array_size(node);
    size_t path_len = r->path.len;

    if (!json_is_array(node)) {
        return misfit(r, node, type, "");
    }
    *out = (struct value){.kind = VALUE_ARRAY, .len = (uint32_t)count, .items = take(r, count)};
    if (out->items == NULL) {
        return no_room(r);
    }
    for (size_t i = 0; i < count; i++) {
        enum err_code rc;

        buf_printf(&r->path, "[%zu]", i);
        rc = read_value(r, json_array_get(node, i), type->items, depth, &out->items[i]);
        buf_truncate(&r->path, path_len);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

static enum err_code read_map(struct json_reader *r, const json_t *node, const struct type *type,
                              size_t depth, struct value *out)
{
    size_t path_len = r->path.len;
    struct value *at;
    const char *key;
    size_t key_len;
    json_t *child;

    if (!json_is_object(node)) {
        return misfit(r, node, type, "");
    }
    at = take(r, 2 * json_object_size(node));
    *out = (struct value){.kind = VALUE_MAP, .len = (uint32_t)json_object_size(node), .items = at};
    if (at == NULL) {
        return no_room(r);
    }
    json_object_keylen_foreach((json_t *)(uintptr_t)node, key, key_len, child)
    {
        struct span name = arena_copy(r->arena, (struct span){key, key_len});
        enum err_code rc;

        if (name.ptr == NULL) {
            return no_room(r);
        }
        at[0] = (struct value){.kind = VALUE_STRING, .len = (uint32_t)name.len, .p = name.ptr};
        buf_add_text(&r->path, "[a key]"); /* keys may be personal data */
        rc = read_value(r, child, type->items, depth, &at[1]);
        buf_truncate(&r->path, path_len);
        if (rc != ERR_OK) {
            return rc;
        }
        at += 2;
    }
    return ERR_OK;
}

static enum err_code refuse_unknown_key(struct json_reader *r, const json_t *node,
                                        const struct type *type)
{
    const char *key;
    json_t *child;

    json_object_foreach((json_t *)(uintptr_t)node, key, child)
    {
        struct span name = span_of(key);
        const char *near_name;
        char text[400];

        if (type_field(type, name, NULL) != NULL) {
            continue;
        }
        near_name = schema_suggest_field(type, name);
        (void)snprintf(text, sizeof(text), "no field '%.60s' in %.100s%s", key, type->name.ptr,
                       did_you_mean(near_name).text);
        return refuse(r, ERR_DATA, text);
    }
    return ERR_OK;
}

/* The default of a field that the JSON leaves out. */
static enum err_code read_missing(struct json_reader *r, struct field *field, size_t depth,
                                  struct value *out)
{
    size_t own_depth = 0;

    if (r->defaults != NULL) {
        struct err quiet;
        enum err_code rc = defaults_read_one(r->defaults, field, r->arena, &quiet, &own_depth);

        if (rc != ERR_OK) {
            return refuse(r, rc, quiet.text);
        }
        r->deepest = MAX_OF(r->deepest, depth + own_depth);
        if (r->deepest > DECODE_DEPTH_MAX) {
            return refuse(r, ERR_LIMIT, "defaults of defaults are nested too deep");
        }
    }
    if (field->fallback == NULL) {
        return refuse(r, ERR_DATA, "missing, and there is no default");
    }
    *out = *field->fallback;
    return ERR_OK;
}

static enum err_code read_record(struct json_reader *r, const json_t *node, const struct type *type,
                                 size_t depth, struct value *out)
{
    size_t path_len = r->path.len;

    if (!json_is_object(node)) {
        return misfit(r, node, type, "");
    }
    *out = (struct value){.kind = VALUE_RECORD,
                          .len = (uint32_t)type->field_count,
                          .items = take(r, type->field_count)};
    if (out->items == NULL) {
        return no_room(r);
    }
    for (size_t i = 0; i < type->field_count; i++) {
        struct field *field = &type->fields[i];
        const json_t *child = json_object_getn(node, field->name.ptr, field->name.len);
        enum err_code rc;

        if (path_len > 0) {
            buf_add_char(&r->path, '.');
        }
        buf_add_span(&r->path, field->name);
        rc = child == NULL ? read_missing(r, field, depth, &out->items[i])
                           : read_value(r, child, field->type, depth, &out->items[i]);
        buf_truncate(&r->path, path_len);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    /* A published schema may say more in a default than anybody reads; a person's typing error is
     * worth a word. */
    return r->defaults != NULL ? ERR_OK : refuse_unknown_key(r, node, type);
}

/* A whole number that a floating-point branch would change belongs to another. */
static bool would_change(const json_t *node, const struct type *branch)
{
    json_int_t number = json_integer_value(node);
    double wide = (double)number;

    if (!json_is_integer(node) || (branch->kind != TYPE_FLOAT && branch->kind != TYPE_DOUBLE)) {
        return false;
    }
    if (branch->kind == TYPE_FLOAT) {
        wide = (double)(float)number;
    }
    return wide >= 0x1p63 || (json_int_t)wide != number;
}

/* The first branch that fits. Where there is only one besides null, its error is the answer. */
static enum err_code read_union(struct json_reader *r, const json_t *node, const struct type *type,
                                size_t depth, struct value *out)
{
    bool was_quiet = r->is_quiet;
    bool is_nullable;
    const struct type *only = type_unwrap(type, &is_nullable);
    enum err_code rc = ERR_DATA;
    size_t i;

    for (i = 0; i < type->branch_count; i++) {
        if (only == type && would_change(node, type->branches[i])) {
            continue;
        }
        r->is_quiet = was_quiet || type->branches[i] != only || json_is_null(node);
        rc = read_value(r, node, type->branches[i], depth, out);
        if (rc != ERR_DATA) {
            break;
        }
    }
    r->is_quiet = was_quiet;
    if (rc == ERR_OK) {
        out->branch = (uint8_t)i;
        return ERR_OK;
    }
    if (rc == ERR_LIMIT) {
        return refuse(r, ERR_LIMIT, "the value is too large or too deep");
    }
    return is_nullable && only != type ? rc : misfit(r, node, type, ": no branch fits");
}

/* Whether @node was read, or refused, as what a person writes for a logical type. */
static bool read_by_hand(struct json_reader *r, const json_t *node, const struct type *type,
                         struct value *out, enum err_code *rc)
{
    const char *why = "";

    switch (logical_from_json(node, type, r->arena, out, &why)) {
    case HAND_OTHER:
        return false;
    case HAND_READ:
        *rc = ERR_OK;
        return true;
    case HAND_WRONG:
        *rc = misfit(r, node, type, why);
        return true;
    case HAND_NO_ROOM:
        *rc = no_room(r);
        return true;
    }
    return false;
}

/* Recursion ends at the depth a value may have. */
static enum err_code read_value(struct json_reader *r, const json_t *node, const struct type *type,
                                size_t depth, struct value *out)
{
    enum err_code rc;

    if (r->budget == 0) {
        return refuse(r, ERR_LIMIT, "the value is too large");
    }
    r->budget--;
    if (r->is_by_hand && read_by_hand(r, node, type, out, &rc)) {
        return rc;
    }
    switch (type->kind) {
    case TYPE_NULL:
        *out = (struct value){.kind = VALUE_NULL};
        return json_is_null(node) ? ERR_OK : misfit(r, node, type, "");
    case TYPE_BOOL:
        *out = (struct value){.kind = VALUE_BOOL, .i = json_is_true(node)};
        return json_is_boolean(node) ? ERR_OK : misfit(r, node, type, "");
    case TYPE_INT:
    case TYPE_LONG:
        return read_whole(r, node, type, out);
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return read_real(r, node, type, out);
    case TYPE_STRING:
        return read_text(r, node, type, out);
    case TYPE_BYTES:
    case TYPE_FIXED:
        return read_bytes(r, node, type, out);
    case TYPE_ENUM:
        return read_symbol(r, node, type, out);
    case TYPE_UNION:
        return read_union(r, node, type, depth, out);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
        break;
    }
    depth++;
    r->deepest = MAX_OF(r->deepest, depth);
    if (depth > DECODE_DEPTH_MAX) {
        return refuse(r, ERR_LIMIT, "the value is nested too deep");
    }
    return type->kind == TYPE_ARRAY ? read_array(r, node, type, depth, out)
           : type->kind == TYPE_MAP ? read_map(r, node, type, depth, out)
                                    : read_record(r, node, type, depth, out);
}

void json_reader_init(struct json_reader *reader, struct arena *arena, struct err *err)
{
    *reader = (struct json_reader){.arena = arena, .err = err, .budget = JSON_NODES_MAX};
    buf_init(&reader->path, PATH_BYTES_MAX);
}

void json_reader_fini(struct json_reader *reader)
{
    buf_fini(&reader->path);
}

enum err_code json_reader_read(struct json_reader *reader, const json_t *node,
                               const struct type *type, struct value *out)
{
    return read_value(reader, node, type, 0, out);
}

static enum err_code read_document(struct span json, const struct type *type, bool is_by_hand,
                                   struct arena *arena, struct value *out, struct err *err)
{
    struct json_reader reader;
    json_t *document = NULL;
    enum err_code rc;

    rc = json_load_bounded(json, JSON_BYTES_MAX, 2 * DECODE_DEPTH_MAX, "the value", &document, err);
    if (rc != ERR_OK) {
        return rc;
    }
    json_reader_init(&reader, arena, err);
    reader.is_by_hand = is_by_hand;
    rc = json_reader_read(&reader, document, type, out);
    json_reader_fini(&reader);
    json_decref(document);
    return rc;
}

enum err_code value_from_json(struct span json, const struct type *type, struct arena *arena,
                              struct value *out, struct err *err)
{
    return read_document(json, type, false, arena, out, err);
}

enum err_code value_from_handwriting(struct span json, const struct type *type, struct arena *arena,
                                     struct value *out, struct err *err)
{
    return read_document(json, type, true, arena, out, err);
}
