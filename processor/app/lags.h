/**
 * lags - once a second, what a worker's partitions still hold, what they wait for and how old it
 * is: into the metrics, and to the watch of the cluster, which says where they end.
 *
 * One worker owns it, on its thread. Nothing fails: a lag that is unknown is absent.
 */
#ifndef APP_LAGS_H
#define APP_LAGS_H

#include "app/io_real.h"
#include "deliver/deliverer.h"
#include "kafka/cluster.h"

/* Where a partition stood when it last moved. */
struct lags_place {
    const struct source_partition *partition;
    int64_t position;
    uint64_t since_ms;
};

/* One worker's. Zeroed at first. */
struct lags {
    struct cluster_mark *marks; /* owned */
    struct lags_place *places;  /* owned */
    size_t count;               /* room of both */
    uint64_t walk_at_ms;
    uint64_t in_flight_age_ms;
    uint64_t oldest_ms; /* as last reported */

    const struct source_partition **kept; /* owned; see lags_revoke() */
    size_t kept_count;
    uint64_t kept_at_ms;
    uint64_t up_at_ms;       /* brokers answer again; 0: not yet */
    uint64_t kept_oldest_ms; /* oldest_ms then */
};

/** Returns how many partitions there are. */
size_t lags_report(struct lags *lags, const struct io_real *io, struct deliverer *d,
                   struct cluster *cluster);
/** The partitions go. Lost because no broker answers, they are nobody's: what was known of them
 * last stands until partitions are given out again. */
void lags_revoke(struct lags *lags, struct deliverer *d, struct cluster *cluster,
                 struct source_partition *const *partitions, size_t count);
void lags_fini(struct lags *lags);

#endif /* APP_LAGS_H */
