/**
 * cluster_inside - what cluster.c (reports and views) and cluster_ask.c (the thread that asks the
 * brokers) share. Nobody else includes this. Ownership, threads and errors are those of cluster.h.
 */
#ifndef KAFKA_CLUSTER_INSIDE_H
#define KAFKA_CLUSTER_INSIDE_H

#include <pthread.h>

#include "kafka/cluster.h"

struct cluster_held {
    char *topic; /* owned */
    int32_t partition;
    struct cluster_mark mark;
    uint64_t told_ms; /* of its open transaction */
};

struct cluster_worker {
    struct cluster_held *held; /* owned */
    size_t count;
    uint64_t generation; /* grows with each change of what is held */
    struct active_errors consumer, producer;
};

struct cluster {
    const struct config *config;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t is_wanted;
    struct cluster_worker *workers; /* owned; config->workers of them */
    bool is_stopping, is_new;       /* is_new: partitions came that were never asked for */
    bool is_up;
    uint64_t since_ms;
    char error[ACTIVE_ERROR_TEXT_BYTES];
    struct active_errors own; /* errors the thread itself has met */

    pthread_t thread;
    bool has_thread;
    /* the thread's own, made before it */
    rd_kafka_t *stable, *high; /* owned: read_committed and read_uncommitted */
    rd_kafka_topic_t **topics; /* owned; the sources, of `stable` */
    rd_kafka_resp_err_t met;   /* by its clients since the last round */
    char met_text[ACTIVE_ERROR_TEXT_BYTES];
    uint64_t single_at_ms; /* when one broker could not be used, though others answer */
};

void *cluster_serve(void *context);
NODISCARD enum err_code cluster_open_clients(struct cluster *cluster, struct err *err);
void cluster_close_clients(struct cluster *cluster);

#endif /* KAFKA_CLUSTER_INSIDE_H */
