#include "kafka/headers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

enum { TEXT_BYTES_MAX = 512, OVERHEAD_BYTES = 6, NUMBER_BYTES = 24 };

static const char own_prefix[] = "detour.";
static const char source_prefix[] = "detour.source.";
static const char connect_prefix[] = "__connect.errors.";

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct span names[HEADER_FIELD_COUNT] = {
    [HEADER_REASON] = NAME("detour.reason"),
    [HEADER_ERROR] = NAME("detour.error"),
    [HEADER_DESTINATION] = NAME("detour.destination"),
    [HEADER_ROUTE] = NAME("detour.route"),
    [HEADER_LEG] = NAME("detour.leg"),
    [HEADER_EVENT_ID] = NAME("detour.event.id"),
    [HEADER_EVENT_TYPE] = NAME("detour.event.type"),
    [HEADER_OUTCOME] = NAME("detour.outcome"),
    [HEADER_HTTP_STATUS] = NAME("detour.http.status"),
    [HEADER_CODE] = NAME("detour.code"),
    [HEADER_REQUEST_ID] = NAME("detour.request.id"),
    [HEADER_ATTEMPTS] = NAME("detour.attempts"),
    [HEADER_OUTAGE] = NAME("detour.outage"),
    [HEADER_REPLAYS] = NAME("detour.replays"),
    [HEADER_AT] = NAME("detour.at"),
    [HEADER_SOURCE_TOPIC] = NAME("detour.source.topic"),
    [HEADER_SOURCE_PARTITION] = NAME("detour.source.partition"),
    [HEADER_SOURCE_OFFSET] = NAME("detour.source.offset"),
    [HEADER_SOURCE_TIMESTAMP] = NAME("detour.source.timestamp"),
    [HEADER_MENDED] = NAME("detour.mended"),
    [HEADER_PART] = NAME("detour.part"),
    [HEADER_PART_OF] = NAME("detour.part.of"),
    [HEADER_INSTANCE] = NAME("detour.instance"),
    [HEADER_CONNECT_TOPIC] = NAME("__connect.errors.topic"),
    [HEADER_CONNECT_PARTITION] = NAME("__connect.errors.partition"),
    [HEADER_CONNECT_OFFSET] = NAME("__connect.errors.offset"),
    [HEADER_CONNECT_CONNECTOR_NAME] = NAME("__connect.errors.connector.name"),
    [HEADER_CONNECT_TASK_ID] = NAME("__connect.errors.task.id"),
    [HEADER_CONNECT_STAGE] = NAME("__connect.errors.stage"),
    [HEADER_CONNECT_CLASS_NAME] = NAME("__connect.errors.class.name"),
    [HEADER_CONNECT_EXCEPTION_CLASS_NAME] = NAME("__connect.errors.exception.class.name"),
    [HEADER_CONNECT_EXCEPTION_MESSAGE] = NAME("__connect.errors.exception.message"),
};

const char *header_name(enum header_field field)
{
    PRE(field < HEADER_FIELD_COUNT);
    return names[field].ptr;
}

enum header_field header_find(struct span name, size_t from)
{
    for (size_t k = 0; k < HEADER_FIELD_COUNT; k++) {
        size_t i = from + k < HEADER_FIELD_COUNT ? from + k : from + k - HEADER_FIELD_COUNT;

        if (names[i].len == name.len && memcmp(names[i].ptr, name.ptr, name.len) == 0) {
            return (enum header_field)i;
        }
    }
    return HEADER_FIELD_COUNT;
}

static bool starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* A dead letter's or diverted record's: everything that begins as ours do is replaced. */
static bool is_ours(const char *name)
{
    return starts(name, own_prefix);
}

static bool is_ours_or_connect(const char *name)
{
    return starts(name, own_prefix) || starts(name, connect_prefix);
}

/* A plain copy's: only what we write there. */
static bool is_of_copy(const char *name)
{
    return starts(name, source_prefix) || strcmp(name, header_name(HEADER_MENDED)) == 0;
}

