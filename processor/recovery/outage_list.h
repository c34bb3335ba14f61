/**
 * outage_list - the outages of the ledger: those of several instances joined, with what the tallies
 * say of each.
 *
 * Pure: from finished books. An outage that an instance left open because it was killed ends where
 * the instance last wrote of it, unless it or another goes on with the same destination and event
 * type within a minute. Owns its array; spans are those of the books. One thread.
 */
#ifndef RECOVERY_OUTAGE_LIST_H
#define RECOVERY_OUTAGE_LIST_H

#include "ledger/books.h"

enum { OUTAGE_JOIN_MS = 60 * 1000, OUTAGE_CURRENCIES_MAX = 16 };

struct outage_value {
    struct span currency;
    struct money sum;
};

struct outage_sums {
    uint64_t diverted, dead_lettered;
    uint64_t backfilled, expired, skipped;
    uint64_t passed_over; /* by the backfill, because they were exported */
    uint64_t unsummed;
    struct outage_value values[OUTAGE_CURRENCIES_MAX]; /* of diverted and dead-lettered legs */
    size_t value_count;
};

/* One outage at a destination. */
struct outage {
    const struct books_outage **parts; /* owned; as the instances saw it, the earliest first */
    size_t part_count;
    int64_t started_ms, ended_ms; /* ended: -1 while it is open */
    bool is_assumed;              /* nobody wrote of its end */
    struct outage_sums sums;
    uint64_t exported;
};

struct outage_list {
    struct outage *items; /* owned; by start */
    size_t count;
};

/** Those of @group. */
void outage_list_make(struct books *books, struct span group, struct outage_list *out);
void outage_list_fini(struct outage_list *list);
/** By the id of any of its parts; NULL: there is none. */
const struct outage *outage_list_find(const struct outage_list *list, struct span id);
bool outage_has_id(const struct outage *outage, struct span id);
/** Add a line of the sum of a group's books to @sums: of the group itself, or of its backfill. */
void outage_sums_add(struct outage_sums *sums, const struct books *books,
                     const struct books_line *line, bool is_backfill);
/** Diverted and neither backfilled nor given up. */
uint64_t outage_waiting(const struct outage *outage);

#endif /* RECOVERY_OUTAGE_LIST_H */
