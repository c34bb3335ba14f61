/**
 * distinct - how many different records there are, exactly, in bounded memory: pass by pass.
 *
 * A set of hashes that holds 6 million takes 64 MiB and never grows. Of more records each pass
 * takes a share, chosen by the hash, and the topics are read again for each: a copy has the hash of
 * its original, so both are of one pass. Two different records with one hash of 64 bits would count
 * as one: among 6 million that happens once in a million runs.
 *
 * One thread owns it. No errors but ERR_LIMIT, should the hashes not be spread.
 */
#ifndef RECOVERY_DISTINCT_H
#define RECOVERY_DISTINCT_H

#include "base/err.h"

struct distinct;

/** @most: hashes of one pass; 0: 6 million. */
NODISCARD struct distinct *distinct_new(size_t most);
void distinct_free(struct distinct *distinct); /* may be NULL */
/** How many passes @records take; 1 at least. */
unsigned distinct_passes(const struct distinct *distinct, uint64_t records);
/** Begin pass @pass of @passes, counted from 0. */
void distinct_begin(struct distinct *distinct, unsigned pass, unsigned passes);
/** True: @hash is of this pass, and it did not come before. */
bool distinct_add(struct distinct *distinct, uint64_t hash);
/** Whether there was room for all. */
NODISCARD enum err_code distinct_end(const struct distinct *distinct, struct err *err);

#endif /* RECOVERY_DISTINCT_H */
