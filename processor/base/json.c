#include "base/json.h"

#include <string.h>

#define EACH_BYTE(byte) ((byte)*0x0101010101010101u)

static bool must_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Whether any of eight bytes must be escaped. The high bit of a byte of (x - 1s) & ~x is set
 * when it is zero; borrows only reach bytes above a hit, so "any" is exact. */
static bool any_must_escape(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE((uint64_t)'"');
    uint64_t backslash = word ^ EACH_BYTE((uint64_t)'\\');
    uint64_t hits = ((word - EACH_BYTE((uint64_t)0x20)) & ~word) |
                    ((quote - EACH_BYTE((uint64_t)1)) & ~quote) |
                    ((backslash - EACH_BYTE((uint64_t)1)) & ~backslash);

    return (hits & EACH_BYTE((uint64_t)0x80)) != 0;
}

/* How many bytes from @p on can be copied as they are. */
static size_t plain_run(const char *p, size_t len)
{
    size_t i = 0;

    while (len - i >= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, p + i, sizeof(word));
        if (any_must_escape(word)) {
            break;
        }
        i += sizeof(word);
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
