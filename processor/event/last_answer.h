/**
 * last_answer - the last answer of a destination, as people read it: in logs, status and headers of
 * records that failed over because of it.
 *
 * Nothing of it is payload: a code, a status, a request id (printable ASCII), our own words.
 *
 * Whoever holds the struct owns it; copies are complete. Nothing fails.
 */
#ifndef EVENT_LAST_ANSWER_H
#define EVENT_LAST_ANSWER_H

#include "event/verdict.h"

enum { LAST_ANSWER_TEXT_BYTES = 400, LAST_ANSWER_CODE_BYTES = 16 };

struct last_answer {
    int64_t at_ms;        /* wall; 0: there was none yet */
    enum verdict verdict; /* how it was read */
    int status;           /* HTTP; 0: no answer */
    bool has_code;
    int32_t code;        /* in the body */
    char request_id[64]; /* the destination's; "" when none */
    char text[160];      /* our words; "" for one that was good */
};

/** "code 50000 (INTERNAL); HTTP 200, request id 2026..., read as retry"; gives @out. */
const char *last_answer_text(const struct last_answer *last_answer,
                             char out[LAST_ANSWER_TEXT_BYTES]);
/** The code as text, "none" without one; gives @out. */
const char *last_answer_code(const struct last_answer *last_answer,
                             char out[LAST_ANSWER_CODE_BYTES]);

#endif /* EVENT_LAST_ANSWER_H */
