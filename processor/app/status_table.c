#include "app/status_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/columns.h"

enum { NAME_COLUMNS = 30, LINE_COLUMNS = 80, HELD_BYTES_MAX = 64 * 1024 };
enum { SOURCES_SHOWN = 8, SOURCE_COLUMNS = 20 };
enum { TABLE_BYTES_MAX = 256 * 1024 * 1024 }; /* the answers it is made of have bounds */

/* reading */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static long long count_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static bool is_set(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* writing */

static const char *since(const json_t *object, const char *key, int64_t wall_ms,
                         char out[COLUMNS_DURATION_BYTES])
{
    const char *text = text_of(object, key);
    int64_t at_ms;

    if (!clock_parse_iso(text, strlen(text), &at_ms)) {
        return "";
    }
    return columns_duration(wall_ms - at_ms, out);
}

static void add_bytes(struct buf *out, long long bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < COUNT_OF(units)) {
        size /= 1024;
        unit++;
    }
    buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

/* breakers */

static void add_state(struct buf *out, const char *state, bool is_colored)
{
    const char *color = strcmp(state, "open") == 0     ? "\033[31m"
                        : strcmp(state, "closed") == 0 ? ""
                                                       : "\033[33m";

    if (is_colored) {
        buf_add_text(out, color);
    }
    columns_clean_left(out, state, 9);
    if (is_colored && color[0] != '\0') {
        buf_add_text(out, "\033[0m");
    }
}

/* A number that is there. */
static void add_number(struct buf *out, const char *before, const json_t *object, const char *key)
{
    if (json_is_integer(json_object_get(object, key))) {
        buf_printf(out, "%s%lld", before, count_of(object, key));
    }
}

/* "next probe in 12s"; a probe that is due waits for an event. */
static void add_probe(struct buf *out, const char *before, const json_t *object)
{
    const json_t *probe = json_object_get(object, "next_probe_in_ms");
    char text[COLUMNS_DURATION_BYTES];

    if (json_is_integer(probe) && json_integer_value(probe) > 0) {
        buf_printf(out, "%snext probe in %s", before,
                   columns_duration(json_integer_value(probe) + 999, text));
    } else if (json_is_integer(probe)) {
        buf_printf(out, "%sthe next event is the probe", before);
    }
}

/* What the destination said, how long ago, and how it was read. */
static void add_answer(struct buf *out, const json_t *answer, int64_t wall_ms)
{
    char text[COLUMNS_DURATION_BYTES];

    if (!json_is_object(answer)) {
        return;
    }
    buf_printf(out, "      last error %s ago: ", since(answer, "at", wall_ms, text));
    columns_clean(out, text_of(answer, "verdict"), 12);
    add_number(out, ", code ", answer, "code");
    add_number(out, ", HTTP ", answer, "status");
    buf_add_char(out, '\n');
    if (text_of(answer, "text")[0] != '\0') {
        buf_add_text(out, "        ");
        columns_clean(out, text_of(answer, "text"), LINE_COLUMNS - 8);
        buf_add_char(out, '\n');
    }
    if (text_of(answer, "request_id")[0] != '\0') {
        buf_add_text(out, "        request ");
        columns_clean(out, text_of(answer, "request_id"), LINE_COLUMNS - 16);
        buf_add_char(out, '\n');
    }
}

/* What a person wants to know of a way that is not simply open, one thing a line. */
static void add_remarks(struct buf *out, const json_t *breaker, int64_t wall_ms)
{
    char text[COLUMNS_DURATION_BYTES];

    if (text_of(breaker, "outage")[0] != '\0') {
        buf_add_text(out, "      outage ");
        columns_clean(out, text_of(breaker, "outage"), 40);
        add_probe(out, ", ", breaker);
        buf_add_text(out, is_set(breaker, "flapping") ? ",\n      flapping\n" : "\n");
        buf_printf(out, "      began %s ago; %lld diverted, %lld dead letters\n",
                   since(breaker, "began", wall_ms, text), count_of(breaker, "diverted"),
                   count_of(breaker, "dead_lettered"));
        add_answer(out, json_object_get(breaker, "last_error"), wall_ms);
    }
    if (text_of(breaker, "override")[0] != '\0') {
        buf_add_text(out, "      held by an operator's override: ");
        columns_clean(out, text_of(breaker, "override"), 10);
        buf_add_char(out, '\n');
    }
}

static double share_of(const json_t *breaker)
{
    return json_number_value(json_object_get(breaker, "share"));
}

/* The breaker of @destination, or of @cell of it. The share is of the events that may go, past
 * both.
 */
static void add_breaker(struct buf *out, const json_t *destination, const json_t *cell,
                        int64_t wall_ms, bool is_colored)
{
    bool is_cell = cell != NULL;
    const json_t *breaker = is_cell ? cell : destination;
    const char *name = text_of(breaker, is_cell ? "event" : "name");
    double share = fmin(share_of(breaker), share_of(destination));
    char text[COLUMNS_DURATION_BYTES];

    buf_add_text(out, is_cell ? "    " : "  ");
    columns_clean_left(out, name, is_cell ? NAME_COLUMNS - 2 : NAME_COLUMNS);
    buf_add_char(out, ' ');
    add_state(out, text_of(breaker, "state"), is_colored);
    buf_printf(out, " %7s %4.0f%%", since(breaker, "since", wall_ms, text), round(share * 100));
    if (!is_cell) {
        buf_printf(out, " %9.1f", json_number_value(json_object_get(breaker, "rate_per_s")));
    }
    if (text_of(breaker, "cause")[0] != '\0') {
        buf_add_text(out, is_cell ? "            " : "  ");
        columns_clean(out, text_of(breaker, "cause"), 12);
    }
    buf_add_char(out, '\n');
    add_remarks(out, breaker, wall_ms);
}

/* Where the secret comes from may be a long path, or several: it begins a line of its own then,
 * and goes on in the next; nothing of it is left out. */
static void add_held(struct buf *out, const char *secret, const char *how_long)
{
    struct buf text;
    struct span left;

    buf_init(&text, HELD_BYTES_MAX);
    columns_clean(&text, secret, SIZE_MAX);
    left = buf_span(&text);
    buf_printf(out, "      held for %s: it refuses the credential,", how_long);
    if (columns_of(left) + strlen(how_long) <= LINE_COLUMNS - 44) {
        buf_add_char(out, ' ');
        buf_add_span(out, left);
        left = SPAN_NONE;
    }
    while (left.len > 0) {
        size_t bytes = columns_within(left, LINE_COLUMNS - 8);

        buf_add_text(out, "\n        ");
        buf_add_span(out, span_sub(left, 0, bytes));
        left = span_sub(left, bytes, left.len);
    }
    buf_add_char(out, '\n');
    buf_fini(&text);
}

/* A source id that is refused alone. */
static void add_sources(struct buf *out, const json_t *sources, int64_t wall_ms)
{
    char text[COLUMNS_DURATION_BYTES];
    const json_t *held;
    size_t i;

    json_array_foreach(sources, i, held)
    {
        if (i == SOURCES_SHOWN) {
            buf_printf(out, "      and %zu more source ids\n", json_array_size(sources) - i);
            return;
        }
        buf_add_text(out, "      source ");
        columns_clean(out, text_of(held, "source_id"), SOURCE_COLUMNS);
        buf_printf(out, " held for %s", since(held, "since", wall_ms, text));
        add_probe(out, ", ", held);
        buf_add_char(out, '\n');
    }
}

static void add_destination(struct buf *out, const json_t *destination, int64_t wall_ms,
                            bool is_colored)
{
    const json_t *throttle = json_object_get(destination, "throttle");
    const json_t *held = json_object_get(destination, "held");
    const json_t *cell;
    char text[COLUMNS_DURATION_BYTES];
    size_t i;

    add_breaker(out, destination, NULL, wall_ms, is_colored);
    if (strcmp(text_of(destination, "scope"), "partial") == 0) {
        buf_add_text(out, "      partial outage: the event types below that are not closed\n");
    }
    if (is_set(destination, "throttled")) {
        buf_add_text(out, "      throttled: it asks for less");
        add_probe(out, ", ", throttle);
        buf_add_char(out, '\n');
        add_answer(out, json_object_get(throttle, "last_answer"), wall_ms);
    }
    if (json_is_object(held)) {
        add_held(out, text_of(held, "secret"), since(held, "since", wall_ms, text));
        add_probe(out, "      ", held);
        buf_add_char(out, '\n');
        add_answer(out, json_object_get(held, "last_answer"), wall_ms);
    }
    add_sources(out, json_object_get(destination, "held_sources"), wall_ms);
    json_array_foreach(json_object_get(destination, "cells"), i, cell)
    {
        add_breaker(out, destination, cell, wall_ms, is_colored);
    }
}

/* instances */

static void add_blocked(struct buf *out, const json_t *blocked)
{
    const json_t *one;
    size_t i;

    json_array_foreach(blocked, i, one)
    {
        buf_printf(out, "  not taken: %lld partitions, ", count_of(one, "partitions"));
        columns_clean(out, text_of(one, "reason"), 30);
        buf_add_char(out, '\n');
    }
}

/* A line of its own; the whole table is folded in the end. */
static void add_line(struct buf *out, const char *text)
{
    if (text[0] != '\0') {
        buf_add_text(out, "      ");
        columns_clean(out, text, SIZE_MAX);
        buf_add_char(out, '\n');
    }
}

/* "Kafka answers for 5h09m", or what is wrong with it. */
static void add_service(struct buf *out, const char *name, const json_t *service, int64_t wall_ms)
{
    const json_t *up = json_object_get(service, "up");
    char text[COLUMNS_DURATION_BYTES];

    if (!json_is_boolean(up)) {
        return;
    }
    buf_printf(out, "  %s %s %s\n", name, json_is_true(up) ? "answers for" : "NOT REACHED for",
               since(service, "since", wall_ms, text));
    if (json_is_false(up)) {
        add_line(out, text_of(service, "error"));
    }
}

static void add_kafka_errors(struct buf *out, const json_t *errors)
{
    const json_t *one;
    size_t i;

    json_array_foreach(errors, i, one)
    {
        buf_add_text(out, "    ");
        columns_clean(out, text_of(one, "error"), 40);
        buf_add_char(out, ' ');
        columns_clean(out, text_of(one, "resource"), 30);
        buf_add_char(out, '\n');
        add_line(out, text_of(one, "meaning"));
        add_line(out, text_of(one, "next"));
    }
}

/* Partitions that cannot be read, and those behind an open transaction. */
static void add_partitions(struct buf *out, const json_t *partitions)
{
    const json_t *one;
    size_t i;

    json_array_foreach(partitions, i, one)
    {
        const json_t *error = json_object_get(one, "error");
        const json_t *open = json_object_get(one, "open_transaction_s");

        if (!json_is_object(error) && !json_is_real(open)) {
            continue;
        }
        buf_add_text(out, "    ");
        columns_clean(out, text_of(one, "topic"), 40);
        buf_printf(out, " partition %lld: ", count_of(one, "partition"));
        if (json_is_real(open)) {
            buf_printf(out, "open transaction, %.0fs ", json_real_value(open));
        }
        columns_clean(out, text_of(error, "error"), 30);
        buf_add_char(out, '\n');
        add_line(out, text_of(error, "meaning"));
        add_line(out, text_of(error, "next"));
    }
}

/* How old the oldest of the words is that the lag rests on. */
static double lag_age_of(const json_t *partitions)
{
    const json_t *one;
    double most = 0;
    size_t i;

    json_array_foreach(partitions, i, one)
    {
        most = fmax(most, json_number_value(json_object_get(one, "lag_age_s")));
    }
    return most;
}

static size_t lags_unknown(const json_t *partitions)
{
    const json_t *one;
    size_t count = 0;
    size_t i;

    json_array_foreach(partitions, i, one)
    {
        count += json_is_null(json_object_get(one, "lag"));
    }
    return count;
}

static void add_lag(struct buf *out, const json_t *instance)
{
    const json_t *partitions = json_object_get(instance, "partitions");
    double age = lag_age_of(partitions);
    size_t unknown = lags_unknown(partitions);
    char text[COLUMNS_DURATION_BYTES];

    buf_printf(out, "  lag %lld", count_of(instance, "lag"));
    if (unknown > 0) {
        buf_printf(out, " (%zu partitions not known yet)", unknown);
    }
    if (age >= 10) {
        buf_printf(out, " as of %s ago", columns_duration((int64_t)(age * 1000), text));
    }
    buf_printf(
        out, ", oldest unsettled %s\n",
        columns_duration(
            (int64_t)(json_number_value(json_object_get(instance, "oldest_unsettled_s")) * 1000),
            text));
    add_partitions(out, partitions);
}

static void add_numbers(struct buf *out, const json_t *instance, int64_t wall_ms)
{
    const json_t *in_flight = json_object_get(instance, "in_flight");
    const json_t *totals = json_object_get(instance, "totals");

    buf_printf(out, "  in flight %lld events, ", count_of(in_flight, "events"));
    add_bytes(out, count_of(in_flight, "bytes"));
    buf_add_char(out, '\n');
    add_lag(out, instance);
    add_service(out, "Kafka", json_object_get(instance, "kafka"), wall_ms);
    add_kafka_errors(out, json_object_get(json_object_get(instance, "kafka"), "errors"));
    add_service(out, "registry", json_object_get(instance, "registry"), wall_ms);
    buf_printf(out, "  consumed %lld, delivered %lld, diverted %lld,\n",
               count_of(totals, "consumed"), count_of(totals, "delivered"),
               count_of(totals, "diverted"));
    buf_printf(out, "  dead letters %lld, dropped %lld\n", count_of(totals, "dead_lettered"),
               count_of(totals, "dropped"));
}

static void add_instance(struct buf *out, const json_t *instance, int64_t wall_ms, bool is_colored)
{
    const json_t *destination;
    char text[COLUMNS_DURATION_BYTES];
    size_t i;

    columns_clean(out, text_of(instance, "instance"), 40);
    buf_add_text(out, ": detour ");
    columns_clean(out, text_of(instance, "version"), 10);
    buf_printf(out, ", up %s, workers %lld\n", since(instance, "started", wall_ms, text),
               count_of(instance, "workers"));
    add_numbers(out, instance, wall_ms);
    add_blocked(out, json_object_get(instance, "blocked"));
    buf_printf(out, "\n  %-30s %-9s %7s %5s %9s  %s\n", "destination, event types", "state", "for",
               "share", "events/s", "cause");
    json_array_foreach(json_object_get(instance, "destinations"), i, destination)
    {
        add_destination(out, destination, wall_ms, is_colored);
    }
}

void status_table(const json_t *instances, int64_t wall_ms, bool is_colored, struct buf *out)
{
    const json_t *instance;
    struct buf wide;
    size_t i;

    buf_init(&wide, TABLE_BYTES_MAX);
    json_array_foreach(instances, i, instance)
    {
        buf_add_text(&wide, i > 0 ? "\n" : "");
        add_instance(&wide, instance, wall_ms, is_colored);
    }
    columns_fold(out, buf_span(&wide), LINE_COLUMNS, 8);
    buf_fini(&wide);
}
