#include "observe/metrics_inside.h"
#include "observe/metrics_text.h"

static uint64_t number_at(const struct series_slot_view *slot, size_t index)
{
    return slot->sums == NULL ? 0 : slot->sums[index];
}

static bool has_any(const struct series_slot_view *slot, size_t from, size_t count)
{
    for (size_t i = 0; slot->sums != NULL && i < count; i++) {
        if (slot->sums[from + i] != 0) {
            return true;
        }
    }
    return false;
}

static bool names_any(const struct metrics *metrics, size_t destination)
{
    for (size_t s = 0; s <= METRICS_EVENTS_MAX; s++) {
        if (metrics->is_expected[destination * (METRICS_EVENTS_MAX + 1) + s]) {
            return true;
        }
    }
    return false;
}

/* Its series stand at zero from the start: the configuration names the type, or no type at all. */
static bool is_expected(const struct metrics *metrics, const struct series_view *events,
                        size_t destination, size_t slot)
{
    if (slot + 1 == events->count) {
        return !names_any(metrics, destination);
    }
    return metrics->is_expected[destination * (METRICS_EVENTS_MAX + 1) + slot];
}

/* What a topic can answer. */
static bool is_answer_of(const struct metrics *metrics, size_t destination, size_t verdict)
{
    return metrics->has_breaker[destination] || verdict == VERDICT_DELIVERED;
}

static void write_delivery(const struct metrics *metrics, const struct series_slot_view *slot,
                           size_t destination, struct buf *out, const char *name)
{
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        uint64_t count = number_at(slot, destination * VERDICT_COUNT + v);
        struct sample sample;

        if (count == 0 && !is_answer_of(metrics, destination, v)) {
            continue;
        }
        sample = sample_begin(out, name, "");
        sample_label(&sample, "destination", span_of(metrics->destinations[destination]));
        sample_label(&sample, "event", slot->name);
        sample_label(&sample, "verdict", span_of(verdict_word((enum verdict)v)));
        sample_end_u64(&sample, count);
    }
}

void metrics_write_deliveries(const struct metrics *metrics, const struct series_view *events,
                              struct buf *out, const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        for (size_t s = 0; s < events->count; s++) {
            const struct series_slot_view *slot = &events->slots[s];

            if (is_expected(metrics, events, d, s) ||
                has_any(slot, d * VERDICT_COUNT, VERDICT_COUNT)) {
                write_delivery(metrics, slot, d, out, name);
            }
        }
    }
}

static bool is_diversion(size_t reason)
{
    return reason == REASON_RETRIES_EXHAUSTED || reason >= REASON_OUTAGE;
}

/* One event type of one pair. */
static void write_diversion(const struct metrics *metrics, size_t pair_index,
                            const struct series_view *events, size_t s, struct buf *out,
                            const char *name)
{
    const struct alternate_pair *pair = &metrics->pairs[pair_index];
    const struct series_slot_view *slot = &events->slots[s];
    size_t from = metrics->row.diverted + pair_index * REASON_COUNT;
    bool is_named = pair->alternate < metrics->destination_count;
    bool is_shown =
        is_expected(metrics, events, pair->destination, s) || has_any(slot, from, REASON_COUNT);

    for (size_t r = 0; r < REASON_COUNT; r++) {
        uint64_t count = number_at(slot, from + r);
        struct sample sample;

        if (count == 0 && !(is_named && is_shown && is_diversion(r))) {
            continue;
        }
        sample = sample_begin(out, name, "");
        sample_label(&sample, "destination", span_of(metrics->destinations[pair->destination]));
        sample_label(&sample, "event", slot->name);
        sample_label(&sample, "alternate",
                     span_of(is_named ? metrics->destinations[pair->alternate] : "other"));
        sample_label(&sample, "reason", span_of(reason_word((enum reason)r)));
        sample_end_u64(&sample, count);
    }
}

void metrics_write_diverted(const struct metrics *metrics, const struct series_view *events,
                            struct buf *out, const char *name)
{
    for (size_t p = 0; p < metrics->pair_count; p++) {
        for (size_t s = 0; s < events->count; s++) {
            write_diversion(metrics, p, events, s, out, name);
        }
    }
}

/* What can happen to an event before any destination is asked, and what after. */
static bool is_early(size_t reason)
{
    return reason >= REASON_SCHEMA_UNKNOWN && reason <= REASON_UNMATCHED;
}

static bool is_late(size_t reason)
{
    return reason == REASON_CONTRACT || (reason >= REASON_REJECTED && reason <= REASON_TOO_LARGE);
}

static void write_dead_letter(const struct metrics *metrics, size_t destination,
                              const struct series_slot_view *slot, bool is_expected,
                              struct buf *out, const char *name)
{
    bool is_none = destination == metrics->destination_count;
    size_t from = metrics->row.dead_letters + destination * REASON_COUNT;

    for (size_t r = 0; r < REASON_COUNT; r++) {
        uint64_t count = number_at(slot, from + r);
        struct sample sample;

        if (count == 0 && !(is_expected && (is_none ? is_early(r) : is_late(r)))) {
            continue;
        }
        sample = sample_begin(out, name, "");
        sample_label(&sample, "destination",
                     is_none ? SPAN("") : span_of(metrics->destinations[destination]));
        sample_label(&sample, "event", slot->name);
        sample_label(&sample, "reason", span_of(reason_word((enum reason)r)));
        sample_end_u64(&sample, count);
    }
}

void metrics_write_dead_letters(const struct metrics *metrics, const struct series_view *events,
                                struct buf *out, const char *name)
{
    for (size_t d = 0; d <= metrics->destination_count; d++) {
        bool is_none = d == metrics->destination_count;

        for (size_t s = 0; s < events->count; s++) {
            const struct series_slot_view *slot = &events->slots[s];
            bool is_zero = is_none ? slot->name.len == 0
                                   : metrics->has_breaker[d] && is_expected(metrics, events, d, s);

            write_dead_letter(metrics, d, slot, is_zero, out, name);
        }
    }
}

void metrics_write_answers(const struct metrics *metrics, struct buf *out, const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        struct series_view codes;

        series_look(metrics->answers[d], &codes);
        for (size_t i = 0; i < codes.count; i++) {
            const struct series_slot_view *code = &codes.slots[i];
            struct sample sample;

            if (number_at(code, 0) == 0 && !code->is_reserved) {
                continue;
            }
            sample = sample_begin(out, name, "");
            sample_label(&sample, "destination", span_of(metrics->destinations[d]));
            sample_label(&sample, "code", code->name);
            sample_end_u64(&sample, number_at(code, 0));
        }
        series_view_fini(&codes);
    }
}

void metrics_verdicts(const struct metrics *metrics, size_t destination,
                      uint64_t out[VERDICT_COUNT])
{
    PRE(destination < metrics->destination_count);

    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        out[v] = series_total(metrics->events, destination * VERDICT_COUNT + v);
    }
}
