#include "observe/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "observe/metrics_inside.h"

/* No order is worth more, whatever the currency: what is, is a mistake, and would hide the others.
 */
#define VALUE_MAX 1e15

const struct buckets request_buckets = {
    .bounds = {5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
               10000000, 30000000},
    .count = 12,
    .per_second = 1e6,
};
const struct buckets latency_buckets = {
    .bounds = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 1800000,
               7200000},
    .count = 15,
    .per_second = 1e3,
};

static bool has_pair(const struct metrics *metrics, size_t from, size_t alternate)
{
    for (size_t i = from; i < metrics->pair_count; i++) {
        if (metrics->pairs[i].alternate == alternate) {
            return true;
        }
    }
    return false;
}

static void add_pair(struct metrics *metrics, size_t destination, size_t alternate)
{
    size_t count = metrics->pair_count;

    metrics->pairs = mem_grow(metrics->pairs, count + 1, sizeof(metrics->pairs[0]));
    metrics->pairs[count] = (struct alternate_pair){destination, alternate};
    metrics->pair_count++;
}

/* Every destination that stands behind @destination in @leg's chain. */
static void add_alternates(struct metrics *metrics, const struct config *config,
                           const struct config_leg *leg, size_t destination, size_t from)
{
    bool is_behind = false;

    for (size_t i = 0; i < leg->count; i++) {
        size_t index = (size_t)(leg->chain[i] - config->destinations);

        if (is_behind && index != destination && !has_pair(metrics, from, index)) {
            add_pair(metrics, destination, index);
        }
        is_behind |= index == destination;
    }
}

static void find_pairs(struct metrics *metrics, const struct config *config)
{
    metrics->pair_from = mem_array(config->destination_count + 1, size_t);
    for (size_t d = 0; d < config->destination_count; d++) {
        size_t from = metrics->pair_count;

        metrics->pair_from[d] = from;
        for (size_t r = 0; r < config->route_count; r++) {
            for (size_t l = 0; l < config->routes[r].leg_count; l++) {
                add_alternates(metrics, config, &config->routes[r].legs[l], d, from);
            }
        }
        add_pair(metrics, d, config->destination_count);
    }
    metrics->pair_from[config->destination_count] = metrics->pair_count;
}

static void copy_names(struct metrics *metrics, const struct config *config)
{
    metrics->destination_count = config->destination_count;
    metrics->destinations = mem_array(config->destination_count, char *);
    metrics->has_breaker = mem_array(config->destination_count, bool);
    metrics->has_backfill = mem_array(config->destination_count, bool);
    for (size_t i = 0; i < config->destination_count; i++) {
        metrics->destinations[i] = mem_text(config->destinations[i].name);
        metrics->has_breaker[i] = !config->destinations[i].type->is_topic;
        metrics->has_backfill[i] = config->destinations[i].backfill.from.ptr != NULL;
    }
    metrics->route_count = config->route_count;
    metrics->rules = mem_array(config->route_count + 1, char *);
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].drop.ptr != NULL) {
            metrics->rules[i] = mem_text(config->routes[i].drop);
        }
    }
    metrics->rules[config->route_count] = mem_text(SPAN("unmatched"));
    metrics->is_unmatched_dropped = config->unmatched == UNMATCHED_DROP;
}

static void expect(struct metrics *metrics, size_t destination, size_t slot)
{
    metrics->is_expected[destination * (METRICS_EVENTS_MAX + 1) + slot] = true;
}

void metrics_expect(struct metrics *metrics, struct span event)
{
    size_t slot = series_reserve(metrics->events, event);

    for (size_t d = 0; slot <= METRICS_EVENTS_MAX && d < metrics->destination_count; d++) {
        if (!metrics->names_events[d]) {
            expect(metrics, d, slot);
        }
    }
}

/* Types that a destination has a name for, then the others that are expected; an event that never
 * was decoded has no type. */
