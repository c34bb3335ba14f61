/**
 * status_services - the parts of the status about Kafka, the registry and the partitions held
 * (status.h has the keys).
 *
 * For the admin thread. The caller owns what is returned. Nothing fails: what is unknown is
 * null.
 */
#ifndef OBSERVE_STATUS_SERVICES_H
#define OBSERVE_STATUS_SERVICES_H

#include <jansson.h>

#include "kafka/cluster.h"
#include "observe/metrics.h"

struct catalog;

/** @cluster may be NULL. */
json_t *status_kafka(struct cluster *cluster, uint64_t now_ms, int64_t wall_ms);
/** null where there is none. */
json_t *status_registry(struct catalog *catalog, uint64_t now_ms, int64_t wall_ms);
json_t *status_partitions(const struct metrics *metrics, uint64_t now_ms, int64_t wall_ms);

#endif /* OBSERVE_STATUS_SERVICES_H */
