/**
 * rehearse - `detour rehearse -c FILE TRACE.yaml`: a failure trace against the user's own
 * table, on a virtual clock, with the code that runs.
 */
#ifndef REHEARSE_REHEARSE_H
#define REHEARSE_REHEARSE_H

#include "config/command.h"

extern const struct command rehearse_command;

#endif /* REHEARSE_REHEARSE_H */
