/**
 * bookkeeper - keeps a worker's books: what became of each event, and the tallies of it that are on
 * the ledger before a commit goes.
 *
 * Delivery tells the fate of each event as it is settled (fates.h); the partitions count
 * (offsets/tally.h); at a commit the bookkeeper writes what they sealed as records (docs/ledger.md)
 * into a sink, and says when that is acknowledged. It never retries: what failed is part of the
 * next seal.
 *
 * Owned by one worker, on its thread.
 */
#ifndef LEDGER_BOOKKEEPER_H
#define LEDGER_BOOKKEEPER_H

#include "ledger/fates.h"
#include "ledger/sink.h"

struct bookkeeper;

/* What it is made of; texts and the sink outlive it. */
struct bookkeeper_parts {
    struct ledger_sink sink;
    struct span group, instance;
    int64_t (*wall_ms)(void *context);
    void *wall_context;
    int wake_fd;
    uint64_t seed; /* of the sessions' names: no two of them may have the same */
};

struct bookkeeper *bookkeeper_new(const struct bookkeeper_parts *parts);
void bookkeeper_free(struct bookkeeper *keeper);
struct fates *bookkeeper_fates(struct bookkeeper *keeper);
/** For the source: what to ask at each commit. */
struct tally_writer bookkeeper_books(struct bookkeeper *keeper);

#endif /* LEDGER_BOOKKEEPER_H */
