#include "base/columns.h"

#include <stdio.h>

#include "base/utf8.h"

static const struct {
    uint32_t first;
    uint32_t last;
    unsigned columns;
} odd_points[] = {
    /* marks that stand on the character before, and what is not shown at all */
    {0x0300, 0x036f, 0},
    {0x0483, 0x0489, 0},
    {0x0591, 0x05bd, 0},
    {0x0610, 0x061a, 0},
    {0x064b, 0x065f, 0},
    {0x1ab0, 0x1aff, 0},
    {0x1dc0, 0x1dff, 0},
    {0x200b, 0x200f, 0},
    {0x20d0, 0x20ff, 0},
    {0xfe00, 0xfe0f, 0},
    {0xfe20, 0xfe2f, 0},
    /* wide ones */
    {0x1100, 0x115f, 2},
    {0x2e80, 0x303e, 2},
    {0x3041, 0xa4cf, 2},
    {0xa960, 0xa97f, 2},
    {0xac00, 0xd7a3, 2},
    {0xf900, 0xfaff, 2},
    {0xfe30, 0xfe6f, 2},
    {0xff01, 0xff60, 2},
    {0xffe0, 0xffe6, 2},
    {0x1f300, 0x1f64f, 2},
    {0x1f680, 0x1f6ff, 2},
    {0x1f900, 0x1f9ff, 2},
    {0x20000, 0x3fffd, 2},
};

static unsigned columns_of_point(uint32_t code_point)
{
    for (size_t i = 0; code_point >= 0x300 && i < COUNT_OF(odd_points); i++) {
        if (code_point >= odd_points[i].first && code_point <= odd_points[i].last) {
            return odd_points[i].columns;
        }
    }
    return 1;
}

/* Bytes of the first character or colour sequence of @text, which is not empty. */
static size_t step(struct span text, unsigned *columns)
{
    uint32_t point = 0;
    size_t len;

    if (text.len > 1 && text.ptr[0] == '\033' && text.ptr[1] == '[') {
        *columns = 0;
        len = span_find(text, 'm', 0);
        return MIN_OF(len + 1, text.len);
    }
    len = utf8_decode(text, &point);
    *columns = len == 0 ? 1 : columns_of_point(point);
    return MAX_OF(len, (size_t)1);
}

size_t columns_within(struct span text, size_t columns)
{
    size_t used = 0;
    size_t at = 0;

    while (at < text.len) {
        unsigned more;
        size_t len = step(span_sub(text, at, text.len), &more);

        if (used + more > columns) {
            break;
        }
        used += more;
        at += len;
    }
    return at;
}

size_t columns_of(struct span text)
{
    size_t columns = 0;

    for (size_t at = 0; at < text.len;) {
        unsigned more;

        at += step(span_sub(text, at, text.len), &more);
        columns += more;
    }
    return columns;
}

/* Where to break @line, of which @most bytes fit: at the last space behind what it is indented by.
 */
static size_t break_at(struct span line, size_t most)
{
    size_t from = 0;

    while (from < most && line.ptr[from] == ' ') {
        from++;
    }
    for (size_t at = most; at > from; at--) {
        if (line.ptr[at] == ' ') {
            return at;
        }
    }
    return most;
}

static void fold_line(struct buf *out, struct span line, size_t columns, size_t indent)
{
    size_t most = columns_within(line, columns);

    while (most > 0 && most < line.len) {
        size_t at = break_at(line, most);

        buf_add_span(out, span_sub(line, 0, at));
        line = span_sub(line, at, line.len);
        while (line.len > 0 && line.ptr[0] == ' ') {
            line = span_sub(line, 1, line.len);
        }
        buf_printf(out, "\n%*s", (int)indent, "");
        most = columns_within(line, columns - indent);
    }
    buf_add_span(out, line);
}

void columns_fold(struct buf *out, struct span text, size_t columns, size_t indent)
{
    PRE(indent + 2 <= columns);

    for (size_t at = 0; at < text.len;) {
        size_t end = span_find(text, '\n', at);

        fold_line(out, span_sub(text, at, end), columns, indent);
        if (end < text.len) {
            buf_add_char(out, '\n');
        }
        at = end + 1;
    }
}

/* cells of a table */

enum { FIRST_COLUMNS_MIN = 4 };

static const struct span dots = {"..", 2};

size_t columns_clean(struct buf *out, const char *text, size_t columns)
{
    struct span left = span_of(text);
    size_t used = 0;

    while (left.len > 0) {
        uint32_t point = 0;
        size_t len = utf8_decode(left, &point);
        bool is_control = len == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0);
        size_t wide = is_control ? 1 : columns_of_point(point);

        len = MAX_OF(len, (size_t)1);
        if (used + wide > columns || (used + wide == columns && left.len > len)) {
            buf_add_text(out, "\xe2\x80\xa6");
            return used + 1;
        }
        if (is_control) {
            buf_add_char(out, '?');
        } else {
            buf_add(out, left.ptr, len);
        }
        left = span_sub(left, len, left.len);
        used += wide;
    }
    return used;
}

void columns_clean_left(struct buf *out, const char *text, size_t columns)
{
    for (size_t used = columns_clean(out, text, columns); used < columns; used++) {
        buf_add_char(out, ' ');
    }
}

void columns_cut(struct buf *out, struct span text, size_t columns)
{
    size_t kept = columns > dots.len ? columns - dots.len : columns;

    if (columns_of(text) <= columns) {
        buf_add_span(out, text);
        return;
    }
    buf_add_span(out, span_sub(text, 0, columns_within(text, kept)));
    buf_add_span(out, columns > dots.len ? dots : SPAN_NONE);
}

static void add_blanks(struct buf *out, struct span text, size_t columns)
{
    for (size_t used = columns_of(text); used < columns; used++) {
        buf_add_char(out, ' ');
    }
}

void columns_left(struct buf *out, struct span text, size_t columns)
{
    columns_cut(out, text, columns);
    add_blanks(out, text, columns);
}

void columns_right(struct buf *out, struct span text, size_t columns)
{
    add_blanks(out, text, columns);
    columns_cut(out, text, columns);
}

void columns_pair(struct buf *out, struct span first, struct span second, size_t columns)
{
    size_t before = columns_of(first);
    size_t behind = columns_of(second);

    if (before + 1 + behind > columns) {
        size_t least = MIN_OF(before, (size_t)FIRST_COLUMNS_MIN);

        behind = MIN_OF(behind, columns - 1 - least);
        before = columns - 1 - behind;
    }
    columns_cut(out, first, before);
    buf_add_char(out, '/');
    columns_cut(out, second, behind);
}

void columns_number(struct buf *out, uint64_t value, size_t columns)
{
    char digits[24];
    char text[32];
    size_t used = 0;
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    add_blanks(out, (struct span){text, used}, columns);
    buf_add(out, text, used);
}

const char *columns_duration(int64_t ms, char out[COLUMNS_DURATION_BYTES])
{
    long long s = ms < 0 ? 0 : ms / 1000;

    if (s < 60) {
        (void)snprintf(out, COLUMNS_DURATION_BYTES, "%llds", s);
    } else if (s < 3600) {
        (void)snprintf(out, COLUMNS_DURATION_BYTES, "%lldm%02llds", s / 60, s % 60);
    } else if (s < 24 * 3600) {
        (void)snprintf(out, COLUMNS_DURATION_BYTES, "%lldh%02lldm", s / 3600, s / 60 % 60);
    } else {
        (void)snprintf(out, COLUMNS_DURATION_BYTES, "%lldd%02lldh", s / 86400, s / 3600 % 24);
    }
    return out;
}
