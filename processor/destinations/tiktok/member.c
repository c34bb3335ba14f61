#include "destinations/tiktok/member.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "destinations/tiktok/client_address.h"
#include "event/scalar.h"

enum {
    TEXT_BYTES_MAX = 4096,
    URL_BYTES_MAX = 8192,
    IDENTIFIERS_MAX = 100, /* of one event; each is compared with those before it */
    IDS_MAX = 10000,
    HASH_DIGITS = 64,
    CURRENCY_LETTERS = 3,
    EXPONENT_MAX = 20, /* beyond it a double is no amount of anything */
};

#define EXACT_MAX 9007199254740992.0 /* 2^53: beyond it a double is no id and no count */

static bool add_text(struct buf *out, struct span text, size_t bytes_max)
{
    size_t before = out->len;

    text = span_trim(text);
    if (text.len == 0 || text.len > bytes_max) {
        return false;
    }
    buf_add_json_string(out, text);
    /* Only an escaped text can hold a NUL, which many readers of JSON refuse, and all with it. */
    return out->len == before + text.len + 2 || memchr(text.ptr, '\0', text.len) == NULL;
}

static bool is_float(const struct value *value)
{
    return value != NULL && (value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE);
}

/* A whole number stays one: 1077.0 is the id "1077". */
static bool add_id(struct member_writer *writer, const struct origin_value *value)
{
    struct span text;

    if (value->value != NULL && value->value->kind == VALUE_BOOL) {
        return false;
    }
    if (is_float(value->value)) {
        double d = value->value->d;

        if (!isfinite(d) || fabs(d) > EXACT_MAX || d != floor(d)) {
            return false;
        }
        buf_add_char(writer->out, '"');
        buf_add_i64(writer->out, (int64_t)d);
        buf_add_char(writer->out, '"');
        return true;
    }
    text = origin_text(value, writer->arena);
    return text.ptr != NULL && add_text(writer->out, text, TEXT_BYTES_MAX);
}

static bool get_number(const struct origin_value *value, struct numeric *out)
{
    return value->value == NULL ? numeric_parse(value->text, out)
                                : scalar_number(value->value, value->type, out);
}

/* The number that @out ends with, from @from on, without an exponent: TikTok takes no letters. */
static bool fix_decimals(struct buf *out, size_t from)
{
    char text[NUMBER_TEXT_BYTES + 1] = "";
    const char *e;
    const char *point;
    long decimals;
    long exponent;

    if (out->is_overflowed) {
        return false;
    }
    memcpy(text, out->ptr + from, MIN_OF(out->len - from, (size_t)NUMBER_TEXT_BYTES));
    e = strchr(text, 'e');
    if (e == NULL) {
        return true;
    }
    point = strchr(text, '.');
    exponent = strtol(e + 1, NULL, 10);
    if (labs(exponent) > EXPONENT_MAX) {
        return false;
    }
    decimals = (point == NULL ? 0 : e - point - 1) - exponent;
    buf_truncate(out, from);
    buf_printf(out, "%.*f", (int)MAX_OF(decimals, 0L), strtod(text, NULL));
    return true;
}

static bool add_number(struct buf *out, const struct origin_value *value)
{
    struct numeric number;
    size_t from = out->len;

    if (!get_number(value, &number) || !isfinite(number.d)) {
        return false;
    }
    if (number.is_integer) {
        buf_add_i64(out, number.i);
    } else if (number.d == 0) {
        buf_add_char(out, '0'); /* of minus zero as well */
    } else if (value->value != NULL && value->value->kind == VALUE_FLOAT) {
        buf_add_float(out, (float)number.d);
    } else {
        buf_add_double(out, number.d);
    }
    return fix_decimals(out, from);
}

static bool add_integer(struct buf *out, const struct origin_value *value)
{
    struct numeric number;

    if (!get_number(value, &number)) {
        return false;
    }
    if (!number.is_integer) {
        if (!isfinite(number.d) || fabs(number.d) > EXACT_MAX || number.d != floor(number.d)) {
            return false;
        }
        number.i = (int64_t)number.d;
    }
    buf_add_i64(out, number.i);
    return true;
}

static bool text_to_bool(struct span text, bool *out)
{
    text = span_trim(text);
    *out = span_eq_nocase(text, SPAN("true")) || span_is(text, "1");
    return *out || span_eq_nocase(text, SPAN("false")) || span_is(text, "0");
}

