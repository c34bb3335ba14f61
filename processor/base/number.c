#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this, value * 10^4 is a whole number of at most 15 digits. No two decimals of at most 15
 * digits are the same double, so one that reads back right is also the shortest. */
static const double SCALED_MAX = 1e11;
static const double WHOLE_MAX = 1e15;

enum { SCALE = 10000, SCALE_DIGITS = 4 };

/* The digits of @number in front of @end; returns where they begin. */
static char *put_digits(char *end, uint64_t number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return end;
}

static size_t put_text(char *out, bool is_negative, const char *from, const char *end)
{
    size_t len = (size_t)(end - from);

    if (is_negative) {
        *out++ = '-';
    }
    memcpy(out, from, len);
    return len + (is_negative ? 1 : 0);
}

/* @scaled / 10000, written without trailing zeros. */
static size_t put_scaled(char *out, bool is_negative, uint64_t scaled)
{
    char text[NUMBER_TEXT_BYTES];
    char *end = text + sizeof(text);
    char *at = end;
    uint64_t decimals = scaled % SCALE;
    int places = SCALE_DIGITS;

    while (decimals % 10 == 0) { /* never all of them: whole numbers go another way */
        decimals /= 10;
        places--;
    }
    for (; places > 0; places--) {
        *--at = (char)('0' + decimals % 10);
        decimals /= 10;
    }
    *--at = '.';
    at = put_digits(at, scaled / SCALE);
    return put_text(out, is_negative, at, end);
}

/* The fewest of 15 to 17 digits that read back; LC_NUMERIC stays "C" in this program. */
static size_t put_any(char *out, double number)
{
    for (int digits = 15; digits < 17; digits++) {
        int len = snprintf(out, NUMBER_TEXT_BYTES, "%.*g", digits, number);

        if (strtod(out, NULL) == number) {
            return (size_t)len;
        }
    }
    return (size_t)snprintf(out, NUMBER_TEXT_BYTES, "%.17g", number);
}

size_t number_text(double number, char out[NUMBER_TEXT_BYTES])
{
    double size = fabs(number);
    bool is_negative = signbit(number) != 0;
    char text[NUMBER_TEXT_BYTES];
    char *end = text + sizeof(text);

    if (!isfinite(number)) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (size < WHOLE_MAX && (double)(uint64_t)size == size) {
        return put_text(out, is_negative, put_digits(end, (uint64_t)size), end);
    }
    if (size < SCALED_MAX) {
        uint64_t scaled = (uint64_t)(size * SCALE + 0.5);

        if ((double)scaled / SCALE == size) {
            return put_scaled(out, is_negative, scaled);
        }
    }
    return put_any(out, number);
}

void buf_add_double(struct buf *buf, double number)
{
    char text[NUMBER_TEXT_BYTES];

    buf_add(buf, text, number_text(number, text));
}

void buf_add_float(struct buf *buf, float number)
{
    char text[NUMBER_TEXT_BYTES];

    if (isfinite(number)) {
        for (int digits = 6; digits <= 9; digits++) {
            (void)snprintf(text, sizeof(text), "%.*g", digits, (double)number);
            if (strtof(text, NULL) == number) {
                break;
            }
        }
        /* Through the double, so that whole numbers look the same for both. */
        buf_add_double(buf, strtod(text, NULL));
    } else {
        buf_add_text(buf, "null");
    }
}
