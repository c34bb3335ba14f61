#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/cluster.h"
#include "ledger/ledger.h"
#include "observe/metrics_inside.h"
#include "observe/metrics_text.h"
#include "schema/catalog.h"

void metrics_watch_services(struct metrics *metrics, struct cluster *cluster,
                            struct catalog *catalog, const struct ledger *ledger)
{
    metrics->cluster = cluster;
    metrics->catalog = catalog;
    metrics->ledger = ledger;
}

/* writing */

static struct lag *find_lag(struct metrics_worker *worker, const char *topic, int32_t partition)
{
    struct lag *lag = atomic_load_explicit(&worker->lags, memory_order_relaxed);

    while (lag != NULL && (lag->partition != partition || strcmp(lag->topic, topic) != 0)) {
        lag = atomic_load_explicit(&lag->next, memory_order_relaxed);
    }
    return lag;
}

/* NULL: there is no room for it. */
static struct lag *add_lag(struct metrics_worker *worker, const char *topic, int32_t partition)
{
    struct lag *at;

    if (worker->lag_count > LAGS_MAX) {
        return NULL;
    }
    if (worker->lag_count++ == LAGS_MAX) {
        LOG_WARN("metrics.lag_full", "partitions=%d topic=%s", (int)LAGS_MAX, LOG_Q(topic));
        return NULL;
    }
    at = mem_new(struct lag);
    at->topic = mem_text(span_of(topic));
    at->partition = partition;
    atomic_store(&at->lag, (int64_t)LAG_GONE);
    atomic_store(&at->next, atomic_load(&worker->lags));
    atomic_store_explicit(&worker->lags, at, memory_order_release);
    return at;
}

void metrics_partition(struct metrics_worker *worker, const char *topic, int32_t partition,
                       const struct partition_numbers *numbers)
{
    struct lag *at = find_lag(worker, topic, partition);

    if (at == NULL && numbers->lag != LAG_GONE) {
        at = add_lag(worker, topic, partition);
    }
    if (at == NULL) {
        return;
    }
    atomic_store_explicit(&at->asked_ms, numbers->asked_ms, memory_order_relaxed);
    atomic_store_explicit(&at->open_ms, numbers->open_ms, memory_order_relaxed);
    atomic_store_explicit(&at->blocks, numbers->blocks, memory_order_relaxed);
    atomic_store_explicit(&at->error_since_ms, numbers->error_since_ms, memory_order_relaxed);
    atomic_store_explicit(&at->error, numbers->error, memory_order_relaxed);
    atomic_store_explicit(&at->lag, numbers->lag, memory_order_relaxed);
}

void metrics_lag(struct metrics_worker *worker, const char *topic, int32_t partition, int64_t lag)
{
    metrics_partition(worker, topic, partition, &(struct partition_numbers){.lag = lag});
}

void metrics_oldest(struct metrics_worker *worker, uint64_t age_ms)
{
    atomic_store_explicit(&worker->oldest_ms, age_ms, memory_order_relaxed);
}

/* reading */

static int compare_views(const void *a, const void *b)
{
    const struct partition_view *left = a;
    const struct partition_view *right = b;
    int order = strcmp(left->topic, right->topic);

    if (order == 0) {
        order = (left->partition > right->partition) - (left->partition < right->partition);
    }
    return order != 0 ? order
                      : (left->numbers.lag < right->numbers.lag) -
                            (left->numbers.lag > right->numbers.lag);
}

static struct partition_view view_of(const struct lag *at)
{
    return (struct partition_view){
        at->topic,
        at->partition,
        {.lag = atomic_load_explicit(&at->lag, memory_order_relaxed),
         .asked_ms = number_of(&at->asked_ms),
         .open_ms = number_of(&at->open_ms),
         .blocks = atomic_load_explicit(&at->blocks, memory_order_relaxed),
         .error = atomic_load_explicit(&at->error, memory_order_relaxed),
         .error_since_ms = number_of(&at->error_since_ms)},
    };
}

/* A partition changing hands may be at two workers for a moment: the larger lag counts. */
struct partition_view *metrics_partitions(const struct metrics *metrics, size_t *out_count)
{
    struct partition_view *views = NULL;
    size_t count = 0;
    size_t kept = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        const struct lag *at =
            atomic_load_explicit(&metrics->workers[w].lags, memory_order_acquire);

