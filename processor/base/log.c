#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_limit.h"

/* A pipe that can be written takes PIPE_BYTES_MAX at once (PIPE_BUF); more could block. */
enum {
    PAIRS_BYTES_MAX = 3072,
    PIPE_BYTES_MAX = 4096,
    QUOTE_BYTES = 700,
    QUOTE_SLOTS = 8,
    QUOTE_CUT = 300,
    COUNTS_BYTES = 96
};

static _Atomic int log_min = LOG_LEVEL_INFO;
static _Atomic int log_style = LOG_FORMAT_LOGFMT;
static _Atomic uint64_t dropped;
/* One line at a time: between asking whether there is room and writing nobody else takes it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_limit *limit; /* owned by the process */

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

    if (len > PIPE_BYTES_MAX || poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0 ||
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
        buf_add_text(out, span_is(span_sub(pairs, i, equals), "event") ? "_type\":" : "\":");
        add_json_value(out, span_sub(pairs, equals + 1, end));
        for (i = end; i < pairs.len && pairs.ptr[i] == ' '; i++) {
        }
    }
}

/* The value of @key among @pairs; absent: ptr is NULL. */
static struct span value_of(struct span pairs, struct span key)
{
    for (size_t i = 0; i < pairs.len;) {
        size_t equals = span_find(pairs, '=', i);
        size_t end;

        if (equals == pairs.len) {
            break;
        }
        end = value_end(pairs, equals + 1);
        if (span_eq(span_sub(pairs, i, equals), key)) {
            return span_sub(pairs, equals + 1, end);
        }
        for (i = end; i < pairs.len && pairs.ptr[i] == ' '; i++) {
        }
    }
    return SPAN_NONE;
}

/* Lines of one event are alike when this is the same. */
static uint64_t alike_hash(const struct log_event *event, struct span pairs)
{
    struct span keys = span_of(event->alike);
    uint64_t hash = 0;

    for (size_t i = 0; i < keys.len;) {
        size_t end = span_find(keys, ' ', i);

        hash = hash * 31 + span_hash(value_of(pairs, span_sub(keys, i, end)));
        i = end + 1;
    }
    return hash;
}

static void write_line(enum log_level level, const char *event, struct span pairs)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char at[CLOCK_ISO_BYTES];
    struct buf line;

    buf_init(&line, PIPE_BYTES_MAX * 2);
    clock_iso(clock_wall_ms(), at);
    if (atomic_load(&log_style) == LOG_FORMAT_JSON) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", at, names[level],
                   event);
        add_json_pairs(&line, pairs);
        buf_add_text(&line, "}\n");
    } else {
        buf_printf(&line, "time=%s level=%s event=%s%s" SPAN_FMT "\n", at, names[level], event,
                   pairs.len > 0 ? " " : "", SPAN_ARG(pairs));
    }
    emit(line.ptr, line.len);
    buf_fini(&line);
}

/* With the lock held. What was not written of warnings is one. */
static void write_unsaid(const struct log_unsaid *unsaid)
{
    const struct log_event *of = &log_events[unsaid->event];
    bool is_warning = strstr(of->levels, "warn") != NULL || strstr(of->levels, "error") != NULL;
    enum log_level level = is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    char pairs[160];
    int len;

    if (unsaid->alike + unsaid->other == 0 || !log_is_on(level)) {
        return;
    }
    len = snprintf(pairs, sizeof(pairs), "of=%s alike=%llu other=%llu", of->name,
                   (unsigned long long)unsaid->alike, (unsigned long long)unsaid->other);
    write_line(level, "log.repeated", (struct span){pairs, (size_t)len});
}

/* Is this line one of too many? If not, what was not written before it is added. Lock held. */
static bool take_line(const char *event, char pairs[PAIRS_BYTES_MAX], size_t *len)
{
    size_t row = log_event_find(event);
    struct span have = {pairs, *len};
    struct log_unsaid unsaid;
    struct log_unsaid lost;
    bool is_taken;

    if (row == LOG_EVENT_NONE) {
        return true;
    }
    limit = limit == NULL ? log_limit_new() : limit;
    is_taken = log_limit_take(limit, row, alike_hash(&log_events[row], have), clock_mono_ms(),
                              &unsaid, &lost);
    write_unsaid(&lost);
    if (is_taken && unsaid.alike > 0) {
        *len += (size_t)snprintf(pairs + *len, PAIRS_BYTES_MAX - *len, "%srepeated=%llu",
                                 *len > 0 ? " " : "", (unsigned long long)unsaid.alike);
    }
    if (is_taken && unsaid.other > 0) {
        *len += (size_t)snprintf(pairs + *len, PAIRS_BYTES_MAX - *len, "%ssuppressed=%llu",
                                 *len > 0 ? " " : "", (unsigned long long)unsaid.other);
    }
    return is_taken;
}

/* Too long: what is whole stays. */
static size_t cut_pairs(char *pairs, size_t len)
{
    size_t whole = 0;

    for (size_t i = 0; i < len;) {
        size_t end =
            value_end((struct span){pairs, len}, span_find((struct span){pairs, len}, '=', i) + 1);

        if (end >= len) {
            break;
        }
        whole = end;
        for (i = end; i < len && pairs[i] == ' '; i++) {
        }
    }
    return whole +
           (size_t)snprintf(pairs + whole, COUNTS_BYTES, "%scut=true", whole > 0 ? " " : "");
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char pairs[PAIRS_BYTES_MAX];
    va_list args;
    size_t len;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(pairs, sizeof(pairs) - COUNTS_BYTES, format, args);
    va_end(args);
    len = wanted < 0 ? 0 : MIN_OF((size_t)wanted, sizeof(pairs) - COUNTS_BYTES - 1);
    for (size_t i = 0; i < len; i++) { /* no byte forges a second line */
        if ((unsigned char)pairs[i] < 0x20) {
            pairs[i] = ' ';
        }
    }
    if (wanted > (int)len) {
        len = cut_pairs(pairs, len);
    }
    (void)pthread_mutex_lock(&lock);
    if (level == LOG_LEVEL_DEBUG || take_line(event, pairs, &len)) {
        write_line(level, event, (struct span){pairs, len});
    }
    (void)pthread_mutex_unlock(&lock);
}

void log_tick(bool is_end)
{
    struct log_unsaid unsaid;

    (void)pthread_mutex_lock(&lock);
    while (limit != NULL && log_limit_due(limit, clock_mono_ms(), is_end, &unsaid)) {
        write_unsaid(&unsaid);
    }
    (void)pthread_mutex_unlock(&lock);
}
