/**
 * money - exact sums of amounts: a decimal number in millionths, in 128 bits.
 *
 * A double holds 0.10 only nearly, and a sum of ten million of them is off by some cents. Here an
 * amount is a whole number of millionths, so that sums are exact and their order does not matter.
 * Own code: C has no decimal type, and its 128-bit integers cannot be printed.
 *
 * No allocation, no state, any thread.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/span.h"

struct money {
    __int128 micros;
};

enum { MONEY_TEXT_BYTES = 48, MONEY_DIGITS_MAX = 24 };

/** "48310.50", "-3", "0.000001": at most MONEY_DIGITS_MAX digits before the point and 6 behind it,
 * no exponent. False: @text is no such number, and *out is left alone. */
NODISCARD bool money_parse(struct span text, struct money *out);

/** The millionths nearest to @amount, as its shortest decimal text has them: 19.99 is 19.99.
 * False: not finite, or beyond 9 * 10^12. A few nanoseconds below 4 * 10^9. */
NODISCARD bool money_of_double(double amount, struct money *out);

/** False: the sum does not fit, and *sum is left alone. */
NODISCARD bool money_add(struct money *sum, struct money more);

/** At least two digits behind the point, more where they are needed: "90.00", "0.125". Returns the
 * length; the text is terminated. */
size_t money_text(struct money money, char out[MONEY_TEXT_BYTES]);

#endif /* BASE_MONEY_H */
