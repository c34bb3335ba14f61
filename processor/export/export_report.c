#include "export/export_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/columns.h"
#include "recovery/job_record.h"
#include "recovery/printable.h"

enum { TEXT_BYTES_MAX = 4 * 1024 * 1024, NUMBER_COLUMNS = 14 };

/* the manifest */

static json_t *span_json(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

/* What was exported of each partition: first and last offset, and how many records. */
static json_t *partitions_json(const struct offset_runs *runs)
{
    json_t *out = json_object();

    for (size_t i = 0; i < runs->count; i++) {
        const struct offset_stretch *run = &runs->items[i];
        char name[16];
        json_t *at;

        (void)snprintf(name, sizeof(name), "%d", run->partition);
        at = json_object_get(out, name);
        if (at == NULL) {
            at = json_pack("{s:I, s:I, s:I}", "first", (json_int_t)run->from, "last",
                           (json_int_t)run->to - 1, "records", (json_int_t)0);
            json_object_set_new(out, name, at);
        }
        json_object_set_new(at, "last", json_integer((json_int_t)run->to - 1));
        json_object_set_new(at, "records",
                            json_integer(json_integer_value(json_object_get(at, "records")) +
                                         (json_int_t)(run->to - run->from)));
    }
    return out;
}

static json_t *topics_json(struct export *export)
{
    json_t *out = json_array();

    for (size_t i = 0; i < export->topic_count; i++) {
        struct export_topic *topic = &export->topics[i];
        json_t *one = export_totals_counts(&topic->totals);

        json_object_set_new(one, "topic", json_string(topic->name));
        json_object_set_new(one, "job", topic->is_ended ? json_string(topic->job) : json_null());
        json_object_set_new(one, "partitions", partitions_json(&topic->runs));
        json_array_append_new(out, one);
    }
    return out;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static json_t *files_json(const struct export *export)
{
    json_t *out = json_array();
    size_t count = 0;
    const struct export_file *files =
        export->files == NULL ? NULL : export_files_list(export->files, &count);

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(out,
                              json_pack("{s:s, s:I, s:I, s:s}", "name", base_name(files[i].name),
                                        "rows", (json_int_t)files[i].rows, "bytes",
                                        (json_int_t)files[i].bytes, "sha256", files[i].sha256));
    }
    return out;
}

json_t *export_manifest(struct export *export)
{
    const struct export_options *options = &export->options;
    const struct export_totals *totals = &export->totals;
    char at[CLOCK_ISO_BYTES];
    json_t *out = json_pack(
        "{s:i, s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I}",
        "v", 1, "at", clock_iso(export->dlq->now_ms, at), "detour", DETOUR_VERSION, "format",
        options->form == NULL ? "jsonl" : "csv", "form",
        options->form == NULL ? json_null() : json_string(upload_form_name(options->form)),
        "destination", span_json(options->to->config->name), "masked", (int)options->is_masked,
        "dry_run", (int)options->is_dry, "prefix", options->prefix, "selected",
        (json_int_t)totals->selected, "exported", (json_int_t)totals->exported, "again",
        (json_int_t)totals->again, "left_out", export_totals_left(totals), "value",
        export_totals_value(totals), "without_value", (json_int_t)totals->unsummed,
        "changed_cells_rows", (json_int_t)totals->changed, "products_left_out_rows",
        (json_int_t)totals->products);

    json_object_set_new(out, "selection", job_selection(&export->dlq->filter));
    json_object_set_new(out, "topics", topics_json(export));
    json_object_set_new(out, "files", files_json(export));
    return out;
}

/* for people */

static void add_count(struct buf *out, uint64_t count, const char *what)
{
    columns_number(out, count, NUMBER_COLUMNS);
    buf_printf(out, "  %s\n", what);
}

static void add_values(struct buf *out, const struct export_totals *totals)
{
    for (size_t i = 0; i < totals->value_count; i++) {
        char text[MONEY_TEXT_BYTES];
        size_t len = money_text(totals->values[i].sum, text);

        columns_right(out, (struct span){text, len}, NUMBER_COLUMNS);
        buf_add_text(out, "  ");
        printable_add(out, span_of(totals->values[i].currency));
        buf_add_char(out, '\n');
    }
    if (totals->unsummed > 0) {
        add_count(out, totals->unsummed, "of them without a usable value");
    }
}

static void add_left(struct buf *out, const struct export_totals *totals)
{
    uint64_t count = 0;

    for (int i = LEFT_NOTHING + 1; i < LEFT_COUNT; i++) {
        count += totals->left[i];
    }
    if (count > 0) {
        add_count(out, count, "left out:");
    }
    for (int i = LEFT_NOTHING + 1; i < LEFT_COUNT; i++) {
        if (totals->left[i] > 0) {
            add_count(out, totals->left[i], left_out_text((enum left_out)i));
        }
    }
}

static void add_files(struct buf *out, const struct export *export)
{
    size_t count = 0;
    const struct export_file *files =
        export->files == NULL ? NULL : export_files_list(export->files, &count);

    for (size_t i = 0; i < count; i++) {
        columns_number(out, files[i].rows, NUMBER_COLUMNS);
        buf_printf(out, "  rows in %s\n", files[i].name);
    }
    if (count > 0) {
        buf_printf(out, "%*s  manifest: %s\n", NUMBER_COLUMNS, "",
                   export_files_manifest(export->files));
    }
}

static void add_rows(struct buf *out, const struct export_totals *totals)
{
    if (totals->changed > 0) {
        add_count(out, totals->changed,
                  "rows with a text that a spreadsheet would calculate: it has a ' before it");
    }
    if (totals->products > 0) {
        add_count(out, totals->products,
                  "rows of several products: the columns of one product are empty");
    }
}

void export_print(struct export *export, FILE *out)
{
    const struct export_options *options = &export->options;
    const struct export_totals *totals = &export->totals;
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    columns_number(&text, totals->exported, NUMBER_COLUMNS);
    buf_printf(&text, "  events for " SPAN_FMT " %s\n", SPAN_ARG(options->to->config->name),
               options->is_dry ? "would be exported" : "exported");
    if (totals->again > 0) {
        add_count(&text, totals->again, "of them exported before");
    }
    add_values(&text, totals);
    add_left(&text, totals);
    add_rows(&text, totals);
    add_files(&text, export);
    for (size_t i = 0; i < export->topic_count; i++) {
        if (export->topics[i].is_ended) {
            buf_printf(&text, "%*s  on the ledger: %s\n", NUMBER_COLUMNS, "",
                       export->topics[i].job);
        }
    }
    (void)fwrite(text.ptr, 1, text.len, out);
    buf_fini(&text);
}
