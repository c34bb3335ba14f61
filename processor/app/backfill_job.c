/*
 * Happy path: a diverted record comes, its headers say that it is this destination's, it is young
 * enough, today's routes still lead there: it is delivered and counted, and its offset committed.
 *
 * It can go otherwise: nothing is taken while an operator, a breaker or the backfill's own failures
 * say so; what is nobody's here is settled as skipped; what cannot be delivered now is kept back.
 */
#include "app/backfill_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/backfill_backoff.h"
#include "app/backfill_kept.h"
#include "app/io_real.h"
#include "base/clock.h"
#include "base/mem.h"
#include "deliver/intake.h"
#include "recovery/original.h"
#include "recovery/record.h"

enum {
    POLLS_MAX = 1000,    /* records looked at in a turn */
    ASK_AGAIN_MS = 1000, /* an event whose breaker was not closed; the least between probes */
    ATTEMPTS_MAX = 5,    /* times that an event fails while others pass, each with all retries */
    LOOK_MS = 500,       /* at what live events leave */
    KEPT_PART = 4,       /* of in_flight: so much may be kept back while others go on */
};

struct backfill_job {
    struct backfill_parts parts;
    const struct config_destination *destination;
    const struct config_destination *chain[1]; /* the destination alone */
    struct config_leg plan;                    /* of that chain */
    bool is_utm;                               /* the alternate has UTM records */
    int64_t max_age_ms;
    struct io real; /* the functions that were replaced */
    struct io_real *io;
    struct intake *intake;
    struct fates *fates;
    struct backfill_kept *kept; /* owned */
    struct backfill_backoff backoff;
    uint64_t delivered;
    bool is_blocked;          /* its partitions are paused */
    uint64_t probed_ms;       /* the last event that was let through to ask a breaker */
    uint64_t looked_at_ms;    /* what live events use */
    uint64_t requests;        /* theirs, as of then */
    int64_t now_ms, event_ms; /* of the event being routed: wall */
    bool is_leg_taken;
    enum skip_reason left_out; /* why its leg was not taken */
    _Atomic int wait;          /* enum backfill_wait */
};

static const char *const wait_words[BACKFILL_WAIT_COUNT] = {
    [BACKFILL_RUNS] = "running",    [BACKFILL_PAUSED] = "paused",   [BACKFILL_UNREAD] = "reading",
    [BACKFILL_BREAKER] = "breaker", [BACKFILL_BACKOFF] = "failing", [BACKFILL_REFUSED] = "rejected",
};

static const char *wait_word(enum backfill_wait wait)
{
    PRE((size_t)wait < BACKFILL_WAIT_COUNT);
    return wait_words[wait];
}

static int64_t max_age_of(const struct config_destination *destination)
{
    uint64_t own = destination->max_age_ms == 0 ? UINT64_MAX : destination->max_age_ms;

    return (int64_t)MIN_OF(own, destination->backfill.max_age_ms);
}

struct backfill_job *backfill_job_new(const struct backfill_parts *parts)
{
    struct backfill_job *job = mem_new(struct backfill_job);
    const struct config *config = parts->pipeline->config;

    job->parts = *parts;
    job->destination = &config->destinations[parts->destination];
    job->chain[0] = job->destination;
    job->plan = (struct config_leg){.chain = job->chain, .count = 1};
    job->is_utm = config_find(config, job->destination->backfill.from)->format == KAFKA_UTM;
    job->max_age_ms = max_age_of(job->destination);
    job->kept = backfill_kept_new(rd_kafka_message_destroy);
    return job;
}

void backfill_job_free(struct backfill_job *job)
{
    if (job != NULL) {
        backfill_kept_free(job->kept);
        free(job);
    }
}

static enum backfill_wait wait_of(const struct backfill_job *job)
{
    return (enum backfill_wait)atomic_load(&job->wait);
}

static struct backfill_job *job_of(void *context)
{
    return ((struct io_real *)context)->job;
}

