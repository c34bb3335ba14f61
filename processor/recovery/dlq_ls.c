/*
 * `detour dlq ls`: a page of the selection, newest first. The topic is read once; only the records
 * of the pages up to the one that is wanted are kept, in a heap whose top is the oldest of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/mem.h"
#include "recovery/dlq.h"
#include "recovery/dlq_session.h"
#include "recovery/printable.h"

enum { ROWS_DEFAULT = 20, ROWS_MAX = 100000, TABLE_BYTES_MAX = 64 * 1024 * 1024 };
enum { PLACE = 12, AGE = 8, REASON = 17, DESTINATION = 11, EVENT = 14, ID = 13, DECISION = 66 };

struct ls_arguments {
    struct dlq_arguments dlq;
    uint64_t page; /* from 1 */
};

struct ls_row {
    struct part_place place;
    int64_t timestamp_ms;
    int64_t source_ms;                       /* of the original record */
    json_t *json;                            /* owned; NULL: the texts are wanted */
    char *reason, *destination, *event, *id; /* owned */
    const struct decision *decision;         /* NULL: none is known */
};

struct ls_page {
    struct ls_row *rows; /* owned; a heap, the oldest first */
    size_t count, most;
};

/* Whether @a comes behind @b in the list. */
static bool is_older(const struct ls_row *a, const struct ls_row *b)
{
    if (a->timestamp_ms != b->timestamp_ms) {
        return a->timestamp_ms < b->timestamp_ms;
    }
    if (a->place.partition != b->place.partition) {
        return a->place.partition > b->place.partition;
    }
    return a->place.offset < b->place.offset;
}

static void swap(struct ls_row *a, struct ls_row *b)
{
    struct ls_row kept = *a;

    *a = *b;
    *b = kept;
}

static void sink(struct ls_page *page, size_t at)
{
    for (;;) {
        size_t oldest = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < page->count; child++) {
            oldest = is_older(&page->rows[child], &page->rows[oldest]) ? child : oldest;
        }
        if (oldest == at) {
            return;
        }
        swap(&page->rows[at], &page->rows[oldest]);
        at = oldest;
    }
}

