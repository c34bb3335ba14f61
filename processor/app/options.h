/**
 * options - the few command-line options all commands that read a configuration share.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "base/diag.h"

/** Print every diagnostic as file:line:column: message on stderr. */
void print_diags(const struct diags *diags);

#endif /* APP_OPTIONS_H */
