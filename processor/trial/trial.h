/** trial - the commands of the trial world. */
#ifndef TRIAL_TRIAL_H
#define TRIAL_TRIAL_H

#include "config/command.h"

extern const struct command generate_command;
extern const struct command simulate_command;
extern const struct command sandbox_command;
/* Hidden: the sandbox's embedded broker as a child process. */
extern const struct command mock_broker_command;

#endif /* TRIAL_TRIAL_H */
