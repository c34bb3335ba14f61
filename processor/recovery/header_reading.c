#include "recovery/header_reading.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { TEXT_BYTES_MAX = 512 };

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct span foreign_names[FIELD_COUNT - HEADER_FIELD_COUNT] = {
    NAME("kafka_dlt-original-topic"),    NAME("kafka_dlt-original-partition"),
    NAME("kafka_dlt-original-offset"),   NAME("kafka_dlt-original-timestamp"),
    NAME("kafka_dlt-exception-fqcn"),    NAME("kafka_dlt-exception-cause-fqcn"),
    NAME("kafka_dlt-exception-message"), NAME("retry_topic-attempts"),
    NAME("__streams.errors.topic"),      NAME("__streams.errors.partition"),
    NAME("__streams.errors.offset"),     NAME("__streams.errors.exception"),
    NAME("__streams.errors.message"),
};

/* All of a dialect's headers begin so. */
static const struct {
    struct span prefix;
    enum dialect dialect;
} prefixes[] = {
    {NAME("detour."), DIALECT_DETOUR},
    {NAME("__connect.errors."), DIALECT_CONNECT},
    {NAME("kafka_dlt-"), DIALECT_SPRING},
    {NAME("retry_topic-"), DIALECT_SPRING},
    {NAME("__streams.errors."), DIALECT_STREAMS},
};

static const char *name_of(size_t field)
{
    return field < HEADER_FIELD_COUNT ? header_name((enum header_field)field)
                                      : foreign_names[field - HEADER_FIELD_COUNT].ptr;
}

enum dialect header_dialect(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (span_starts(name, prefixes[i].prefix)) {
            return prefixes[i].dialect;
        }
    }
    return DIALECT_NONE;
}

/* what is odd */

void reading_add_odd(struct dead_letter *out, size_t field, const char *what)
{
    size_t len = strlen(out->odd);

    (void)snprintf(out->odd + len, sizeof(out->odd) - len, "%s%s %s", len == 0 ? "" : "; ",
                   name_of(field), what);
}

/* collecting */

/* FIELD_COUNT: a name that nobody uses. */
static size_t find_field(struct span name, size_t from)
{
    size_t field = header_find(name, MIN_OF(from, (size_t)HEADER_FIELD_COUNT));

    while (field >= HEADER_FIELD_COUNT && field < FIELD_COUNT &&
           !span_eq(foreign_names[field - HEADER_FIELD_COUNT], name)) {
        field++;
    }
    return field;
}

/* The dialect of a header, which is taken. *field: where the last one was found, and this one is.
 */
static enum dialect take_header(struct header_reading *reading, struct span name, struct span value,
                                size_t *field)
{
    size_t found = find_field(name, *field);

    if (found == FIELD_COUNT) {
        return header_dialect(name);
    }
    *field = found;
    reading->seen[found].value = value;
    reading->seen[found].count++;
    return found < HEADER_CONNECT_TOPIC ? DIALECT_DETOUR : header_dialect(name);
}

/* detour writes Connect's as well (headers: connect), under its own name. */
bool reading_is_own_connect(const struct header_reading *reading)
{
    return span_is(reading->seen[HEADER_CONNECT_CLASS_NAME].value, "detour");
}

void reading_collect(struct header_reading *reading, const rd_kafka_headers_t *headers)
{
    size_t count = headers == NULL ? 0 : rd_kafka_header_cnt(headers);
    size_t last[DIALECT_STREAMS + 1] = {0}; /* from 1; 0: none */
    const char *name;
    const void *value;
    size_t field = 0;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        enum dialect dialect;
        struct span text;

        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) != 0) {
            break;
        }
        text = span_of(name);
        dialect = take_header(reading, text, (struct span){value, value == NULL ? 0 : len}, &field);
        if (dialect == DIALECT_DETOUR ||
            (dialect != DIALECT_NONE && !span_starts(text, SPAN("retry_topic-")))) {
            last[dialect] = i + 1;
        }
    }
    if (reading_is_own_connect(reading) && last[DIALECT_DETOUR] > 0) {
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
struct span reading_raw(struct header_reading *reading, size_t field)
{
    struct header_seen *seen = &reading->seen[field];

    if (seen->count > 1) {
        reading_add_odd(reading->out, field, "is there more than once");
        seen->count = 1;
    }
    return seen->value;
}

/* At most TEXT_BYTES_MAX, whole characters. */
struct span reading_text(struct header_reading *reading, size_t field)
{
    struct span value = reading_raw(reading, field);
    size_t len = MIN_OF(value.len, (size_t)TEXT_BYTES_MAX);

    if (value.ptr == NULL || value.len == 0) {
        return SPAN_NONE;
    }
    if (!utf8_is_valid(value.ptr, value.len)) {
        reading_add_odd(reading->out, field, "is no UTF-8");
        return SPAN_NONE;
    }
    while (len < value.len && len > 0 && ((unsigned char)value.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len < value.len && field < HEADER_CONNECT_TOPIC) {
        reading_add_odd(reading->out, field, "is longer than 512 bytes");
    }
    return span_sub(value, 0, len);
}

/* -1: absent, or no number from 0 to @high. */
int64_t reading_number(struct header_reading *reading, size_t field, int64_t high)
{
    struct span value = reading_raw(reading, field);
    int64_t out = -1;

    if (value.ptr == NULL) {
        return -1;
    }
    if (!span_to_i64(value, &out) || out < 0 || out > high) {
        reading_add_odd(reading->out, field, "is no number that can be");
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
int64_t reading_binary(struct header_reading *reading, size_t field, size_t width, int64_t high)
{
    struct span value = reading_raw(reading, field);
    uint64_t out = 0;

    if (value.ptr == NULL || is_digits(value)) {
        return reading_number(reading, field, high);
    }
    for (size_t i = 0; i < value.len && i < width; i++) {
        out = out << 8 | (unsigned char)value.ptr[i];
    }
    if (value.len != width) {
        reading_add_odd(reading->out, field, width == 4 ? "has not 4 bytes" : "has not 8 bytes");
        return -1;
    }
    if (out > (uint64_t)high) {
        reading_add_odd(reading->out, field, "is no number that can be");
        return -1;
    }
    return (int64_t)out;
}
