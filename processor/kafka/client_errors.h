/**
 * client_errors - what an error of the Kafka client library means to whoever runs detour: does it
 * pass by itself, what is it about, and the way out.
 *
 * One table, used by consumer, producer and the cluster's watch. An error without a row is told
 * as it is, and counted as one that does not pass.
 *
 * A constant table: any thread; nothing is owned.
 */
#ifndef KAFKA_CLIENT_ERRORS_H
#define KAFKA_CLIENT_ERRORS_H

#include <librdkafka/rdkafka.h>

#include "base/buf.h"
#include "event/blocked.h"

/* What an error speaks of, and so whose state it is. */
enum error_about {
    ABOUT_RECORDS, /* what stands at one place of a partition's log */
    ABOUT_TOPIC,   /* a topic, or one of its partitions */
    ABOUT_GROUP,
    ABOUT_CLIENT, /* the connection, the principal, the producer: the whole process */
};

struct client_error {
    rd_kafka_resp_err_t code;
    bool passes; /* retried, it goes away without a person */
    enum error_about about;
    enum block_reason block; /* of its partition; BLOCK_REASON_COUNT: none */
    const char *right;       /* that is missing; NULL: it is not about rights */
    const char *meaning;
    const char *way_out;
};

/** Never NULL: errors that the table does not know share a row. */
const struct client_error *client_error_of(rd_kafka_resp_err_t code);
/** "grant Read on topic orders ...": the way out for @resource (its topic or group; may be empty).
 * @is_writing: it was met by a producer. */
void client_error_advise(const struct client_error *error, const char *resource, bool is_writing,
                         struct buf *out);
/** Where records cannot be read: how to give them up. NULL for other errors. */
const char *client_error_past(const struct client_error *error);
/** The table's rows, for tests and documentation. */
const struct client_error *client_error_rows(size_t *count);

enum { CLIENT_ADVICE_BYTES = 512 };

#endif /* KAFKA_CLIENT_ERRORS_H */
