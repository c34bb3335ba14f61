/**
 * audit - where did each produced event end?
 *
 * Event by event, not by counts: what was produced, with its fate to be expected, on one
 * side; ids at the simulator, records of the alternate and the dead-letter topic, by the
 * source offset they name, on the other. Both may come in any order. Pure, no Kafka.
 */
#ifndef TRIAL_AUDIT_H
#define TRIAL_AUDIT_H

#include "base/counts.h"

enum { AUDIT_PARTITIONS_MAX = 64, AUDIT_EVENTS_MAX = 4000000 };

enum audit_fate {
    FATE_GOOD,       /* delivered, or diverted, or with a reason a dead letter */
    FATE_NO_CONSENT, /* dropped by its rule: nowhere */
    FATE_BAD,        /* a dead letter */
};

enum audit_topic { AUDIT_DIVERTED, AUDIT_DEAD_LETTER };

/* What others say, to be compared with what is found. */
struct audit_told {
    uint64_t dropped;              /* by rule: the processor */
    uint64_t replayed, backfilled; /* events that went on to their destination: the ledger */
};

/* Each event once: dead-lettered if a record says so, else diverted, else delivered. */
struct audit_balance {
    uint64_t produced;
    uint64_t delivered, diverted, dead_lettered, dropped;
    uint64_t replayed;   /* of the dead-lettered: delivered or diverted as well */
    uint64_t backfilled; /* of the diverted: delivered as well */
    uint64_t lost;       /* seen nowhere although it should be */
    uint64_t duplicates; /* further copies of events, but for those replayed and backfilled */
    uint64_t misplaced;  /* seen where it may not be: without consent, or bad and delivered */
    uint64_t unknown;    /* records and ids that nobody produced */
    bool is_balanced;    /* produced is the sum; nothing lost, misplaced or unknown; as many
                            dropped as was told, no fewer replayed and backfilled */
};

struct audit;

struct audit *audit_new(void);
void audit_free(struct audit *audit);
/** A delivery report. False when more than AUDIT_EVENTS_MAX would have to be remembered. */
bool audit_produced(struct audit *audit, uint64_t index, enum audit_fate fate, int32_t partition,
                    int64_t offset);
/** A record of the alternate or dead-letter topic names its source offset and its reason; ptr NULL:
 * none. */
void audit_record(struct audit *audit, enum audit_topic topic, int32_t partition, int64_t offset,
                  struct span reason);
/** The simulator has the event @index @copies times. */
void audit_delivered(struct audit *audit, uint64_t index, uint64_t copies);
/** Something nobody can match: a foreign id, a record without headers. */
void audit_unknown(struct audit *audit);
uint64_t audit_records(const struct audit *audit, enum audit_topic topic);
/** How many records of which reason. */
const struct counts *audit_reasons(const struct audit *audit, enum audit_topic topic);
void audit_close(const struct audit *audit, const struct audit_told *told,
                 struct audit_balance *out);

#endif /* TRIAL_AUDIT_H */
