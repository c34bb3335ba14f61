#include "rehearse/summary.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void summary_init(struct summary *summary, const struct config *config)
{
    *summary = (struct summary){0};
    summary->asked = mem_array(config->destination_count, struct summary_asked);
}

void summary_fini(struct summary *summary)
{
    for (size_t i = 0; i < summary->row_count; i++) {
        free(summary->rows[i].diverted);
        free(summary->rows[i].delivered_times.ms);
        free(summary->rows[i].diverted_times.ms);
    }
    free(summary->rows);
    free(summary->asked);
    *summary = (struct summary){0};
}

static struct summary_row *find_row(struct summary *summary, const struct world_leg *leg)
{
    for (size_t i = 0; i < summary->row_count; i++) {
        struct summary_row *row = &summary->rows[i];

        if (row->line == leg->tag && row->plan == leg->plan) {
            return row;
        }
    }
    if (summary->row_count == summary->row_cap) {
        summary->row_cap = MAX_OF(summary->row_cap * 2, (size_t)16);
        summary->rows = mem_grow(summary->rows, summary->row_cap, sizeof(struct summary_row));
    }
    summary->rows[summary->row_count] =
        (struct summary_row){.line = leg->tag, .route = leg->route, .plan = leg->plan};
    return &summary->rows[summary->row_count++];
}

static void add_time(struct summary_times *times, uint64_t ms)
{
    if (times->count == times->cap) {
        times->cap = MAX_OF(times->cap * 2, (size_t)256);
        times->ms = mem_grow(times->ms, times->cap, sizeof(uint32_t));
    }
    times->ms[times->count++] = (uint32_t)MIN_OF(ms, (uint64_t)UINT32_MAX);
}

static void add_diverted(struct summary_row *row, const struct world_leg *leg)
{
    for (size_t i = 0; i < row->diverted_count; i++) {
        struct summary_diverted *diverted = &row->diverted[i];

        if (diverted->destination == leg->destination && diverted->reason == leg->reason) {
            diverted->events++;
            return;
        }
    }
    if (row->diverted_count == row->diverted_cap) {
        row->diverted_cap = MAX_OF(row->diverted_cap * 2, (size_t)4);
        row->diverted = mem_grow(row->diverted, row->diverted_cap, sizeof(struct summary_diverted));
    }
    row->diverted[row->diverted_count++] =
        (struct summary_diverted){leg->destination, leg->reason, 1};
}

void summary_settled(struct summary *summary, const struct world_leg *leg, uint64_t now_ms)
{
    struct summary_row *row = find_row(summary, leg);

    if (leg->is_part) {
        return;
    }
    if (leg->is_dead_letter) {
        row->dead_lettered[leg->reason]++;
        summary->dead_lettered++;
    } else if (leg->position > 0) {
        add_diverted(row, leg);
        add_time(&row->diverted_times, now_ms - leg->produced_ms);
        summary->diverted++;
    } else {
        row->delivered++;
        add_time(&row->delivered_times, now_ms - leg->produced_ms);
        summary->delivered++;
    }
}

void summary_requested(struct summary *summary, size_t destination, size_t events, bool is_in_fault)
{
    summary->asked[destination].requests++;
    summary->asked[destination].events += events;
    summary->asked[destination].requests_in_fault += is_in_fault;
}

/* Routes and legs lie in the configuration's order; the event as a whole comes last. */
static int by_line(const void *a, const void *b)
{
    const struct summary_row *left = a;
    const struct summary_row *right = b;

    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    if (left->route != right->route) {
        return right->route == NULL || (left->route != NULL && left->route < right->route) ? -1 : 1;
    }
    return left->plan < right->plan ? -1 : left->plan > right->plan;
}

static int by_diverted(const void *a, const void *b)
{
    const struct summary_diverted *left = a;
    const struct summary_diverted *right = b;

    if (left->destination != right->destination) {
        return left->destination < right->destination ? -1 : 1;
    }
    return left->reason < right->reason ? -1 : left->reason > right->reason;
}

void summary_sort(struct summary *summary)
{
    if (summary->row_count > 1) {
        qsort(summary->rows, summary->row_count, sizeof(struct summary_row), by_line);
    }
    for (size_t i = 0; i < summary->row_count; i++) {
        if (summary->rows[i].diverted_count > 1) {
            qsort(summary->rows[i].diverted, summary->rows[i].diverted_count,
                  sizeof(struct summary_diverted), by_diverted);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

uint32_t summary_percentile(struct summary_times *times, double share)
{
    size_t rank;

    if (times->count == 0) {
        return 0;
    }
    if (!times->is_sorted) {
        qsort(times->ms, times->count, sizeof(uint32_t), by_number);
        times->is_sorted = true;
    }
    rank = (size_t)ceil(share * (double)times->count);
    return times->ms[MAX_OF(rank, (size_t)1) - 1];
}

uint64_t summary_diverted(const struct summary_row *row)
{
    uint64_t events = 0;

    for (size_t i = 0; i < row->diverted_count; i++) {
        events += row->diverted[i].events;
    }
    return events;
}

uint64_t summary_dead_lettered(const struct summary_row *row)
{
    uint64_t events = 0;

    for (size_t i = 0; i < REASON_COUNT; i++) {
        events += row->dead_lettered[i];
    }
    return events;
}
