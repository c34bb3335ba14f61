#include "event/last_answer.h"

#include <stdio.h>

const char *last_answer_code(const struct last_answer *last_answer,
                             char out[LAST_ANSWER_CODE_BYTES])
{
    (void)snprintf(out, LAST_ANSWER_CODE_BYTES, last_answer->has_code ? "%d" : "none",
                   last_answer->code);
    return out;
}

/* What is not there is not said. */
const char *last_answer_text(const struct last_answer *last_answer,
                             char out[LAST_ANSWER_TEXT_BYTES])
{
    char status[24] = "";
    char code[LAST_ANSWER_CODE_BYTES];
    bool has_id = last_answer->request_id[0] != '\0';

    if (last_answer->status != 0) {
        (void)snprintf(status, sizeof(status), "HTTP %d, ", last_answer->status);
    }
    if (last_answer->text[0] != '\0') {
        (void)snprintf(out, LAST_ANSWER_TEXT_BYTES, "%s; %s%s%s%sread as %s", last_answer->text,
                       status, has_id ? "request id " : "", last_answer->request_id,
                       has_id ? ", " : "", verdict_word(last_answer->verdict));
    } else {
        (void)snprintf(out, LAST_ANSWER_TEXT_BYTES, "code %s; %s%s%s%sread as %s",
                       last_answer_code(last_answer, code), status, has_id ? "request id " : "",
                       last_answer->request_id, has_id ? ", " : "",
                       verdict_word(last_answer->verdict));
    }
    return out;
}
