#include "event/heard.h"

#include <stdio.h>

const char *heard_code(const struct heard *heard, char out[HEARD_CODE_BYTES])
{
    (void)snprintf(out, HEARD_CODE_BYTES, heard->has_code ? "%d" : "none", heard->code);
    return out;
}

/* What is not there is not said. */
const char *heard_text(const struct heard *heard, char out[HEARD_TEXT_BYTES])
{
    char status[24] = "";
    char code[HEARD_CODE_BYTES];
    bool has_id = heard->request_id[0] != '\0';

    if (heard->status != 0) {
        (void)snprintf(status, sizeof(status), "HTTP %d, ", heard->status);
    }
    if (heard->text[0] != '\0') {
        (void)snprintf(out, HEARD_TEXT_BYTES, "%s; %s%s%s%sread as %s", heard->text, status,
                       has_id ? "request id " : "", heard->request_id, has_id ? ", " : "",
                       verdict_word(heard->verdict));
    } else {
        (void)snprintf(out, HEARD_TEXT_BYTES, "code %s; %s%s%s%sread as %s",
                       heard_code(heard, code), status, has_id ? "request id " : "",
                       heard->request_id, has_id ? ", " : "", verdict_word(heard->verdict));
    }
    return out;
}
