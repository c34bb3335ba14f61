#include "kafka/message.h"

#include <string.h>

#include "kafka/headers.h"

const rd_kafka_headers_t *message_headers(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;

    return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR ? headers
                                                                                     : NULL;
}

static struct span find_header(const void *context, struct span name)
{
    const rd_kafka_headers_t *headers = message_headers(context);
    char text[256];

    if (name.len >= sizeof(text) || headers == NULL) {
        return SPAN_NONE;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return header_get(headers, text);
}

void message_view_of(const rd_kafka_message_t *message, struct message_view *out)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp = rd_kafka_message_timestamp(message, &type);

    *out = (struct message_view){
        .topic = span_of(rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
        .key = {message->key, message->key == NULL ? 0 : message->key_len},
        .value = {message->payload, message->payload == NULL ? 0 : message->len},
        .header = find_header,
        .header_context = message,
    };
}
