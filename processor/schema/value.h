/**
 * value - a decoded Avro value: 16 bytes, pointing into the message or the arena.
 *
 * A record is an array of values in the reader's field order. A union is its branch's
 * value with `branch` set. Text and bytes point into the original message (or into the
 * schema for defaults and enum symbols); nothing is terminated.
 *
 * A value owns nothing: it is valid as long as the message and the arena. One thread.
 */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include "base/span.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,   /* i: 0 or 1 */
    VALUE_INT,    /* i */
    VALUE_LONG,   /* i */
    VALUE_FLOAT,  /* d */
    VALUE_DOUBLE, /* d */
    VALUE_STRING, /* p, len: valid UTF-8 */
    VALUE_BYTES,  /* p, len */
    VALUE_FIXED,  /* p, len */
    VALUE_ENUM,   /* p, len: the reader's symbol; aux: its index */
    VALUE_ARRAY,  /* items, len elements */
    VALUE_MAP,    /* items, len entries, each two values: key (VALUE_STRING), then value */
    VALUE_RECORD, /* items, len fields in the reader's order */
};

struct value {
    uint8_t kind;   /* enum value_kind */
    uint8_t branch; /* index in the reader's union, 0 where there is none */
    uint16_t aux;
    uint32_t len;
    union {
        int64_t i;
        double d;
        const char *p;
        struct value *items;
    };
};

static inline struct span value_text(const struct value *value)
{
    return (struct span){value->p, value->len};
}

#endif /* SCHEMA_VALUE_H */
