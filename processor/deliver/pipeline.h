/**
 * pipeline - a configuration compiled: everything an event's way needs that never changes.
 *
 * Built once, shared by all workers, immutable. Commands that only explain or check
 * build it too; nothing here talks to a network except pipeline_connect().
 */
#ifndef DELIVER_PIPELINE_H
#define DELIVER_PIPELINE_H

#include "config/config.h"
#include "destinations/destination.h"
#include "observe/metrics.h"
#include "route/route_table.h"
#include "schema/catalog.h"

struct pipeline {
    const struct config *config; /* borrowed; outlives the pipeline */
    struct catalog *catalog;
    const struct readers *readers;
    struct event_paths paths;
    struct route_table *routes;
    struct destination *destinations; /* by index in the config */
    int32_t source_partitions;        /* of all source topics, as of the start; 0: not known */
    char instance[128];               /* host:pid, for detour.instance */
};

/** NULL when something does not fit; all of it is in @diags. */
struct pipeline *pipeline_compile(const struct config *config, struct diags *diags);
void pipeline_free(struct pipeline *pipeline);
/** Start the registry client and register what we write. ERR_NET when it is not reachable. */
NODISCARD enum err_code pipeline_connect(struct pipeline *pipeline, struct err *err);
/** Event types that routes name have series from the start. */
void pipeline_expect(const struct pipeline *pipeline, struct metrics *metrics);
size_t pipeline_index(const struct pipeline *pipeline,
                      const struct config_destination *destination);

#endif /* DELIVER_PIPELINE_H */
