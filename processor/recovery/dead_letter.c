#include "recovery/dead_letter.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "kafka/headers.h"

enum { TEXT_BYTES_MAX = 512, FIELD_BYTES_MAX = 64, PARTS_MAX = 1000000 };

/* The names that the others use, behind those of kafka/headers.h. */
enum foreign_field {
    SPRING_TOPIC = HEADER_FIELD_COUNT,
    SPRING_PARTITION,
    SPRING_OFFSET,
    SPRING_TIMESTAMP,
    SPRING_EXCEPTION,
    SPRING_CAUSE,
    SPRING_MESSAGE,
    SPRING_ATTEMPTS,
    STREAMS_TOPIC,
    STREAMS_PARTITION,
    STREAMS_OFFSET,
    STREAMS_EXCEPTION,
    STREAMS_MESSAGE,
    FIELD_COUNT,
};

static const char *const foreign_names[FIELD_COUNT - HEADER_FIELD_COUNT] = {
    "kafka_dlt-original-topic",    "kafka_dlt-original-partition",
    "kafka_dlt-original-offset",   "kafka_dlt-original-timestamp",
    "kafka_dlt-exception-fqcn",    "kafka_dlt-exception-cause-fqcn",
    "kafka_dlt-exception-message", "retry_topic-attempts",
    "__streams.errors.topic",      "__streams.errors.partition",
    "__streams.errors.offset",     "__streams.errors.exception",
    "__streams.errors.message",
};

/* All of a dialect's headers begin so. */
static const struct {
    const char *prefix;
    enum dialect dialect;
} prefixes[] = {
    {"detour.", DIALECT_DETOUR},
    {"__connect.errors.", DIALECT_CONNECT},
    {"kafka_dlt-", DIALECT_SPRING},
    {"retry_topic-", DIALECT_SPRING},
    {"__streams.errors.", DIALECT_STREAMS},
};

static const char *const dialect_words[] = {
    [DIALECT_NONE] = "none",     [DIALECT_DETOUR] = "detour",   [DIALECT_CONNECT] = "connect",
    [DIALECT_SPRING] = "spring", [DIALECT_STREAMS] = "streams",
};

/* The last header of each name. */
struct header_seen {
    struct span value; /* any bytes */
    size_t count;
};

struct header_reading {
    struct header_seen seen[FIELD_COUNT];
    struct dead_letter *out;
};

const char *dialect_word(enum dialect dialect)
{
    PRE((size_t)dialect < COUNT_OF(dialect_words));
    return dialect_words[dialect];
}

static const char *name_of(size_t field)
{
    return field < HEADER_FIELD_COUNT ? header_name((enum header_field)field)
                                      : foreign_names[field - HEADER_FIELD_COUNT];
}

static enum dialect dialect_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
            return prefixes[i].dialect;
        }
    }
    return DIALECT_NONE;
}

/* what is odd */

static void add_odd(struct dead_letter *out, size_t field, const char *what)
{
    size_t len = strlen(out->odd);

    (void)snprintf(out->odd + len, sizeof(out->odd) - len, "%s%s %s", len == 0 ? "" : "; ",
                   name_of(field), what);
}

/* collecting */

static void take_header(struct header_reading *reading, const char *name, struct span value)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(name, name_of(i)) == 0) {
            reading->seen[i].value = value;
            reading->seen[i].count++;
            return;
        }
    }
}

/* detour writes Connect's as well (headers: connect), under its own name. */
static bool is_own_connect(const struct header_reading *reading)
{
    return span_is(reading->seen[HEADER_CONNECT_CLASS_NAME].value, "detour");
}

