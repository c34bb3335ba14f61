#include "schema/vet.h"

/* The deepest nesting of brackets outside of strings. The text need not be JSON yet: jansson
 * recurses, so it only sees what is flat. */
static size_t text_nesting(struct span text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = MAX_OF(deepest, depth);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

#define LENIENT_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define LOAD_FLAGS (LENIENT_FLAGS | JSON_REJECT_DUPLICATES)

static bool is_key_twice(const json_error_t *problem)
{
    return json_error_code(problem) == json_error_duplicate_key;
}

/* A number past 64 bits may stand in a writer's default or doc, where nobody reads it. */
static json_t *load(struct span text, size_t flags, json_error_t *problem)
{
    json_t *json = json_loadb(text.ptr, text.len, flags, problem);

    if (json == NULL && (flags & JSON_REJECT_DUPLICATES) == 0 &&
        json_error_code(problem) == json_error_numeric_overflow) {
        json = json_loadb(text.ptr, text.len, flags | JSON_DECODE_INT_AS_REAL, problem);
    }
    return json;
}

struct bounds {
    size_t bytes_max, nesting_max;
};

static enum err_code load_bounded(struct span text, const struct bounds *bounds, size_t flags,
                                  const char *what, json_t **out, struct err *err)
{
    json_error_t problem;
    size_t nesting;

    if (text.ptr == NULL || text.len == 0) {
        return FAIL(err, ERR_DATA, "%s is empty", what);
    }
    if (text.len > bounds->bytes_max) {
        return FAIL(err, ERR_LIMIT, "%s has %zu bytes; at most %zu are read", what, text.len,
                    bounds->bytes_max);
    }
    nesting = text_nesting(text);
    if (nesting > bounds->nesting_max) {
        return FAIL(err, ERR_LIMIT, "%s is nested %zu levels deep; at most %zu are read", what,
                    nesting, bounds->nesting_max);
    }
    *out = load(text, flags, &problem);
    if (*out == NULL) {
        /* jansson's own text quotes the input: give the place and the kind, not the content */
        return FAIL(err, ERR_DATA, "%s is not JSON: line %d, column %d%s", what, problem.line,
                    problem.column, is_key_twice(&problem) ? ": a key stands twice" : "");
    }
    return ERR_OK;
}

enum err_code json_load_bounded(struct span text, size_t bytes_max, size_t nesting_max,
                                const char *what, json_t **out, struct err *err)
{
    const struct bounds bounds = {bytes_max, nesting_max};

    return load_bounded(text, &bounds, LOAD_FLAGS, what, out, err);
}

const char *schema_json_problem(struct span text, unsigned *line, unsigned *column)
{
    json_error_t problem;
    json_t *json;

    *line = 1;
    *column = 1;
    if (text.len == 0 || text_nesting(text) > SCHEMA_NESTING_MAX) {
        return NULL;
    }
    json = json_loadb(text.ptr, text.len, LOAD_FLAGS, &problem);
    if (json != NULL) {
        json_decref(json);
        return NULL;
    }
    *line = (unsigned)MAX_OF(problem.line, 1);
    *column = (unsigned)MAX_OF(problem.column, 1);
    return is_key_twice(&problem) ? "the schema is not JSON: a key stands twice"
                                  : "the schema is not JSON";
}

enum err_code schema_json_load(struct span text, const struct schema_rules *rules, json_t **out,
                               struct err *err)
{
    const struct bounds bounds = {rules->bytes_max, SCHEMA_NESTING_MAX};

    if (text.len > rules->bytes_max) {
        return FAIL(err, ERR_LIMIT,
                    "schema has %zu bytes; at most %zu are read (schemas.max_bytes)", text.len,
                    rules->bytes_max);
    }
    return load_bounded(text, &bounds, rules->is_writer ? LENIENT_FLAGS : LOAD_FLAGS, "schema", out,
                        err);
}
