#include "recovery/dead_letter.h"

#include "base/clock.h"
#include "recovery/header_reading.h"

enum { FIELD_BYTES_MAX = 64, PARTS_MAX = 1000000 };

/* Where a dialect tells the record's place in its source topic. */
static const struct {
    size_t topic, partition, offset, timestamp; /* timestamp FIELD_COUNT: it does not */
} sources[] = {
    [DIALECT_DETOUR] = {HEADER_SOURCE_TOPIC, HEADER_SOURCE_PARTITION, HEADER_SOURCE_OFFSET,
                        HEADER_SOURCE_TIMESTAMP},
    [DIALECT_CONNECT] = {HEADER_CONNECT_TOPIC, HEADER_CONNECT_PARTITION, HEADER_CONNECT_OFFSET,
                         FIELD_COUNT},
    [DIALECT_SPRING] = {SPRING_TOPIC, SPRING_PARTITION, SPRING_OFFSET, SPRING_TIMESTAMP},
    [DIALECT_STREAMS] = {STREAMS_TOPIC, STREAMS_PARTITION, STREAMS_OFFSET, FIELD_COUNT},
};

static const char *const dialect_words[] = {
    [DIALECT_NONE] = "none",     [DIALECT_DETOUR] = "detour",   [DIALECT_CONNECT] = "connect",
    [DIALECT_SPRING] = "spring", [DIALECT_STREAMS] = "streams",
};

const char *dialect_word(enum dialect dialect)
{
    PRE((size_t)dialect < COUNT_OF(dialect_words));
    return dialect_words[dialect];
}

/* Spring's numbers are bytes, the others' text. */
static int64_t place_number(struct header_reading *reading, size_t field, size_t width,
                            int64_t high)
{
    return reading->out->dialect == DIALECT_SPRING ? reading_binary(reading, field, width, high)
                                                   : reading_number(reading, field, high);
}

static void read_source(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    if (out->dialect == DIALECT_NONE) {
        return;
    }
    out->source_topic = reading_text(reading, sources[out->dialect].topic);
    out->source_partition =
        (int32_t)place_number(reading, sources[out->dialect].partition, 4, INT32_MAX);
    out->source_offset = place_number(reading, sources[out->dialect].offset, 8, INT64_MAX);
    if (sources[out->dialect].timestamp < FIELD_COUNT) {
        out->source_timestamp_ms =
            place_number(reading, sources[out->dialect].timestamp, 8, INT64_MAX);
    }
}

/* detour's own */

static void read_reason(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    out->reason = reading_text(reading, HEADER_REASON);
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        if (span_is(out->reason, reason_word((enum reason)i))) {
            out->known = (enum reason)i;
            break;
        }
    }
    if (out->reason.ptr != NULL && out->known == REASON_NONE) {
        reading_add_odd(out, HEADER_REASON, "is none of detour's");
    }
}

static void read_outcome(struct header_reading *reading)
{
    static const enum outcome all[] = {OUTCOME_NEVER_SENT, OUTCOME_REJECTED, OUTCOME_AMBIGUOUS};
    struct span value = reading_text(reading, HEADER_OUTCOME);

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (span_is(value, outcome_word(all[i]))) {
            reading->out->outcome = all[i];
            reading->out->has_outcome = true;
        }
    }
    if (value.ptr != NULL && !reading->out->has_outcome) {
        reading_add_odd(reading->out, HEADER_OUTCOME, "is none of detour's");
    }
}

static void read_code(struct header_reading *reading)
{
    struct span value = reading_raw(reading, HEADER_CODE);
    int64_t code = 0;

    if (value.ptr == NULL) {
        return;
    }
    if (!span_to_i64(value, &code) || code < INT32_MIN || code > INT32_MAX) {
        reading_add_odd(reading->out, HEADER_CODE, "is no number that can be");
        return;
    }
    reading->out->has_code = true;
    reading->out->code = (int32_t)code;
}

