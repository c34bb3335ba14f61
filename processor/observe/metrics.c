#include "observe/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "match/pattern.h"
#include "observe/metrics_inside.h"
#include "observe/metrics_text.h"

/* Up to here a double tells millionths apart. */
#define VALUE_EXACT_MAX 1e9

/* Sum over the workers of one member, named by its offset from the start of the worker. */
static uint64_t sum_at(const struct metrics *metrics, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        const char *worker = (const char *)&metrics->workers[w];

        sum += number_of((const _Atomic uint64_t *)(const void *)(worker + offset));
    }
    return sum;
}

/* The same within a destination's numbers. */
static uint64_t sum_at_destination(const struct metrics *metrics, size_t destination, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        const char *numbers = (const char *)&metrics->workers[w].destinations[destination];

        sum += number_of((const _Atomic uint64_t *)(const void *)(numbers + offset));
    }
    return sum;
}

static void plain(const struct metrics *metrics, struct buf *out, const char *name, size_t offset)
{
    struct sample sample = sample_begin(out, name, "");

    sample_end_u64(&sample, sum_at(metrics, offset));
}

static void write_consumed(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, consumed));
}

static void write_times_assumed(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, times_assumed));
}

static void write_skipped(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, skipped));
}

static void write_gaps(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, gaps));
}

static void write_gap_events(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, gap_events));
}

static void write_in_flight_events(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, in_flight_events));
}

static void write_in_flight_bytes(const struct metrics *metrics, struct buf *out, const char *name)
{
    plain(metrics, out, name, offsetof(struct metrics_worker, in_flight_bytes));
}

static uint64_t sum_dropped(const struct metrics *metrics, size_t route)
{
    uint64_t sum = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        sum += number_of(&metrics->workers[w].dropped[route]);
    }
    return sum;
}

static bool is_same_rule(const struct metrics *metrics, size_t a, size_t b)
{
    return metrics->rules[b] != NULL && strcmp(metrics->rules[a], metrics->rules[b]) == 0;
}

/* Several routes may drop under one rule: one series, written where the rule stands first. */
static void write_dropped(const struct metrics *metrics, struct buf *out, const char *name)
{
    for (size_t r = 0; r <= metrics->route_count; r++) {
        uint64_t sum = 0;
        bool is_first = metrics->rules[r] != NULL;

        for (size_t other = 0; is_first && other <= metrics->route_count; other++) {
            if (is_same_rule(metrics, r, other)) {
                is_first = other >= r;
                sum += sum_dropped(metrics, other);
            }
        }
        if (is_first && (sum > 0 || r < metrics->route_count || metrics->is_unmatched_dropped)) {
            struct sample sample = sample_begin(out, name, "");

            sample_label(&sample, "rule", span_of(metrics->rules[r]));
            sample_end_u64(&sample, sum);
        }
    }
}

static void write_fields_left_out(const struct metrics *metrics, struct buf *out, const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        struct sample sample = sample_begin(out, name, "");

        sample_label(&sample, "destination", span_of(metrics->destinations[d]));
        sample_end_u64(
            &sample,
            sum_at_destination(metrics, d, offsetof(struct destination_numbers, fields_left_out)));
    }
}

static void add_bound(struct buf *out, double bound)
{
    char text[NUMBER_TEXT_BYTES + 1];

    text[number_text(bound, text)] = '\0';
    buf_add_text(out, text);
}

static void write_bucket(struct buf *out, const char *name, const char *destination,
                         const struct buckets *buckets, size_t i, uint64_t count)
{
    struct sample sample = sample_begin(out, name, "_bucket");

    sample_label(&sample, "destination", span_of(destination));
    buf_add_text(out, ",le=\"");
    if (i < buckets->count) {
        add_bound(out, (double)buckets->bounds[i] / buckets->per_second);
    } else {
        buf_add_text(out, "+Inf");
    }
    buf_add_char(out, '"');
    sample_end_u64(&sample, count);
}

