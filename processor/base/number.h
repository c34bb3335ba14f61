/**
 * number - a double as the shortest decimal text that reads back as the same double.
 *
 * The text is a JSON number. Whole numbers below 1e15 have neither exponent nor ".0",
 * 19.99 is "19.99". NaN and the infinities have no JSON number and become null.
 *
 * Own code, because printf() has no shortest form (%.17g makes 19.99 to 19.989999999999998), takes
 * its decimal point from the locale, and is several times slower. No state; any thread.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/buf.h"

enum { NUMBER_TEXT_BYTES = 32 };

void buf_add_double(struct buf *buf, double number);
/** The same for a single-precision value: shortest that reads back as the same float. */
void buf_add_float(struct buf *buf, float number);
/** The text without a buf: returns its length, no terminator. */
size_t number_text(double number, char out[NUMBER_TEXT_BYTES]);

#endif /* BASE_NUMBER_H */
