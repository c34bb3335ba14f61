#include "schema/decimal.h"

#include <string.h>

/* The magnitude of a two's complement number, big-endian, into @out. */
static bool take_magnitude(struct span bytes, unsigned char out[DECIMAL_NUMBER_BYTES_MAX])
{
    bool is_negative = bytes.ptr[0] < 0;
    unsigned carry = 1;

    memcpy(out, bytes.ptr, bytes.len);
    for (size_t i = bytes.len; is_negative && i > 0; i--) {
        carry += (unsigned char)~out[i - 1];
        out[i - 1] = (unsigned char)carry;
        carry >>= 8;
    }
    return is_negative;
}

/* Divides by ten; the rest is the last digit. *@from is behind the leading zeros. */
static unsigned take_digit(unsigned char *number, size_t len, size_t *from)
{
    unsigned rest = 0;

    for (size_t i = *from; i < len; i++) {
        rest = rest << 8 | number[i];
        number[i] = (unsigned char)(rest / 10);
        rest %= 10;
    }
    while (*from < len && number[*from] == 0) {
        (*from)++;
    }
    return rest;
}

size_t decimal_text(struct span bytes, uint32_t scale, char out[DECIMAL_TEXT_BYTES])
{
    unsigned char number[DECIMAL_NUMBER_BYTES_MAX];
    size_t at = DECIMAL_TEXT_BYTES;
    size_t from = 0;
    bool is_negative;
    bool is_fraction = false;

    if (bytes.len == 0 || bytes.len > DECIMAL_NUMBER_BYTES_MAX || scale > DECIMAL_SCALE_MAX) {
        return 0;
    }
    is_negative = take_magnitude(bytes, number);
    for (uint32_t place = 0; place <= scale || from < bytes.len; place++) {
        unsigned digit = take_digit(number, bytes.len, &from);

        if (place == scale && is_fraction) {
            out[--at] = '.';
        }
        if (place >= scale || digit > 0 || is_fraction) {
            out[--at] = (char)('0' + digit);
            is_fraction = is_fraction || place < scale;
        }
    }
    if (is_negative) {
        out[--at] = '-';
    }
    memmove(out, out + at, DECIMAL_TEXT_BYTES - at);
    return DECIMAL_TEXT_BYTES - at;
}
