#include "replay/replay_preview.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/columns.h"
#include "base/mem.h"
#include "recovery/group_offsets.h"
#include "recovery/record_age.h"
#include "replay/replay_audit.h"

enum { ROWS_SHOWN = 8, TEXT_COLUMNS = 44, NUMBER_COLUMNS = 12, OUT_BYTES_MAX = 1 << 20 };

static bool ask_group(struct dlq *dlq, struct span group, size_t partitions,
                      struct group_offset **out)
{
    struct group_offset *offsets = mem_array(partitions, struct group_offset);
    struct group_client *client = NULL;
    struct err err;
    enum err_code rc = group_client_open(dlq->config, group, &client, &err);

    for (size_t i = 0; i < partitions; i++) {
        offsets[i].partition = (int32_t)i;
        offsets[i].offset = -1;
    }
    if (rc == ERR_OK) {
        rc = group_offsets_ask(client, span_of(dlq->topic), offsets, partitions, &err);
    }
    group_client_close(client);
    if (rc != ERR_OK) {
        free(offsets);
        return dlq_fail(dlq, rc, err.text);
    }
    *out = offsets;
    return true;
}

static bool was_settled(const struct group_offset *known, int64_t offset)
{
    if (offset < known->offset) {
        return true;
    }
    for (size_t i = 0; known->offset >= 0 && i < known->metadata.run_count; i++) {
        const struct offset_run *run = &known->metadata.runs[i];

        if (offset >= run->from && offset < run->to) {
            return true;
        }
    }
    return false;
}

static void add(struct text_counts *counts, struct span text)
{
    text_counts_add(counts, text.ptr == NULL ? SPAN("(none)") : text);
}

static void take(struct preview *preview, const struct record *record, int64_t now_ms,
                 enum skip_reason skip)
{
    const struct dead_letter *letter = &record->letter;

    if (skip != SKIP_NONE) {
        preview->skipped[skip]++;
        return;
    }
    preview->selected++;
    add(&preview->reasons, letter->reason);
    add(&preview->destinations, letter->leg.ptr == NULL ? letter->destination : letter->leg);
    add(&preview->events, letter->event_type);
    add(&preview->outcomes,
        letter->has_outcome ? span_of(outcome_word(letter->outcome)) : SPAN_NONE);
    add(&preview->ages, record_age(record, now_ms));
}

static bool read_all(struct preview *preview, struct dlq *dlq, const struct replay_rules *rules,
                     const struct group_offset *known)
{
    rd_kafka_message_t *message = NULL;
    struct dlq_letter letter;
    enum scan_step step;

    while ((step = dlq_next(dlq, &message, &letter)) == SCAN_RECORD) {
        enum skip_reason skip = SKIP_NONE;
        struct err err;
        enum err_code rc = replay_judge(rules, &letter.record, dlq->now_ms, &skip, &err);

        if (rc != ERR_OK) {
            rd_kafka_message_destroy(message);
            return dlq_fail(dlq, rc, err.text);
        }
        if (letter.place.offset >= preview->ends[letter.place.partition]) {
            preview->later++;
        } else if (was_settled(&known[letter.place.partition], letter.place.offset)) {
            preview->before++;
        } else {
            take(preview, &letter.record, dlq->now_ms, skip);
        }
        rd_kafka_message_destroy(message);
    }
    return step == SCAN_END;
}

