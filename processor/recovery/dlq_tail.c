/* `detour dlq tail`: a line for each dead letter as it is written, until interrupted. */
#include <stdio.h>

#include "base/clock.h"
#include "recovery/dlq.h"
#include "recovery/dlq_session.h"
#include "recovery/printable.h"

enum { LINE_BYTES_MAX = 64 * 1024 };

static void add(struct buf *out, const char *name, struct span text)
{
    if (text.ptr != NULL) {
        buf_printf(out, " %s=", name);
        printable_add(out, text);
    }
}

static void print_line(const struct dlq_letter *from)
{
    const struct dead_letter *letter = &from->record.letter;
    char at[CLOCK_ISO_BYTES] = "-";
    struct buf out;

    buf_init(&out, LINE_BYTES_MAX);
    if (from->record.view.timestamp_ms >= 0) {
        (void)clock_iso(from->record.view.timestamp_ms, at);
    }
    buf_printf(&out, "%s %d:%lld", at, from->place.partition, (long long)from->place.offset);
    add(&out, "reason", letter->reason);
    add(&out, "destination", letter->destination);
    add(&out, "event", letter->event_type);
    add(&out, "id", letter->event_id);
    add(&out, "error", letter->dialect == DIALECT_DETOUR ? letter->error : SPAN_NONE);
    puts(buf_text(&out));
    buf_fini(&out);
}

static void print_json(const struct dlq_letter *letter)
{
    json_t *object = dlq_letter_json(letter);

    (void)json_dumpf(object, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(object);
}

static void follow(struct dlq *dlq)
{
    struct scan_range range = dlq_range(dlq);
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;

    range.is_following = true;
    if (!dlq_read(dlq, &range)) {
        return;
    }
    while (!ferror(stdout) && dlq_next(dlq, &message, &letter) == SCAN_RECORD) {
        if (dlq->arguments->is_json) {
            print_json(&letter);
        } else {
            print_line(&letter);
        }
        (void)fflush(stdout);
        rd_kafka_message_destroy(message);
    }
}

static int run(const void *all)
{
    struct dlq dlq;

    if (dlq_open(&dlq, "dlq tail", all, false)) {
        follow(&dlq);
    }
    dlq_close(&dlq);
    return dlq.code;
}

static const struct command_option options[] = {
    DLQ_OPTIONS,
    FILTER_OPTIONS,
    {.name = "json",
     .help = "one JSON document a line",
     .read = command_flag,
     .offset = offsetof(struct dlq_arguments, is_json)},
};

const struct command dlq_tail_command = {
    .name = "dlq tail",
    .summary = "print them as they are written",
    .about = "Prints a line for each dead letter as it is written, until interrupted or --limit is "
             "reached; those since --since first.",
    .exits = "0 --limit was reached, 2 wrong usage or configuration, 3 a service is not reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct dlq_arguments),
    .run = run,
};