static void collect(struct header_reading *reading, const rd_kafka_headers_t *headers)
{
    size_t count = headers == NULL ? 0 : rd_kafka_header_cnt(headers);
    size_t last[COUNT_OF(dialect_words)] = {0}; /* from 1; 0: none */
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        enum dialect dialect;

        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) != 0) {
            break;
        }
        dialect = dialect_of(name);
        if (dialect != DIALECT_NONE && strncmp(name, "retry_topic-", 12) != 0) {
            last[dialect] = i + 1;
        }
        if (dialect != DIALECT_NONE) {
            take_header(reading, name, (struct span){value, value == NULL ? 0 : len});
        }
    }
    if (is_own_connect(reading) && last[DIALECT_DETOUR] > 0) {
        last[DIALECT_CONNECT] = 0;
    }
    for (size_t i = DIALECT_NONE + 1; i < COUNT_OF(last); i++) {
        if (last[i] > last[reading->out->dialect]) {
            reading->out->dialect = (enum dialect)i;
        }
    }
}

/* values */

/* The last value; SPAN_NONE when there is none. Said once where it stands twice. */
static struct span raw(struct header_reading *reading, size_t field)
{
    struct header_seen *seen = &reading->seen[field];

    if (seen->count > 1) {
        add_odd(reading->out, field, "is there more than once");
        seen->count = 1;
    }
    return seen->value;
}

/* At most TEXT_BYTES_MAX, whole characters. */
static struct span text(struct header_reading *reading, size_t field)
{
    struct span value = raw(reading, field);
    size_t len = MIN_OF(value.len, (size_t)TEXT_BYTES_MAX);

    if (value.ptr == NULL || value.len == 0) {
        return SPAN_NONE;
    }
    if (!utf8_is_valid(value.ptr, value.len)) {
        add_odd(reading->out, field, "is no UTF-8");
        return SPAN_NONE;
    }
    while (len < value.len && len > 0 && ((unsigned char)value.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len < value.len && field < HEADER_CONNECT_TOPIC) {
        add_odd(reading->out, field, "is longer than 512 bytes");
    }
    return span_sub(value, 0, len);
}

/* -1: absent, or no number from 0 to @high. */
static int64_t number(struct header_reading *reading, size_t field, int64_t high)
{
    struct span value = raw(reading, field);
    int64_t out = -1;

    if (value.ptr == NULL) {
        return -1;
    }
    if (!span_to_i64(value, &out) || out < 0 || out > high) {
        add_odd(reading->out, field, "is no number that can be");
        return -1;
    }
    return out;
}

static bool is_digits(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return false;
        }
    }
    return value.len > 0;
}

/* Big-endian in @width bytes, or decimal text. Digits alone are text: as bytes they would be a
 * partition beyond 800 million, an offset beyond 3 * 10^18. */
static int64_t binary(struct header_reading *reading, size_t field, size_t width, int64_t high)
{
    struct span value = raw(reading, field);
    uint64_t out = 0;

    if (value.ptr == NULL || is_digits(value)) {
        return number(reading, field, high);
    }
    for (size_t i = 0; i < value.len && i < width; i++) {
        out = out << 8 | (unsigned char)value.ptr[i];
    }
    if (value.len != width) {
        add_odd(reading->out, field, width == 4 ? "has not 4 bytes" : "has not 8 bytes");
        return -1;
    }
    if (out > (uint64_t)high) {
        add_odd(reading->out, field, "is no number that can be");
        return -1;
    }
    return (int64_t)out;
}

/* detour's own */

static void read_reason(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    out->reason = text(reading, HEADER_REASON);
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        if (span_is(out->reason, reason_word((enum reason)i))) {
            out->known = (enum reason)i;
        }
    }
    if (out->reason.ptr != NULL && out->known == REASON_NONE) {
        add_odd(out, HEADER_REASON, "is none of detour's");
    }
}

static void read_outcome(struct header_reading *reading)
{
    static const enum outcome all[] = {OUTCOME_NEVER_SENT, OUTCOME_REJECTED, OUTCOME_AMBIGUOUS};
    struct span value = text(reading, HEADER_OUTCOME);

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (span_is(value, outcome_word(all[i]))) {
            reading->out->outcome = all[i];
            reading->out->has_outcome = true;
        }
    }
    if (value.ptr != NULL && !reading->out->has_outcome) {
        add_odd(reading->out, HEADER_OUTCOME, "is none of detour's");
    }
}

