/* Two tables for people: what happened when, and what became of the events. 80 columns. */
#include "rehearse/rehearsal.h"

#include <string.h>

enum { NAME_BYTES = 160, NUMBER_BYTES = 40 };

/* Colours of a terminal, or nothing. */
struct paint {
    const char *bold, *red, *yellow, *green, *off;
};

static const struct paint plain = {"", "", "", "", ""};
static const struct paint colours = {"\033[1m", "\033[31m", "\033[33m", "\033[32m", "\033[0m"};

static int bytes_of(struct span s)
{
    return (int)MIN_OF(s.len, (size_t)NAME_BYTES / 2 - 2);
}

/* "name", cut to @width with two dots at its end; whole characters only. */
static const char *fit(const char *text, size_t width, char out[NAME_BYTES])
{
    size_t len = strlen(text);
    size_t keep = width - 2;

    if (len <= width) {
        (void)snprintf(out, NAME_BYTES, "%s", text);
        return out;
    }
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
        keep--;
    }
    (void)snprintf(out, NAME_BYTES, "%.*s..", (int)keep, text);
    return out;
}

static const char *where(const struct rehearsal *rehearsal, size_t destination, struct span event,
                         char out[NAME_BYTES])
{
    struct span name = rehearsal->config->destinations[destination].name;

    if (event.ptr == NULL) {
        (void)snprintf(out, NAME_BYTES, "%.*s", bytes_of(name), name.ptr);
    } else {
        (void)snprintf(out, NAME_BYTES, "%.*s/%.*s", bytes_of(name), name.ptr, bytes_of(event),
                       event.ptr);
    }
    return out;
}

