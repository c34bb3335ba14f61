#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"

enum { NAME_BYTES_MAX = 128 };

bool expand_is_needed(struct span text)
{
    return memmem(text.ptr, text.len, "${", 2) != NULL;
}

static bool is_name(struct span name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX || (name.ptr[0] >= '0' && name.ptr[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_')) {
            return false;
        }
    }
    return true;
}

/* @inside is what stands between ${ and }. */
static enum err_code replace(struct span inside, struct buf *out, bool *is_replaced,
                             struct err *err)
{
    char name[NAME_BYTES_MAX + 1];
    size_t name_len = span_find(inside, ':', 0);
    bool has_default = name_len < inside.len;
    const char *value;

    if (!is_name(span_sub(inside, 0, name_len)) ||
        (has_default && (name_len + 1 >= inside.len || inside.ptr[name_len + 1] != '-'))) {
        return FAIL(err, ERR_CONFIG,
                    "${...} holds a variable's name (letters, digits, _) as in ${NAME} or "
                    "${NAME:-default}; for a literal ${ write $${");
    }
    memcpy(name, inside.ptr, name_len);
    name[name_len] = '\0';
    value = getenv(name);
    if (has_default && (value == NULL || value[0] == '\0')) {
        buf_add_span(out, span_sub(inside, name_len + 2, inside.len));
        return ERR_OK;
    }
    if (value == NULL) {
        return FAIL(err, ERR_CONFIG,
                    "environment variable %s is not set: set it, or write ${%s:-default}", name,
                    name);
    }
    if (!utf8_is_valid(value, strlen(value))) {
        return FAIL(err, ERR_CONFIG, "environment variable %s is not UTF-8 text", name);
    }
    *is_replaced = true;
    buf_add_text(out, value);
    return ERR_OK;
}

enum err_code expand(struct span text, struct buf *out, bool *is_replaced, struct err *err)
{
    size_t at = 0;

    *is_replaced = false;
    while (at < text.len) {
        struct span rest = span_sub(text, at, text.len);
        const char *found = memmem(rest.ptr, rest.len, "${", 2);
        size_t open = found == NULL ? rest.len : (size_t)(found - rest.ptr);
        size_t close;
        struct span inside;
        enum err_code rc;

        if (open > 0 && found != NULL && rest.ptr[open - 1] == '$') {
            buf_add(out, rest.ptr, open - 1); /* $${ */
            buf_add_text(out, "${");
            at += open + 2;
            continue;
        }
        buf_add(out, rest.ptr, open);
        if (found == NULL) {
            break;
        }
        close = span_find(rest, '}', open);
        inside = span_sub(rest, open + 2, close);
        if (close == rest.len || expand_is_needed(inside)) {
            return FAIL(err, ERR_CONFIG, "%s",
                        close == rest.len ? "${ without its }; for a literal ${ write $${"
                                          : "a default cannot hold another ${...}");
        }
        rc = replace(inside, out, is_replaced, err);
        if (rc != ERR_OK) {
            return rc;
        }
        at += close + 1;
    }
    return out->is_overflowed
               ? FAIL(err, ERR_LIMIT, "the text is longer than %zu bytes after ${...} is replaced",
                      out->max)
               : ERR_OK;
}
