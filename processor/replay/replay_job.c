#include "replay/replay_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#include "app/io_real.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/token_bucket.h"
#include "deliver/intake.h"
#include "recovery/original.h"

enum {
    FUTILE_FIRST = 50,  /* of one reason ... */
    FUTILE_FAILED = 45, /* ... so many failed again for it */
    POLLS_MAX = 1000,   /* records looked at in a turn */
    GENTLE_PER_S = 200, /* the first second without --rate; it doubles each second ... */
    GENTLE_S = 10,      /* ... until then */
    WHY_BYTES = 320,
};

/* A record on its way: what it failed for, to be compared with what becomes of it. */
struct pending {
    struct {
        int64_t offset;
        int32_t partition, zero;
    } place;
    uint8_t reason; /* enum reason */
    UT_hash_handle hh;
};

/* A record that goes to a topic as it is: TOPIC.parked, or --to-topic. */
struct copy {
    struct produce_request request; /* its context is this */
    struct job *job;
    rd_kafka_message_t *message; /* owned */
    struct source_partition *partition;
    uint64_t epoch;
    bool is_parked;
};

struct job {
    struct job_parts parts;
    struct job_counts counts;
    _Atomic int state;
    char why[WHY_BYTES]; /* written before the state */
    struct io real;      /* the functions that were replaced */
    struct io_real *io;
    struct fates *fates;
    struct token_bucket bucket;
    uint64_t began_ms;
    uint64_t taken;        /* of the selection */
    uint64_t copies;       /* on their way to a topic */
    struct replay_way way; /* of the record being routed ... */
    struct dead_letter letter;
    const rd_kafka_message_t *letter_of; /* that is the letter of; each one that comes takes it */
    int64_t now_ms;                      /* ... and its time */
    int64_t event_ms;
    enum skip_reason left_out; /* why its legs were not taken */
    struct pending *pending;   /* owned */
    uint32_t tried[REASON_COUNT], failed[REASON_COUNT];
};

struct job *job_new(const struct job_parts *parts)
{
    struct job *job = mem_new(struct job);

    PRE(parts->partitions > 0);
    job->parts = *parts;
    job->began_ms = clock_mono_ms();
    token_bucket_init(&job->bucket, parts->per_second > 0 ? parts->per_second : GENTLE_PER_S, 1,
                      job->began_ms);
    return job;
}

void job_free(struct job *job)
{
    struct pending *pending, *next;

    if (job == NULL) {
        return;
    }
    HASH_ITER(hh, job->pending, pending, next)
    {
        HASH_DEL(job->pending, pending);
        free(pending);
    }
    free(job);
}

enum job_state job_state(const struct job *job)
{
    return (enum job_state)atomic_load(&job->state);
}

const char *job_why(const struct job *job)
{
    return job->why;
}

const struct job_counts *job_counts(const struct job *job)
{
    return &job->counts;
}

static void end(struct job *job, enum job_state state, const char *why)
{
    if (job_state(job) == JOB_RUNS) {
        (void)snprintf(job->why, sizeof(job->why), "%.*s", WHY_BYTES - 1, why);
        atomic_store(&job->state, (int)state);
    }
}

static struct job *job_of(void *context)
{
    return ((struct io_real *)context)->job;
}

/* skipping */

static void settle_skipped(struct job *job, struct source_partition *partition, uint64_t epoch,
                           int64_t offset, enum skip_reason skip)
{
    struct fate_leg leg = {.fate = FATE_SKIPPED, .reason = (uint8_t)skip};
    const char no_value[4] = "";
    struct settled settled = {fates_find(job->fates, &leg, 1, no_value), 0};

    atomic_fetch_add(&job->counts.skipped[skip], 1);
    job->real.settle(job->io, partition, epoch, offset, &settled);
}

/* copies */

static void settle_copied(struct job *job, const struct copy *copy)
{
    struct fate_leg leg = {.fate = FATE_DELIVERED};
    const char no_value[4] = "";
    struct settled settled = {fates_find(job->fates, &leg, 1, no_value), 0};

    if (copy->is_parked) {
        settle_skipped(job, copy->partition, copy->epoch, copy->message->offset, SKIP_PARKED);
        return;
    }
    atomic_fetch_add(&job->counts.delivered, 1);
    job->real.settle(job->io, copy->partition, copy->epoch, copy->message->offset, &settled);
}

static void copy_done(struct produce_request *request, enum produce_result result)
{
    struct copy *copy = request->context;
    struct job *job = copy->job;

    job->copies--;
    if (result == PRODUCE_ACKNOWLEDGED) {
        settle_copied(job, copy);
    } else if (result != PRODUCE_CANCELLED) {
        end(job, JOB_FAILED, "the topic that it writes to refuses a record");
    }
    job->real.release(copy->message);
    rd_kafka_headers_destroy(request->headers);
    free(copy);
}

