/**
 * offset_runs - which records of a topic a decision is about: runs of offsets by partition, as they
 * stand on the ledger (docs/ledger.md, "Jobs").
 *
 * Bounded by what the caller allows. Owned by whoever made it; one thread; cannot fail.
 */
#ifndef RECOVERY_OFFSET_RUNS_H
#define RECOVERY_OFFSET_RUNS_H

#include <jansson.h>

#include "base/base.h"

/* Offsets from..to-1 of a partition. */
struct offset_stretch {
    int32_t partition;
    int64_t from, to;
};

struct offset_runs {
    struct offset_stretch *items; /* owned */
    size_t count;
};

/* A record of the ledger is at most 1 MiB; a run takes 46 bytes at most. */
enum { OFFSET_RUNS_OF_RECORD = 20000 };

/** Records of a partition come in order, those of several between one another. False: that would
 * be more than @most runs; nothing was added. */
NODISCARD bool offset_runs_add(struct offset_runs *runs, int32_t partition, int64_t offset,
                               size_t most);
/** {"0": [[5, 6], [9, 12]]}: @count runs from number @from on. The caller owns it. */
json_t *offset_runs_json(const struct offset_runs *runs, size_t from, size_t count);
void offset_runs_fini(struct offset_runs *runs);

#endif /* RECOVERY_OFFSET_RUNS_H */
