/**
 * witness - reads the alternate and the dead-letter topic as they are written, and tells
 * the audit which source record each of theirs came from.
 *
 * Reads on its own, not in a group, from the beginning. A gap in the offsets means that
 * the broker dropped records before they were read: then nothing can be proved.
 */
#ifndef TRIAL_WITNESS_H
#define TRIAL_WITNESS_H

#include "base/err.h"
#include "config/config.h"
#include "trial/audit.h"

enum { WITNESS_REASONS_MAX = 32 };

struct witness_reason {
    char reason[32];
    enum audit_topic topic;
    uint64_t count;
};

struct witness;

/** Keeps @audit. ERR_NET when the topics cannot be read. */
NODISCARD enum err_code witness_open(const struct config *config, const char *alternate,
                                     const char *dead_letter, struct audit *audit,
                                     struct witness **out, struct err *err);
/** Take what is there, a bounded amount. True when there may be more at once. */
bool witness_turn(struct witness *witness);
/** Read on to the present end of both topics. ERR_NET when that is not reached within
 * @timeout_ms, ERR_DATA when the broker dropped records unread. */
NODISCARD enum err_code witness_finish(struct witness *witness, uint64_t timeout_ms,
                                       struct err *err);
/** How many records of which reason. */
const struct witness_reason *witness_reasons(const struct witness *witness, size_t *count);
void witness_close(struct witness *witness);

#endif /* TRIAL_WITNESS_H */
