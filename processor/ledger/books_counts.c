#include "ledger/books_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NAMES_MAX = 262144, KEYS_MAX = 1048576 };

void books_words_init(struct books_words *words)
{
    books_table_init(&words->names, NAMES_MAX);
    books_table_init(&words->keys, KEYS_MAX);
}

void books_words_fini(struct books_words *words)
{
    books_table_fini(&words->names);
    books_table_fini(&words->keys);
}

const struct books_key *books_key_get(const struct books_words *words, uint32_t number)
{
    static const struct books_key other = {
        .route = BOOKS_TABLE_OTHER, .leg = BOOKS_TABLE_OTHER, .reason = BOOKS_TABLE_OTHER};
    struct span bytes = books_table_get(&words->keys, number);

    return number < BOOKS_TABLE_FIRST ? &other : (const struct books_key *)(const void *)bytes.ptr;
}

void books_counts_fini(struct books_counts *counts)
{
    free(counts->lines);
    *counts = (struct books_counts){0};
}

static void add_u64(uint64_t *sum, uint64_t more)
{
    *sum = more > UINT64_MAX - *sum ? UINT64_MAX : *sum + more;
}

static void add_line(struct books_line *sum, const struct books_line *more)
{
    add_u64(&sum->count, more->count);
    add_u64(&sum->unsummed, more->unsummed);
    if (!money_add(&sum->sum, more->sum)) {
        add_u64(&sum->unsummed, 1);
    }
}

static int compare(const void *a, const void *b)
{
    const struct books_line *one = a;
    const struct books_line *other = b;

    if (one->key != other->key) {
        return one->key < other->key ? -1 : 1;
    }
    return one->currency < other->currency ? -1 : one->currency > other->currency;
}

static uint32_t key_of(struct books_words *words, const struct record_row *row)
{
    struct books_key key;

    memset(&key, 0, sizeof(key)); /* it is compared as bytes */
    key.route = books_table_add(&words->names, row->route);
    key.leg = books_table_add(&words->names, row->leg);
    key.to = books_table_add(&words->names, row->to);
    key.reason = books_table_add(&words->names, row->reason);
    key.outage = books_table_add(&words->names, row->outage);
    key.event = books_table_add(&words->names, row->event);
    key.fate = (uint32_t)record_class_of(row->fate);
    return books_table_add(&words->keys, (struct span){(const char *)&key, sizeof(key)});
}

/* Lines of the same key and currency become one. */
static void sort_lines(struct books_counts *counts)
{
    size_t kept = 0;

    qsort(counts->lines, counts->count, sizeof(counts->lines[0]), compare);
    for (size_t i = 0; i < counts->count; i++) {
        if (kept > 0 && compare(&counts->lines[kept - 1], &counts->lines[i]) == 0) {
            add_line(&counts->lines[kept - 1], &counts->lines[i]);
        } else {
            counts->lines[kept++] = counts->lines[i];
        }
    }
    counts->count = kept;
}

void books_counts_read(struct books_words *words, const struct record_counts *record,
                       struct books_counts *out)
{
    size_t lines = 0;

    *out = (struct books_counts){0};
    memcpy(out->events, record->events, sizeof(out->events));
    for (size_t i = 0; i < record->row_count; i++) {
        lines += 1 + record->rows[i].value_count;
    }
    if (lines == 0) {
        return;
    }
    out->lines = mem_array(lines, struct books_line);
    for (size_t i = 0; i < record->row_count; i++) {
        const struct record_row *row = &record->rows[i];
        uint32_t key = key_of(words, row);

        out->lines[out->count++] =
            (struct books_line){.key = key, .count = row->count, .unsummed = row->unsummed};
        for (size_t v = 0; v < row->value_count; v++) {
            out->lines[out->count++] = (struct books_line){
                .key = key,
                .currency = books_table_add(&words->names, row->values[v].currency),
                .sum = row->values[v].sum};
        }
    }
    sort_lines(out);
}

/* Where both have the same lines nothing is allocated: the common case by far. */
static bool add_same(struct books_counts *sum, const struct books_counts *more)
{
    size_t at = 0;

    for (size_t i = 0; i < more->count; i++) {
        while (at < sum->count && compare(&sum->lines[at], &more->lines[i]) < 0) {
            at++;
        }
        if (at == sum->count || compare(&sum->lines[at], &more->lines[i]) != 0) {
            return false;
        }
    }
    at = 0;
    for (size_t i = 0; i < more->count; i++) {
        while (compare(&sum->lines[at], &more->lines[i]) < 0) {
            at++;
        }
        add_line(&sum->lines[at], &more->lines[i]);
    }
    return true;
}

void books_counts_add(struct books_counts *sum, const struct books_counts *more)
{
    struct books_line *lines;

    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        add_u64(&sum->events[i], more->events[i]);
    }
    if (add_same(sum, more)) {
        return;
    }
    lines = mem_array(sum->count + more->count, struct books_line);
    memcpy(lines, sum->lines == NULL ? more->lines : sum->lines, sum->count * sizeof(lines[0]));
    memcpy(lines + sum->count, more->lines, more->count * sizeof(lines[0]));
    free(sum->lines);
    sum->lines = lines;
    sum->count += more->count;
    sort_lines(sum);
}

uint64_t books_counts_events(const struct books_counts *counts)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        add_u64(&sum, counts->events[i]);
    }
    return sum;
}