        for (; at != NULL; at = atomic_load_explicit(&at->next, memory_order_acquire)) {
            struct partition_view view = view_of(at);

            if (view.numbers.lag != LAG_GONE) {
                views = mem_grow(views, count + 1, sizeof(views[0]));
                views[count++] = view;
            }
        }
    }
    if (count > 1) {
        qsort(views, count, sizeof(views[0]), compare_views);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || views[i].partition != views[kept - 1].partition ||
            strcmp(views[i].topic, views[kept - 1].topic) != 0) {
            views[kept++] = views[i];
        }
    }
    *out_count = kept;
    return views;
}

uint64_t metrics_lag_total(const struct metrics *metrics)
{
    size_t count = 0;
    struct partition_view *views = metrics_partitions(metrics, &count);
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += views[i].numbers.lag > 0 ? (uint64_t)views[i].numbers.lag : 0;
    }
    free(views);
    return sum;
}

uint64_t metrics_oldest_ms(const struct metrics *metrics)
{
    uint64_t oldest_ms = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        oldest_ms = MAX_OF(oldest_ms, number_of(&metrics->workers[w].oldest_ms));
    }
    return oldest_ms;
}

/* the families */

static uint64_t seconds_since(uint64_t at_ms, uint64_t now_ms)
{
    return now_ms > at_ms ? (now_ms - at_ms) / 1000 : 0;
}

static struct sample begin_partition(const struct partition_view *view, struct buf *out,
                                     const char *name)
{
    struct sample sample = sample_begin(out, name, "");
    struct buf partition;

    buf_init(&partition, 16);
    buf_add_i64(&partition, view->partition);
    sample_label(&sample, "topic", span_of(view->topic));
    sample_label(&sample, "partition", span_of(buf_text(&partition)));
    buf_fini(&partition);
    return sample;
}

void metrics_write_lag(const struct metrics *metrics, struct buf *out, const char *name)
{
    size_t count = 0;
    struct partition_view *views = metrics_partitions(metrics, &count);

    for (size_t i = 0; i < count; i++) {
        if (views[i].numbers.lag >= 0) {
            struct sample sample = begin_partition(&views[i], out, name);

            sample_end_u64(&sample, (uint64_t)views[i].numbers.lag);
        }
    }
    free(views);
}

/* The oldest of all partitions; 0 when there is none. */
static void write_age(const struct metrics *metrics, struct buf *out, const char *name,
                      uint64_t (*at_ms)(const struct partition_numbers *numbers))
{
    struct sample sample = sample_begin(out, name, "");
    size_t count = 0;
    struct partition_view *views = metrics_partitions(metrics, &count);
    uint64_t now_ms = clock_mono_ms();
    uint64_t oldest_s = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t began_ms = at_ms(&views[i].numbers);

        if (began_ms != 0) {
            oldest_s = MAX_OF(oldest_s, seconds_since(began_ms, now_ms));
        }
    }
    sample_end_u64(&sample, oldest_s);
    free(views);
}

static uint64_t asked_ms(const struct partition_numbers *numbers)
{
    return numbers->asked_ms;
}

static uint64_t open_ms(const struct partition_numbers *numbers)
{
    return numbers->open_ms;
}

void metrics_write_lag_age(const struct metrics *metrics, struct buf *out, const char *name)
{
    write_age(metrics, out, name, asked_ms);
}

void metrics_write_open(const struct metrics *metrics, struct buf *out, const char *name)
{
    write_age(metrics, out, name, open_ms);
}

void metrics_write_oldest(const struct metrics *metrics, struct buf *out, const char *name)
{
    struct sample sample = sample_begin(out, name, "");

    sample_end_double(&sample, (double)metrics_oldest_ms(metrics) / 1000);
}

void metrics_write_kafka_up(const struct metrics *metrics, struct buf *out, const char *name)
{
    if (metrics->cluster != NULL) {
        struct sample sample = sample_begin(out, name, "");

        sample_end_u64(&sample, cluster_is_up(metrics->cluster) ? 1 : 0);
    }
}

void metrics_write_ledger_up(const struct metrics *metrics, struct buf *out, const char *name)
{
    if (metrics->ledger != NULL) {
        struct sample sample = sample_begin(out, name, "");

        sample_end_u64(&sample, ledger_is_up(metrics->ledger) ? 1 : 0);
    }
}

void metrics_write_registry_up(const struct metrics *metrics, struct buf *out, const char *name)
{
    struct registry_state state;

    if (metrics->catalog == NULL) {
        return;
    }
    catalog_registry_state(metrics->catalog, &state);
    if (state.is_configured) {
        struct sample sample = sample_begin(out, name, "");

        sample_end_u64(&sample, state.is_up ? 1 : 0);
    }
}
