#include "export/csv.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* -5, +3.50: no spreadsheet calculates with it. */
static bool is_plain_number(struct span text)
{
    size_t at = text.ptr[0] == '-' || text.ptr[0] == '+' ? 1 : 0;
    size_t digits = 0;
    size_t points = 0;

    for (; at < text.len; at++) {
        if (text.ptr[at] == '.') {
            points++;
        } else if (is_digit(text.ptr[at])) {
            digits++;
        } else {
            return false;
        }
    }
    return digits > 0 && points <= 1 && is_digit(text.ptr[text.len - 1]);
}

static bool is_formula(struct span text)
{
    return text.len > 0 && strchr("=+-@\t\r\n", text.ptr[0]) != NULL && !is_plain_number(text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(",\"\r\n", text.ptr[i]) != NULL) { /* a NUL too: it is left out there */
            return true;
        }
    }
    return text.len > 0 && (is_space(text.ptr[0]) || is_space(text.ptr[text.len - 1]));
}

static void begin_cell(struct csv_row *row)
{
    if (row->cells++ > 0) {
        buf_add_char(row->out, ',');
    }
}

/* Gives how many NUL were left out. */
static size_t add_quoted(struct buf *out, struct span text)
{
    size_t left_out = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0') {
            left_out++;
            continue;
        }
        if (text.ptr[i] == '"') {
            buf_add_char(out, '"');
        }
        buf_add_char(out, text.ptr[i]);
    }
    return left_out;
}

void csv_text(struct csv_row *row, struct span text)
{
    bool is_guarded;
    size_t left_out;

    begin_cell(row);
    while (text.len > 0 && text.ptr[0] == '\0') { /* it must not hide the = behind it */
        text = span_sub(text, 1, text.len);
        row->changed++;
    }
    is_guarded = is_formula(text);
    if (!needs_quotes(text)) {
        buf_add_text(row->out, is_guarded ? "'" : "");
        buf_add_span(row->out, text);
        row->changed += is_guarded ? 1 : 0;
        return;
    }
    buf_add_text(row->out, is_guarded ? "\"'" : "\"");
    left_out = add_quoted(row->out, text);
    buf_add_char(row->out, '"');
    row->changed += is_guarded || left_out > 0 ? 1 : 0;
}

void csv_number(struct csv_row *row, struct span digits)
{
    begin_cell(row);
    buf_add_span(row->out, digits);
}

void csv_end(struct csv_row *row)
{
    buf_add_text(row->out, "\r\n");
    row->cells = 0;
}
