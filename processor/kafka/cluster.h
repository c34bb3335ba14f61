/**
 * cluster - what the process knows of the Kafka cluster: do brokers answer, where the partitions
 * it holds end, and which errors of its clients stand.
 *
 * A thread of its own asks the brokers every two seconds, so that a worker never waits: for the
 * source topics, and for each partition held its last stable offset (what can be read) and its
 * high watermark (what is there). A client's cached watermarks say neither: they stand still with
 * a paused partition, a dead broker and an idle one. When nobody answers, figures stay as they
 * were and grow old.
 *
 * Workers report once a second; the admin endpoint looks.
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

/** A worker's partitions and errors; its partitions' marks into @marks (@count of them). */
void cluster_report(struct cluster *cluster, unsigned worker,
                    struct source_partition *const *partitions, size_t count,
                    const struct active_errors *consumer, const struct active_errors *producer,
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
