#include "schema/inline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schema/avro_name.h"
#include "schema/hash.h"
#include "schema/vet.h"

/* A named type found in one of the files. The document itself is file 0. */
struct definition {
    char *name;   /* owned, full; the key */
    char *space;  /* owned: the namespace its own name is read in */
    json_t *node; /* borrowed from its file */
    size_t file;
    bool is_contradicted; /* another file defines the same name differently */
    UT_hash_handle hh;
};

struct inliner {
    struct definition *offered; /* owned hash: what the references define */
    struct definition *placed;  /* owned hash: what already stands in the result */
    bool *is_open;              /* owned: files whose definition is being put in just now */
    const struct schema_rules *rules;
    const struct schema_reference *references;
    struct buf name;
    struct err *err;
    enum err_code rc;
};

static json_t *copy_type(struct inliner *in, json_t *node, struct span space, size_t file,
                         size_t depth);

static void free_definitions(struct definition **table)
{
    struct definition *one;
    struct definition *next;

    HASH_ITER(hh, *table, one, next)
    {
        HASH_DEL(*table, one);
        free(one->name);
        free(one->space);
        free(one);
    }
}

static struct definition *find(struct definition *table, struct span name)
{
    struct definition *found = NULL;

    if (name.ptr != NULL) {
        HASH_FIND(hh, table, name.ptr, name.len, found);
    }
    return found;
}

static void add(struct definition **table, struct span name, struct span space, json_t *node,
                size_t file)
{
    struct definition *one = mem_new(struct definition);

    one->name = mem_text(name);
    one->space = mem_text(space);
    one->node = node;
    one->file = file;
    HASH_ADD_KEYPTR(hh, *table, one->name, name.len, one);
}

static bool is_definition(const json_t *node)
{
    struct span word = schema_json_text(json_object_get(node, "type"));
    enum type_kind kind;

    return word.ptr != NULL && (span_is(word, "error") ||
                                (type_kind_of(word, &kind) &&
                                 (kind == TYPE_FIXED || kind == TYPE_ENUM || kind == TYPE_RECORD)));
}

/* Note every definition in @node, part of reference @file, with its namespace. Nesting was bounded
 * when the text was parsed. */
static void offer(struct inliner *in, json_t *node, struct span space, size_t file)
{
    size_t i;
    json_t *child;
    char *inner = NULL;

    if (json_is_array(node)) {
        json_array_foreach(node, i, child)
        {
            offer(in, child, space, file);
        }
        return;
    }
    if (!json_is_object(node)) {
        return;
    }
    if (is_definition(node)) {
        struct span name = name_of_definition(node, space, &in->name);
        struct definition *known = find(in->offered, name);

        if (name.ptr == NULL) {
            return;
        }
        if (known == NULL) {
            add(&in->offered, name, space, node, file);
        } else if (known->file != file && !json_equal(known->node, node)) {
            known->is_contradicted = true;
        }
        inner = mem_text(name_space_of(name));
        space = span_of(inner);
    }
    json_array_foreach(json_object_get(node, "fields"), i, child)
    {
        offer(in, json_object_get(child, "type"), space, file);
    }
    offer(in, json_object_get(node, "items"), space, file);
    offer(in, json_object_get(node, "values"), space, file);
    free(inner);
}

static json_t *refuse(struct inliner *in, enum err_code rc)
{
    in->rc = rc;
    return NULL;
}

/* The definition of @from put in at a place inside @space. */
static json_t *place(struct inliner *in, struct definition *from, struct span space, size_t depth)
{
    struct span own_space = span_of(from->space);
    bool was_open = in->is_open[from->file];
    json_t *copy;

    if (from->is_contradicted) {
        return refuse(in, FAIL(in->err, ERR_DATA,
                               "'%s' is defined differently in two of the files it may come from",
                               from->name));
    }
    in->is_open[from->file] = true;
    copy = copy_type(in, from->node, own_space, from->file, depth);
    in->is_open[from->file] = was_open;
    /* Without this an unqualified name would change its meaning with its surroundings. */
    if (copy != NULL && json_is_object(copy) && json_object_get(copy, "namespace") == NULL &&
        name_space_of(schema_json_text(json_object_get(copy, "name"))).len == 0 &&
        !span_eq(own_space, space)) {
        (void)json_object_set_new(copy, "namespace", json_stringn(own_space.ptr, own_space.len));
    }
    return copy;
}

/* A name where a type is expected: itself when primitive or known, else the definition. */
static json_t *copy_name(struct inliner *in, json_t *node, struct span space, size_t file,
                         size_t depth)
{
    struct span written = schema_json_text(node);
    enum type_kind kind;
    struct definition *known;

    if (type_kind_of(written, &kind) && type_kind_is_primitive(kind)) {
        return json_incref(node);
    }
    known = find(in->placed, name_qualify(space, written, &in->name));
    if (known != NULL) {
        if (known->file != file && in->is_open[known->file]) {
            return refuse(in, FAIL(in->err, ERR_DATA,
                                   "'%s' and the file that refers to it need each other; "
                                   "schemas cannot refer in a circle",
                                   known->name));
        }
        return json_string(known->name);
    }
    known = find(in->offered, buf_span(&in->name));
    if (known == NULL) { /* a name without namespace may mean just that */
        known = find(in->offered, written);
    }
    if (known == NULL) {
        return json_incref(node); /* whoever builds the graph says so, with the place */
    }
    if (find(in->placed, span_of(known->name)) != NULL) {
        return json_string(known->name);
    }
    if (known->file != file && in->is_open[known->file]) {
        return refuse(in, FAIL(in->err, ERR_DATA,
                               "'%s' and the file that refers to it need each other; schemas "
                               "cannot refer in a circle",
                               known->name));
    }
    return place(in, known, space, depth);
}

