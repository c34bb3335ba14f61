/* The command line of `detour export`, and its order: choose, read and write, say what became. */
#include "export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/export_choice.h"
#include "export/export_report.h"

/* What the platform takes: 50 MB of a file, events of 28 days. */
#define FILE_BYTES 50000000ull
#define AGE_MS (28ull * 24 * 3600 * 1000)

struct arguments {
    struct dlq_arguments dlq;
    const char *format, *form, *prefix;
    uint64_t file_rows, file_bytes, age_ms_max;
    bool is_masked, may_duplicate, is_forced, is_again, is_dry, is_all, has_expired;
};

static const struct arguments defaults = {.format = "csv", .file_bytes = FILE_BYTES};

static bool is_table(const struct arguments *arguments)
{
    return strcmp(arguments->format, "csv") == 0;
}

static const char *check(const void *all)
{
    const struct arguments *arguments = all;

    if (!is_table(arguments) && strcmp(arguments->format, "jsonl") != 0) {
        return "--format is csv or jsonl";
    }
    if (arguments->form != NULL && !is_table(arguments)) {
        return "--form is for --format csv";
    }
    if (arguments->form != NULL && upload_form_find(span_of(arguments->form)) == NULL) {
        return "--form is offline or crm";
    }
    if (!arguments->is_all && !filter_is_bounded(&arguments->dlq.filter)) {
        return "the selection has no bound: give --outage, --since, --reason or another filter, or "
               "--all";
    }
    return NULL;
}

/* By the outage that was asked for, else by the name of the selection. */
static char *prefix_of(const struct arguments *arguments, const struct dlq *dlq,
                       const struct export_choice *choice)
{
    const struct command_texts *outages = &arguments->dlq.filter.outages;
    char digest[DIGEST_SHORT_BYTES];
    char *prefix;

    if (arguments->prefix != NULL) {
        return mem_text(span_of(arguments->prefix));
    }
    filter_digest(&dlq->filter, span_of(choice->topics[0]), digest);
    prefix = mem_format("export-%.100s", outages->count == 1 ? outages->items[0] : digest);
    for (char *at = prefix; *at != '\0'; at++) { /* an id is anybody's: no path, no option */
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *at) ==
            NULL) {
            *at = '_';
        }
    }
    return prefix;
}

