/*
 * A tally's record: head, start, gaps; the events as a whole; legs; runs ahead. When the legs of a
 * record reach RECORD_BYTES it ends, and the next one goes on with the same stretch: `part` says
 * which it is of how many, and a reader adds them up. The number of parts is known only at the end,
 * so the last alone has `"last": true`.
 */
#include "ledger/tally_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"

enum { RECORD_BYTES = 512 * 1024 };

struct record_writer {
    struct tally_records *records;
    struct buf *out;
    const struct tally_head *head;
    const struct source_partition *partition;
    const struct tally *tally;
    const struct fates *fates;
    size_t part;
    size_t begin; /* of the record being written */
    bool has_run; /* its legs are those of a run */
};

void tally_records_fini(struct tally_records *records)
{
    buf_fini(&records->text);
    free(records->ends);
    *records = (struct tally_records){0};
}

struct span tally_records_at(const struct tally_records *records, size_t index)
{
    size_t from = index == 0 ? 0 : records->ends[index - 1];

    PRE(index < records->count);
    return (struct span){records->text.ptr + from, records->ends[index] - from};
}

/* pieces */

static void add_text(struct buf *out, const char *name, struct span text)
{
    buf_add_text(out, name);
    if (text.ptr == NULL) {
        buf_add_text(out, "null");
    } else {
        buf_add_json_string(out, text);
    }
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    buf_add_text(out, name);
    buf_add_i64(out, number);
}

static void add_runs(struct buf *out, const struct offset_run *runs, size_t count)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        add_number(out, i == 0 ? "[" : ",[", runs[i].from);
        add_number(out, ",", runs[i].to);
        buf_add_char(out, ']');
    }
    buf_add_char(out, ']');
}

static void add_start(struct buf *out, const struct tally_start *start)
{
    add_number(out, ",\"start\":{\"offset\":", start->offset);
    buf_add_text(out, ",\"settled\":");
    add_runs(out, start->runs, start->run_count);
    if (start->is_first) {
        buf_add_text(out, ",\"first\":true");
    }
    if (start->is_new_log) {
        buf_add_text(out, ",\"new_log\":true");
    }
    if (start->missing > 0) {
        add_number(out, ",\"missing\":", start->missing);
    }
    buf_add_char(out, '}');
}

static void add_events(struct buf *out, const struct fates *fates, const struct tally_row *rows,
                       size_t count)
{
    uint64_t sums[FATE_COUNT] = {0};
    const char *comma = "";

    for (size_t i = 0; i < count; i++) {
        sums[fates_get(fates, rows[i].fate)->whole] += rows[i].count;
    }
    buf_add_text(out, ",\"events\":{");
    for (size_t i = 0; i < FATE_COUNT; i++) {
        if (sums[i] > 0) {
            buf_printf(out, "%s\"%s\":%" PRIu64, comma, fate_word((enum leg_fate)i), sums[i]);
            comma = ",";
        }
    }
    buf_add_char(out, '}');
}

static void add_fate(struct buf *out, const struct fates *fates, const struct fate_leg *leg)
{
    add_text(out, "{\"route\":", leg->route == NULL ? SPAN_NONE : leg->route->name);
    add_text(out, ",\"leg\":", leg->leg == NULL ? SPAN_NONE : leg->leg->chain[0]->name);
    buf_printf(out, ",\"fate\":\"%s\"", fate_word((enum leg_fate)leg->fate));
    if (leg->to != NULL) {
        add_text(out, ",\"to\":", leg->to->name);
    }
    if (leg->fate == FATE_DROPPED) {
        add_text(out, ",\"reason\":", leg->route == NULL ? span_of("unmatched") : leg->route->drop);
    } else if (leg->fate == FATE_SKIPPED) {
        add_text(out, ",\"reason\":", span_of(skip_word((enum skip_reason)leg->reason)));
    } else if (leg->fate != FATE_DELIVERED) {
        add_text(out, ",\"reason\":", span_of(reason_word((enum reason)leg->reason)));
        add_text(out, ",\"event\":", fates_event_text(fates, leg->event));
    }
    if (leg->outage != 0) {
        add_text(out, ",\"outage\":", span_of(fates_outage_text(fates, leg->outage)));
    }
}

static void add_leg(struct record_writer *writer, const struct fate *fate,
                    const struct fate_leg *leg, const struct tally_row *row)
{
    char text[MONEY_TEXT_BYTES];

    add_fate(writer->out, writer->fates, leg);
    buf_printf(writer->out, ",\"count\":%" PRIu64, row->count);
    if (strcmp(fate->currency, FATE_UNSUMMED) == 0) {
        buf_printf(writer->out, ",\"unsummed\":%" PRIu64, row->count);
    } else if (fate->currency[0] != '\0') {
        (void)money_text((struct money){row->micros}, text);
        buf_printf(writer->out, ",\"value\":{\"%s\":\"%s\"}",
                   strcmp(fate->currency, FATE_NO_CURRENCY) == 0 ? "unknown" : fate->currency,
                   text);
    }
    buf_add_char(writer->out, '}');
}

