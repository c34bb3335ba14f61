#include "base/money.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MICROS = 1000000, DECIMALS = 6, DECIMALS_MIN = 2, PRINT_BYTES = 64 };

/* Below this a double is less than half a millionth away from the decimal that was meant, also
 * after the rounding of the product. */
static const double FAST_MAX = 4e9;
static const double AMOUNT_MAX = 9e12;

/* Digits of @text from @at on into *number; returns how many. */
static size_t read_digits(struct span text, size_t at, size_t digits_max, __int128 *number)
{
    size_t from = at;

    while (at < text.len && at - from < digits_max && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        *number = *number * 10 + (text.ptr[at] - '0');
        at++;
    }
    return at - from;
}

bool money_parse(struct span text, struct money *out)
{
    __int128 number = 0;
    size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    bool is_negative = at == 1;
    size_t digits = read_digits(text, at, MONEY_DIGITS_MAX, &number);
    size_t decimals = 0;

    at += digits;
    if (digits > 0 && at < text.len && text.ptr[at] == '.') {
        decimals = read_digits(text, at + 1, DECIMALS, &number);
        at = decimals == 0 ? at : at + 1 + decimals; /* "3." is no number */
    }
    if (digits == 0 || at != text.len) {
        return false;
    }
    for (; decimals < DECIMALS; decimals++) {
        number *= 10;
    }
    out->micros = is_negative ? -number : number;
    return true;
}

bool money_of_double(double amount, struct money *out)
{
    char text[PRINT_BYTES];
    int len;

    if (!isfinite(amount) || fabs(amount) > AMOUNT_MAX) {
        return false;
    }
    if (fabs(amount) < FAST_MAX) {
        out->micros = llrint(amount * MICROS);
        return true;
    }
    /* 15 digits are what a double keeps of any decimal; more would print its error. */
    len = snprintf(text, sizeof(text), "%.*f",
                   fabs(amount) < 1e10   ? 5
                   : fabs(amount) < 1e11 ? 4
                   : fabs(amount) < 1e12 ? 3
                                         : 2,
                   amount);
    return money_parse((struct span){text, (size_t)len}, out);
}

bool money_add(struct money *sum, struct money more)
{
    __int128 total;

    if (__builtin_add_overflow(sum->micros, more.micros, &total)) {
        return false;
    }
    sum->micros = total;
    return true;
}

size_t money_text(struct money money, char out[MONEY_TEXT_BYTES])
{
    bool is_negative = money.micros < 0;
    unsigned __int128 left =
        is_negative ? -(unsigned __int128)money.micros : (unsigned __int128)money.micros;
    char text[MONEY_TEXT_BYTES];
    char *end = text + sizeof(text) - 1;
    char *at = end;
    size_t places = 0;
    bool is_needed = false;

    *end = '\0';
    for (; places < DECIMALS; places++, left /= 10) {
        is_needed = is_needed || left % 10 != 0 || places >= DECIMALS - DECIMALS_MIN;
        if (is_needed) {
            *--at = (char)('0' + (int)(left % 10));
        }
    }
    *--at = '.';
    do {
        *--at = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0);
    if (is_negative) {
        *--at = '-';
    }
    memcpy(out, at, (size_t)(end - at) + 1);
    return (size_t)(end - at);
}
