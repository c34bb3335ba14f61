#include "recovery/dlq.h"

static const struct command *const dlq_commands[] = {
    &dlq_ls_command,   &dlq_show_command, &dlq_stats_command,
    &dlq_tail_command, &dlq_skip_command, &dlq_purge_command,
};

const struct command dlq_command = {
    .name = "dlq",
    .summary = "dead letters: ls, show, stats, tail, skip, purge",
    .about = "What is in the dead-letter topic, and why. Records are read outside the consumer "
             "group, and "
             "only purge changes the topic.",
    .exits = "0 found, 1 nothing found, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .commands = dlq_commands,
    .command_count = COUNT_OF(dlq_commands),
};
