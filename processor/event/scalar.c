#include "event/scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "schema/decimal.h"

/* The kinds of values follow those of types, so that a value can be told to fit its type. */
_Static_assert((int)VALUE_STRING == (int)TYPE_STRING, "value and type kinds run in parallel");
_Static_assert((int)VALUE_RECORD == (int)TYPE_RECORD, "value and type kinds run in parallel");

struct numeric numeric_of_i64(int64_t i)
{
    return (struct numeric){.is_integer = true, .i = i, .d = (double)i};
}

struct numeric numeric_of_double(double d)
{
    return (struct numeric){.d = d};
}

int numeric_cmp(const struct numeric *a, const struct numeric *b)
{
    if (a->is_integer && b->is_integer) {
        return (a->i > b->i) - (a->i < b->i);
    }
    if (a->is_integer != b->is_integer) { /* a long double holds every int64_t */
        long double x = a->is_integer ? (long double)a->i : (long double)a->d;
        long double y = b->is_integer ? (long double)b->i : (long double)b->d;

        return (x > y) - (x < y);
    }
    return (a->d > b->d) - (a->d < b->d);
}

bool numeric_parse(struct span text, struct numeric *out)
{
    int64_t i;
    double d;

    text = span_trim(text);
    if (span_to_i64(text, &i)) {
        *out = numeric_of_i64(i);
        return true;
    }
    if (span_to_double(text, &d)) {
        *out = numeric_of_double(d);
        return true;
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct span text, size_t i)
{
    while (i < text.len && is_digit(text.ptr[i])) {
        i++;
    }
    return i;
}

bool scalar_is_json_number(struct span text)
{
    size_t start = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t i = skip_digits(text, start);
    size_t from;

    if (i == start || (text.ptr[start] == '0' && i > start + 1)) {
        return false;
    }
    if (i < text.len && text.ptr[i] == '.') {
        from = i + 1;
        i = skip_digits(text, from);
        if (i == from) {
            return false;
        }
    }
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        i += i < text.len && (text.ptr[i] == '+' || text.ptr[i] == '-');
        from = i;
        i = skip_digits(text, from);
        if (i == from) {
            return false;
        }
    }
    return i == text.len;
}

/* How many of the types @type can be are of @kind; the last of them in *@found. A path through a
 * union of records may end in a union of unions, hence the recursion, two deep. */
static size_t count_kind(const struct type *type, int kind, const struct type **found)
{
    size_t count = 0;

    if (type->kind != TYPE_UNION) {
        *found = (int)type->kind == kind ? type : *found;
        return (int)type->kind == kind;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        count += count_kind(type->branches[i], kind, found);
    }
    return count;
}

const struct type *scalar_branch(const struct type *type, const struct value *value)
{
    const struct type *found = NULL;

    if (count_kind(type, (int)value->kind, &found) == 1) {
        return found;
    }
    /* A union of the schema tells its named branches apart by number. Any other that has a kind
     * twice was made of several fields: which one the value is from is not known. */
    found = value->branch < type->branch_count ? type->branches[value->branch] : NULL;
    if (found != NULL && (int)found->kind == (int)value->kind &&
        (found->kind == TYPE_FIXED || found->kind == TYPE_ENUM || found->kind == TYPE_RECORD)) {
        return found;
    }
    return NULL;
}

static bool is_decimal(const struct type *type)
{
    return type != NULL && type->logical == LOGICAL_DECIMAL;
}

/* The unscaled number of a decimal: big-endian two's complement. */
static __int128 unscaled_of(struct span bytes)
{
    unsigned __int128 bits = bytes.ptr[0] < 0 ? ~(unsigned __int128)0 : 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.ptr[i];
    }
    return (__int128)bits;
}

static long double unscaled_long(struct span bytes)
{
    bool is_negative = bytes.ptr[0] < 0;
    long double sum = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];

        sum = sum * 256 + (is_negative ? (unsigned char)~byte : byte);
    }
    return is_negative ? -sum - 1 : sum;
}

/* Every integer up to here is a double. */
#define EXACT_MAX ((int64_t)1 << 53)

static bool read_decimal(struct span bytes, uint32_t scale, struct numeric *out)
{
    long double scaled;

    if (bytes.len == 0) {
        return false;
    }
    if (bytes.len <= 8) {
        int64_t unscaled = (int64_t)unscaled_of(bytes);

        if (scale == 0) {
            *out = numeric_of_i64(unscaled);
            return true;
        }
        /* Both sides exact: one rounding, the same that reading "99.99" makes. */
        if (scale <= 22 && unscaled <= EXACT_MAX && unscaled >= -EXACT_MAX) {
            *out = numeric_of_double((double)unscaled / pow(10, scale));
            return true;
        }
    }
    scaled = unscaled_long(bytes) / powl(10, (long double)scale);
    *out = numeric_of_double((double)scaled);
    return isfinite(out->d);
}

bool scalar_number(const struct value *value, const struct type *type, struct numeric *out)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_INT:
    case VALUE_LONG:
        *out = numeric_of_i64(value->i);
        return true;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        *out = numeric_of_double(value->d);
        return isfinite(value->d);
    case VALUE_BYTES:
    case VALUE_FIXED:
        type = scalar_type(type, value);
        return is_decimal(type) && read_decimal(value_text(value), type->scale, out);
    case VALUE_STRING:
        return numeric_parse(value_text(value), out);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_ENUM:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        break;
    }
    return false;
}

static struct span write_double(double d, struct arena *arena)
{
    char text[NUMBER_TEXT_BYTES];

    if (!isfinite(d)) {
        return SPAN_NONE;
    }
    return arena_copy(arena, (struct span){text, number_text(d, text)});
}

/* A float's own shortest digits: 0.1f is 0.1, not 0.100000001490116. */
static struct span write_float(float f, struct arena *arena)
{
    char text[NUMBER_TEXT_BYTES];

    for (int digits = 6; digits <= 9; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, (double)f);
        if (strtof(text, NULL) == f) {
            break;
        }
    }
    return write_double(strtod(text, NULL), arena);
}

static struct span write_decimal(struct span bytes, uint32_t scale, struct arena *arena)
{
    char text[DECIMAL_TEXT_BYTES];
    size_t len = decimal_text(bytes, scale, text);

    return len == 0 ? SPAN_NONE : arena_copy(arena, (struct span){text, len});
}

static struct span write_i64(int64_t i, struct arena *arena)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)i);

    return arena_copy(arena, (struct span){text, (size_t)len});
}

struct span scalar_text(const struct value *value, const struct type *type, struct arena *arena)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_STRING:
    case VALUE_ENUM:
        return value_text(value);
    case VALUE_BOOL:
        return value->i != 0 ? SPAN("true") : SPAN("false");
    case VALUE_INT:
    case VALUE_LONG:
        return write_i64(value->i, arena);
    case VALUE_FLOAT:
        return write_float((float)value->d, arena);
    case VALUE_DOUBLE:
        return write_double(value->d, arena);
    case VALUE_BYTES:
    case VALUE_FIXED:
        type = scalar_type(type, value);
        return is_decimal(type) ? write_decimal(value_text(value), type->scale, arena) : SPAN_NONE;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        break;
    }
    return SPAN_NONE;
}