/* Everything of @original that is not to be replaced. */
static rd_kafka_headers_t *copy_foreign(const rd_kafka_headers_t *original,
                                        bool (*is_replaced)(const char *name))
{
    size_t count = original == NULL ? 0 : rd_kafka_header_cnt(original);
    rd_kafka_headers_t *out = rd_kafka_headers_new(count + HEADER_FIELD_COUNT);
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_header_get_all(original, i, &name, &value, &len) != 0) {
            break;
        }
        if (!is_replaced(name)) {
            rd_kafka_header_add(out, name, -1, value, value == NULL ? 0 : (ssize_t)len);
        }
    }
    return out;
}

static void add(rd_kafka_headers_t *headers, enum header_field field, struct span text)
{
    if (text.ptr != NULL && utf8_is_valid(text.ptr, text.len)) {
        rd_kafka_header_add(headers, names[field].ptr, (ssize_t)names[field].len, text.ptr,
                            (ssize_t)text.len);
    }
}

static void add_number(rd_kafka_headers_t *headers, enum header_field field, int64_t number)
{
    char text[NUMBER_BYTES];

    snprintf(text, sizeof(text), "%" PRId64, number);
    add(headers, field, span_of(text));
}

/* At most @max bytes, not in the middle of a character. */
static struct span cut(struct span text, size_t max)
{
    size_t len = MIN_OF(text.len, max);

    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return (struct span){text.ptr, len};
}

static void add_source(rd_kafka_headers_t *headers, const struct header_values *values)
{
    add(headers, HEADER_SOURCE_TOPIC, values->source_topic);
    add_number(headers, HEADER_SOURCE_PARTITION, values->source_partition);
    add_number(headers, HEADER_SOURCE_OFFSET, values->source_offset);
    if (values->source_timestamp_ms >= 0) {
        add_number(headers, HEADER_SOURCE_TIMESTAMP, values->source_timestamp_ms);
    }
}

/* Where in Connect's pipeline a failure of this kind happens (its enum Stage). */
static const char *connect_stage(enum reason reason)
{
    switch (reason) {
    case REASON_SCHEMA_UNKNOWN:
    case REASON_SCHEMA_INCOMPATIBLE:
    case REASON_DECODE_FAILED:
        return "VALUE_CONVERTER";
    case REASON_CONTRACT:
    case REASON_UNMATCHED:
        return "TRANSFORMATION";
    case REASON_NONE:
    case REASON_REJECTED:
    case REASON_RETRIES_EXHAUSTED:
    case REASON_EXPIRED:
    case REASON_UNKNOWN_VERDICT:
    case REASON_TOO_LARGE:
    case REASON_OUTAGE:
    case REASON_THROTTLED:
    case REASON_CREDENTIAL:
    case REASON_REJECT_STORM:
    case REASON_TOO_OLD:
    case REASON_COUNT:
        break;
    }
    return "TASK_PUT";
}

/* Kafka Connect's names (KIP-298), so that its tools read our dead letters. */
static void add_connect(rd_kafka_headers_t *headers, const struct header_values *values)
{
    char class_name[64];

    add(headers, HEADER_CONNECT_TOPIC, values->source_topic);
    add_number(headers, HEADER_CONNECT_PARTITION, values->source_partition);
    add_number(headers, HEADER_CONNECT_OFFSET, values->source_offset);
    add(headers, HEADER_CONNECT_CONNECTOR_NAME, values->group);
    add_number(headers, HEADER_CONNECT_TASK_ID, values->worker);
    add(headers, HEADER_CONNECT_STAGE, span_of(connect_stage(values->reason)));
    add(headers, HEADER_CONNECT_CLASS_NAME, SPAN("detour"));
    snprintf(class_name, sizeof(class_name), "detour.%s", reason_word(values->reason));
    add(headers, HEADER_CONNECT_EXCEPTION_CLASS_NAME, span_of(class_name));
    add(headers, HEADER_CONNECT_EXCEPTION_MESSAGE, cut(values->error, TEXT_BYTES_MAX));
}

