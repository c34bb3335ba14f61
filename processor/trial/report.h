/** report - what commands of the trial world print alike. */
#ifndef TRIAL_REPORT_H
#define TRIAL_REPORT_H

#include "base/buf.h"
#include "base/diag.h"

struct option; /* getopt.h */

/* What the value of an option has to be, for people. */
struct option_wish {
    int key;
    const char *wants; /* NULL: the end of the list */
};

/** The exit code of an error: 2 for what the user wrote, 3 for a service, 1 otherwise. */
int report_exit_code(enum err_code code);
/** ERR_USAGE: "--bad wants a share from 0% to 100%, not 10". @value may be NULL: not to be shown.
 */
NODISCARD enum err_code report_wrong_value(const struct option *options,
                                           const struct option_wish *wishes, int key,
                                           const char *value, struct err *err);
/** Catch SIGINT and SIGTERM: report_is_stopping() turns true; one that comes a
 * second later or more ends the process. */
void report_catch_signals(void);
bool report_is_stopping(void);

#endif /* TRIAL_REPORT_H */
