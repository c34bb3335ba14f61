/**
 * utf8 - is it UTF-8, and its lower-case form.
 *
 * Own code, because mbrtowc() and towlower() follow the locale of the machine, end at a NUL, and
 * take a call for each character: every text of every event passes here. No state; any thread.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

/** Well-formed UTF-8: no overlongs, no surrogates, nothing past U+10FFFF. NUL is a character. */
bool utf8_is_valid(const void *bytes, size_t len);
/** Bytes of the character at @s (1..4), its code point in *@out; 0 when malformed or cut. */
size_t utf8_decode(struct span s, uint32_t *out);
size_t utf8_encode(uint32_t code_point, char out[4]);
/** Simple lower-case mapping of one code point. */
uint32_t utf8_lower(uint32_t code_point);
/** Lower-case the whole of @s onto @out. ASCII takes a fast path; malformed bytes are copied. */
void utf8_add_lower(struct buf *out, struct span s);

#endif /* BASE_UTF8_H */
