/*
 * `detour dlq purge`: a person's right to erasure. What can be removed without any other record is
 * (with --yes); of the rest it says where it stands and when the topic's retention removes it.
 *
 * The whole topic is read, since any record may be the event's: the id is in a header, or else in
 * the event itself.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/columns.h"
#include "kafka/topic_erase.h"
#include "kafka/topics.h"
#include "recovery/dlq.h"
#include "recovery/dlq_session.h"
#include "recovery/purge_plan.h"

enum { LOOK_MS = 10000, TABLE_BYTES_MAX = 64 * 1024 * 1024, COLUMNS = 80, PLACE = 14 };

struct purge_arguments {
    struct dlq_arguments dlq;
    bool is_yes;
};

struct purge {
    struct dlq dlq;
    const struct purge_arguments *arguments;
    struct purge_plan plan;
    struct purge_topic topic;
    uint64_t undecoded; /* name no event, and cannot be decoded */
    size_t left;        /* records that stay */
};

static const char *const way_words[] = {
    [PURGE_TOMBSTONE] = "tombstone", [PURGE_SUPERSEDED] = "superseded", [PURGE_DELETE] = "delete",
    [PURGE_RETENTION] = "retention", [PURGE_NEVER] = "never",
};

/* reading */

static void take_settings(struct purge *purge, const struct topic_need *need)
{
    const char *policy = need->cleanup_policy;

    purge->topic.is_compacted = policy != NULL && strstr(policy, "compact") != NULL;
    purge->topic.retention_ms =
        policy != NULL && strstr(policy, "delete") == NULL ? -1 : need->retention_ms;
}

/* Of a topic that the configuration does not name nothing is known. */
static bool look(struct purge *purge)
{
    struct topic_report report = {0};
    struct err err;
    enum err_code rc = topics_look(purge->dlq.config, LOOK_MS, &report, &err);

    purge->topic = (struct purge_topic){.retention_ms = INT64_MIN};
    for (size_t i = 0; rc == ERR_OK && i < report.count; i++) {
        if (span_is(report.needs[i].name, purge->dlq.topic)) {
            take_settings(purge, &report.needs[i]);
        }
    }
    topic_report_fini(&report);
    return rc == ERR_OK || dlq_fail(&purge->dlq, rc, err.text);
}

static bool has_id(const struct filter_list *ids, struct span id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (span_eq(ids->items[i], id)) {
            return true;
        }
    }
    return false;
}

/* False: it failed. */
static bool see(struct purge *purge, const rd_kafka_message_t *message)
{
    struct record record;
    struct read_event event;
    struct err err;
    bool is_match;

    record_of(message, &record);
    is_match = has_id(&purge->dlq.filter.ids, record.letter.event_id);
    if (record.letter.event_id.ptr == NULL && record.view.value.ptr != NULL) {
        enum err_code rc =
            event_reader_read(purge->dlq.reader, &record.view, record.view.value, &event, &err);

        if (rc == ERR_NET || rc == ERR_CONFIG) {
            return dlq_fail(&purge->dlq, rc, err.text);
        }
        purge->undecoded += !event.has_facts;
        is_match = event.has_facts && has_id(&purge->dlq.filter.ids, event.decoded.view.facts.id);
    }
    purge_plan_see(&purge->plan, &(struct purge_record){.partition = message->partition,
                                                        .offset = message->offset,
                                                        .timestamp_ms = record.view.timestamp_ms,
                                                        .key = record.view.key,
                                                        .is_match = is_match});
    return true;
}

static bool read_topic(struct purge *purge)
{
    enum scan_step step = SCAN_WAIT;
    struct err err;

    if (!dlq_read(&purge->dlq, &SCAN_ALL)) {
        return false;
    }
    while (step != SCAN_END) {
        rd_kafka_message_t *message = NULL;
        bool is_well = true;

        step = topic_scan_next(purge->dlq.scan, &message, &err);
        progress_turn(&purge->dlq.progress, topic_scan_done(purge->dlq.scan), NULL);
        if (step == SCAN_FAILED) {
            return dlq_fail(&purge->dlq, err.code, err.text);
        }
        if (step == SCAN_RECORD) {
            is_well = see(purge, message);
            rd_kafka_message_destroy(message);
        }
        if (!is_well) {
            return false;
        }
    }
    progress_clear(&purge->dlq.progress);
    return true;
}

