/* What a person, a machine and a node exporter read of a reconciliation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/columns.h"
#include "base/mem.h"
#include "recovery/reconcile.h"
#include "recovery/reconcile_legs.h"

enum { NAME_COLUMNS = 32, COUNT_COLUMNS = 11, WIDTH = 80, TEXT_BYTES_MAX = 1 << 20 };

static const enum record_class shown[] = {RECORD_DELIVERED, RECORD_DIVERTED, RECORD_DEAD_LETTERED,
                                          RECORD_DROPPED};

/* the table */

static void add_row(struct buf *out, struct span name, const uint64_t counts[RECORD_CLASS_COUNT])
{
    columns_left(out, name, NAME_COLUMNS);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        buf_add_char(out, ' ');
        columns_number(out, counts[shown[i]], COUNT_COLUMNS);
    }
    buf_add_char(out, '\n');
}

static void add_legs(struct buf *out, const struct reconcile *reconcile)
{
    struct reconcile_leg *legs;
    size_t count = reconcile_legs(reconcile->books, &reconcile->sum, &legs);

    columns_left(out, SPAN("route/leg"), NAME_COLUMNS);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        static const char *const heads[] = {"delivered", "diverted", "dead letter", "dropped"};

        buf_add_char(out, ' ');
        columns_right(out, span_of(heads[i]), COUNT_COLUMNS);
    }
    buf_add_char(out, '\n');
    for (size_t i = 0; i < count; i++) {
        struct buf name;

        buf_init(&name, TEXT_BYTES_MAX);
        columns_pair(&name, legs[i].route.ptr == NULL ? SPAN("(none)") : legs[i].route,
                     legs[i].leg.ptr == NULL ? SPAN("-") : legs[i].leg, NAME_COLUMNS);
        add_row(out, (struct span){name.ptr, name.len}, legs[i].counts);
        buf_fini(&name);
    }
    add_row(out, SPAN("events"), reconcile->sum.events);
    free(legs);
}

static void add_sum(struct buf *out, const char *name, uint64_t count, const char *more)
{
    columns_left(out, span_of(name), NAME_COLUMNS);
    buf_add_char(out, ' ');
    columns_number(out, count, COUNT_COLUMNS);
    buf_printf(out, "%s%s\n", more[0] == '\0' ? "" : "  ", more);
}

static void add_sums(struct buf *out, const struct reconcile *reconcile)
{
    const struct reconcile_followed *followed = &reconcile->followed;

    buf_add_char(out, '\n');
    add_sum(out, "consumed", reconcile_consumed(reconcile), "");
    add_sum(out, "in flight", reconcile->in_flight, "taken, not settled yet");
    add_sum(out, "unaccounted", reconcile->unaccounted, "committed, and not on the ledger");
    if (reconcile->untold > 0) {
        add_sum(out, "untold", reconcile->untold, "settled, and not told how");
    }
    add_sum(out, "waiting", reconcile->waiting, "in the topic, not taken yet");
    if (reconcile->sum.events[RECORD_DIVERTED] > 0) {
        buf_add_text(out, "\nof the diverted legs\n");
        add_sum(out, "  backfilled", followed->backfilled, "");
        add_sum(out, "  expired", followed->expired, "too old for the destination");
        if (followed->skipped > 0) {
            add_sum(out, "  failed or skipped again", followed->skipped, "");
        }
        add_sum(out, "  exported", followed->exported, "");
        add_sum(out, "  not backfilled", followed->waiting, "");
    }
    if (followed->decided > 0) {
        buf_add_text(out, "\nof the dead letters\n");
        add_sum(out, "  skipped", followed->decided, "by an operator's decision");
    }
}

static void add_finding(struct buf *out, const struct reconcile_finding *finding)
{
    struct buf line;

    buf_init(&line, TEXT_BYTES_MAX);
    buf_printf(&line, "%s " SPAN_FMT, finding->is_failure ? "FAILED" : "note  ",
               SPAN_ARG(finding->topic));
    if (finding->partition >= 0) {
        buf_printf(&line, "[%d]", finding->partition);
    }
    if (finding->outage.len > 0) {
        buf_printf(&line, " of outage " SPAN_FMT, SPAN_ARG(finding->outage));
    }
    if (finding->run.to > finding->run.from) {
        buf_printf(&line, " offsets %lld to %lld: %llu %s", (long long)finding->run.from,
                   (long long)finding->run.to - 1, (unsigned long long)finding->count,
                   finding->is_offsets ? "offsets" : "records");
    } else if (finding->partition >= 0) {
        buf_printf(&line, " from offset %lld on", (long long)finding->run.from);
    } else if (finding->count > 0) {
        buf_printf(&line, ": %llu", (unsigned long long)finding->count);
    }
    buf_printf(&line, ": %s", finding->text);
    columns_fold(out, (struct span){line.ptr, line.len}, WIDTH, 7);
    buf_add_char(out, '\n');
    buf_fini(&line);
}

