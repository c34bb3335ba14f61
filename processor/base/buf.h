/**
 * buf - bytes that grow, up to a maximum set at the start.
 *
 * Appending past the maximum keeps what was there, adds nothing and sets
 * is_overflowed, which stays set until buf_clear(): a writer appends freely and
 * looks once at the end. Memory is kept over buf_clear() for reuse.
 *
 * The buf owns its bytes; one thread. Out of memory ends the process (mem.h); the maximum is
 * the only failure.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <string.h>

#include "base/span.h"

struct buf {
    char *ptr; /* owned */
    size_t len;
    size_t cap;
    size_t max; /* never more than this many bytes */
    bool is_overflowed;
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf);
/** For buf_reserve() alone: more memory; false (and is_overflowed) when that is past the maximum.
 */
bool buf_grow(struct buf *buf, size_t more);

/** Room for @more bytes behind len; NULL (and is_overflowed) when that is past the maximum. */
static inline char *buf_reserve(struct buf *buf, size_t more)
{
    bool is_short = buf->cap - buf->len < more || buf->ptr == NULL || buf->is_overflowed;

    return UNLIKELY(is_short) && !buf_grow(buf, more) ? NULL : buf->ptr + buf->len;
}

static inline void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    char *to = buf_reserve(buf, len);

    if (to != NULL && len > 0) {
        memcpy(to, bytes, len);
        buf->len += len;
    }
}

static inline void buf_add_span(struct buf *buf, struct span s)
{
    buf_add(buf, s.ptr, s.len);
}

static inline void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_u64(struct buf *buf, uint64_t number);
void buf_add_i64(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/** Cut back to @len bytes (an item that turned out unusable). */
void buf_truncate(struct buf *buf, size_t len);
struct span buf_span(const struct buf *buf);
/** The content as a terminated string (the terminator is not counted in len). */
const char *buf_text(struct buf *buf);

#endif /* BASE_BUF_H */
