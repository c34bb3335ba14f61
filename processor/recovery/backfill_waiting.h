/**
 * backfill_waiting - how many records of the alternate's topic the backfill of a destination has
 * not settled, of all instances together; and how fast that falls.
 *
 * Records of other destinations count too where they share the topic, until they are passed over.
 * One thread; a call waits for the brokers up to 10 s. Errors: those of group_offsets.h.
 */
#ifndef RECOVERY_BACKFILL_WAITING_H
#define RECOVERY_BACKFILL_WAITING_H

#include "config/config.h"

struct backfill_waiting {
    struct group_client *client; /* owned; NULL: not open */
    uint64_t count;              /* as last asked */
    uint64_t asked_ms;           /* monotonic; 0: never yet */
    double per_second;           /* by which it fell since the time before; 0: it did not */
    size_t partitions;           /* of the topic; 0: it is not there */
};

/** @waiting: all zero at first. */
NODISCARD enum err_code backfill_waiting_ask(struct backfill_waiting *waiting,
                                             const struct config *config,
                                             const struct config_destination *destination,
                                             struct err *err);
void backfill_waiting_fini(struct backfill_waiting *waiting);
/** How long the rest takes; -1: not known. */
int64_t backfill_waiting_left_ms(const struct backfill_waiting *waiting);

#endif /* RECOVERY_BACKFILL_WAITING_H */
