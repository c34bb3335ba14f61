/**
 * head - the head of an answer, line by line: what is kept of it, and whether its framing can be
 * believed.
 *
 * Where two readers could see two ends of the answer, it proves nothing and counts as none: two
 * lengths that differ, a length that is no number or none that can be (2^63), Transfer-Encoding
 * beside a length, of another kind than chunked or in HTTP/1.0, a folded or misspelt line of these
 * two, NUL or a bare CR anywhere, a status line that is none, no final status. Equal lengths given
 * twice are one. A fold of any other line is undone. What interim answers (1xx) said is forgotten,
 * and what stands in trailers is not looked at.
 *
 * The transfer that reads the answer owns it, on its thread. No clock, no network.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/buf.h"

enum { HEAD_BYTES_MAX = 32 * 1024 };

struct head {
    enum { HEAD_AWAITED, HEAD_FIELDS, HEAD_ENDED } state;
    int status;
    bool is_http10;
    bool has_length, has_encoding;
    bool is_framing; /* the last line said how long the answer is */
    int64_t length;
    size_t bytes; /* of all lines, interim answers and trailers included */
    bool is_oversized;
    const char *fault; /* why the framing is not believed; NULL: it is */
    bool keeps_lines;
    struct buf lines; /* "Name: value", where they are kept; owned */
    bool has_retry_after;
    uint64_t retry_after_ms;
    char request_id[64];
};

void head_init(struct head *head);
void head_fini(struct head *head);
/** For the next answer; @keeps_lines: as http_target.keeps_headers. */
void head_begin(struct head *head, bool keeps_lines);
/** One line with its end; false: read no further (is_oversized, or fault). */
bool head_take(struct head *head, struct span line);
/** The answer is complete. Why it is not to be believed all the same, or NULL. */
const char *head_doubt(const struct head *head);

#endif /* HTTP_HEAD_H */