/* 12,345 */
static const char *number(uint64_t value, char out[NUMBER_BYTES])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* m:ss.t, or h:mm:ss */
static const char *clock_text(uint64_t ms, char out[NUMBER_BYTES])
{
    unsigned long long s = ms / 1000;

    if (s >= 3600) {
        (void)snprintf(out, NUMBER_BYTES, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    } else {
        (void)snprintf(out, NUMBER_BYTES, "%llu:%02llu.%llu", s / 60, s % 60,
                       (unsigned long long)ms % 1000 / 100);
    }
    return out;
}

/* timeline */

static const char *state_text(const struct rehearsal *rehearsal, const struct timeline_row *row,
                              char out[NAME_BYTES])
{
    struct span alternate;

    if (row->what != TIMELINE_DIVERTED && row->what != TIMELINE_RETURNED) {
        return row->state;
    }
    alternate = rehearsal->config->destinations[row->alternate].name;
    (void)snprintf(out, NAME_BYTES, "%s %.*s", row->what == TIMELINE_DIVERTED ? "to" : "from",
                   bytes_of(alternate), alternate.ptr);
    return out;
}

static const char *cause_text(const struct timeline_row *row, char out[NAME_BYTES])
{
    char text[NUMBER_BYTES];

    if (row->what != TIMELINE_RETURNED) {
        return row->cause;
    }
    (void)snprintf(out, NAME_BYTES, "%s event%s", number(row->events, text),
                   row->events == 1 ? "" : "s");
    return out;
}

static const char *colour_of(const struct paint *paint, const struct timeline_row *row)
{
    if (row->what == TIMELINE_RETURNED || strcmp(row->state, "closed") == 0 ||
        (row->what == TIMELINE_FLOW && strcmp(row->state, "open") == 0)) {
        return paint->green;
    }
    if (row->what == TIMELINE_HEALTH && strcmp(row->state, "open") == 0) {
        return paint->red;
    }
    return row->what == TIMELINE_DIVERTED || row->what == TIMELINE_FLOW ||
                   strcmp(row->state, "half_open") == 0 || strcmp(row->state, "ramp") == 0
               ? paint->yellow
               : "";
}

/* No blanks behind the last word. */
static void print_timeline_row(const struct rehearsal *rehearsal, const struct timeline_row *row,
                               FILE *out, const struct paint *paint)
{
    bool has_scope = row->what == TIMELINE_HEALTH && row->scope != SCOPE_NONE;
    char at[NUMBER_BYTES];
    char text[NAME_BYTES];
    char cell[NAME_BYTES];
    char why[NAME_BYTES];

    fit(cause_text(row, text), 17, why);
    fprintf(out, "%8s %-8s  ", clock_text(row->at_ms, at), timeline_word(row->what));
    fprintf(out, "%-22s ", fit(where(rehearsal, row->destination, row->event, text), 22, cell));
    fprintf(out, "%s%-*s%s", colour_of(paint, row), has_scope || why[0] != '\0' ? 12 : 0,
            fit(state_text(rehearsal, row, text), 12, cell), paint->off);
    if (has_scope) {
        fprintf(out, " %-17s %s\n", why, scope_word(row->scope));
    } else {
        fprintf(out, "%s%s\n", why[0] == '\0' ? "" : " ", why);
    }
}

static void print_timeline(struct rehearsal *rehearsal, FILE *out, const struct paint *paint)
{
    size_t count = 0;
    const struct timeline_row *rows = timeline_rows(rehearsal->timeline, &count);

    fprintf(out, "%s%8s %-8s  %-22s %-12s %-17s %s%s\n", paint->bold, "TIME", "WHAT", "WHERE",
            "STATE", "WHY", "SCOPE", paint->off);
    for (size_t i = 0; i < count; i++) {
        print_timeline_row(rehearsal, &rows[i], out, paint);
    }
}

/* summary */

static const char *leg_text(const struct sums_row *row, char out[NAME_BYTES])
{
    struct span route = row->route == NULL ? SPAN_NONE : row->route->name;
    struct span leg = row->plan == NULL ? SPAN_NONE : row->plan->chain[0]->name;

    if (row->plan == NULL) {
        return "(no leg)";
    }
    (void)snprintf(out, NAME_BYTES, "%.*s/%.*s", bytes_of(route), route.ptr, bytes_of(leg),
                   leg.ptr);
    return out;
}

static void print_ways(const struct rehearsal *rehearsal, const struct sums_row *row, FILE *out)
{
    char text[NUMBER_BYTES];

    for (size_t i = 0; i < row->diverted_count; i++) {
        struct span name = rehearsal->config->destinations[row->diverted[i].destination].name;

        fprintf(out, "    %9s diverted to %.*s: %s\n", number(row->diverted[i].events, text),
                bytes_of(name), name.ptr, reason_word(row->diverted[i].reason));
    }
    for (size_t reason = 0; reason < REASON_COUNT; reason++) {
        if (row->dead_lettered[reason] > 0) {
            fprintf(out, "    %9s dead-lettered: %s\n", number(row->dead_lettered[reason], text),
                    reason_word((enum reason)reason));
        }
    }
}

static void print_times(struct sums_times *times, FILE *out)
{
    if (times->count == 0) {
        fprintf(out, " %6s %6s\n", "-", "-");
        return;
    }
    fprintf(out, " %6u %6u\n", sums_percentile(times, 0.5), sums_percentile(times, 0.99));
}

static void print_rows(struct rehearsal *rehearsal, FILE *out, const struct paint *paint)
{
    fprintf(out, "\n%s%-16s %-24s %9s %8s %5s %6s %6s%s\n", paint->bold, "EVENT", "ROUTE/LEG",
            "DELIVERED", "DIVERTED", "DEAD", "P50 ms", "P99 ms", paint->off);
    for (size_t i = 0; i < rehearsal->sums.row_count; i++) {
        struct sums_row *row = &rehearsal->sums.rows[i];
        struct span event = rehearsal->trace->traffic[row->line].event;
        char text[NAME_BYTES];
        char cells[2][NAME_BYTES];
        char numbers[3][NUMBER_BYTES];

        (void)snprintf(text, sizeof(text), "%.*s", bytes_of(event), event.ptr);
        (void)fit(text, 16, cells[0]);
        fprintf(out, "%-16s %-24s %9s %8s %5s", cells[0], fit(leg_text(row, text), 24, cells[1]),
                number(row->delivered, numbers[0]), number(sums_diverted(row), numbers[1]),
                number(sums_dead_lettered(row), numbers[2]));
        print_times(&row->delivered_times, out);
        print_ways(rehearsal, row, out);
    }
}

static void print_asked(const struct rehearsal *rehearsal, FILE *out, const struct paint *paint)
{
    fprintf(out, "\n%s%-37s %12s %12s %14s%s\n", paint->bold, "DESTINATION", "REQUESTS", "EVENTS",
            "WHILE IN FAULT", paint->off);
    for (size_t i = 0; i < rehearsal->config->destination_count; i++) {
        const struct sums_asked *asked = &rehearsal->sums.asked[i];
        char name[NAME_BYTES];
        char cell[NAME_BYTES];
        char numbers[3][NUMBER_BYTES];

        if (rehearsal->config->destinations[i].type == DESTINATION_KAFKA) {
            continue;
        }
        fprintf(out, "%-37s %12s %12s %14s\n", fit(where(rehearsal, i, SPAN_NONE, name), 37, cell),
                number(asked->requests, numbers[0]), number(asked->events, numbers[1]),
                number(asked->requests_in_fault, numbers[2]));
    }
}

void rehearsal_print(struct rehearsal *rehearsal, FILE *out, bool is_colour)
{
    const struct paint *paint = is_colour ? &colours : &plain;
    const struct sums *sums = &rehearsal->sums;
    char texts[5][NUMBER_BYTES];

    print_timeline(rehearsal, out, paint);
    print_rows(rehearsal, out, paint);
    print_asked(rehearsal, out, paint);
    fprintf(out, "\nproduced %s events; legs: %s delivered, %s diverted,\n",
            number(rehearsal->produced, texts[0]), number(sums->delivered, texts[1]),
            number(sums->diverted, texts[2]));
    fprintf(out, "%s dead-lettered; %s events dropped by a rule\n",
            number(sums->dead_lettered, texts[3]), number(rehearsal->dropped, texts[4]));
    if (rehearsal->settled_ms == 0) {
        fprintf(out, "%s events are not settled ten minutes after the trace\n",
                number(rehearsal->in_flight, texts[0]));
    }
}
