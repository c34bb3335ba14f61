/**
 * run - `detour run -c FILE`: the processor in the foreground.
 *
 * Configuration, schemas, brokers, source topics and registry are checked before anything starts.
 * SIGTERM and SIGINT stop the process within shutdown.drain. A second signal, or the end of that
 * time, ends it at once: the committed offsets are right at any moment.
 *
 * The main thread owns the shared state (health, metrics, cluster, catalog) and the workers, and
 * waits for signals. Exit code 0: stopped; 1: ended at once; 2: configuration; 3: Kafka, or a
 * worker that cannot continue.
 */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "config/command.h"

extern const struct command run_command;

#endif /* APP_RUN_H */