static void read_code(struct header_reading *reading)
{
    struct span value = raw(reading, HEADER_CODE);
    int64_t code = 0;

    if (value.ptr == NULL) {
        return;
    }
    if (!span_to_i64(value, &code) || code < INT32_MIN || code > INT32_MAX) {
        add_odd(reading->out, HEADER_CODE, "is no number that can be");
        return;
    }
    reading->out->has_code = true;
    reading->out->code = (int32_t)code;
}

/* "2/3" */
static void read_part(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span value = raw(reading, HEADER_PART);
    size_t slash = value.ptr == NULL ? 0 : span_find(value, '/', 0);
    int64_t part = 0;
    int64_t count = 0;

    if (value.ptr == NULL) {
        return;
    }
    if (slash == value.len || !span_to_i64(span_sub(value, 0, slash), &part) ||
        !span_to_i64(span_sub(value, slash + 1, value.len), &count) || part < 1 || part > count ||
        count > PARTS_MAX) {
        add_odd(out, HEADER_PART, "is no part of a whole");
        return;
    }
    out->part = (uint32_t)part;
    out->part_count = (uint32_t)count;
    out->part_of = text(reading, HEADER_PART_OF);
    if (out->part_of.ptr != NULL && !span_is(out->part_of, "headers") &&
        !span_is(out->part_of, "key") && !span_is(out->part_of, "value")) {
        add_odd(out, HEADER_PART_OF, "is no piece of a record");
        out->part_of = SPAN_NONE;
    }
}

static bool is_of_path(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '[' || c == ']';
}

/* What stands behind ", field " in the error's text: a path in the destination's names. */
static struct span field_of(struct span error)
{
    static const struct span before = {", field ", 8};

    for (size_t i = 0; i + before.len < error.len; i++) {
        size_t from = i + before.len;
        size_t to = from;

        if (!span_starts(span_sub(error, i, error.len), before)) {
            continue;
        }
        while (to < error.len && is_of_path(error.ptr[to])) {
            to++;
        }
        if (to > from && to - from <= FIELD_BYTES_MAX &&
            (to == error.len || error.ptr[to] == ';' || error.ptr[to] == ',')) {
            return span_sub(error, from, to);
        }
    }
    return SPAN_NONE;
}

static void read_at(struct header_reading *reading)
{
    struct span at = text(reading, HEADER_AT);

    if (at.ptr != NULL && !clock_parse_iso(at.ptr, at.len, &reading->out->at_ms)) {
        add_odd(reading->out, HEADER_AT, "is no time");
        reading->out->at_ms = -1;
    }
}

static void read_detour(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    read_reason(reading);
    out->error = text(reading, HEADER_ERROR);
    out->field = field_of(out->error);
    out->destination = text(reading, HEADER_DESTINATION);
    out->route = text(reading, HEADER_ROUTE);
    out->leg = text(reading, HEADER_LEG);
    out->event_id = text(reading, HEADER_EVENT_ID);
    out->event_type = text(reading, HEADER_EVENT_TYPE);
    read_outcome(reading);
    out->http_status = (int32_t)number(reading, HEADER_HTTP_STATUS, 999);
    read_code(reading);
    out->request_id = text(reading, HEADER_REQUEST_ID);
    out->attempts = number(reading, HEADER_ATTEMPTS, UINT32_MAX);
    out->outage = text(reading, HEADER_OUTAGE);
    out->replays = MAX_OF(number(reading, HEADER_REPLAYS, INT32_MAX), (int64_t)0);
    read_at(reading);
    out->source_topic = text(reading, HEADER_SOURCE_TOPIC);
    out->source_partition = (int32_t)number(reading, HEADER_SOURCE_PARTITION, INT32_MAX);
    out->source_offset = number(reading, HEADER_SOURCE_OFFSET, INT64_MAX);
    out->source_timestamp_ms = number(reading, HEADER_SOURCE_TIMESTAMP, INT64_MAX);
    out->mended = text(reading, HEADER_MENDED);
    read_part(reading);
    out->instance = text(reading, HEADER_INSTANCE);
}