static bool add_boolean(struct member_writer *writer, const struct origin_value *value)
{
    struct span text = origin_text(value, writer->arena);
    bool is_true;

    if (text.ptr == NULL || !text_to_bool(text, &is_true)) {
        return false;
    }
    buf_add_span(writer->out, is_true ? SPAN("true") : SPAN("false"));
    return true;
}

/* As the list writes it, whatever the case of the event's. */
static bool add_word(struct buf *out, const char *const *words, struct span text)
{
    text = span_trim(text);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (span_eq_nocase(text, span_of(words[i]))) {
            buf_add_json_string(out, span_of(words[i]));
            return true;
        }
    }
    return false;
}

static bool add_currency(struct buf *out, struct span text)
{
    char code[CURRENCY_LETTERS];

    text = span_trim(text);
    if (text.len != CURRENCY_LETTERS) {
        return false;
    }
    for (size_t i = 0; i < CURRENCY_LETTERS; i++) {
        char c = text.ptr[i];

        code[i] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    }
    if (!tiktok_currency_is_known(code)) {
        return false;
    }
    buf_add_json_string(out, (struct span){code, CURRENCY_LETTERS});
    return true;
}

static bool add_address(struct buf *out, struct span text)
{
    char address[CLIENT_ADDRESS_BYTES];

    if (!client_address(text, address)) {
        return false;
    }
    buf_add_json_string(out, span_of(address));
    return true;
}

static bool is_hash_wanted(enum identifier kind)
{
    return kind != IDENTIFIER_PLACE && kind != IDENTIFIER_COUNTRY;
}

static bool add_identifier(struct member_writer *writer, enum identifier kind, struct span text)
{
    struct buf *normal = &writer->scratch->normal;
    char *to;

    if (!identifier_normalise(kind, text, writer->country, normal)) {
        return false;
    }
    if (!is_hash_wanted(kind)) {
        buf_add_json_string(writer->out, buf_span(normal));
        return true;
    }
    to = buf_reserve(writer->out, HASH_DIGITS + 2);
    if (to == NULL) {
        return false; /* out is overflowed now, which the caller sees */
    }
    to[0] = '"';
    if (identifier_is_hashed(text)) {
        memcpy(to + 1, normal->ptr, HASH_DIGITS);
    } else {
        sha256_hex(writer->scratch->sha, buf_span(normal), to + 1);
    }
    to[HASH_DIGITS + 1] = '"';
    writer->out->len += HASH_DIGITS + 2;
    return true;
}

static struct origin_value element_of(const struct origin_value *array, size_t i)
{
    const struct value *value = &array->value->items[i];
    const struct type *items = array->type == NULL ? NULL : array->type->items;

    return (struct origin_value){
        .value = value, .type = scalar_type(items, value), .is_present = true};
}

