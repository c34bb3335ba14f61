#include "schema/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schema/avro_name.h"
#include "schema/ends.h"

struct builder {
    bool is_writer;
    const json_t *beside; /* the field whose type is read: its logicalType may stand there */
    struct arena *arena;
    struct defaults *defaults;
    struct named_type *names; /* owned hash by full name */
    struct buf name;
    struct err *err;
    enum err_code rc;
};

static const struct type primitives[] = {
    {.kind = TYPE_NULL, .name = {"null", 4}, .symbol_fallback = -1},
    {.kind = TYPE_BOOL, .name = {"boolean", 7}, .symbol_fallback = -1},
    {.kind = TYPE_INT, .name = {"int", 3}, .symbol_fallback = -1},
    {.kind = TYPE_LONG, .name = {"long", 4}, .symbol_fallback = -1},
    {.kind = TYPE_FLOAT, .name = {"float", 5}, .symbol_fallback = -1},
    {.kind = TYPE_DOUBLE, .name = {"double", 6}, .symbol_fallback = -1},
    {.kind = TYPE_STRING, .name = {"string", 6}, .symbol_fallback = -1},
    {.kind = TYPE_BYTES, .name = {"bytes", 5}, .symbol_fallback = -1},
};

static const struct type *build_type(struct builder *b, const json_t *node, struct span space,
                                     size_t depth);

#define REFUSE(b, code, ...) ((b)->rc = FAIL((b)->err, (code), __VA_ARGS__), false)

static void *take(struct builder *b, size_t count, size_t bytes_each)
{
    void *memory = schema_take(b->arena, count, bytes_each, b->err);

    if (memory == NULL) {
        b->rc = ERR_LIMIT;
    }
    return memory;
}

static bool keep(struct builder *b, struct span text, struct span *out)
{
    *out = schema_keep(b->arena, text, b->err);
    if (out->ptr == NULL) {
        b->rc = ERR_LIMIT;
    }
    return out->ptr != NULL;
}

static struct type *new_type(struct builder *b, enum type_kind kind)
{
    struct type *type = take(b, 1, sizeof(*type));

    if (type != NULL) {
        type->kind = kind;
        type->name = span_of(type_word(kind));
        type->symbol_fallback = -1;
    }
    return type;
}

