/*
 * `detour dlq show`: what is known of a dead letter, its headers, its event. The place is read
 * alone; a selection (an event's id, any filter) is looked for in the topic.
 *
 * Without --reveal nothing personal is shown: of key and original headers the size, of the event
 * what mask.h lets through, of other programs' exceptions the class.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "recovery/dlq.h"
#include "recovery/dlq_show_inside.h"

enum { SHOWN_DEFAULT = 10 };

void show_write_event(const struct show *show, const struct read_event *event, struct buf *out)
{
    struct json_mask mask = mask_json(show->mask);

    value_to_masked_json(event->decoded.view.root, event->type,
                         show->arguments->is_revealed ? NULL : &mask, out);
}

/* What cannot be put together or decoded is said, and the rest is shown. */
static void show_one(struct show *show, const struct dlq_letter *letter)
{
    struct read_event event = {.has_value = false};
    struct err err = {.text = ""};
    struct whole whole = {0};
    enum err_code rc = whole_of(show->dlq.config, &letter->record, &whole, &err);

    if (rc != ERR_OK) {
        whole = (struct whole){.headers = rd_kafka_headers_new(0)};
    } else if (event_reader_read(show->dlq.reader, &letter->record.view, whole.value, &event,
                                 &err) == ERR_OK) {
        err.text[0] = '\0';
    }
    progress_clear(&show->dlq.progress);
    if (show->array != NULL) {
        show_add_json(show, &(struct shown_letter){letter, &whole, &event, err.text});
    } else {
        show_print(show, &(struct shown_letter){letter, &whole, &event, err.text});
    }
    whole_fini(&whole);
    show->shown++;
}

/* by place */

/* "TOPIC:1:17" or "1:17". Topics have no colons. */
static bool read_place(const char *text, struct span *topic, struct scan_range *range)
{
    struct span all = span_of(text);
    size_t last = all.len;
    size_t before;
    int64_t partition;

    while (last > 0 && all.ptr[last - 1] != ':') {
        last--;
    }
    before = last > 0 ? last - 1 : 0;
    while (before > 0 && all.ptr[before - 1] != ':') {
        before--;
    }
    *topic = before > 0 ? span_sub(all, 0, before - 1) : SPAN_NONE;
    if (last == 0 || !span_to_i64(span_sub(all, before, last - 1), &partition) ||
        !span_to_i64(span_sub(all, last, all.len), &range->from) || partition < 0 ||
        partition > INT32_MAX || range->from < 0 || range->from == INT64_MAX) {
        return false;
    }
    range->partition = (int32_t)partition;
    range->to = range->from + 1;
    return true;
}

static void tell_missing(struct show *show, const struct scan_range *range)
{
    int64_t first = 0;
    int64_t end = 0;
    char text[256];

    (void)topic_scan_bounds(show->dlq.scan, range->partition, &first, &end);
    (void)snprintf(text, sizeof(text),
                   first == end ? "there is no record at %d:%lld; the partition is empty"
                   : range->from < first || range->from >= end
                       ? "there is no record at %d:%lld; the partition holds %lld to %lld"
                       : "there is no record at %d:%lld; it was compacted away, or belongs to a "
                         "transaction",
                   range->partition, (long long)range->from, (long long)first, (long long)end - 1);
    (void)dlq_fail(&show->dlq, ERR_DATA, text);
}

static void show_place(struct show *show, const struct scan_range *range)
{
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    struct err err;
    enum scan_step step;

    if (!dlq_read(&show->dlq, range)) {
        return;
    }
    dlq_read_decisions(&show->dlq);
    while ((step = topic_scan_next(show->dlq.scan, &message, &err)) == SCAN_WAIT) {
    }
    if (step == SCAN_FAILED) {
        (void)dlq_fail(&show->dlq, err.code, err.text);
    } else if (step == SCAN_END) {
        tell_missing(show, range);
    } else {
        record_of(message, &letter.record);
        letter.place = (struct part_place){message->partition, message->offset};
        letter.decision = dlq_decision(&show->dlq, &letter.record, letter.place);
        show_one(show, &letter);
        rd_kafka_message_destroy(message);
    }
}

