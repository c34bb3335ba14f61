/**
 * told - what detour's own commands say of a run that is over: `reconcile` and `replay list`, read
 * as a script would read them.
 *
 * The sandbox compares it with its own count. Runs in the folder of detour.yaml, waits. One thread.
 */
#ifndef TRIAL_TOLD_H
#define TRIAL_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "trial/audit.h"

struct told {
    bool is_ok; /* reconcile: it balances */
    uint64_t consumed, delivered, diverted, dead_lettered, dropped, in_flight, unaccounted;
    uint64_t replayed;   /* delivered or diverted by replays that are on the ledger */
    uint64_t backfilled; /* of the diverted legs */
};

/** ERR_STATE when a command does not end, or its answer cannot be read. */
NODISCARD enum err_code told_read(struct told *out, struct err *err);
/** It says of the events, class by class, what was @found. */
bool told_agrees(const struct told *told, const struct audit_balance *found);

#endif /* TRIAL_TOLD_H */
