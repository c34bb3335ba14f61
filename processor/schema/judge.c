#include "schema/judge.h"

#include <avro.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Avro C keeps its error text in one static buffer for all threads. */
static pthread_mutex_t avro_lock = PTHREAD_MUTEX_INITIALIZER;

static json_t *strip(const json_t *node);

static json_t *strip_list(const json_t *list)
{
    json_t *out = json_array();
    size_t i;
    const json_t *one;

    json_array_foreach(list, i, one)
    {
        (void)json_array_append_new(out, strip(one));
    }
    return out;
}

/* A copy of @node with only the keys that say what the type is. The document's nesting is bounded
 * (the graph was built from it), and so is this recursion. */
static json_t *strip(const json_t *node)
{
    static const char *const kept[] = {"name", "namespace", "size", "symbols"};
    static const char *const stripped[] = {"type", "fields", "items", "values"};
    json_t *out;

    if (json_is_array(node)) {
        return strip_list(node);
    }
    if (!json_is_object(node)) {
        return json_incref((json_t *)(uintptr_t)node);
    }
    out = json_object();
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        json_t *value = json_object_get(node, kept[i]);

        if (value != NULL) {
            (void)json_object_set(out, kept[i], value);
        }
    }
    for (size_t i = 0; i < COUNT_OF(stripped); i++) {
        const json_t *value = json_object_get(node, stripped[i]);

        if (value != NULL) {
            (void)json_object_set_new(out, stripped[i], strip(value));
        }
    }
    return out;
}

enum err_code schema_judge(const json_t *document, struct err *err)
{
    json_t *bare = strip(document);
    char *text = json_dumps(bare, JSON_COMPACT | JSON_ENCODE_ANY);
    avro_schema_t schema = NULL;
    enum err_code rc = ERR_OK;

    json_decref(bare);
    if (text == NULL) {
        return FAIL(err, ERR_LIMIT, "no memory to check the schema");
    }
    (void)pthread_mutex_lock(&avro_lock);
    avro_set_error("%s", ""); /* its errors are put in front of what stands there */
    if (avro_schema_from_json_length(text, strlen(text), &schema) != 0) {
        rc = FAIL(err, ERR_DATA, "not a valid Avro schema: %.300s", avro_strerror());
    } else {
        avro_schema_decref(schema);
    }
    (void)pthread_mutex_unlock(&avro_lock);
    free(text);
    return rc;
}
