#include "recovery/printable.h"

#include "base/utf8.h"

static bool is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
           (point >= 0x200e && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void printable_add(struct buf *out, struct span text)
{
    size_t at = 0;

    while (at < text.len) {
        uint32_t point = 0;
        size_t len = utf8_decode(span_sub(text, at, text.len), &point);

        if (len == 0) {
            buf_printf(out, "\\x%02x", (unsigned char)text.ptr[at]);
        } else if (!is_harmful(point)) {
            buf_add_span(out, span_sub(text, at, at + len));
        } else if (point < 0x100) {
            buf_printf(out, "\\x%02x", (unsigned)point);
        } else {
            buf_printf(out, "\\u{%x}", (unsigned)point);
        }
        at += MAX_OF(len, (size_t)1);
    }
}

void printable_add_hex(struct buf *out, struct span bytes, size_t most)
{
    for (size_t i = 0; i < bytes.len && i < most; i++) {
        buf_printf(out, "%s%02x", i == 0 ? "" : " ", (unsigned char)bytes.ptr[i]);
    }
    buf_add_text(out, bytes.len > most ? " .." : "");
}
