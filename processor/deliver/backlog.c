#include "deliver/backlog.h"

static struct source_waits *waits_of(const struct leg *leg)
{
    struct source_partition *partition = leg->event->partition;

    if (partition == NULL) {
        return NULL;
    }
    return leg->is_dead_letter ? &partition->dead_letters : &partition->alternates;
}

/* @leg begins or ceases to be a reason for its partition to stand still. */
static void wait(struct deliverer *d, struct leg *leg, bool is_on)
{
    struct source_waits *waits = waits_of(leg);

    if (waits == NULL) {
        return;
    }
    waits->records = is_on ? waits->records + 1 : waits->records - 1;
    if (waits->records == (is_on ? 1u : 0u)) {
        d->io->block(d->io->context, leg->event->partition,
                     leg->is_dead_letter ? BLOCK_DEAD_LETTER : BLOCK_ALTERNATE, is_on);
    }
}

bool backlog_stuck(struct deliverer *d, struct leg *leg, bool is_stuck)
{
    struct source_waits *waits = waits_of(leg);

    if (leg->is_stuck == is_stuck) {
        return false;
    }
    leg->is_stuck = is_stuck;
    if (!leg->is_over_share) {
        wait(d, leg, is_stuck);
    }
    if (waits == NULL) {
        return false;
    }
    waits->stuck = is_stuck ? waits->stuck + 1 : waits->stuck - 1;
    return waits->stuck == (is_stuck ? 1u : 0u);
}

static void set_over_share(struct deliverer *d, struct leg *leg, bool is_over_share)
{
    if (leg->is_over_share == is_over_share) {
        return;
    }
    leg->is_over_share = is_over_share;
    if (!leg->is_stuck) {
        wait(d, leg, is_over_share);
    }
}

static void stop_partitions(struct deliverer *d, struct backlog *backlog, bool stops_partitions)
{
    backlog->stops_partitions = stops_partitions;
    for (struct event *event = d->events.first; event != NULL; event = event->next) {
        for (size_t i = 0; i < event->leg_count; i++) {
            if (event->legs[i].backlog == backlog) {
                set_over_share(d, &event->legs[i], stops_partitions);
            }
        }
    }
}

/* Has it 1/@part of what may be in flight? */
static bool holds(const struct deliverer *d, const struct backlog *backlog, uint64_t part)
{
    const struct config *config = d->pipeline->config;

    return backlog->records >= MAX_OF(config->in_flight.events / part, (uint64_t)1) ||
           backlog->bytes >= config->in_flight.bytes / part;
}

static void judge(struct deliverer *d, struct backlog *backlog)
{
    bool is_full = !backlog->stops_partitions && holds(d, backlog, 2);

    d->full_backlogs = d->full_backlogs + is_full - backlog->is_full;
    backlog->is_full = is_full;
}

static const struct config_destination *topic_of(const struct deliverer *d, const struct leg *leg)
{
    return leg->is_dead_letter ? d->pipeline->config->dead_letter : leg_destination(leg);
}

void backlog_add(struct deliverer *d, struct leg *leg)
{
    struct backlog *backlog = &d->backlogs[pipeline_index(d->pipeline, topic_of(d, leg))];

    leg->backlog = backlog;
    leg->backlog_bytes = leg->event->bytes;
    backlog->records++;
    backlog->bytes += leg->backlog_bytes;
    if (backlog->stops_partitions) {
        set_over_share(d, leg, true);
    }
    judge(d, backlog);
}

void backlog_remove(struct deliverer *d, struct leg *leg)
{
    struct backlog *backlog = leg->backlog;

    (void)backlog_stuck(d, leg, false);
    set_over_share(d, leg, false);
    leg->backlog = NULL;
    backlog->records--;
    backlog->bytes -= leg->backlog_bytes;
    if (backlog->stops_partitions && !holds(d, backlog, 4)) {
        stop_partitions(d, backlog, false);
        LOG_INFO("record.room", "destination=%s records=%zu",
                 LOG_S(d->pipeline->config->destinations[backlog - d->backlogs].name),
                 backlog->records);
    }
    judge(d, backlog);
}

bool backlog_is_full(const struct deliverer *d)
{
    return d->full_backlogs > 0;
}

void backlog_stop_partitions(struct deliverer *d)
{
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        struct backlog *backlog = &d->backlogs[i];

        if (!backlog->is_full) {
            continue;
        }
        LOG_WARN(
            "record.crowded",
            "worker=%u destination=%s records=%zu bytes=%llu why=\"half of in_flight waits for "
            "this topic: partitions that need it stop, the others go on\"",
            d->worker, LOG_S(d->pipeline->config->destinations[i].name), backlog->records,
            (unsigned long long)backlog->bytes);
        stop_partitions(d, backlog, true);
        judge(d, backlog);
    }
}
