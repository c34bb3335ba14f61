/**
 * books_counts - what became of the events of some offsets: by class for events as a whole, and by
 * route, leg and fate with sums of value (the books alone).
 *
 * Sorted lines, so that counts are added by one pass over both. Counts that would pass 64 bits, and
 * sums that would pass 128, stay where they are: a ledger that says so is not one of detour.
 */
#ifndef LEDGER_BOOKS_COUNTS_H
#define LEDGER_BOOKS_COUNTS_H

#include "ledger/books_table.h"
#include "ledger/record.h"

/* What makes legs one line: numbers in the table of names. */
struct books_key {
    uint32_t route, leg, to, reason, outage, event;
    uint32_t fate; /* enum record_class */
};

/* A line with currency 0 has the count, one with a currency its sum. */
struct books_line {
    uint32_t key; /* number in the table of keys */
    uint32_t currency;
    uint64_t count;
    uint64_t unsummed;
    struct money sum;
};

struct books_counts {
    uint64_t events[RECORD_CLASS_COUNT];
    struct books_line *lines; /* owned; by key and currency */
    size_t count;
};

/* Names and keys of all counts of one object `books`. */
struct books_words {
    struct books_table names;
    struct books_table keys; /* of struct books_key */
};

void books_words_init(struct books_words *words);
void books_words_fini(struct books_words *words);
const struct books_key *books_key_get(const struct books_words *words, uint32_t number);

void books_counts_fini(struct books_counts *counts);
/** Counts as a record has them; what *out held is lost. */
void books_counts_read(struct books_words *words, const struct record_counts *record,
                       struct books_counts *out);
void books_counts_add(struct books_counts *sum, const struct books_counts *more);
/** Events of all classes. */
uint64_t books_counts_events(const struct books_counts *counts);

#endif /* LEDGER_BOOKS_COUNTS_H */
