#include "deliver/view.h"

#include "kafka/note.h"

static struct span find_header(const void *context, struct span name)
{
    const rd_kafka_message_t *message = context;
    rd_kafka_headers_t *headers = NULL;
    char text[256];

    if (name.len >= sizeof(text) ||
        rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return SPAN_NONE;
    }
    for (size_t i = 0; i < name.len; i++) {
        text[i] = name.ptr[i];
    }
    text[name.len] = '\0';
    return note_header_get(headers, text);
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

enum err_code view_decode(const struct pipeline *pipeline, const struct writer *writer,
                          struct span payload, int64_t wall_ms, struct arena *arena,
                          struct decoded *out, enum reason *reason, struct err *err)
{
    enum err_code rc = decoder_run(writer->decoder, payload, arena, &out->root, err);

    if (rc != ERR_OK) {
        *reason = REASON_DECODE_FAILED;
        return rc;
    }
    out->view = (struct event_view){
        .message = &out->message, .reader = writer->reader, .root = &out->root, .now_ms = wall_ms};
    rc = event_facts(&pipeline->paths, pipeline->readers, &out->view, arena, err);
    if (rc != ERR_OK) {
        *reason = REASON_CONTRACT;
    }
    return rc;
}
