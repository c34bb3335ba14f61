#include "replay/replay_job_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/intake.h"
#include "recovery/original.h"

enum {
    FUTILE_FIRST = 50,  /* of one reason ... */
    FUTILE_FAILED = 45, /* ... so many failed again for it */
};

struct job *job_new(const struct job_parts *parts)
{
    struct job *job = mem_new(struct job);

    PRE(parts->partitions > 0);
    job->parts = *parts;
    job->began_ms = clock_mono_ms();
    token_bucket_init(&job->bucket, 1, 1, job->began_ms); /* its rate is set when it is asked */
    return job;
}

static void pending_free(struct pending *pending)
{
    if (pending != NULL) {
        whole_fini(&pending->joined);
        free(pending);
    }
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
        pending_free(pending);
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

void job_end(struct job *job, enum job_state state, const char *why)
{
    if (job_state(job) == JOB_RUNS) {
        (void)snprintf(job->why, sizeof(job->why), "%.*s", WHY_BYTES - 1, why);
        atomic_store(&job->state, (int)state);
    }
}

/* skipping */

void job_skip(struct job *job, struct source_partition *partition, uint64_t epoch, int64_t offset,
              enum skip_reason skip)
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
        job_skip(job, copy->partition, copy->epoch, copy->message->offset, SKIP_PARKED);
        return;
    }
    atomic_fetch_add(&job->counts.delivered, !copy->is_rest);
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
        job_end(job, JOB_FAILED, "the topic that it writes to refuses a record");
    }
    job->real.release(copy->message);
    rd_kafka_headers_destroy(request->headers);
    free(copy);
}

void job_copy(struct job *job, const char *topic, rd_kafka_message_t *message,
              struct source_partition *partition, bool is_rest)
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
                          .is_parked = topic == job->parts.parked_topic,
                          .is_rest = is_rest};
    job->copies++;
    job->real.produce(job->io, &copy->request);
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
    pending_free(pending);
    atomic_fetch_sub(&job->counts.selected, 1);
    if (partition != NULL) {
        job_skip(job, partition, partition->epoch, message->offset, job->left_out);
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
        job_end(job, JOB_FUTILE, why);
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
    pending_free(pending);
    job->real.settle(context, partition, epoch, offset, settled);
}

/* ending */

static bool is_over(const struct job *job)
{
    size_t count = 0;
    struct source_partition *const *partitions = source_partitions(job->io->source, &count);

    for (size_t i = 0; i < count; i++) {
        if (partitions[i]->committed < job_end_of(job, partitions[i]->partition)) {
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
        job_end(job, JOB_DONE, "");
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
    io->table.poll = job_poll;
    io->table.settle = settle;
    io->table.commit = commit;
    if (!job->parts.rules->is_source) {
        io->table.view = job->parts.is_utm ? view_utm : view;
    }
    intake->choice =
        (struct leg_choice){.context = job, .begin = begin, .takes = takes, .left_out = left_out};
}

static void release_held(void *context)
{
    struct job *job = context;

    if (job->held != NULL) {
        job->real.release(job->held);
        job->held = NULL;
    }
}

struct worker_job job_worker(struct job *job)
{
    return (struct worker_job){.context = job, .install = install, .release = release_held};
}