static void find_events(struct metrics *metrics, const struct config *config, unsigned workers)
{
    size_t destinations = config->destination_count;
    struct event_row *row = &metrics->row;

    row->diverted = destinations * VERDICT_COUNT;
    row->dead_letters = row->diverted + metrics->pair_count * REASON_COUNT;
    row->width = row->dead_letters + (destinations + 1) * REASON_COUNT;
    metrics->events = series_new(METRICS_EVENTS_MAX + 1, row->width, workers);
    metrics->answers = mem_array(destinations, struct series *);
    metrics->is_expected = mem_array(destinations * (METRICS_EVENTS_MAX + 1), bool);
    metrics->names_events = mem_array(destinations, bool);
    (void)series_reserve(metrics->events, SPAN(""));
    for (size_t d = 0; d < destinations; d++) {
        const struct config_destination *destination = &config->destinations[d];

        metrics->answers[d] = series_new(METRICS_CODES_MAX, 1, workers);
        metrics->names_events[d] = destination->event_count > 0;
        for (size_t i = 0; i < destination->event_count; i++) {
            size_t slot = series_reserve(metrics->events, destination->events[i].name);

            if (slot <= METRICS_EVENTS_MAX) {
                expect(metrics, d, slot);
            }
        }
    }
}

struct metrics *metrics_new(const struct config *config, unsigned workers, const char *version)
{
    PRE(config != NULL);
    PRE(workers > 0);

    struct metrics *metrics = mem_new(struct metrics);

    metrics->live_count = workers;
    workers += (unsigned)config_backfills(config);
    metrics->version = mem_text(span_of(version));
    pthread_mutex_init(&metrics->currency_lock, NULL);
    copy_names(metrics, config);
    find_pairs(metrics, config);
    find_events(metrics, config, workers);
    metrics->workers = mem_array(workers, struct metrics_worker);
    metrics->worker_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        struct metrics_worker *worker = &metrics->workers[i];

        worker->metrics = metrics;
        worker->destinations = mem_array(config->destination_count, struct destination_numbers);
        worker->events = series_writer_of(metrics->events, i);
        worker->answers = mem_array(config->destination_count, struct series_writer *);
        for (size_t d = 0; d < config->destination_count; d++) {
            worker->answers[d] = series_writer_of(metrics->answers[d], i);
        }
        worker->dropped = mem_array(config->route_count + 1, _Atomic uint64_t);
    }
    return metrics;
}

static void worker_fini(struct metrics_worker *worker)
{
    struct lag *lag = atomic_load(&worker->lags);

    while (lag != NULL) {
        struct lag *next = atomic_load(&lag->next);

        free(lag->topic);
        free(lag);
        lag = next;
    }
    free(worker->destinations);
    free(worker->answers);
    free(worker->dropped);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (unsigned i = 0; i < metrics->worker_count; i++) {
        worker_fini(&metrics->workers[i]);
    }
    for (size_t i = 0; i < metrics->destination_count; i++) {
        free(metrics->destinations[i]);
    }
    for (size_t i = 0; i <= metrics->route_count; i++) {
        free(metrics->rules[i]);
    }
    for (size_t i = 0; i < metrics->destination_count; i++) {
        series_free(metrics->answers[i]);
    }
    series_free(metrics->events);
    free(metrics->answers);
    free(metrics->is_expected);
    free(metrics->names_events);
    pthread_mutex_destroy(&metrics->currency_lock);
    free(metrics->workers);
    free(metrics->destinations);
    free(metrics->has_breaker);
    free(metrics->has_backfill);
    free(metrics->rules);
    free(metrics->pairs);
    free(metrics->pair_from);
    free(metrics->version);
    free(metrics);
}

struct metrics_worker *metrics_of(struct metrics *metrics, unsigned worker)
{
    PRE(worker < metrics->worker_count);
    return &metrics->workers[worker];
}

static void add(_Atomic uint64_t *number, uint64_t count)
{
    atomic_store_explicit(number, number_of(number) + count, memory_order_relaxed);
}