/* "2/3" */
static void read_part(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span value = reading_raw(reading, HEADER_PART);
    size_t slash = value.ptr == NULL ? 0 : span_find(value, '/', 0);
    int64_t part = 0;
    int64_t count = 0;

    if (value.ptr == NULL) {
        return;
    }
    if (slash == value.len || !span_to_i64(span_sub(value, 0, slash), &part) ||
        !span_to_i64(span_sub(value, slash + 1, value.len), &count) || part < 1 || part > count ||
        count > PARTS_MAX) {
        reading_add_odd(out, HEADER_PART, "is no part of a whole");
        return;
    }
    out->part = (uint32_t)part;
    out->part_count = (uint32_t)count;
    out->part_of = reading_text(reading, HEADER_PART_OF);
    if (out->part_of.ptr != NULL && !span_is(out->part_of, "headers") &&
        !span_is(out->part_of, "key") && !span_is(out->part_of, "value")) {
        reading_add_odd(out, HEADER_PART_OF, "is no piece of a record");
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
    struct span at = reading_text(reading, HEADER_AT);

    if (at.ptr != NULL && !clock_parse_iso(at.ptr, at.len, &reading->out->at_ms)) {
        reading_add_odd(reading->out, HEADER_AT, "is no time");
        reading->out->at_ms = -1;
    }
}

static void read_detour(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    read_reason(reading);
    out->error = reading_text(reading, HEADER_ERROR);
    out->field = field_of(out->error);
    out->destination = reading_text(reading, HEADER_DESTINATION);
    out->route = reading_text(reading, HEADER_ROUTE);
    out->leg = reading_text(reading, HEADER_LEG);
    out->event_id = reading_text(reading, HEADER_EVENT_ID);
    out->event_type = reading_text(reading, HEADER_EVENT_TYPE);
    read_outcome(reading);
    out->http_status = (int32_t)reading_number(reading, HEADER_HTTP_STATUS, 999);
    read_code(reading);
    out->request_id = reading_text(reading, HEADER_REQUEST_ID);
    out->attempts = reading_number(reading, HEADER_ATTEMPTS, UINT32_MAX);
    out->outage = reading_text(reading, HEADER_OUTAGE);
    out->replays = MAX_OF(reading_number(reading, HEADER_REPLAYS, INT32_MAX), (int64_t)0);
    read_at(reading);
    out->mended = reading_text(reading, HEADER_MENDED);
    read_part(reading);
    out->instance = reading_text(reading, HEADER_INSTANCE);
}

/* the others */

static void read_connect(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;

    out->reason = reading_text(reading, HEADER_CONNECT_EXCEPTION_CLASS_NAME);
    out->error = reading_text(reading, HEADER_CONNECT_EXCEPTION_MESSAGE);
}

/* The exception itself is the listener's as a rule; what it was caused by says more. */
static void read_spring(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span outer = reading_text(reading, SPRING_EXCEPTION);

    out->reason = reading_text(reading, SPRING_CAUSE);
    out->reason = out->reason.ptr == NULL ? outer : out->reason;
    out->error = reading_text(reading, SPRING_MESSAGE);
    out->attempts = reading_binary(reading, SPRING_ATTEMPTS, 4, INT32_MAX);
}

/* The exception is written as Java prints it: its class, a colon, its message. */
static void read_streams(struct header_reading *reading)
{
    struct dead_letter *out = reading->out;
    struct span exception = reading_text(reading, STREAMS_EXCEPTION);
    size_t end = 0;

    while (end < exception.len && exception.ptr[end] != ':' && exception.ptr[end] > ' ') {
        end++;
    }
    out->reason = end == 0 ? SPAN_NONE : span_sub(exception, 0, end);
    out->error = reading_text(reading, STREAMS_MESSAGE);
}

static void begin(struct header_reading *reading, const rd_kafka_headers_t *headers,
                  struct dead_letter *out)
{
    *reading = (struct header_reading){.out = out};
    *out = (struct dead_letter){.outcome = OUTCOME_AMBIGUOUS,
                                .http_status = -1,
                                .attempts = -1,
                                .at_ms = -1,
                                .source_partition = -1,
                                .source_offset = -1,
                                .source_timestamp_ms = -1};
    reading_collect(reading, headers);
}

void dead_letter_read_source(const rd_kafka_headers_t *headers, struct dead_letter *out)
{
    struct header_reading reading;

    begin(&reading, headers, out);
    read_source(&reading);
}

void dead_letter_read(const rd_kafka_headers_t *headers, struct dead_letter *out)
{
    struct header_reading reading;

    begin(&reading, headers, out);
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
    read_source(&reading);
    out->is_own_connect = reading_is_own_connect(&reading);
}

bool dead_letter_has_source(const struct dead_letter *letter)
{
    return letter->source_topic.ptr != NULL && letter->source_partition >= 0 &&
           letter->source_offset >= 0;
}

/* Whether the header @name is the original record's, not one of who dead-lettered it. */
static bool keeps(const struct dead_letter *letter, const char *name)
{
    enum dialect dialect = header_dialect(span_of(name));

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
