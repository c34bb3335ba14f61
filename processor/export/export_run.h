/**
 * export_run - an export from its first record to its files: topic after topic is read, rows are
 * written, the ledger is told, the files get their names.
 *
 * The order is what makes it safe. "started" is on the ledger before the first row of a topic;
 * "ended", with the records of each topic, after the last row and before any file has its name:
 * what a person can find and upload is on the ledger. Where a file cannot be renamed after that,
 * the error says so, and the whole files stay under their temporary names.
 *
 * Memory does not grow with the number of events, but with that of the runs of records that are
 * exported: 24 bytes each, a million at most (ERR_LIMIT).
 *
 * Main thread. Errors are printed by the session; the exit code is in dlq->code.
 */
#ifndef EXPORT_EXPORT_RUN_H
#define EXPORT_EXPORT_RUN_H

#include "export/backfilled.h"
#include "export/export_files.h"
#include "export/export_totals.h"
#include "recovery/offset_runs.h"

enum { EXPORT_TOPICS_MAX = 64 };

struct export_options {
    const struct destination *to;
    const struct upload_form *form; /* NULL: JSON lines */
    bool takes_untold; /* records that no header gives to a destination are this one's */
    const char *prefix;
    uint64_t rows_max, bytes_max; /* of a file; rows: 0 is none */
    uint64_t age_ms_max;
    uint64_t expired_ms; /* of what a backfill has settled, events that are older; 0: none */
    bool is_masked, may_duplicate, is_forced, is_again, is_dry;
};

/* One topic that was read. */
struct export_topic {
    char *name;     /* owned */
    char *job;      /* owned; its name on the ledger */
    bool is_absent; /* there is none: nothing was diverted yet */
    bool is_begun;  /* "started" is on the ledger */
    bool is_ended;  /* "ended" too */
    struct export_totals totals;
    struct offset_runs runs; /* what is exported of it */
    struct backfilled backfilled;
};

struct export
{
    struct dlq *dlq; /* borrowed */
    struct export_options options;
    struct export_topic *topics; /* owned */
    size_t topic_count;
    struct row_maker *maker;     /* owned, as all below */
    struct export_files *files;  /* NULL: a dry run */
    struct ledger *ledger;       /* NULL: nothing is written to it */
    struct export_totals totals; /* of all topics */
    bool is_recorded;            /* the ledger has all that is in the files */
};

/** Read @names one after another. False: it failed, and dlq->code says how. In any case @export is
 * to be freed. Where nothing is exported there are no files. */
bool export_run(struct export *export, struct dlq *dlq, const struct export_options *options,
                const char *const *names, size_t name_count);
void export_fini(struct export *export);

#endif /* EXPORT_EXPORT_RUN_H */