/* One that was interrupted goes on to the end it had at its start. */
static bool find_ends(struct preview *preview, struct dlq *dlq, const char *name)
{
    const struct audit_job job = {
        .group = dlq->config->kafka.group, .name = name, .partitions = preview->partitions};
    enum err_code rc = ERR_OK;
    struct err err;

    if (config_has_ledger(dlq->config)) {
        preview->is_resumed = audit_unfinished(dlq->config, &job, preview->ends, &rc, &err);
    }
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

bool preview_make(struct preview *preview, struct dlq *dlq, const struct replay_rules *rules,
                  struct span group, const char *name)
{
    struct scan_range range = dlq_range(dlq);
    struct group_offset *known = NULL;
    bool is_good;

    *preview = (struct preview){0};
    if (!dlq_read(dlq, &range)) {
        return false;
    }
    preview->partitions = (size_t)topic_scan_partitions(dlq->scan);
    preview->ends = mem_array(preview->partitions, int64_t);
    for (size_t i = 0; i < preview->partitions; i++) {
        int64_t first = 0;

        (void)topic_scan_bounds(dlq->scan, (int32_t)i, &first, &preview->ends[i]);
    }
    if (!ask_group(dlq, group, preview->partitions, &known) || !find_ends(preview, dlq, name)) {
        return false;
    }
    is_good = read_all(preview, dlq, rules, known);
    preview->skipped[SKIP_UNDECODED] += dlq->undecoded;
    preview->skipped[SKIP_IN_PARTS] += dlq->parts.count + dlq->parts.forgotten;
    group_offsets_fini(known, preview->partitions);
    free(known);
    return is_good;
}

void preview_fini(struct preview *preview)
{
    text_counts_fini(&preview->reasons);
    text_counts_fini(&preview->destinations);
    text_counts_fini(&preview->events);
    text_counts_fini(&preview->outcomes);
    text_counts_fini(&preview->ages);
    free(preview->ends);
}

/* printing */

static void add_row(struct buf *out, struct span text, uint64_t number)
{
    buf_add_text(out, "  ");
    columns_left(out, text, TEXT_COLUMNS);
    columns_number(out, number, NUMBER_COLUMNS);
    buf_add_char(out, '\n');
}

static void add_table(struct buf *out, const char *name, struct text_counts *counts)
{
    size_t count = 0;
    struct text_count *sorted = text_counts_sorted(counts, &count);
    uint64_t rest = counts->others;

    buf_printf(out, "\n%s\n", name);
    for (size_t i = 0; i < count; i++) {
        if (i < ROWS_SHOWN) {
            add_row(out, sorted[i].text, sorted[i].count);
        } else {
            rest += sorted[i].count;
        }
    }
    if (rest > 0) {
        add_row(out, SPAN("(others)"), rest);
    }
    free(sorted);
}

/* Nothing when nothing is. */
static void add_left_out(struct buf *out, const struct preview *preview)
{
    const size_t start = out->len;
    size_t heading;

    buf_add_text(out, "\nleft out\n");
    heading = out->len;
    if (preview->before > 0) {
        add_row(out, SPAN("done by an earlier run of this replay"), preview->before);
    }
    if (preview->later > 0) {
        add_row(out, SPAN("written after this replay began"), preview->later);
    }
    for (size_t i = SKIP_NOT_SELECTED + 1; i < SKIP_COUNT; i++) {
        if (preview->skipped[i] > 0) {
            buf_printf(out, "  %12" PRIu64 "  %s\n", preview->skipped[i],
                       skip_text((enum skip_reason)i));
        }
    }
    if (out->len == heading) {
        buf_truncate(out, start);
    }
}

void preview_print(struct preview *preview, FILE *stream, const char *name, double per_second)
{
    char duration[COLUMNS_DURATION_BYTES];
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    buf_printf(&out, "replay %s: ", name);
    columns_number(&out, preview->selected, 0);
    buf_add_text(&out, " to be sent");
    if (per_second > 0 && preview->selected > 0) {
        buf_printf(
            &out, ", about %s",
            columns_duration((int64_t)((double)preview->selected / per_second * 1000), duration));
    }
    buf_add_char(&out, '\n');
    if (preview->selected > 0) {
        add_table(&out, "reason", &preview->reasons);
        add_table(&out, "leg", &preview->destinations);
        add_table(&out, "event", &preview->events);
        add_table(&out, "outcome", &preview->outcomes);
        add_table(&out, "age", &preview->ages);
    }
    add_left_out(&out, preview);
    (void)fwrite(out.ptr, 1, out.len, stream);
    buf_fini(&out);
}