static void copy_to(struct job *job, const char *topic, rd_kafka_message_t *message,
                    struct source_partition *partition)
{
    struct copy *copy = mem_new(struct copy);
    const rd_kafka_headers_t *headers = job->real.headers(message);

    *copy = (struct copy){.request = {.topic = topic,
                                      .key = {message->key, message->key_len},
                                      .value = {message->payload, message->len},
                                      .headers = headers == NULL ? rd_kafka_headers_new(0)
                                                                 : rd_kafka_headers_copy(headers),
                                      .done = copy_done,
                                      .context = copy},
                          .job = job,
                          .message = message,
                          .partition = partition,
                          .epoch = partition->epoch,
                          .is_parked = topic == job->parts.parked_topic};
    job->copies++;
    job->real.produce(job->io, &copy->request);
}

/* taking */

/* Without --rate it begins gently: a destination that was dark may not bear all at once. */
static bool may_take(struct job *job, uint64_t now_ms)
{
    uint64_t second = (now_ms - job->began_ms) / 1000;
    double rate = job->parts.per_second;

    if (rate <= 0 && second >= GENTLE_S) {
        return true;
    }
    if (rate <= 0) {
        rate = (double)((uint64_t)GENTLE_PER_S << second);
    } else if (second < GENTLE_S) {
        rate = rate * (double)(second + 1) / GENTLE_S;
    }
    job->bucket.per_ms = rate / 1000;
    job->bucket.burst = MAX_OF(rate / 10, 1.0);
    return token_bucket_wait_ms(&job->bucket, now_ms) == 0;
}

static void remember(struct job *job, const rd_kafka_message_t *message, enum reason reason)
{
    struct pending *pending = mem_new(struct pending);

    pending->place.offset = message->offset;
    pending->place.partition = message->partition;
    pending->reason = (uint8_t)reason;
    HASH_ADD(hh, job->pending, place, sizeof(pending->place), pending);
}

static int64_t end_of(const struct job *job, int32_t partition)
{
    return partition >= 0 && (size_t)partition < job->parts.partitions ? job->parts.ends[partition]
                                                                       : 0;
}

/* True: it is to be delivered; else it is settled, or on its way to be. */
static bool choose(struct job *job, rd_kafka_message_t *message, struct source_partition *partition)
{
    struct record record;
    enum skip_reason skip;
    struct err err;

    record_of(message, &record);
    job->letter = record.letter;
    job->letter_of = message;
    if (replay_judge(job->parts.rules, &record, clock_wall_ms(), &skip, &err) != ERR_OK) {
        end(job, JOB_FAILED, err.text);
        job->real.release(message);
        return false;
    }
    if (skip == SKIP_PARKED) {
        copy_to(job, job->parts.parked_topic, message, partition);
        return false;
    }
    if (skip != SKIP_NONE) {
        settle_skipped(job, partition, partition->epoch, message->offset, skip);
        job->real.release(message);
        return false;
    }
    job->taken++;
    atomic_fetch_add(&job->counts.selected, 1);
    if (job->parts.to_topic != NULL) {
        copy_to(job, job->parts.to_topic, message, partition);
        return false;
    }
    remember(job, message, record.letter.known);
    return true;
}

/* Records behind the end came later: they are for another replay, and not settled by this one. */
static bool is_behind_end(struct job *job, const rd_kafka_message_t *message,
                          struct source_partition *partition)
{
    if (message->offset < end_of(job, message->partition)) {
        return false;
    }
    job->real.block(job->io, partition, BLOCK_END, true);
    return true;
}

static rd_kafka_message_t *poll(void *context, struct source_partition **partition)
{
    struct job *job = job_of(context);
    uint64_t now_ms = clock_mono_ms();

    for (int i = 0; i < POLLS_MAX && job_state(job) == JOB_RUNS; i++) {
        rd_kafka_message_t *message;

        if (!may_take(job, now_ms)) {
            break;
        }
        if (job->parts.limit > 0 && job->taken >= job->parts.limit) {
            if (job->pending == NULL && job->copies == 0) {
                end(job, JOB_LIMITED, "--limit");
            }
            break;
        }
        message = job->real.poll(context, partition);
        if (message == NULL) {
            return NULL;
        }
        if (is_behind_end(job, message, *partition)) {
            job->real.release(message);
        } else if (choose(job, message, *partition)) {
            (void)token_bucket_take(&job->bucket, now_ms);
            return message;
        }
    }
    job->real.serve(context);
    return NULL;
}

/* routing */

static void begin(void *context, rd_kafka_message_t *message, const struct event_view *view,
                  struct route_result *routes)
{
    struct job *job = context;

    if (job->letter_of != message) { /* it waited for its schema */
        dead_letter_read(job->real.headers(message), &job->letter);
        job->letter_of = message;
    }
    job->event_ms = view->facts.time_ms;
    job->now_ms = view->now_ms;
    job->left_out = SKIP_ELSEWHERE;
    replay_route(job->parts.rules, &job->letter, &job->way, routes);
}

