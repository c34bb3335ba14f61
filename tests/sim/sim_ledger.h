/**
 * sim_ledger - every event of a run and what became of each of its legs, as the outside saw it.
 *
 * It judges while the run goes on: an offset that is committed, or passed over after a
 * restart, must be settled in every leg, which means that a destination or a topic has it and that
 * the core has read that from its answer or report. At the end nothing may be missing, and an event
 * may be held twice only where a fault that was counted explains it.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "rehearse/world.h"

enum { LEDGER_LEGS = 3 }; /* the last: the event as a whole */

struct ledger_event {
    bool is_record;    /* else an offset left out */
    bool is_gap;       /* it went before it was read, and the core said so */
    uint32_t tag;      /* tells it from others that had its offset */
    uint8_t legs;      /* expected; 0: dropped */
    bool may_be_whole; /* the whole event may become a dead letter instead */
    uint8_t held[LEDGER_LEGS];
    bool settled[LEDGER_LEGS];
};

struct ledger_lost;

struct ledger {
    struct ledger_event *events[8]; /* owned; by partition and offset */
    size_t counts[8], caps[8];
    struct ledger_lost *lost; /* owned; what a log lost, and may still be on its way */
    uint64_t produced, delivered, diverted, dead_lettered; /* legs settled, by what it was */
    uint64_t ambiguous;                                    /* legs held that nobody told us of */
    uint64_t again;    /* legs that were taken and not committed when an assignment ended */
    unsigned reasons;  /* bit set of enum reason, of records */
    char failure[200]; /* the first; "" when there is none */
};

void ledger_fini(struct ledger *ledger);
void ledger_produced(struct ledger *ledger, int32_t partition, int64_t offset,
                     const struct ledger_event *event);
/** The log of @partition lost its records from @end on: they need not be settled any more. */
void ledger_truncated(struct ledger *ledger, int32_t partition, int64_t end);
/** The core named records from..to-1 as gone. */
void ledger_gap(struct ledger *ledger, int32_t partition, int64_t from, int64_t to);
/* As told by the world. */
void ledger_held(struct ledger *ledger, const struct world_leg *leg, bool will_tell);
void ledger_settled(struct ledger *ledger, const struct world_leg *leg);
void ledger_committed(struct ledger *ledger, int32_t partition, int64_t from, int64_t to);
void ledger_skipped(struct ledger *ledger, int32_t partition, int64_t offset);
void ledger_left(struct ledger *ledger, int32_t partition, int64_t from, int64_t to);

/** Nothing lost, nothing held twice beyond what is explained. */
void ledger_judge(struct ledger *ledger);
/** Legs held more than once, each time counted. */
uint64_t ledger_duplicates(const struct ledger *ledger);
void ledger_fail(struct ledger *ledger, const char *format, ...) PRINTF_LIKE(2, 3);

#endif /* SIM_LEDGER_H */
