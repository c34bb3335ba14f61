/**
 * backfill_state - how far the backfill of one destination is, by the ledger and Kafka.
 *
 * Counts are those of the tallies of its group. How fast it goes is seen by asking twice what
 * waits. One thread; spans live as long as the books.
 */
#ifndef RECOVERY_BACKFILL_STATE_H
#define RECOVERY_BACKFILL_STATE_H

#include "recovery/backfill_waiting.h"
#include "recovery/reconcile.h"

struct backfill_state {
    const struct config_destination *destination;
    const struct config_destination *from;
    uint64_t backfilled, expired, skipped, dead_lettered;
    struct backfill_waiting waiting;
    bool is_paused;
    struct span by;   /* who paused or resumed it last; ptr NULL: nobody */
    int64_t order_ms; /* when; -1: never */
};

/** By finished books. */
void backfill_state_make(const struct reconcile *reconcile,
                         const struct config_destination *destination, struct backfill_state *out);
/** Ask for what waits in @count backfills, and once more @over_ms later where something does. */
NODISCARD enum err_code backfill_states_ask(const struct config *config,
                                            struct backfill_state *states, size_t count,
                                            uint64_t over_ms, struct err *err);

#endif /* RECOVERY_BACKFILL_STATE_H */
