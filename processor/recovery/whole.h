/**
 * whole - the original record of a dead letter: key, value and headers, put together from its parts
 * where it is in parts.
 *
 * The parts are looked for in the topic from an hour before the one that is known. Bounded: 64 MiB
 * in all. One thread; the result borrows from the record where it is whole.
 */
#ifndef RECOVERY_WHOLE_H
#define RECOVERY_WHOLE_H

#include "kafka/topic_scan.h"
#include "recovery/record.h"

struct whole {
    struct span key, value;      /* ptr NULL: none */
    rd_kafka_headers_t *headers; /* owned: the original record's */
    char *bytes;                 /* owned; NULL where it borrows */
};

/** @record: whole, or any of the parts. ERR_DATA: not all parts are in the topic, or they do not
 * fit together; ERR_NET: Kafka does not answer. @out is to be freed on success only. */
NODISCARD enum err_code whole_of(const struct config *config, const struct record *record,
                                 struct whole *out, struct err *err);
void whole_fini(struct whole *whole);

/** The headers of a "headers" piece: [{"name": ..., "value": BASE64 or null}, ...]. NULL: it is
 * none. For tests too. */
rd_kafka_headers_t *whole_headers_of(struct span json);

#endif /* RECOVERY_WHOLE_H */