static int compare_spans(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* One of @names that stands there twice; SPAN_NONE when all differ. */
static struct span find_twice(const struct span *names, size_t count)
{
    struct span *sorted = mem_array(count + 1, struct span);
    struct span twice = SPAN_NONE;

    if (count > 0) {
        memcpy(sorted, names, count * sizeof(*names));
        qsort(sorted, count, sizeof(*sorted), compare_spans);
    }
    for (size_t i = 1; i < count && twice.ptr == NULL; i++) {
        if (span_eq(sorted[i - 1], sorted[i])) {
            twice = sorted[i];
        }
    }
    free(sorted);
    return twice;
}

static bool may_be_name(const struct builder *b, struct span name, bool is_full)
{
    if (b->is_writer) {
        return name_is_harmless(name);
    }
    return is_full ? full_name_is_valid(name) : name_is_valid(name);
}

/* The strings of the array @node, kept. Aliases that have no namespace of their own are in
 * @space; symbols have none (absent). */
static bool read_names(struct builder *b, const json_t *node, const char *what, struct span space,
                       struct span **out, size_t *count)
{
    bool is_alias = space.ptr != NULL;

    size_t i;
    const json_t *one;

    *count = json_array_size(node);
    *out = take(b, *count, sizeof(**out));
    if (*out == NULL) {
        return false;
    }
    if (node != NULL && !json_is_array(node)) {
        return REFUSE(b, ERR_DATA, "%s must be a list of names", what);
    }
    json_array_foreach(node, i, one)
    {
        struct span name = schema_json_text(one);

        /* an alias says what a writer calls it, and writers may use any letters */
        if (!(is_alias ? name_is_harmless(name) : may_be_name(b, name, false))) {
            return REFUSE(b, ERR_DATA, "%s holds something that is not a name (number %zu)", what,
                          i + 1);
        }
        if (!keep(b, is_alias ? name_qualify(space, name, &b->name) : name, &(*out)[i])) {
            return false;
        }
    }
    return true;
}

/* Name, aliases and a place in the table for the definition @node. */
static bool begin_named(struct builder *b, const json_t *node, struct span space, struct type *type)
{
    struct span name = name_of_definition(node, space, &b->name);
    struct named_type *named = NULL;
    enum type_kind kind;

    if (!may_be_name(b, name, true)) {
        return REFUSE(b, ERR_DATA, "a %s has no valid name (letters, digits, _ and dots)",
                      type_word(type->kind));
    }
    HASH_FIND(hh, b->names, name.ptr, name.len, named);
    if (named != NULL) {
        return REFUSE(b, ERR_DATA, "'" SPAN_FMT "' is defined twice", SPAN_ARG(name));
    }
    if (type_kind_of(name, &kind) && (!b->is_writer || type_kind_is_primitive(kind))) {
        return REFUSE(b, ERR_DATA, "'" SPAN_FMT "' is a type of Avro's own; choose another name",
                      SPAN_ARG(name));
    }
    if (!keep(b, name, &type->name)) {
        return false;
    }
    named = mem_new(struct named_type);
    named->type = type;
    HASH_ADD_KEYPTR(hh, b->names, type->name.ptr, type->name.len, named);
    return b->is_writer ||
           read_names(b, json_object_get(node, "aliases"), "aliases", name_space_of(type->name),
                      &type->aliases, &type->alias_count);
}

static bool build_fixed(struct builder *b, const json_t *node, struct type *type)
{
    json_int_t bytes = 0;

    if (!json_whole(json_object_get(node, "size"), &bytes) || bytes < 0 ||
        bytes > FIXED_BYTES_MAX) {
        return REFUSE(b, ERR_DATA, "fixed '" SPAN_FMT "': size must be a number from 0 to %d",
                      SPAN_ARG(type->name), FIXED_BYTES_MAX);
    }
    type->fixed_bytes = (uint32_t)bytes;
    logical_read(node, type);
    return true;
}

static bool build_enum(struct builder *b, const json_t *node, struct type *type)
{
    const json_t *fallback = json_object_get(node, "default");
    struct span twice;

    if (!read_names(b, json_object_get(node, "symbols"), "symbols", SPAN_NONE, &type->symbols,
                    &type->symbol_count)) {
        err_wrap(b->err, "enum '" SPAN_FMT "'", SPAN_ARG(type->name));
        return false;
    }
    if ((type->symbol_count == 0 && !b->is_writer) || type->symbol_count > UINT16_MAX) {
        return REFUSE(b, ERR_DATA, "enum '" SPAN_FMT "' has %s symbols", SPAN_ARG(type->name),
                      type->symbol_count == 0 ? "no" : "too many");
    }
    if (b->is_writer) { /* the number is on the wire; the default is for readers */
        return true;
    }
    twice = find_twice(type->symbols, type->symbol_count);
    if (twice.ptr != NULL) {
        return REFUSE(b, ERR_DATA, "enum '" SPAN_FMT "': symbol '" SPAN_FMT "' stands twice",
                      SPAN_ARG(type->name), SPAN_ARG(twice));
    }
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (span_eq(type->symbols[i], schema_json_text(fallback))) {
            type->symbol_fallback = (int32_t)i;
        }
    }
    if (fallback != NULL && type->symbol_fallback < 0) {
        return REFUSE(b, ERR_DATA, "enum '" SPAN_FMT "': the default is none of its symbols",
                      SPAN_ARG(type->name));
    }
    return true;
}

static bool build_field(struct builder *b, const json_t *node, struct type *record,
                        struct field *field, size_t depth)
{
    struct span name = schema_json_text(json_object_get(node, "name"));
    const json_t *type = json_object_get(node, "type");
    const json_t *fallback = json_object_get(node, "default");

    if (!may_be_name(b, name, false) || !keep(b, name, &field->name)) {
        return b->rc != ERR_OK ? false : REFUSE(b, ERR_DATA, "a field has no valid name");
    }
    if (type == NULL) {
        return REFUSE(b, ERR_DATA, "the field has no type");
    }
    if (!b->is_writer && !read_names(b, json_object_get(node, "aliases"), "aliases", SPAN(""),
                                     &field->aliases, &field->alias_count)) {
        return false;
    }
    b->beside = b->is_writer ? NULL : node; /* a writer's is ignored, as the specification says */
    field->type = build_type(b, type, name_space_of(record->name), depth);
    b->beside = NULL;
    if (field->type == NULL) {
        return false;
    }
    if (fallback != NULL && !b->is_writer) {
        defaults_add(b->defaults, record, field, fallback);
    }
    return true;
}

