/** report - what commands of the trial world print alike. */
#ifndef TRIAL_REPORT_H
#define TRIAL_REPORT_H

#include "base/buf.h"
#include "base/diag.h"

/** Catch SIGINT and SIGTERM: report_is_stopping() turns true; one that comes a
 * second later or more ends the process. */
void report_catch_signals(void);
bool report_is_stopping(void);

#endif /* TRIAL_REPORT_H */
