/**
 * books_table - byte strings that each stand once and are known by a number (the books alone).
 *
 * Names of routes, destinations and outages, and keys made of such numbers. Entry 0 is the absent
 * name. Past the maximum everything new becomes one entry, BOOKS_TABLE_OTHER: memory stays bounded
 * whatever stands in the ledger.
 */
#ifndef LEDGER_BOOKS_TABLE_H
#define LEDGER_BOOKS_TABLE_H

#include "base/span.h"

enum { BOOKS_TABLE_ABSENT, BOOKS_TABLE_OTHER, BOOKS_TABLE_FIRST };

struct books_table {
    struct books_entry *by_bytes; /* owned; uthash */
    struct books_entry **entries; /* owned */
    uint32_t count;
    uint32_t count_max;
    uint64_t overflows; /* how often BOOKS_TABLE_OTHER was given */
};

void books_table_init(struct books_table *table, uint32_t count_max);
void books_table_fini(struct books_table *table);
/** The number of @bytes, new or known. Keeps a copy. */
uint32_t books_table_add(struct books_table *table, struct span bytes);
/** Borrowed until books_table_fini(); ptr NULL for the absent one. Aligned for any type. */
struct span books_table_get(const struct books_table *table, uint32_t number);

#endif /* LEDGER_BOOKS_TABLE_H */
