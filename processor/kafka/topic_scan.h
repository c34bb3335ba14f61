/**
 * topic_scan - reads a topic from a time or an offset to the end it has at the start.
 *
 * Not in the consumer group: it never joins, commits nothing and disturbs nobody. Where a
 * partition begins is asked of the broker by time, so that what is older is not read. Its end is
 * the end of what is committed; a partition is finished when a record at its end came, or the
 * broker says that there is none left (aborted transactions and compaction leave gaps).
 *
 * Memory: the record at hand, and what the client library has fetched ahead: it stops at 16 MiB of
 * records, and a fetch brings 256 KiB of a partition, compressed.
 *
 * One thread. Errors: ERR_NET when Kafka does not answer within 10 s (15 s once it did), ERR_ABSENT
 * when the topic or the partition is not there, ERR_STATE when it must not be read or cannot.
 */
#ifndef KAFKA_TOPIC_SCAN_H
#define KAFKA_TOPIC_SCAN_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"

struct topic_scan;

struct scan_range {
    int64_t since_ms;  /* of the records' timestamps; -1: from the first record on. Older ones may
                          come as well: always where the broker does not search by time */
    int32_t partition; /* -1: all */
    int64_t from, to;  /* of that partition: the first offset, and behind the last; -1: as above */
    bool is_following; /* it has no end, and begins at the present one unless since_ms says more */
};

/* Everything there is now. */
#define SCAN_ALL ((struct scan_range){.since_ms = -1, .partition = -1, .from = -1, .to = -1})

enum scan_step {
    SCAN_RECORD, /* the caller destroys it */
    SCAN_WAIT,   /* none came for a tenth of a second: call again */
    SCAN_END,
    SCAN_FAILED,
};

NODISCARD enum err_code topic_scan_open(const struct config *config, const char *topic,
                                        const struct scan_range *range, struct topic_scan **out,
                                        struct err *err);
/** @err is set with SCAN_FAILED. */
enum scan_step topic_scan_next(struct topic_scan *scan, rd_kafka_message_t **message,
                               struct err *err);
/** How many offsets are to be read, and are read: what a progress bar shows. */
uint64_t topic_scan_total(const struct topic_scan *scan);
uint64_t topic_scan_done(const struct topic_scan *scan);
/** The offsets that @partition holds, asked at the start; false: there is no such partition. */
bool topic_scan_bounds(const struct topic_scan *scan, int32_t partition, int64_t *first,
                       int64_t *end);
/** Partitions are numbered from 0. */
int32_t topic_scan_partitions(const struct topic_scan *scan);
void topic_scan_close(struct topic_scan *scan); /* may be NULL */

#endif /* KAFKA_TOPIC_SCAN_H */
