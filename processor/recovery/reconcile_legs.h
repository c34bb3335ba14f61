/** reconcile_legs - counts by route and leg, out of the lines of a sum (reconcile's files alone).
 */
#ifndef RECOVERY_RECONCILE_LEGS_H
#define RECOVERY_RECONCILE_LEGS_H

#include "ledger/books.h"

struct reconcile_leg {
    struct span route, leg; /* ptr NULL: the events got none */
    uint64_t counts[RECORD_CLASS_COUNT];
};

/** *out is to be freed; in the order of route and leg. */
size_t reconcile_legs(const struct books *books, const struct books_counts *sum,
                      struct reconcile_leg **out);

#endif /* RECOVERY_RECONCILE_LEGS_H */
