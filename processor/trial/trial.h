/**
 * trial - the trial world's commands: generate, simulate, sandbox.
 *
 * Each takes the words of the command line from its own name on (argv[0] is the
 * command) and gives the exit code: 0 ok, 1 the answer is no, 2 wrong usage or
 * configuration, 3 a service it needs is not reachable.
 */
#ifndef TRIAL_TRIAL_H
#define TRIAL_TRIAL_H

#include "base/base.h"

enum { EXIT_CODE_OK = 0, EXIT_CODE_NO = 1, EXIT_CODE_USAGE = 2, EXIT_CODE_NET = 3 };

int generate_command(int argc, char **argv);
int simulate_command(int argc, char **argv);
int sandbox_command(int argc, char **argv);
/** Hidden: `mock-broker`, the sandbox's embedded broker as a child process. */
int mock_broker_command(int argc, char **argv);

#endif /* TRIAL_TRIAL_H */