rd_kafka_headers_t *headers_new(const rd_kafka_headers_t *original,
                                const struct header_values *values)
{
    rd_kafka_headers_t *headers =
        copy_foreign(original, values->is_connect ? is_ours_or_connect : is_ours);
    char at[CLOCK_ISO_BYTES];

    add(headers, HEADER_REASON, span_of(reason_word(values->reason)));
    add(headers, HEADER_ERROR, cut(values->error, TEXT_BYTES_MAX));
    add(headers, HEADER_DESTINATION, values->destination);
    add(headers, HEADER_ROUTE, values->route);
    add(headers, HEADER_LEG, values->leg);
    add(headers, HEADER_EVENT_ID, cut(values->event_id, TEXT_BYTES_MAX));
    add(headers, HEADER_EVENT_TYPE, cut(values->event_type, TEXT_BYTES_MAX));
    add(headers, HEADER_OUTCOME, span_of(outcome_word(values->outcome)));
    if (values->http_status != 0) {
        add_number(headers, HEADER_HTTP_STATUS, values->http_status);
    }
    if (values->has_code) {
        add_number(headers, HEADER_CODE, values->code);
    }
    add(headers, HEADER_REQUEST_ID, values->request_id);
    add_number(headers, HEADER_ATTEMPTS, values->attempts);
    add(headers, HEADER_OUTAGE, values->outage);
    add_number(headers, HEADER_REPLAYS, values->replays);
    add(headers, HEADER_AT, span_of(clock_iso(values->at_ms, at)));
    add_source(headers, values);
    add(headers, HEADER_MENDED, values->mended);
    add(headers, HEADER_INSTANCE, values->instance);
    if (values->is_connect) {
        add_connect(headers, values);
    }
    return headers;
}

rd_kafka_headers_t *headers_new_copy(const rd_kafka_headers_t *original,
                                     const struct header_values *values)
{
    rd_kafka_headers_t *headers = copy_foreign(original, is_of_copy);

    add_source(headers, values);
    add(headers, HEADER_MENDED, values->mended);
    return headers;
}

static void add_base64(struct buf *out, const unsigned char *bytes, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buf_add_char(out, '"');
    for (size_t i = 0; i < len; i += 3) {
        size_t left = MIN_OF(len - i, (size_t)3);
        uint32_t bits = (uint32_t)bytes[i] << 16;

        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        for (size_t c = 0; c < 4; c++) {
            buf_add_char(out, c <= left ? alphabet[bits >> (18 - 6 * c) & 63] : '=');
        }
    }
    buf_add_char(out, '"');
}

static void add_header_text(struct buf *out, const char *name, const void *value, size_t len)
{
    bool is_text = utf8_is_valid(name, strlen(name));

    buf_add_text(out, is_text ? "{\"name\":" : "{\"name_base64\":");
    if (is_text) {
        buf_add_json_string(out, span_of(name));
    } else {
        add_base64(out, (const unsigned char *)name, strlen(name));
    }
    buf_add_text(out, ",\"value\":");
    if (value == NULL) {
        buf_add_text(out, "null");
    } else {
        add_base64(out, value, len);
    }
    buf_add_char(out, '}');
}

void headers_json(const rd_kafka_headers_t *original, bool is_connect, struct buf *out)
{
    size_t count = original == NULL ? 0 : rd_kafka_header_cnt(original);
    char before = '[';
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_header_get_all(original, i, &name, &value, &len) == 0 &&
            !(is_connect ? is_ours_or_connect(name) : is_ours(name))) {
            buf_add_char(out, before);
            add_header_text(out, name, value, len);
            before = ',';
        }
    }
    buf_add_text(out, before == '[' ? "[]" : "]");
}

size_t headers_bytes(const rd_kafka_headers_t *headers)
{
    size_t count = headers == NULL ? 0 : rd_kafka_header_cnt(headers);
    size_t bytes = 0;
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0) {
            bytes += strlen(name) + len + OVERHEAD_BYTES;
        }
    }
    return bytes;
}

struct span header_get(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value = NULL;
    size_t len = 0;

    if (headers == NULL || rd_kafka_header_get_last(headers, name, &value, &len) != 0) {
        return SPAN_NONE;
    }
    return (struct span){value, value == NULL ? 0 : len};
}
