/**
 * read_config - the configuration for a command that only reads: secrets need not be there.
 *
 * Main thread. What is wrong with the file is printed on stderr, all of it.
 */
#ifndef RECOVERY_READ_CONFIG_H
#define RECOVERY_READ_CONFIG_H

#include "config/config.h"

/** NULL: it is wrong (EXIT_CODE_USAGE). The caller frees it. */
struct config *read_config(const char *path);

#endif /* RECOVERY_READ_CONFIG_H */
