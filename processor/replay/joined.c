#include "replay/joined.h"

#include <stdint.h>

static bool is_of_record(const char *name)
{
    struct span text = span_of(name);

    return span_starts(text, SPAN("detour.")) && !span_is(text, "detour.part") &&
           !span_is(text, "detour.part.of");
}

/* The record's own headers, and behind them what detour says of it. */
static rd_kafka_headers_t *join_headers(const rd_kafka_headers_t *own,
                                        const rd_kafka_headers_t *of_part)
{
    rd_kafka_headers_t *out = rd_kafka_headers_copy(own);
    size_t count = of_part == NULL ? 0 : rd_kafka_header_cnt(of_part);

    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t len;

        if (rd_kafka_header_get_all(of_part, i, &name, &value, &len) == 0 && is_of_record(name)) {
            (void)rd_kafka_header_add(out, name, -1, value, value == NULL ? 0 : (ssize_t)len);
        }
    }
    return out;
}

enum err_code joined_make(const struct config *config, const struct record *record,
                          rd_kafka_message_t *message, struct whole *out, struct err *err)
{
    enum err_code rc;

    PRE(record->letter.part == 1);
    rc = whole_of(config, record, out, err);
    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_message_set_headers(message, join_headers(out->headers, record->headers));
    message->payload = (void *)(uintptr_t)out->value.ptr;
    message->len = out->value.len;
    message->key = (void *)(uintptr_t)out->key.ptr;
    message->key_len = out->key.len;
    return ERR_OK;
}
