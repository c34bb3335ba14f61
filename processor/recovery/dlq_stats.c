/* `detour dlq stats`: how many dead letters, by what they have in common. */
#include <stdio.h>
#include <stdlib.h>

#include "base/columns.h"
#include "recovery/dlq.h"
#include "recovery/dlq_session.h"
#include "recovery/printable.h"
#include "recovery/record_age.h"
#include "recovery/text_counts.h"

enum { ROWS_SHOWN = 10, TEXT_COLUMNS = 36, NUMBER_COLUMNS = 12, BAR_CELLS = 20 };
enum { TABLE_BYTES_MAX = 4 * 1024 * 1024 };

enum dimension {
    BY_REASON,
    BY_DESTINATION,
    BY_EVENT,
    BY_ROUTE,
    BY_CODE,
    BY_FIELD,
    BY_AGE,
    BY_DECISION,
    DIMENSION_COUNT,
};

static const char *const dimension_words[DIMENSION_COUNT] = {
    "reason", "destination", "event", "route", "code", "field", "age", "decided",
};

struct stats {
    struct text_counts by[DIMENSION_COUNT];
    int64_t oldest_ms, newest_ms; /* written; -1: not known */
};

static void count(struct stats *stats, enum dimension dimension, struct span text)
{
    text_counts_add(&stats->by[dimension], text.ptr == NULL ? SPAN("(none)") : text);
}

static void add(struct stats *stats, const struct dlq *dlq, const struct dlq_letter *from)
{
    const struct record *record = &from->record;
    const struct dead_letter *letter = &record->letter;
    int64_t at_ms = record->view.timestamp_ms;
    char code[32];

    (void)snprintf(code, sizeof(code), "%d", letter->code);
    count(stats, BY_REASON, letter->reason);
    count(stats, BY_DESTINATION, letter->destination);
    count(stats, BY_EVENT, letter->event_type);
    count(stats, BY_ROUTE, letter->route);
    count(stats, BY_CODE, letter->has_code ? span_of(code) : SPAN_NONE);
    count(stats, BY_FIELD, letter->field);
    count(stats, BY_AGE, record_age(record, dlq->now_ms));
    count(stats, BY_DECISION,
          from->decision == NULL ? SPAN_NONE : span_of(decision_word(from->decision->type)));
    if (at_ms >= 0) {
        stats->oldest_ms = stats->oldest_ms < 0 ? at_ms : MIN_OF(stats->oldest_ms, at_ms);
        stats->newest_ms = MAX_OF(stats->newest_ms, at_ms);
    }
}

/* printing */

static void add_line(struct buf *out, struct span text, uint64_t number, uint64_t total)
{
    double share = total == 0 ? 0 : (double)number / (double)total;
    struct buf safe;

    buf_init(&safe, TABLE_BYTES_MAX);
    printable_add(&safe, text);
    buf_add_text(out, "  ");
    columns_left(out, buf_span(&safe), TEXT_COLUMNS);
    columns_number(out, number, NUMBER_COLUMNS);
    buf_printf(out, " %3.0f%% ", share * 100.0);
    progress_bar(share, BAR_CELLS, out);
    buf_add_char(out, '\n');
    buf_fini(&safe);
}

static void add_table(struct buf *out, const char *name, struct text_counts *counts, uint64_t total)
{
    size_t entries = 0;
    struct text_count *sorted = text_counts_sorted(counts, &entries);
    uint64_t rest = counts->others;

    buf_printf(out, "\n%s\n", name);
    for (size_t i = 0; i < entries; i++) {
        if (i < ROWS_SHOWN) {
            add_line(out, sorted[i].text, sorted[i].count, total);
        } else {
            rest += sorted[i].count;
        }
    }
    if (rest > 0) {
        add_line(out, SPAN("(others; --json has them)"), rest, total);
    }
    free(sorted);
}

static void print_stats(const struct dlq *dlq, struct stats *stats)
{
    char oldest[COLUMNS_DURATION_BYTES];
    char newest[COLUMNS_DURATION_BYTES];
    struct buf out;

    buf_init(&out, TABLE_BYTES_MAX);
    columns_number(&out, dlq->count, 0);
    buf_printf(&out, " in %s", dlq->topic);
    if (stats->oldest_ms >= 0) {
        buf_printf(&out, "; written %s ago",
                   columns_duration(MAX_OF(dlq->now_ms - stats->oldest_ms, (int64_t)0), oldest));
        buf_printf(&out, " (the oldest) to %s ago",
                   columns_duration(MAX_OF(dlq->now_ms - stats->newest_ms, (int64_t)0), newest));
    }
    buf_add_char(&out, '\n');
    for (size_t i = 0; i < DIMENSION_COUNT && dlq->count > 0; i++) {
        add_table(&out, dimension_words[i], &stats->by[i], dlq->count);
    }
    (void)fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}

static void print_json(const struct dlq *dlq, struct stats *stats)
{
    json_t *out = json_pack("{s:s, s:I}", "topic", dlq->topic, "total", (json_int_t)dlq->count);

    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        size_t entries = 0;
        struct text_count *sorted = text_counts_sorted(&stats->by[i], &entries);
        json_t *object = json_object();

        for (size_t k = 0; k < entries; k++) {
            json_object_setn_new(object, sorted[k].text.ptr, sorted[k].text.len,
                                 json_integer((json_int_t)sorted[k].count));
        }
        if (stats->by[i].others > 0) {
            json_object_set_new(object, "(others)", json_integer((json_int_t)stats->by[i].others));
        }
        json_object_set_new(out, dimension_words[i], object);
        free(sorted);
    }
    (void)json_dumpf(out, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(out);
}

static void make(struct dlq *dlq)
{
    struct stats stats = {.oldest_ms = -1, .newest_ms = -1};
    struct scan_range range = dlq_range(dlq);
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step = SCAN_FAILED;

    if (dlq_read(dlq, &range)) {
        dlq_read_decisions(dlq);
        while ((step = dlq_next(dlq, &message, &letter)) == SCAN_RECORD) {
            add(&stats, dlq, &letter);
            rd_kafka_message_destroy(message);
        }
    }
    if (step == SCAN_END) {
        if (dlq->arguments->is_json) {
            print_json(dlq, &stats);
        } else {
            print_stats(dlq, &stats);
        }
        dlq_tell_left_out(dlq);
        dlq->code = dlq->count == 0 ? EXIT_CODE_NO : EXIT_CODE_OK;
    }
    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        text_counts_fini(&stats.by[i]);
    }
}

static int run(const void *all)
{
    struct dlq dlq;

    if (dlq_open(&dlq, "dlq stats", all, false)) {
        make(&dlq);
    }
    dlq_close(&dlq);
    return dlq.code;
}

static const struct command_option options[] = {DLQ_OPTIONS, FILTER_OPTIONS, DLQ_JSON};

const struct command dlq_stats_command = {
    .name = "dlq stats",
    .summary = "count them by reason, destination, event, route, code, field, age",
    .about =
        "Counts dead letters by reason, destination, event type, route, the code of the answer, "
        "the field that was refused, and the age of the original record.",
    .exits = "0 found, 1 nothing found, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct dlq_arguments),
    .run = run,
};
