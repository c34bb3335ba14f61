/* Two tables for people: what happened when, and what became of the events. 80 columns. */
#include "rehearse/rehearsal.h"

#include <string.h>

#include "base/columns.h"

enum {
    TABLE_BYTES_MAX = 16 << 20,
    CELL_BYTES_MAX = 64 * 1024,
    COLUMNS = 80,
    WHERE_COLUMNS = 22,
    STATE_COLUMNS = 12,
    WHY_COLUMNS = 17,
    NAME_COLUMNS = 37,
};

/* Colours of a terminal, or nothing. */
struct paint {
    const char *bold, *red, *yellow, *green, *off;
};

static const struct paint plain = {"", "", "", "", ""};
static const struct paint colours = {"\033[1m", "\033[31m", "\033[33m", "\033[32m", "\033[0m"};

/* What is being written: the table, and a cell of it. */
struct sheet {
    struct rehearsal *rehearsal;
    const struct paint *paint;
    struct buf out;
    struct buf cell;
};

static struct span destination_name(const struct sheet *sheet, size_t destination)
{
    return sheet->rehearsal->config->destinations[destination].name;
}

static struct span where(struct sheet *sheet, size_t destination, struct span event)
{
    buf_clear(&sheet->cell);
    buf_add_span(&sheet->cell, destination_name(sheet, destination));
    if (event.ptr != NULL) {
        buf_add_char(&sheet->cell, '/');
        buf_add_span(&sheet->cell, event);
    }
    return buf_span(&sheet->cell);
}

/* m:ss.t, or h:mm:ss */
static struct span clock_text(struct sheet *sheet, uint64_t ms)
{
    unsigned long long s = ms / 1000;

    buf_clear(&sheet->cell);
    if (s >= 3600) {
        buf_printf(&sheet->cell, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    } else {
        buf_printf(&sheet->cell, "%llu:%02llu.%llu", s / 60, s % 60,
                   (unsigned long long)ms % 1000 / 100);
    }
    return buf_span(&sheet->cell);
}

/* timeline */

static struct span state_text(struct sheet *sheet, const struct timeline_row *row)
{
    if (row->what != TIMELINE_DIVERTED && row->what != TIMELINE_RETURNED) {
        return span_of(row->state);
    }
    buf_clear(&sheet->cell);
    buf_add_text(&sheet->cell, row->what == TIMELINE_DIVERTED ? "to " : "from ");
    buf_add_span(&sheet->cell, destination_name(sheet, row->alternate));
    return buf_span(&sheet->cell);
}

static struct span cause_text(struct sheet *sheet, const struct timeline_row *row)
{
    if (row->events == 0) {
        return span_of(row->cause);
    }
    buf_clear(&sheet->cell);
    columns_number(&sheet->cell, row->events, 0);
    buf_add_text(&sheet->cell, row->events == 1 ? " event" : " events");
    return buf_span(&sheet->cell);
}

static const char *colour_of(const struct paint *paint, const struct timeline_row *row)
{
    if (row->what == TIMELINE_RETURNED || strcmp(row->state, "closed") == 0 ||
        (row->what == TIMELINE_FLOW && strcmp(row->state, "open") == 0)) {
        return paint->green;
    }
    if ((row->what == TIMELINE_HEALTH && strcmp(row->state, "open") == 0) ||
        (row->what == TIMELINE_DEAD && row->events == 0)) {
        return paint->red;
    }
    return row->what == TIMELINE_DIVERTED || row->what == TIMELINE_FLOW ||
                   strcmp(row->state, "half_open") == 0 || strcmp(row->state, "ramp") == 0
               ? paint->yellow
               : "";
}

/* No blanks behind the last word. */
static void add_timeline_row(struct sheet *sheet, const struct timeline_row *row)
{
    bool has_scope = row->what == TIMELINE_HEALTH && row->scope != SCOPE_NONE;
    bool has_why = row->events > 0 || row->cause[0] != '\0';
    struct buf *out = &sheet->out;

    columns_right(out, clock_text(sheet, row->at_ms), 8);
    buf_add_char(out, ' ');
    columns_left(out, span_of(row->what == TIMELINE_DEAD ? "dead" : timeline_word(row->what)), 8);
    buf_add_text(out, "  ");
    columns_left(out, where(sheet, row->destination, row->event), WHERE_COLUMNS);
    buf_printf(out, " %s", colour_of(sheet->paint, row));
    if (has_scope || has_why) {
        columns_left(out, state_text(sheet, row), STATE_COLUMNS);
    } else {
        columns_cut(out, state_text(sheet, row), STATE_COLUMNS);
    }
    buf_add_text(out, sheet->paint->off);
    if (has_scope) {
        buf_add_char(out, ' ');
        columns_left(out, cause_text(sheet, row), WHY_COLUMNS);
        buf_printf(out, " %s", scope_word(row->scope));
    } else if (has_why) {
        buf_add_char(out, ' ');
        columns_cut(out, cause_text(sheet, row), WHY_COLUMNS);
    }
    buf_add_char(out, '\n');
}

static void add_timeline(struct sheet *sheet)
{
    size_t count = 0;
    const struct timeline_row *rows = timeline_rows(sheet->rehearsal->timeline, &count);

    buf_printf(&sheet->out, "%s%8s %-8s  %-22s %-12s %-17s %s%s\n", sheet->paint->bold, "TIME",
               "WHAT", "WHERE", "STATE", "WHY", "SCOPE", sheet->paint->off);
    for (size_t i = 0; i < count; i++) {
        add_timeline_row(sheet, &rows[i]);
    }
}

/* summary */

/* Numbers get the room they need; names share what is left of the line. */
struct columns {
    size_t event, leg, delivered, diverted, dead, p50, p99;
};

static void widen(struct sheet *sheet, size_t *width, uint64_t value)
{
    buf_clear(&sheet->cell);
    columns_number(&sheet->cell, value, *width);
    *width = sheet->cell.len;
}

static void widen_plain(size_t *width, uint64_t value)
{
    *width = MAX_OF(*width, (size_t)snprintf(NULL, 0, "%llu", (unsigned long long)value));
}

static struct columns measure(struct sheet *sheet)
{
    struct columns columns = {
        .event = 16, .delivered = 9, .diverted = 8, .dead = 5, .p50 = 6, .p99 = 6};
    struct summary *summary = &sheet->rehearsal->summary;
    size_t used;

