/**
 * blame - whose fault it is that a record was not written, and what helps.
 *
 * One table of the errors of producing. Whatever is the topic's, the cluster's or our rights'
 * passes by itself or by somebody's hand: the record waits, and its partition with it, by name.
 * What is the record's own no waiting mends: it is changed, or takes another way.
 *
 * A constant table: any thread. An error without a row counts as the topic's, so that the
 * record waits and is not lost.
 */
#ifndef KAFKA_BLAME_H
#define KAFKA_BLAME_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

enum blame {
    BLAME_TOPIC,     /* or the cluster, or what we may do there; also what nobody knows */
    BLAME_CLIENT,    /* our producer: a new one sends it again */
    BLAME_SIZE,      /* the record, or its batch, is larger than the topic takes */
    BLAME_TIMESTAMP, /* the record's is out of the topic's bounds */
    BLAME_RECORD,    /* something else about the record */
};

enum blame blame_of(rd_kafka_resp_err_t error);
/** Is it one that speaks of a single record, of a batch in which others may be innocent? */
static inline bool blame_is_record(enum blame blame)
{
    return blame == BLAME_SIZE || blame == BLAME_TIMESTAMP || blame == BLAME_RECORD;
}
/** What a person can do about it. */
const char *blame_way_out(rd_kafka_resp_err_t error);

#endif /* KAFKA_BLAME_H */
