#include "schema/field_default.h"

#include <stdlib.h>

#include "base/mem.h"
#include "schema/json_read.h"

void defaults_add(struct defaults *defaults, const struct type *record, struct field *field,
                  const json_t *json)
{
    struct pending_default *one = mem_new(struct pending_default);

    one->field = field;
    one->record = record;
    one->json = json;
    HASH_ADD_PTR(defaults->table, field, one);
}

static enum err_code read_one(struct defaults *defaults, struct pending_default *one,
                              struct arena *arena, struct err *err)
{
    struct value *value = schema_take(arena, 1, sizeof(*value), err);
    struct json_reader reader;
    enum err_code rc;

    if (value == NULL) {
        return ERR_LIMIT;
    }
    if (one->state == DEFAULT_BEING_READ) {
        return FAIL(err, ERR_DATA, "the default needs itself");
    }
    if (defaults->open_count >= DECODE_DEPTH_MAX) {
        return FAIL(err, ERR_LIMIT, "defaults of defaults are nested too deep");
    }
    defaults->open_count++;
    one->state = DEFAULT_BEING_READ;
    json_reader_init(&reader, arena, err);
    reader.defaults = defaults;
    reader.budget -= MIN_OF(reader.budget, defaults->nodes_read);
    rc = json_reader_read(&reader, one->json, one->field->type, value);
    if (rc == ERR_OK) {
        one->field->fallback = value;
        one->depth = reader.deepest;
        one->state = DEFAULT_READ;
    }
    defaults->nodes_read = JSON_NODES_MAX - reader.budget;
    defaults->open_count--;
    json_reader_fini(&reader);
    return rc;
}

enum err_code defaults_read_one(struct defaults *defaults, struct field *field, struct arena *arena,
                                struct err *err, size_t *depth)
{
    struct pending_default *one = NULL;
    enum err_code rc = ERR_OK;

    HASH_FIND_PTR(defaults->table, &field, one);
    if (one == NULL) {
        return ERR_OK; /* it has none; fallback stays NULL */
    }
    if (one->state != DEFAULT_READ) {
        rc = read_one(defaults, one, arena, err);
    }
    *depth = one->depth;
    return rc;
}

enum err_code defaults_read(struct defaults *defaults, struct arena *arena, struct err *err)
{
    struct pending_default *one;
    struct pending_default *next;

    HASH_ITER(hh, defaults->table, one, next)
    {
        enum err_code rc =
            one->state == DEFAULT_READ ? ERR_OK : read_one(defaults, one, arena, err);

        if (rc != ERR_OK) {
            err_wrap(err, "default of " SPAN_FMT "." SPAN_FMT, SPAN_ARG(one->record->name),
                     SPAN_ARG(one->field->name));
            return rc;
        }
    }
    return ERR_OK;
}

void defaults_fini(struct defaults *defaults)
{
    struct pending_default *one;
    struct pending_default *next;

    HASH_ITER(hh, defaults->table, one, next)
    {
        HASH_DEL(defaults->table, one);
        free(one);
    }
}
