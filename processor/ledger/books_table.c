#include "ledger/books_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Names come from outside: uthash's own function has no seed, and names could be chosen to collide.
 */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

struct books_entry {
    UT_hash_handle hh;
    uint32_t number;
    size_t len;
    _Alignas(16) char bytes[];
};

void books_table_init(struct books_table *table, uint32_t count_max)
{
    *table = (struct books_table){.count = BOOKS_TABLE_FIRST,
                                  .count_max = MAX_OF(count_max, (uint32_t)BOOKS_TABLE_FIRST)};
}

void books_table_fini(struct books_table *table)
{
    struct books_entry *entry = NULL;
    struct books_entry *next = NULL;

    HASH_ITER(hh, table->by_bytes, entry, next)
    {
        HASH_DEL(table->by_bytes, entry);
        free(entry);
    }
    free((void *)table->entries);
    *table = (struct books_table){0};
}

/* BOOKS_TABLE_ABSENT: not there. */
static uint32_t find(const struct books_table *table, struct span bytes)
{
    struct books_entry *entry = NULL;

    if (bytes.ptr != NULL) {
        HASH_FIND(hh, table->by_bytes, bytes.ptr, bytes.len, entry);
    }
    return entry == NULL ? BOOKS_TABLE_ABSENT : entry->number;
}

uint32_t books_table_add(struct books_table *table, struct span bytes)
{
    uint32_t number = find(table, bytes);
    struct books_entry *entry;

    if (number != BOOKS_TABLE_ABSENT || bytes.ptr == NULL) {
        return number;
    }
    if (table->count >= table->count_max) {
        table->overflows++;
        return BOOKS_TABLE_OTHER;
    }
    if ((table->count & (table->count - 1)) == 0) { /* the next power of two */
        table->entries =
            mem_grow((void *)table->entries, (size_t)table->count * 2, sizeof(table->entries[0]));
    }
    entry = mem_zero(1, sizeof(*entry) + bytes.len + 1);
    entry->number = table->count++;
    entry->len = bytes.len;
    memcpy(entry->bytes, bytes.ptr, bytes.len);
    HASH_ADD_KEYPTR(hh, table->by_bytes, entry->bytes, entry->len, entry);
    table->entries[entry->number] = entry;
    return entry->number;
}

struct span books_table_get(const struct books_table *table, uint32_t number)
{
    PRE(number < table->count);

    if (number == BOOKS_TABLE_OTHER) {
        return SPAN("other");
    }
    if (number == BOOKS_TABLE_ABSENT) {
        return SPAN_NONE;
    }
    return (struct span){table->entries[number]->bytes, table->entries[number]->len};
}