/* The count is the sum of the buckets just read, so that the two agree in every scrape. */
static void write_histograms(const struct metrics *metrics, struct buf *out, const char *name,
                             const struct buckets *buckets, size_t offset)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        const char *destination = metrics->destinations[d];
        uint64_t count = 0;
        struct sample sample;

        for (size_t i = 0; i <= buckets->count; i++) {
            count += sum_at_destination(metrics, d,
                                        offset + offsetof(struct histogram, buckets) +
                                            i * sizeof(_Atomic uint64_t));
            write_bucket(out, name, destination, buckets, i, count);
        }
        sample = sample_begin(out, name, "_sum");
        sample_label(&sample, "destination", span_of(destination));
        sample_end_double(&sample, (double)sum_at_destination(
                                       metrics, d, offset + offsetof(struct histogram, sum)) /
                                       buckets->per_second);
        sample = sample_begin(out, name, "_count");
        sample_label(&sample, "destination", span_of(destination));
        sample_end_u64(&sample, count);
    }
}

static void write_requests(const struct metrics *metrics, struct buf *out, const char *name)
{
    write_histograms(metrics, out, name, &request_buckets,
                     offsetof(struct destination_numbers, requests));
}

static void write_latencies(const struct metrics *metrics, struct buf *out, const char *name)
{
    write_histograms(metrics, out, name, &latency_buckets,
                     offsetof(struct destination_numbers, latencies));
}

static void write_blocked(const struct metrics *metrics, struct buf *out, const char *name)
{
    for (size_t r = 0; r < BLOCK_REASON_COUNT; r++) {
        struct sample sample = sample_begin(out, name, "");

        sample_label(&sample, "reason", span_of(block_word((enum block_reason)r)));
        sample_end_u64(&sample, sum_at(metrics, offsetof(struct metrics_worker, blocked) +
                                                    r * sizeof(_Atomic uint64_t)));
    }
}

uint64_t metrics_taken_by(const struct metrics *metrics, size_t destination)
{
    PRE(destination < metrics->destination_count);

    uint64_t sum = 0;

    for (size_t i = 0; i <= latency_buckets.count; i++) {
        sum += sum_at_destination(metrics, destination,
                                  offsetof(struct destination_numbers, latencies) +
                                      offsetof(struct histogram, buckets) +
                                      i * sizeof(_Atomic uint64_t));
    }
    return sum;
}

static const char *currency_word(const struct metrics *metrics, size_t slot)
{
    if (slot == CURRENCY_OTHER) {
        return "other";
    }
    return slot == CURRENCY_NONE ? "none" : metrics->currencies[slot];
}

static void write_value_diverted(const struct metrics *metrics, struct buf *out, const char *name)
{
    size_t count = atomic_load_explicit(&metrics->currency_count, memory_order_acquire);

    for (size_t slot = 0; slot < CURRENCY_SLOTS; slot++) {
        double sum = 0;
        struct sample sample;

        for (unsigned w = 0; w < metrics->worker_count; w++) {
            sum += atomic_load_explicit(&metrics->workers[w].value_diverted[slot].sum,
                                        memory_order_relaxed);
        }
        sum = sum < VALUE_EXACT_MAX ? round(sum * MICROS) / MICROS : sum;
        if (slot >= count && sum == 0) {
            continue;
        }
        sample = sample_begin(out, name, "");
        sample_label(&sample, "currency", span_of(currency_word(metrics, slot)));
        sample_end_double(&sample, sum);
    }
}

static void write_regex_undecided(const struct metrics *metrics, struct buf *out, const char *name)
{
    struct sample sample = sample_begin(out, name, "");

    (void)metrics; /* of the process: any thread may search */
    sample_end_u64(&sample, pattern_count_undecided());
}

static void write_log_dropped(const struct metrics *metrics, struct buf *out, const char *name)
{
    struct sample sample = sample_begin(out, name, "");

    (void)metrics;
    sample_end_u64(&sample, log_dropped());
}

