#include "base/json.h"

#include <string.h>

/* Sixteen bytes, compared all at once: the compiler makes SSE2 or NEON of it. */
typedef uint8_t block __attribute__((vector_size(16)));

static bool must_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static bool any_must_escape(const char *p)
{
    uint64_t halves[2];
    block bytes;
    block hits;

    memcpy(&bytes, p, sizeof(bytes));
    hits = (block)(bytes < 0x20) | (block)(bytes == '"') | (block)(bytes == '\\');
    memcpy(halves, &hits, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Texts are short: what is left of one at its end is compared as a block as well. */
static bool is_plain_end(const char *p, size_t len, size_t left)
{
    char padded[sizeof(block)];

    if (len >= sizeof(block)) {
        return !any_must_escape(p + len - sizeof(block));
    }
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, p, left);
    return !any_must_escape(padded);
}

/* How many bytes from @p on can be copied as they are. */
static size_t plain_run(const char *p, size_t len)
{
    size_t i = 0;

    while (len - i >= sizeof(block) && !any_must_escape(p + i)) {
        i += sizeof(block);
    }
    if (len - i < sizeof(block) && len > 0 && is_plain_end(p, len, len - i)) {
        return len;
    }
    while (i < len && !must_escape((unsigned char)p[i])) {
        i++;
    }
    return i;
}

static void add_escape(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                     ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};

    if (shorts[c] != 0) {
        buf_add(buf, (char[]){'\\', shorts[c]}, 2);
    } else {
        buf_add(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void buf_add_json_string(struct buf *buf, struct span utf8)
{
    size_t run = plain_run(utf8.ptr, utf8.len);

    if (LIKELY(run == utf8.len && run < SIZE_MAX - 2)) {
        char *to = buf_reserve(buf, run + 2);

        if (to != NULL) {
            to[0] = '"';
            if (run > 0) {
                memcpy(to + 1, utf8.ptr, run);
            }
            to[run + 1] = '"';
            buf->len += run + 2;
        }
        return;
    }
    buf_add_char(buf, '"');
    for (size_t i = 0; i < utf8.len;) {
        run = plain_run(utf8.ptr + i, utf8.len - i);
        buf_add(buf, utf8.ptr + i, run);
        i += run;
        if (i < utf8.len) {
            add_escape(buf, (unsigned char)utf8.ptr[i++]);
        }
    }
    buf_add_char(buf, '"');
}
