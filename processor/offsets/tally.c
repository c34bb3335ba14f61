#include "offsets/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROWS_FIRST = 8, PLACES_FIRST = 64 };

/* rows */

static void rows_fini(struct tally_rows *rows)
{
    free(rows->rows);
    free(rows->places);
    *rows = (struct tally_rows){0};
}

static void rows_clear(struct tally_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        rows->places[rows->rows[i].fate] = 0;
    }
    rows->count = 0;
}

static void grow_places(struct tally_rows *rows, uint32_t fate)
{
    size_t count = rows->place_count == 0 ? PLACES_FIRST : rows->place_count;

    while (count <= fate) {
        count *= 2;
    }
    rows->places = mem_grow(rows->places, count, sizeof(*rows->places));
    memset(rows->places + rows->place_count, 0,
           (count - rows->place_count) * sizeof(*rows->places));
    rows->place_count = count;
}

static struct tally_row *add_row(struct tally_rows *rows, uint32_t fate)
{
    if (fate >= rows->place_count) {
        grow_places(rows, fate);
    }
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? ROWS_FIRST : rows->cap * 2;
        rows->rows = mem_grow(rows->rows, rows->cap, sizeof(*rows->rows));
    }
    rows->rows[rows->count] = (struct tally_row){.fate = fate};
    rows->places[fate] = (uint32_t)++rows->count;
    return &rows->rows[rows->count - 1];
}

static void rows_add(struct tally_rows *rows, uint32_t fate, uint64_t count, tally_sum micros)
{
    struct tally_row *row = fate < rows->place_count && rows->places[fate] != 0
                                ? &rows->rows[rows->places[fate] - 1]
                                : add_row(rows, fate);

    row->count += count;
    row->micros += micros;
}

/* a tally */

static void check_invariants(const struct tally *tally)
{
    INVARIANT(tally->gaps_sealed <= tally->gap_count);
    INVARIANT(tally->from <= tally->sealed_to);
    INVARIANT(tally->from >= tally->start.offset);
}

void tally_fini(struct tally *tally)
{
    rows_fini(&tally->passed);
    rows_fini(&tally->sealed);
    rows_fini(&tally->ahead_run);
    free(tally->start.runs);
    free(tally->gaps);
    free(tally->ahead);
    free(tally->ahead_rows);
    *tally = (struct tally){0};
}

void tally_begin(struct tally *tally, const struct tally_start *start)
{
    PRE(start->offset >= 0);
    PRE(start->missing >= 0);

    rows_clear(&tally->passed);
    rows_clear(&tally->sealed);
    free(tally->start.runs);
    tally->start = *start;
    tally->start.is_told = false;
    tally->from = start->offset;
    tally->sealed_to = start->offset;
    tally->gap_count = 0;
    tally->gaps_sealed = 0;
    tally->ahead_count = 0;
    tally->ahead_row_count = 0;
    check_invariants(tally);
}

static void add_gap(struct tally *tally, int64_t to, int64_t missing)
{
    PRE(missing > 0);
    PRE(missing <= to);
    tally->gaps = mem_grow(tally->gaps, tally->gap_count + 1, sizeof(*tally->gaps));
    tally->gaps[tally->gap_count++] = (struct offset_run){to - missing, to};
}

void tally_pass(struct tally *tally, int64_t offset, const struct settled *settled)
{
    PRE(offset >= tally->from);

    if (settled->fate != NO_FATE) {
        rows_add(&tally->passed, settled->fate, 1, settled->micros);
    } else if (settled->micros > 0) {
        add_gap(tally, offset + 1, settled->micros);
    }
}

void tally_seal(struct tally *tally, int64_t offset)
{
    PRE(offset >= tally->sealed_to);

    for (size_t i = 0; i < tally->passed.count; i++) {
        const struct tally_row *row = &tally->passed.rows[i];

        rows_add(&tally->sealed, row->fate, row->count, row->micros);
    }
    rows_clear(&tally->passed);
    tally->sealed_to = offset;
    tally->gaps_sealed = tally->gap_count;
    tally->ahead_count = 0;
    tally->ahead_row_count = 0;
    check_invariants(tally);
}

/* The run's counts become rows of the tally. */
static void end_run(struct tally *tally)
{
    struct tally_rows *run = &tally->ahead_run;

    if (tally->ahead_count == 0) {
        return;
    }
    while (tally->ahead_row_count + run->count > tally->ahead_row_cap) {
        tally->ahead_row_cap = tally->ahead_row_cap == 0 ? ROWS_FIRST : tally->ahead_row_cap * 2;
        tally->ahead_rows =
            mem_grow(tally->ahead_rows, tally->ahead_row_cap, sizeof(*tally->ahead_rows));
    }
    for (size_t i = 0; i < run->count; i++) {
        tally->ahead_rows[tally->ahead_row_count++] = run->rows[i];
    }
    tally->ahead[tally->ahead_count - 1].row_to = tally->ahead_row_count;
    rows_clear(run);
}

static void begin_run(struct tally *tally, int64_t offset)
{
    if (tally->ahead_count == tally->ahead_cap) {
        tally->ahead_cap = tally->ahead_cap == 0 ? ROWS_FIRST : tally->ahead_cap * 2;
        tally->ahead = mem_grow(tally->ahead, tally->ahead_cap, sizeof(*tally->ahead));
    }
    tally->ahead[tally->ahead_count++] =
        (struct tally_run){{offset, offset}, tally->ahead_row_count, tally->ahead_row_count};
}

void tally_ahead(struct tally *tally, int64_t offset, const struct settled *settled)
{
    struct tally_run *run = tally->ahead_count == 0 ? NULL : &tally->ahead[tally->ahead_count - 1];

    PRE(offset >= tally->sealed_to);
    PRE(settled->fate != NO_FATE);
    PRE(run == NULL || offset >= run->offsets.to);
    if (run == NULL || run->offsets.to != offset) {
        end_run(tally);
        begin_run(tally, offset);
        run = &tally->ahead[tally->ahead_count - 1];
    }
    run->offsets.to = offset + 1;
    rows_add(&tally->ahead_run, settled->fate, 1, settled->micros);
}

void tally_ahead_end(struct tally *tally)
{
    end_run(tally);
    POST(tally->ahead_run.count == 0);
}

void tally_committed(struct tally *tally)
{
    size_t left = tally->gap_count - tally->gaps_sealed;

    rows_clear(&tally->sealed);
    memmove(tally->gaps, tally->gaps + tally->gaps_sealed, left * sizeof(*tally->gaps));
    tally->gap_count = left;
    tally->gaps_sealed = 0;
    tally->from = tally->sealed_to;
    tally->start.is_told = true;
    check_invariants(tally);
}

/* fates in use */

static void mark_rows(const struct tally_row *rows, size_t row_count, bool *used, size_t count)
{
    for (size_t i = 0; i < row_count; i++) {
        INVARIANT(rows[i].fate < count);
        used[rows[i].fate] = true;
    }
}

void tally_mark(const struct tally *tally, bool *used, size_t count)
{
    mark_rows(tally->passed.rows, tally->passed.count, used, count);
    mark_rows(tally->sealed.rows, tally->sealed.count, used, count);
    mark_rows(tally->ahead_rows, tally->ahead_row_count, used, count);
}
