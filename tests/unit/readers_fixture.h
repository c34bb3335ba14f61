/* Reader schemas and values from texts, for the tests of what works on them. */
#ifndef TESTS_READERS_FIXTURE_H
#define TESTS_READERS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/mem.h"
#include "schema/decoder.h"
#include "schema/path.h"

static inline struct schema *schema_of(const char *json)
{
    struct schema *schema = NULL;
    struct err err = {0};

    if (schema_parse(span_of(json), NULL, 0, &schema, &err) != ERR_OK) {
        fail_msg("the test's own schema is wrong: %s", err.text);
    }
    return schema;
}

/* @count schema texts as readers. */
static inline struct readers readers_of(const char *const *texts, size_t count)
{
    struct readers readers = {.count = count};

    readers.schemas = mem_array(count, const struct schema *);
    for (size_t i = 0; i < count; i++) {
        readers.schemas[i] = schema_of(texts[i]);
    }
    return readers;
}

static inline void readers_done(struct readers *readers)
{
    for (size_t i = 0; i < readers->count; i++) {
        schema_free((struct schema *)readers->schemas[i]);
    }
    free(readers->schemas);
    *readers = (struct readers){0};
}

static inline struct value value_of(const struct readers *readers, size_t reader, const char *json,
                                    struct arena *arena)
{
    struct value value = {0};
    struct err err = {0};

    if (value_from_json(span_of(json), readers->schemas[reader]->root, arena, &value, &err) !=
        ERR_OK) {
        fail_msg("the test's own event is wrong: %s: %s", json, err.text);
    }
    return value;
}

/* Is there a diagnosis of @level whose text holds @part? NULL: is there none at all? */
static inline bool has_diag(const struct diags *diags, enum diag_level level, const char *part)
{
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].level != level) {
            continue;
        }
        if (part == NULL) {
            return false;
        }
        if (strstr(diags->items[i].message, part) != NULL) {
            return true;
        }
    }
    return part == NULL;
}

static inline const char *first_diag(const struct diags *diags)
{
    return diags->count == 0 ? "(nothing)" : diags->items[0].message;
}

#endif /* TESTS_READERS_FIXTURE_H */