static bool takes(void *context, const struct config_route *route, const struct config_leg *leg)
{
    struct job *job = context;
    uint64_t age_ms = job->now_ms > job->event_ms ? (uint64_t)(job->now_ms - job->event_ms) : 0;

    if (!replay_takes(job->parts.rules, &job->way, route, leg)) {
        return false;
    }
    if (leg->chain[0]->max_age_ms > 0 && age_ms > leg->chain[0]->max_age_ms) {
        job->left_out = SKIP_TOO_OLD;
        return false;
    }
    return true;
}

static void forget(struct job *job, int32_t partition, int64_t offset, struct pending **out)
{
    struct pending key = {.place = {offset, partition, 0}};

    HASH_FIND(hh, job->pending, &key.place, sizeof(key.place), *out);
    if (*out != NULL) {
        HASH_DEL(job->pending, *out);
    }
}

static void left_out(void *context, rd_kafka_message_t *message, struct source_partition *partition)
{
    struct job *job = context;
    struct pending *pending = NULL;

    forget(job, message->partition, message->offset, &pending);
    free(pending);
    atomic_fetch_sub(&job->counts.selected, 1);
    if (partition != NULL) {
        settle_skipped(job, partition, partition->epoch, message->offset, job->left_out);
    }
    job->real.release(message);
}

/* settling */

/* Of one reason: how many of the first ones fail again for the same. */
static void judge_futility(struct job *job, enum reason before, enum reason now)
{
    char why[WHY_BYTES];

    if (before == REASON_NONE || job->tried[before] >= FUTILE_FIRST) {
        return;
    }
    job->tried[before]++;
    job->failed[before] += now == before;
    if (job->failed[before] >= FUTILE_FAILED && !job->parts.is_persistent) {
        (void)snprintf(why, sizeof(why),
                       "of the first %u records with reason %s, %u failed again for the same; "
                       "--keep-going goes on",
                       job->tried[before], reason_word(before), job->failed[before]);
        end(job, JOB_FUTILE, why);
    }
}

static void count(struct job *job, const struct fate *fate, enum reason before)
{
    enum reason now = REASON_NONE;

    switch (fate->whole) {
    case FATE_DELIVERED:
        atomic_fetch_add(&job->counts.delivered, 1);
        break;
    case FATE_DIVERTED:
        atomic_fetch_add(&job->counts.diverted, 1);
        break;
    case FATE_DEAD_LETTERED:
        atomic_fetch_add(&job->counts.dead_lettered, 1);
        for (size_t i = 0; i < fate->leg_count; i++) {
            now =
                fate->legs[i].fate == FATE_DEAD_LETTERED ? (enum reason)fate->legs[i].reason : now;
        }
        break;
    case FATE_DROPPED:
        atomic_fetch_add(&job->counts.dropped, 1);
        break;
    case FATE_SKIPPED:
    case FATE_COUNT:
        break;
    }
    judge_futility(job, before, now);
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    struct job *job = job_of(context);
    struct pending *pending = NULL;

    forget(job, partition->partition, offset, &pending);
    if (pending != NULL && settled->fate != NO_FATE) {
        count(job, fates_get(job->fates, settled->fate), (enum reason)pending->reason);
    }
    free(pending);
    job->real.settle(context, partition, epoch, offset, settled);
}

/* ending */

static bool is_over(const struct job *job)
{
    size_t count = 0;
    struct source_partition *const *partitions = source_partitions(job->io->source, &count);

    for (size_t i = 0; i < count; i++) {
        if (partitions[i]->committed < end_of(job, partitions[i]->partition)) {
            return false;
        }
    }
    return count == job->parts.partitions;
}

static void commit(void *context, uint64_t now_ms)
{
    struct job *job = job_of(context);

    job->real.commit(context, now_ms);
    if (is_over(job)) {
        end(job, JOB_DONE, "");
    }
}

/* A dead letter seems to be the record it was. */
static void view(const rd_kafka_message_t *message, struct message_view *out)
{
    original_view(message, false, out);
    out->is_replayed = true;
}

static void view_utm(const rd_kafka_message_t *message, struct message_view *out)
{
    original_view(message, true, out);
    out->is_replayed = true;
}

static void install(void *context, struct io_real *io, struct intake *intake, struct fates *fates)
{
    struct job *job = context;

    job->real = io->table;
    job->io = io;
    job->fates = fates;
    io->job = job;
    io->table.poll = poll;
    io->table.settle = settle;
    io->table.commit = commit;
    if (!job->parts.rules->is_source) {
        io->table.view = job->parts.is_utm ? view_utm : view;
    }
    intake->choice =
        (struct leg_choice){.context = job, .begin = begin, .takes = takes, .left_out = left_out};
}

struct worker_job job_worker(struct job *job)
{
    return (struct worker_job){.context = job, .install = install};
}
