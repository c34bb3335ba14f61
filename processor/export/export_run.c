#include "export/export_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "export/export_report.h"
#include "recovery/job_record.h"

enum { RUNS_MAX = 1000000, CLOSE_MS = 5000, MANIFEST_BYTES_MAX = 64 * 1024 * 1024 };

/* the ledger */

static json_t *ends_json(const struct topic_scan *scan)
{
    json_t *out = json_object();

    for (int32_t i = 0; i < topic_scan_partitions(scan); i++) {
        int64_t first = 0;
        int64_t end = 0;
        char name[16];

        (void)snprintf(name, sizeof(name), "%d", i);
        if (topic_scan_bounds(scan, i, &first, &end)) {
            json_object_set_new(out, name, json_integer(end));
        }
    }
    return out;
}

static bool write_job(struct export *export, struct export_topic *topic, const char *state,
                      const json_t *ends, const json_t *records)
{
    struct dlq *dlq = export->dlq;
    json_t *selection = job_selection(&dlq->filter);
    json_t *counts = export_totals_counts(&topic->totals);
    struct err err;
    enum err_code rc;

    json_object_set_new(selection, "destination",
                        json_pack("[s%]", export->options.to->config->name.ptr,
                                  export->options.to->config->name.len));
    rc = job_record_write(export->ledger, dlq->config,
                          &(struct job_record){.job = "export",
                                               .name = topic->job,
                                               .state = state,
                                               .topic = topic->name,
                                               .selection = selection,
                                               .counts = counts,
                                               .ends = ends,
                                               .records = records},
                          &err);
    json_decref(selection);
    json_decref(counts);
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

/* Before the first row of it. */
static bool begin_job(struct export *export, struct export_topic *topic)
{
    json_t *ends;
    bool is_well;

    if (export->ledger == NULL || topic->is_begun) {
        return true;
    }
    ends = ends_json(export->dlq->scan);
    is_well = write_job(export, topic, "started", ends, NULL);
    topic->is_begun = is_well;
    json_decref(ends);
    return is_well;
}

/* Behind the last row. What does not fit into one record of the ledger goes before it, in others
 * that count nothing until this one ends the job. */
static bool end_job(struct export *export, struct export_topic *topic)
{
    bool is_well = true;
    size_t from = 0;

    while (is_well && topic->runs.count - from > OFFSET_RUNS_OF_RECORD) {
        json_t *records = offset_runs_json(&topic->runs, from, OFFSET_RUNS_OF_RECORD);

        is_well = write_job(export, topic, "changed", NULL, records);
        from += OFFSET_RUNS_OF_RECORD;
        json_decref(records);
    }
    if (is_well) {
        json_t *records = offset_runs_json(&topic->runs, from, OFFSET_RUNS_OF_RECORD);

        is_well = write_job(export, topic, "ended", NULL, records);
        topic->is_ended = is_well;
        json_decref(records);
    }
    return is_well;
}

static bool end_jobs(struct export *export)
{
    export->is_recorded = true;
    for (size_t i = 0; i < export->topic_count && export->is_recorded; i++) {
        export->is_recorded = !export->topics[i].is_begun || end_job(export, &export->topics[i]);
    }
    return export->is_recorded;
}

/* It failed, and there are no files: nothing is exported, whatever the ledger says by now. The
 * failure that is known already is the one told. */
static void take_back_jobs(struct export *export)
{
    int code = export->dlq->code;

    for (size_t i = 0; i < export->topic_count; i++) {
        struct export_topic *topic = &export->topics[i];

        if (topic->is_begun) {
            export_totals_fini(&topic->totals);
            (void)write_job(export, topic, topic->is_ended ? "cancelled" : "stopped", NULL, NULL);
        }
    }
    export->dlq->code = code;
}

static bool open_ledger(struct export *export)
{
    struct dlq *dlq = export->dlq;
    struct err err;
    enum err_code rc;

    if (export->options.is_dry || export->options.is_masked) {
        return true;
    }
    if (!config_has_ledger(dlq->config)) {
        fprintf(stderr, "detour export: ledger: off, so nothing records what is exported: whoever "
                        "backfills or exports again sends it twice\n");
        return true;
    }
    rc = ledger_open(dlq->config, &export->ledger, &err);
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

/* one topic */

/* The topics of the configuration are there once something was diverted. */
static bool open_topic(struct export *export, struct export_topic *topic, bool may_be_absent)
{
    struct dlq *dlq = export->dlq;
    struct scan_range range = dlq_range(dlq);
    struct err err;
    enum err_code rc;

    topic_scan_close(dlq->scan);
    dlq->scan = NULL;
    free(dlq->topic);
    dlq->topic = mem_text(span_of(topic->name));
    if (!may_be_absent) {
        return dlq_read(dlq, &range);
    }
    rc = topic_scan_open(dlq->config, topic->name, &range, &dlq->scan, &err);
    topic->is_absent = rc == ERR_ABSENT;
    if (rc == ERR_OK) {
        progress_begin(&dlq->progress, "exporting", PROGRESS_COUNT, topic_scan_total(dlq->scan));
    }
    return rc == ERR_OK || topic->is_absent || dlq_fail(dlq, rc, err.text);
}

/* Whose the record is: of the first destination of its leg, of the one that refused it where the
 * leg is not told. */
static bool is_ours(const struct export *export, const struct dead_letter *letter)
{
    struct span wanted = export->options.to->config->name;
    struct span told = letter->leg.ptr != NULL ? letter->leg : letter->destination;

    return told.ptr == NULL ? export->options.takes_untold : span_eq(told, wanted);
}

static bool add_row(struct export *export, struct export_topic *topic,
                    const struct dlq_letter *letter, struct made_row *row)
{
    struct err err;
    enum err_code rc = ERR_OK;

    if (!begin_job(export, topic)) {
        return false;
    }
    if (export->files != NULL) {
        rc = export_files_add(export->files, row->bytes, &err);
    }
    if (rc == ERR_LIMIT) {
        row->left = LEFT_TOO_LARGE;
        return true;
    }
    if (rc == ERR_OK &&
        !offset_runs_add(&topic->runs, letter->place.partition, letter->place.offset, RUNS_MAX)) {
        rc = FAIL(&err, ERR_LIMIT,
                  "the selection has more than 1,000,000 runs of records; choose fewer by --since "
                  "and --until, several times");
    }
    return rc == ERR_OK || dlq_fail(export->dlq, rc, err.text);
}

static bool was_exported(const struct dlq_letter *letter)
{
    return letter->decision != NULL && letter->decision->type == DECISION_EXPORTED;
}

/* What an operator decided about it before. */
static enum left_out left_by_decision(const struct export *export, const struct dlq_letter *letter)
{
    if (was_exported(letter)) {
        return export->options.is_again ? LEFT_NOTHING : LEFT_EXPORTED;
    }
    return letter->decision != NULL ? LEFT_SKIPPED : LEFT_NOTHING;
}

static bool take(struct export *export, struct export_topic *topic, const struct dlq_letter *letter)
{
    struct made_row row = {.left = left_by_decision(export, letter)};
    struct err err;
    enum err_code rc = ERR_OK;

    if (row.left == LEFT_NOTHING) {
        bool is_backfilled =
            backfilled_has(&topic->backfilled, letter->place.partition, letter->place.offset);

        rc = row_maker_make(export->maker, letter, is_backfilled, &row, &err);
        row.is_again = was_exported(letter);
    }
    if (rc != ERR_OK) {
        return dlq_fail(export->dlq, rc, err.text);
    }
    if (row.left == LEFT_NOTHING && !add_row(export, topic, letter, &row)) {
        return false;
    }
    export_totals_add(&topic->totals, &row, letter->record.letter.outage);
    return true;
}

/* What was exported, skipped or backfilled. Without it an event would be sent twice, so it does not
 * go on without. */
static bool read_past(struct export *export, struct export_topic *topic)
{
    struct dlq *dlq = export->dlq;
    struct err err;
    enum err_code rc;

    decisions_free(dlq->decisions);
    dlq->decisions = NULL;
    rc = decisions_read(dlq->config, dlq->topic, dlq->filter.since_ms, &dlq->decisions, &err);
    if (rc == ERR_OK) {
        rc = backfilled_read(dlq->config, export->options.to->config->name, span_of(topic->name),
                             &topic->backfilled, &err);
    }
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

static bool read_topic(struct export *export, struct export_topic *topic, bool may_be_absent)
{
    struct dlq *dlq = export->dlq;
    uint64_t undecoded = dlq->undecoded;
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step = SCAN_FAILED;
    bool is_well = open_topic(export, topic, may_be_absent);

    if (!is_well || topic->is_absent) {
        return is_well;
    }
    is_well = read_past(export, topic);
    while (is_well && (step = dlq_next(dlq, &message, &letter)) == SCAN_RECORD) {
        if (is_ours(export, &letter.record.letter)) {
            is_well = take(export, topic, &letter);
        } else {
            dlq->count--; /* it is not of the selection */
        }
        rd_kafka_message_destroy(message);
    }
    topic->totals.left[LEFT_UNDECODED] += dlq->undecoded - undecoded;
    topic->totals.selected += dlq->undecoded - undecoded;
    topic->totals.left[LEFT_IN_PARTS] += dlq->parts.count;
    topic->totals.selected += dlq->parts.count;
    part_sets_fini(&dlq->parts);
    return is_well && step == SCAN_END;
}

/* the whole */

static bool publish(struct export *export)
{
    json_t *manifest = export_manifest(export);
    char *text = json_dumps(manifest, JSON_INDENT(2));
    struct err err;
    enum err_code rc = export_files_publish(export->files, span_of(text), &err);

    free(text);
    json_decref(manifest);
    return rc == ERR_OK || dlq_fail(export->dlq, rc, err.text);
}

static bool finish(struct export *export)
{
    struct err err;
    enum err_code rc;

    if (export->files == NULL || export->totals.exported == 0) {
        return true;
    }
    rc = export_files_finish(export->files, &err);
    if (rc != ERR_OK) {
        return dlq_fail(export->dlq, rc, err.text);
    }
    return end_jobs(export) && publish(export);
}

static bool open_files(struct export *export)
{
    const struct export_options *options = &export->options;
    struct csv_row head;
    struct buf text;
    struct err err;
    enum err_code rc = ERR_OK;

    if (options->is_dry) {
        return true;
    }
    buf_init(&text, ERR_TEXT_BYTES * 8);
    head = (struct csv_row){.out = &text};
    if (options->form != NULL) {
        upload_form_head(options->form, &head);
    }
    rc =
        export_files_open(&(struct export_naming){.prefix = options->prefix,
                                                  .ending = options->form == NULL ? "jsonl" : "csv",
                                                  .head = buf_span(&text),
                                                  .rows_max = options->rows_max,
                                                  .bytes_max = options->bytes_max,
                                                  .is_forced = options->is_forced},
                          &export->files, &err);
    buf_fini(&text);
    return rc == ERR_OK || dlq_fail(export->dlq, rc, err.text);
}

static void name_topics(struct export *export, const char *const *names, size_t count)
{
    struct dlq *dlq = export->dlq;

    export->topics = mem_array(count, struct export_topic);
    export->topic_count = count;
    for (size_t i = 0; i < count; i++) {
        char digest[DIGEST_SHORT_BYTES];

        filter_digest(&dlq->filter, span_of(names[i]), digest);
        export->topics[i].name = mem_text(span_of(names[i]));
        export->topics[i].job = mem_format("export-%s-%" PRIx64, digest, (uint64_t)dlq->now_ms);
    }
}

bool export_run(struct export *export, struct dlq *dlq, const struct export_options *options,
                const char *const *names, size_t name_count)
{
    const struct row_options row = {.to = options->to,
                                    .form = options->form,
                                    .age_ms_max = options->age_ms_max,
                                    .expired_ms = options->expired_ms,
                                    .is_masked = options->is_masked,
                                    .may_duplicate = options->may_duplicate};
    bool is_well;

    *export = (struct export){.dlq = dlq, .options = *options};
    name_topics(export, names, name_count);
    export->maker = row_maker_new(dlq, &row);
    is_well = open_files(export) && open_ledger(export);
    for (size_t i = 0; i < name_count && is_well; i++) {
        is_well = read_topic(export, &export->topics[i], name_count > 1);
        export_totals_join(&export->totals, &export->topics[i].totals);
    }
    is_well = is_well && finish(export);
    progress_clear(&dlq->progress);
    if (!export->is_recorded) {
        take_back_jobs(export);
    }
    return is_well;
}

void export_fini(struct export *export)
{
    for (size_t i = 0; i < export->topic_count; i++) {
        free(export->topics[i].name);
        free(export->topics[i].job);
        export_totals_fini(&export->topics[i].totals);
        offset_runs_fini(&export->topics[i].runs);
        backfilled_fini(&export->topics[i].backfilled);
    }
    free(export->topics);
    export_totals_fini(&export->totals);
    export_files_close(export->files, export->is_recorded);
    row_maker_free(export->maker);
    ledger_close(export->ledger, clock_mono_ms() + CLOSE_MS);
}