static void tell(struct export *export, bool is_json)
{
    if (is_json) {
        json_t *out = export_manifest(export);

        (void)json_dumpf(out, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(out);
    } else {
        export_print(export, stdout);
    }
    if (export->options.to->config->backfill.from.ptr != NULL && !export->options.is_dry &&
        !export->options.is_masked) {
        fprintf(stderr, "detour export: a backfill that ran meanwhile may have sent some of these "
                        "events; detour backfill pause before an export prevents it\n");
    }
    if (export->totals.exported == 0) {
        fprintf(stderr, "detour export: nothing to export, so there are no files\n");
    }
}

/* A backfill leaves out what is older. */
static uint64_t expired_ms(const struct config_destination *to)
{
    return MAX_OF(to->max_age_ms > 0 ? MIN_OF(to->max_age_ms, to->backfill.max_age_ms)
                                     : to->backfill.max_age_ms,
                  (uint64_t)1);
}

static void make(struct dlq *dlq, const struct arguments *arguments,
                 const struct export_choice *choice)
{
    char *prefix = prefix_of(arguments, dlq, choice);
    const struct export_options options = {
        .to = choice->to,
        .form = !is_table(arguments)
                    ? NULL
                    : upload_form_find(arguments->form == NULL ? SPAN("offline")
                                                               : span_of(arguments->form)),
        .takes_untold = choice->is_told && arguments->dlq.from != NULL,
        .prefix = prefix,
        .rows_max = arguments->file_rows,
        .bytes_max = arguments->file_bytes,
        .age_ms_max = arguments->age_ms_max > 0 ? arguments->age_ms_max
                      : is_table(arguments)     ? AGE_MS
                                                : 0,
        .expired_ms = arguments->has_expired ? expired_ms(choice->to->config) : 0,
        .is_masked = arguments->is_masked,
        .may_duplicate = arguments->may_duplicate,
        .is_forced = arguments->is_forced,
        .is_again = arguments->is_again,
        .is_dry = arguments->is_dry};
    struct export export;

    if (export_run(&export, dlq, &options, (const char *const *)choice->topics,
                   choice->topic_count)) {
        tell(&export, arguments->dlq.is_json);
        dlq->code = export.totals.exported > 0 ? EXIT_CODE_OK : EXIT_CODE_NO;
    }
    export_fini(&export);
    free(prefix);
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct export_choice choice = {0};
    struct dlq dlq;

    if (dlq_open(&dlq, "export", &arguments->dlq, true) &&
        export_choose(&choice, &dlq, is_table(arguments))) {
        make(&dlq, arguments, &choice);
    }
    dlq_close(&dlq);
    export_choice_fini(&choice);
    return dlq.code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, dlq.config),
    {.name = "from",
     .argument = "TOPIC",
     .help = "only this topic. Without it: the alternates behind the destination in the routes' "
             "chains, and dead_letter's",
     .read = command_text,
     .offset = offsetof(struct arguments, dlq.from)},
    FILTER_OPTIONS,
    {.name = "format",
     .argument = "FORMAT",
     .help = "csv: TikTok's table for an upload by hand; jsonl: one JSON object for each event",
     .fallback = "csv",
     .read = command_text,
     .offset = offsetof(struct arguments, format)},
    {.name = "form",
     .argument = "FORM",
     .help = "which table: offline (offline event sets) or crm (CRM event sets)",
     .fallback = "offline",
     .read = command_text,
     .offset = offsetof(struct arguments, form)},
    {.name = "out",
     .argument = "PREFIX",
     .help = "of the files: PREFIX-001.csv, PREFIX-002.csv ..., PREFIX.manifest.json; without it "
             "export-OUTAGE or export-DIGEST in this directory",
     .read = command_text,
     .offset = offsetof(struct arguments, prefix)},
    {.name = "file-rows",
     .argument = "N",
     .help = "at most so many events in a file",
     .wants = "a number from 1 on",
     .low = 1,
     .read = command_number,
     .offset = offsetof(struct arguments, file_rows)},
    {.name = "file-bytes",
     .argument = "SIZE",
     .help = "at most so large a file; TikTok takes 50 MB",
     .fallback = "50 MB",
     .wants = "a size such as 10MiB",
     .read = command_size,
     .offset = offsetof(struct arguments, file_bytes)},
    {.name = "max-age",
     .argument = "AGE",
     .help = "leave out events that are older; the table has 28d where nothing is said",
     .wants = "a duration such as 7d",
     .read = command_duration,
     .offset = offsetof(struct arguments, age_ms_max)},
    {.name = "mask",
     .help = "hide identifiers. Such files are to be looked at, not uploaded: they are not put on "
             "the ledger",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_masked)},
    {.name = "allow-duplicates",
     .help = "also records that the destination may have taken, older than its 48 hours of "
             "deduplication",
     .read = command_flag,
     .offset = offsetof(struct arguments, may_duplicate)},
    {.name = "again",
     .help = "also what was exported before",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_again)},
    {.name = "expired",
     .help = "also what the destination's backfill has settled and is older than its max_age: it "
             "passed such events over",
     .read = command_flag,
     .offset = offsetof(struct arguments, has_expired)},
    {.name = "force",
     .help = "replace files that are there already",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_forced)},
    {.name = "all",
     .help = "everything in the topics: wanted where nothing else bounds the selection",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_all)},
    {.name = "dry-run",
     .help = "count only: no files, nothing on the ledger",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_dry)},
    COMMAND_JSON(struct arguments, dlq.is_json),
};

const struct command export_command = {
    .name = "export",
    .summary = "diverted events and dead letters as files for an upload",
    .about = "Writes diverted or dead-lettered events of an outage, or of another selection, as "
             "the CSV that TikTok's Events Manager takes, or as JSON lines. Identifiers are hashed "
             "as the API gets them. What is exported stands on the ledger.",
    .exits = "0 exported, 1 nothing to export, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .check = check,
    .run = run,
};
