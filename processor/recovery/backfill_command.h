/**
 * backfill_command - `detour backfill status`, `pause`, `resume`: what is being backfilled, from
 * the ledger, the groups' offsets and the topics' ends; and orders to the processors that do it,
 * as job records on the ledger (recovery/backfill_orders.h).
 */
#ifndef RECOVERY_BACKFILL_COMMAND_H
#define RECOVERY_BACKFILL_COMMAND_H

#include "config/command.h"

extern const struct command backfill_command;

#endif /* RECOVERY_BACKFILL_COMMAND_H */
