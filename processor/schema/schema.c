#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "schema/build.h"
#include "schema/canonical.h"
#include "schema/inline.h"
#include "schema/judge.h"
#include "schema/memory.h"
#include "schema/vet.h"

enum { CANONICAL_BYTES_MAX = 64 * 1024 * 1024 };

void *schema_take(struct arena *arena, size_t count, size_t bytes_each, struct err *err)
{
    size_t bytes = MAX_OF(count, (size_t)1) * bytes_each; /* counts come from bounded JSON */
    void *memory = arena_alloc(arena, bytes);

    if (memory == NULL) {
        (void)FAIL(err, ERR_LIMIT, "schema needs more than %d MiB of memory with its defaults",
                   SCHEMA_MEMORY_BYTES_MAX / 1024 / 1024);
        return NULL;
    }
    return memset(memory, 0, bytes);
}

struct span schema_keep(struct arena *arena, struct span text, struct err *err)
{
    char *copy = schema_take(arena, text.len + 1, 1, err);

    if (copy == NULL) {
        return SPAN_NONE;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return (struct span){copy, text.len};
}

struct span schema_json_text(const json_t *node)
{
    if (!json_is_string(node)) {
        return SPAN_NONE;
    }
    return (struct span){json_string_value(node), json_string_length(node)};
}

const char *schema_suggest_field(const struct type *record, struct span word)
{
    const char **names = mem_array(record->field_count + 1, const char *);
    const char *nearest;

    for (size_t i = 0; i < record->field_count; i++) {
        names[i] = record->fields[i].name.ptr; /* the graph's names are terminated */
    }
    nearest = suggest(word, names, record->field_count);
    free(names);
    return nearest;
}

bool type_is_named(const struct type *type)
{
    return type->kind == TYPE_RECORD || type->kind == TYPE_ENUM || type->kind == TYPE_FIXED;
}

const struct type *type_unwrap(const struct type *type, bool *is_nullable)
{
    bool has_null = false;
    size_t other = 0;

    if (type->kind == TYPE_UNION) {
        for (size_t i = 0; i < type->branch_count; i++) {
            if (type->branches[i]->kind == TYPE_NULL) {
                has_null = true;
            } else {
                other = i;
            }
        }
        if (type->branch_count == 2 && has_null) {
            type = type->branches[other];
        }
    }
    if (is_nullable != NULL) {
        *is_nullable = has_null;
    }
    return type;
}

const struct field *type_field(const struct type *record, struct span name, size_t *index)
{
    if (record->kind != TYPE_RECORD) {
        return NULL;
    }
    for (size_t i = 0; i < record->field_count; i++) {
        if (span_eq(record->fields[i].name, name)) {
            if (index != NULL) {
                *index = i;
            }
            return &record->fields[i];
        }
    }
    return NULL;
}

static enum err_code fingerprint(const struct type *root, uint64_t *out, struct err *err)
{
    struct buf text;
    enum err_code rc = ERR_OK;

    buf_init(&text, CANONICAL_BYTES_MAX);
    schema_canonical(root, &text);
    if (text.is_overflowed) {
        rc = FAIL(err, ERR_LIMIT, "the schema's canonical form is too long");
    }
    *out = crc64_avro(buf_span(&text));
    buf_fini(&text);
    return rc;
}

static enum err_code build(const struct schema_rules *rules, struct schema *schema, struct err *err)
{
    struct schema_memory *memory = schema->memory;
    struct defaults defaults = {0};
    enum err_code rc;

    rc = schema_build(memory->document, rules, &memory->arena, &defaults, &schema->root, err);
    if (rc == ERR_OK && !rules->is_writer) { /* Avro C knows no leniency */
        rc = schema_judge(memory->document, err);
    }
    if (rc == ERR_OK) {
        rc = defaults_read(&defaults, &memory->arena, err);
    }
    if (rc == ERR_OK) {
        rc = fingerprint(schema->root, &schema->fingerprint, err);
    }
    defaults_fini(&defaults);
    return rc;
}

enum err_code schema_parse(struct span json, const struct schema_reference *references,
                           size_t reference_count, struct schema **out, struct err *err)
{
    static const struct schema_rules reader = {.bytes_max = SCHEMA_TEXT_BYTES_MAX};

    return schema_parse_as(&reader, json, references, reference_count, out, err);
}

enum err_code schema_parse_as(const struct schema_rules *rules, struct span json,
                              const struct schema_reference *references, size_t reference_count,
                              struct schema **out, struct err *err)
{
    PRE(out != NULL);

    json_t *document = NULL;
    struct schema *schema;
    enum err_code rc;

    rc = schema_json_load(json, rules, &document, err);
    if (rc != ERR_OK) {
        return rc;
    }
    schema = mem_new(struct schema);
    schema->memory = mem_new(struct schema_memory);
    arena_init(&schema->memory->arena, SCHEMA_MEMORY_BYTES_MAX);
    if (reference_count > 0) {
        rc = schema_inline(document, rules, references, reference_count, &schema->memory->document,
                           err);
        json_decref(document);
    } else {
        schema->memory->document = document;
    }
    if (rc == ERR_OK) {
        rc = build(rules, schema, err);
    }
    if (rc != ERR_OK) {
        schema_free(schema);
        return rc;
    }
    *out = schema;
    return ERR_OK;
}

void schema_free(struct schema *schema)
{
    if (schema == NULL) {
        return;
    }
    json_decref(schema->memory->document);
    arena_fini(&schema->memory->arena);
    free(schema->memory);
    free(schema);
}

static int add_dumped(const char *bytes, size_t len, void *buf)
{
    buf_add(buf, bytes, len);
    return 0;
}

void schema_to_json(const struct schema *schema, struct buf *out)
{
    (void)json_dump_callback(schema->memory->document, add_dumped, out,
                             JSON_COMPACT | JSON_ENCODE_ANY);
}
