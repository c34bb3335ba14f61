#include "base/utf8.h"

#include <locale.h>
#include <string.h>
#include <wctype.h>

/* Skip ASCII eight bytes at a time; returns how many leading bytes are ASCII (a multiple of 8). */
static size_t ascii_run(const unsigned char *s, size_t len)
{
    size_t i = 0;

    while (len - i >= 8) {
        uint64_t word;

        memcpy(&word, s + i, sizeof(word));
        if ((word & 0x8080808080808080u) != 0) {
            break;
        }
        i += 8;
    }
    return i;
}

size_t utf8_decode(struct span s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s.ptr;
    uint32_t code_point;
    size_t need;

    if (s.len == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        *out = p[0];
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (s.len < need) {
        return 0;
    }
    code_point = p[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code_point = code_point << 6 | (p[i] & 0x3fu);
    }
    if (code_point < least[need] || code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point <= 0xdfff)) {
        return 0;
    }
    *out = code_point;
    return need;
}

bool utf8_is_valid(const void *bytes, size_t len)
{
    const unsigned char *s = bytes;
    size_t i = 0;

    while (i < len) {
        uint32_t ignored;
        size_t step;

        i += ascii_run(s + i, len - i);
        if (i == len) {
            return true;
        }
        if (s[i] < 0x80) { /* fewer than eight of them */
            i++;
            continue;
        }
        step = utf8_decode((struct span){(const char *)s + i, len - i}, &ignored);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

size_t utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The C library's own table for C.UTF-8, whatever the process's locale is; made once, never freed.
 */
static locale_t unicode_locale(void)
{
    static locale_t shared;
    locale_t have = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);

    if (have == (locale_t)0) {
        locale_t none = (locale_t)0;
        locale_t fresh = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

        if (fresh == (locale_t)0) {
            return (locale_t)0;
        }
        if (!__atomic_compare_exchange_n(&shared, &none, fresh, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            freelocale(fresh);
        }
        have = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
    }
    return have;
}

uint32_t utf8_lower(uint32_t code_point)
{
    locale_t unicode;

    if (code_point < 0x80) {
        return code_point >= 'A' && code_point <= 'Z' ? code_point + 0x20 : code_point;
    }
    unicode = unicode_locale();
    return unicode == (locale_t)0 ? code_point : (uint32_t)towlower_l((wint_t)code_point, unicode);
}

void utf8_add_lower(struct buf *out, struct span s)
{
    size_t i = 0;

    while (i < s.len) {
        uint32_t code_point;
        size_t step = utf8_decode((struct span){s.ptr + i, s.len - i}, &code_point);
        char bytes[4];

        if (step == 0) {
            buf_add_char(out, s.ptr[i++]);
        } else {
            buf_add(out, bytes, utf8_encode(utf8_lower(code_point), bytes));
            i += step;
        }
    }
}
