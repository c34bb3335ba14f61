/**
 * replay_audit - a job's records on the ledger: before its first send and after its last
 * (docs/ledger.md), and whether somebody else runs it now.
 *
 * The caller's thread waits for the brokers.
 */
#ifndef REPLAY_REPLAY_AUDIT_H
#define REPLAY_REPLAY_AUDIT_H

#include "config/config.h"

/* Which job; texts are borrowed. */
struct audit_job {
    struct span group; /* the processor's */
    const char *name;
    size_t partitions;
};

/** The end offsets of @name where it was begun and has neither ended nor been cancelled: into
 * @ends, of so many partitions. Reads the ledger. False: there is no such job, or it has ended;
 * errors are told apart by *rc. */
bool audit_unfinished(const struct config *config, const struct audit_job *job, int64_t *ends,
                      enum err_code *rc, struct err *err);
/** The members of @group now, as text in @who: "detour-0 on /10.0.0.7"; "" when there are none.
 * ERR_NET when the brokers do not say. */
NODISCARD enum err_code audit_members(const struct config *config, struct span group,
                                      struct buf *who, struct err *err);

#endif /* REPLAY_REPLAY_AUDIT_H */
