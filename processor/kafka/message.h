/**
 * message - a Kafka message as the rooms above see it. Borrows from the message; any thread.
 */
#ifndef KAFKA_MESSAGE_H
#define KAFKA_MESSAGE_H

#include <librdkafka/rdkafka.h>

#include "event/event_view.h"

void message_view_of(const rd_kafka_message_t *message, struct message_view *out);
/** NULL when it has none. */
const rd_kafka_headers_t *message_headers(const rd_kafka_message_t *message);

#endif /* KAFKA_MESSAGE_H */