/* For people; and which part of a rate that all instances share is this one's. */
static void tell(struct backfill_job *job)
{
    size_t index = job->parts.destination;
    struct backfill_progress progress = backfill_orders_progress(job->parts.orders, index);
    const struct backfill_numbers numbers = {
        .state = wait_word(wait_of(job)),
        .is_known = progress.is_known,
        .waiting = progress.waiting,
        .left_ms = progress.left_ms,
        .kept = backfill_kept_count(job->kept),
    };
    size_t held = 0;

    metrics_backfill(job->intake->d->metrics, index, &numbers);
    if (progress.partitions > 0) {
        (void)source_partitions(job->io->source, &held);
        job->intake->d->rate_share = (double)held / (double)progress.partitions;
    }
}

/* live events go first */

/* What their requests leave of the rate, as a part of it. */
static void look_at_live(struct backfill_job *job, uint64_t now_ms)
{
    struct deliverer *d = job->intake->d;
    uint64_t past_ms = now_ms - job->looked_at_ms;
    uint64_t requests;
    double rate;

    if (past_ms < LOOK_MS) {
        return;
    }
    requests = metrics_live_requests(job->parts.metrics, job->parts.destination);
    rate = (double)(requests - job->requests) * 1000 / (double)past_ms;
    if (job->looked_at_ms != 0) {
        d->rate_left = MAX_OF(1 - rate / job->destination->rate.requests, 0.0);
    }
    job->requests = requests;
    job->looked_at_ms = now_ms;
    tell(job);
}

/* waiting */

static enum backfill_wait find_wait(struct backfill_job *job, uint64_t now_ms)
{
    enum backfill_order order = backfill_orders_of(job->parts.orders, job->parts.destination);
    const struct deliverer *d = job->intake->d;

    if (order != BACKFILL_ORDER_GO) {
        return order == BACKFILL_ORDER_PAUSE ? BACKFILL_PAUSED : BACKFILL_UNREAD;
    }
    if (!backfill_backoff_allows(&job->backoff, event_pool_busy(&d->events), now_ms)) {
        return job->backoff.refused_wait_ms != 0 ? BACKFILL_REFUSED : BACKFILL_BACKOFF;
    }
    return health_is_closed(job->parts.health, job->parts.destination) ? BACKFILL_RUNS
                                                                       : BACKFILL_BREAKER;
}

static void say_wait(struct backfill_job *job, enum backfill_wait wait)
{
    enum backfill_wait before = wait_of(job);

    if (wait == before) {
        return;
    }
    atomic_store(&job->wait, (int)wait);
    if (wait == BACKFILL_RUNS || before == BACKFILL_RUNS || wait == BACKFILL_PAUSED) {
        LOG_INFO("backfill.state", "destination=%s state=%s was=%s kept=%zu",
                 LOG_S(job->destination->name), wait_word(wait), wait_word(before),
                 backfill_kept_count(job->kept));
    }
}

/* May one that comes from the topic, not one kept back, be taken? */
static bool may_read(struct backfill_job *job, enum backfill_wait wait, uint64_t now_ms)
{
    uint64_t most = job->parts.pipeline->config->in_flight.events / KEPT_PART;

    if (backfill_kept_count(job->kept) >= MAX_OF(most, (uint64_t)1)) {
        return false;
    }
    /* while the breaker is not closed: one asks, in case no live event does */
    return wait == BACKFILL_RUNS ||
           (wait == BACKFILL_BREAKER && backfill_kept_count(job->kept) == 0 &&
            now_ms - job->probed_ms >= ASK_AGAIN_MS);
}

/* The client would fetch on, and wake the worker for each message. */
static void pause(struct backfill_job *job, bool is_blocked)
{
    if (is_blocked != job->is_blocked) {
        job->is_blocked = is_blocked;
        job->real.block(job->io, NULL, BLOCK_BACKFILL, is_blocked);
    }
}

/* taking */

