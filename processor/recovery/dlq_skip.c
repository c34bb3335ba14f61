/*
 * `detour dlq skip`: an operator's decision that dead letters stay as they are, on the ledger: that
 * it began, then which records it is about. Nothing in the topic is changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/dlq.h"
#include "recovery/dlq_session.h"
#include "recovery/job_record.h"
#include "recovery/offset_runs.h"

enum { CLOSE_MS = 5000, NAME_BYTES = 64 };

struct skip_arguments {
    struct dlq_arguments dlq;
    const char *because;
    bool is_all;
};

struct skip {
    struct dlq dlq;
    const struct skip_arguments *arguments;
    struct ledger *ledger; /* owned */
    struct offset_runs runs;
    uint64_t skipped, before; /* dead letters: by this decision, by an earlier one */
    json_t *reasons;          /* owned; how many of each */
    char name[NAME_BYTES];
};

static bool add_place(struct skip *skip, struct part_place place)
{
    return offset_runs_add(&skip->runs, place.partition, place.offset, OFFSET_RUNS_OF_RECORD) ||
           dlq_fail(&skip->dlq, ERR_LIMIT,
                    "the selection has more than 20,000 runs of records; choose fewer by --since "
                    "and --until, several times");
}

static void count_reason(struct skip *skip, const struct dead_letter *letter)
{
    struct span reason = letter->known == REASON_NONE && letter->dialect == DIALECT_DETOUR
                             ? SPAN("(none)")
                         : letter->reason.ptr == NULL ? SPAN("(none)")
                                                      : letter->reason;
    char *name = mem_text(reason);
    const json_t *known = json_object_get(skip->reasons, name);

    json_object_set_new(skip->reasons, name, json_integer(json_integer_value(known) + 1));
    free(name);
}

static bool collect(struct skip *skip)
{
    struct scan_range range = dlq_range(&skip->dlq);
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step = SCAN_FAILED;
    bool is_well = dlq_read(&skip->dlq, &range);

    if (is_well) {
        dlq_read_decisions(&skip->dlq);
    }
    while (is_well && (step = dlq_next(&skip->dlq, &message, &letter)) == SCAN_RECORD) {
        if (letter.decision != NULL && letter.decision->type == DECISION_SKIPPED) {
            skip->before++;
        } else {
            is_well = add_place(skip, letter.place);
            count_reason(skip, &letter.record.letter);
            skip->skipped++;
        }
        rd_kafka_message_destroy(message);
    }
    return is_well && step == SCAN_END;
}

static json_t *runs_json(const struct skip *skip)
{
    return offset_runs_json(&skip->runs, 0, skip->runs.count);
}

/* The decision itself: only what is on the ledger is decided. */
static bool write_record(struct skip *skip, const char *state)
{
    json_t *selection = job_selection(&skip->dlq.filter);
    json_t *counts =
        json_pack("{s:I, s:O}", "skipped", (json_int_t)skip->skipped, "reasons", skip->reasons);
    json_t *records = runs_json(skip);
    struct err err;
    enum err_code rc = job_record_write(skip->ledger, skip->dlq.config,
                                        &(struct job_record){.job = "skip",
                                                             .name = skip->name,
                                                             .state = state,
                                                             .topic = skip->dlq.topic,
                                                             .because = skip->arguments->because,
                                                             .selection = selection,
                                                             .counts = counts,
                                                             .records = records},
                                        &err);

    json_decref(selection);
    json_decref(counts);
    json_decref(records);
    return rc == ERR_OK || dlq_fail(&skip->dlq, rc, err.text);
}

static bool open_ledger(struct skip *skip)
{
    struct err err;
    enum err_code rc;

    if (!config_has_ledger(skip->dlq.config)) {
        return dlq_fail(&skip->dlq, ERR_CONFIG,
                        "the configuration has no ledger (ledger: off), so a decision cannot be "
                        "recorded");
    }
    rc = ledger_open(skip->dlq.config, &skip->ledger, &err);
    return rc == ERR_OK || dlq_fail(&skip->dlq, rc, err.text);
}

static void tell(const struct skip *skip)
{
    if (skip->dlq.arguments->is_json) {
        json_t *out = json_pack("{s:s, s:s, s:I, s:O, s:o}", "name", skip->name, "topic",
                                skip->dlq.topic, "skipped", (json_int_t)skip->skipped, "reasons",
                                skip->reasons, "records", runs_json(skip));

        (void)json_dumpf(out, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(out);
    } else {
        printf("%llu in %s are skipped: %s is on the ledger. They stay in the topic.\n",
               (unsigned long long)skip->skipped, skip->dlq.topic, skip->name);
    }
}

static void decide(struct skip *skip)
{
    char digest[DIGEST_SHORT_BYTES];

    filter_digest(&skip->dlq.filter, span_of(skip->dlq.topic), digest);
    (void)snprintf(skip->name, sizeof(skip->name), "skip-%s-%llx", digest,
                   (unsigned long long)skip->dlq.now_ms);
    if (!collect(skip)) {
        return;
    }
    dlq_tell_left_out(&skip->dlq);
    if (skip->before > 0) {
        fprintf(stderr, "detour dlq skip: %llu more are skipped by an earlier decision\n",
                (unsigned long long)skip->before);
    }
    if (skip->skipped == 0) {
        (void)dlq_fail(&skip->dlq, ERR_DATA, "nothing found, so nothing is decided");
    } else if (open_ledger(skip) && write_record(skip, "started") && write_record(skip, "ended")) {
        tell(skip);
    }
}

static int run(const void *all)
{
    struct skip skip = {.arguments = all, .reasons = json_object()};

    if (dlq_open(&skip.dlq, "dlq skip", &skip.arguments->dlq, false)) {
        decide(&skip);
    }
    ledger_close(skip.ledger, clock_mono_ms() + CLOSE_MS);
    json_decref(skip.reasons);
    offset_runs_fini(&skip.runs);
    dlq_close(&skip.dlq);
    return skip.dlq.code;
}

static const char *check_arguments(const void *all)
{
    const struct skip_arguments *arguments = all;

    return filter_is_bounded(&arguments->dlq.filter) || arguments->is_all
               ? NULL
               : "which ones? a selection such as --reason, or --all";
}

static const struct command_option options[] = {
    DLQ_OPTIONS,
    FILTER_OPTIONS,
    {.name = "because",
     .argument = "TEXT",
     .help = "why, for those who read the ledger; no personal data",
     .missing = "why? --because TEXT",
     .read = command_text,
     .offset = offsetof(struct skip_arguments, because)},
    {.name = "all",
     .help = "everything in the topic",
     .read = command_flag,
     .offset = offsetof(struct skip_arguments, is_all)},
    DLQ_JSON,
};

const struct command dlq_skip_command = {
    .name = "dlq skip",
    .summary = "record that they stay as they are, and why",
    .about =
        "Records on the ledger that these dead letters are not to be sent again: which ones, who "
        "decided it, when and why. Nothing in the topic is changed or deleted.",
    .exits = "0 recorded, 1 nothing found, 2 wrong usage or configuration, 3 a service is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct skip_arguments),
    .check = check_arguments,
    .run = run,
};
