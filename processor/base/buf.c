#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BUF_FIRST_BYTES = 256 };

void buf_init(struct buf *buf, size_t bytes_max)
{
    PRE(bytes_max > 0);
    *buf = (struct buf){.max = bytes_max};
}

void buf_fini(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->is_overflowed = false;
}

bool buf_grow(struct buf *buf, size_t more)
{
    size_t want = buf->len + more;
    size_t cap = buf->cap == 0 ? BUF_FIRST_BYTES : buf->cap;

    if (want < more || want > buf->max || buf->is_overflowed) {
        buf->is_overflowed = true;
        return false;
    }
    while (cap < want) {
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    }
    cap = MIN_OF(cap, buf->max);
    buf->ptr = mem_grow(buf->ptr, cap + 1, 1); /* one more for buf_text()'s terminator */
    buf->cap = cap;
    return true;
}

void buf_add_u64(struct buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    buf_add(buf, digits + at, sizeof(digits) - at);
}

void buf_add_i64(struct buf *buf, int64_t number)
{
    if (number < 0) {
        buf_add_char(buf, '-');
        buf_add_u64(buf, 0 - (uint64_t)number);
    } else {
        buf_add_u64(buf, (uint64_t)number);
    }
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    int need;
    char *to;

    va_start(args, format);
    va_copy(again, args);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need > 0) {
        to = buf_reserve(buf, (size_t)need + 1);
        if (to != NULL) {
            (void)vsnprintf(to, (size_t)need + 1, format, again);
            buf->len += (size_t)need;
        }
    }
    va_end(again);
}

void buf_truncate(struct buf *buf, size_t len)
{
    PRE(len <= buf->len);
    buf->len = len;
    buf->is_overflowed = false;
}

struct span buf_span(const struct buf *buf)
{
    return (struct span){buf->ptr == NULL ? "" : buf->ptr, buf->len};
}

const char *buf_text(struct buf *buf)
{
    if (buf->ptr == NULL) {
        return "";
    }
    buf->ptr[buf->len] = '\0'; /* cap + 1 bytes were allocated */
    return buf->ptr;
}
