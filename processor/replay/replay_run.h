/**
 * replay_run - carries a replay out: a worker of its own with the job, and whoever waits for it.
 *
 * Loads the configuration anew, with its secrets, and changes what a replay has for itself: the
 * group, the topic, one worker, a quarter of each rate (live events go first). SIGINT and SIGTERM
 * end it as they end the processor; the same command goes on where it stood.
 *
 * Main thread. Errors are printed; the exit code is returned.
 */
#ifndef REPLAY_REPLAY_RUN_H
#define REPLAY_REPLAY_RUN_H

#include <jansson.h>

#include "replay/replay_job.h"
#include "replay/replay_preview.h"

struct replay_options {
    const char *config_path, *topic, *name;
    const struct preview *preview;
    struct replay_rules
        rules;            /* its configuration is the file's as it is; the runner has its own */
    const char *to_topic; /* NULL: through the pipeline */
    double per_second;
    uint64_t limit;
    bool is_persistent;
};

struct replay_result {
    enum job_state state;
    char why[320];
    bool is_stopped; /* by a signal */
    uint64_t selected, delivered, diverted, dead_lettered, dropped;
    uint64_t skipped[SKIP_COUNT];
};

/** EXIT_CODE_OK: it ran, and *result says how far. */
int replay_run(const struct replay_options *options, struct replay_result *result);

#endif /* REPLAY_REPLAY_RUN_H */
