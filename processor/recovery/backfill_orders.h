/**
 * backfill_orders - what operators want of the backfills of a process, followed on the ledger:
 * paused or not (`detour backfill pause`, `resume`), and which diverted records were exported or
 * skipped, so that they are not delivered as well.
 *
 * A thread of its own reads the ledger from its start and goes on behind its end. Until it has come
 * to the end for the first time nothing is known, and a backfill waits: it may have been paused
 * before a restart. Where the ledger cannot be read it tries again every 10 s; what it knew stands.
 * Without a ledger nothing can be ordered.
 *
 * Any thread may ask. Owns its thread and what it knows; borrows the configuration.
 */
#ifndef RECOVERY_BACKFILL_ORDERS_H
#define RECOVERY_BACKFILL_ORDERS_H

#include "ledger/record.h"
#include "recovery/decisions.h"

struct backfill_orders;

enum backfill_order { BACKFILL_ORDER_UNKNOWN, BACKFILL_ORDER_GO, BACKFILL_ORDER_PAUSE };

/** @has_ledger: it is there, or made. ERR_LIMIT: there is no thread to be had. */
NODISCARD enum err_code backfill_orders_new(const struct config *config, bool has_ledger,
                                            struct backfill_orders **out, struct err *err);
void backfill_orders_free(struct backfill_orders *orders); /* may be NULL */
/** Of the backfill of destination @index. One atomic load. */
enum backfill_order backfill_orders_of(const struct backfill_orders *orders, size_t index);
/** What was decided about a record of the topic that destination @index is backfilled from. False:
 * nothing. */
bool backfill_orders_decided(struct backfill_orders *orders, size_t index,
                             const struct decision_place *place, enum decision_type *out);

/* How much waits, of all instances together, as of the last few seconds. */
struct backfill_progress {
    bool is_known;
    uint64_t waiting;
    int64_t left_ms;   /* -1: not known */
    size_t partitions; /* of the topic */
};
struct backfill_progress backfill_orders_progress(struct backfill_orders *orders, size_t index);

/** The name of the job record that orders something of @destination's backfill; the caller frees
 * it. Its state is "stopped" while the backfill is paused, "started" when it goes on. */
char *backfill_orders_name(struct span destination);

#endif /* RECOVERY_BACKFILL_ORDERS_H */
