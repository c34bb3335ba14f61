/** oddity - what is strange about the bytes of an answer that nobody can read as JSON. */
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
