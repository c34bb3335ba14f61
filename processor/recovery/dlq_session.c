#include "recovery/dlq_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/read_config.h"

bool dlq_fail(struct dlq *dlq, enum err_code rc, const char *text)
{
    progress_clear(&dlq->progress);
    fprintf(stderr, "detour %s: %s\n", dlq->command, text);
    dlq->code = command_exit_code(rc);
    return false;
}

/* opening */

static bool compile_pipeline(struct dlq *dlq)
{
    struct diags diags;
    struct err err;
    enum err_code rc = ERR_OK;

    diags_init(&diags);
    dlq->pipeline = pipeline_compile(dlq->config, &diags);
    if (dlq->pipeline == NULL) {
        diags_print(&diags);
        dlq->code = EXIT_CODE_USAGE;
    } else {
        rc = event_reader_open(dlq->pipeline, &dlq->reader, &err);
    }
    diags_fini(&diags);
    return dlq->pipeline != NULL && (rc == ERR_OK || dlq_fail(dlq, rc, err.text));
}

static bool load(struct dlq *dlq)
{
    dlq->config = read_config(dlq->arguments->config);
    if (dlq->config == NULL) {
        dlq->code = EXIT_CODE_USAGE;
    }
    return dlq->config != NULL;
}

bool dlq_open(struct dlq *dlq, const char *command, const struct dlq_arguments *arguments,
              bool needs_events)
{
    struct err err;
    enum err_code rc;

    *dlq = (struct dlq){.command = command,
                        .arguments = arguments,
                        .now_ms = clock_wall_ms(),
                        .limit = arguments->filter.limit};
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF); /* an error says it all */
    if (!load(dlq)) {
        return false;
    }
    dlq->topic = arguments->from == NULL ? mem_text(dlq->config->dead_letter->topic)
                                         : mem_text(span_of(arguments->from));
    if ((needs_events || filter_needs_events(&arguments->filter)) && !compile_pipeline(dlq)) {
        return false;
    }
    rc = filter_compile(&arguments->filter, dlq->config, dlq->pipeline, dlq->now_ms, &dlq->filter,
                        &err);
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

void dlq_close(struct dlq *dlq)
{
    progress_clear(&dlq->progress);
    topic_scan_close(dlq->scan);
    part_sets_fini(&dlq->parts);
    decisions_free(dlq->decisions);
    filter_fini(&dlq->filter);
    event_reader_close(dlq->reader);
    pipeline_free(dlq->pipeline);
    free(dlq->topic);
    config_free(dlq->config);
}

/* reading */

/* The topics of the configuration that can hold dead letters or diverted records. */
static void add_topics(const struct config *config, struct buf *out)
{
    bool is_first = true;

    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *to = &config->destinations[i];

        if (to->type->is_topic) {
            buf_printf(out, "%s" SPAN_FMT "%s", is_first ? "" : ", ", SPAN_ARG(to->topic),
                       to == config->dead_letter ? " (dead_letter)" : "");
            is_first = false;
        }
    }
}

static bool fail_open(struct dlq *dlq, enum err_code rc, struct err *err)
{
    struct buf text;

    buf_init(&text, 4 * ERR_TEXT_BYTES);
    buf_add_text(&text, err->text);
    if (rc == ERR_ABSENT) {
        buf_add_text(&text, "; the configuration has ");
        add_topics(dlq->config, &text);
    }
    (void)dlq_fail(dlq, rc, buf_text(&text));
    buf_fini(&text);
    return false;
}

void dlq_read_decisions(struct dlq *dlq)
{
    struct err err;

    if (decisions_read(dlq->config, dlq->topic, dlq->filter.since_ms, &dlq->decisions, &err) !=
        ERR_OK) {
        fprintf(stderr, "detour %s: what was skipped or exported is not known: %s\n", dlq->command,
                err.text);
    }
}

const struct decision *dlq_decision(const struct dlq *dlq, const struct record *record,
                                    struct part_place place)
{
    const struct decision_place asked = {place.partition, place.offset, record_written_ms(record)};

    return dlq->decisions == NULL ? NULL : decisions_find(dlq->decisions, &asked);
}

struct scan_range dlq_range(const struct dlq *dlq)
{
    struct scan_range range = SCAN_ALL;

    range.since_ms = dlq->filter.since_ms;
    return range;
}

bool dlq_read(struct dlq *dlq, const struct scan_range *range)
{
    struct err err;
    enum err_code rc;

    topic_scan_close(dlq->scan);
    dlq->scan = NULL;
    dlq->is_following = range->is_following;
    rc = topic_scan_open(dlq->config, dlq->topic, range, &dlq->scan, &err);
    if (rc != ERR_OK) {
        return fail_open(dlq, rc, &err);
    }
    if (!range->is_following) {
        progress_begin(&dlq->progress, "reading", PROGRESS_COUNT, topic_scan_total(dlq->scan));
    }
    return true;
}