static void settle_skipped(struct backfill_job *job, struct source_partition *partition,
                           int64_t offset, enum skip_reason skip, const char *outage)
{
    struct fate_leg leg = {.leg = &job->plan,
                           .fate = FATE_SKIPPED,
                           .reason = (uint8_t)skip,
                           .outage = fates_outage(job->fates, outage)};
    const char no_value[4] = "";
    struct settled settled = {fates_find(job->fates, &leg, 1, no_value), 0};

    backfill_kept_forget(job->kept, partition->partition, offset);
    if (skip == SKIP_TOO_OLD) {
        metrics_backfill_expired(job->intake->d->metrics, job->parts.destination);
    }
    job->real.settle(job->io, partition, partition->epoch, offset, &settled);
}

/* NONE: it was diverted from this destination. */
static enum skip_reason judge(const struct backfill_job *job, const rd_kafka_message_t *message)
{
    struct message_view view;
    struct record record;
    struct decision_place place;
    enum decision_type decision;

    record_of(message, &record);
    if (record.letter.dialect != DIALECT_DETOUR ||
        !span_eq(record.letter.leg, job->destination->name)) {
        return SKIP_NOT_SELECTED;
    }
    if (record.letter.part_count > 0) {
        return SKIP_IN_PARTS;
    }
    original_view(message, job->is_utm, &view);
    if (view.value.ptr == NULL) {
        return SKIP_UNDECODED;
    }
    place = (struct decision_place){message->partition, message->offset, record.view.timestamp_ms};
    if (backfill_orders_decided(job->parts.orders, job->parts.destination, &place, &decision)) {
        return decision == DECISION_EXPORTED ? SKIP_EXPORTED : SKIP_DECIDED;
    }
    return SKIP_NONE;
}

static rd_kafka_message_t *take_kept(struct backfill_job *job, struct source_partition **partition,
                                     uint64_t now_ms)
{
    struct backfill_event event;

    if (!backfill_kept_take(job->kept, now_ms, &event)) {
        return NULL;
    }
    *partition = event.partition;
    return event.message;
}

static rd_kafka_message_t *read_next(struct backfill_job *job, struct source_partition **partition)
{
    for (int i = 0; i < POLLS_MAX; i++) {
        rd_kafka_message_t *message = job->real.poll(job->io, partition);
        enum skip_reason skip;

        if (message == NULL) {
            return NULL;
        }
        skip = judge(job, message);
        if (skip == SKIP_NONE) {
            return message;
        }
        settle_skipped(job, *partition, message->offset, skip, "");
        job->real.release(message);
    }
    return NULL;
}

static rd_kafka_message_t *poll(void *context, struct source_partition **partition)
{
    struct backfill_job *job = job_of(context);
    uint64_t now_ms = clock_mono_ms();
    enum backfill_wait wait = find_wait(job, now_ms);
    rd_kafka_message_t *message = NULL;

    if (source_is_handing_over(job->io->source)) { /* the partitions go: nothing is begun */
        job->real.serve(job->io);
        return NULL;
    }
    say_wait(job, wait);
    look_at_live(job, now_ms);
    if (wait == BACKFILL_RUNS || wait == BACKFILL_BREAKER) {
        message = take_kept(job, partition, now_ms);
    }
    if (message != NULL) {
        return message;
    }
    if (!may_read(job, wait, now_ms)) {
        pause(job, true);
        job->real.serve(context);
        return NULL;
    }
    pause(job, false);
    message = read_next(job, partition);
    if (message != NULL && wait == BACKFILL_BREAKER) {
        job->probed_ms = now_ms;
    }
    return message;
}

/* routing */

static bool has_leg(const struct backfill_job *job, const struct config_route *route)
{
    for (size_t i = 0; i < route->leg_count; i++) {
        if (route->legs[i].chain[0] == job->destination) {
            return true;
        }
    }
    return false;
}

/* Today's routes take it, one of them to this destination: that it had then, else the first. */
static void choose_route(const struct backfill_job *job, struct span name,
                         struct route_result *routes)
{
    const struct config_route *all = job->parts.pipeline->config->routes;
    uint32_t chosen = UINT32_MAX;

    for (uint32_t i = 0; i < routes->count; i++) {
        const struct config_route *route = &all[routes->routes[i]];

        if (has_leg(job, route) && (chosen == UINT32_MAX || span_eq(route->name, name))) {
            chosen = routes->routes[i];
        }
    }
    routes->count = chosen == UINT32_MAX ? 0 : 1;
    routes->routes[0] = chosen;
}

