#include "recovery/original.h"

#include "event/utm_original.h"
#include "kafka/message.h"
#include "recovery/dead_letter.h"

bool original_is_utm_topic(const struct config *config, struct span topic)
{
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *to = &config->destinations[i];

        if (to->type->is_topic && to->format == KAFKA_UTM && span_eq(to->topic, topic)) {
            return true;
        }
    }
    return false;
}

void original_view(const rd_kafka_message_t *message, bool is_utm, struct message_view *out)
{
    struct dead_letter letter;

    message_view_of(message, out);
    dead_letter_read_source(message_headers(message), &letter);
    if (dead_letter_has_source(&letter)) {
        out->topic = letter.source_topic;
        out->partition = letter.source_partition;
        out->offset = letter.source_offset;
        out->timestamp_ms = letter.source_timestamp_ms;
    }
    if (is_utm) {
        out->value = utm_original(out->value);
    }
}
