/*
 * `detour replay cancel NAME`: on the ledger, where the replay that runs reads it. It stops, and
 * what it sent is settled first. One that was killed has nobody to close its books: the record has
 * the counts of its tallies. In both cases the same command begins anew afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/job_record.h"
#include "recovery/read_config.h"
#include "recovery/reconcile.h"
#include "replay/replay.h"
#include "replay/replay_audit.h"

enum { CLOSE_MS = 5000, ASK_AGAIN_MS = 500, MARGIN_MS = 10000, TEXT_BYTES_MAX = 1 << 20 };

struct cancel_arguments {
    const char *path, *name;
    bool is_json;
};

static int fail(enum err_code rc, const char *text)
{
    fprintf(stderr, "detour replay cancel: %s\n", text);
    return command_exit_code(rc);
}

static bool is_replay(const struct books_job *job, struct span group)
{
    return span_is(job->job, "replay") && span_eq(job->group, group);
}

static bool is_open(const struct books_job *job)
{
    return job->state == STATE_STARTED || job->state == STATE_STOPPED ||
           job->state == STATE_CHANGED;
}

static const struct books_job *find(const struct books *books, struct span group, const char *name)
{
    for (size_t i = 0; i < books->job_count; i++) {
        if (is_replay(&books->jobs[i], group) && span_is(books->jobs[i].name, name)) {
            return &books->jobs[i];
        }
    }
    return NULL;
}

/* Why there is nothing to cancel, and what there is. */
static int refuse(const struct books *books, struct span group, const char *name)
{
    const struct books_job *known = find(books, group, name);
    size_t count = 0;
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    if (known == NULL) {
        buf_printf(&text, "no replay %s is on the ledger", name);
    } else {
        buf_printf(&text, "%s has %s already", name,
                   known->state == STATE_ENDED ? "ended" : "been cancelled");
    }
    for (size_t i = 0; i < books->job_count; i++) {
        if (is_replay(&books->jobs[i], group) && is_open(&books->jobs[i])) {
            buf_printf(&text, "%s" SPAN_FMT, count++ == 0 ? "; not ended are " : ", ",
                       SPAN_ARG(books->jobs[i].name));
        }
    }
    buf_add_text(&text, count == 0 ? "; every replay there has ended" : "");
    fprintf(stderr, "detour replay cancel: %s\n", buf_text(&text));
    buf_fini(&text);
    return known == NULL ? EXIT_CODE_USAGE : EXIT_CODE_NO;
}

/* What the tallies of its group say. */
static json_t *counts_of(const struct books *books, struct span group)
{
    struct books_counts sum = {0};
    uint64_t untold = 0;
    json_t *out;

    books_sum(books, group, &sum, &untold);
    out = json_pack("{s:I, s:I, s:I, s:I}", "selected",
                    (json_int_t)(books_counts_events(&sum) - sum.events[RECORD_SKIPPED]),
                    "delivered", (json_int_t)sum.events[RECORD_DELIVERED], "diverted",
                    (json_int_t)sum.events[RECORD_DIVERTED], "dead_lettered",
                    (json_int_t)sum.events[RECORD_DEAD_LETTERED]);
    books_counts_fini(&sum);
    return out;
}

static enum err_code write_record(const struct config *config, const struct books_job *job,
                                  json_t *counts, struct err *err)
{
    char *name = mem_text(job->name);
    char *topic = mem_text(job->topic);
    json_t *selection = job->selection == NULL ? json_object() : json_incref(job->selection);
    struct ledger *ledger = NULL;
    enum err_code rc = ledger_open(config, &ledger, err);

    if (rc == ERR_OK) {
        rc = job_record_write(ledger, config,
                              &(struct job_record){.job = "replay",
                                                   .name = name,
                                                   .state = "cancelled",
                                                   .topic = topic,
                                                   .selection = selection,
                                                   .counts = counts},
                              err);
    }
    ledger_close(ledger, clock_mono_ms() + CLOSE_MS);
    json_decref(selection);
    free(topic);
    free(name);
    return rc;
}

/* Until nobody is in the group of the replay any more. False: somebody is, or the brokers do not
 * say. A process that was killed stays for the session's time-out. */
