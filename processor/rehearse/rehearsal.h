/**
 * rehearsal - a trace run to its end, and what came of it.
 */
#ifndef REHEARSE_REHEARSAL_H
#define REHEARSE_REHEARSAL_H

#include <stdio.h>

#include "base/progress.h"
#include "rehearse/summary.h"
#include "rehearse/timeline.h"
#include "rehearse/traffic.h"

struct rehearsal {
    const char *config_path, *trace_path; /* as given; for what is printed */
    uint64_t seed;
    const struct config *config;
    struct trace *trace;        /* borrowed; its rules count how often they applied */
    struct pipeline *pipeline;  /* owned */
    struct metrics *metrics;    /* owned */
    struct traffic *traffic;    /* owned */
    struct world *world;        /* owned */
    struct source_topic *topic; /* owned */
    struct summary summary;
    struct timeline *timeline; /* owned */
    uint64_t settled_ms;       /* when nothing was in flight any more; 0: still something is */
    uint64_t produced, dropped, in_flight; /* events */
    struct progress *progress;             /* borrowed, of virtual milliseconds; may be NULL */
};

/** What is set up by the caller: paths, seed, progress. Keeps @config and @trace. False: what is
 * wrong is in @diags. */
bool rehearsal_open(struct rehearsal *rehearsal, const struct config *config, struct trace *trace,
                    struct diags *diags);
void rehearsal_run(struct rehearsal *rehearsal);
void rehearsal_close(struct rehearsal *rehearsal);

/** Two tables, at most 80 columns wide. */
void rehearsal_print(struct rehearsal *rehearsal, FILE *out, bool is_colour);
/** One document: docs/rehearse.md. */
void rehearsal_print_json(struct rehearsal *rehearsal, FILE *out);

#endif /* REHEARSE_REHEARSAL_H */
