/**
 * metrics_inside - what the writers (metrics_worker.c) and the text (metrics.c) share.
 *
 * Every number has one writer, its worker, and many readers: a relaxed load, an addition and a
 * relaxed store, no locked instruction. Names are copied from the configuration, so that a reader
 * never meets memory that was freed. Nothing here fails.
 */
#ifndef OBSERVE_METRICS_INSIDE_H
#define OBSERVE_METRICS_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "observe/metrics.h"
#include "observe/series.h"

enum {
    CURRENCIES_MAX = 64, /* further ones are "other" */
    CURRENCY_OTHER = CURRENCIES_MAX,
    CURRENCY_NONE, /* an event with a value and no currency */
    CURRENCY_SLOTS,
    BUCKETS_MAX = 16,
    LAGS_MAX = 10000, /* partitions a worker */
    MICROS = 1000000, /* values are added up in millionths: they are decimals */
};

/* Upper bounds in the unit of the values counted; the last bucket has none. */
struct buckets {
    uint64_t bounds[BUCKETS_MAX];
    size_t count;
    double per_second; /* units in one second */
};

extern const struct buckets request_buckets; /* microseconds */
extern const struct buckets latency_buckets; /* milliseconds */

struct histogram {
    _Atomic uint64_t buckets[BUCKETS_MAX + 1];
    _Atomic uint64_t sum;
};

/* One destination's numbers at one worker. */
struct destination_numbers {
    _Atomic uint64_t fields_left_out, backfilled, backfill_expired;
    const char *_Atomic backfill_state;                  /* struct backfill_numbers */
    _Atomic uint64_t backfill_waiting, backfill_left_ms; /* one more than that; 0: not known */
    _Atomic uint64_t backfill_kept;
    struct histogram requests;
    struct histogram latencies;
};

/* Lag of one partition. Appended and never unlinked, so that a scrape walks without a lock. */
struct lag {
    struct lag *_Atomic next;
    char *topic; /* owned */
    int32_t partition;
    _Atomic int64_t lag;                /* LAG_GONE: not ours now; LAG_UNKNOWN */
    _Atomic uint64_t asked_ms, open_ms; /* as in struct partition_numbers */
    _Atomic uint32_t blocks;
    _Atomic int error;
    _Atomic uint64_t error_since_ms;
};

/* Value in one currency. The sum is exact; its nearest double is what a reader sees. */
struct value_sum {
    uint64_t whole, micros; /* the writer's own */
    _Atomic double sum;
};

struct metrics_worker {
    struct metrics *metrics;
    _Atomic uint64_t consumed, times_assumed, skipped, gaps, gap_events;
    struct destination_numbers *destinations;         /* owned, one each */
    struct series_writer *events;                     /* see event_row */
    struct series_writer **answers;                   /* owned: by destination */
    _Atomic uint64_t arrived, diverted, dead_letters; /* of all types */
    _Atomic uint64_t *dropped; /* owned; by route, the last: no route at all */
    struct value_sum value_diverted[CURRENCY_SLOTS];
    _Atomic uint64_t in_flight_events, in_flight_bytes;
    _Atomic uint64_t blocked[BLOCK_REASON_COUNT];
    _Atomic uint64_t oldest_ms; /* age */
    struct lag *_Atomic lags;   /* owned */
    size_t lag_count;           /* the writer's own */
};

/* A (destination, alternate) that some chain of the configuration holds. */
struct alternate_pair {
    size_t destination;
    size_t alternate; /* destination_count: one that no chain names */
};

/* Where the numbers of one event type stand in its row of the series. */
struct event_row {
    size_t diverted;     /* behind deliveries, by destination and verdict */
    size_t dead_letters; /* behind diversions, by pair and reason; then by destination (the last:
                            none) and reason */
    size_t width;
};

struct metrics {
    char *version;       /* owned */
    char **destinations; /* owned: names */
    size_t destination_count;
    bool *has_breaker;       /* owned: by destination; Kafka ones have none */
    bool *has_backfill;      /* likewise */
    struct health *health;   /* kept; NULL: not watched */
    struct cluster *cluster; /* likewise */
    struct catalog *catalog;
    const struct ledger *ledger; /* NULL: none */
    char **rules; /* owned: drop rule by route, NULL where the route has legs; last: unmatched */
    size_t route_count;
    bool is_unmatched_dropped;
    struct alternate_pair *pairs; /* owned; by destination, the unnamed alternate last of each */
    size_t pair_count;
    size_t *pair_from;     /* owned: first pair of a destination; destination_count + 1 of them */
    struct series *events; /* owned: by event type */
    struct event_row row;
    struct series **answers; /* owned: by destination, by code */
    bool *names_events;      /* owned: by destination: has a map of names */
    bool *is_expected;       /* owned: by destination and slot of events: series from the start */
    pthread_mutex_t currency_lock; /* to add one; reading takes none */
    _Atomic size_t currency_count;
    char currencies[CURRENCIES_MAX][4];
    struct metrics_worker *workers; /* owned */
    unsigned worker_count;
    unsigned live_count; /* of them: of live events; the others are backfills' */
};

/** What health sees of every destination just now; to be freed. NULL: it is not watched. */
struct destination_view *metrics_look(const struct metrics *metrics);

/* Families by event type and by code (metrics_events.c). */
void metrics_write_deliveries(const struct metrics *metrics, const struct series_view *events,
                              struct buf *out, const char *name);
void metrics_write_diverted(const struct metrics *metrics, const struct series_view *events,
                            struct buf *out, const char *name);
void metrics_write_dead_letters(const struct metrics *metrics, const struct series_view *events,
                                struct buf *out, const char *name);
void metrics_write_answers(const struct metrics *metrics, struct buf *out, const char *name);

/* Families made of what health sees (metrics_health.c). */
void metrics_write_cell_state(const struct metrics *metrics, const struct destination_view *views,
                              struct buf *out, const char *name);
void metrics_write_destination_state(const struct metrics *metrics,
                                     const struct destination_view *views, struct buf *out,
                                     const char *name);
void metrics_write_scope(const struct metrics *metrics, const struct destination_view *views,
                         struct buf *out, const char *name);
void metrics_write_transitions(const struct metrics *metrics, const struct destination_view *views,
                               struct buf *out, const char *name);
void metrics_write_throttled(const struct metrics *metrics, const struct destination_view *views,
                             struct buf *out, const char *name);
void metrics_write_held(const struct metrics *metrics, const struct destination_view *views,
                        struct buf *out, const char *name);

/* Of partitions and the services around (metrics_partitions.c). */
void metrics_write_lag(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_lag_age(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_open(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_oldest(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_kafka_up(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_ledger_up(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_registry_up(const struct metrics *metrics, struct buf *out, const char *name);

/* Of backfills (metrics_backfill.c). */
void metrics_write_backfilled(const struct metrics *metrics, struct buf *out, const char *name);
void metrics_write_backfill_expired(const struct metrics *metrics, struct buf *out,
                                    const char *name);
void metrics_write_backfill_waiting(const struct metrics *metrics, struct buf *out,
                                    const char *name);

/** A single-writer number as a reader sees it. */
static inline uint64_t number_of(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

#endif /* OBSERVE_METRICS_INSIDE_H */
