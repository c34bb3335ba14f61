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

/** Exit codes as the contract says: 0 stopped, 1 ended hard, 2 usage or configuration, 3 not
 * reachable. */
int run_command(int argc, char **argv);

#endif /* APP_RUN_H */
