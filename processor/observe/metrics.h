/**
 * metrics - counters, gauges and histograms: one table of names, many writers.
 *
 * Each worker has a struct metrics_worker and is its only writer (relaxed atomics, no lock); the
 * admin thread and the final summary add the numbers up. The process owns all of it, from start to
 * end. Labels are bounded: destinations come from the configuration; there are METRICS_EVENTS_MAX
 * event types and METRICS_CODES_MAX codes of answers for each destination, all others are "other"
 * (series.h). Names, types and help are one table (metrics.c); a test compares it with the docs.
 * Nothing here fails.
 */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include "base/buf.h"
#include "config/config.h"
#include "event/blocked.h"
#include "event/verdict.h"
#include "health/health.h"

enum { METRICS_EVENTS_MAX = 256, METRICS_CODES_MAX = 64 };

struct catalog;
struct ledger;
struct cluster;
struct metrics;        /* the process's */
struct metrics_worker; /* one writer's */

/** @workers: of live events; as many again as there are backfills come behind them. */
struct metrics *metrics_new(const struct config *config, unsigned workers, const char *version);
void metrics_free(struct metrics *metrics);
/** From now on scrapes show what @health sees (keeps it). Before the first scrape. */
void metrics_watch(struct metrics *metrics, struct health *health);
/** Events of this type are expected: they have a slot of their own, and series from the start.
 * Those of the destinations' `events:` are known already. Before any worker begins. */
void metrics_expect(struct metrics *metrics, struct span event);
/** Likewise whether Kafka and the registry answer (keeps both). */
void metrics_watch_services(struct metrics *metrics, struct cluster *cluster,
                            struct catalog *catalog, const struct ledger *ledger);
struct metrics_worker *metrics_of(struct metrics *metrics, unsigned worker);

/* Indexes: destinations and routes by their place in the config. */
void metrics_consumed(struct metrics_worker *worker, uint64_t count);
/** @count events of type @event were answered so; a topic's answer is the broker's report. */
void metrics_delivery(struct metrics_worker *worker, size_t destination, struct span event,
                      enum verdict verdict, uint64_t count);
/** One answer, whatever was in it; @code: what it said, in few characters. */
void metrics_answer(struct metrics_worker *worker, size_t destination, struct span code);
/** An event is where it first meant to go. */
void metrics_arrived(struct metrics_worker *worker);
void metrics_diverted(struct metrics_worker *worker, size_t destination, struct span event,
                      size_t alternate, enum reason reason);
void metrics_value_diverted(struct metrics_worker *worker, double value, struct span currency);
/** @destination: who did not take it; destination_count: it never got so far. */
void metrics_dead_letter(struct metrics_worker *worker, size_t destination, struct span event,
                         enum reason reason);
void metrics_dropped(struct metrics_worker *worker,
                     size_t route_or_count); /* config->route_count: unmatched: drop */
/** A diverted event was delivered to @destination, where it first meant to go. */
void metrics_backfilled(struct metrics_worker *worker, size_t destination);
/** Or was too old for it by then. */
void metrics_backfill_expired(struct metrics_worker *worker, size_t destination);
/* How far a backfill is. */
struct backfill_numbers {
    const char *state; /* static; NULL: it has not begun */
    bool is_known;     /* the next two are, but left_ms -1 */
    uint64_t waiting;  /* of all instances together */
    int64_t left_ms;
    uint64_t kept;               /* kept back by this process, to be tried again */
    uint64_t delivered, expired; /* read only: they are counted above */
};
void metrics_backfill(struct metrics_worker *worker, size_t destination,
                      const struct backfill_numbers *numbers);
void metrics_request(struct metrics_worker *worker, size_t destination, uint64_t duration_us);
void metrics_latency(struct metrics_worker *worker, size_t destination, uint64_t latency_ms,
                     uint64_t count); /* from taken to settled */
void metrics_in_flight(struct metrics_worker *worker, uint64_t events, uint64_t bytes);
void metrics_blocked(struct metrics_worker *worker, enum block_reason reason, unsigned partitions);
void metrics_lag(struct metrics_worker *worker, const char *topic, int32_t partition,
                 int64_t lag); /* or one of these */
enum { LAG_GONE = -1, LAG_UNKNOWN = -2 };
/* What is known of a partition that a worker holds. */
struct partition_numbers {
    int64_t lag;       /* or LAG_UNKNOWN */
    uint64_t asked_ms; /* monotonic: when the broker said where it ends; 0: never yet */
    uint64_t open_ms;  /* since when an open transaction holds back the same records; 0: none */
    uint32_t blocks;   /* bit set of enum block_reason */
    int error;         /* librdkafka's code of why it cannot be read; 0: it can */
    uint64_t error_since_ms;
};
void metrics_partition(struct metrics_worker *worker, const char *topic, int32_t partition,
                       const struct partition_numbers *numbers);
void metrics_oldest(struct metrics_worker *worker, uint64_t age_ms);
void metrics_fields_left_out(struct metrics_worker *worker, size_t destination, uint64_t count);
void metrics_times_assumed(struct metrics_worker *worker, uint64_t count);
/** Since the worker began: offsets wanted that were gone, records that were gone with them unread,
 * and records read again and skipped, because they were settled before a restart. */
void metrics_positions(struct metrics_worker *worker, uint64_t gaps, uint64_t gap_events,
                       uint64_t skipped);

/** Prometheus text format 0.0.4. */
void metrics_prometheus(struct metrics *metrics, struct buf *out);

/** The same table as Markdown, for docs/metrics.md. */
void metrics_document(struct buf *out);

/* Sums over all workers, for the final summary, the status and the sandbox. */
struct metrics_totals {
    uint64_t consumed, delivered, diverted, dead_lettered, dropped, in_flight;
    uint64_t in_flight_bytes;
    uint64_t blocked[BLOCK_REASON_COUNT]; /* partitions */
};
void metrics_totals(struct metrics *metrics, struct metrics_totals *out);
/** Answers of a destination so far, counted by event and attempt. */
void metrics_verdicts(const struct metrics *metrics, size_t destination,
                      uint64_t out[VERDICT_COUNT]);
/** Requests to @destination for live events so far. */
uint64_t metrics_live_requests(const struct metrics *metrics, size_t destination);
/** False: @destination has no backfill. */
bool metrics_backfill_of(const struct metrics *metrics, size_t destination,
                         struct backfill_numbers *out);
/** Events it took so far, as first destination or as an alternate; dead letters not included. */
uint64_t metrics_taken_by(const struct metrics *metrics, size_t destination);
/* Of one partition, by topic and partition; one that changes hands is there once. */
struct partition_view {
    const char *topic; /* lives as long as the metrics */
    int32_t partition;
    struct partition_numbers numbers;
};
/** The partitions held now; to be freed. */
struct partition_view *metrics_partitions(const struct metrics *metrics, size_t *count);
/** Age of the oldest event that is not settled. */
uint64_t metrics_oldest_ms(const struct metrics *metrics);
uint64_t metrics_lag_total(const struct metrics *metrics);

#endif /* OBSERVE_METRICS_H */