static bool build_record(struct builder *b, const json_t *node, struct type *type, size_t depth)
{
    const json_t *fields = json_object_get(node, "fields");
    struct span twice = SPAN_NONE;
    struct span *names;

    if (!json_is_array(fields)) {
        return REFUSE(b, ERR_DATA, "record '" SPAN_FMT "' has no list of fields",
                      SPAN_ARG(type->name));
    }
    type->field_count = json_array_size(fields);
    type->fields = take(b, type->field_count, sizeof(*type->fields));
    if (type->fields == NULL) {
        return false;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        if (!build_field(b, json_array_get(fields, i), type, &type->fields[i], depth + 1)) {
            err_wrap(b->err, SPAN_FMT "." SPAN_FMT, SPAN_ARG(type->name),
                     SPAN_ARG(type->fields[i].name));
            return false;
        }
    }
    names = mem_array(type->field_count + 1, struct span);
    for (size_t i = 0; i < type->field_count; i++) {
        names[i] = type->fields[i].name;
    }
    twice = find_twice(names, type->field_count);
    free(names);
    if (twice.ptr != NULL) {
        return REFUSE(b, ERR_DATA, "record '" SPAN_FMT "': field '" SPAN_FMT "' stands twice",
                      SPAN_ARG(type->name), SPAN_ARG(twice));
    }
    return true;
}

/* Two branches a value could not tell apart: the same named type, or the same unnamed kind. */
static bool are_alike(const struct type *a, const struct type *b)
{
    return a->kind == b->kind && (!type_is_named(a) || span_eq(a->name, b->name));
}

static const struct type *build_union(struct builder *b, const json_t *node, struct span space,
                                      size_t depth)
{
    size_t count = json_array_size(node);
    struct type *type = new_type(b, TYPE_UNION);

    if (type == NULL || count == 0 || count > UNION_BRANCHES_MAX) {
        if (b->rc == ERR_OK) {
            (void)REFUSE(b, ERR_DATA, "a union has %zu branches; it may have 1 to %d", count,
                         UNION_BRANCHES_MAX);
        }
        return NULL;
    }
    type->branches = take(b, count, sizeof(*type->branches));
    if (type->branches == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct type *branch = build_type(b, json_array_get(node, i), space, depth + 1);

        if (branch == NULL) {
            return NULL;
        }
        if (branch->kind == TYPE_UNION) {
            (void)REFUSE(b, ERR_DATA, "a union directly inside a union");
            return NULL;
        }
        for (size_t k = 0; k < i; k++) {
            if (!b->is_writer && are_alike(type->branches[k], branch)) {
                (void)REFUSE(b, ERR_DATA, "a union has two branches of type '" SPAN_FMT "'",
                             SPAN_ARG(branch->name));
                return NULL;
            }
        }
        type->branches[i] = branch;
        type->branch_count = i + 1;
    }
    return type;
}

static struct named_type *look_up(struct builder *b, struct span written, struct span space)
{
    struct span full = name_qualify(space, written, &b->name);
    struct named_type *named = NULL;

    HASH_FIND(hh, b->names, full.ptr, full.len, named);
    if (named == NULL) { /* a name without namespace may mean just that */
        HASH_FIND(hh, b->names, written.ptr, written.len, named);
    }
    return named;
}

static const struct type *find_name(struct builder *b, struct span written, struct span space)
{
    const struct named_type *named = look_up(b, written, space);

    if (named == NULL) {
        (void)REFUSE(b, ERR_DATA,
                     "'%.100s' is not a type of Avro's, and nothing before this place defines it",
                     buf_text(&b->name));
        return NULL;
    }
    return named->type;
}

/* A type that is one word: a primitive (with the logical type of @node, if any) or a name. */
static const struct type *build_word(struct builder *b, struct span word, const json_t *node,
                                     struct span space)
{
    enum type_kind kind;
    struct type plain;
    struct type *own;