/* by selection */

static void show_selection(struct show *show)
{
    struct scan_range range = dlq_range(&show->dlq);
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step = SCAN_FAILED;

    show->dlq.limit = show->dlq.limit == 0 ? SHOWN_DEFAULT : show->dlq.limit;
    if (!dlq_read(&show->dlq, &range)) {
        return;
    }
    dlq_read_decisions(&show->dlq);
    while ((step = dlq_next(&show->dlq, &message, &letter)) == SCAN_RECORD) {
        show_one(show, &letter);
        rd_kafka_message_destroy(message);
    }
    if (step != SCAN_END) {
        return;
    }
    dlq_tell_left_out(&show->dlq);
    if (show->shown == 0) {
        (void)dlq_fail(&show->dlq, ERR_DATA, "nothing found");
    } else if (show->shown == show->dlq.limit) {
        fprintf(stderr, "detour dlq show: the first %llu; --limit shows more\n",
                (unsigned long long)show->shown);
    }
}

static void show_all(struct show *show, const struct scan_range *range)
{
    show->mask = mask_new(show->dlq.pipeline);
    show->array = show->arguments->dlq.is_json ? json_array() : NULL;
    if (range->partition >= 0) {
        show_place(show, range);
    } else {
        show_selection(show);
    }
    if (show->array != NULL && show->dlq.code != EXIT_CODE_NET) {
        (void)json_dumpf(show->array, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    json_decref(show->array);
    mask_free(show->mask);
}

static int run(const void *all)
{
    const struct show_arguments *typed = all;
    struct show_arguments arguments = *typed;
    struct show show = {.arguments = &arguments};
    struct scan_range range = SCAN_ALL;
    struct span topic = SPAN_NONE;
    char *owned = NULL;

    if (arguments.place != NULL) {
        (void)read_place(arguments.place, &topic, &range); /* it was checked */
    }
    if (topic.ptr != NULL) {
        owned = mem_text(topic);
        arguments.dlq.from = owned;
    }
    if (dlq_open(&show.dlq, "dlq show", &arguments.dlq, true)) {
        show_all(&show, &range);
    }
    dlq_close(&show.dlq);
    free(owned);
    return show.dlq.code;
}

static const char *check_arguments(const void *all)
{
    const struct show_arguments *arguments = all;
    struct scan_range range;
    struct span topic;
    bool is_bounded = filter_is_bounded(&arguments->dlq.filter);

    if (arguments->place == NULL) {
        return is_bounded ? NULL : "which one? PARTITION:OFFSET, or --event-id ID";
    }
    if (is_bounded) {
        return "either a place or a selection";
    }
    if (!read_place(arguments->place, &topic, &range)) {
        return "a place is PARTITION:OFFSET or TOPIC:PARTITION:OFFSET";
    }
    return topic.ptr != NULL && arguments->dlq.from != NULL ? "the place names a topic; --from too"
                                                            : NULL;
}

static const struct command_option words[] = {
    {.name = "PLACE",
     .help =
         "PARTITION:OFFSET, as ls prints it, or TOPIC:PARTITION:OFFSET; without one a selection "
         "is shown",
     .is_optional = true,
     .read = command_text,
     .offset = offsetof(struct show_arguments, place)},
};

static const struct command_option options[] = {
    DLQ_OPTIONS,
    FILTER_OPTIONS,
    {.name = "reveal",
     .help = "show personal data: the whole event, key, headers and messages of exceptions",
     .read = command_flag,
     .offset = offsetof(struct show_arguments, is_revealed)},
    DLQ_JSON,
};

const struct command dlq_show_command = {
    .name = "dlq show",
    .summary = "one of them: its headers and its event",
    .about =
        "Shows a dead letter: what is known of its failure, the original record's headers, and "
        "the decoded event. Personal data is hidden unless --reveal.",
    .exits = "0 shown, 1 nothing found, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct show_arguments),
    .check = check_arguments,
    .run = run,
};
