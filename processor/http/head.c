#include "http/head.h"

#include <string.h>

#include "base/clock.h"
#include "http/client.h"

enum { STATUS_DIGITS = 3, FINAL_FROM = 200, STATUS_LAST = 999 };

void head_init(struct head *head)
{
    *head = (struct head){0};
    buf_init(&head->lines, HEAD_BYTES_MAX);
}

void head_fini(struct head *head)
{
    buf_fini(&head->lines);
}

/* What an interim answer said is not the answer's. */
static void forget_answer(struct head *head)
{
    buf_clear(&head->lines);
    head->status = 0;
    head->has_length = false;
    head->has_encoding = false;
    head->is_framing = false;
    head->has_retry_after = false;
    head->request_id[0] = '\0';
}

void head_begin(struct head *head, bool keeps_lines)
{
    forget_answer(head);
    head->state = HEAD_AWAITED;
    head->bytes = 0;
    head->is_oversized = false;
    head->fault = NULL;
    head->keeps_lines = keeps_lines;
}

static bool doubt(struct head *head, const char *why)
{
    head->fault = why;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 whatever" */
static bool take_status(struct head *head, struct span line)
{
    size_t at = sizeof("HTTP/1.x ") - 1;
    bool is_line = line.len >= at + STATUS_DIGITS && span_starts(line, SPAN("HTTP/1.")) &&
                   (line.ptr[at - 2] == '0' || line.ptr[at - 2] == '1') && line.ptr[at - 1] == ' ';

    forget_answer(head);
    for (size_t i = 0; is_line && i < STATUS_DIGITS; i++) {
        is_line = is_digit(line.ptr[at + i]);
        head->status = head->status * 10 + line.ptr[at + i] - '0';
    }
    if (!is_line || (line.len > at + STATUS_DIGITS && line.ptr[at + STATUS_DIGITS] != ' ') ||
        head->status < 100) {
        return doubt(head, "the answer has no valid status line");
    }
    head->is_http10 = line.ptr[at - 2] == '0';
    head->state = HEAD_FIELDS;
    return true;
}

static bool take_one_length(struct head *head, struct span text)
{
    int64_t length = 0;
    bool is_number = text.len > 0;

    for (size_t i = 0; i < text.len; i++) {
        is_number = is_number && is_digit(text.ptr[i]);
    }
    if (!is_number || !span_to_i64(text, &length)) {
        return doubt(head, "the answer's Content-Length is no length");
    }
    if (head->has_length && head->length != length) {
        return doubt(head, "the answer has two Content-Lengths that differ");
    }
    head->has_length = true;
    head->length = length;
    return true;
}

/* A list of equal ones is what joining of equal lines makes: one length. */
static bool take_length(struct head *head, struct span value)
{
    for (size_t at = 0; at <= value.len;) {
        size_t end = span_find(value, ',', at);

        if (!take_one_length(head, span_trim(span_sub(value, at, end)))) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

static bool take_encoding(struct head *head, struct span value)
{
    if (span_eq_nocase(value, SPAN("identity"))) {
        return true;
    }
    if (head->has_encoding || head->is_http10 || !span_eq_nocase(value, SPAN("chunked"))) {
        return doubt(head, "the answer's Transfer-Encoding is not just chunked");
    }
    head->has_encoding = true;
    return true;
}

static void copy_printable(char *out, size_t bytes, struct span text)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && len + 1 < bytes; i++) {
        if (text.ptr[i] > 0x20 && text.ptr[i] < 0x7f) {
            out[len++] = text.ptr[i];
        }
    }
    out[len] = '\0';
}

/* A fold of another line than the framing's: its value goes on. */
static bool take_fold(struct head *head, struct span line)
{
    if (head->is_framing) {
        return doubt(head, "a line about the answer's length is folded");
    }
    if (head->keeps_lines && head->lines.len > 0) {
        buf_truncate(&head->lines, span_trim(buf_span(&head->lines)).len);
        buf_add_char(&head->lines, ' ');
        buf_add_span(&head->lines, span_trim(line));
        buf_add_text(&head->lines, "\r\n");
    }
    return true;
}

static bool take_field(struct head *head, struct span line)
{
    size_t colon = span_find(line, ':', 0);
    struct span name = span_sub(line, 0, colon);
    struct span word = span_trim(name);
    struct span value =
        colon < line.len ? span_trim(span_sub(line, colon + 1, line.len)) : SPAN("");
    bool is_length = span_eq_nocase(word, SPAN("content-length"));
    bool is_encoding = span_eq_nocase(word, SPAN("transfer-encoding"));

    head->is_framing = is_length || is_encoding;
    if (head->is_framing && (word.len != name.len || colon == line.len)) {
        return doubt(head, "a line about the answer's length is misspelt");
    }
    if (is_length) {
        return take_length(head, value);
    }
    if (is_encoding) {
        return take_encoding(head, value);
    }
    if (span_eq_nocase(name, SPAN("retry-after"))) {
        head->has_retry_after = http_retry_after(value, clock_wall_ms(), &head->retry_after_ms);
    } else if (span_eq_nocase(name, SPAN("x-tt-logid")) ||
               (span_eq_nocase(name, SPAN("x-request-id")) && head->request_id[0] == '\0')) {
        copy_printable(head->request_id, sizeof(head->request_id), value);
    }
    return true;
}

static struct span without_end(struct span line)
{
    size_t len = line.len;

    len -= len > 0 && line.ptr[len - 1] == '\n';
    len -= len > 0 && len < line.len && line.ptr[len - 1] == '\r';
    return span_sub(line, 0, len);
}

static bool take_line(struct head *head, struct span line, struct span text)
{
    if (head->state == HEAD_ENDED) {
        if (head->status >= FINAL_FROM) {
            return true; /* a trailer: it comes after what it would speak of */
        }
        head->state = HEAD_AWAITED;
    }
    if (head->state == HEAD_AWAITED) {
        return take_status(head, text);
    }
    if (text.len == 0) {
        head->state = HEAD_ENDED;
        return head->has_length && head->has_encoding
                   ? doubt(head, "the answer has a Content-Length and a Transfer-Encoding")
                   : true;
    }
    if (text.ptr[0] == ' ' || text.ptr[0] == '\t') {
        return take_fold(head, text);
    }
    if (head->keeps_lines && span_find(text, ':', 0) < text.len) {
        buf_add_span(&head->lines, line);
    }
    return take_field(head, text);
}

bool head_take(struct head *head, struct span line)
{
    struct span text = without_end(line);

    head->bytes += line.len;
    if (head->bytes > HEAD_BYTES_MAX) {
        head->is_oversized = true;
        return false;
    }
    if (memchr(text.ptr, '\0', text.len) != NULL || memchr(text.ptr, '\r', text.len) != NULL) {
        return doubt(head, "the answer's head has bytes that no head may have");
    }
    return take_line(head, line, text);
}

const char *head_doubt(const struct head *head)
{
    if (head->fault != NULL) {
        return head->fault;
    }
    return head->state != HEAD_ENDED || head->status < FINAL_FROM
               ? "there is no final answer, only interim ones"
               : NULL;
}

struct span http_header_find(struct span lines, struct span name)
{
    for (size_t at = 0; at < lines.len;) {
        size_t end = span_find(lines, '\n', at);
        struct span line = span_sub(lines, at, end);
        size_t colon = span_find(line, ':', 0);

        if (colon < line.len && span_eq_nocase(span_sub(line, 0, colon), name)) {
            return span_trim(span_sub(line, colon + 1, line.len));
        }
        at = end + 1;
    }
    return SPAN_NONE;
}
