/**
 * outage_writer - outages onto the ledger: when one opens, when what is known of it changes, and
 * when it is over (docs/ledger.md).
 *
 * Looks at the process's health once a second and writes what is new. A record that the ledger did
 * not take is written again in its newest form, so nothing is queued: at most one record of each
 * outage is on its way. An outage that is open is told of every 20 s though nothing changed: should
 * the process be killed, the outage ends where it was last told of. What an outage cost exactly is
 * in the tallies that name it.
 *
 * Owned by the process, on its main thread. Memory: the outages that health still knows.
 */
#ifndef LEDGER_OUTAGE_WRITER_H
#define LEDGER_OUTAGE_WRITER_H

#include "health/health.h"
#include "ledger/sink.h"

struct outage_writer;

/* All of it outlives the writer. */
struct outage_writer_parts {
    struct ledger_sink sink;
    const struct config *config;
    struct health *health;
    struct span instance;
};

struct outage_writer *outage_writer_new(const struct outage_writer_parts *parts);
void outage_writer_free(struct outage_writer *writer);
/** Call it often; it looks once a second, at once with @is_last. */
void outage_writer_turn(struct outage_writer *writer, uint64_t now_ms, int64_t wall_ms,
                        bool is_last);

#endif /* LEDGER_OUTAGE_WRITER_H */
