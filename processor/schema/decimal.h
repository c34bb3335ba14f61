/**
 * decimal - the digits of Avro's decimal: an unscaled number in big-endian two's complement.
 *
 * Own code, because Avro C gives the bytes and no digits, and OpenSSL's BIGNUM allocates for each
 * number. No state; any thread.
 */
#ifndef SCHEMA_DECIMAL_H
#define SCHEMA_DECIMAL_H

#include "base/span.h"

enum {
    DECIMAL_NUMBER_BYTES_MAX = 64, /* 154 digits */
    DECIMAL_SCALE_MAX = 200,
    DECIMAL_TEXT_BYTES = 512,
};

/** "-12.3" of @bytes with the point @scale places from the right, zeros at the end left out: a JSON
 * number. Its length, or 0 when there are no bytes or more than are read. */
size_t decimal_text(struct span bytes, uint32_t scale, char out[DECIMAL_TEXT_BYTES]);

#endif /* SCHEMA_DECIMAL_H */
