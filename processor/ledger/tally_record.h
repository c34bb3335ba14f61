/**
 * tally_record - a sealed tally as records of the ledger (docs/ledger.md).
 *
 * Pure. A tally with many legs becomes several records, none larger than brokers take by default.
 */
#ifndef LEDGER_TALLY_RECORD_H
#define LEDGER_TALLY_RECORD_H

#include "base/buf.h"
#include "ledger/fates.h"
#include "offsets/partition.h"

/* What all tallies of a worker share, and when this one is written. */
struct tally_head {
    struct span group, instance;
    int64_t wall_ms;
    uint64_t session;
};

/* Records behind one another in a buffer. All zero: none. */
struct tally_records {
    struct buf text; /* buf_init() by the owner */
    size_t *ends;    /* owned; where each ends in the text */
    size_t count, cap;
};

void tally_records_fini(struct tally_records *records);
/** What @partition sealed. In place of what was there. */
void tally_records_write(struct tally_records *records, const struct tally_head *head,
                         const struct source_partition *partition, const struct fates *fates);
struct span tally_records_at(const struct tally_records *records, size_t index);

#endif /* LEDGER_TALLY_RECORD_H */
