#include "rehearse/cells.h"

#include <stdio.h>

#include "base/utf8.h"

enum { DOTS = 2, ROUTE_COLUMNS_MIN = 4, NUMBER_BYTES = 24 };

/* Bytes of the first character; a byte that is none counts as one. */
static size_t step(struct span text)
{
    uint32_t point;
    size_t len = utf8_decode(text, &point);

    return len == 0 ? 1 : len;
}

size_t cell_width(struct span text)
{
    size_t width = 0;

    for (size_t at = 0; at < text.len; at += step(span_sub(text, at, text.len))) {
        width++;
    }
    return width;
}

void cell_add(struct buf *out, struct span text, size_t width)
{
    size_t keep = width > DOTS ? width - DOTS : width;
    size_t at = 0;

    if (cell_width(text) <= width) {
        buf_add_span(out, text);
        return;
    }
    for (size_t i = 0; i < keep; i++) {
        at += step(span_sub(text, at, text.len));
    }
    buf_add_span(out, span_sub(text, 0, at));
    buf_add_text(out, width > DOTS ? ".." : "");
}

static void add_blanks(struct buf *out, struct span text, size_t width)
{
    for (size_t used = cell_width(text); used < width; used++) {
        buf_add_char(out, ' ');
    }
}

void cell_add_left(struct buf *out, struct span text, size_t width)
{
    cell_add(out, text, width);
    add_blanks(out, text, width);
}

void cell_add_right(struct buf *out, struct span text, size_t width)
{
    add_blanks(out, text, width);
    cell_add(out, text, width);
}

void cell_add_leg(struct buf *out, struct span route, struct span leg, size_t width)
{
    size_t route_width = cell_width(route);
    size_t leg_width = cell_width(leg);

    if (route_width + 1 + leg_width > width) {
        size_t least = MIN_OF(route_width, (size_t)ROUTE_COLUMNS_MIN);

        leg_width = MIN_OF(leg_width, width - 1 - least);
        route_width = width - 1 - leg_width;
    }
    cell_add(out, route, route_width);
    buf_add_char(out, '/');
    cell_add(out, leg, leg_width);
}

void cell_add_number(struct buf *out, uint64_t value)
{
    char digits[NUMBER_BYTES];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            buf_add_char(out, ',');
        }
        buf_add_char(out, digits[i]);
    }
}
