/**
 * blocked - the reasons why a partition is paused. Each has a name in metrics, log and status.
 *
 * Constants; any thread.
 */
#ifndef EVENT_BLOCKED_H
#define EVENT_BLOCKED_H

#include "base/base.h"

/* Why a partition is not being taken: detour_partition_blocked{reason}. */
enum block_reason {
    BLOCK_IN_FLIGHT_EVENTS, /* in_flight.events reached (whole worker) */
    BLOCK_IN_FLIGHT_BYTES,
    BLOCK_WINDOW,          /* too far ahead of one unsettled event */
    BLOCK_SCHEMA_REGISTRY, /* events wait for an unknown schema id */
    BLOCK_DEAD_LETTER,     /* the dead-letter topic cannot be written */
    BLOCK_ALTERNATE,       /* an alternate topic cannot be written */
    BLOCK_LEDGER,          /* the ledger cannot be written */
    BLOCK_GAP,             /* on_gap: halt */
    BLOCK_END,             /* a replay has read what it is to read */
    BLOCK_BACKFILL,        /* a backfill waits, for its destination or an operator */
    /* the Kafka client's errors: kafka/client_errors.c */
    BLOCK_UNREADABLE,    /* its next records cannot be read: compression, size, checksum, format */
    BLOCK_AUTHORIZATION, /* a right is missing */
    BLOCK_TOPIC,         /* the topic is not there, or refuses what is asked */
    BLOCK_CLIENT,        /* an error without a rule */
    BLOCK_REASON_COUNT,
};
const char *block_word(enum block_reason reason);

#endif /* EVENT_BLOCKED_H */