/* saying */

/* What becomes of a record, for people. */
static void add_what(const struct purge *purge, const struct purge_match *match, struct buf *out)
{
    bool is_done = purge->arguments->is_yes;
    char at[CLOCK_ISO_BYTES];

    switch (match->way) {
    case PURGE_TOMBSTONE:
        buf_add_text(out, is_done ? "has a tombstone now; compaction removes it"
                                  : "can have a tombstone, then compaction removes it");
        return;
    case PURGE_SUPERSEDED:
        buf_add_text(out, "a later record has its key: compaction removes it");
        return;
    case PURGE_DELETE:
        buf_add_text(out, is_done ? "deleted" : "can be deleted: nothing else stands before it");
        return;
    case PURGE_RETENTION:
    case PURGE_NEVER:
        break;
    }
    buf_add_text(out, "stays");
    if (!purge->topic.is_compacted) {
        buf_printf(out, ": deleting it would delete other records, from %d:%lld on",
                   match->partition, (long long)purge->plan.first_other[match->partition]);
    }
    if (match->way == PURGE_RETENTION) {
        buf_printf(out, "; retention removes it after %s", clock_iso(match->removed_ms, at));
    } else if (purge->topic.retention_ms == INT64_MIN) {
        buf_add_text(out,
                     "; the topic's retention is not known (the configuration does not name the "
                     "topic, or DescribeConfigs is missing)");
    } else {
        buf_add_text(out, "; retention never removes it: set retention.ms for a time");
    }
}

static void print_plan(const struct purge *purge)
{
    const struct purge_plan *plan = &purge->plan;
    struct buf out;

    buf_init(&out, TABLE_BYTES_MAX);
    for (size_t i = 0; i < plan->count; i++) {
        struct buf line;

        buf_init(&line, TABLE_BYTES_MAX);
        buf_printf(&line, "%d:%lld", plan->matches[i].partition,
                   (long long)plan->matches[i].offset);
        buf_printf(&line, "%*s", (int)MAX_OF(PLACE - (int)line.len, 1), "");
        add_what(purge, &plan->matches[i], &line);
        columns_fold(&out, buf_span(&line), COLUMNS, PLACE);
        buf_add_char(&out, '\n');
        buf_fini(&line);
    }
    columns_number(&out, plan->count, 0);
    buf_printf(&out, " records in %s, ", purge->dlq.topic);
    columns_number(&out, purge->left, 0);
    buf_add_text(&out, purge->arguments->is_yes || plan->count == purge->left
                           ? " of them stay\n"
                           : " of them would stay\nnothing is done without --yes\n");
    (void)fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}

static json_t *time_or_null(int64_t at_ms)
{
    char text[CLOCK_ISO_BYTES];

    return at_ms < 0 ? json_null() : json_string(clock_iso(at_ms, text));
}

