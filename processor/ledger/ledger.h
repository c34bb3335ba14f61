/**
 * ledger - the topic that the process's records for the ledger go to.
 *
 * One producer of its own for the process (the workers' may be full of records for a topic that
 * takes none), and a thread that serves it. A record fails after 30 s, or when the brokers refuse
 * it; whoever sent it sends what it says again, in a newer form. Copies of a record are harmless
 * (docs/ledger.md), so the producer is not idempotent and has no fatal state.
 *
 * Any thread may send; a ticket belongs to the thread that got it. Failures are told in the log,
 * at most every 30 s.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "config/config.h"
#include "ledger/sink.h"

struct ledger;

NODISCARD enum err_code ledger_open(const struct config *config, struct ledger **out,
                                    struct err *err);
/** What is not acknowledged by @deadline_ms (monotonic) is given up. */
void ledger_close(struct ledger *ledger, uint64_t deadline_ms);
/** For whoever writes to it. The ledger outlives it. */
struct ledger_sink ledger_sink(struct ledger *ledger);
/** The last record that was done was taken. True before the first. */
bool ledger_is_up(const struct ledger *ledger);

#endif /* LEDGER_LEDGER_H */
