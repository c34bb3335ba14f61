#include "event/utm_original.h"

enum { SINGLE_OBJECT_BYTES = 10, CONFLUENT_BYTES = 5, DOUBLE_BYTES = 8, VARINT_BITS_MAX = 63 };

/* The fields before `original`, in the schema's order. */
enum field { TEXT, LONG, NULLABLE_DOUBLE, NULLABLE_TEXT, MAP_OF_TEXTS };
static const enum field fields[] = {
    TEXT,            /* event_id */
    TEXT,            /* event_type */
    LONG,            /* event_time */
    NULLABLE_DOUBLE, /* value */
    NULLABLE_TEXT,   /* currency */
    NULLABLE_TEXT,   /* utm_source */
    NULLABLE_TEXT,   /* utm_medium */
    NULLABLE_TEXT,   /* utm_campaign */
    NULLABLE_TEXT,   /* utm_term */
    NULLABLE_TEXT,   /* utm_content */
    NULLABLE_TEXT,   /* utm_id */
    NULLABLE_TEXT,   /* landing_page */
    NULLABLE_TEXT,   /* referrer */
    NULLABLE_TEXT,   /* outage_id */
    MAP_OF_TEXTS,    /* click_ids */
    TEXT,            /* destination */
    TEXT,            /* reason */
};

/* Takes from the front of @rest; false: it ends before, or is no such thing. */
static bool take_long(struct span *rest, int64_t *out)
{
    uint64_t bits = 0;

    for (unsigned shift = 0; shift <= VARINT_BITS_MAX && rest->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)rest->ptr[0];

        *rest = span_sub(*rest, 1, rest->len);
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct span *rest, uint64_t len)
{
    if (len > rest->len) {
        return false;
    }
    *rest = span_sub(*rest, (size_t)len, rest->len);
    return true;
}

static bool take_text(struct span *rest)
{
    int64_t len = 0;

    return take_long(rest, &len) && len >= 0 && take_bytes(rest, (uint64_t)len);
}

/* Blocks of entries, the last one empty; one with a negative count says its bytes too. */
static bool take_map(struct span *rest)
{
    int64_t count = 0;
    int64_t bytes;

    while (take_long(rest, &count)) {
        if (count == 0) {
            return true;
        }
        if (count < 0 && (count == INT64_MIN || !take_long(rest, &bytes))) {
            return false;
        }
        for (int64_t i = count < 0 ? -count : count; i > 0; i--) {
            if (!take_text(rest) || !take_text(rest)) {
                return false;
            }
        }
    }
    return false;
}

static bool take_field(struct span *rest, enum field field)
{
    bool is_nullable = field == NULLABLE_DOUBLE || field == NULLABLE_TEXT;
    int64_t number = 1;

    if (is_nullable && (!take_long(rest, &number) || number < 0 || number > 1)) {
        return false;
    }
    if (number == 0) {
        return true;
    }
    switch (field) {
    case LONG:
        return take_long(rest, &number);
    case NULLABLE_DOUBLE:
        return take_bytes(rest, DOUBLE_BYTES);
    case MAP_OF_TEXTS:
        return take_map(rest);
    case TEXT:
    case NULLABLE_TEXT:
        break;
    }
    return take_text(rest);
}

static bool take_framing(struct span *rest)
{
    if (span_starts(*rest, SPAN("\xc3\x01"))) {
        return take_bytes(rest, SINGLE_OBJECT_BYTES);
    }
    return rest->len > 0 && rest->ptr[0] == '\0' && take_bytes(rest, CONFLUENT_BYTES);
}

struct span utm_original(struct span value)
{
    struct span rest = value;
    int64_t len = -1;

    if (value.ptr == NULL || !take_framing(&rest)) {
        return SPAN_NONE;
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!take_field(&rest, fields[i])) {
            return SPAN_NONE;
        }
    }
    return take_long(&rest, &len) && len >= 0 && (uint64_t)len == rest.len ? rest : SPAN_NONE;
}
