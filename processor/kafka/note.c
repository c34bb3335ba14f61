#include "kafka/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

enum { TEXT_BYTES_MAX = 512, HEADER_OVERHEAD_BYTES = 6, NUMBER_BYTES = 24 };

static const char own_prefix[] = "detour.";
static const char source_prefix[] = "detour.source.";
static const char connect_prefix[] = "__connect.errors.";

static const char *const names[NOTE_FIELD_COUNT] = {
    [NOTE_REASON] = "detour.reason",
    [NOTE_ERROR] = "detour.error",
    [NOTE_DESTINATION] = "detour.destination",
    [NOTE_ROUTE] = "detour.route",
    [NOTE_LEG] = "detour.leg",
    [NOTE_EVENT_ID] = "detour.event.id",
    [NOTE_EVENT_TYPE] = "detour.event.type",
    [NOTE_OUTCOME] = "detour.outcome",
    [NOTE_HTTP_STATUS] = "detour.http.status",
    [NOTE_CODE] = "detour.code",
    [NOTE_REQUEST_ID] = "detour.request.id",
    [NOTE_ATTEMPTS] = "detour.attempts",
    [NOTE_OUTAGE] = "detour.outage",
    [NOTE_REPLAYS] = "detour.replays",
    [NOTE_AT] = "detour.at",
    [NOTE_SOURCE_TOPIC] = "detour.source.topic",
    [NOTE_SOURCE_PARTITION] = "detour.source.partition",
    [NOTE_SOURCE_OFFSET] = "detour.source.offset",
    [NOTE_SOURCE_TIMESTAMP] = "detour.source.timestamp",
    [NOTE_MENDED] = "detour.mended",
    [NOTE_PART] = "detour.part",
    [NOTE_PART_OF] = "detour.part.of",
    [NOTE_INSTANCE] = "detour.instance",
    [NOTE_CONNECT_TOPIC] = "__connect.errors.topic",
    [NOTE_CONNECT_PARTITION] = "__connect.errors.partition",
    [NOTE_CONNECT_OFFSET] = "__connect.errors.offset",
    [NOTE_CONNECT_CONNECTOR_NAME] = "__connect.errors.connector.name",
    [NOTE_CONNECT_TASK_ID] = "__connect.errors.task.id",
    [NOTE_CONNECT_STAGE] = "__connect.errors.stage",
    [NOTE_CONNECT_CLASS_NAME] = "__connect.errors.class.name",
    [NOTE_CONNECT_EXCEPTION_CLASS_NAME] = "__connect.errors.exception.class.name",
    [NOTE_CONNECT_EXCEPTION_MESSAGE] = "__connect.errors.exception.message",
};

const char *note_name(enum note_field field)
{
    PRE(field < NOTE_FIELD_COUNT);
    return names[field];
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
    return starts(name, source_prefix) || strcmp(name, names[NOTE_MENDED]) == 0;
}

