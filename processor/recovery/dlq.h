/**
 * dlq - `detour dlq ls | show | stats | tail`: what is in a dead-letter topic. Nothing is written
 * or deleted by these; `skip` writes to the ledger, `purge` removes the records of one event. Each
 * command is a table of its options and a function (config/command.h).
 */
#ifndef RECOVERY_DLQ_H
#define RECOVERY_DLQ_H

#include "config/command.h"

extern const struct command dlq_command;
extern const struct command dlq_ls_command;
extern const struct command dlq_show_command;
extern const struct command dlq_stats_command;
extern const struct command dlq_tail_command;
extern const struct command dlq_skip_command;
extern const struct command dlq_purge_command;

#endif /* RECOVERY_DLQ_H */