static void set(_Atomic uint64_t *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static void observe(struct histogram *histogram, const struct buckets *buckets, uint64_t value,
                    uint64_t count)
{
    size_t i = 0;

    while (i < buckets->count && value > buckets->bounds[i]) {
        i++;
    }
    add(&histogram->buckets[i], count);
    add(&histogram->sum, value * count);
}

static struct destination_numbers *at_destination(struct metrics_worker *worker, size_t destination)
{
    PRE(destination < worker->metrics->destination_count);
    return &worker->destinations[destination];
}

void metrics_consumed(struct metrics_worker *worker, uint64_t count)
{
    add(&worker->consumed, count);
}

void metrics_delivery(struct metrics_worker *worker, size_t destination, struct span event,
                      enum verdict verdict, uint64_t count)
{
    PRE(destination < worker->metrics->destination_count);
    PRE((size_t)verdict < VERDICT_COUNT);

    _Atomic uint64_t *row = series_row(worker->events, event, count);

    add(&row[destination * VERDICT_COUNT + (size_t)verdict], count);
}

void metrics_answer(struct metrics_worker *worker, size_t destination, struct span code)
{
    PRE(destination < worker->metrics->destination_count);
    add(series_row(worker->answers[destination], code, 1), 1);
}

void metrics_arrived(struct metrics_worker *worker)
{
    add(&worker->arrived, 1);
}

/* "usd" and "USD" are one; anything but three letters is foreign text and stays out of labels. */
static bool read_currency(struct span text, char out[4])
{
    if (text.len != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        char c = text.ptr[i];

        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (c < 'A' || c > 'Z') {
            return false;
        }
        out[i] = c;
    }
    out[3] = '\0';
    return true;
}

static size_t find_currency(const struct metrics *metrics, const char name[4], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(metrics->currencies[i], name, 4) == 0) {
            return i;
        }
    }
    return count;
}

