#include "main/commands.h"

#include "app/check.h"
#include "app/run.h"
#include "app/status_command.h"
#include "app/topics_command.h"
#include "export/export.h"
#include "recovery/backfill_command.h"
#include "recovery/dlq.h"
#include "recovery/outages.h"
#include "recovery/reconcile.h"
#include "rehearse/rehearse.h"
#include "replay/replay.h"
#include "trial/trial.h"

const struct command *const commands[] = {
    &run_command,      &sandbox_command,  &check_command,       &topics_command,
    &rehearse_command, &status_command,   &dlq_command,         &replay_command,
    &backfill_command, &export_command,   &outages_command,     &reconcile_command,
    &generate_command, &simulate_command, &mock_broker_command,
};

const size_t command_count = COUNT_OF(commands);
