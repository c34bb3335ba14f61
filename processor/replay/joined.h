/**
 * joined - a dead letter in parts, as the one record it was.
 *
 * The message of the first part stands for the record: it gets the record's key, value and headers
 * (its own detour.* but for detour.part*), and keeps its place in the topic. The other parts are
 * looked for in the topic, whatever was settled of them: a replay that was killed finds them again.
 *
 * The bytes belong to @out and must live as long as anybody reads the message. One thread; waits
 * for Kafka.
 */
#ifndef REPLAY_JOINED_H
#define REPLAY_JOINED_H

#include "recovery/whole.h"

/** @record is @message's, of the first part. ERR_DATA: not all parts are there, or they do not make
 * a record; ERR_NET: Kafka does not answer. Then the message is as it was. */
NODISCARD enum err_code joined_make(const struct config *config, const struct record *record,
                                    rd_kafka_message_t *message, struct whole *out,
                                    struct err *err);

#endif /* REPLAY_JOINED_H */