static size_t currency_slot(struct metrics *metrics, struct span text)
{
    size_t count = atomic_load_explicit(&metrics->currency_count, memory_order_acquire);
    char name[4];
    size_t slot;

    if (text.len == 0) {
        return CURRENCY_NONE;
    }
    if (!read_currency(text, name)) {
        return CURRENCY_OTHER;
    }
    slot = find_currency(metrics, name, count);
    if (slot < count || count == CURRENCIES_MAX) {
        return slot < count ? slot : (size_t)CURRENCY_OTHER;
    }
    pthread_mutex_lock(&metrics->currency_lock); /* at most 64 times in a process's life */
    count = atomic_load_explicit(&metrics->currency_count, memory_order_relaxed);
    slot = find_currency(metrics, name, count);
    if (slot == count && count < CURRENCIES_MAX) {
        memcpy(metrics->currencies[count], name, 4);
        atomic_store_explicit(&metrics->currency_count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&metrics->currency_lock);
    return slot < CURRENCIES_MAX ? slot : (size_t)CURRENCY_OTHER;
}

/* A counter cannot fall: refunds and what is no number are left out, and so is what no money is.
 */
void metrics_value_diverted(struct metrics_worker *worker, double value, struct span currency)
{
    struct value_sum *sum;
    double whole;

    if (!isfinite(value) || value <= 0 || value > VALUE_MAX) {
        return;
    }
    sum = &worker->value_diverted[currency_slot(worker->metrics, currency)];
    sum->micros += (uint64_t)llround(modf(value, &whole) * MICROS);
    sum->whole += (uint64_t)whole + sum->micros / MICROS;
    sum->micros %= MICROS;
    atomic_store_explicit(&sum->sum, (double)sum->whole + (double)sum->micros / MICROS,
                          memory_order_relaxed);
}

void metrics_diverted(struct metrics_worker *worker, size_t destination, struct span event,
                      size_t alternate, enum reason reason)
{
    PRE(destination < worker->metrics->destination_count);
    PRE((size_t)reason < REASON_COUNT);

    const struct metrics *metrics = worker->metrics;
    size_t last = metrics->pair_from[destination + 1] - 1;
    size_t i = metrics->pair_from[destination];

    while (i < last && metrics->pairs[i].alternate != alternate) {
        i++;
    }
    add(&series_row(worker->events, event,
                    1)[metrics->row.diverted + i * REASON_COUNT + (size_t)reason],
        1);
    add(&worker->diverted, 1);
}

void metrics_dead_letter(struct metrics_worker *worker, size_t destination, struct span event,
                         enum reason reason)
{
    PRE(destination <= worker->metrics->destination_count);
    PRE((size_t)reason < REASON_COUNT);

    size_t at = worker->metrics->row.dead_letters + destination * REASON_COUNT + (size_t)reason;

    add(&series_row(worker->events, event, 1)[at], 1);
    add(&worker->dead_letters, 1);
}

void metrics_dropped(struct metrics_worker *worker, size_t route_or_count)
{
    PRE(route_or_count <= worker->metrics->route_count);
    add(&worker->dropped[route_or_count], 1);
}

void metrics_backfilled(struct metrics_worker *worker, size_t destination)
{
    add(&at_destination(worker, destination)->backfilled, 1);
}

void metrics_backfill_expired(struct metrics_worker *worker, size_t destination)
{
    add(&at_destination(worker, destination)->backfill_expired, 1);
}

void metrics_backfill(struct metrics_worker *worker, size_t destination,
                      const struct backfill_numbers *numbers)
{
    struct destination_numbers *own = at_destination(worker, destination);

    atomic_store_explicit(&own->backfill_state, numbers->state, memory_order_relaxed);
    set(&own->backfill_waiting, numbers->is_known ? numbers->waiting + 1 : 0);
    set(&own->backfill_left_ms, numbers->left_ms < 0 ? 0 : (uint64_t)numbers->left_ms + 1);
    set(&own->backfill_kept, numbers->kept);
}

void metrics_request(struct metrics_worker *worker, size_t destination, uint64_t duration_us)
{
    observe(&at_destination(worker, destination)->requests, &request_buckets, duration_us, 1);
}

void metrics_latency(struct metrics_worker *worker, size_t destination, uint64_t latency_ms,
                     uint64_t count)
{
    observe(&at_destination(worker, destination)->latencies, &latency_buckets, latency_ms, count);
}

void metrics_in_flight(struct metrics_worker *worker, uint64_t events, uint64_t bytes)
{
    set(&worker->in_flight_events, events);
    set(&worker->in_flight_bytes, bytes);
}

void metrics_blocked(struct metrics_worker *worker, enum block_reason reason, unsigned partitions)
{
    PRE((size_t)reason < BLOCK_REASON_COUNT);
    set(&worker->blocked[reason], partitions);
}

void metrics_fields_left_out(struct metrics_worker *worker, size_t destination, uint64_t count)
{
    add(&at_destination(worker, destination)->fields_left_out, count);
}

void metrics_times_assumed(struct metrics_worker *worker, uint64_t count)
{
    add(&worker->times_assumed, count);
}

void metrics_positions(struct metrics_worker *worker, uint64_t gaps, uint64_t gap_events,
                       uint64_t skipped)
{
    atomic_store_explicit(&worker->gaps, gaps, memory_order_relaxed);
    atomic_store_explicit(&worker->gap_events, gap_events, memory_order_relaxed);
    atomic_store_explicit(&worker->skipped, skipped, memory_order_relaxed);
}

static uint64_t sum_of(const _Atomic uint64_t *numbers, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += number_of(&numbers[i]);
    }
    return sum;
}

void metrics_totals(struct metrics *metrics, struct metrics_totals *out)
{
    *out = (struct metrics_totals){0};
    for (unsigned w = 0; w < metrics->live_count; w++) {
        const struct metrics_worker *worker = &metrics->workers[w];

        out->consumed += number_of(&worker->consumed);
        out->delivered += number_of(&worker->arrived);
        out->diverted += number_of(&worker->diverted);
        out->dead_lettered += number_of(&worker->dead_letters);
        out->dropped += sum_of(worker->dropped, metrics->route_count + 1);
        out->in_flight += number_of(&worker->in_flight_events);
        out->in_flight_bytes += number_of(&worker->in_flight_bytes);
        for (size_t r = 0; r < BLOCK_REASON_COUNT; r++) {
            out->blocked[r] += number_of(&worker->blocked[r]);
        }
    }
}