static void rise(struct ls_page *page, size_t at)
{
    while (at > 0 && is_older(&page->rows[at], &page->rows[(at - 1) / 2])) {
        swap(&page->rows[at], &page->rows[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void free_row(struct ls_row *row)
{
    json_decref(row->json);
    free(row->reason);
    free(row->destination);
    free(row->event);
    free(row->id);
}

static struct ls_row make_row(const struct dlq_letter *from, bool is_json)
{
    const struct dead_letter *letter = &from->record.letter;
    struct ls_row row = {.place = from->place,
                         .timestamp_ms = from->record.view.timestamp_ms,
                         .source_ms = letter->source_timestamp_ms,
                         .decision = from->decision};

    if (is_json) {
        row.json = dlq_letter_json(from);
    } else {
        row.reason = mem_text(letter->reason);
        row.destination = mem_text(letter->destination);
        row.event = mem_text(letter->event_type);
        row.id = mem_text(letter->event_id);
    }
    return row;
}

static void keep(struct ls_page *page, const struct dlq_letter *from, bool is_json)
{
    struct ls_row probe = {.place = from->place, .timestamp_ms = from->record.view.timestamp_ms};

    if (page->count < page->most) {
        if ((page->count & (page->count - 1)) == 0) { /* it doubles */
            page->rows =
                mem_grow(page->rows, MAX_OF(2 * page->count, (size_t)1), sizeof(*page->rows));
        }
        page->rows[page->count] = make_row(from, is_json);
        rise(page, page->count++);
    } else if (is_older(&page->rows[0], &probe)) {
        free_row(&page->rows[0]);
        page->rows[0] = make_row(from, is_json);
        sink(page, 0);
    }
}

static int compare(const void *a, const void *b)
{
    return is_older(a, b) ? 1 : -1;
}

/* printing */

static void add_cell(struct buf *out, const char *text, size_t columns)
{
    struct buf safe;

    buf_init(&safe, TABLE_BYTES_MAX);
    printable_add(&safe, text[0] == '\0' ? SPAN("-") : span_of(text));
    columns_left(out, buf_span(&safe), columns);
    buf_add_char(out, ' ');
    buf_fini(&safe);
}

/* A class of an exception by its last name. */
static const char *short_reason(const char *reason)
{
    const char *dot = strrchr(reason, '.');

    return dot == NULL || dot[1] == '\0' ? reason : dot + 1;
}

/* On a line of its own: who, how long ago, why. */
static void add_decision(struct buf *out, const struct decision *decision, int64_t now_ms)
{
    char age[COLUMNS_DURATION_BYTES];
    struct buf text;
    struct buf line;

    buf_init(&text, TABLE_BYTES_MAX);
    buf_init(&line, TABLE_BYTES_MAX);
    buf_printf(&text, "%s by " SPAN_FMT " %s ago", decision_word(decision->type),
               SPAN_ARG(decision->by),
               columns_duration(MAX_OF(now_ms - decision->at_ms, (int64_t)0), age));
    if (decision->because.ptr != NULL) {
        buf_printf(&text, ": " SPAN_FMT, SPAN_ARG(decision->because));
    }
    printable_add(&line, buf_span(&text));
    buf_printf(out, "%*s ", PLACE, "");
    columns_left(out, buf_span(&line), DECISION);
    buf_fini(&line);
    buf_fini(&text);
}

static void end_line(struct buf *out)
{
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
        buf_truncate(out, out->len - 1);
    }
    buf_add_char(out, '\n');
}

static void add_row(struct buf *out, const struct ls_row *row, int64_t now_ms)
{
    char place[48];
    char age[COLUMNS_DURATION_BYTES] = "-";
    int64_t since_ms = row->source_ms >= 0 ? row->source_ms : row->timestamp_ms;

    (void)snprintf(place, sizeof(place), "%d:%lld", row->place.partition,
                   (long long)row->place.offset);
    if (since_ms >= 0) {
        (void)columns_duration(MAX_OF(now_ms - since_ms, (int64_t)0), age);
    }
    if (strlen(place) > PLACE) { /* it is to be copied, so it is never cut */
        buf_printf(out, "%s\n%*s ", place, PLACE, "");
    } else {
        add_cell(out, place, PLACE);
    }
    add_cell(out, age, AGE);
    add_cell(out, short_reason(row->reason), REASON);
    add_cell(out, row->destination, DESTINATION);
    add_cell(out, row->event, EVENT);
    add_cell(out, row->id, ID);
    end_line(out);
    if (row->decision != NULL) {
        add_decision(out, row->decision, now_ms);
        end_line(out);
    }
}

static void print_table(const struct dlq *dlq, const struct ls_page *page, size_t from, size_t to)
{
    const struct ls_arguments *arguments = (const struct ls_arguments *)dlq->arguments;
    struct buf out;

    buf_init(&out, TABLE_BYTES_MAX);
    buf_printf(&out, "%-*s %-*s %-*s %-*s %-*s %s\n", PLACE, "place", AGE, "age", REASON, "reason",
               DESTINATION, "destination", EVENT, "event", "event id");
    for (size_t i = from; i < to; i++) {
        add_row(&out, &page->rows[i], dlq->now_ms);
    }
    buf_add_char(&out, '\n');
    columns_number(&out, to - from, 0);
    buf_add_text(&out, " of ");
    columns_number(&out, dlq->count, 0);
    buf_printf(&out, " in %s, newest first", dlq->topic);
    if (to < dlq->count) {
        buf_printf(&out, "; --page %llu has the next", (unsigned long long)arguments->page + 1);
    }
    buf_add_char(&out, '\n');
    (void)fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}

static void print_json(const struct ls_page *page, size_t from, size_t to)
{
    json_t *array = json_array();

    for (size_t i = from; i < to; i++) {
        json_array_append(array, page->rows[i].json);
    }
    (void)json_dumpf(array, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(array);
}

static void print_page(struct dlq *dlq, struct ls_page *page, size_t rows)
{
    size_t from = MIN_OF(page->most - rows, page->count);

    if (page->count > 0) {
        qsort(page->rows, page->count, sizeof(*page->rows), compare);
    }
    if (dlq->arguments->is_json) {
        print_json(page, from, page->count);
    } else if (from == page->count) {
        printf("nothing found in %s%s\n", dlq->topic,
               dlq->count == 0 ? "" : " on that page; --page is too high");
    } else {
        print_table(dlq, page, from, page->count);
    }
    dlq->code = from == page->count ? EXIT_CODE_NO : EXIT_CODE_OK;
}

static void list(struct dlq *dlq, size_t rows, uint64_t number)
{
    struct ls_page page = {.most = rows * number};
    struct scan_range range = dlq_range(dlq);
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step = SCAN_FAILED;

    dlq->limit = 0; /* that of the rows: all are read, and the newest are shown */
    if (dlq_read(dlq, &range)) {
        dlq_read_decisions(dlq);
        while ((step = dlq_next(dlq, &message, &letter)) == SCAN_RECORD) {
            keep(&page, &letter, dlq->arguments->is_json);
            rd_kafka_message_destroy(message);
        }
    }
    if (step == SCAN_END) {
        print_page(dlq, &page, rows);
        dlq_tell_left_out(dlq);
    }
    for (size_t i = 0; i < page.count; i++) {
        free_row(&page.rows[i]);
    }
    free(page.rows);
}

static size_t rows_of(const struct ls_arguments *arguments)
{
    return arguments->dlq.filter.limit == 0 ? ROWS_DEFAULT : arguments->dlq.filter.limit;
}

static int run(const void *all)
{
    const struct ls_arguments *arguments = all;
    struct dlq dlq;

    if (dlq_open(&dlq, "dlq ls", &arguments->dlq, false)) {
        list(&dlq, rows_of(arguments), arguments->page);
    }
    dlq_close(&dlq);
    return dlq.code;
}

static const char *check_arguments(const void *all)
{
    const struct ls_arguments *arguments = all;

    return rows_of(arguments) > ROWS_MAX || arguments->page > ROWS_MAX / rows_of(arguments)
               ? "--limit times --page is at most 100000; choose fewer by --since or --reason"
               : NULL;
}

static const struct ls_arguments defaults = {.page = 1};

static const struct command_option options[] = {
    DLQ_OPTIONS,
    FILTER_OPTIONS,
    {.name = "page",
     .argument = "N",
     .help = "the page; --limit (20) is its length",
     .fallback = "1",
     .wants = "a number from 1 on",
     .low = 1,
     .read = command_number,
     .offset = offsetof(struct ls_arguments, page)},
    DLQ_JSON,
};

const struct command dlq_ls_command = {
    .name = "dlq ls",
    .summary = "list them, newest first",
    .about =
        "Lists dead letters, newest first: where each stands (PARTITION:OFFSET), the age of the "
        "original record, the reason, the destination that did not take it, event type and id.",
    .exits = "0 found, 1 nothing found, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct ls_arguments),
    .defaults = &defaults,
    .check = check_arguments,
    .run = run,
};
