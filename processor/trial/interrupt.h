/**
 * interrupt - Ctrl-C for commands without threads of their own: a flag that loops look at.
 *
 * One owner for the process; the handler does nothing but set the flag.
 */
#ifndef TRIAL_INTERRUPT_H
#define TRIAL_INTERRUPT_H

#include "base/base.h"

/** Catch SIGINT and SIGTERM: interrupt_is_pending() turns true; one that comes a second later or
 * more ends the process. SIGHUP is the same when standard input is a terminal, which was closed
 * then; otherwise it is ignored. Until now all three were blocked (base/signals.h). */
void interrupt_catch(void);
bool interrupt_is_pending(void);

#endif /* TRIAL_INTERRUPT_H */
