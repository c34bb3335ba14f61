/**
 * record_headers - what is said of a diverted record or a dead letter: its headers, its line in the
 * log.
 */
#ifndef DELIVER_RECORD_HEADERS_H
#define DELIVER_RECORD_HEADERS_H

#include "deliver/deliverer.h"
#include "kafka/headers.h"

/** Its headers: @original (may be NULL) and ours; to be freed. */
NODISCARD rd_kafka_headers_t *record_headers(struct deliverer *d, const struct leg *leg,
                                             const rd_kafka_headers_t *original, bool is_connect);
/** Those of a record whose first destination its topic is: delivered, not diverted. */
NODISCARD rd_kafka_headers_t *record_copy_headers(const struct deliverer *d, const struct leg *leg,
                                                  const rd_kafka_headers_t *original);
/** Who did not take it; NULL: it never got so far as to have a destination. */
const struct config_destination *record_fault(const struct leg *leg);
/** It is a dead letter now: a line in the log. */
void record_log_dead_letter(struct deliverer *d, const struct leg *leg);

#endif /* DELIVER_RECORD_HEADERS_H */