static void write_build_info(const struct metrics *metrics, struct buf *out, const char *name)
{
    struct sample sample = sample_begin(out, name, "");

    sample_label(&sample, "version", span_of(metrics->version));
    sample_end_u64(&sample, 1);
}

/* The one place where a metric has its name, type, labels and meaning. */
static const struct family {
    const char *name;
    const char *type;
    const char *labels; /* for people */
    const char *help;
    void (*write)(const struct metrics *metrics, struct buf *out, const char *name);
    /* or, of what health sees: one copy for all of a scrape's families */
    void (*write_seen)(const struct metrics *metrics, const struct destination_view *views,
                       struct buf *out, const char *name);
    /* or, of what was counted by event type, likewise */
    void (*write_events)(const struct metrics *metrics, const struct series_view *events,
                         struct buf *out, const char *name);
} families[] = {
    {"detour_events_consumed_total", "counter", "", "Events taken from the source topics.",
     .write = write_consumed},
    {"detour_deliveries_total", "counter", "destination, event, verdict",
     "Verdicts of destinations, one for each event and attempt; for topics, one for each "
     "report of the broker.",
     .write_events = metrics_write_deliveries},
    {"detour_answers_total", "counter", "destination, code",
     "Answers of destinations, one for each request, by the code in the body, or else the HTTP "
     "status, or else the reason why there was no answer.",
     .write = metrics_write_answers},
    {"detour_diverted_total", "counter", "destination, event, alternate, reason",
     "Events delivered to an alternate instead of their first destination.",
     .write_events = metrics_write_diverted},
    {"detour_dead_letters_total", "counter", "destination, event, reason",
     "Events written to the dead-letter topic, by the destination that refused them; empty if "
     "no destination was asked.",
     .write_events = metrics_write_dead_letters},
    {"detour_backfilled_total", "counter", "destination",
     "Diverted events delivered to their first destination by its backfill.",
     .write = metrics_write_backfilled},
    {"detour_backfill_expired_total", "counter", "destination",
     "Diverted events that were older than max_age when the backfill came to them. They are not "
     "delivered.",
     .write = metrics_write_backfill_expired},
    {"detour_backfill_waiting_events", "gauge", "destination",
     "Records of the topic it is backfilled from that are not settled, by all instances together; "
     "asked every 5 s. Absent without a ledger.",
     .write = metrics_write_backfill_waiting},
    {"detour_dropped_total", "counter", "rule",
     "Events dropped by a rule of the routing table. The rule unmatched counts events that no "
     "route takes.",
     .write = write_dropped},
    {"detour_skipped_total", "counter", "",
     "Events read again after a restart and skipped, because they were settled before.",
     .write = write_skipped},
    {"detour_gaps_total", "counter", "",
     "Gaps: offsets that were gone before they were read, or logs that changed under the "
     "committed offset.",
     .write = write_gaps},
    {"detour_gap_events_total", "counter", "",
     "Events that were gone before they were read, as far as known.", .write = write_gap_events},
    {"detour_value_diverted_total", "counter", "currency",
     "Value of diverted events; refunds are not subtracted. After 64 currencies, or for a word "
     "that is no currency, the label is other; without one it is none.",
     .write = write_value_diverted},
    {"detour_fields_left_out_total", "counter", "destination",
     "Fields left out of requests because their content was unusable.",
     .write = write_fields_left_out},
    {"detour_times_assumed_total", "counter", "",
     "Events without a usable time of their own; they have the timestamp of the Kafka record.",
     .write = write_times_assumed},
    {"detour_regex_undecided_total", "counter", "",
     "Searches with a regular expression that were stopped: too many steps, or a text of more "
     "than 8192 bytes. They count as not found.",
     .write = write_regex_undecided},
    {"detour_request_duration_seconds", "histogram", "destination",
     "Time from the start of a request to its answer.", .write = write_requests},
    {"detour_delivery_latency_seconds", "histogram", "destination",
     "Time from reading an event to settling it.", .write = write_latencies},
    {"detour_in_flight_events", "gauge", "", "Events that are read and not settled.",
     .write = write_in_flight_events},
    {"detour_in_flight_bytes", "gauge", "", "Bytes of events that are read and not settled.",
     .write = write_in_flight_bytes},
    {"detour_partition_blocked", "gauge", "reason", "Partitions that are paused, by reason.",
     .write = write_blocked},
    {"detour_consumer_lag", "gauge", "topic, partition",
     "Events in the partition from the first unsettled one on, by the last answer of the "
     "broker. Records that cannot be read, such as aborted transactions, do not count.",
     .write = metrics_write_lag},
    {"detour_consumer_lag_age_seconds", "gauge", "",
     "Age of the broker's answer that the lag is computed from; the oldest of all partitions. "
     "It grows while no broker answers.",
     .write = metrics_write_lag_age},
    {"detour_open_transaction_seconds", "gauge", "",
     "How long an open transaction has held back the records of a partition; the longest of "
     "all partitions, 0 if there is none.",
     .write = metrics_write_open},
    {"detour_oldest_unsettled_seconds", "gauge", "",
     "Age of the oldest unsettled event by its timestamp, or how long a partition with unread "
     "records has not moved, whichever is more.",
     .write = metrics_write_oldest},
    {"detour_kafka_up", "gauge", "", "1 while a Kafka broker answers; asked every 2 s.",
     .write = metrics_write_kafka_up},
    {"detour_registry_up", "gauge", "",
     "1 if the schema registry answered the last request; absent without a registry.",
     .write = metrics_write_registry_up},
    {"detour_ledger_up", "gauge", "",
     "1 if the ledger took the last record that was written to it; absent without a ledger.",
     .write = metrics_write_ledger_up},
    {"detour_cell_state", "gauge", "destination, event",
     "State of the circuit breaker of an event type at a destination: 0 closed (its events are "
     "sent), 1 open, 2 half_open, 3 ramp.",
     .write_seen = metrics_write_cell_state},
    {"detour_destination_state", "gauge", "destination",
     "State of the circuit breaker of the whole destination, with the same numbers.",
     .write_seen = metrics_write_destination_state},
    {"detour_blackout_scope", "gauge", "destination",
     "Extent of the outage of a destination: 0 none, 1 some event types, 2 all.",
     .write_seen = metrics_write_scope},
    {"detour_transitions_total", "counter", "destination, event, state",
     "Transitions of circuit breakers into a state; without event, of the breaker of the whole "
     "destination.",
     .write_seen = metrics_write_transitions},
    {"detour_destination_throttled", "gauge", "destination",
     "Workers that the destination throttles.", .write_seen = metrics_write_throttled},
    {"detour_destination_held", "gauge", "destination",
     "Workers whose credential the destination refuses. They send only probes.",
     .write_seen = metrics_write_held},
    {"detour_log_lines_dropped_total", "counter", "",
     "Log lines dropped because standard error was not read.", .write = write_log_dropped},
    {"detour_build_info", "gauge", "version", "Always 1; the label has the version.",
     .write = write_build_info},
};

void metrics_prometheus(struct metrics *metrics, struct buf *out)
{
    struct destination_view *views = metrics_look(metrics);
    struct series_view events;

    series_look(metrics->events, &events);
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const struct family *family = &families[i];

        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                   family->type);
        if (family->write != NULL) {
            family->write(metrics, out, family->name);
        } else if (family->write_events != NULL) {
            family->write_events(metrics, &events, out, family->name);
        } else if (views != NULL) {
            family->write_seen(metrics, views, out, family->name);
        }
    }
    series_view_fini(&events);
    free(views);
}

void metrics_document(struct buf *out)
{
    buf_add_text(out, "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const struct family *family = &families[i];

        buf_printf(out, "| `%s` | %s | %s | %s |\n", family->name, family->type, family->labels,
                   family->help);
    }
}