static bool set_type(struct inliner *in, json_t *object, const char *key, struct span space,
                     size_t file, size_t depth)
{
    json_t *old = json_object_get(object, key);
    json_t *fresh;

    if (old == NULL) {
        return true;
    }
    fresh = copy_type(in, old, space, file, depth);
    return fresh != NULL && json_object_set_new(object, key, fresh) == 0;
}

static bool set_fields(struct inliner *in, json_t *record, struct span space, size_t file,
                       size_t depth)
{
    json_t *fields = json_array();
    size_t i;
    json_t *field;

    json_array_foreach(json_object_get(record, "fields"), i, field)
    {
        json_t *copy = json_is_object(field) ? json_copy(field) : json_incref(field);

        (void)json_array_append_new(fields, copy);
        if (json_is_object(copy) && !set_type(in, copy, "type", space, file, depth)) {
            json_decref(fields);
            return false;
        }
    }
    return json_object_set_new(record, "fields", fields) == 0;
}

/* A definition in its file: itself, or its name when the very same one already stands. */
static json_t *copy_definition(struct inliner *in, json_t *node, struct span space, size_t file,
                               size_t depth)
{
    struct span name = name_of_definition(node, space, &in->name);
    struct definition *known = find(in->placed, name);
    json_t *copy;
    char *inner;
    bool is_done = true;

    if (name.ptr == NULL) {
        return json_incref(node);
    }
    if (known != NULL && known->file != file && json_equal(known->node, node)) {
        return json_string(known->name);
    }
    if (known == NULL) {
        add(&in->placed, name, space, node, file);
    }
    inner = mem_text(name_space_of(name));
    copy = json_copy(node);
    if (json_is_array(json_object_get(node, "fields"))) {
        is_done = set_fields(in, copy, span_of(inner), file, depth + 1);
    }
    free(inner);
    if (!is_done) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static json_t *copy_union(struct inliner *in, json_t *node, struct span space, size_t file,
                          size_t depth)
{
    json_t *copy = json_array();
    size_t i;
    json_t *branch;

    json_array_foreach(node, i, branch)
    {
        json_t *one = copy_type(in, branch, space, file, depth + 1);

        if (one == NULL) {
            json_decref(copy);
            return NULL;
        }
        (void)json_array_append_new(copy, one);
    }
    return copy;
}

/* The type @node of @file with references put in. Recursion ends at the nesting the result may
 * have. */
static json_t *copy_type(struct inliner *in, json_t *node, struct span space, size_t file,
                         size_t depth)
{
    struct span word;
    enum type_kind kind;
    json_t *copy;

    if (depth > SCHEMA_NESTING_MAX) {
        return refuse(in, FAIL(in->err, ERR_LIMIT,
                               "schema with its references is nested more than %d levels deep",
                               SCHEMA_NESTING_MAX));
    }
    if (json_is_string(node)) {
        return copy_name(in, node, space, file, depth);
    }
    if (json_is_array(node)) {
        return copy_union(in, node, space, file, depth);
    }
    if (is_definition(node)) {
        return copy_definition(in, node, space, file, depth);
    }
    word = schema_json_text(json_object_get(node, "type"));
    if (word.ptr != NULL && !type_kind_of(word, &kind)) { /* {"type": "com.example.User"} */
        return copy_name(in, json_object_get(node, "type"), space, file, depth);
    }
    copy = json_is_object(node) ? json_copy(node) : json_incref(node);
    if (json_is_object(copy) &&
        ((word.ptr == NULL && !set_type(in, copy, "type", space, file, depth + 1)) ||
         !set_type(in, copy, "items", space, file, depth + 1) ||
         !set_type(in, copy, "values", space, file, depth + 1))) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static enum err_code load_references(struct inliner *in, json_t **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum err_code rc = schema_json_load(in->references[i].json, in->rules, &texts[i], in->err);

        if (rc != ERR_OK) {
            struct span name = in->references[i].name;

            err_wrap(in->err, "reference '" SPAN_FMT "'", SPAN_ARG(name));
            return rc;
        }
        offer(in, texts[i], SPAN(""), i + 1);
    }
    return ERR_OK;
}

enum err_code schema_inline(json_t *document, const struct schema_rules *rules,
                            const struct schema_reference *references, size_t count, json_t **out,
                            struct err *err)
{
    struct inliner in = {.rules = rules, .references = references, .err = err, .rc = ERR_OK};
    json_t **texts;
    json_t *copy = NULL;

    if (count > SCHEMA_REFERENCES_MAX) {
        return FAIL(err, ERR_LIMIT, "schema has %zu references; at most %d are read", count,
                    SCHEMA_REFERENCES_MAX);
    }
    texts = mem_array(count + 1, json_t *);
    in.is_open = mem_array(count + 1, bool);
    in.is_open[0] = true;
    buf_init(&in.name, 4 * NAME_BYTES_MAX);
    in.rc = load_references(&in, texts, count);
    if (in.rc == ERR_OK) {
        copy = copy_type(&in, document, SPAN(""), 0, 1);
    }
    if (copy != NULL) {
        *out = copy;
    } else if (in.rc == ERR_OK) {
        in.rc = FAIL(err, ERR_LIMIT, "no memory to put the references into the schema");
    }
    free_definitions(&in.offered);
    free_definitions(&in.placed);
    buf_fini(&in.name);
    free(in.is_open);
    for (size_t i = 0; i < count; i++) {
        json_decref(texts[i]);
    }
    free(texts);
    return in.rc;
}
