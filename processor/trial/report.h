/** report - what commands of the trial world print alike. */
#ifndef TRIAL_REPORT_H
#define TRIAL_REPORT_H

#include "base/buf.h"
#include "base/diag.h"

/** The exit code of an error: 2 for what the user wrote, 3 for a service, 1 otherwise. */
int report_exit_code(enum err_code code);
/** Catch SIGINT and SIGTERM: report_is_stopping() turns true, a second one ends the process. */
void report_catch_signals(void);
bool report_is_stopping(void);

#endif /* TRIAL_REPORT_H */
