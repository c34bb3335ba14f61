/**
 * heard - the last answer of a destination, for people: in logs, in the status, in the headers of
 * records that failed over because of it.
 *
 * Nothing of it is payload: a code, a status, a request id (printable ASCII), our own words.
 */
#ifndef EVENT_HEARD_H
#define EVENT_HEARD_H

#include "event/verdict.h"

enum { HEARD_TEXT_BYTES = 400, HEARD_CODE_BYTES = 16 };

struct heard {
    int64_t at_ms;        /* wall; 0: nothing was heard yet */
    enum verdict verdict; /* how it was read */
    int status;           /* HTTP; 0: no answer */
    bool has_code;
    int32_t code;        /* in the body */
    char request_id[64]; /* the destination's; "" when none */
    char text[160];      /* our words; "" for one that was good */
};

/** "code 50000 (INTERNAL); HTTP 200, request id 2026..., read as retry"; gives @out. */
const char *heard_text(const struct heard *heard, char out[HEARD_TEXT_BYTES]);
/** The code as text, "none" without one; gives @out. */
const char *heard_code(const struct heard *heard, char out[HEARD_CODE_BYTES]);

#endif /* EVENT_HEARD_H */