static void add_faults(struct buf *out, const struct reconcile *reconcile)
{
    const struct books *books = reconcile->books;

    for (unsigned i = RECORD_NOT_JSON; i < RECORD_FAULT_COUNT; i++) {
        const struct books_fault *fault = &books->faults[i];

        if (fault->count > 0) {
            buf_printf(
                out,
                "note   %llu records of the ledger cannot be used; the first, [%d] at %lld, %s",
                (unsigned long long)fault->count, fault->partition, (long long)fault->offset,
                record_fault_text((enum record_fault)i));
            buf_printf(out, "%s%s\n", fault->member == NULL ? "" : ": ",
                       fault->member == NULL ? "" : fault->member);
        }
    }
}

static void add_proof(struct buf *out, const struct reconcile *reconcile)
{
    char iso[CLOCK_ISO_BYTES];

    if (reconcile->book_count == 0) {
        buf_add_text(out, "The ledger has nothing of this group.\n");
        return;
    }
    if (reconcile->provable_ms >= 0) {
        buf_printf(out, "The books reach back to %s%s.\n", clock_iso(reconcile->provable_ms, iso),
                   reconcile->reader.is_truncated ? ": retention of the ledger took what was before"
                                                  : "");
        if (reconcile->window.since_ms != INT64_MIN &&
            reconcile->window.since_ms < reconcile->provable_ms) {
            buf_add_text(out, "What was before, and is asked for, cannot be proved.\n");
        }
    }
    buf_add_text(out, reconcile->is_ok ? "It balances.\n" : "It does not balance.\n");
}

void reconcile_print(FILE *out, const struct reconcile *reconcile)
{
    struct buf text;

    buf_init(&text, 16 * TEXT_BYTES_MAX);
    add_legs(&text, reconcile);
    add_sums(&text, reconcile);
    buf_add_char(&text, '\n');
    for (size_t i = 0; i < reconcile->finding_count; i++) {
        add_finding(&text, &reconcile->findings[i]);
    }
    if (reconcile->findings_left_out > 0) {
        buf_printf(&text, "FAILED and %zu more\n", reconcile->findings_left_out);
    }
    add_faults(&text, reconcile);
    add_proof(&text, reconcile);
    fputs(buf_text(&text), out);
    buf_fini(&text);
}

/* JSON */

static json_t *text_or_null(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *number(uint64_t count)
{
    return json_integer((json_int_t)MIN_OF(count, (uint64_t)INT64_MAX));
}

static json_t *time_or_null(int64_t ms)
{
    char iso[CLOCK_ISO_BYTES];

    return ms < 0 || ms == INT64_MAX ? json_null() : json_string(clock_iso(ms, iso));
}

static void set_counts(json_t *object, const uint64_t counts[RECORD_CLASS_COUNT],
                       uint64_t in_flight, uint64_t unaccounted)
{
    uint64_t consumed = in_flight + unaccounted;

    for (size_t i = 0; i < RECORD_CLASS_COUNT; i++) {
        consumed += counts[i];
    }
    json_object_set_new(object, "consumed", number(consumed));
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        json_object_set_new(object, record_class_word(shown[i]), number(counts[shown[i]]));
    }
    json_object_set_new(object, "in_flight", number(in_flight));
    json_object_set_new(object, "unaccounted", number(unaccounted));
}

static json_t *legs_json(const struct reconcile *reconcile)
{
    json_t *array = json_array();
    struct reconcile_leg *legs;
    size_t count = reconcile_legs(reconcile->books, &reconcile->sum, &legs);

    for (size_t i = 0; i < count; i++) {
        json_t *leg = json_object();

        json_object_set_new(leg, "route", text_or_null(legs[i].route));
        json_object_set_new(leg, "leg", text_or_null(legs[i].leg));
        set_counts(leg, legs[i].counts, 0, 0); /* what has no tally yet has no legs yet */
        json_array_append_new(array, leg);
    }
    free(legs);
    return array;
}