static void begin(void *context, rd_kafka_message_t *message, const struct event_view *view,
                  struct route_result *routes)
{
    struct backfill_job *job = context;
    char *outage = job->intake->choice.outage;
    struct dead_letter letter;

    dead_letter_read(job->real.headers(message), &letter);
    (void)snprintf(outage, OUTAGE_ID_BYTES, SPAN_FMT, SPAN_ARG(letter.outage));
    job->event_ms = view->facts.time_ms;
    job->now_ms = view->now_ms;
    job->is_leg_taken = false;
    job->left_out = SKIP_ELSEWHERE;
    choose_route(job, letter.route, routes);
}

static bool takes(void *context, const struct config_route *route, const struct config_leg *leg)
{
    struct backfill_job *job = context;

    (void)route;
    if (job->is_leg_taken || leg->chain[0] != job->destination) {
        return false;
    }
    if (job->now_ms - job->event_ms > job->max_age_ms) {
        job->left_out = SKIP_TOO_OLD;
        return false;
    }
    job->is_leg_taken = true;
    return true;
}

static void left_out(void *context, rd_kafka_message_t *message, struct source_partition *partition)
{
    struct backfill_job *job = context;

    if (partition != NULL) {
        settle_skipped(job, partition, message->offset, job->left_out, job->intake->choice.outage);
    }
    job->real.release(message);
}

/* ends */

static bool give_back(void *context, rd_kafka_message_t *message,
                      struct source_partition *partition, uint64_t epoch, enum reason reason)
{
    struct backfill_job *job = context;
    const struct backfill_event event = {message, partition, epoch};
    uint64_t now_ms = clock_mono_ms();

    if (reason == REASON_NONE) {
        backfill_kept_add(job->kept, &event, now_ms + ASK_AGAIN_MS);
        return true;
    }
    if (backfill_kept_failed(job->kept, message->partition, message->offset, job->delivered) >
        ATTEMPTS_MAX) {
        return false;
    }
    backfill_backoff_failed(&job->backoff, now_ms);
    backfill_kept_add(job->kept, &event, job->backoff.until_ms);
    return true;
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    struct backfill_job *job = job_of(context);
    const struct fate *fate =
        settled->fate == NO_FATE ? NULL : fates_get(job->fates, settled->fate);

    backfill_kept_forget(job->kept, partition->partition, offset);
    if (fate != NULL) {
        job->delivered += fate->whole == FATE_DELIVERED;
        backfill_backoff_ended(&job->backoff, fate->whole == FATE_DEAD_LETTERED, clock_mono_ms());
    }
    job->real.settle(context, partition, epoch, offset, settled);
}

static void release(void *context)
{
    struct backfill_job *job = context;

    backfill_kept_drop(job->kept);
}

static void let_go(void *context)
{
    struct backfill_job *job = job_of(context);

    release(job);
    job->real.let_go(context);
}

static void view_record(const rd_kafka_message_t *message, struct message_view *out)
{
    original_view(message, false, out);
}

static void view_utm(const rd_kafka_message_t *message, struct message_view *out)
{
    original_view(message, true, out);
}

static void install(void *context, struct io_real *io, struct intake *intake, struct fates *fates)
{
    struct backfill_job *job = context;

    job->real = io->table;
    job->io = io;
    job->intake = intake;
    job->fates = fates;
    io->job = job;
    io->table.poll = poll;
    io->table.settle = settle;
    io->table.let_go = let_go;
    io->table.view = job->is_utm ? view_utm : view_record;
    intake->choice = (struct leg_choice){
        .context = job, .begin = begin, .takes = takes, .plan = &job->plan, .left_out = left_out};
}

struct worker_job backfill_job_worker(struct backfill_job *job)
{
    return (struct worker_job){
        .context = job,
        .install = install,
        .release = release,
        .background = {.context = job,
                       .give_back = give_back,
                       .share = job->destination->backfill.rate},
    };
}
