/**
 * cluster - the state of the Kafka cluster: whether brokers answer, where the assigned partitions
 * end, and which errors the clients of this process have.
 *
 * It has one thread, which asks the brokers every 2 s, so that no worker waits: for the source
 * topics, and for each assigned partition its last stable offset and its high watermark. The cached
 * watermarks of a client do not help: they do not change for a paused or idle partition, or when
 * the broker is down. While no broker answers, the last values are kept and their age grows.
 *
 * Every worker reports once a second, the admin thread reads; a lock guards both. The process owns
 * it from start to end. Only cluster_start() can fail (ERR_CONFIG, or no thread); errors of brokers
 * are part of the view.
 *
 * Vocabulary
 *    stable - offsets below it can be read; above it a transaction may be open
 *    high   - the next record's offset
 */
#ifndef KAFKA_CLUSTER_H
#define KAFKA_CLUSTER_H

#include "config/config.h"
#include "kafka/active_errors.h"
#include "kafka/source.h"

struct cluster;

/* Where a partition ends. */
struct cluster_mark {
    int64_t stable, high;
    uint64_t at_ms;   /* monotonic: when the broker said so; 0: never yet */
    uint64_t open_ms; /* since when an open transaction holds back the same records; 0: none */
};

struct cluster *cluster_new(const struct config *config);
/** Start asking. @config outlives it. */
NODISCARD enum err_code cluster_start(struct cluster *cluster, struct err *err);
void cluster_free(struct cluster *cluster);

/* What a worker reports, once a second; borrowed. */
struct cluster_report {
    struct source_partition *const *partitions;
    size_t count;
    const struct active_errors *consumer;
    const struct active_errors *producer;
};

/** Take the report of @worker; the ends of its partitions go into @marks (report->count of them).
 */
void cluster_report(struct cluster *cluster, unsigned worker, const struct cluster_report *report,
                    struct cluster_mark *marks);

enum { CLUSTER_ERRORS_MAX = 32 };

struct cluster_error {
    enum client_role from;
    unsigned worker;
    struct active_error active;
};

struct cluster_view {
    bool is_up;
    uint64_t since_ms;                   /* monotonic: since when it is up, or down */
    char error[ACTIVE_ERROR_TEXT_BYTES]; /* why not; "" while it is up */
    struct cluster_error errors[CLUSTER_ERRORS_MAX];
    size_t error_count, errors_unseen; /* beyond the room */
};

void cluster_look(struct cluster *cluster, struct cluster_view *out);
bool cluster_is_up(struct cluster *cluster);
/** May events be taken, as far as brokers, rights and the group go? Why not into @why. */
bool cluster_is_ready(struct cluster *cluster, struct buf *why);

#endif /* KAFKA_CLUSTER_H */