/* the others */

static void read_connect(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    out->reason = text(reading, HEADER_CONNECT_EXCEPTION_CLASS_NAME);
    out->error = text(reading, HEADER_CONNECT_EXCEPTION_MESSAGE);
    out->source_topic = text(reading, HEADER_CONNECT_TOPIC);
    out->source_partition = (int32_t)number(reading, HEADER_CONNECT_PARTITION, INT32_MAX);
    out->source_offset = number(reading, HEADER_CONNECT_OFFSET, INT64_MAX);
}

/* The exception itself is the listener's as a rule; what it was caused by says more. */
static void read_spring(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span outer = text(reading, SPRING_EXCEPTION);

    out->reason = text(reading, SPRING_CAUSE);
    out->reason = out->reason.ptr == NULL ? outer : out->reason;
    out->error = text(reading, SPRING_MESSAGE);
    out->source_topic = text(reading, SPRING_TOPIC);
    out->source_partition = (int32_t)binary(reading, SPRING_PARTITION, 4, INT32_MAX);
    out->source_offset = binary(reading, SPRING_OFFSET, 8, INT64_MAX);
    out->source_timestamp_ms = binary(reading, SPRING_TIMESTAMP, 8, INT64_MAX);
    out->attempts = binary(reading, SPRING_ATTEMPTS, 4, INT32_MAX);
}

/* The exception is written as Java prints it: its class, a colon, its message. */
static void read_streams(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span exception = text(reading, STREAMS_EXCEPTION);
    size_t end = 0;

    while (end < exception.len && exception.ptr[end] != ':' && exception.ptr[end] > ' ') {
        end++;
    }
    out->reason = end == 0 ? SPAN_NONE : span_sub(exception, 0, end);
    out->error = text(reading, STREAMS_MESSAGE);
    out->source_topic = text(reading, STREAMS_TOPIC);
    out->source_partition = (int32_t)number(reading, STREAMS_PARTITION, INT32_MAX);
    out->source_offset = number(reading, STREAMS_OFFSET, INT64_MAX);
}

void dead_letter_read(const rd_kafka_headers_t *headers, struct dead_letter *out)
{
    struct header_reading reading = {.out = out};

    *out = (struct dead_letter){.outcome = OUTCOME_AMBIGUOUS,
                                .http_status = -1,
                                .attempts = -1,
                                .at_ms = -1,
                                .source_partition = -1,
                                .source_offset = -1,
                                .source_timestamp_ms = -1};
    collect(&reading, headers);
    switch (out->dialect) {
    case DIALECT_NONE:
        break;
    case DIALECT_DETOUR:
        read_detour(&reading);
        break;
    case DIALECT_CONNECT:
        read_connect(&reading);
        break;
    case DIALECT_SPRING:
        read_spring(&reading);
        break;
    case DIALECT_STREAMS:
        read_streams(&reading);
        break;
    }
    out->is_own_connect = is_own_connect(&reading);
}

bool dead_letter_has_source(const struct dead_letter *letter)
{
    return letter->source_topic.ptr != NULL && letter->source_partition >= 0 &&
           letter->source_offset >= 0;
}

/* Whether the header @name is the original record's, not one of who dead-lettered it. */
static bool keeps(const struct dead_letter *letter, const char *name)
{
    enum dialect dialect = dialect_of(name);

    if (dialect == DIALECT_NONE) {
        return true;
    }
    return dialect != DIALECT_DETOUR && dialect != letter->dialect &&
           !(dialect == DIALECT_CONNECT && letter->is_own_connect);
}

rd_kafka_headers_t *dead_letter_original(const struct dead_letter *letter,
                                         const rd_kafka_headers_t *headers)
{
    size_t count = headers == NULL ? 0 : rd_kafka_header_cnt(headers);
    rd_kafka_headers_t *out = rd_kafka_headers_new(count);
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0 && keeps(letter, name)) {
            (void)rd_kafka_header_add(out, name, -1, value, value == NULL ? 0 : (ssize_t)len);
        }
    }
    return out;
}
