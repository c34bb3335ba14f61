/** outages - `detour outages` and `detour outages show ID`: the outages on the ledger. */
#ifndef RECOVERY_OUTAGES_H
#define RECOVERY_OUTAGES_H

#include "config/command.h"

extern const struct command outages_command;

#endif /* RECOVERY_OUTAGES_H */
