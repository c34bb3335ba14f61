/**
 * produce_errors - why a record was not written to its topic, and what helps.
 *
 * One table of the errors of producing; client_errors.h has those of all clients. An error of the
 * topic, the cluster or a missing right passes by itself or after a person has acted: the record
 * waits, and its partition is blocked by name. An error of the record itself does not pass: the
 * record is changed, or takes the next destination of its chain.
 *
 * A constant table: any thread. An error without a row counts as the topic's, so that the record
 * waits and is not lost.
 */
#ifndef KAFKA_PRODUCE_ERRORS_H
#define KAFKA_PRODUCE_ERRORS_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

enum produce_fault {
    PRODUCE_FAULT_TOPIC,     /* or the cluster, or a missing right; also an error without a row */
    PRODUCE_FAULT_CLIENT,    /* our producer: a new one sends it again */
    PRODUCE_FAULT_SIZE,      /* the record, or its batch, is larger than the topic takes */
    PRODUCE_FAULT_TIMESTAMP, /* the record's is out of the topic's bounds */
    PRODUCE_FAULT_RECORD,    /* something else about the record */
};

enum produce_fault produce_fault_of(rd_kafka_resp_err_t error);
/** An error of a single record; the broker refuses the whole batch for it. */
static inline bool produce_fault_is_record(enum produce_fault fault)
{
    return fault == PRODUCE_FAULT_SIZE || fault == PRODUCE_FAULT_TIMESTAMP ||
           fault == PRODUCE_FAULT_RECORD;
}
/** What a person can do about it. */
const char *produce_way_out(rd_kafka_resp_err_t error);

#endif /* KAFKA_PRODUCE_ERRORS_H */
