/**
 * runner - runs the sandbox: traffic while the scenario (trial/scenario.h) goes through its phases,
 * or until a signal (--interactive); then everything settles and is counted, event by event, and
 * compared with the ledger. What the processor says of its destination's health is told as it
 * changes. One thread.
 */
#ifndef TRIAL_RUNNER_H
#define TRIAL_RUNNER_H

#include "trial/audit.h"
#include "trial/environment.h"
#include "trial/scenario.h"
#include "trial/show.h"
#include "trial/told.h"

struct runner_options {
    uint64_t seconds; /* of traffic, all phases together */
    double rate;      /* events a second */
    double bad;       /* share of records that do not decode */
    double no_consent;
    uint64_t seed;
    bool is_interactive;
};

struct runner_result {
    struct audit *audit; /* owned; where each event ended */
    struct audit_balance balance;
    struct scenario scenario;           /* how each phase went */
    uint64_t consumed, dropped_counted; /* as the processor says */
    struct told told;                   /* as the books say */
    bool has_failed_command;            /* of those after the end */
    uint64_t duration_ms;
    bool has_settled;
    bool is_cut_short; /* a signal ended the traffic early; what was produced is still counted */
};

/** Run in @environment, whose processor is ready. ERR_* when it did not come to its end. */
NODISCARD enum err_code runner_run(struct environment *environment,
                                   const struct runner_options *options, struct show *show,
                                   struct runner_result *out, struct err *err);
void runner_result_fini(struct runner_result *result);

#endif /* TRIAL_RUNNER_H */