static void print_json(const struct purge *purge)
{
    json_t *records = json_array();
    json_t *out;

    for (size_t i = 0; i < purge->plan.count; i++) {
        const struct purge_match *match = &purge->plan.matches[i];

        json_array_append_new(
            records, json_pack("{s:i, s:I, s:o, s:s, s:o}", "partition", (int)match->partition,
                               "offset", (json_int_t)match->offset, "timestamp",
                               time_or_null(match->timestamp_ms), "how", way_words[match->way],
                               "removed_after", time_or_null(match->removed_ms)));
    }
    out = json_pack("{s:s, s:b, s:I, s:I, s:o}", "topic", purge->dlq.topic, "done",
                    (int)purge->arguments->is_yes, "left", (json_int_t)purge->left, "undecoded",
                    (json_int_t)purge->undecoded, "records", records);
    (void)json_dumpf(out, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(out);
}

/* What may be the event's, and nobody can tell. */
static void tell_unknown(const struct purge *purge)
{
    if (purge->undecoded > 0) {
        fprintf(stderr,
                "detour dlq purge: %llu records name no event and cannot be decoded; whether they "
                "are of this one is not known\n",
                (unsigned long long)purge->undecoded);
    }
    if (purge->plan.forgotten > 0) {
        fprintf(stderr, "detour dlq purge: %llu more records of it found no room; purge again\n",
                (unsigned long long)purge->plan.forgotten);
    }
}

/* doing */

static enum err_code erase_with(const struct purge *purge, struct topic_eraser *eraser,
                                struct err *err)
{
    const struct purge_plan *plan = &purge->plan;
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < plan->count && rc == ERR_OK; i++) {
        const struct purge_match *match = &plan->matches[i];

        if (match->way == PURGE_TOMBSTONE && purge_match_is_first_of_key(match)) {
            rc = topic_eraser_tombstone(eraser, match->partition, purge_match_key(match), err);
        }
    }
    for (int32_t i = 0; i < plan->partitions && rc == ERR_OK; i++) {
        int64_t before = purge_plan_delete_before(plan, i);

        if (before >= 0) {
            rc = topic_eraser_delete(eraser, i, before, err);
        }
    }
    return rc;
}

static bool erase(struct purge *purge)
{
    struct topic_eraser *eraser = NULL;
    struct err err;
    enum err_code rc = topic_eraser_open(purge->dlq.config, purge->dlq.topic, &eraser, &err);

    if (rc == ERR_OK) {
        rc = erase_with(purge, eraser, &err);
    }
    topic_eraser_close(eraser);
    return rc == ERR_OK || dlq_fail(&purge->dlq, rc, err.text);
}

static void count_left(struct purge *purge)
{
    for (size_t i = 0; i < purge->plan.count; i++) {
        purge->left += purge->plan.matches[i].way == PURGE_RETENTION ||
                       purge->plan.matches[i].way == PURGE_NEVER;
    }
    purge->left += purge->plan.forgotten;
}

static void purge_topic_of(struct purge *purge)
{
    bool is_yes = purge->arguments->is_yes;

    if (!read_topic(purge) || !look(purge)) {
        return;
    }
    purge_plan_decide(&purge->plan, &purge->topic);
    count_left(purge);
    if (is_yes && purge->plan.count > purge->left && !erase(purge)) {
        return;
    }
    if (purge->arguments->dlq.is_json) {
        print_json(purge);
    } else if (purge->plan.count == 0) {
        printf("nothing found in %s\n", purge->dlq.topic);
    } else {
        print_plan(purge);
    }
    tell_unknown(purge);
    purge->dlq.code =
        purge->plan.count == 0 || (is_yes && purge->left == 0) ? EXIT_CODE_OK : EXIT_CODE_NO;
}

static int run(const void *all)
{
    struct purge purge = {.arguments = all};

    if (dlq_open(&purge.dlq, "dlq purge", &purge.arguments->dlq, true)) {
        purge_topic_of(&purge);
    }
    purge_plan_fini(&purge.plan);
    dlq_close(&purge.dlq);
    return purge.dlq.code;
}

static const struct command_option options[] = {
    DLQ_OPTIONS,
    {.name = "event-id",
     .argument = "ID",
     .help = "the event whose records are to go; repeatable",
     .wants = "an event's id, and is there at most 64 times",
     .missing = "whose records? --event-id ID",
     .read = command_texts,
     .offset = offsetof(struct filter_arguments, ids)},
    {.name = "yes",
     .help = "do it; without, only what could be done is said",
     .read = command_flag,
     .offset = offsetof(struct purge_arguments, is_yes)},
    DLQ_JSON,
};

const struct command dlq_purge_command = {
    .name = "dlq purge",
    .summary = "remove an event's records where that removes no other; else say what holds it",
    .about =
        "Removes the records of an event, for a person's right to erasure, where that removes no "
        "other record: by a tombstone where the topic is compacted, by deleting the beginning "
        "of a partition where nothing else is there. Of the rest it says where they stand and "
        "when the topic's retention removes them.",
    .exits =
        "0 nothing of it stays, 1 something does, 2 wrong usage or configuration, 3 a service is "
        "not reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct purge_arguments),
    .run = run,
};
