/**
 * run - `detour run -c FILE`: the processor in the foreground.
 *
 * Everything that can be wrong is looked at before anything starts: configuration,
 * schemas, brokers, source topics, registry. SIGTERM and SIGINT stop it within
 * shutdown.drain; a second one, or the deadline, ends it hard: the offsets are right
 * whenever it dies.
 */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "config/command.h"

extern const struct command run_command;

#endif /* APP_RUN_H */
