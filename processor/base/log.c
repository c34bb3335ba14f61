#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LINE_BYTES_MAX = 4096, QUOTE_BYTES = 700, QUOTE_SLOTS = 8, QUOTE_CUT = 300 };

static _Atomic int log_min = LOG_LEVEL_INFO;
static _Atomic int log_style = LOG_FORMAT_LOGFMT;
static _Atomic uint64_t dropped;

void log_setup(enum log_format format, enum log_level level)
{
    atomic_store(&log_style, (int)format);
    atomic_store(&log_min, (int)level);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_min, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}

static size_t put_escaped(char *out, size_t at, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        out[at++] = '\\';
        out[at++] = (char)c;
    } else if (c >= 0x20 && c < 0x7f) {
        out[at++] = (char)c;
    } else { /* \u00XX is legal in JSON and harmless in a terminal */
        memcpy(out + at, "\\u00", 4);
        out[at + 4] = hex[c >> 4];
        out[at + 5] = hex[c & 15];
        at += 6;
    }
    return at;
}

const char *log_quote(struct span s)
{
    static _Thread_local char slots[QUOTE_SLOTS][QUOTE_BYTES];
    static _Thread_local unsigned turn;
    char *out = slots[turn++ % QUOTE_SLOTS];
    size_t at = 0;

    out[at++] = '"';
    for (size_t i = 0; i < s.len && i < QUOTE_CUT && at + 16 < QUOTE_BYTES; i++) {
        at = put_escaped(out, at, (unsigned char)s.ptr[i]);
    }
    if (s.len > QUOTE_CUT) {
        memcpy(out + at, "...", 3);
        at += 3;
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

/* A stderr nobody reads must not hold up delivery: what does not fit at once is dropped. */
static void emit(const char *line, size_t len)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0 ||
        write(STDERR_FILENO, line, len) != (ssize_t)len) {
        atomic_fetch_add(&dropped, 1);
    }
}

static bool is_json_number(struct span s)
{
    double ignored;

    return s.len > 0 && s.ptr[0] != '+' && s.ptr[0] != '.' && s.ptr[s.len - 1] != '.' &&
           !(s.len > 1 && s.ptr[0] == '0' && s.ptr[1] != '.') && span_to_double(s, &ignored);
}

/* One value of the pairs: quoted text goes through as it is, bare text is quoted unless a number.
 */
static void add_json_value(struct buf *out, struct span value)
{
    if (value.len > 0 && value.ptr[0] == '"') {
        buf_add_span(out, value);
    } else if (is_json_number(value) || span_is(value, "true") || span_is(value, "false")) {
        buf_add_span(out, value);
    } else {
        buf_add_text(out, log_quote(value));
    }
}

static size_t value_end(struct span pairs, size_t from)
{
    size_t i = from;

    if (i < pairs.len && pairs.ptr[i] == '"') {
        for (i++; i < pairs.len && pairs.ptr[i] != '"'; i++) {
            i += pairs.ptr[i] == '\\' && i + 1 < pairs.len;
        }
        return i < pairs.len ? i + 1 : i;
    }
    return span_find(pairs, ' ', from);
}

static void add_json_pairs(struct buf *out, struct span pairs)
{
    size_t i = 0;

    while (i < pairs.len) {
        size_t equals = span_find(pairs, '=', i);
        size_t end;

        if (equals == pairs.len) {
            return;
        }
        end = value_end(pairs, equals + 1);
        buf_add_text(out, ",\"");
        buf_add_span(out, span_sub(pairs, i, equals));
        buf_add_text(out, "\":");
        add_json_value(out, span_sub(pairs, equals + 1, end));
        for (i = end; i < pairs.len && pairs.ptr[i] == ' '; i++) {
        }
    }
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char pairs[LINE_BYTES_MAX / 2];
    char at[CLOCK_ISO_BYTES];
    struct buf line;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(pairs, sizeof(pairs), format, args);
    va_end(args);
    len = len < 0 ? 0 : MIN_OF(len, (int)sizeof(pairs) - 1);
    for (int i = 0; i < len; i++) { /* no byte forges a second line */
        if ((unsigned char)pairs[i] < 0x20) {
            pairs[i] = ' ';
        }
    }
    buf_init(&line, LINE_BYTES_MAX * 2);
    clock_iso(clock_wall_ms(), at);
    if (atomic_load(&log_style) == LOG_FORMAT_JSON) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", at, names[level],
                   event);
        add_json_pairs(&line, (struct span){pairs, (size_t)len});
        buf_add_text(&line, "}\n");
    } else {
        buf_printf(&line, "time=%s level=%s event=%s%s%.*s\n", at, names[level], event,
                   len > 0 ? " " : "", len, pairs);
    }
    emit(line.ptr, line.len);
    buf_fini(&line);
}
