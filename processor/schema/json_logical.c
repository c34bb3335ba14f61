#include "schema/json_logical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"

enum {
    DIGITS_MAX = 100,
    NUMBER_BYTES_MAX = 48, /* of two's complement; as many as DIGITS_MAX need, and some */
    EXACT_DIGITS = 15,     /* of a double: any so many come back as they were written */
    EXPONENT_MAX = 1000,
    MS_PER_DAY = 86400000,
};

/* A decimal number as it is written: @digits times ten to the power of @exponent. */
struct digits {
    bool is_negative;
    unsigned char digits[DIGITS_MAX]; /* the first is not 0 */
    size_t count;
    int exponent;
};

static bool add_digit(struct digits *number, unsigned digit)
{
    if (number->count == 0 && digit == 0) {
        return true;
    }
    if (number->count == DIGITS_MAX) {
        return false;
    }
    number->digits[number->count++] = (unsigned char)digit;
    return true;
}

static bool read_exponent(struct span text, int *exponent)
{
    int64_t power;

    if (text.len > 0 && text.ptr[0] == '+') {
        text = span_sub(text, 1, text.len);
    }
    if (!span_to_i64(text, &power) || power < -EXPONENT_MAX || power > EXPONENT_MAX) {
        return false;
    }
    *exponent += (int)power;
    return true;
}

/* -12.30 or 1e6. */
static bool read_digits(struct span text, struct digits *out)
{
    size_t start = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t point = SIZE_MAX;
    size_t seen = 0;

    *out = (struct digits){.is_negative = start == 1};
    for (size_t i = start; i < text.len; i++) {
        char c = text.ptr[i];

        if (c >= '0' && c <= '9') {
            seen++;
            out->exponent -= point != SIZE_MAX;
            if (!add_digit(out, (unsigned)(c - '0'))) {
                return false;
            }
        } else if (c == '.' && point == SIZE_MAX) {
            point = i;
        } else {
            return (c == 'e' || c == 'E') && seen > 0 &&
                   read_exponent(span_sub(text, i + 1, text.len), &out->exponent);
        }
    }
    return seen > 0;
}

/* To a whole number of the type's unit; NULL, or why there is none. */
static const char *scale(struct digits *number, const struct type *type)
{
    int shift = number->exponent + (int)type->scale;

    for (; shift > 0 && number->count > 0; shift--) {
        if (!add_digit(number, 0)) {
            return " with more digits than its precision";
        }
    }
    for (; shift < 0 && number->count > 0; shift++) {
        if (number->digits[--number->count] != 0) {
            return " with more decimals than its scale";
        }
    }
    return number->count > type->precision ? " with more digits than its precision" : NULL;
}

static void write_twos_complement(const struct digits *number, unsigned char out[NUMBER_BYTES_MAX])
{
    unsigned carry = 1;

    memset(out, 0, NUMBER_BYTES_MAX);
    for (size_t i = 0; i < number->count; i++) {
        unsigned rest = number->digits[i];

        for (size_t k = NUMBER_BYTES_MAX; k > 0; k--) {
            rest += out[k - 1] * 10u;
            out[k - 1] = (unsigned char)rest;
            rest >>= 8;
        }
    }
    for (size_t k = NUMBER_BYTES_MAX; number->is_negative && k > 0; k--) {
        carry += (unsigned char)~out[k - 1];
        out[k - 1] = (unsigned char)carry;
        carry >>= 8;
    }
}

/* The fewest bytes that hold the number; a fixed has its own size. */
static size_t bytes_of(const struct type *type, const unsigned char bytes[NUMBER_BYTES_MAX])
{
    size_t from = 0;

    if (type->kind == TYPE_FIXED) {
        return type->fixed_bytes;
    }
    while (from + 1 < NUMBER_BYTES_MAX && bytes[from] == (bytes[0] >= 0x80 ? 0xff : 0) &&
           (bytes[from + 1] >= 0x80) == (bytes[0] >= 0x80)) {
        from++;
    }
    return NUMBER_BYTES_MAX - from;
}

