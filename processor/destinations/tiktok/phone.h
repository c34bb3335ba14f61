/**
 * phone - a telephone number as E.164: plus, country code, national number, digits only.
 *
 * Accepts what people and forms write: a plus or 00 (or the country's own exit code), a
 * trunk zero in or without parentheses, separators, the digits of other scripts, a label before it
 * (tel:) and an extension behind it (ext. 5, x5, ;ext=5), which is not part of the number. A
 * national number needs a country.
 * No dialling plan is checked beyond lengths: a number that cannot be told is refused, never
 * guessed. No allocation, no state.
 */
#ifndef DESTINATIONS_TIKTOK_PHONE_H
#define DESTINATIONS_TIKTOK_PHONE_H

#include "base/span.h"

enum { PHONE_TEXT_BYTES = 16 }; /* plus and 15 digits */

/** Length of the text in @out (not terminated), or 0 when there is no usable number in @raw.
 * @country: two letters in any case, or absent. */
NODISCARD size_t phone_to_e164(struct span raw, struct span country, char out[PHONE_TEXT_BYTES]);

#endif /* DESTINATIONS_TIKTOK_PHONE_H */
