#include "destinations/http/pointer.h"

#include <stdlib.h>

#include "base/mem.h"

/* The part from @from to @to, its escapes undone at the end of @pointer's text. */
static bool add_part(struct pointer *pointer, struct span text, char *to)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '~') {
            char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';

            if (next != '0' && next != '1') {
                return false;
            }
            c = next == '0' ? '~' : '/';
            i++;
        }
        to[len++] = c;
    }
    pointer->parts[pointer->count++] = (struct span){to, len};
    return true;
}

enum err_code pointer_compile(struct span text, struct pointer *out, struct err *err)
{
    *out = (struct pointer){0};
    if (text.len > POINTER_BYTES_MAX) {
        return FAIL(err, ERR_CONFIG, "a JSON pointer has at most %d bytes", POINTER_BYTES_MAX);
    }
    if (text.len > 0 && text.ptr[0] != '/') {
        return FAIL(err, ERR_CONFIG,
                    "a JSON pointer begins with a slash: /" SPAN_FMT " (see RFC 6901)",
                    SPAN_ARG(text));
    }
    out->text = mem_array(text.len + 1, char);
    out->parts = mem_array(POINTER_PARTS_MAX, struct span);
    for (size_t at = 0; at < text.len;) {
        size_t end = span_find(text, '/', at + 1);

        if (out->count == POINTER_PARTS_MAX) {
            pointer_fini(out);
            return FAIL(err, ERR_CONFIG, "a JSON pointer has at most %d parts", POINTER_PARTS_MAX);
        }
        if (!add_part(out, span_sub(text, at + 1, end), out->text + at)) {
            pointer_fini(out);
            return FAIL(err, ERR_CONFIG,
                        "in a JSON pointer a tilde is written ~0 and a slash in a name ~1");
        }
        at = end;
    }
    return ERR_OK;
}

void pointer_fini(struct pointer *pointer)
{
    free(pointer->text);
    free(pointer->parts);
    *pointer = (struct pointer){0};
}

/* An index as the RFC has it: digits, no zero before others. "-" is the place behind the last. */
static const json_t *get_item(const json_t *array, struct span part)
{
    int64_t index;

    if (part.len == 0 || part.ptr[0] < '0' || part.ptr[0] > '9' ||
        (part.ptr[0] == '0' && part.len > 1) || !span_to_i64(part, &index)) {
        return NULL;
    }
    return json_array_get(array, (size_t)index);
}

const json_t *pointer_get(const struct pointer *pointer, const json_t *root)
{
    const json_t *at = root;

    for (size_t i = 0; at != NULL && i < pointer->count; i++) {
        struct span part = pointer->parts[i];

        if (json_is_object(at)) {
            at = json_object_getn(at, part.ptr, part.len);
        } else {
            at = json_is_array(at) ? get_item(at, part) : NULL;
        }
    }
    return at;
}
