/**
 * oddity - what is wrong with the first bytes of an answer that cannot be read as JSON.
 *
 * Pure; any thread; the texts are constants.
 */
#ifndef EVENT_ODDITY_H
#define EVENT_ODDITY_H

#include "base/span.h"

/** For the end of a text: ", which is gzip that nobody asked for"; empty when nothing is strange.
 */
static inline const char *body_oddity(struct span body)
{
    if (span_starts(body, SPAN("\x1f\x8b"))) {
        return ", which is gzip that nobody asked for";
    }
    if (span_starts(body, SPAN("\xef\xbb\xbf"))) {
        return ", which begins with a byte order mark";
    }
    if (span_starts(body, SPAN("\xff\xfe")) || span_starts(body, SPAN("\xfe\xff"))) {
        return ", which is UTF-16";
    }
    return "";
}

#endif /* EVENT_ODDITY_H */