/* Everything of @original that is not to be replaced. */
static rd_kafka_headers_t *copy_foreign(const rd_kafka_headers_t *original,
                                        bool (*is_replaced)(const char *name))
{
    size_t count = original == NULL ? 0 : rd_kafka_header_cnt(original);
    rd_kafka_headers_t *out = rd_kafka_headers_new(count + NOTE_FIELD_COUNT);
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

static void add(rd_kafka_headers_t *headers, enum note_field field, struct span text)
{
    if (text.ptr != NULL && utf8_is_valid(text.ptr, text.len)) {
        rd_kafka_header_add(headers, names[field], -1, text.ptr, (ssize_t)text.len);
    }
}

static void add_number(rd_kafka_headers_t *headers, enum note_field field, int64_t number)
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

static void add_source(rd_kafka_headers_t *headers, const struct note *note)
{
    add(headers, NOTE_SOURCE_TOPIC, note->source_topic);
    add_number(headers, NOTE_SOURCE_PARTITION, note->source_partition);
    add_number(headers, NOTE_SOURCE_OFFSET, note->source_offset);
    if (note->source_timestamp_ms >= 0) {
        add_number(headers, NOTE_SOURCE_TIMESTAMP, note->source_timestamp_ms);
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
static void add_connect(rd_kafka_headers_t *headers, const struct note *note)
{
    char class_name[64];

    add(headers, NOTE_CONNECT_TOPIC, note->source_topic);
    add_number(headers, NOTE_CONNECT_PARTITION, note->source_partition);
    add_number(headers, NOTE_CONNECT_OFFSET, note->source_offset);
    add(headers, NOTE_CONNECT_CONNECTOR_NAME, note->group);
    add_number(headers, NOTE_CONNECT_TASK_ID, note->worker);
    add(headers, NOTE_CONNECT_STAGE, span_of(connect_stage(note->reason)));
    add(headers, NOTE_CONNECT_CLASS_NAME, SPAN("detour"));
    snprintf(class_name, sizeof(class_name), "detour.%s", reason_word(note->reason));
    add(headers, NOTE_CONNECT_EXCEPTION_CLASS_NAME, span_of(class_name));
    add(headers, NOTE_CONNECT_EXCEPTION_MESSAGE, cut(note->error, TEXT_BYTES_MAX));
}

rd_kafka_headers_t *note_headers(const rd_kafka_headers_t *original, const struct note *note)
{
    rd_kafka_headers_t *headers =
        copy_foreign(original, note->is_connect ? is_ours_or_connect : is_ours);
    char at[CLOCK_ISO_BYTES];

    add(headers, NOTE_REASON, span_of(reason_word(note->reason)));
    add(headers, NOTE_ERROR, cut(note->error, TEXT_BYTES_MAX));
    add(headers, NOTE_DESTINATION, note->destination);
    add(headers, NOTE_ROUTE, note->route);
    add(headers, NOTE_LEG, note->leg);
    add(headers, NOTE_EVENT_ID, cut(note->event_id, TEXT_BYTES_MAX));
    add(headers, NOTE_EVENT_TYPE, cut(note->event_type, TEXT_BYTES_MAX));
    add(headers, NOTE_OUTCOME, span_of(outcome_word(note->outcome)));
    if (note->http_status != 0) {
        add_number(headers, NOTE_HTTP_STATUS, note->http_status);
    }
    if (note->has_code) {
        add_number(headers, NOTE_CODE, note->code);
    }
    add(headers, NOTE_REQUEST_ID, note->request_id);
    add_number(headers, NOTE_ATTEMPTS, note->attempts);
    add(headers, NOTE_OUTAGE, note->outage);
    add_number(headers, NOTE_REPLAYS, note->replays);
    add(headers, NOTE_AT, span_of(clock_iso(note->at_ms, at)));
    add_source(headers, note);
    add(headers, NOTE_MENDED, note->mended);
    add(headers, NOTE_INSTANCE, note->instance);
    if (note->is_connect) {
        add_connect(headers, note);
    }
    return headers;
}

rd_kafka_headers_t *note_copy_headers(const rd_kafka_headers_t *original, const struct note *note)
{
    rd_kafka_headers_t *headers = copy_foreign(original, is_of_copy);

    add_source(headers, note);
    add(headers, NOTE_MENDED, note->mended);
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

void note_headers_text(const rd_kafka_headers_t *original, bool is_connect, struct buf *out)
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

size_t note_bytes(const rd_kafka_headers_t *headers)
{
    size_t count = headers == NULL ? 0 : rd_kafka_header_cnt(headers);
    size_t bytes = 0;
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0) {
            bytes += strlen(name) + len + HEADER_OVERHEAD_BYTES;
        }
    }
    return bytes;
}

struct span note_header_get(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value = NULL;
    size_t len = 0;

    if (headers == NULL || rd_kafka_header_get_last(headers, name, &value, &len) != 0) {
        return SPAN_NONE;
    }
    return (struct span){value, value == NULL ? 0 : len};
}