static json_t *findings_json(const struct reconcile *reconcile)
{
    json_t *array = json_array();

    for (size_t i = 0; i < reconcile->finding_count; i++) {
        const struct reconcile_finding *at = &reconcile->findings[i];

        json_array_append_new(
            array, json_pack("{s:o, s:o, s:i, s:I, s:I, s:o, s:b, s:b, s:s}", "topic",
                             text_or_null(at->topic), "outage", text_or_null(at->outage),
                             "partition", (int)at->partition, "from", (json_int_t)at->run.from,
                             "to", (json_int_t)at->run.to, "count", number(at->count), "is_offsets",
                             at->is_offsets, "is_failure", at->is_failure, "cause", at->text));
    }
    return array;
}

json_t *reconcile_json(const struct reconcile *reconcile)
{
    const struct reconcile_followed *followed = &reconcile->followed;
    json_t *out = json_object();
    uint64_t faults = 0;

    for (unsigned i = RECORD_NOT_JSON; i < RECORD_FAULT_COUNT; i++) {
        faults += reconcile->books->faults[i].count;
    }
    json_object_set_new(out, "ok", json_boolean(reconcile->is_ok));
    set_counts(out, reconcile->sum.events, reconcile->in_flight, reconcile->unaccounted);
    json_object_set_new(out, "consumed", number(reconcile_consumed(reconcile)));
    json_object_set_new(out, "untold", number(reconcile->untold));
    json_object_set_new(out, "waiting", number(reconcile->waiting));
    json_object_set_new(out, "legs", legs_json(reconcile));
    json_object_set_new(out, "followed",
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "backfilled",
                                  number(followed->backfilled), "expired",
                                  number(followed->expired), "skipped", number(followed->skipped),
                                  "exported", number(followed->exported), "waiting",
                                  number(followed->waiting), "decided", number(followed->decided)));
    json_object_set_new(out, "findings", findings_json(reconcile));
    json_object_set_new(out, "provable_since", time_or_null(reconcile->provable_ms));
    json_object_set_new(out, "since", time_or_null(reconcile->window.since_ms));
    json_object_set_new(out, "until", time_or_null(reconcile->window.until_ms));
    json_object_set_new(out, "ledger",
                        json_pack("{s:o, s:o, s:o, s:b}", "topic",
                                  text_or_null(reconcile->config->ledger.topic), "records",
                                  number(reconcile->books->records), "unusable", number(faults),
                                  "truncated", reconcile->reader.is_truncated));
    return out;
}

/* the node exporter's textfile */

static void add_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP detour_reconcile_%s %s\n# TYPE detour_reconcile_%s gauge\n", name, help,
               name);
    buf_printf(out, "detour_reconcile_%s %llu\n", name, (unsigned long long)value);
}

static void add_gauges(struct buf *out, const struct reconcile *reconcile)
{
    const uint64_t *events = reconcile->sum.events;

    add_gauge(out, "ok", "1: the books balance", reconcile->is_ok);
    add_gauge(out, "timestamp_seconds", "when it was run", (uint64_t)clock_wall_ms() / 1000);
    add_gauge(out, "consumed", "events consumed", reconcile_consumed(reconcile));
    add_gauge(out, "delivered", "events delivered", events[RECORD_DELIVERED]);
    add_gauge(out, "diverted", "events diverted", events[RECORD_DIVERTED]);
    add_gauge(out, "dead_lettered", "events dead-lettered", events[RECORD_DEAD_LETTERED]);
    add_gauge(out, "dropped", "events dropped by rule", events[RECORD_DROPPED]);
    add_gauge(out, "in_flight", "events taken and not settled", reconcile->in_flight);
    add_gauge(out, "unaccounted", "events committed and not on the ledger", reconcile->unaccounted);
    add_gauge(out, "untold", "events settled and not told how", reconcile->untold);
    add_gauge(out, "waiting", "events not taken yet", reconcile->waiting);
}

enum err_code reconcile_metrics(const struct reconcile *reconcile, const char *path,
                                struct err *err)
{
    char *draft = mem_format("%s.%ld", path, (long)getpid());
    FILE *file = fopen(draft, "we");
    enum err_code rc = ERR_OK;
    bool is_written;
    struct buf text;

    if (file == NULL) {
        rc = FAIL(err, ERR_IO, "%s cannot be written: %s", draft, strerror(errno));
        free(draft);
        return rc;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    add_gauges(&text, reconcile);
    is_written = fwrite(text.ptr, 1, text.len, file) == text.len;
    is_written = fclose(file) == 0 && is_written;
    if (!is_written || rename(draft, path) != 0) { /* whole, or not at all */
        rc = FAIL(err, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
        (void)unlink(draft);
    }
    buf_fini(&text);
    free(draft);
    return rc;
}