    for (size_t i = 0; i < summary->row_count; i++) {
        struct summary_row *row = &summary->rows[i];

        widen(sheet, &columns.delivered, row->delivered);
        widen(sheet, &columns.diverted, summary_diverted(row));
        widen(sheet, &columns.dead, summary_dead_lettered(row));
        widen_plain(&columns.p50, summary_percentile(&row->delivered_times, 0.5));
        widen_plain(&columns.p99, summary_percentile(&row->delivered_times, 0.99));
    }
    used = columns.delivered + columns.diverted + columns.dead + columns.p50 + columns.p99 + 6;
    INVARIANT(used + 24 <= COLUMNS);
    columns.event = MIN_OF(columns.event, (COLUMNS - used) * 2 / 5);
    columns.leg = COLUMNS - used - columns.event;
    return columns;
}

static void add_leg_text(struct sheet *sheet, const struct summary_row *row, size_t width)
{
    buf_clear(&sheet->cell);
    if (row->plan == NULL) {
        buf_add_text(&sheet->cell, "(no leg)");
    } else {
        columns_pair(&sheet->cell, row->route->name, row->plan->chain[0]->name, width);
    }
    columns_left(&sheet->out, buf_span(&sheet->cell), width);
}

static void add_reasons(struct sheet *sheet, const struct summary_row *row)
{
    struct buf *out = &sheet->out;

    for (size_t i = 0; i < row->diverted_count; i++) {
        buf_add_text(out, "    ");
        columns_number(out, row->diverted[i].events, 9);
        buf_printf(out, " diverted to ");
        columns_cut(out, destination_name(sheet, row->diverted[i].destination), NAME_COLUMNS);
        buf_printf(out, ": %s\n", reason_word(row->diverted[i].reason));
    }
    for (size_t reason = 0; reason < REASON_COUNT; reason++) {
        if (row->dead_lettered[reason] > 0) {
            buf_add_text(out, "    ");
            columns_number(out, row->dead_lettered[reason], 9);
            buf_printf(out, " dead-lettered: %s\n", reason_word((enum reason)reason));
        }
    }
}

static void add_times(struct buf *out, const struct columns *columns, struct summary_times *times)
{
    if (times->count == 0) {
        buf_printf(out, " %*s %*s\n", (int)columns->p50, "-", (int)columns->p99, "-");
    } else {
        buf_printf(out, " %*u %*u\n", (int)columns->p50, summary_percentile(times, 0.5),
                   (int)columns->p99, summary_percentile(times, 0.99));
    }
}

static void add_rows(struct sheet *sheet)
{
    const struct columns columns = measure(sheet);
    struct summary *summary = &sheet->rehearsal->summary;
    struct buf *out = &sheet->out;

    buf_printf(out, "\n%s%-*s %-*s %*s %*s %*s %*s %*s%s\n", sheet->paint->bold, (int)columns.event,
               "EVENT", (int)columns.leg, "ROUTE/LEG", (int)columns.delivered, "DELIVERED",
               (int)columns.diverted, "DIVERTED", (int)columns.dead, "DEAD", (int)columns.p50,
               "P50 ms", (int)columns.p99, "P99 ms", sheet->paint->off);
    for (size_t i = 0; i < summary->row_count; i++) {
        struct summary_row *row = &summary->rows[i];

        columns_left(out, sheet->rehearsal->trace->traffic[row->line].event, columns.event);
        buf_add_char(out, ' ');
        add_leg_text(sheet, row, columns.leg);
        buf_add_char(out, ' ');
        columns_number(out, row->delivered, columns.delivered);
        buf_add_char(out, ' ');
        columns_number(out, summary_diverted(row), columns.diverted);
        buf_add_char(out, ' ');
        columns_number(out, summary_dead_lettered(row), columns.dead);
        add_times(out, &columns, &row->delivered_times);
        add_reasons(sheet, row);
    }
}

static void add_asked(struct sheet *sheet)
{
    const struct rehearsal *rehearsal = sheet->rehearsal;
    struct buf *out = &sheet->out;

    buf_printf(out, "\n%s%-37s %12s %12s %14s%s\n", sheet->paint->bold, "DESTINATION", "REQUESTS",
               "EVENTS", "IN FAULT", sheet->paint->off);
    for (size_t i = 0; i < rehearsal->config->destination_count; i++) {
        const struct summary_asked *asked = &rehearsal->summary.asked[i];

        if (rehearsal->config->destinations[i].type->is_topic) {
            continue;
        }
        columns_left(out, destination_name(sheet, i), NAME_COLUMNS);
        buf_add_char(out, ' ');
        columns_number(out, asked->requests, 12);
        buf_add_char(out, ' ');
        columns_number(out, asked->events, 12);
        buf_add_char(out, ' ');
        columns_number(out, asked->requests_in_fault, 14);
        buf_add_char(out, '\n');
    }
}

static void add_totals(struct sheet *sheet)
{
    const struct rehearsal *rehearsal = sheet->rehearsal;
    const struct summary *summary = &rehearsal->summary;
    struct buf *out = &sheet->out;

    buf_add_text(out, "\nproduced ");
    columns_number(out, rehearsal->produced, 0);
    buf_add_text(out, " events; legs: ");
    columns_number(out, summary->delivered, 0);
    buf_add_text(out, " delivered, ");
    columns_number(out, summary->diverted, 0);
    buf_add_text(out, " diverted,\n");
    columns_number(out, summary->dead_lettered, 0);
    buf_add_text(out, " dead-lettered; ");
    columns_number(out, rehearsal->dropped, 0);
    buf_add_text(out, " events dropped by a rule\n");
    if (rehearsal->settled_ms == 0) {
        columns_number(out, rehearsal->in_flight, 0);
        buf_add_text(out, " events are not settled ten minutes after the trace\n");
    }
}

void rehearsal_print(struct rehearsal *rehearsal, FILE *out, bool is_colour)
{
    struct sheet sheet = {.rehearsal = rehearsal, .paint = is_colour ? &colours : &plain};

    buf_init(&sheet.out, TABLE_BYTES_MAX);
    buf_init(&sheet.cell, CELL_BYTES_MAX);
    add_timeline(&sheet);
    add_rows(&sheet);
    add_asked(&sheet);
    add_totals(&sheet);
    (void)fwrite(sheet.out.ptr, 1, sheet.out.len, out);
    buf_fini(&sheet.cell);
    buf_fini(&sheet.out);
}