    if (!type_kind_of(word, &kind) ||
        (!type_kind_is_primitive(kind) && look_up(b, word, space) != NULL)) {
        return find_name(b, word, space);
    }
    if (!type_kind_is_primitive(kind)) {
        (void)REFUSE(b, ERR_DATA, "'%s' needs an object that says more about it", type_word(kind));
        return NULL;
    }
    plain = primitives[kind];
    logical_read(node == NULL ? b->beside : node, &plain);
    if (plain.logical == LOGICAL_NONE && !b->is_writer) {
        logical_read_connect(node == NULL ? b->beside : node, &plain);
    }
    if (plain.logical == LOGICAL_NONE) {
        return &primitives[kind];
    }
    own = new_type(b, kind);
    if (own != NULL) {
        *own = plain;
    }
    return own;
}

static bool build_items(struct builder *b, const json_t *node, struct span space, struct type *type,
                        size_t depth)
{
    const char *key = type->kind == TYPE_ARRAY ? "items" : "values";
    const json_t *items = json_object_get(node, key);

    if (items == NULL) {
        return REFUSE(b, ERR_DATA, "%s without '%s'", type_word(type->kind), key);
    }
    type->items = build_type(b, items, space, depth + 1);
    return type->items != NULL;
}

static const struct type *build_object(struct builder *b, const json_t *node, struct span space,
                                       size_t depth)
{
    const json_t *inner = json_object_get(node, "type");
    struct span word = schema_json_text(inner);
    enum type_kind kind;
    struct type *type;
    bool is_built;

    b->beside = NULL; /* that of a field is its own or its union's */
    if (b->is_writer && (json_is_object(inner) || json_is_array(inner))) {
        return build_type(b, inner, space, depth + 1);
    }
    if (word.ptr == NULL) {
        (void)REFUSE(b, ERR_DATA, "an object without the text 'type'");
        return NULL;
    }
    if (b->is_writer && span_is(word, "error")) { /* a record that is thrown */
        word = SPAN("record");
    }
    if (!type_kind_of(word, &kind) || type_kind_is_primitive(kind)) {
        return build_word(b, word, node, space);
    }
    type = new_type(b, kind);
    if (type == NULL) {
        return NULL;
    }
    if (kind == TYPE_ARRAY || kind == TYPE_MAP) {
        return build_items(b, node, space, type, depth) ? type : NULL;
    }
    if (!begin_named(b, node, space, type)) {
        return NULL;
    }
    is_built = kind == TYPE_FIXED  ? build_fixed(b, node, type)
               : kind == TYPE_ENUM ? build_enum(b, node, type)
                                   : build_record(b, node, type, depth);
    return is_built ? type : NULL;
}

/* Recursion ends at the nesting a schema may have. */
static const struct type *build_type(struct builder *b, const json_t *node, struct span space,
                                     size_t depth)
{
    if (depth > SCHEMA_NESTING_MAX) {
        (void)REFUSE(b, ERR_LIMIT, "schema is nested more than %d levels deep", SCHEMA_NESTING_MAX);
        return NULL;
    }
    if (json_is_string(node)) {
        return build_word(b, schema_json_text(node), NULL, space);
    }
    if (json_is_array(node)) {
        return build_union(b, node, space, depth);
    }
    if (json_is_object(node)) {
        return build_object(b, node, space, depth);
    }
    (void)REFUSE(b, ERR_DATA, "a type must be text, a list or an object");
    return NULL;
}

/* A record that holds itself with no union, array or map in between has no end. */
static void check_ends(struct builder *b)
{
    const struct type *endless = find_endless(b->names);

    if (endless != NULL) {
        (void)REFUSE(b, ERR_DATA,
                     "record '" SPAN_FMT "' holds itself without a union, array or map "
                     "in between: no value could ever end",
                     SPAN_ARG(endless->name));
    }
}

enum err_code schema_build(const json_t *document, const struct schema_rules *rules,
                           struct arena *arena, struct defaults *defaults, const struct type **out,
                           struct err *err)
{
    struct builder b = {.is_writer = rules->is_writer,
                        .arena = arena,
                        .defaults = defaults,
                        .err = err,
                        .rc = ERR_OK};
    struct named_type *one;
    struct named_type *next;

    buf_init(&b.name, 4 * NAME_BYTES_MAX);
    *out = build_type(&b, document, SPAN(""), 1);
    if (*out != NULL) {
        check_ends(&b);
    }
    HASH_ITER(hh, b.names, one, next)
    {
        HASH_DEL(b.names, one);
        free(one);
    }
    buf_fini(&b.name);
    return b.rc;
}
