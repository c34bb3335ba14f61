/**
 * check - `detour check -c FILE`: is the configuration right, and, with --online, does
 * the world fit it.
 *
 * Every error is looked for, not just the first: what can be read of a broken file goes
 * on to the schemas, maps and matches. --online adds brokers, topics, the registry and
 * each credential.
 *
 * Exit code 0: no error; 1: errors in the configuration, or with --strict warnings; 2: wrong
 * usage; 3: a service cannot be reached.
 */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "config/command.h"

extern const struct command check_command;

#endif /* APP_CHECK_H */
