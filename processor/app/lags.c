/*
 * The lag of a partition is what was taken from its first unsettled event on, and what is unread:
 * from where we stand to where the broker says that it can be read. Where the library has told
 * the partition's end, nothing before that is unread: aborted transactions, the marks of their
 * ends and what compaction removed are no events.
 */
#include "app/lags.h"

#include <stdlib.h>

#include "base/mem.h"

enum { EVENTS_PER_WALK_MS = 20, KEEP_MS = 30000 };

void lags_fini(struct lags *lags)
{
    free(lags->marks);
    free(lags->places);
    free(lags->kept);
    *lags = (struct lags){0};
}

static void make_room(struct lags *lags, size_t count)
{
    if (count > lags->count) {
        free(lags->marks);
        free(lags->places);
        lags->marks = mem_array(count, struct cluster_mark);
        lags->places = mem_array(count, struct lags_place);
        lags->count = count;
    }
}

/* LAG_UNKNOWN: neither the broker nor the library has said where it ends. */
static int64_t unread_of(const struct source_partition *partition, const struct cluster_mark *mark)
{
    bool has_end = partition->end_epoch == partition->epoch && partition->epoch > 0;
    int64_t read = partition->position;
    int64_t end = mark->at_ms > 0 ? mark->stable : LAG_UNKNOWN;

    if (partition->position < 0) {
        return LAG_UNKNOWN; /* where it begins is not known yet */
    }
    if (has_end) {
        read = MAX_OF(read, partition->end);
        end = MAX_OF(end, partition->end);
    }
    if (end == LAG_UNKNOWN) {
        return LAG_UNKNOWN;
    }
    return end > read ? end - read : 0;
}

/* For how long a partition with unread records has not moved. */
static uint64_t standstill_ms(struct lags_place *place, const struct source_partition *partition,
                              int64_t unread, uint64_t now_ms)
{
    if (place->partition != partition || place->position != partition->position || unread <= 0) {
        *place = (struct lags_place){partition, partition->position, now_ms};
    }
    return now_ms - place->since_ms;
}

static uint64_t age_of(const struct deliverer *d, const struct event *event)
{
    uint64_t age_ms = d->now_ms > event->taken_ms ? d->now_ms - event->taken_ms : 0;
    struct message_view view;

    d->io->view(event->message, &view);
    if (view.timestamp_ms >= 0 && d->wall_ms > view.timestamp_ms) {
        age_ms = MAX_OF(age_ms, (uint64_t)(d->wall_ms - view.timestamp_ms));
    }
    return age_ms;
}

/* All that is in flight is looked at, once a second, and less often when that is very many. */
static uint64_t in_flight_age_ms(struct lags *lags, const struct deliverer *d)
{
    if (d->events.events == 0) {
        return 0;
    }
    if (d->now_ms < lags->walk_at_ms) {
        return lags->in_flight_age_ms;
    }
    lags->walk_at_ms = d->now_ms + d->events.events / EVENTS_PER_WALK_MS;
    lags->in_flight_age_ms = 0;
    for (const struct event *at = d->events.first; at != NULL; at = at->next) {
        lags->in_flight_age_ms = MAX_OF(lags->in_flight_age_ms, age_of(d, at));
    }
    return lags->in_flight_age_ms;
}

static void report_blocked(const struct deliverer *d, struct source_partition *const *partitions,
                           size_t count)
{
    for (unsigned reason = 0; reason < BLOCK_REASON_COUNT; reason++) {
        unsigned blocked = 0;

        for (size_t i = 0; i < count; i++) {
            blocked += source_blocks(partitions[i]) >> reason & 1u;
        }
        metrics_blocked(d->metrics, (enum block_reason)reason, blocked);
    }
}

/* What became of partitions that were lost with the brokers */

static bool is_among(struct source_partition *const *partitions, size_t count,
                     const struct source_partition *one)
{
    for (size_t i = 0; i < count; i++) {
        if (partitions[i] == one) {
            return true;
        }
    }
    return false;
}

/* Those that are not held again are gone. */
static void forget_kept(struct lags *lags, struct deliverer *d,
                        struct source_partition *const *partitions, size_t count)
{
    for (size_t i = 0; i < lags->kept_count; i++) {
        const struct source_partition *own = lags->kept[i];

        if (!is_among(partitions, count, own)) {
            metrics_lag(d->metrics, own->topic, own->partition, LAG_GONE);
        }
    }
    lags->kept_count = 0;
}

void lags_revoke(struct lags *lags, struct deliverer *d, struct cluster *cluster,
                 struct source_partition *const *partitions, size_t count)
{
    if (cluster_is_up(cluster) || count == 0) {
        for (size_t i = 0; i < count; i++) {
            metrics_lag(d->metrics, partitions[i]->topic, partitions[i]->partition, LAG_GONE);
        }
        return;
    }
    lags->kept = mem_grow(lags->kept, count, sizeof(lags->kept[0]));
    lags->kept_count = count;
    for (size_t i = 0; i < count; i++) {
        lags->kept[i] = partitions[i];
    }
    lags->kept_at_ms = d->now_ms;
    lags->kept_oldest_ms = lags->oldest_ms;
}

/* Age of what is not settled in the partitions kept. */
static uint64_t look_after_kept(struct lags *lags, struct deliverer *d, struct cluster *cluster,
                                struct source_partition *const *partitions, size_t count)
{
    if (lags->kept_count == 0) {
        return 0;
    }
    if (!cluster_is_up(cluster)) {
        lags->up_at_ms = 0;
    } else if (lags->up_at_ms == 0) {
        lags->up_at_ms = d->now_ms;
    }
    if (count > 0 || (lags->up_at_ms != 0 && d->now_ms - lags->up_at_ms >= KEEP_MS)) {
        forget_kept(lags, d, partitions, count); /* or given to others */
        return 0;
    }
    return lags->kept_oldest_ms == 0 ? 0 : lags->kept_oldest_ms + d->now_ms - lags->kept_at_ms;
}

size_t lags_report(struct lags *lags, const struct io_real *io, struct deliverer *d,
                   struct cluster *cluster)
{
    size_t count = 0;
    struct source_partition *const *partitions = source_partitions(io->source, &count);
    uint64_t oldest_ms = in_flight_age_ms(lags, d);

    make_room(lags, count);
    oldest_ms = MAX_OF(oldest_ms, look_after_kept(lags, d, cluster, partitions, count));
    cluster_report(cluster, d->worker,
                   &(struct cluster_report){partitions, count, source_errors(io->source),
                                            producer_errors(io->producer)},
                   lags->marks);
    for (size_t i = 0; i < count; i++) {
        const struct source_partition *own = partitions[i];
        const struct cluster_mark *mark = &lags->marks[i];
        int64_t unread = unread_of(own, mark);
        struct partition_numbers numbers = {
            .lag = unread == LAG_UNKNOWN ? LAG_UNKNOWN
                                         : unread + (int64_t)tracker_window(own->tracker),
            .asked_ms = mark->at_ms,
            .open_ms = mark->open_ms,
            .blocks = source_blocks(own),
            .error = own->error,
            .error_since_ms = own->error_since_ms,
        };

        metrics_partition(d->metrics, own->topic, own->partition, &numbers);
        oldest_ms = MAX_OF(oldest_ms, standstill_ms(&lags->places[i], own, unread, d->now_ms));
    }
    report_blocked(d, partitions, count);
    lags->oldest_ms = oldest_ms;
    metrics_oldest(d->metrics, oldest_ms);
    return count;
}
