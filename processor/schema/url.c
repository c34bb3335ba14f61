#include "schema/path.h"

#include "base/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_encoded(struct span text)
{
    return span_find(text, '%', 0) < text.len || span_find(text, '+', 0) < text.len;
}

/* @text with %XX and + undone, once. Itself when there is nothing to undo; SPAN_NONE when it cannot
 * be done, is not UTF-8 then, or there is no room. */
static struct span decode(struct span text, struct arena *arena)
{
    size_t len = 0;
    char *out;

    if (!is_encoded(text)) {
        return utf8_is_valid(text.ptr, text.len) ? text : SPAN_NONE;
    }
    out = arena_alloc(arena, text.len);
    if (out == NULL) {
        return SPAN_NONE;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return SPAN_NONE;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    return utf8_is_valid(out, len) ? (struct span){out, len} : SPAN_NONE;
}

/* A name is compared as it reads; most have nothing to decode. */
static bool is_named(struct span written, struct span name, struct arena *arena)
{
    if (span_eq(written, name)) {
        return true;
    }
    return written.len >= name.len && is_encoded(written) && span_eq(decode(written, arena), name);
}

struct span url_query_get(struct span url, struct span name, struct arena *arena)
{
    size_t end = url.ptr == NULL ? 0 : span_find(url, '#', 0);
    size_t at = url.ptr == NULL ? 0 : span_find(url, '?', 0);

    while (at < end) {
        size_t from = at + 1;
        size_t stop = MIN_OF(span_find(url, '&', from), end);
        size_t equals = MIN_OF(span_find(url, '=', from), stop);

        if (is_named(span_sub(url, from, equals), name, arena)) {
            return decode(span_sub(url, MIN_OF(equals + 1, stop), stop), arena);
        }
        at = stop;
    }
    return SPAN_NONE;
}