/* Whether the selection has @message; then @out is filled. */
static bool takes(struct dlq *dlq, const rd_kafka_message_t *message, struct dlq_letter *out,
                  bool *has_failed)
{
    struct err err;

    record_of(message, &out->record);
    out->place = (struct part_place){message->partition, message->offset};
    if (out->record.letter.part_count > 0 &&
        !part_sets_add(&dlq->parts, &out->record, &out->place)) {
        return false;
    }
    switch (filter_ask(&dlq->filter, &out->record, dlq->reader, &err)) {
    case FILTER_TAKES:
        out->decision = dlq_decision(dlq, &out->record, out->place);
        return true;
    case FILTER_UNDECODED:
        dlq->undecoded++;
        return false;
    case FILTER_FAILED:
        *has_failed = true;
        return dlq_fail(dlq, err.code, err.text);
    case FILTER_LEAVES:
        break;
    }
    return false;
}

enum scan_step dlq_next(struct dlq *dlq, rd_kafka_message_t **message, struct dlq_letter *out)
{
    struct err err;

    while (dlq->limit == 0 || dlq->count < dlq->limit) {
        enum scan_step step = topic_scan_next(dlq->scan, message, &err);
        bool has_failed = false;

        if (step == SCAN_FAILED) {
            (void)dlq_fail(dlq, err.code, err.text);
            return step;
        }
        if (step == SCAN_END) {
            progress_clear(&dlq->progress);
            return step;
        }
        if (!dlq->is_following) {
            progress_turn(&dlq->progress, topic_scan_done(dlq->scan), NULL);
        }
        if (step == SCAN_WAIT) {
            continue;
        }
        if (takes(dlq, *message, out, &has_failed)) {
            dlq->count++;
            return SCAN_RECORD;
        }
        rd_kafka_message_destroy(*message);
        if (has_failed) {
            return SCAN_FAILED;
        }
    }
    progress_clear(&dlq->progress);
    return SCAN_END;
}

void dlq_tell_left_out(struct dlq *dlq)
{
    progress_clear(&dlq->progress);
    if (dlq->undecoded > 0) {
        fprintf(stderr,
                "detour %s: %llu records could not be decoded, so nothing is known of their event; "
                "they are left out\n",
                dlq->command, (unsigned long long)dlq->undecoded);
    }
    if (dlq->parts.count > 0) {
        fprintf(stderr,
                "detour %s: %llu dead letters in parts are not complete in what was read; they are "
                "left out\n",
                dlq->command, (unsigned long long)dlq->parts.count);
    }
    if (dlq->parts.forgotten > 0) {
        fprintf(stderr,
                "detour %s: %llu parts of dead letters found no room; choose fewer with --since\n",
                dlq->command, (unsigned long long)dlq->parts.forgotten);
    }
}

/* saying */

static json_t *text_json(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *number_json(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *time_json(int64_t at_ms)
{
    char text[CLOCK_ISO_BYTES];

    return at_ms < 0 ? json_null() : json_string(clock_iso(at_ms, text));
}

/* What the exceptions of other programs say may quote the event. */
static json_t *error_json(const struct dead_letter *letter)
{
    return letter->dialect == DIALECT_DETOUR ? text_json(letter->error) : json_null();
}

static json_t *source_json(const struct dead_letter *letter)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "topic", text_json(letter->source_topic), "partition",
                     number_json(letter->source_partition), "offset",
                     number_json(letter->source_offset), "timestamp",
                     time_json(letter->source_timestamp_ms));
}

static json_t *decision_json(const struct decision *decision)
{
    return decision == NULL
               ? json_null()
               : json_pack("{s:s, s:o, s:o, s:o, s:o}", "how", decision_word(decision->type), "by",
                           text_json(decision->by), "at", time_json(decision->at_ms), "because",
                           text_json(decision->because), "job", text_json(decision->job));
}

json_t *dlq_letter_json(const struct dlq_letter *from)
{
    const struct dead_letter *letter = &from->record.letter;
    json_t *out = json_pack(
        "{s:o, s:i, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "topic",
        text_json(from->record.view.topic), "partition", (int)from->place.partition, "offset",
        (json_int_t)from->place.offset, "timestamp", time_json(from->record.view.timestamp_ms),
        "dialect", dialect_word(letter->dialect), "reason", text_json(letter->reason), "error",
        error_json(letter), "field", text_json(letter->field), "destination",
        text_json(letter->destination), "route", text_json(letter->route), "leg",
        text_json(letter->leg), "event_id", text_json(letter->event_id), "event_type",
        text_json(letter->event_type));

    json_object_set_new(out, "outcome",
                        letter->has_outcome ? json_string(outcome_word(letter->outcome))
                                            : json_null());
    json_object_set_new(out, "http_status", number_json(letter->http_status));
    json_object_set_new(out, "code", letter->has_code ? json_integer(letter->code) : json_null());
    json_object_set_new(out, "request_id", text_json(letter->request_id));
    json_object_set_new(out, "attempts", number_json(letter->attempts));
    json_object_set_new(out, "outage", text_json(letter->outage));
    json_object_set_new(out, "replays", json_integer(letter->replays));
    json_object_set_new(out, "at", time_json(letter->at_ms));
    json_object_set_new(out, "source", source_json(letter));
    json_object_set_new(out, "mended", text_json(letter->mended));
    json_object_set_new(out, "parts",
                        number_json(letter->part_count == 0 ? -1 : (int64_t)letter->part_count));
    json_object_set_new(out, "instance", text_json(letter->instance));
    json_object_set_new(out, "decided", decision_json(from->decision));
    json_object_set_new(out, "odd",
                        letter->odd[0] == '\0' ? json_null() : json_string(letter->odd));
    return out;
}