/* records */

static void begin_record(struct record_writer *writer)
{
    const struct tally_head *head = writer->head;
    struct buf *out = writer->out;
    char at[CLOCK_ISO_BYTES];

    writer->begin = out->len;
    writer->has_run = false;
    add_text(out, "{\"v\":1,\"kind\":\"tally\",\"at\":", span_of(clock_iso(head->wall_ms, at)));
    add_text(out, ",\"instance\":", head->instance);
    add_text(out, ",\"group\":", head->group);
    buf_printf(out, ",\"session\":\"%016" PRIx64 "\"", head->session);
    add_text(out, ",\"topic\":", span_of(writer->partition->topic));
    add_number(out, ",\"partition\":", writer->partition->partition);
    add_number(out, ",\"from\":", writer->tally->from);
    add_number(out, ",\"to\":", writer->tally->sealed_to);
    if (writer->part > 0) {
        add_number(out, ",\"part\":", (int64_t)writer->part);
    }
}

static void end_record(struct record_writer *writer, bool is_last)
{
    struct tally_records *records = writer->records;

    if (is_last && writer->part > 0) {
        buf_add_text(writer->out, ",\"last\":true");
    } else if (!is_last && writer->part == 0) {
        buf_add_text(writer->out, ",\"part\":0");
    }
    buf_add_char(writer->out, '}');
    if (records->count == records->cap) {
        records->cap = records->cap == 0 ? 4 : records->cap * 2;
        records->ends = mem_grow(records->ends, records->cap, sizeof(*records->ends));
    }
    records->ends[records->count++] = writer->out->len;
}

static bool is_full(const struct record_writer *writer)
{
    return writer->out->len - writer->begin >= RECORD_BYTES;
}

static void add_run_head(struct record_writer *writer, const struct tally_run *run)
{
    add_number(writer->out,
               writer->has_run ? ",{\"from\":" : ",\"ahead\":[{\"from\":", run->offsets.from);
    add_number(writer->out, ",\"to\":", run->offsets.to);
    writer->has_run = true;
}

/* What follows goes into a record of its own. @run: whose legs are being written; NULL: those of
 * the stretch. */
static void break_record(struct record_writer *writer, const struct tally_run *run)
{
    buf_add_char(writer->out, ']');
    buf_add_text(writer->out, run == NULL ? "" : "}]");
    end_record(writer, false);
    writer->part++;
    begin_record(writer);
    if (run != NULL) {
        add_run_head(writer, run);
    }
    buf_add_text(writer->out, ",\"legs\":[");
}

static void add_legs(struct record_writer *writer, const struct tally_row *rows, size_t count,
                     const struct tally_run *run)
{
    bool is_first = true;

    buf_add_text(writer->out, ",\"legs\":[");
    for (size_t i = 0; i < count; i++) {
        const struct fate *fate = fates_get(writer->fates, rows[i].fate);

        for (size_t k = 0; k < fate->leg_count; k++) {
            if (is_full(writer)) {
                break_record(writer, run);
                is_first = true;
            }
            buf_add_text(writer->out, is_first ? "" : ",");
            is_first = false;
            add_leg(writer, fate, &fate->legs[k], &rows[i]);
        }
    }
    buf_add_char(writer->out, ']');
}

static void add_ahead(struct record_writer *writer)
{
    const struct tally *tally = writer->tally;

    for (size_t i = 0; i < tally->ahead_count; i++) {
        const struct tally_run *run = &tally->ahead[i];
        const struct tally_row *rows = tally->ahead_rows + run->row_from;

        add_run_head(writer, run);
        add_events(writer->out, writer->fates, rows, run->row_to - run->row_from);
        add_legs(writer, rows, run->row_to - run->row_from, run);
        buf_add_char(writer->out, '}');
    }
    if (writer->has_run) {
        buf_add_char(writer->out, ']');
    }
}

void tally_records_write(struct tally_records *records, const struct tally_head *head,
                         const struct source_partition *partition, const struct fates *fates)
{
    struct record_writer writer = {.records = records,
                                   .out = &records->text,
                                   .head = head,
                                   .partition = partition,
                                   .tally = tracker_tally(partition->tracker),
                                   .fates = fates};
    const struct tally *tally = writer.tally;

    PRE(tally != NULL);
    buf_clear(&records->text);
    records->count = 0;
    begin_record(&writer);
    if (!tally->start.is_told) {
        add_start(writer.out, &tally->start);
    }
    if (tally->gaps_sealed > 0) {
        buf_add_text(writer.out, ",\"gaps\":");
        add_runs(writer.out, tally->gaps, tally->gaps_sealed);
    }
    add_events(writer.out, fates, tally->sealed.rows, tally->sealed.count);
    add_legs(&writer, tally->sealed.rows, tally->sealed.count, NULL);
    add_ahead(&writer);
    end_record(&writer, true);
    INVARIANT(!records->text.is_overflowed);
}
