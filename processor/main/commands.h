/**
 * commands - every command of the program, as tables: what `detour --help` lists, and what a manual
 * page or a shell completion is written from.
 *
 * Constant tables.
 */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include "config/command.h"

enum { COMMANDS_MAX = 64 };

/* In the order of `detour --help`; those without a summary are not for people. */
extern const struct command *const commands[];
extern const size_t command_count; /* <= COMMANDS_MAX */

#endif /* MAIN_COMMANDS_H */
