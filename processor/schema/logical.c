#include "schema/build.h"

#include <math.h>

struct logical_rule {
    const char *word;
    enum logical_type logical;
    enum type_kind on;
};

static const struct logical_rule rules[] = {
    {"uuid", LOGICAL_UUID, TYPE_STRING},
    {"date", LOGICAL_DATE, TYPE_INT},
    {"time-millis", LOGICAL_TIME_MILLIS, TYPE_INT},
    {"time-micros", LOGICAL_TIME_MICROS, TYPE_LONG},
    {"timestamp-millis", LOGICAL_TIMESTAMP_MILLIS, TYPE_LONG},
    {"timestamp-micros", LOGICAL_TIMESTAMP_MICROS, TYPE_LONG},
    {"local-timestamp-millis", LOGICAL_LOCAL_TIMESTAMP_MILLIS, TYPE_LONG},
    {"local-timestamp-micros", LOGICAL_LOCAL_TIMESTAMP_MICROS, TYPE_LONG},
};

const char *logical_word(enum logical_type logical)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].logical == logical) {
            return rules[i].word;
        }
    }
    return logical == LOGICAL_DECIMAL    ? "decimal"
           : logical == LOGICAL_DURATION ? "duration"
                                         : "none";
}

enum { UUID_BYTES = 16, DURATION_BYTES = 12, PRECISION_MAX = 1000000 };

bool json_whole(const json_t *node, json_int_t *out)
{
    double real = json_real_value(node);

    if (json_is_real(node) && real >= -1e9 && real <= 1e9 && floor(real) == real) {
        *out = (json_int_t)real;
        return true;
    }
    *out = json_integer_value(node);
    return json_is_integer(node);
}

/* How many decimal digits fit a two's-complement number of @bytes bytes. */
static json_int_t digits_that_fit(uint32_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    return (json_int_t)floor((8.0 * bytes - 1.0) * log10(2.0));
}

static void read_decimal(const json_t *node, struct type *type)
{
    const json_t *scale = json_object_get(node, "scale");
    json_int_t digits = 0;
    json_int_t decimals = 0;

    if (!json_whole(json_object_get(node, "precision"), &digits) ||
        (scale != NULL && !json_whole(scale, &decimals)) || digits < 1 || digits > PRECISION_MAX ||
        decimals < 0 || decimals > digits) {
        return;
    }
    if (type->kind == TYPE_FIXED && digits > digits_that_fit(type->fixed_bytes)) {
        return;
    }
    type->logical = LOGICAL_DECIMAL;
    type->precision = (uint32_t)digits;
    type->scale = (uint32_t)decimals;
}

void logical_read(const json_t *node, struct type *type)
{
    struct span word = schema_json_text(json_object_get(node, "logicalType"));

    if (word.ptr == NULL) {
        return;
    }
    if (span_is(word, "decimal") && (type->kind == TYPE_BYTES || type->kind == TYPE_FIXED)) {
        read_decimal(node, type);
        return;
    }
    if (type->kind == TYPE_FIXED) {
        if (span_is(word, "duration") && type->fixed_bytes == DURATION_BYTES) {
            type->logical = LOGICAL_DURATION;
        } else if (span_is(word, "uuid") && type->fixed_bytes == UUID_BYTES) {
            type->logical = LOGICAL_UUID;
        }
        return;
    }
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (span_is(word, rules[i].word) && rules[i].on == type->kind) {
            type->logical = rules[i].logical;
        }
    }
}

void logical_read_connect(const json_t *node, struct type *type)
{
    static const struct logical_rule names[] = {
        {"io.debezium.time.Date", LOGICAL_DATE, TYPE_INT},
        {"io.debezium.time.Timestamp", LOGICAL_TIMESTAMP_MILLIS, TYPE_LONG},
        {"io.debezium.time.MicroTimestamp", LOGICAL_TIMESTAMP_MICROS, TYPE_LONG},
        {"org.apache.kafka.connect.data.Date", LOGICAL_DATE, TYPE_INT},
        {"org.apache.kafka.connect.data.Timestamp", LOGICAL_TIMESTAMP_MILLIS, TYPE_LONG},
    };
    struct span name = schema_json_text(json_object_get(node, "connect.name"));

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_is(name, names[i].word) && names[i].on == type->kind) {
            type->logical = names[i].logical;
        }
    }
}
