/**
 * traffic - the events of a trace, generated for the configured reader schemas, as they come.
 *
 * Arrivals are random (Poisson) from the world's seed. Each event is a record of its own:
 * id, time, type, and value where the trace gives one; the rest is as `detour generate` makes it.
 */
#ifndef REHEARSE_TRAFFIC_H
#define REHEARSE_TRAFFIC_H

#include "rehearse/source_topic.h"
#include "rehearse/trace.h"

struct traffic;

/** Keeps @trace and @pipeline. NULL when an event of the trace cannot be made: in @diags. */
struct traffic *traffic_new(const struct trace *trace, const struct pipeline *pipeline,
                            int64_t wall_ms, struct diags *diags);
void traffic_free(struct traffic *traffic);
/** From now on they come. The tag of an event is its line in the trace. */
void traffic_begin(struct traffic *traffic, struct world *world, struct source_topic *topic,
                   int32_t partitions);
uint64_t traffic_produced(const struct traffic *traffic, size_t line);

#endif /* REHEARSE_TRAFFIC_H */
