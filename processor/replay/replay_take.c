/* Which records of the topic come through, and how fast. */
#include "replay/replay_job_inside.h"

#include "base/clock.h"
#include "base/mem.h"
#include "replay/joined.h"

enum {
    POLLS_MAX = 1000,   /* records looked at in a turn */
    GENTLE_PER_S = 200, /* the first second without --rate; it doubles each second ... */
    GENTLE_S = 10,      /* ... until then */
    HELD_MS = 60000,    /* a record in parts waits so long for those before it */
};

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

static void remember(struct job *job, const rd_kafka_message_t *message, enum reason reason,
                     const struct whole *joined)
{
    struct pending *pending = mem_new(struct pending);

    pending->place.offset = message->offset;
    pending->place.partition = message->partition;
    pending->reason = (uint8_t)reason;
    pending->joined = *joined;
    HASH_ADD(hh, job->pending, place, sizeof(pending->place), pending);
}

/* True: @skip says nothing against @message; else it is settled, or on its way to be. */
static bool is_left(struct job *job, rd_kafka_message_t *message,
                    struct source_partition *partition, enum skip_reason skip)
{
    bool is_rest = job->letter.part > 1;

    if (skip == SKIP_PARKED) {
        job_copy(job, job->parts.parked_topic, message, partition, is_rest);
        return false;
    }
    if (skip == SKIP_NONE && is_rest && job->parts.to_topic == NULL) {
        skip = SKIP_NOT_SELECTED; /* the first part is the record */
    }
    if (skip != SKIP_NONE) {
        job_skip(job, partition, partition->epoch, message->offset, skip);
        job->real.release(message);
        return false;
    }
    if (!is_rest) {
        job->taken++;
        atomic_fetch_add(&job->counts.selected, 1);
    }
    if (job->parts.to_topic != NULL) {
        job_copy(job, job->parts.to_topic, message, partition, is_rest);
        return false;
    }
    return true;
}

/* Of a record in parts: make @message the record. False: it cannot be, and @message is settled. */
static bool join(struct job *job, rd_kafka_message_t *message, struct source_partition *partition,
                 struct whole *out)
{
    struct record record;
    struct err err;
    enum err_code rc;

    record_of(message, &record);
    rc = joined_make(job->parts.rules->config, &record, message, out, &err);
    if (rc == ERR_OK) {
        return true;
    }
    atomic_fetch_sub(&job->counts.selected, 1);
    if (rc == ERR_DATA || rc == ERR_LIMIT) {
        job_skip(job, partition, partition->epoch, message->offset, SKIP_IN_PARTS);
    } else {
        job_end(job, JOB_FAILED, err.text);
    }
    job->real.release(message);
    return false;
}

/* True: it is to be delivered; else it is settled, on its way to be, or held. */
static bool choose(struct job *job, rd_kafka_message_t *message, struct source_partition *partition)
{
    const struct whole none = {0};
    struct record record;
    enum skip_reason skip;
    struct err err;

    record_of(message, &record);
    job->letter = record.letter;
    job->letter_of = message;
    if (replay_judge(job->parts.rules, &record, clock_wall_ms(), &skip, &err) != ERR_OK) {
        job_end(job, JOB_FAILED, err.text);
        job->real.release(message);
        return false;
    }
    if (!is_left(job, message, partition, skip)) {
        return false;
    }
    if (record.letter.part_count > 0) {
        job->held = message;
        job->held_partition = partition;
        job->held_epoch = partition->epoch;
        job->held_ms = clock_mono_ms();
        return false;
    }
    remember(job, message, record.letter.known, &none);
    return true;
}

/* Its parts are looked for in the topic, for seconds perhaps: nothing should be on its way to a
 * destination meanwhile, whose answers would seem to be late. What was on its way of a partition
 * that went is never settled here: hence the bound. */
static rd_kafka_message_t *take_held(struct job *job, struct source_partition **partition)
{
    rd_kafka_message_t *message = job->held;
    struct whole joined;

    if ((job->pending != NULL || job->copies > 0) && clock_mono_ms() - job->held_ms < HELD_MS) {
        return NULL;
    }
    job->held = NULL;
    *partition = job->held_partition;
    if (job->held_epoch != job->held_partition->epoch) { /* it went, and comes again */
        atomic_fetch_sub(&job->counts.selected, 1);
        job->taken--;
        job->real.release(message);
        return NULL;
    }
    if (!join(job, message, *partition, &joined)) {
        return NULL;
    }
    dead_letter_read(job->real.headers(message), &job->letter);
    job->letter_of = message;
    remember(job, message, job->letter.known, &joined);
    return message;
}

/* Records behind the end came later: they are for another replay, and not settled by this one. */
static bool is_behind_end(struct job *job, const rd_kafka_message_t *message,
                          struct source_partition *partition)
{
    if (message->offset < job_end_of(job, message->partition)) {
        return false;
    }
    job->real.block(job->io, partition, BLOCK_END, true);
    return true;
}

rd_kafka_message_t *job_poll(void *context, struct source_partition **partition)
{
    struct job *job = job_of(context);
    uint64_t now_ms = clock_mono_ms();

    for (int i = 0; i < POLLS_MAX && job_state(job) == JOB_RUNS; i++) {
        rd_kafka_message_t *message;

        if (job->held != NULL) {
            message = take_held(job, partition);
            if (message == NULL) {
                break;
            }
            (void)token_bucket_take(&job->bucket, now_ms);
            return message;
        }
        if (!may_take(job, now_ms)) {
            break;
        }
        if (job->parts.limit > 0 && job->taken >= job->parts.limit) {
            if (job->pending == NULL && job->copies == 0) {
                job_end(job, JOB_LIMITED, "--limit");
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
