/**
 * job_record - what an operator's job writes to the ledger: that it began, how it ended
 * (docs/ledger.md, "Jobs").
 *
 * One thread; waits up to 35 s for the brokers. Errors: ERR_NET when the ledger's topic does not
 * take the record.
 */
#ifndef RECOVERY_JOB_RECORD_H
#define RECOVERY_JOB_RECORD_H

#include <jansson.h>

#include "ledger/ledger.h"
#include "recovery/filter.h"

struct job_record {
    const char *job;   /* "skip", "replay" */
    const char *name;  /* of this one */
    const char *state; /* "started", "ended", "stopped" */
    const char *topic;
    const char *because;     /* NULL: nothing is said */
    const json_t *selection; /* borrowed, as the next two */
    const json_t *counts;    /* NULL: {} */
    const json_t *ends;      /* by partition, where it reads to; NULL: not told */
    const json_t *records;   /* runs of offsets by partition; NULL: none are told */
};

NODISCARD enum err_code job_record_write(struct ledger *ledger, const struct config *config,
                                         const struct job_record *record, struct err *err);
/** The selection as it may stand on the ledger: of keys, ids and the condition, which may be
 * personal, how many there are. The caller owns it. */
json_t *job_selection(const struct filter *filter);

#endif /* RECOVERY_JOB_RECORD_H */