static enum hand_reading read_number(struct span text, const struct type *type, struct arena *arena,
                                     struct value *out, const char **why)
{
    unsigned char bytes[NUMBER_BYTES_MAX];
    struct digits number;
    size_t len;
    size_t kept;
    char *to;

    *why = read_digits(text, &number) ? scale(&number, type)
                                      : " that is no number: a decimal is written as 12.30";
    if (*why != NULL) {
        return HAND_WRONG;
    }
    write_twos_complement(&number, bytes);
    len = bytes_of(type, bytes);
    kept = MIN_OF(len, (size_t)NUMBER_BYTES_MAX); /* the precision of a fixed fits its size */
    to = arena_alloc(arena, len + 1);
    if (to == NULL) {
        return HAND_NO_ROOM;
    }
    memset(to, bytes[0] >= 0x80 ? 0xff : 0, len);
    memcpy(to + len - kept, bytes + NUMBER_BYTES_MAX - kept, kept);
    *out = (struct value){.kind = type->kind == TYPE_FIXED ? VALUE_FIXED : VALUE_BYTES,
                          .len = (uint32_t)len,
                          .p = to};
    return HAND_READ;
}

static size_t count_digits(struct span text)
{
    struct digits number;

    return read_digits(text, &number) ? number.count : SIZE_MAX;
}

static enum hand_reading read_decimal(const json_t *node, const struct type *type,
                                      struct arena *arena, struct value *out, const char **why)
{
    char text[NUMBER_TEXT_BYTES];
    size_t len;

    if (json_is_string(node)) {
        return read_number(span_trim(schema_json_text(node)), type, arena, out, why);
    }
    if (json_is_integer(node)) {
        len = (size_t)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(node));
    } else if (json_is_real(node)) {
        len = number_text(json_real_value(node), text);
        if (count_digits((struct span){text, len}) > EXACT_DIGITS) {
            *why = " of so many digits: write it in quotes, to have them all";
            return HAND_WRONG;
        }
    } else {
        return HAND_OTHER;
    }
    return read_number((struct span){text, len}, type, arena, out, why);
}

/* ISO 8601; the number itself is read as any other. */
static enum hand_reading read_time(const json_t *node, const struct type *type, struct value *out,
                                   const char **why)
{
    struct span text = span_trim(schema_json_text(node));
    int64_t ms;

    if (!clock_parse_iso(text.ptr, text.len, &ms)) {
        *why = " that is no time: write it as 2026-01-31 or 2026-01-31T12:00:00Z, or as a number";
        return HAND_WRONG;
    }
    *out = (struct value){.kind = type->kind == TYPE_INT ? VALUE_INT : VALUE_LONG, .i = ms};
    if (type->logical == LOGICAL_TIMESTAMP_MICROS ||
        type->logical == LOGICAL_LOCAL_TIMESTAMP_MICROS) {
        out->i = ms * 1000;
    } else if (type->logical == LOGICAL_DATE) {
        out->i = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
    }
    return HAND_READ;
}

enum hand_reading logical_from_json(const json_t *node, const struct type *type,
                                    struct arena *arena, struct value *out, const char **why)
{
    switch (type->logical) {
    case LOGICAL_DECIMAL:
        return read_decimal(node, type, arena, out, why);
    case LOGICAL_DATE:
    case LOGICAL_TIMESTAMP_MILLIS:
    case LOGICAL_TIMESTAMP_MICROS:
    case LOGICAL_LOCAL_TIMESTAMP_MILLIS:
    case LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return json_is_string(node) ? read_time(node, type, out, why) : HAND_OTHER;
    case LOGICAL_NONE:
    case LOGICAL_UUID:
    case LOGICAL_TIME_MILLIS:
    case LOGICAL_TIME_MICROS:
    case LOGICAL_DURATION:
        break;
    }
    return HAND_OTHER;
}