static bool wait_for_end(const struct config *config, struct span group, bool *was_running)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    uint64_t until_ms = clock_mono_ms() + config->shutdown.drain_ms + MARGIN_MS;
    bool is_gone = false;
    struct buf who;
    struct err err;

    buf_init(&who, TEXT_BYTES_MAX);
    *was_running = false;
    while (!is_gone && clock_mono_ms() < until_ms &&
           audit_members(config, group, &who, &err) == ERR_OK) {
        is_gone = who.len == 0;
        if (!is_gone && !*was_running) {
            fprintf(stderr, "detour replay cancel: waiting for %s\n", buf_text(&who));
            *was_running = true;
        }
        buf_clear(&who);
        if (!is_gone) {
            (void)nanosleep(&pause, NULL);
        }
    }
    buf_fini(&who);
    return is_gone;
}

static void tell(const struct cancel_arguments *arguments, bool is_gone, bool was_running)
{
    if (arguments->is_json) {
        json_t *out = json_pack("{s:s, s:s, s:b, s:b}", "name", arguments->name, "state",
                                "cancelled", "was_running", was_running, "is_gone", is_gone);

        (void)json_dumpf(out, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(out);
    } else {
        printf("replay %s is cancelled: the same command begins anew%s\n", arguments->name,
               is_gone ? "" : ", as soon as its group is free");
    }
    if (!is_gone) {
        fprintf(stderr, "detour replay cancel: its group still has a member; where it was killed, "
                        "that ends with kafka.properties' session.timeout.ms\n");
    }
}

static int cancel(const struct config *config, const struct cancel_arguments *arguments)
{
    const struct books_window window = {INT64_MIN, INT64_MAX};
    char *group = mem_format(SPAN_FMT ".replay.%s", SPAN_ARG(config->kafka.group), arguments->name);
    struct reconcile reconcile;
    const struct books_job *job;
    struct err err;
    enum err_code rc = reconcile_read(config, &window, &reconcile, &err);
    int code;

    job = rc == ERR_OK ? find(reconcile.books, config->kafka.group, arguments->name) : NULL;
    if (rc != ERR_OK && rc != ERR_ABSENT) { /* no ledger yet: no replay either */
        code = fail(rc, err.text);
    } else if (job == NULL || !is_open(job)) {
        code = refuse(reconcile.books, config->kafka.group, arguments->name);
    } else {
        json_t *counts = counts_of(reconcile.books, span_of(group));

        rc = write_record(config, job, counts, &err);
        code = rc == ERR_OK ? EXIT_CODE_OK : fail(rc, err.text);
        json_decref(counts);
    }
    if (code == EXIT_CODE_OK) {
        bool was_running = false;
        bool is_gone = wait_for_end(config, span_of(group), &was_running);

        tell(arguments, is_gone, was_running);
    }
    reconcile_fini(&reconcile);
    free(group);
    return code;
}

static int run(const void *all)
{
    const struct cancel_arguments *arguments = all;
    struct config *config = read_config(arguments->path);
    int code = EXIT_CODE_USAGE;

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF); /* an error says it all */
    if (config != NULL && !config_has_ledger(config)) {
        fprintf(stderr, "detour replay cancel: %s says `ledger: off`, so no replay is on record\n",
                arguments->path);
    } else if (config != NULL) {
        code = cancel(config, arguments);
    }
    config_free(config);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct cancel_arguments, path),
    COMMAND_JSON(struct cancel_arguments, is_json),
};

static const struct command_option words[] = {
    {.name = "NAME",
     .help = "of the replay, as `detour replay list` has it",
     .missing = "which replay? detour replay list names them",
     .read = command_text,
     .offset = offsetof(struct cancel_arguments, name)},
};

const struct command replay_cancel_command = {
    .name = "replay cancel",
    .summary = "stop a replay for good",
    .about = "Stops a replay, wherever it runs: what it sent is settled first. One that was killed "
             "or stopped is closed on the ledger. The same command begins anew afterwards; what "
             "was settled is not sent again.",
    .exits = "0 cancelled, 1 it has ended already, 2 wrong usage or configuration, or no such "
             "replay, 3 Kafka does not answer",
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct cancel_arguments),
    .run = run,
};
