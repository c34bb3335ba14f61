/**
 * export_totals - what an export counts: records, by what became of them, and their value by
 * currency, exact.
 *
 * Bounded: 64 currencies have a sum of their own, and the 1,000 largest outages are told. One
 * thread owns it; cannot fail.
 */
#ifndef EXPORT_EXPORT_TOTALS_H
#define EXPORT_EXPORT_TOTALS_H

#include <jansson.h>

#include "base/money.h"
#include "export/row_maker.h"
#include "recovery/text_counts.h"

enum { TOTALS_CURRENCIES_MAX = 64, TOTALS_OUTAGES_MAX = 1000 };

struct totals_value {
    char *currency; /* owned */
    struct money sum;
};

struct export_totals {
    uint64_t selected; /* records that the selection has */
    uint64_t exported;
    uint64_t again; /* of these, exported before as well */
    uint64_t left[LEFT_COUNT];
    uint64_t changed, products; /* rows: see row_maker.h */
    uint64_t unsummed;          /* exported, and without a value that can be summed */
    struct totals_value values[TOTALS_CURRENCIES_MAX];
    size_t value_count;
    struct text_counts outages; /* of what is exported for the first time */
};

void export_totals_fini(struct export_totals *totals);
/** One record of the selection, by @row. @outage may be absent. */
void export_totals_add(struct export_totals *totals, const struct made_row *row,
                       struct span outage);
/** Those of one topic to those of all, but for the outages. */
void export_totals_join(struct export_totals *all, const struct export_totals *more);
/** {"too_old": 3}: what is not 0. The caller owns what these give. */
json_t *export_totals_left(const struct export_totals *totals);
/** {"EUR": "1234.50"}. */
json_t *export_totals_value(const struct export_totals *totals);
/** As a job on the ledger has it: selected, exported, again, left_out, value, outages. */
json_t *export_totals_counts(struct export_totals *totals);

#endif /* EXPORT_EXPORT_TOTALS_H */