/* Was the element that ends at the end of @out written before, from @start on? */
static bool is_repeated(const struct buf *out, size_t start)
{
    const size_t width = HASH_DIGITS + 3; /* two quotation marks and what is between elements */
    size_t last = out->len - (HASH_DIGITS + 2);

    for (size_t at = start; at < last; at += width) {
        if (memcmp(out->ptr + at, out->ptr + last, HASH_DIGITS + 2) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_identifiers(struct member_writer *writer, enum identifier kind,
                            const struct origin_value *array)
{
    struct buf *out = writer->out;
    size_t start;
    size_t written = 0;

    buf_add_char(out, '[');
    start = out->len;
    for (size_t i = 0; i < array->value->len; i++) {
        struct origin_value element = element_of(array, i);
        struct span text = origin_text(&element, writer->arena);
        size_t before = out->len;

        if (origin_value_is_absent(&element, TEXT_CODE)) {
            continue;
        }
        if (written > 0) {
            buf_add_char(out, ',');
        }
        if (written < IDENTIFIERS_MAX && text.ptr != NULL && add_identifier(writer, kind, text)) {
            if (!is_repeated(out, start)) {
                written++;
                continue;
            }
        } else {
            writer->left_out++;
        }
        if (out->is_overflowed) {
            return false;
        }
        buf_truncate(out, before);
    }
    buf_add_char(out, ']');
    return written > 0;
}

/* One element, or an array of them: @add appends one. */
static bool add_array(struct member_writer *writer, const struct origin_value *value,
                      bool (*add)(struct member_writer *, const struct origin_value *))
{
    struct buf *out = writer->out;
    bool is_array = value->value != NULL && value->value->kind == VALUE_ARRAY;
    size_t count = is_array ? value->value->len : 1;
    size_t written = 0;

    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        struct origin_value element = is_array ? element_of(value, i) : *value;
        size_t before = out->len;

        if (origin_value_is_absent(&element, TEXT_CODE)) {
            continue;
        }
        if (written > 0) {
            buf_add_char(out, ',');
        }
        if (written < IDS_MAX && add(writer, &element)) {
            written++;
            continue;
        }
        if (out->is_overflowed) {
            return false;
        }
        buf_truncate(out, before);
        writer->left_out++;
    }
    buf_add_char(out, ']');
    return written > 0;
}

static bool add_any_number(struct member_writer *writer, const struct origin_value *value)
{
    return add_number(writer->out, value);
}

static bool add_free(struct member_writer *writer, const struct origin_value *value)
{
    const struct value *v = value->value;

    if (v != NULL && v->kind == VALUE_BOOL) {
        return add_boolean(writer, value);
    }
    if (v != NULL && v->kind != VALUE_STRING && v->kind != VALUE_ENUM) {
        return add_number(writer->out, value);
    }
    return add_text(writer->out, origin_text(value, writer->arena), TEXT_BYTES_MAX);
}

/* Kinds that are made from the value's text alone. */
static bool add_from_text(struct member_writer *writer, const struct tiktok_field *field,
                          struct span text)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return add_text(writer->out, text, TEXT_BYTES_MAX);
    case FIELD_URL:
        return add_text(writer->out, text, URL_BYTES_MAX);
    case FIELD_WORD:
        return add_word(writer->out, field->words, text);
    case FIELD_CURRENCY:
        return add_currency(writer->out, text);
    case FIELD_ADDRESS:
        return add_address(writer->out, text);
    case FIELD_IDENTIFIER:
        return add_identifier(writer, field->identifier, text);
    case FIELD_ID:
    case FIELD_NUMBER:
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
    case FIELD_IDS:
    case FIELD_NUMBERS:
    case FIELD_CONTENTS:
    case FIELD_FREE:
        break;
    }
    return false;
}

bool member_write(struct member_writer *writer, const struct tiktok_field *field,
                  const struct origin_value *value)
{
    struct span text;

    switch (field->kind) {
    case FIELD_ID:
        return add_id(writer, value);
    case FIELD_NUMBER:
        return add_number(writer->out, value);
    case FIELD_INTEGER:
        return add_integer(writer->out, value);
    case FIELD_BOOLEAN:
        return add_boolean(writer, value);
    case FIELD_IDS:
        return add_array(writer, value, add_id);
    case FIELD_NUMBERS:
        return add_array(writer, value, add_any_number);
    case FIELD_FREE:
        return add_free(writer, value);
    case FIELD_IDENTIFIER:
        if (field->is_list && value->value != NULL && value->value->kind == VALUE_ARRAY) {
            return add_identifiers(writer, field->identifier, value);
        }
        break;
    case FIELD_TEXT:
    case FIELD_URL:
    case FIELD_WORD:
    case FIELD_CURRENCY:
    case FIELD_ADDRESS:
    case FIELD_CONTENTS:
        break;
    }
    text = origin_text(value, writer->arena);
    return text.ptr != NULL && add_from_text(writer, field, text);
}

bool member_takes_text(const struct tiktok_field *field, struct span text)
{
    char address[CLIENT_ADDRESS_BYTES];
    struct numeric number;
    bool ignored;

    switch (field->kind) {
    case FIELD_NUMBER:
        return numeric_parse(text, &number);
    case FIELD_INTEGER:
        return numeric_parse(text, &number) && (number.is_integer || number.d == floor(number.d));
    case FIELD_BOOLEAN:
        return text_to_bool(text, &ignored);
    case FIELD_WORD:
        for (size_t i = 0; field->words[i] != NULL; i++) {
            if (span_eq_nocase(span_trim(text), span_of(field->words[i]))) {
                return true;
            }
        }
        return false;
    case FIELD_CURRENCY: {
        struct buf probe;
        bool is_known;

        buf_init(&probe, TEXT_BYTES_MAX);
        is_known = add_currency(&probe, text);
        buf_fini(&probe);
        return is_known;
    }
    case FIELD_ADDRESS:
        return client_address(text, address);
    case FIELD_NUMBERS:
    case FIELD_CONTENTS:
        return false;
    case FIELD_TEXT:
    case FIELD_URL:
    case FIELD_ID:
    case FIELD_IDENTIFIER:
    case FIELD_IDS:
    case FIELD_FREE:
        break;
    }
    return span_trim(text).len > 0;
}
